"""Whether a replay is true: its steps are simulated again, from its starts with its actions, and compared to the bit."""

import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from puffer_arena.batch.batch import Batch
from puffer_arena.batch.saving.past import raw
from puffer_arena.core.fields import Array
from puffer_arena.errors import shown
from puffer_arena.replay.block import TERMINATED, TRUNCATED, Block
from puffer_arena.replay.header import processor
from puffer_arena.replay.reader import Replay
from puffer_arena.replay.simulate import check_version, enter, enter_state, make_rows, read_actions, step


@dataclass(frozen=True)
class Difference:
    """The first thing that played differently.

    Attributes:
        episode: which of the row's in the file, from 1.
        step: of the replay: it differs after so many steps.
        row: of the batch that was recorded.
        field: of the state, or "reward", "terminated" or "truncated"; several with commas between them where only
            some states are stored.
        recorded, found: what was stored, and what it is now; "" where the state of that step was not stored.
    """

    episode: int
    step: int
    row: int
    field: str
    recorded: str
    found: str


@dataclass(frozen=True)
class Report:
    """What `verify` found.

    Attributes:
        path: the file.
        steps, rows: how many were simulated.
        unknown: steps of single rows that nobody can play again: physics whose recording began in mid-episode.
        difference: the first, or None.
        note: what may explain it.
    """

    path: Path
    steps: int
    rows: int
    unknown: int
    difference: Difference | None
    note: str = ""

    def __str__(self) -> str:
        if self.difference is None:
            left_out = f" ({self.unknown} steps of rows in mid-episode left out)" if self.unknown else ""
            return f"{self.path}: {self.steps} steps of {self.rows} rows play the same{left_out}"
        found = self.difference
        values = f" was {found.recorded}, is {found.found}" if found.recorded else ""
        return (
            f"{self.path}: episode {found.episode} of row {found.row} differs after step {found.step}: "
            f"{found.field}{values}{self.note}"
        )


def verify(path: str | Path, env: str = "") -> Report:
    """Simulate a replay again and compare every step.

    Args:
        path: the file.
        env: the game as the person names it; see `Replay`.

    Raises:
        FileError: it cannot be read, or is of another version of the game.
    """
    with Replay(path, env) as replay:
        check_version(replay, "verifying")
        slots = range(len(replay.header.rows))
        with make_rows(replay, slots) as batch:
            check = _Check(replay, batch)
            for number in range(replay.blocks):
                if check.run(number):
                    break
            check.finish()
        note = ""
        if check.difference is not None:
            if replay.is_changed:
                note = "; the game's source has changed since"
            elif replay.header.machine != processor():
                note = f"; it was recorded on {replay.header.machine}, this is {processor()}"
        return Report(replay.path, check.steps, len(slots), check.unknown, check.difference, note)


