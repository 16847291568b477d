"""What `rewind` needs, and a checkpoint of physics: how each row's episode began, and every action and parameter since."""

import numpy as np

from puffer_arena.batch.saving.past import Past, past_layout, raw
from puffer_arena.batch.table import Table
from puffer_arena.core.fields import Array
from puffer_arena.errors import ParameterError

FIRST_STEPS = 64  # room for actions at first; it doubles up to the longest episode


class Recorder:
    """Keeps the past of a table's running episodes.

    The actions of row `i` lie at `[i, k]`, k steps after its start, so that a row which was rewound writes over
    what it undid.
    """

    def __init__(self, table: Table) -> None:
        self._table = table
        rows, layout = table.rows, past_layout(table)
        self._layout = layout
        self._now, self._in_force = raw(rows.states), raw(rows.params)
        self._count, self._ended = rows.states["step_count"], rows.states["ended"]
        self._starts, self._params = self._now.copy(), self._in_force.copy()
        self._first = self._count.copy()  # step counts of the starts
        self._changes: dict[int, dict[int, Array]] = {}  # row -> step -> parameters from then on
        self._seen = self._in_force.copy()
        shape, dtype = layout["actions"]
        self._actions = np.zeros((table.num_envs, FIRST_STEPS, *shape), dtype)
        self._every = np.arange(table.num_envs)
        self._spare = 0  # steps to come for which there is room in any row

    def note(self, actions: Array, rows: slice = slice(None)) -> None:
        """Keep the actions, those of all rows, of the step to come, which `rows` make."""
        at = self._count - self._first
        if not self._spare:
            most = int(at.max())
            self._make_room(most)
            self._spare = self._actions.shape[1] - most
        self._spare -= 1
        self._actions[self._every[rows], at[rows]] = actions[rows]
        different = self._in_force != self._seen
        if different.any():
            for i in np.flatnonzero(different.any(axis=1)):  # of a row that rests, too: its next step is this one
                self._changes.setdefault(int(i), {})[int(at[i])] = self._in_force[i].copy()
            self._seen[:] = self._in_force

    def look(self) -> None:
        """Keep the starts of the episodes that have just begun."""
        if self._count.all():
            return
        began = (self._count == 0) & (self._ended == 0)
        if began.any():
            self.begin(began)

    def begin(self, which: Array) -> None:
        """Let the chosen rows, bool (num_envs,), start as they stand."""
        self._starts[which] = self._now[which]
        self._params[which] = self._seen[which] = self._in_force[which]
        self._first[which] = self._count[which]
        for i in self._changes.keys() & set(np.flatnonzero(which).tolist()):
            del self._changes[i]

    def past(self, span: slice | Array = slice(None)) -> Past:
        """Return the past of the rows of `span`, or of rows by their numbers."""
        rows, chosen = self._table.rows, self._every[span].tolist() if self._changes else []
        steps = (self._count - self._first)[span].astype(np.int64)
        played = np.arange(self._actions.shape[1]) < steps[:, None]
        changes = [
            (k, step, params)
            for k, i in enumerate(chosen)
            for step, params in self._changes.get(i, {}).items()
            if step < steps[k]
        ]
        return Past(
            starts=self._starts[span].reshape(-1).view(rows.states.dtype),
            params=self._params[span].reshape(-1).view(rows.params.dtype),
            steps=steps,
            actions=self._actions[span][played],
            changes=np.array(changes, self._layout["changes"][1]),
        )

    def take_over(self, span: slice, past: Past) -> None:
        """Let the rows of `span`, which stand where it leads, have this past."""
        self._starts[span], self._params[span] = raw(past.starts), raw(past.params)
        self._first[span] = past.starts["step_count"]
        self._seen[span] = self._in_force[span]
        self._make_room(int(past.steps.max()))
        self._spare = 0  # these rows may be further than the others
        self._actions[span][np.arange(self._actions.shape[1]) < past.steps[:, None]] = past.actions
        low, high, _ = span.indices(self._table.num_envs)
        for i in range(low, high):
            self._changes.pop(i, None)
        for row, step, params in past.changes:
            self._changes.setdefault(low + int(row), {})[int(step)] = params.copy()

    def first_step(self, i: int) -> int:
        """Return how many steps of its episode row `i` had taken where its past begins."""
        return int(self._first[i])

    def past_until(self, i: int, step: int) -> Past:
        """Return the past of row `i` up to `step` steps of its episode.

        Raises:
            ParameterError: no such step.
        """
        first, now = int(self._first[i]), int(self._count[i])
        if isinstance(step, bool) or not isinstance(step, int | np.integer) or not first <= step <= now:
            raise ParameterError(f"step = {step!r}; row {i} can be rewound to steps {first} to {now} of its episode")
        return self.past(slice(i, i + 1)).until(np.array([step - first]))

    def _make_room(self, steps: int) -> None:
        """Have room for the action after so many steps."""
        while steps >= self._actions.shape[1]:
            self._actions = np.concatenate([self._actions, np.zeros_like(self._actions)], axis=1)
