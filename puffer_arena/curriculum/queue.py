"""Tasks that were drawn ahead: a curriculum is asked once for as many as a rollout takes, and they are handed out by a cursor."""

import numpy as np

from puffer_arena.batch.batch import Batch
from puffer_arena.batch.saving.past import raw
from puffer_arena.batch.seeds import check_levels
from puffer_arena.core.fields import Array
from puffer_arena.core.params import check_together, read_together
from puffer_arena.curriculum.curriculum import Tasks
from puffer_arena.curriculum.hand import AT_LEVEL, DRAWN, Block, Places
from puffer_arena.errors import FileError, ParameterError

FEW = 32  # what part of the rows' number to ask for until it is known how many episodes end in a rollout


class Queue:
    """The tasks of a batch's rows that were drawn ahead.

    Attributes:
        block: they themselves.
        checks: whether parameters that a task writes are checked with others of its row once it is handed out.
    """

    def __init__(self, batch: Batch) -> None:
        count = batch.num_envs
        self._batch, self._records = batch, batch.rows.following.copy()
        levels, starts = np.full(count, -1), np.full(count, AT_LEVEL)
        named = np.zeros(self._records.dtype.itemsize, np.uint8)
        marks = np.array([0, 0, count])
        self.block = Block(marks, named, raw(self._records), levels, starts, np.ones(count))
        self.checks = False

    @property
    def wanted(self) -> int:
        """How many tasks to ask for, as many as ended in the last rollout; twice as many at each further time."""
        return int(np.clip(self.block.marks[2], 1, self._batch.num_envs))

    def expect(self, count: int) -> None:
        """Note how many episodes ended in a rollout."""
        self.block.marks[2] = count

    def drop(self) -> None:
        """Throw out what was not handed out: the next tasks are drawn by what the curriculum is now."""
        self.block.marks[0] = self.block.marks[1]

    def fill(self, tasks: Tasks, count: int) -> None:
        """Take in tasks where all were handed out.

        Raises:
            UnknownName, ParameterError: the curriculum gave what no row can have; all stays as it was.
        """
        batch, block = self._batch, self.block
        own = {"levels": tasks.levels, "starts": tasks.starts, "weights": tasks.weights}
        for name, values in (own | dict(tasks.params)).items():
            shape = (count, *(batch.env.parameters[name].shape if name in batch.env.parameters else ()))
            if values is not None and np.shape(values) not in ((), shape):
                raise ParameterError(f"next() gave {name} of shape {np.shape(values)}; it must be {shape}")
        levels = check_levels(-1 if tasks.levels is None else tasks.levels)
        starts = np.asarray(AT_LEVEL if tasks.starts is None else tasks.starts)
        if not np.issubdtype(starts.dtype, np.integer) or np.min(starts) < AT_LEVEL:
            raise ParameterError("next() gave starts that are no serial numbers of kept rows, or -1")
        weights = np.asarray(1.0 if tasks.weights is None else tasks.weights, np.float64)
        if not (np.isfinite(weights).all() and np.min(weights) >= 0.0):
            raise ParameterError("next() gave weights that are not numbers of at least 0")
        params = {name: batch.params[name].checked(values) for name, values in tasks.params.items()}
        for name, checked in params.items():
            self._records[name][:count] = checked
        block.levels[:count], block.starts[:count], block.weights[:count] = levels, starts, weights
        block.named[:] = self._bytes_of(tuple(params))
        block.marks[:] = 0, count, min(2 * count, batch.num_envs)
        self._note_checks()

    def hand_to_all(self, places: Places) -> None:
        """Hand a task to every row, as many as were drawn, whose present episodes go on.

        Raises:
            ParameterError: a task contradicts what its row has besides; no row has changed.
        """
        block = self.block
        named, following = block.named > 0, places.following.copy()
        following[:, named] = block.params[:, named]
        if self.checks:
            check_together(self._batch.env.params, following.reshape(-1).view(self._records.dtype))
        places.following[:] = following
        places.levels[:], places.waiting[:], places.next_weights[:] = block.levels, block.starts, block.weights
        block.marks[:] = len(block.levels), len(block.levels), len(block.levels) // FEW

    def check_rows(self, rows: Array) -> None:
        """Check what some rows have from their next reset on, where the game's Params check parameters together.

        Raises:
            ParameterError: a task contradicts what its row has besides; those rows keep what is in force.
        """
        if not self.checks:
            return
        following = self._batch.table.rows.following
        try:
            check_together(self._batch.env.params, following[rows])
        except ParameterError:
            following[rows] = self._batch.rows.params[rows]
            raise

    def state(self) -> dict[str, Array]:
        """Return the arrays that the next tasks depend on."""
        return self.block._asdict()

    def check(self, what: str, drawn: int) -> None:
        """Check what a checkpoint wrote into the arrays, before a rule runs on it.

        Args:
            what: was read, for the message.
            drawn: how many drawn levels there are.

        Raises:
            FileError: tasks that no row can have.
        """
        block = self.block
        names = self._names()
        cursor, count, _ = block.marks.tolist()
        fits = 0 <= cursor <= count <= len(block.levels) and (block.named == self._bytes_of(names)).all()
        fits = fits and (block.starts > DRAWN - drawn).all() and (block.weights >= 0.0).all()
        if not (fits and np.isfinite(block.weights).all()):
            raise FileError(f"{what} is damaged: its curriculum's tasks cannot be")
        try:
            check_levels(block.levels)
            for name in names if count else ():
                self._batch.params[name].checked(self._records[name][:count])
        except ParameterError as error:
            raise FileError(f"{what}: of its curriculum's tasks, {error}") from None
        self._note_checks()

    def _note_checks(self) -> None:
        kind = self._batch.env.params
        self.checks = hasattr(kind, "__post_init__") and not read_together(kind).isdisjoint(self._names())

    def _names(self) -> tuple[str, ...]:
        """Return the parameters that tasks write."""
        fields = self._records.dtype.fields or {}
        return tuple(name for name, field in fields.items() if self.block.named[field[1]])

    def _bytes_of(self, names: tuple[str, ...]) -> Array:
        """Return which bytes of a record are those of some parameters, 0 or 1."""
        named = np.zeros_like(self.block.named)
        for name in names:
            kind, offset = self._records.dtype.fields[name][:2]
            named[offset : offset + kind.itemsize] = 1
        return named
