"""A batch: many rows of one environment, stepped together into buffers that are reused.

    batch = make("snake", num_envs=4096, seed=0, threads=2)
    step = batch.step(actions)              # batch.obs, rewards, terminated, truncated are written in place
    batch.params.max_hunger[10:20] = 50     # checked; a parameter that shapes a level shows at its next reset

An episode that ends is reset in the same step.  The same seed gives the same bytes whatever the number of
threads, the process, or whether the rules run compiled.
"""

from collections.abc import Sequence
from types import TracebackType
from typing import Any, NamedTuple, Self

import numpy as np

from puffer_arena.batch.actions import check_actions, draw_actions
from puffer_arena.batch.check import check_definition, explain
from puffer_arena.batch.interrupts import uninterrupted
from puffer_arena.batch.past import bring_back, past_bytes, read_past, split_bytes
from puffer_arena.batch.program import Program, load_program
from puffer_arena.batch.recorder import Recorder
from puffer_arena.batch.snapshot import pack, unpack
from puffer_arena.batch.threads import Crew, split_rows
from puffer_arena.batch.worlds import Worlds
from puffer_arena.core.errors import ActionError, ParameterError, UnknownName, suggest
from puffer_arena.core.fields import Array, Cells, Row, state_dtype
from puffer_arena.core.kernel import DISABLED, NEXT_STEP, SAME_STEP, SAME_STEP_FINAL, Buffers, Rows
from puffer_arena.core.params import ParamRows, params_record
from puffer_arena.core.random import MASK, philox
from puffer_arena.core.registry import load_env
from puffer_arena.core.spaces import Box, Discrete, Space, stored

AUTORESET = {"same_step": SAME_STEP, "same_step_final": SAME_STEP_FINAL, "next_step": NEXT_STEP, "disabled": DISABLED}
SPLITS = ("train", "held_out")


class Step(NamedTuple):
    """What `Batch.step` returns: views of the buffers it wrote."""

    obs: Array
    rewards: Array
    terminated: Array
    truncated: Array


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
    record: bool = False,
    **params: Any,
) -> "Batch":
    """Make a batch of `num_envs` rows of an environment, already reset.

    Args:
        env_id: an id of `list_envs()`, a dotted module, or a path to a .py file.
        num_envs: rows.
        seed: of all the rows; any integer.
        threads: threads that step them; the bytes do not depend on it.
        split: "train" or "held_out": two halves of the levels that never meet.
        num_levels: how many different levels occur; 0 for no limit.
        autoreset: "same_step" (keeps `final_obs` of truncated episodes), "same_step_final" (of all),
            "next_step" or "disabled", as Gymnasium defines them.
        compiled: False runs the rules in plain Python, for debugging.
        record: keep every row's actions since its episode began, for `rewind` and for exact snapshots of physics.
        params: the environment's parameters, the same for all rows at first.

    Raises:
        UnknownName, ParameterError, DefinitionError: see `core.errors`.
    """
    return Batch(
        load_env(env_id), env_id, num_envs, seed, threads, split, num_levels, autoreset, compiled, params, record
    )


