"""What a curriculum is told of once a rollout: episodes that ended, and rows that were shown in mid-episode."""

from typing import NamedTuple

import numpy as np

from puffer_arena.batch.batch import Batch
from puffer_arena.batch.saving.kept import Kept
from puffer_arena.batch.saving.past import raw
from puffer_arena.core.fields import Array


class Log(NamedTuple):
    """Episodes that ended since the curriculum was told, in the order of their ends, (room,) each.

    length   int64 (1,): how many there are
    steps    of the rollout
    rows     whose they were
    starts   what they began at
    records  `Batch.finished` of them as bytes, (room, bytes)
    """

    length: Array
    steps: Array
    rows: Array
    starts: Array
    records: Array


class Seen(NamedTuple):
    """Rows in mid-episode that were shown since the curriculum was told, (room,) each, and whose turn it is.

    turn    int64 (2,): steps since a row was shown, and the row whose turn it is
    length  int64 (3,): how many there are; of so many steps one is shown, 0 where none is shown here; in a step at most
    steps   of the rollout
    rows    their numbers
    states  as words, int64 (room, words)
    params  as bytes, (room, bytes)
    """

    turn: Array
    length: Array
    steps: Array
    rows: Array
    states: Array
    params: Array


def as_words(states: Array) -> Array:
    """Return states that are bytes, (k, bytes), as words: their header's numbers make them whole ones."""
    return states.view(np.int64)


class Endings:
    """Which episodes ended since the curriculum was told.

    Attributes:
        episodes: `Rows.episodes` as bytes.
        offset: of `Batch.finished` in a row's.
        log: the episodes; another one where it had to grow.
    """

    def __init__(self, batch: Batch) -> None:
        rows = batch.table.rows.episodes
        self._kind, self.offset = rows.dtype.fields["finished"][:2]
        self.episodes = raw(rows)
        self.log = self._make(2 * batch.num_envs)

    def _make(self, room: int) -> Log:
        steps, rows, starts = np.zeros((3, room), np.int64)
        return Log(np.zeros(1, np.int64), steps, rows, starts, np.zeros((room, self._kind.itemsize), np.uint8))

    @property
    def full(self) -> bool:
        """Whether there is no room for another."""
        return int(self.log.length[0]) == len(self.log.rows)

    def grow(self) -> None:
        """Have room for as many again."""
        log = self.log
        self.log = self._make(2 * len(log.rows))
        for array, before in zip(self.log, log, strict=True):
            array[: len(before)] = before

    def take(self) -> tuple[Array, Array, Array, Array]:
        """Return steps, rows, what they began at and records of the episodes, and forget them."""
        count, log = int(self.log.length[0]), self.log
        records = log.records[:count].copy().reshape(-1).view(self._kind)
        log.length[0] = 0
        return log.steps[:count].copy(), log.rows[:count].copy(), log.starts[:count].copy(), records


class Shown:
    """Rows that were shown in mid-episode since the curriculum was told.

    Args:
        batch: whose rows.
        every: of so many steps one is shown; 0 for none.
        turn: see `Seen`.
        copied: whether the compiled loop copies them (`hand.show`), as where they need no past and lie in this memory.

    Attributes:
        log: those that it copied; another one where it had to grow.
    """

    def __init__(self, batch: Batch, every: int, turn: Array, copied: bool) -> None:
        self._batch, self._every, self._turn = batch, every, turn
        self._most = min(batch.num_envs, batch.num_envs // every + 1) if every else 0  # in a step
        self._noted: list[tuple[Array, Array, Kept]] = []
        self.copies = copied and every > 0
        self.log = self._make(2 * self._most if self.copies else 0)

    def _make(self, room: int) -> Seen:
        rows = self._batch.table.rows
        states, params = (np.zeros((room, part.dtype.itemsize), np.uint8) for part in (rows.states, rows.params))
        length = np.array([0, self._every if self.copies else 0, self._most])
        steps, numbers = np.zeros((2, room), np.int64)
        return Seen(self._turn, length, steps, numbers, as_words(states), params)

    def grow(self) -> None:
        """Have room for as many again."""
        log = self.log
        self.log = self._make(2 * len(log.rows))
        self.log.length[0] = log.length[0]
        for array, before in zip(self.log[2:], log[2:], strict=True):
            array[: len(before)] = before

    def note(self, t: int, started: Array) -> None:
        """Keep some rows, each in its turn, but for those whose episodes began with step `t`."""
        turn, count = self._turn, len(started)
        chosen, turn[0] = divmod(int(turn[0]) + count, self._every)
        rows = (int(turn[1]) + np.arange(min(chosen, count))) % count
        turn[1] = (turn[1] + chosen) % count
        rows = rows[~started[rows]]
        if len(rows):
            self._noted.append((np.full(len(rows), t), rows, self._batch.keep(rows)))

    def take(self, before: int) -> list[tuple[Array, Array, Kept]]:
        """Return steps before one, the numbers of the rows shown after them and how these stood; forget all rows."""
        noted, log = [one for one in self._noted if one[0][0] < before], self.log
        count = int(np.searchsorted(log.steps[: log.length[0]], before))
        self._noted, log.length[0] = [], 0
        if count:
            kinds = self._batch.rows.states.dtype, self._batch.rows.params.dtype
            parts = log.states[:count], log.params[:count]
            kept = Kept(*(part.copy().reshape(-1).view(kind) for part, kind in zip(parts, kinds, strict=True)))
            noted.append((log.steps[:count].copy(), log.rows[:count].copy(), kept))
        return noted
