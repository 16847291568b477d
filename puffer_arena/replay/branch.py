"""Going on from a frame of a replay: another player, other parameters, the same past.

    with replay.Replay("snake.mcap") as recorded:
        branch = replay.fork(recorded, step=120, row=0)
    with branch.batch as batch, replay.Writer(batch, "branch.mcap", parent=branch.parent):
        batch.step(...)

Rules alone go on from the stored state.  Physics is brought to the frame by playing its episode again, which is exact;
where that does not lead to the stored state, as on another kind of processor, the branch says that it is not.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from puffer_arena.batch.batch import Batch
from puffer_arena.batch.frame import Frame
from puffer_arena.batch.make import make
from puffer_arena.batch.saving.past import raw
from puffer_arena.core.fields import Array
from puffer_arena.errors import ParameterError
from puffer_arena.replay.reader import Replay, Start
from puffer_arena.replay.simulate import check_version, enter, enter_state, make_rows, read_actions, step


@dataclass
class Branch:
    """One row that stands where a replay's stood.

    Attributes:
        batch: it alone, made with `autoreset="disabled"` and `record=True`; the caller closes it.
        parent: what to give `Writer` as its parent.
        exact: whether its future is to the bit that of the recorded row, by the rules that it was recorded with.
    """

    batch: Batch
    parent: dict[str, Any]
    exact: bool


def fork(replay: Replay, at: int, row: int) -> Branch:
    """Return a row that stands as a recorded one after `at` steps.

    Args:
        replay: open.
        at: steps of the replay.
        row: of the batch that was recorded, one of `replay.header.rows`.

    Raises:
        FileError: the game is of another version, or the file is damaged.
        ParameterError: no such row or step.
    """
    check_version(replay, "going on from it")
    if row not in replay.header.rows:
        raise ParameterError(f"row {row} of {replay.what}; it has rows {replay.header.rows}")
    slot = replay.header.rows.index(row)
    stored = replay.stored(at)
    with make_rows(replay, [slot], record=True) as batch:
        exact = _bring(replay, batch, slot, at)
        if stored == at:
            frame = replay.frame(at)
            wanted = raw(frame.states[slot : slot + 1])[0]
            if (raw(batch.rows.states)[0] != wanted).any():
                exact = exact and replay.env.engine is None
                enter_state(batch, 0, frame.states[slot : slot + 1], frame.params[slot : slot + 1])
        snapshot = batch.snapshot(0)
    branch = make_rows(replay, [slot], autoreset="disabled", record=True)
    exact = branch.restore(0, snapshot) and exact and not replay.is_changed
    parent = {"file": replay.path.name, "step": int(at), "row": int(row), "exact": exact}
    return Branch(branch, parent, exact)


def fork_frame(env_id: str, made: Mapping[str, Any], frame: Frame, slot: int, title: str) -> Branch:
    """Return a row that stands as one does in a frame of what runs now.

    Rules alone go on to the bit.  Physics goes on from its bodies, without the contacts that its engine remembers, and
    is exact where an episode begins.

    Args:
        env_id: as `make` takes it.
        made: the parameters that the row was made with.
        frame: of a run or a game.
        slot: place of the row in the frame.
        title: of what it comes from.

    Raises:
        ArenaError: the game cannot be made.
    """
    batch = make(env_id, 1, autoreset="disabled", record=True, **made)
    try:
        enter_state(batch, 0, _clean(frame.states[slot : slot + 1]), _clean(frame.params[slot : slot + 1]))
    except BaseException:
        batch.close()
        raise
    exact = batch.env.engine is None or int(frame.states["step_count"][slot]) == 0
    parent = {"file": title, "step": int(frame.steps), "row": int(frame.rows[slot]), "exact": exact}
    return Branch(batch, parent, exact)


def _clean(records: Array) -> Array:
    """Return records, (1,), whose bytes between fields are 0: numpy's copies leave there whatever was."""
    clean = np.zeros(records.shape, records.dtype)
    for name in records.dtype.names or ():
        clean[name] = records[name]
    return clean


def _bring(replay: Replay, batch: Batch, slot: int, at: int) -> bool:
    """Bring row 0 to frame `at` from the nearest place where it is known; tell whether that is exact."""
    first, exact = _enter_before(replay, batch, slot, at)
    for number in range(replay.find_block(first), replay.find_block(max(at - 1, 0)) + 1):
        block = replay.block(number)
        starts = [start for start in replay.starts(number) if start.slot == slot]
        for t in range(max(first - block.first, 0), min(at - block.first, block.steps)):
            for start in starts:
                if start.step == block.first + t and (start.step > first or not start.snapshot):
                    exact = enter(replay, batch, 0, start)
            step(replay, batch, read_actions(replay.header, block, t)[slot : slot + 1])
    for start in replay.starts(replay.find_block(at)):  # what was written from outside at that very frame
        if start.slot == slot and start.step == at > first:
            exact = enter(replay, batch, 0, start)
    return exact


def _enter_before(replay: Replay, batch: Batch, slot: int, at: int) -> tuple[int, bool]:
    """Put row 0 where the recorded one is known, as late as possible up to frame `at`; return that frame, and whether
    it is exact there.
    """
    for number in range(replay.find_block(at), -1, -1):
        block = replay.block(number)
        snapshots = [s for s in replay.starts(number) if s.slot == slot and s.snapshot and s.step <= at]
        known = _known_frame(replay, number, slot, at)
        if snapshots and snapshots[-1].step >= known:
            last: Start = snapshots[-1]
            return last.step, enter(replay, batch, 0, last)
        if known >= 0:
            t = known - block.first
            states = block.states[t, slot].view(replay.state_dtype)
            params = block.params[t, slot].view(replay.params_dtype)
            replay.check(states, params)
            enter_state(batch, 0, states, params)
            return known, True
    raise ParameterError(f"{replay.what} does not say how row {replay.header.rows[slot]} began")


def _known_frame(replay: Replay, number: int, slot: int, at: int) -> int:
    """Return the last frame of a block up to `at` from which a row goes on exactly, -1 where there is none."""
    block = replay.block(number)
    stored = block.states[: max(at - block.first, 0) + 1, slot].reshape(-1).view(replay.state_dtype)
    if replay.env.engine is None:
        fits = np.arange(len(stored))
    else:  # an engine knows more than a state, but at an episode's beginning
        fits = np.flatnonzero((stored["step_count"] == 0) & (stored["ended"] == 0))
    return block.first + int(fits[-1]) if len(fits) else -1
