"""A batch: many rows of one environment, stepped together into buffers that are reused.

    batch = make("snake", num_envs=4096, seed=0, threads=2)
    step = batch.step(actions)              # batch.obs, rewards, terminated, truncated are written in place
    batch.params.max_hunger[10:20] = 50     # checked; a parameter that shapes a level shows at its next reset

An episode that ends is reset in the same step.  The same seed gives the same bytes whatever the number of
threads, the process, or whether the rules run compiled.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from types import TracebackType
from typing import Any, Protocol, Self

import numpy as np

from puffer_arena.authoring.check import check_definition
from puffer_arena.batch.limits import MOST_THREADS
from puffer_arena.batch.program import Program, load_program
from puffer_arena.batch.rows import mean_episodes, take_records
from puffer_arena.batch.saving.again import bring_back, play_again
from puffer_arena.batch.saving.kept import Kept, keep_rows, place_rows
from puffer_arena.batch.saving.past import past_bytes, read_past, split_bytes
from puffer_arena.batch.saving.recorder import Recorder
from puffer_arena.batch.saving.snapshot import pack, unpack
from puffer_arena.batch.saving.table import read_saved, save_table
from puffer_arena.batch.seeds import check_levels, check_seed, row_keys
from puffer_arena.batch.stepper import Stepper
from puffer_arena.batch.table import make_table
from puffer_arena.core.actions import check_actions, draw_actions
from puffer_arena.core.fields import Array, Row
from puffer_arena.core.params import ParamRows
from puffer_arena.core.random import HELD_OUT_BIT
from puffer_arena.errors import ActionError, ParameterError, UnknownName, suggest
from puffer_arena.kernels.step import DISABLED, NEXT_STEP, SAME_STEP, SAME_STEP_FINAL
from puffer_arena.kernels.tables import Buffers, Rows, Step, Written
from puffer_arena.registry import load_env, with_options

AUTORESET = {"same_step": SAME_STEP, "same_step_final": SAME_STEP_FINAL, "next_step": NEXT_STEP, "disabled": DISABLED}
SPLITS = ("train", "held_out")
DEVICES = ("cpu", "cuda")
KNOWN = 1024  # buffers of a rollout's steps, which come again


def make(
    env_id: str,
    num_envs: int = 1,
    seed: int = 0,
    threads: int = 1,
    *,
    split: str = "train",
    num_levels: int = 0,
    autoreset: str = "same_step",
    compiled: bool = True,
    record: bool | None = False,
    observe_state: bool = False,
    device: str = "cpu",
    **params: Any,
) -> "Batch":
    """Make a batch of `num_envs` rows of an environment, already reset.

    Args:
        env_id: an id of `list_envs()`, a dotted module, or a path to a .py file.
        num_envs: rows.
        seed: of all the rows; a whole number of at least 0, hashed where it takes more than 64 bits.
        threads: threads that step them, at most 1024; the bytes do not depend on it.
        split: "train" or "held_out": two halves of the levels that never meet.
        num_levels: how many different levels occur, at most 2**31; 0 for no limit.
        autoreset: "same_step" (keeps `final_obs` of truncated episodes), "same_step_final" (of all),
            "next_step" or "disabled", as Gymnasium defines them.
        compiled: False runs the rules in plain Python, for debugging.
        record: keep every row's actions since its episode began, for `rewind` and for exact snapshots of physics; None
            does so for physics only.
        observe_state: steps write `global_state`, too, and `final_global_state`, as `Env.observe_state` sees the rows.
        device: "cuda" keeps rows and buffers in the memory of an NVIDIA GPU and steps them there (docs/gpu.md).
        params: the environment's parameters, the same for all rows at first; `pixels=64` besides has agents see the
            game as a picture, uint8 (64, 64, 3), as the id "snake:pixels=64" does, and `frames=4` its last four
            observations at once, as the id "snake:frames=4" does.

    Raises:
        UnknownName, ParameterError, DefinitionError: see `errors.py`; rows that do not fit into this machine's memory,
            or its GPU's, are a ParameterError, before anything is allocated.
        DeviceError, MissingExtra: there is no GPU that can be used.
    """
    env_id, params = with_options(env_id, params)
    _check_choice("device", device, DEVICES)
    kind = Batch
    if device == "cuda":
        from puffer_arena.batch.gpu.batch import GpuBatch

        kind = GpuBatch
    return kind(
        load_env(env_id),
        env_id,
        num_envs,
        seed,
        threads,
        split,
        num_levels,
        autoreset,
        compiled,
        params,
        record,
        observe_state,
    )


class Witness(Protocol):
    """Looks on from `Batch.witnesses`, and writes nothing of the batch."""

    def note(self, actions: Array) -> None:
        """Take in the actions of the step to come, checked, before any row moves."""

    def look(self, out: Buffers) -> None:
        """Look at the rows after the step, and at what it wrote."""


class Batch(Written):
    """Rows of one environment with their buffers; see `make`.

    Attributes:
        device: where they live, "cpu" or "cuda".
    """

    device = "cpu"

    def __init__(
        self,
        env: Any,
        env_id: str,
        num_envs: int,
        seed: int,
        threads: int,
        split: str,
        num_levels: int,
        autoreset: str,
        compiled: bool,
        params: dict[str, Any],
        record: bool | None = False,
        observe_state: bool = False,
    ) -> None:
        _check_choice("split", split, SPLITS)
        _check_choice("autoreset", autoreset, tuple(AUTORESET))
        _check_count("num_envs", num_envs, 1)
        _check_count("threads", threads, 1, MOST_THREADS)
        _check_count("num_levels", num_levels, 0, HELD_OUT_BIT)
        check_seed(seed)
        values = env.build_params(params)
        if compiled and env.stepped_by is None:
            sees, one = env.observe_state is not None, env.one_frame
            check_definition(
                one, lambda: Batch(one, one.name, 1, 0, 1, "train", 0, "same_step", False, {}, False, sees)
            )
        if record:
            env.check_own("a record to rewind")
        if observe_state and env.observe_state is None:
            raise ParameterError(
                f"environment '{env.name}' gives no global state: add global_state=... and a rule observe_state(s, p, obs)"
            )
        self.autoreset = AUTORESET[autoreset]
        self.table = table = make_table(env, env_id, values, num_envs, observe_state)
        self.env, self.env_id, self.num_envs, self.param_values = env, env_id, num_envs, values
        self.agent_ids, self.num_agents = table.agent_ids, len(table.agent_ids)  # none for a solo environment
        self.observation, self.action, self.state_space = table.observation, table.action, table.state_space
        self.buffers, self.actions = table.buffers, table.actions
        self._own = Step(*self.buffers[: len(Step._fields)])
        self._fitting: dict[int, Buffers] = {}  # buffers that were given to `step` and fit, by their id
        table.rows.plan[:2] = SPLITS.index(split), num_levels
        self.program: Program = load_program(table, compiled, observe_state)
        self._all_below = self.program.all_below
        elsewhere = env.stepped_by
        self.stepper: Any = Stepper(table, self.program, threads) if elsewhere is None else elsewhere(table, threads)
        self.worlds = self.stepper.worlds  # which move the rows
        self._params = self._show_params()
        self._all = np.ones(num_envs, np.bool_)
        self.recorder: Recorder | None = None
        self.witnesses: list[Witness] = []
        self.reset(seed)
        if record or (record is None and env.engine):
            self.recorder = Recorder(table)

    def make_buffers(self, **given: Array) -> Buffers:
        """Return buffers for `step(out=...)`: the given arrays, with new ones for the rest.

        Raises:
            ActionError: an array of the wrong shape or dtype, or one that is not contiguous.
        """
        return self.table.make_buffers(**given)

    @property
    def rows(self) -> Rows:
        """The rows themselves, arrays with an entry for each."""
        return self.table.rows

    @property
    def params(self) -> ParamRows:
        """The parameters of every row, by name."""
        return self._params

    def _show_params(self) -> ParamRows:
        """Return the parameters of the rows for `params`."""
        rows = self.table.rows
        return ParamRows(rows.params, rows.following, self.param_values, self.env.dimensions)

    @property
    def num_choices(self) -> int:
        """Width of `action_mask`: 0 for an environment without masks."""
        return int(self.action_mask.shape[-1])

    def signal(self, name: str) -> Array:
        """Return a signal of the last step, (num_envs[, agents]): a view of `signals`.

        Raises:
            UnknownName: the environment gives no such signal.
        """
        if name not in self.env.signals:
            known = suggest(name, self.env.signals) if self.env.signals else "it has none"
            raise UnknownName(f"environment '{self.env.name}' gives no signal '{name}'; {known}")
        return np.asarray(self.signals[..., self.env.signals.index(name)])

    @property
    def finished(self) -> Array:
        """The last finished episode of every row: records with these fields.

        episodes                        ended in this row so far
        episode_return, episode_length  with several agents one return each
        episode_<signal>                sums of those of `Env.signals`, shaped as returns
        level, params                   that it was played on and with; params as they were in force when it ended
        ending                          what the rule `Env.ending` says, where there is one (see `batch.endings`)
        counters                        those of `Env.counters`, when it ended
        """
        return np.asarray(self.table.rows.episodes["finished"])

    # -- stepping -----------------------------------------------------------------------------------

    def reset(self, seed: int | None = None, *, levels: Any = None, which: Array | None = None) -> Array:
        """Begin new episodes, in all rows or in those chosen, and return `obs`.

        Args:
            seed: restarts the random streams of all rows as in a new batch.
            levels: level of each row, shape (num_envs,) or one number, played at every reset until
                changed; -1 draws levels again.
            which: rows to reset, bool (num_envs,).
        """
        with self.stepper.alone:
            if seed is not None:
                self.table.rows.states["row_key"] = row_keys(seed, self.num_envs)
                self.table.rows.states["episode"] = 0
                self.table.rows.memories[:] = np.zeros((), self.table.rows.memories.dtype)  # for the same numbers
            if levels is not None:
                self.table.rows.levels[:] = check_levels(levels)
            chosen = self._all if which is None else _flags("which", which, self._all.shape)
            self.stepper.begin(self.table.actions, self.table.buffers, chosen)
            if self.recorder:
                self.recorder.look()
        return self.obs

    def step(self, actions: Any, out: Buffers | None = None) -> Step:
        """Step every row, writing into the batch's buffers or into `out` (from `make_buffers`).

        Args:
            actions: whole numbers or floats as `self.actions`: (num_envs[, agents], *action shape).

        Raises:
            ActionError: actions of the wrong shape, dtype or value, or buffers that do not fit: no row has moved; or a mask
                leaves somebody who acts next no choice.
            BusyError: another thread is stepping this batch.
        """
        if out is None:
            out = self.buffers
        elif self._fitting.get(id(out)) is not out:
            self._fit(out)
        stepper = self.stepper
        with stepper.alone:
            checked = check_actions(self.env.name, self.action, actions, self.actions, self._all_below)
            if self.recorder:
                self.recorder.note(checked)
            for witness in self.witnesses:
                witness.note(checked)
            stepper.step(checked, out, self.autoreset)
            if self.recorder:
                self.recorder.look()
            for witness in self.witnesses:
                witness.look(out)
        return self._own if out is self.buffers else Step(*out[: len(Step._fields)])

    def _fit(self, out: Buffers) -> None:
        """Refuse buffers that machine code would write beyond, and know those that fit from now on."""
        self.make_buffers(**out._asdict())
        if len(self._fitting) >= KNOWN:
            self._fitting.clear()
        self._fitting[id(out)] = out

    def act(self, bot: str, out: Array | None = None, which: Array | None = None) -> Array:
        """Let a scripted bot choose actions and return them.

        Args:
            bot: a name of `env.bots`.
            out: written in place; shaped and typed as `self.actions`.
            which: agents it chooses for, bool, shaped as `acting`; all of them by default.

        Raises:
            UnknownName: no such bot.
            ActionError: `out` does not fit.
        """
        actions = self.actions if out is None else out
        if actions.shape != self.actions.shape or actions.dtype != self.actions.dtype or not actions.flags.carray:
            raise ActionError(
                f"out has shape {actions.shape} and dtype {actions.dtype}; it must be contiguous, writable, "
                f"{self.actions.shape} and {self.actions.dtype}"
            )
        chosen = np.ones_like(self.acting) if which is None else _flags("which", which, self.acting.shape)
        self.stepper.run(self.program.bot(bot), actions, chosen)
        return actions

    def sample_actions(self, rng: np.random.Generator) -> Array:
        """Draw uniform random actions for every agent, masks honoured."""
        return draw_actions(self.action, self.actions.shape, self.action_mask, rng)

    def assign(self, which: Any, params: Mapping[str, Any], levels: Any = None) -> None:
        """Choose what the next episodes of some rows are; those that are played now go on as they are.

        Args:
            which: indices of the rows, (k,).
            params: parameter -> values, (k,) or one.
            levels: as in `reset`, (k,) or one; None leaves them.

        Raises:
            UnknownName: no such parameter.
            ParameterError: values, levels or rows that cannot be.
        """
        rows = np.asarray(which)
        if rows.size and not (rows.dtype.kind in "iu" and rows.min() >= 0 and rows.max() < self.num_envs):
            raise ParameterError(f"rows to assign tasks to must be whole numbers from 0 to {self.num_envs - 1}")
        self.params.plan(rows, **params)
        if levels is not None:
            self.table.rows.levels[rows] = check_levels(levels)

    def handing(self) -> AbstractContextManager[object]:
        """Return a context in which `table.rows` are as they stand, and what a row has from its next reset on is written."""
        return nullcontext()

    # -- episodes, rows, snapshots ------------------------------------------------------------------

    def episodes(self) -> dict[str, float]:
        """Return means over the episodes that ended since the last call, with their number `episodes`.

        Keys: episodes, episode_return (with several agents the mean over those who took part), episode_length,
        episode_<signal>, and the counters; with several agents also episode_return/<role> and episode_<signal>/<role>,
        where any of the role took part.  Only `episodes` when none ended.
        """
        means = mean_episodes(self.env, self.agent_ids, self.table.rows.episodes["totals"])
        self.table.rows.episodes["totals"].fill(0)
        return means

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
        self.stepper.look(_flags("which", which, self._all.shape))

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
        chosen = self._all if which is None else _flags("which", which, self._all.shape)
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

    def place(self, which: Array, kept: Kept, out: Buffers | None = None) -> None:
        """Let episodes that have just begun begin as kept rows stood, to the bit where these have a past.

        A row keeps its own stream of levels; within the episode random numbers go on as they did there.

        Args:
            which: the rows, int (k,), each once.
            kept: what they are to be, checked (see `saving.snapshot.check_parts`) where it comes from outside.
            out: the buffers that the step wrote; by default the batch's.
        """
        with self.stepper.alone:
            place_rows(self.table, self.stepper, self.recorder, which, kept, self.buffers if out is None else out)

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

    def close(self) -> None:
        """End the threads and free the scenes; the arrays stay readable, anything else is a ClosedError from then on."""
        self.stepper.close()

    def __reduce__(self) -> Any:
        raise TypeError("a batch cannot be copied or pickled; make another, and restore snapshots of its rows")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _flags(what: str, value: Any, shape: tuple[int, ...]) -> Array:
    """Return `value` as new flags of `shape`; kernels would read past the end of fewer."""
    flags = np.array(value, np.bool_, order="C")
    if flags.shape != shape:
        raise ActionError(f"{what} has shape {flags.shape}; it must be {shape}")
    return flags


def _check_choice(what: str, value: str, valid: Sequence[str]) -> None:
    if value not in valid:
        raise UnknownName(f"unknown {what} '{value}'; {suggest(str(value), valid)}")


def _check_count(what: str, value: Any, low: int, high: int | None = None) -> None:
    fits = isinstance(value, int | np.integer) and not isinstance(value, bool) and value >= low
    if not fits or (high is not None and value > high):
        allowed = f"of at least {low}" if high is None else f"from {low} to {high}"
        raise ParameterError(f"{what} = {value!r}; it must be a whole number {allowed}")
