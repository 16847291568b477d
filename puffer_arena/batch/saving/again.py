"""Playing recorded episodes again, which brings their rows back to the bit."""

from collections.abc import Callable

import numpy as np

from puffer_arena.batch.saving.past import Past, raw
from puffer_arena.batch.saving.recorder import Recorder
from puffer_arena.batch.stepper import Stepper
from puffer_arena.batch.table import Table
from puffer_arena.core.fields import Array
from puffer_arena.kernels.step import DISABLED


def bring_back(table: Table, stepper: Stepper, recorder: Recorder | None, span: slice, past: Past) -> Array:
    """Go on from the rows of `span`, whose data were written from outside, as if they had been played up to here.

    A row that its past does not lead to, as after a change of the engine or the processor, goes on from its data
    alone: its bodies are taken over as after a reset, which is close.

    Returns:
        Which rows are back to the bit, (rows,).
    """
    rows = table.rows
    states, params = raw(rows.states[span]).copy(), raw(rows.params[span]).copy()
    play_again(table, stepper, span, past)
    if recorder:
        recorder.take_over(span, past)
    arrived = np.asarray((raw(rows.states[span]) == states).all(axis=1))
    raw(rows.params[span])[:] = params
    if not arrived.all():
        raw(rows.states[span])[~arrived] = states[~arrived]
        which = np.zeros(table.num_envs, np.bool_)
        which[span] = ~arrived
        if stepper.worlds:
            stepper.worlds.adopt(which)
        if recorder:
            recorder.begin(which)
        stepper.look(which)
    return arrived


def play_again(
    table: Table, stepper: Stepper, span: slice, past: Past, before: Callable[[], None] | None = None
) -> None:
    """Bring the rows of `span` to where their past leads, all at once; statistics stay, buffers follow.

    Args:
        table, stepper, span, past: the rows, and what leads to them.
        before: called before each step.
    """
    rows = table.rows
    states, params = rows.states[span], raw(rows.params[span])
    statistics = rows.episodes[span].copy()
    which = table.flags(span)
    raw(states)[:], params[:] = raw(past.starts), raw(past.params)
    if stepper.worlds:
        stepper.worlds.adopt(which)
    longest, first = int(past.steps.max()), np.cumsum(past.steps) - past.steps
    waits = longest - past.steps  # all end together: a short episode waits for its turn, resting as one that has ended
    states["ended"][waits > 0] = 1
    turns, changes = by_step(waits), by_step(past.changes["step"] + waits[past.changes["row"]])
    scratch, actions = table.make_buffers(), np.zeros_like(table.actions)
    some = None if which.all() else span
    for t in range(longest):
        if t in turns:
            states["ended"][turns[t]] = 0
        if t in changes:
            changed = past.changes[changes[t]]
            params[changed["row"]] = changed["params"]
        actions[span] = past.actions[np.maximum(first + t - waits, 0)]
        if before is not None:
            before()
        stepper.step(actions, scratch, DISABLED, some)
    states["ended"][past.steps == 0] = past.starts["ended"][past.steps == 0]
    rows.episodes[span] = statistics
    for name, array in scratch._asdict().items():
        getattr(table.buffers, name)[span] = array[span]
    stepper.look(which)


def by_step(steps: Array) -> dict[int, Array]:
    """Return for every step that occurs where it does."""
    return {step: np.flatnonzero(steps == step) for step in np.unique(steps).tolist()}
