"""Single rows of a batch: looked at, kept, brought back, and taken over from outside, all between two steps."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from puffer_arena.batch.program import Program
from puffer_arena.batch.rows import take_records
from puffer_arena.batch.saving.again import bring_back, play_again
from puffer_arena.batch.saving.kept import Kept, keep_rows, place_rows, take_over
from puffer_arena.batch.saving.past import past_bytes, read_past, split_bytes
from puffer_arena.batch.saving.recorder import Recorder
from puffer_arena.batch.saving.snapshot import pack, unpack
from puffer_arena.batch.saving.table import read_saved, save_table
from puffer_arena.batch.table import Table
from puffer_arena.core.fields import Array, Row
from puffer_arena.errors import ActionError, ParameterError
from puffer_arena.kernels.tables import Buffers, Rows, Written


class RowAccess(Written):
    """The part of `Batch` that reaches into rows.

    Attributes:
        table: rows, buffers and how they are laid out.
        stepper: what moves the rows, one thread at a time.
        worlds: an engine's scenes behind the rows; None without one.
        recorder: what keeps every row's actions since its episode began, where the batch records.
    """

    env: Any
    num_envs: int
    param_values: Any
    table: Table
    stepper: Any
    worlds: Any
    program: Program
    recorder: Recorder | None
    actions: Array
    _all: Array

    @property
    def rows(self) -> Rows:
        """The rows themselves, arrays with an entry for each."""
        return self.table.rows

    def state(self, i: int) -> Row:
        """Return row `i` for reading, as `draw` takes it."""
        return Row(self.table.rows.states[i])

    def state_params(self, i: int) -> Row:
        """Return the parameters in force in row `i`, as `draw` takes them."""
        return Row(self.table.rows.params[i])

    def snapshot(self, i: int) -> bytes:
        """Return row `i` as bytes that `restore` takes back: its state and parameters.

        Where an engine moves bodies it also remembers contacts and the strain in joints.  A batch made with
        `record=True` therefore adds the row's past to its snapshots, from which all that comes back.

        Raises:
            ParameterError: no such row.
        """
        self._check_row(i)
        self.env.check_own("a snapshot of a row")
        past = past_bytes(self.recorder.past(slice(i, i + 1))) if self.worlds and self.recorder else b""
        return pack(self.env, self.table.rows, i, past)

    def restore(self, i: int, data: bytes) -> bool:
        """Put a snapshot of the same environment and shapes into row `i`; its observation follows.

        Returns:
            Whether its future is to the bit that of the row it came from.  It is only close for physics in mid-episode
            without a record, or from another version of the engine or kind of processor.

        Raises:
            FileError: not such a snapshot; nothing has changed.
            ParameterError: no such row.
        """
        self._check_row(i)
        self.env.check_own("a snapshot of a row")
        parts, rest = unpack(self.env, self.param_values, self.table.rows, data)
        past = read_past(self.table, split_bytes(self.table, rest), parts["states"]) if rest else None
        with self.stepper.alone:
            for part, row in parts.items():
                getattr(self.table.rows, part)[i : i + 1] = row
            if past is not None:
                return bool(bring_back(self.table, self.stepper, self.recorder, slice(i, i + 1), past).all())
            only = self.table.flags(i)
            self.adopt(only)
            self.look(only)
        return self.worlds is None or int(self.table.rows.states["step_count"][i]) == 0

    def _check_row(self, i: int) -> None:
        if isinstance(i, bool) or not isinstance(i, int | np.integer) or not 0 <= i < self.num_envs:
            raise ParameterError(f"row {i!r} is not there; this batch has rows 0 to {self.num_envs - 1}")

    def copy_rows(self, which: Array) -> tuple[Array, Array]:
        """Return copies of the states and parameters of some rows, by their indices (k,), as a window shows them."""
        rows = self.table.rows
        return take_records(rows.states, which), take_records(rows.params, which)

    def look(self, which: Array) -> None:
        """Observe the chosen rows, bool (num_envs,), as they stand."""
        self.stepper.look(as_flags("which", which, self._all.shape))

    def move_goals(self, later: Array) -> None:
        """Make what later states of the rows' episodes have reached their goals, by the rule `Env.move_goal`, and observe.

        Args:
            later: a state for every row, as in `rows.states`, (num_envs,).

        Raises:
            ParameterError: the environment has no such rule, or states that do not fit.
        """
        if self.env.move_goal is None:
            raise ParameterError(
                f"environment '{self.env.name}' has no goals to move; give its Env a rule move_goal(s, p, later)"
            )
        states = self.rows.states
        if later.dtype != states.dtype or later.shape != states.shape:
            raise ParameterError(f"later states must be {states.shape} of this batch's records, not {later.shape}")
        with self.stepper.alone:
            self.stepper.run(self.program.goals, np.ascontiguousarray(later))
            self.look(self._all)

    def adopt(self, which: Array | None = None) -> None:
        """Go on from rows whose data were written from outside: engines take their bodies over as after a reset.

        Args:
            which: those rows, bool (num_envs,); all of them by default.
        """
        chosen = self._all if which is None else as_flags("which", which, self._all.shape)
        with self.stepper.alone:
            if self.worlds:
                self.worlds.adopt(chosen)
            if self.recorder:
                self.recorder.begin(chosen)

    def rewind(self, i: int, step: int) -> None:
        """Put row `i` back to how it was after `step` steps of its episode: its start, and its actions again.

        The batch must be made with `record=True`.  Exact, physics included; what bots that acted in every step keep
        is as it was, too.

        Raises:
            ParameterError: nothing was recorded, or no such row or step.
        """
        if self.recorder is None:
            raise ParameterError("nothing was recorded to rewind to; make the batch with record=True")
        self._check_row(i)
        past, span = self.recorder.past_until(i, step), slice(i, i + 1)
        with self.stepper.alone:
            play_again(self.table, self.stepper, span, past, self._remembering(i))
            self.recorder.take_over(span, past)

    def _remembering(self, i: int) -> Callable[[], None]:
        """Let the bots that have acted in row `i` forget its episode; return what has them see a step of it again."""
        row, memories = self.table.rows.states[i], self.table.rows.memories[i]
        acted = (memories["episode"] == row["episode"]) & (memories["row_key"] == row["row_key"])
        memories[:] = np.zeros((), memories.dtype)
        unused, chosen = np.zeros_like(self.actions), np.zeros(self.acting.shape, np.bool_)
        span = i, i + 1

        def remember() -> None:
            for bot, seats in zip(self.env.bots, acted, strict=True):
                if seats.any():
                    chosen[i] = seats
                    self.stepper.run(self.program.bot(bot), unused, chosen, span=span)

        return remember

    def keep(self, which: Array) -> Kept:
        """Return copies of some rows, int (k,), as `place` takes them; a physics batch that records keeps their past."""
        self.env.check_own("a kept row")
        return keep_rows(self.table, self.recorder, which)

    def place(
        self,
        which: Array,
        kept: Kept,
        out: Buffers | None = None,
        places: Array | None = None,
        limits: Array | None = None,
    ) -> None:
        """Let episodes that have just begun begin as kept rows stood, to the bit where these have a past.

        A row keeps its own stream of levels; within the episode random numbers go on as they did there.

        Args:
            which: the rows, int (k,), each once.
            kept: what they are to be, checked (see `saving.snapshot.check_parts`) where it comes from outside.
            out: the buffers that the step wrote; by default the batch's.
            places: which of the kept rows each is to be, (k,); by default one after another.
            limits: what each has as `Env.time_limit` from there on, (k,); by default what it was kept with.
        """
        out = self.buffers if out is None else out
        with self.stepper.alone:
            place_rows(self.table, self.stepper, self.recorder, which, kept, out, places, limits)

    def take_over(self, which: Array, out: Buffers) -> None:
        """Let episodes that have just begun in some rows go on from what was written there, without a past.

        Args:
            which: those rows, bool (num_envs,).
            out: the buffers that the step wrote.
        """
        with self.stepper.alone:
            take_over(self.stepper, self.recorder, which, out)

    def depict(self, rows: Array) -> None:
        """Bring up to date what some rows, (k,), look like: what another library's environments draw; ours say it always."""
        if self.env.stepped_by is not None:
            self.stepper.depict(rows)

    def save_rows(self) -> dict[str, Array]:
        """Return all that the next steps depend on: name -> bytes, uint8 (bytes,), that `load_rows` takes back."""
        return save_table(self.table, self.recorder)

    def load_rows(self, saved: Mapping[str, Array]) -> Array:
        """Go on from what `save_rows` of a batch of the same environment and size returned.

        Returns:
            Whose future is to the bit that of the rows saved, bool (num_envs,); see `restore`.

        Raises:
            FileError: it does not fit, or holds what no row can; nothing has changed.
        """
        rows, past = read_saved(self.table, saved, self.recorder is not None)
        with self.stepper.alone:
            for name, array in rows._asdict().items():
                getattr(self.table.rows, name)[...] = array
            if self.env.stepped_by is not None:
                self.stepper.resume()
                return np.zeros(self.num_envs, np.bool_)
            if past is not None:
                return bring_back(self.table, self.stepper, self.recorder, slice(None), past)
            self.adopt()
            self.look(self._all)
        return self._all.copy() if self.worlds is None else np.asarray(self.table.rows.states["step_count"] == 0)


def as_flags(what: str, value: Any, shape: tuple[int, ...]) -> Array:
    """Return `value` as new flags of `shape`; kernels would read past the end of fewer."""
    flags = np.array(value, np.bool_, order="C")
    if flags.shape != shape:
        raise ActionError(f"{what} has shape {flags.shape}; it must be {shape}")
    return flags
