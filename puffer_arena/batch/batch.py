"""A batch: many rows of one environment, stepped together into buffers that are reused; `make` makes one.

    step = batch.step(actions)              # batch.obs, rewards, terminated, truncated are written in place
    batch.params.max_hunger[10:20] = 50     # checked; a parameter that shapes a level shows at its next reset

An episode that ends is reset in the same step.  The same seed gives the same bytes whatever the number of
threads, the process, or whether the rules run compiled.
"""

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from types import TracebackType
from typing import Any, Protocol, Self

import numpy as np

from puffer_arena.authoring.check import check_definition
from puffer_arena.batch.access import RowAccess, as_flags
from puffer_arena.batch.program import Program, load_program
from puffer_arena.batch.rows import mean_episodes
from puffer_arena.batch.saving.recorder import Recorder
from puffer_arena.batch.seeds import check_levels, row_keys
from puffer_arena.batch.settings import AUTORESET, SPLITS, Settings
from puffer_arena.batch.stepper import Stepper
from puffer_arena.batch.table import make_table
from puffer_arena.core.action_checks import check_actions
from puffer_arena.core.actions import draw_actions
from puffer_arena.core.fields import Array
from puffer_arena.core.params import ParamRows
from puffer_arena.errors import ActionError, ParameterError, UnknownName, suggest
from puffer_arena.kernels.tables import Buffers, Step

KNOWN = 1024  # buffers of a rollout's steps, which come again


class Witness(Protocol):
    """Looks on from `Batch.witnesses`, and writes nothing of the batch."""

    def note(self, actions: Array) -> None:
        """Take in the actions of the step to come, checked, before any row moves."""

    def look(self, out: Buffers) -> None:
        """Look at the rows after the step, and at what it wrote."""


class Batch(RowAccess):
    """Rows of one environment with their buffers; see `make`.

    Attributes:
        device: where they live, "cpu" or "cuda".
    """

    device = "cpu"

    def __init__(self, env: Any, env_id: str, settings: Settings, params: dict[str, Any]) -> None:
        num_envs, compiled, observe_state = settings.num_envs, settings.compiled, settings.observe_state
        values = env.build_params(params)
        if compiled and env.stepped_by is None:
            sees, one = env.observe_state is not None, env.one_frame
            check_definition(one, lambda: Batch(one, one.name, Settings(compiled=False, observe_state=sees), {}))
        if settings.record:
            env.check_own("a record to rewind")
        if observe_state and env.observe_state is None:
            raise ParameterError(
                f"environment '{env.name}' gives no global state: add global_state=... and a rule observe_state(s, p, obs)"
            )
        self.autoreset = AUTORESET[settings.autoreset]
        self.table = table = make_table(env, env_id, values, num_envs, observe_state)
        self.env, self.env_id, self.num_envs, self.param_values = env, env_id, num_envs, values
        self.agent_ids, self.num_agents = table.agent_ids, len(table.agent_ids)  # none for a solo environment
        self.observation, self.action, self.state_space = table.observation, table.action, table.state_space
        self.buffers, self.actions = table.buffers, table.actions
        self._own = Step(*self.buffers[: len(Step._fields)])
        self._fitting: dict[int, Buffers] = {}  # buffers that were given to `step` and fit, by their id
        table.rows.plan[:2] = SPLITS.index(settings.split), settings.num_levels
        self.program: Program = load_program(table, compiled, observe_state)
        self._all_below = self.program.all_below
        elsewhere = env.stepped_by
        self.stepper: Any = (
            Stepper(table, self.program, settings.threads) if elsewhere is None else elsewhere(table, settings.threads)
        )
        self.worlds = self.stepper.worlds  # which move the rows
        self._params = self._show_params()
        self._all = np.ones(num_envs, np.bool_)
        self.recorder: Recorder | None = None
        self.witnesses: list[Witness] = []
        self.reset(settings.seed)
        if settings.record or (settings.record is None and env.engine):
            self.recorder = Recorder(table)

    def make_buffers(self, **given: Array) -> Buffers:
        """Return buffers for `step(out=...)`: the given arrays, with new ones for the rest.

        Raises:
            ActionError: an array of the wrong shape or dtype, or one that is not contiguous.
        """
        return self.table.make_buffers(**given)

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
            chosen = self._all if which is None else as_flags("which", which, self._all.shape)
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

    @property
    def steps_apart(self) -> bool:
        """Whether `step_rows` can step some rows while the others rest."""
        return self.device == "cpu" and bool(self.stepper.steps_apart)

    def step_rows(self, rows: slice, actions: Any, out: Buffers | None = None) -> None:
        """Step some neighbouring rows as `step` does, while the others rest; so that work for these goes on meanwhile.

        Args:
            rows: such as slice(0, 8).
            actions: theirs, (rows[, agents], *action shape).
            out: from `make_buffers`; what it holds of other rows stays.

        Raises:
            ActionError, BusyError: see `step`.
            ParameterError: rows of this game move together, or somebody looks at steps as a whole (`witnesses`).
        """
        if not self.steps_apart or self.witnesses:
            who = "is recorded" if self.steps_apart else "moves all its rows together"
            raise ParameterError(f"this batch of '{self.env.name}' {who}; step all of them, by step()")
        out = self.buffers if out is None else out
        if out is not self.buffers and self._fitting.get(id(out)) is not out:
            self._fit(out)
        with self.stepper.alone:
            own = self.actions[rows]
            own[...] = check_actions(self.env.name, self.action, actions, own, self._all_below)
            if self.recorder:
                self.recorder.note(self.actions, rows)
            self.stepper.step(self.actions, out, self.autoreset, rows)
            if self.recorder:
                self.recorder.look()

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
        chosen = np.ones_like(self.acting) if which is None else as_flags("which", which, self.acting.shape)
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
