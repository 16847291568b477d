"""Whole rows at which episodes may begin: states in mid-episode, edited levels, levels that people have drawn.

Each has a serial number, which is never given again, and whose remainder by the number of places is its place: a task that
waits for its episode names it, and where the place was taken by another meanwhile, the episode begins at an ordinary level.
"""

import numpy as np

from puffer_arena.batch.batch import Batch
from puffer_arena.batch.saving.kept import Kept
from puffer_arena.batch.saving.past import Past, check_recorded, past_layout, raw, some
from puffer_arena.batch.saving.snapshot import check_params, check_states
from puffer_arena.core.fields import Array
from puffer_arena.errors import FileError
from puffer_arena.kernels.tables import Buffers

KEY = 1 << 40  # and a serial number: what names a kept row beside levels of the game's own, which are below


class Starts:
    """Rows in arrays that keep their size.

    Args:
        batch: of whose rows.
        capacity: rows at most.
        deepest: steps of an episode that are kept with a row where an engine moves its bodies, which brings it back to
            the bit; 0 where all rows are beginnings, from which an engine goes on exactly.

    Attributes:
        serials: int64 (capacity,), -1 where a place is free.
        exact: whether the rows' pasts are kept.
    """

    def __init__(self, batch: Batch, capacity: int, deepest: int = 0) -> None:
        rows = batch.rows
        self._batch, self._next = batch, np.zeros(1, np.int64)
        self.serials = np.full(capacity, -1, np.int64)
        self.states, self.params = np.zeros(capacity, rows.states.dtype), np.zeros(capacity, rows.params.dtype)
        self._all = Kept(self.states, self.params)
        self.exact = bool(deepest) and batch.recorder is not None and bool(batch.env.engine)
        kept = past_layout(batch.table) if self.exact else {}
        shape, dtype = kept.get("actions", ((), np.dtype(np.uint8)))
        count = capacity if self.exact else 0
        self._first, self._then = np.zeros(count, rows.states.dtype), np.zeros(count, rows.params.dtype)
        self._steps, self._actions = np.zeros(count, np.int64), np.zeros((count, deepest, *shape), dtype)

    @property
    def bytes(self) -> tuple[Array, Array]:
        """States and parameters as bytes, (capacity, bytes) each, the same memory."""
        return self._all.bytes

    @property
    def filled(self) -> Array:
        """Which places are taken, bool (capacity,)."""
        return self.serials >= 0

    def find(self, serials: Array) -> Array:
        """Return the places of rows by their serial numbers, -1 for those that are not here."""
        if not len(self.serials):
            return np.full(len(serials), -1)
        places = serials % len(self.serials)
        return np.where((self.serials[places] == serials) & (serials >= 0), places, -1)

    def find_entering(self, rows: Array, present: Array, weights: Array) -> tuple[Array, Array]:
        """Return which of some rows, (k,), begin here, and where; those whose places were taken begin at their levels.

        Args:
            rows: that have just begun.
            present, weights: see `Entrances`, written where a place was taken.
        """
        kept = rows[present[rows] >= 0]
        places = self.find(present[kept])
        gone = kept[places < 0]
        present[gone], weights[gone] = -1, 1.0
        return kept[places >= 0], places[places >= 0]

    def holds(self, kept: Kept, k: int) -> bool:
        """Tell whether there is room for the k-th of some rows: for its past, that is."""
        if not self.exact or kept.past is None:
            return True
        past = kept.past
        return bool(past.steps[k] <= self._actions.shape[1] and k not in past.changes["row"])

    def put(self, place: int, kept: Kept, k: int) -> int:
        """Keep the k-th of some rows, which this has room for, in a place, and return its serial number."""
        for own, others in zip(self._all.bytes, kept.bytes, strict=True):
            own[place] = others[k]
        if self.exact and kept.past is not None:
            past = kept.past.one(k)
            raw(self._first)[place], raw(self._then)[place] = raw(past.starts)[0], raw(past.params)[0]
            self._steps[place] = past.steps[0]
            self._actions[place, : past.steps[0]] = past.actions
        self.serials[place] = serial = int(self._next[0]) * len(self.serials) + place
        self._next += 1
        return serial

    def put_all(self, places: Array, kept: Kept, which: Array) -> None:
        """Keep some rows without pasts, `which` of `kept`, (k,), in places; a place may come again, and has the last then."""
        for own, others in zip(self._all.bytes, kept.bytes, strict=True):
            own[places] = others[which]
        self.serials[places] = (self._next[0] + np.arange(len(places))) * len(self.serials) + places
        self._next += len(places)

    def at(self, places: Array) -> Kept:
        """Return rows by their places, (k,)."""
        if not self.exact:
            return Kept(some(self.states, places), some(self.params, places))
        actions = [self._actions[place, : self._steps[place]] for place in places]
        changes = np.zeros(0, past_layout(self._batch.table)["changes"][1])
        first, then = some(self._first, places), some(self._then, places)
        past = Past(first, then, self._steps[places], np.concatenate(actions), changes)
        return Kept(some(self.states, places), some(self.params, places), past)

    def enter(self, rows: Array, places: Array, out: Buffers) -> None:
        """Let the episodes that have just begun in some rows, (k,), begin here."""
        limits = self._limits(rows, places)
        if self.exact:
            self._batch.place(rows, self.at(places), out, None, limits)
        else:
            self._batch.place(rows, self._all, out, places, limits)

    @property
    def longest(self) -> int:
        """The largest time limit that there is, where the environment has one."""
        env, name = self._batch.env, self._batch.env.time_limit
        if name in env.dimensions:
            return int(getattr(self._batch.param_values, name))
        return int(env.parameters[name].high)

    def _limits(self, rows: Array, places: Array) -> Array | None:
        """Return how long episodes may last that go on from mid-episode: from there as long as one that begins at a level.

        Their row's time limit is that of its task and the steps that lie behind them, from the past's beginning on: what
        is kept of such an episode in its turn was played with one limit.
        """
        name, behind = self._batch.env.time_limit, self.states["step_count"][places]
        if name not in self._batch.env.parameters:
            return None
        task = self._batch.rows.params[name][rows].astype(np.int64)
        return np.asarray(np.where(behind > 0, np.minimum(task + behind, self.longest), self.params[name][places]))

    def state(self) -> dict[str, Array]:
        """Return all its arrays, as bytes where they are records."""
        records = {"states": self.states, "params": self.params}
        if self.exact:
            records |= {"first": self._first, "then": self._then}
        found = {name: raw(array) for name, array in records.items()}
        past = {"steps": self._steps, "actions": self._actions} if self.exact else {}
        return {"next": self._next, "serials": self.serials, **found, **past}

    def check(self, what: str) -> None:
        """Check what a checkpoint wrote into the arrays, before a rule runs on it.

        Raises:
            FileError: a row that cannot be.
        """
        batch, filled = self._batch, self.filled
        try:
            count, given = len(self.serials), self.serials[filled]
            if (given // count >= self._next).any() or (given % count != np.flatnonzero(filled)).any():
                raise FileError("serial numbers that were not given")
            check_states(batch.env, batch.param_values, self.states[filled])
            check_params(batch.env, batch.param_values, self.params[filled])
            if self.exact:
                if ((self._steps < 0) | (self._steps > self._actions.shape[1])).any():
                    raise FileError(f"steps that are not 0 to {self._actions.shape[1]}")
                check_states(batch.env, batch.param_values, self._first[filled])
                check_params(batch.env, batch.param_values, self._then[filled])
                check_recorded(batch.table, self._actions[filled].reshape(-1, *self._actions.shape[2:]))
        except FileError as error:
            raise FileError(f"{what}: of the rows that its curriculum keeps, {error}") from None
