"""What `Batch.rewind` needs: how each row's episode began, and every action and parameter since."""

from typing import TYPE_CHECKING

import numpy as np

from puffer_arena.core.errors import ParameterError
from puffer_arena.core.fields import Array
from puffer_arena.core.kernel import DISABLED

if TYPE_CHECKING:
    from puffer_arena.batch.batch import Batch


class Recorder:
    """Keeps the starts and the actions of a batch's running episodes.

    The actions of row `i` lie at `[i, k]`, k steps after its start, so that a row which was rewound writes over
    what it undid.
    """

    def __init__(self, batch: "Batch") -> None:
        self._batch = batch
        rows = batch.rows
        self._starts = raw(rows.states).copy()
        self._params = raw(rows.params).copy()  # in force at the start
        self._changes: list[dict[int, Array]] = [{} for _ in rows.states]  # step -> parameters from then on
        self._seen = raw(rows.params).copy()
        self._actions = np.zeros((len(rows.states), 64, *batch.actions.shape[1:]), batch.actions.dtype)
        self._every = np.arange(len(rows.states))
        self.look()

    def note(self, actions: Array) -> None:
        """Keep the actions of the step to come."""
        rows = self._batch.rows
        at = rows.states["step_count"]
        if at.max() >= self._actions.shape[1]:
            more = np.zeros_like(self._actions)
            self._actions = np.concatenate([self._actions, more], axis=1)
        self._actions[self._every, at] = actions
        params = raw(rows.params)
        if (params != self._seen).any():
            for i in np.flatnonzero((params != self._seen).any(axis=1)):
                self._changes[i][int(at[i])] = params[i].copy()
            self._seen[:] = params

    def look(self) -> None:
        """Keep the starts of the episodes that have just begun."""
        rows = self._batch.rows
        began = (rows.states["step_count"] == 0) & (rows.states["ended"] == 0)
        if began.any():
            self._starts[began] = raw(rows.states)[began]
            self._params[began] = self._seen[began] = raw(rows.params)[began]
            for i in np.flatnonzero(began):
                self._changes[i].clear()

    def rewind(self, i: int, step: int) -> None:
        """Put row `i` back to how it was after `step` steps."""
        batch, rows = self._batch, self._batch.rows
        taken = int(rows.states["step_count"][i])
        if isinstance(step, bool) or not isinstance(step, int | np.integer) or not 0 <= step <= taken:
            raise ParameterError(f"step = {step!r}; row {i} can be rewound to steps 0 to {taken} of its episode")
        only = np.zeros(batch.num_envs, np.bool_)
        only[i] = True
        statistics = rows.finished[i].copy(), rows.totals[i].copy()
        raw(rows.states)[i], raw(rows.params)[i] = self._starts[i], self._params[i]
        batch.adopt(only)
        scratch, actions = batch.make_buffers(), np.zeros_like(batch.actions)
        changes = self._changes[i]
        for k in range(step):
            if k in changes:
                raw(rows.params)[i] = changes[k]
            actions[i] = self._actions[i, k]
            batch.step_row(i, actions, scratch, DISABLED)
        rows.finished[i], rows.totals[i] = statistics
        for name, array in scratch._asdict().items():
            getattr(batch.buffers, name)[i] = array[i]
        batch.look(only)
        self._seen[i] = raw(rows.params)[i]
        self._changes[i] = {k: change for k, change in changes.items() if k < step}


def raw(rows: Array) -> Array:
    """Return records as bytes, shape (rows, bytes): copies of records leave out what lies between their fields."""
    return rows.view(np.uint8).reshape(len(rows), rows.dtype.itemsize)
