"""Whole rows at which episodes may begin: states in mid-episode, edited levels, levels that people have drawn.

Each has a serial number, which is never given again: a task that waits for its episode names it, and where the place was
taken by another meanwhile, the episode begins at an ordinary level.
"""

import numpy as np

from puffer_arena.batch.batch import Batch
from puffer_arena.batch.saving.kept import Kept
from puffer_arena.batch.saving.past import Past, check_recorded, past_layout, raw, some
from puffer_arena.batch.saving.snapshot import check_params, check_states
from puffer_arena.core.fields import Array
from puffer_arena.errors import FileError
from puffer_arena.kernels.tables import Buffers
from puffer_arena.machine.loops import kernel

KEY = 1 << 40  # and a serial number: what names a kept row beside levels of the game's own, which are below


@kernel
def find_places(
    entering: Array, present: Array, weights: Array, serials: Array, known: Array, order: Array, found: Array
) -> int:
    """Find the kept rows that some rows are to begin at; those whose places were taken begin at their levels.

    Args:
        entering: rows, (k,).
        present, weights: see `Entrances`, (num_envs,).
        serials: of the kept rows, (capacity,).
        known, order: the same when they were last sorted, and the order that sorted them.
        found: this writes rows and their places here, (2, k).

    Returns:
        How many were found; -1 where `order` is not that of `serials`.
    """
    for place in range(len(serials)):
        if serials[place] != known[place]:
            return -1
    count = 0
    for i in entering:
        if present[i] < 0:  # at a level, or at a drawn one
            continue
        low, high = 0, len(order)
        while low < high:
            middle = (low + high) // 2
            if serials[order[middle]] < present[i]:
                low = middle + 1
            else:
                high = middle
        if low < len(order) and serials[order[low]] == present[i]:
            found[0, count], found[1, count] = i, order[low]
            count += 1
        else:
            present[i], weights[i] = -1, 1.0
    return count


@kernel
def limit_rows(rows: Array, places: Array, behind: Array, task: Array, kept: Array, most: float, limits: Array) -> None:
    """Write how long episodes may last that go on from kept rows; see `Starts._limits`.

    Args:
        rows, places: the rows, and where what they go on from is kept, (k,).
        behind: steps that lie behind each kept row, (capacity,).
        task, kept: time limits of the rows' tasks, (num_envs,), and of the kept rows, (capacity,).
        most: the largest limit that there is.
        limits: written, (k,).
    """
    for k in range(len(rows)):
        steps = behind[places[k]]
        limits[k] = min(task[rows[k]] + steps, most) if steps > 0 else kept[places[k]]


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
        self._known, self._order = self.serials.copy(), np.arange(capacity)  # for `find`
        self.exact = bool(deepest) and batch.recorder is not None and bool(batch.env.engine)
        kept = past_layout(batch.table) if self.exact else {}
        shape, dtype = kept.get("actions", ((), np.dtype(np.uint8)))
        count = capacity if self.exact else 0
        self._first, self._then = np.zeros(count, rows.states.dtype), np.zeros(count, rows.params.dtype)
        self._steps, self._actions = np.zeros(count, np.int64), np.zeros((count, deepest, *shape), dtype)

    @property
    def filled(self) -> Array:
        """Which places are taken, bool (capacity,)."""
        return self.serials >= 0

    def find(self, serials: Array) -> Array:
        """Return the places of rows by their serial numbers, -1 for those that are not here."""
        if not len(self.serials):
            return np.full(len(serials), -1)
        self._sort()
        order = self._order
        place = order[np.minimum(np.searchsorted(self.serials, serials, sorter=order), len(order) - 1)]
        return np.where((self.serials[place] == serials) & (serials >= 0), place, -1)

    def _sort(self) -> None:
        if not np.array_equal(self._known, self.serials):
            self._known[:] = self.serials
            self._order[:] = np.argsort(self.serials, kind="stable")

    def find_entering(self, rows: Array, present: Array, weights: Array) -> tuple[Array, Array]:
        """Return which of some rows begin here, and where; see `find_places`."""
        found = np.empty((2, len(rows)), np.int64)
        given = rows, present, weights, self.serials, self._known, self._order, found
        count = find_places(*given)
        if count < 0:
            self._sort()
            count = find_places(*given)
        return found[0, :count], found[1, :count]

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
        self.serials[place] = serial = int(self._next[0])
        self._next += 1
        return serial

    def put_all(self, places: Array, kept: Kept, which: Array) -> None:
        """Keep some rows without pasts, `which` of `kept`, (k,), in places; a place may come again, and has the last then."""
        for own, others in zip(self._all.bytes, kept.bytes, strict=True):
            own[places] = others[which]
        self.serials[places] = self._next[0] + np.arange(len(places))
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

    def _limits(self, rows: Array, places: Array) -> Array | None:
        """Return how long episodes may last that go on from mid-episode: from there as long as one that begins at a level.

        Their row's time limit is that of its task and the steps that lie behind them, from the past's beginning on: what
        is kept of such an episode in its turn was played with one limit.
        """
        env, name = self._batch.env, self._batch.env.time_limit
        if name not in env.parameters:
            return None
        task, kept, limits = self._batch.rows.params[name], self.params[name], np.empty(len(rows))
        most = getattr(self._batch.param_values, name) if name in env.dimensions else env.parameters[name].high
        limit_rows(rows, places, self.states["step_count"], task, kept, float(most), limits)
        return limits

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
            if (self.serials >= self._next).any() or len(np.unique(self.serials[filled])) < filled.sum():
                raise FileError("serial numbers that were not given, or twice")
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
