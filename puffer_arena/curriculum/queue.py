"""Tasks that were drawn ahead: a curriculum is asked once for as many as a rollout takes, and they are handed out by a cursor.

A row's next task is written while its present episode is played.  Both that and noting which episodes ended are one
compiled loop over the rows, since Python's time in every step is what a curriculum costs (docs/benchmarks.md).
"""

import functools
from typing import Any, NamedTuple

import numpy as np

from puffer_arena.batch.batch import Batch
from puffer_arena.batch.saving.past import raw
from puffer_arena.batch.seeds import check_levels
from puffer_arena.core.fields import Array
from puffer_arena.core.params import check_together, read_together
from puffer_arena.curriculum.curriculum import Tasks
from puffer_arena.errors import FileError, ParameterError
from puffer_arena.machine.blocks import kind_of, unpacker, write_block
from puffer_arena.machine.compile import bind, compile_function, jit, unbound

AT_LEVEL = -1
DRAWN = -2  # less the number of a drawn level; serial numbers of kept rows are above


class Block(NamedTuple):
    """Tasks drawn ahead, (num_envs,) each; those from the cursor on are still to be handed out.

    marks    int64 (3,): the cursor, how many tasks there are, and how many to ask for next
    named    which bytes of a row's parameters they write, bool (bytes,); a row keeps the others
    params   parameters as bytes, (num_envs, bytes)
    levels   numbers of levels, -1 to draw one
    starts   AT_LEVEL, the serial number of a kept row, or DRAWN less the number of a drawn level
    weights  how much is learned from them
    """

    marks: Array
    named: Array
    params: Array
    levels: Array
    starts: Array
    weights: Array


class Places(NamedTuple):
    """What rows begin their episodes by: of the present one and of the next, (num_envs,) each."""

    following: Array  # parameters from the next reset on, as bytes
    levels: Array
    waiting: Array  # as `Block.starts`
    present: Array
    next_weights: Array
    weights: Array
    entering: Array  # int64 (1 + num_envs,): how many have just begun elsewhere than at a level, and which


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


FEW = 32  # what part of the rows' number to ask for until it is known how many episodes end in a rollout


unpack = unbound


@jit
def hand_out(address: int, offset: int, t: int, first: int, began: Array) -> int:
    """Note the episodes that ended in step `t`, and hand their rows, from `first` on, the next tasks.

    Args:
        address: of block, places, log and `Rows.episodes` as bytes (see `machine/blocks.py`).
        offset: of `finished` in a row's episodes.
        began: bool (rows, agents).

    Returns:
        The row that there was no task left for, or no room in the log; else how many rows there are.
    """
    block, places, log, (episodes,) = unpack(address)
    if first == 0:
        places.entering[0] = 0
    for i in range(first, len(began)):
        if not began[i, 0]:
            continue
        k, n = block.marks[0], log.length[0]
        if k == block.marks[1] or n == len(log.rows):
            return i
        log.steps[n], log.rows[n], log.starts[n] = t, i, places.present[i]
        for byte in range(log.records.shape[1]):
            log.records[n, byte] = episodes[i, offset + byte]
        log.length[0] = n + 1
        places.present[i], places.weights[i] = places.waiting[i], places.next_weights[i]
        if places.present[i] != AT_LEVEL:
            places.entering[0] += 1
            places.entering[places.entering[0]] = i
        for byte in range(len(block.named)):
            if block.named[byte]:
                places.following[i, byte] = block.params[k, byte]
        places.levels[i] = block.levels[k]
        places.waiting[i], places.next_weights[i] = block.starts[k], block.weights[k]
        block.marks[0] = k + 1
    return len(began)


@functools.cache
def compiled(kind: Any) -> Any:
    """Return `hand_out` compiled for blocks of a type."""
    return compile_function(bind(hand_out, "curriculum", unpack=unpacker(kind)), "the curriculum")


class Hand:
    """Hands out a queue's tasks after every step, and logs the episodes that ended.

    Args:
        endings: where they are logged.
    """

    def __init__(self, queue: "Queue", places: Places, endings: "Endings") -> None:
        self._parts: Any = queue.block, places, endings.log, (endings.episodes,)
        self._written = write_block(self._parts)
        self._address, self._offset = int(self._written.ctypes.data), endings.offset
        self._run = compiled(kind_of(self._parts))

    def __call__(self, t: int, first: int, began: Array) -> int:
        """Go on from row `first`; see `hand_out`."""
        return int(self._run(self._address, self._offset, t, first, began))


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
