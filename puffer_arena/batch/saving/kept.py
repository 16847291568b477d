"""Whole rows that are kept in memory, so that episodes may begin there: a curriculum's states, levels that people draw."""

from typing import NamedTuple

import numpy as np

from puffer_arena.batch.saving.again import bring_back
from puffer_arena.batch.saving.past import Past, raw, some
from puffer_arena.batch.saving.recorder import Recorder
from puffer_arena.batch.stepper import Stepper
from puffer_arena.batch.table import Table
from puffer_arena.core.fields import Array
from puffer_arena.kernels.tables import Buffers

OWN = ("row_key", "episode")  # of the header: they stay the row's, whose levels would else repeat another row's


class Kept(NamedTuple):
    """Some rows.

    states  as they stood, (k,)
    params  in force then, (k,)
    past    how they came to be so, where an engine moves bodies and a batch records; else None
    """

    states: Array
    params: Array
    past: Past | None = None


def keep_rows(table: Table, recorder: Recorder | None, rows: Array) -> Kept:
    """Return copies of some rows, (k,)."""
    held = table.rows
    states, params = some(held.states, rows), some(held.params, rows)
    return Kept(states, params, recorder.past(rows) if recorder is not None and table.env.engine else None)


def place_rows(
    table: Table, stepper: Stepper, recorder: Recorder | None, rows: Array, kept: Kept, out: Buffers
) -> None:
    """Let some rows, (k,), whose episodes have just begun, begin as others stood; what they see goes into `out`."""
    held, states = table.rows, some(kept.states, np.arange(len(rows)))
    for name in OWN:
        states[name] = held.states[name][rows]
    raw(held.states)[rows], raw(held.params)[rows] = raw(states), raw(kept.params)
    which = np.zeros(table.num_envs, np.bool_)
    which[rows] = True
    if kept.past is not None:
        for k, i in enumerate(rows.tolist()):
            past = kept.past.one(k)
            for name in OWN:
                past.starts[name] = states[name][k]
            bring_back(table, stepper, recorder, slice(i, i + 1), past)
    else:
        if stepper.worlds:
            stepper.worlds.adopt(which)
        if recorder:
            recorder.begin(which)
    stepper.look(which, out)
    out.began[which] = True