class _Check:
    """A replay and the rows that play it again."""

    def __init__(self, replay: Replay, batch: Batch) -> None:
        self.replay, self.batch = replay, batch
        count = len(replay.header.rows)
        self.hashes = [0] * count
        self.exact = np.zeros(count, np.bool_)  # whose rows are to the bit what was recorded
        self.steps = self.unknown = 0
        self.difference: Difference | None = None
        self._suspect: tuple[int, int] | None = None  # step and slot of states that differ but are not stored
        self._states = raw(batch.rows.states)

    def run(self, number: int) -> bool:
        """Play a block; tell whether a difference was found."""
        replay, block = self.replay, self.replay.block(number)
        starts: dict[int, list[Any]] = {}
        for start in replay.starts(number):
            starts.setdefault(start.step - block.first, []).append(start)
        if self._suspect is not None:
            self._name_suspect(block.states[0])
            return True
        for t in range(block.steps):
            for start in starts.get(t, ()):
                exact = enter(replay, self.batch, start.slot, start)
                if start.snapshot:
                    self.exact[start.slot], self.hashes[start.slot] = exact, 0
            step(replay, self.batch, read_actions(replay.header, block, t))
            self.steps += 1
            written = {start.slot for start in starts.get(t + 1, ()) if start.snapshot}
            if self._suspect is None and self._compare(block, t, written):
                return True
        return False

    def _compare(self, block: Block, t: int, written: set[int]) -> bool:
        """Compare all rows after step `t` of a block.

        Args:
            written: slots whose stored state is not what the step led to: it was written from outside afterwards.
        """
        batch, count = self.batch, len(self.hashes)
        rewards = batch.rewards.reshape(count, -1)
        ends = (batch.terminated * TERMINATED + batch.truncated * TRUNCATED).reshape(count, -1)
        wrong = (rewards != block.rewards[t]).any(axis=1) | (ends != block.ends[t]).any(axis=1)
        for slot in range(count):
            if not self.exact[slot]:
                self._catch_up(block, t, slot)
                continue
            self.hashes[slot] = zlib.crc32(self._states[slot], self.hashes[slot])
            if not wrong[slot] and self.hashes[slot] == block.hashes[t, slot]:
                continue
            if not self._name(block, t, slot, rewards[slot], ends[slot], slot in written):
                self._suspect = block.first + t + 1, slot
            return self.difference is not None
        return False

    def _catch_up(self, block: Block, t: int, slot: int) -> None:
        """Let a row that is only close begin exactly where a stored episode begins."""
        self.unknown += 1
        if len(block.states) < 2:
            return
        stored = block.states[t + 1, slot].view(self.replay.state_dtype)
        if int(stored["step_count"][0]) == 0 and not stored["ended"][0]:
            params = block.params[t + 1, slot].view(self.replay.params_dtype)
            self.replay.check(stored, params)
            enter_state(self.batch, slot, stored, params)
            self.exact[slot], self.hashes[slot] = True, int(block.hashes[t, slot])

    def _name(self, block: Block, t: int, slot: int, rewards: Array, ends: Array, written: bool) -> bool:
        """Name what differs in a row after a step; tell whether that can be said."""
        at = block.first + t + 1
        if len(block.states) > 1 and not written:
            stored = block.states[t + 1, slot].view(self.replay.state_dtype)
            if fields := differing(stored, self.batch.rows.states[slot : slot + 1]):
                name = fields[0]
                return self._found(at, slot, name, stored[name][0], self.batch.rows.states[name][slot])
        if (rewards != block.rewards[t, slot]).any():
            return self._found(at, slot, "reward", block.rewards[t, slot], rewards)
        for name, bit in (("terminated", TERMINATED), ("truncated", TRUNCATED)):
            then, now = (block.ends[t, slot] & bit) > 0, (ends & bit) > 0
            if (then != now).any():
                return self._found(at, slot, name, then, now)
        if written:
            return self._found(at, slot, "state", "", "")
        return False

    def _name_suspect(self, states: Array) -> None:
        """Name by the next key frame what has differed for some steps."""
        assert self._suspect is not None  # the caller looked
        at, slot = self._suspect
        stored = states[slot].view(self.replay.state_dtype)
        fields = differing(stored, self.batch.rows.states[slot : slot + 1])
        self._found(at, slot, ", ".join(fields) or "state", "", "")

    def finish(self) -> None:
        """Name a difference that no key frame came after."""
        if self._suspect is not None and self.difference is None:
            self._found(*self._suspect, "state", "", "")

    def _found(self, step: int, slot: int, field: str, recorded: Any, found: Any) -> bool:
        mine = [episode for episode in self.replay.episodes if episode.slot == slot]
        number = next((k for k, episode in enumerate(mine, 1) if episode.first < step <= episode.last), len(mine))
        row = self.replay.header.rows[slot]
        self.difference = Difference(number, step, row, field, _text(recorded), _text(found))
        return True


def differing(a: Array, b: Array) -> list[str]:
    """Return the fields whose bytes differ between two records, each (1,)."""
    return [name for name in a.dtype.names or () if a[name].tobytes() != b[name].tobytes()]


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    array = np.asarray(value)
    plain = array.item() if array.size == 1 else array.tolist()
    return shown(plain)
