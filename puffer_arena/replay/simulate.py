"""Playing a replay's steps again in a batch of its own."""

from collections.abc import Sequence

import numpy as np

from puffer_arena.batch.batch import Batch
from puffer_arena.batch.make import make
from puffer_arena.batch.saving.past import raw
from puffer_arena.batch.settings import SPLITS
from puffer_arena.core.fields import Array
from puffer_arena.errors import ActionError, FileError
from puffer_arena.replay.block import Block
from puffer_arena.replay.header import Header
from puffer_arena.replay.reader import Replay, Start


def check_version(replay: Replay, what: str) -> None:
    """Check that the game can be played again: its rules are here, and of the version that was recorded.

    Raises:
        ParameterError: it is another library's, whose rows cannot be put back.
        FileError: it is another version, whose rules may differ.
    """
    replay.env.check_own(what)
    if replay.header.version != replay.env.version:
        raise FileError(
            f"{replay.what} is of '{replay.env.name}' version {replay.header.version}, here is version {replay.env.version}: "
            f"{what} needs the version that it was recorded with; it can still be shown"
        )


def make_rows(replay: Replay, slots: Sequence[int], *, autoreset: str = "", record: bool = False) -> Batch:
    """Make a batch with a row for each of some recorded rows, which go on after episodes as those did.

    Raises:
        ArenaError: the game cannot be made.
    """
    split, num_levels = replay.header.plan
    mode = autoreset or replay.header.autoreset
    return make(
        replay.env_id,
        len(slots),
        split=SPLITS[split],
        num_levels=num_levels,
        autoreset=mode,
        record=record,
        **replay.header.params,
    )


def read_actions(header: Header, block: Block, t: int) -> Array:
    """Return the actions of step `t` of a block, as `Batch.step` takes them."""
    flat = np.ascontiguousarray(block.actions[t]).reshape(-1)
    return flat.view(header.action_dtype).reshape(len(header.rows), *header.action_shape)


def step(replay: Replay, batch: Batch, actions: Array) -> None:
    """Step the rows.

    Raises:
        FileError: the recorded actions are none of the game's.
    """
    try:
        batch.step(actions)
    except ActionError as error:
        raise FileError(f"{replay.what} is damaged: {error}") from None


def enter(replay: Replay, batch: Batch, row: int, start: Start) -> bool:
    """Write into a row what was written into the recorded one; tell whether it is now to the bit what that was.

    Raises:
        FileError: the snapshot is damaged.
    """
    if start.snapshot:
        try:
            return batch.restore(row, start.snapshot)
        except FileError as error:
            raise FileError(f"{replay.what}, step {start.step}: {error}") from None
    params, following, level = replay.settings(start)
    raw(batch.rows.params)[row], raw(batch.rows.following)[row] = raw(params)[0], raw(following)[0]
    batch.rows.levels[row] = level
    return True


def enter_state(batch: Batch, row: int, state: Array, params: Array) -> None:
    """Write a stored state, (1,), and its parameters into a row, whose engine goes on from its bodies."""
    raw(batch.rows.states)[row], raw(batch.rows.params)[row] = raw(state)[0], raw(params)[0]
    which = np.zeros(batch.num_envs, np.bool_)
    which[row] = True
    batch.adopt(which)
    batch.look(which)