class Batch:
    """Rows of one environment with their buffers; see `make`."""

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
        record: bool = False,
    ) -> None:
        _check_choice("split", split, SPLITS)
        _check_choice("autoreset", autoreset, tuple(AUTORESET))
        _check_count("num_envs", num_envs, 1)
        _check_count("threads", threads, 1)
        _check_count("num_levels", num_levels, 0)
        self.env, self.env_id, self.num_envs = env, env_id, num_envs
        self.param_values = env.build_params(params)
        self.agent_ids: tuple[str, ...] = env.agent_ids(self.param_values)
        self.num_agents = len(self.agent_ids)  # 0 for a solo environment
        self.observation: Space = env.observation.resolve(self.param_values)
        self.action: Space = env.action.resolve(self.param_values)
        if compiled:
            check_definition(env)
        self._mode = AUTORESET[autoreset]
        self._allocate()
        self.program: Program = load_program(env, compiled, (*self.rows, self.obs))
        self.rows.plan[:] = SPLITS.index(split), num_levels
        self.worlds: Worlds | None = Worlds(self, threads if compiled else 1) if env.engine else None
        self._kernel_rows: Any = self.worlds.rows if self.worlds else self.rows
        self.rows: Rows = Rows(*self._kernel_rows[: len(Rows._fields)])  # they may have moved into shared memory
        self.params = ParamRows(self.rows.params, self.rows.following, self.param_values, env.dimensions)
        spans = split_rows(num_envs, threads if compiled else 1)
        self._crew = self._hire(spans) if self.worlds is None or self.worlds.fused else None
        self._whole = split_rows(num_envs, 1)[0]
        self._all = np.ones(num_envs, np.bool_)
        self.recorder: Recorder | None = None
        self.reset(seed)
        if record:
            self.recorder = Recorder(self)

    def _hire(self, spans: list[Any]) -> Crew:
        """Return the threads that run the step kernel."""
        server = self.program.server if len(spans) > 1 else None
        return Crew(self.program.step, server, spans, self._kernel_rows, self.actions, self.buffers)

    def _allocate(self) -> None:
        n, agents = self.num_envs, self.num_agents
        leading = (n, agents) if agents else (n,)
        record = params_record(self.param_values)
        episode = np.dtype(
            [
                ("episodes", np.int64),
                ("episode_length", np.int64),
                ("episode_return", np.float64, (agents,) if agents else ()),
            ]
            + [(name, np.float64) for name in self.env.counters]
        )
        self.rows = Rows(
            states=np.zeros(n, state_dtype(self.env.state, self.param_values, agents)),
            params=np.repeat(record, n),
            following=np.repeat(record, n),
            levels=np.full(n, -1, np.int64),
            plan=np.zeros(2, np.int64),
            finished=np.zeros(n, episode),
            totals=np.zeros(n, episode),
        )
        self.buffers = self.make_buffers()
        kind = np.float64 if isinstance(self.action, Box) else np.int64
        self.actions = np.zeros((*leading, *self.action.dtype.shape), kind)

    def make_buffers(self, **given: Array) -> Buffers:
        """Return buffers for `step(out=...)`: the given arrays, with new ones for the rest.

        Raises:
            ActionError: an array of the wrong shape or dtype, or one that is not contiguous.
        """
        layout = self._buffer_layout()
        if unknown := set(given) - set(layout):
            raise UnknownName(f"unknown buffer '{min(unknown)}'; {suggest(min(unknown), layout)}")
        arrays = {}
        for name, (shape, dtype) in layout.items():
            array = given.get(name)
            if array is None:
                array = (
                    np.full(shape, name in ("alive", "action_mask"), dtype)
                    if dtype == np.bool_
                    else np.zeros(shape, dtype)
                )
            elif array.shape != shape or array.dtype != dtype or not array.flags.carray:
                raise ActionError(
                    f"buffer '{name}' has shape {array.shape} and dtype {array.dtype}; it must be contiguous, writable, "
                    f"{shape} and {dtype}"
                )
            arrays[name] = array
        return Buffers(**arrays)

    def _buffer_layout(self) -> dict[str, tuple[tuple[int, ...], np.dtype[Any]]]:
        """Shape and dtype of every buffer."""
        leading = (self.num_envs, self.num_agents) if self.num_agents else (self.num_envs,)
        obs_dtype, obs_shape = stored(self.observation)
        obs = ((*leading, *obs_shape), obs_dtype)
        flags = np.dtype(np.bool_)
        return {
            "obs": obs,
            "rewards": (leading, np.dtype(np.float32)),
            "terminated": (leading, flags),
            "truncated": (leading, flags),
            "final_obs": obs,
            "alive": ((self.num_envs, max(self.num_agents, 1)), flags),
            "action_mask": ((*leading, self.num_choices), flags),
        }

    # -- what the buffers hold --------------------------------------------------------------------

    @property
    def obs(self) -> Array:
        """Observations, shape (num_envs[, agents], *observation shape)."""
        return np.asarray(self.buffers.obs)

    @property
    def rewards(self) -> Array:
        """Rewards of the last step, shape (num_envs[, agents]), float32."""
        return np.asarray(self.buffers.rewards)

    @property
    def terminated(self) -> Array:
        """Whether the last step ended an agent's episode by the rules, shape (num_envs[, agents])."""
        return np.asarray(self.buffers.terminated)

    @property
    def truncated(self) -> Array:
        """Whether the last step cut an agent's episode off, shape (num_envs[, agents])."""
        return np.asarray(self.buffers.truncated)

    @property
    def final_obs(self) -> Array:
        """Last observations of episodes that the last step truncated, shaped like `obs`."""
        return np.asarray(self.buffers.final_obs)

    @property
    def alive(self) -> Array:
        """Which agents take part, shape (num_envs, agents); (num_envs, 1) for a solo environment."""
        return np.asarray(self.buffers.alive)

    @property
    def action_mask(self) -> Array:
        """Allowed choices, shape (num_envs[, agents], choices); no choices where the environment has no masks."""
        return np.asarray(self.buffers.action_mask)

    @property
    def num_choices(self) -> int:
        """Width of `action_mask`: 0 for an environment without masks."""
        if self.env.action_mask is None:
            return 0
        return self.action.n if isinstance(self.action, Discrete) else sum(self.action.nvec)  # type: ignore[attr-defined]  # Env allows masks on these two only

    @property
    def finished(self) -> Array:
        """The last finished episode of every row: `episodes` so far, `episode_return`, `episode_length`, counters."""
        return np.asarray(self.rows.finished)

    # -- stepping -----------------------------------------------------------------------------------

    def reset(self, seed: int | None = None, *, levels: Any = None, which: Array | None = None) -> Array:
        """Begin new episodes, in all rows or in those chosen, and return `obs`.

        Args:
            seed: restarts the random streams of all rows as in a new batch.
            levels: level of each row, shape (num_envs,) or one number, played at every reset until
                changed; -1 draws levels again.
            which: rows to reset, bool (num_envs,).
        """
        if seed is not None:
            key = philox(int(seed) & MASK, int(seed) >> 32 & MASK)
            self.rows.states["row_key"] = philox(key, np.arange(self.num_envs))
            self.rows.states["episode"] = 0
        if levels is not None:
            chosen_levels = np.broadcast_to(np.asarray(levels), (self.num_envs,))
            if chosen_levels.dtype.kind not in "iu" or chosen_levels.min() < -1 or chosen_levels.max() > MASK:
                raise ParameterError(f"levels are whole numbers from -1 to {MASK}")
            self.rows.levels[:] = chosen_levels
        if self.worlds:
            self.worlds.prepare()
        self._run(
            self.program.reset, self.buffers, self._all if which is None else _flags("which", which, self._all.shape)
        )
        if self.worlds:
            self.worlds.enter()
        if self.recorder:
            self.recorder.look()
        return self.obs

    def step(self, actions: Any, out: Buffers | None = None) -> Step:
        """Step every row, writing into the batch's buffers or into `out` (from `make_buffers`).

        Args:
            actions: whole numbers or floats as `self.actions`: (num_envs[, agents], *action shape).

        Raises:
            ActionError: actions of the wrong shape, dtype or value; no row has moved.
        """
        out = self.buffers if out is None else out
        checked = check_actions(self.env.name, self.action, actions, self.actions)
        if self.recorder:
            self.recorder.note(checked)
        self.advance(checked, out, self._mode)
        if self.recorder:
            self.recorder.look()
        return Step(out.obs, out.rewards, out.terminated, out.truncated)

    def advance(self, actions: Array, out: Buffers, mode: int, rows: slice = slice(None)) -> None:
        """Step all rows, or some, with actions that were checked; nothing is recorded.

        Args:
            actions: for all rows.
            out: written for the rows that step.
            mode: what becomes of episodes that end, as in `core.kernel`.
            rows: those that step.
        """
        low, high, _ = rows.indices(self.num_envs)
        some = None if high - low == self.num_envs else (np.uint64(low), np.uint64(high))
        if self.worlds:
            self.worlds.prepare()
        if self._crew is None:
            with uninterrupted():
                self._run(self.program.start, actions, span=some)
                self._guard(self.worlds.move)  # type: ignore[union-attr]  # only physics has no crew
                self._run(self.program.finish, out, mode, span=some)
                self.worlds.settle()  # type: ignore[union-attr]  # as above
            return
        if self.program.compiled and some is None:
            self._guard(self._crew.step, self._kernel_rows, actions, out, mode)
        else:
            self._run(self.program.step, actions, out, mode, span=some)
        if self.worlds:
            self.worlds.settle()

    def act(self, bot: str, out: Array | None = None, which: Array | None = None) -> Array:
        """Let a scripted bot choose actions and return them.

        Args:
            bot: a name of `env.bots`.
            out: written in place; shaped and typed as `self.actions`.
            which: agents it chooses for, bool, shaped as `alive`; all of them by default.
        """
        actions = self.actions if out is None else out
        if actions.shape != self.actions.shape or actions.dtype != self.actions.dtype or not actions.flags.carray:
            raise ActionError(
                f"out has shape {actions.shape} and dtype {actions.dtype}; it must be contiguous, writable, "
                f"{self.actions.shape} and {self.actions.dtype}"
            )
        chosen = np.ones_like(self.alive) if which is None else _flags("which", which, self.alive.shape)
        self._run(self.program.bot(bot), actions, chosen)
        return actions

    def sample_actions(self, rng: np.random.Generator) -> Array:
        """Draw uniform random actions for every agent, masks honoured for Discrete actions."""
        return draw_actions(self.action, self.actions.shape, self.action_mask, rng)

    def _run(self, kernel: Any, *arguments: Any, span: Any = None) -> None:
        """Run a kernel over all rows, or some, on this thread."""
        rows = self._kernel_rows
        if not self.program.compiled:
            rows = type(rows)(*(Cells(array) for array in rows))
            arguments = tuple(_wrap(argument) for argument in arguments)
        self._guard(kernel, span or self._whole, rows, *arguments)

    def _guard(self, kernel: Any, *arguments: Any) -> None:
        """Call `kernel`, naming the rule and its line in what goes wrong."""
        try:
            kernel(*arguments)
        except Exception as error:
            raise explain(self.env, error) or error from None

    # -- episodes, rows, snapshots ------------------------------------------------------------------

    def episodes(self) -> dict[str, float]:
        """Return means over the episodes that ended since the last call, with their number `episodes`.

        Keys: episodes, episode_return (the mean over agents with several), episode_length, and the counters; with
        several agents also episode_return/<role>.  Only `episodes` when none ended.
        """
        totals = self.rows.totals
        count = int(totals["episodes"].sum())
        result: dict[str, float] = {"episodes": count}
        if count:
            returns = totals["episode_return"].sum(axis=0) / count
            result["episode_return"] = float(np.mean(returns))
            for role in self.env.agents:
                mine = [k for k, agent in enumerate(self.agent_ids) if agent.rpartition("_")[0] == role]
                result[f"episode_return/{role}"] = float(np.mean(returns[mine]))
            for name in ("episode_length", *self.env.counters):
                result[name] = float(totals[name].sum()) / count
        totals[:] = 0
        return result

    def state(self, i: int) -> Row:
        """Return row `i` for reading, as `draw` takes it."""
        return Row(self.rows.states[i])

    def state_params(self, i: int) -> Row:
        """Return the parameters in force in row `i`, as `draw` takes them."""
        return Row(self.rows.params[i])

    def snapshot(self, i: int) -> bytes:
        """Return row `i` as bytes that `restore` takes back: its state and parameters.

        Where an engine moves bodies it also remembers contacts and the strain in joints.  A batch made with
        `record=True` therefore adds the row's past to its snapshots, from which all that comes back.
        """
        keeps = self.worlds is not None and self.recorder is not None
        past = past_bytes(self.recorder.past(slice(i, i + 1))) if keeps else b""  # type: ignore[union-attr]  # see above
        return pack(self.env, self.rows, i, past)

    def restore(self, i: int, data: bytes) -> bool:
        """Put a snapshot of the same environment and shapes into row `i`; its observation follows.

        Returns:
            Whether its future is to the bit that of the row it came from.  It is only close for physics in mid-episode
            without a record, or from another version of the engine or kind of processor.

        Raises:
            FileError: not such a snapshot; nothing has changed.
        """
        parts, rest = unpack(self.env, self.param_values, self.rows, data)
        past = read_past(self, split_bytes(self, rest), parts["states"]) if rest else None
        for part, row in parts.items():
            getattr(self.rows, part)[i : i + 1] = row
        if past is not None:
            return bool(bring_back(self, slice(i, i + 1), past).all())
        only = np.zeros(self.num_envs, np.bool_)
        only[i] = True
        self.adopt(only)
        self.look(only)
        return self.worlds is None or int(self.rows.states["step_count"][i]) == 0

    def look(self, which: Array) -> None:
        """Observe the chosen rows, bool (num_envs,), as they stand."""
        self._run(self.program.look, self.buffers, which)

    def adopt(self, which: Array | None = None) -> None:
        """Go on from rows whose data were written from outside: engines take their bodies over as after a reset.

        Args:
            which: those rows, bool (num_envs,); all of them by default.
        """
        chosen = self._all if which is None else which
        if self.worlds:
            self.worlds.adopt(chosen)
        if self.recorder:
            self.recorder.begin(chosen)

    def rewind(self, i: int, step: int) -> None:
        """Put row `i` back to how it was after `step` steps of its episode: its start, and its actions again.

        The batch must be made with `record=True`.  Exact, physics included.

        Raises:
            ParameterError: nothing was recorded, or no such step.
        """
        if self.recorder is None:
            raise ParameterError("nothing was recorded to rewind to; make the batch with record=True")
        self.recorder.rewind(i, step)

    def close(self) -> None:
        """End the threads and free the scenes; the arrays stay readable."""
        if self._crew:
            self._crew.close()
        if self.worlds:
            self.worlds.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _wrap(argument: Any) -> Any:
    """Wrap arrays for rules that run in plain Python."""
    if isinstance(argument, np.ndarray):
        return Cells(argument)
    return Buffers(*(Cells(array) for array in argument)) if isinstance(argument, Buffers) else argument


def _flags(what: str, value: Any, shape: tuple[int, ...]) -> Array:
    """Return `value` as new flags of `shape`; kernels would read past the end of fewer."""
    flags = np.array(value, np.bool_, order="C")
    if flags.shape != shape:
        raise ActionError(f"{what} has shape {flags.shape}; it must be {shape}")
    return flags


def _check_choice(what: str, value: str, valid: Sequence[str]) -> None:
    if value not in valid:
        raise UnknownName(f"unknown {what} '{value}'; {suggest(str(value), valid)}")


def _check_count(what: str, value: Any, low: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < low:
        raise ParameterError(f"{what} = {value!r}; it must be a whole number of at least {low}")
