"""Many rows of an environment for one agent as Gymnasium's VectorEnv, with its three autoreset modes.

Infos are arrays over the rows, each beside a mask of the rows it holds for, as Gymnasium's `VectorEnv._add_info` would
build them from the single environments' infos; only `final_obs`, whose entries are objects, takes a loop.
"""

from collections.abc import Sequence
from typing import Any

import gymnasium
import numpy as np
from gymnasium.vector import AutoresetMode
from gymnasium.vector.utils import batch_space

from puffer_arena.adapters.parts import (
    RENDER_SIZE,
    Copies,
    Pictures,
    check_options,
    counter_columns,
    open_batch,
    open_choices,
    set_params,
    statistic_names,
)
from puffer_arena.adapters.spaces import batched_values, many_values, mask_values, to_gymnasium
from puffer_arena.batch.seeds import check_seed
from puffer_arena.core.fields import Array
from puffer_arena.core.random import MASK, philox
from puffer_arena.errors import ActionError, ParameterError, UnknownName, shown, suggest

AUTORESET = {
    AutoresetMode.NEXT_STEP: "next_step",
    AutoresetMode.SAME_STEP: "same_step_final",
    AutoresetMode.DISABLED: "disabled",
}


METHODS = ("render", "action_masks")  # of a single environment, that `call` takes: those that only look


class GymnasiumVectorEnv(Copies, gymnasium.vector.VectorEnv[Any, Any, Array]):
    """Many rows of an environment for one agent as Gymnasium's VectorEnv.

    Args:
        env_id: what `puffer_arena.make` takes.
        num_envs: rows.
        autoreset_mode: an AutoresetMode or its value, "NextStep", "SameStep" or "Disabled".
        max_episode_steps: truncate episodes after so many steps, as Gymnasium's TimeLimit does; None for no limit.
        threads: threads that step the rows.
        render_mode: None or "rgb_array".
        render_size, split, num_levels, compiled, params: as in `OneRow`.

    Raises:
        UnknownName, ParameterError, ArenaError: as in `OneRow`.
    """

    metadata: dict[str, Any] = {"render_modes": ["rgb_array"], "autoreset_mode": AutoresetMode.NEXT_STEP}

    def __init__(
        self,
        env_id: str,
        num_envs: int = 1,
        autoreset_mode: str | AutoresetMode = AutoresetMode.NEXT_STEP,
        max_episode_steps: int | None = None,
        threads: int = 1,
        render_mode: str | None = None,
        render_size: tuple[int, int] = RENDER_SIZE,
        split: str = "train",
        num_levels: int = 0,
        compiled: bool = True,
        **params: Any,
    ) -> None:
        self.autoreset_mode = _autoreset_mode(autoreset_mode)
        self._limit = _check_limit(max_episode_steps)
        self.num_envs, self.render_mode, self._render_size = num_envs, render_mode, render_size
        self._settings: dict[str, Any] = {
            "env_id": env_id,
            "num_envs": num_envs,
            "threads": threads,
            "split": split,
            "num_levels": num_levels,
            "autoreset": AUTORESET[self.autoreset_mode],
            "compiled": compiled,
        }
        self._params = params
        self._open()
        fps = self.batch.env.steps_per_second
        self.metadata = {**self.metadata, "autoreset_mode": self.autoreset_mode, "render_fps": fps}
        self.single_observation_space = to_gymnasium(self.batch.observation)
        self.single_action_space = to_gymnasium(self.batch.action)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self._seeded = np.zeros(num_envs, np.bool_)
        self._begun = False  # every row has been reset once
        self._ended = np.ones(num_envs, np.bool_)  # rows without an episode under way

    def _open(self) -> None:
        self.batch = open_batch(several=False, params=self._params, **self._settings)
        self._counters = counter_columns(self.batch)
        self._statistics = statistic_names(self.batch)
        self._pictures = Pictures(self.batch, self.render_mode, self._render_size, type(self).metadata["render_modes"])

    def reset(
        self, *, seed: int | Sequence[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Begin an episode in every row, or in those where `options["reset_mask"]` is set.

        Args:
            seed: of row 0, the others counting up from it; or one for each row.
            options: "params" as in `GymnasiumEnv.reset`, a value also as an array with an entry a row; "reset_mask".

        Raises:
            UnknownName, ParameterError: an option or parameter that does not exist, or is out of range; a seed that is
                no whole number of at least 0.
        """
        options = options or {}
        check_options(options, ["params", "reset_mask"])
        chosen = self._chosen(options.get("reset_mask"))
        seeds = self._seeds(seed)
        if isinstance(seed, int | np.integer):
            super().reset(seed=check_seed(seed))
        if "params" in options:
            set_params(self.batch, options["params"], np.flatnonzero(chosen))
        self._seed_rows(seeds, chosen)
        stored = self.batch.reset(which=chosen)
        self._ended = self._ended & ~chosen
        infos = self._counter_infos(chosen) | self._mask_infos(chosen)
        infos |= _grouped({name: np.zeros(self.num_envs) for name in self.batch.env.signals}, chosen)
        return batched_values(self.batch.observation, stored.copy()), infos

    def step(self, actions: Any) -> tuple[Any, Array, Array, Array, dict[str, Any]]:
        """Take one step in every row; what happens at episode ends is the autoreset mode's.

        Raises:
            ActionError: actions outside the action space, or rows to be reset first; nothing has moved.
        """
        batch = self.batch
        if not self._begun:
            raise ActionError(f"'{batch.env.name}' has no episodes under way: call reset() before step()")
        if self.autoreset_mode is AutoresetMode.DISABLED and self._ended.any():
            raise ActionError(
                f"rows {_few(np.flatnonzero(self._ended))} have no episode under way: "
                "reset them with reset(options={'reset_mask': mask}) before step()"
            )
        batch.step(actions)
        out = batch.buffers
        rewards, terminated, truncated = out.rewards.copy(), out.terminated.copy(), out.truncated.copy()
        signals = {name: batch.signal(name).astype(np.float64) for name in batch.env.signals}
        ended = terminated | truncated
        rows = ended.nonzero()[0]
        last = self._last_values(rows) if self._limit or rows.size else {}
        if self._limit:
            truncated |= self._cut(ended, last)
            ended = terminated | truncated
            rows = ended.nonzero()[0]
        self._ended = ended.copy()  # infos hand `ended` itself out
        infos = self._infos(ended, rows, last, signals)
        return batched_values(batch.observation, out.obs.copy()), rewards, terminated, truncated, infos

    def _last_values(self, rows: Array) -> dict[str, Array]:
        """Return the statistics of the rows whose rules ended their episode, int (k,), zeros elsewhere."""
        finished, values = self.batch.finished, {}
        for name in self._statistics:
            values[name] = np.zeros(self.num_envs, finished.dtype[name])
            values[name][rows] = finished[name][rows]
        return values

    def _cut(self, ended: Array, last: dict[str, Array]) -> Array:
        """End the episodes that have gone on for `max_episode_steps`, and return which rows have, bool (num_envs,).

        Args:
            ended: rows whose rules ended their episode.
            last: statistics; those of the other rows that end here are filled in.
        """
        batch, states = self.batch, self.batch.rows.states
        late = np.where(ended, last["episode_length"], states["step_count"]) >= self._limit
        cut = late & ~ended
        if not cut.any():
            return late
        read = {"episode_length": "step_count"}
        for name, values in last.items():
            values[cut] = states[read.get(name, name)][cut]
        if self.autoreset_mode is AutoresetMode.SAME_STEP:
            batch.final_obs[cut] = batch.obs[cut]
            batch.reset(which=cut)
        else:
            states["ended"][cut] = 1
        return late

    def _infos(self, ended: Array, rows: Array, last: dict[str, Array], signals: dict[str, Array]) -> dict[str, Any]:
        """Return the infos of a step.

        Args:
            ended: whose episode ended, bool (num_envs,).
            rows: the same as indices.
            last: the statistics of these.
            signals: those of the step.
        """
        same_step, infos = self.autoreset_mode is AutoresetMode.SAME_STEP, {}
        if self._counters or signals or self.batch.num_choices:
            everyone = np.ones_like(ended)
            infos = self._counter_infos(everyone) | self._mask_infos(everyone if same_step else ~ended)
            begun = ended if same_step else np.zeros_like(ended)  # rows whose infos are those of a reset
            infos |= _grouped({name: np.where(begun, 0.0, each) for name, each in signals.items()}, everyone)
        if not rows.size:
            return infos
        over = {"statistics": _grouped(last, ended), "_statistics": ended}
        if not same_step:
            return infos | over
        over |= _grouped({name: last[name] for name in self._counters}, ended)
        over |= _grouped({name: np.where(ended, each, 0.0) for name, each in signals.items()}, ended)
        final_obs = np.full(self.num_envs, None, dtype=object)
        for i, value in zip(
            rows.tolist(), many_values(self.batch.observation, self.batch.final_obs[rows]), strict=True
        ):
            final_obs[i] = value
        return infos | {"final_obs": final_obs, "_final_obs": ended, "final_info": over, "_final_info": ended}

    def _counter_infos(self, rows: Array) -> dict[str, Any]:
        """Return the counters of some rows, bool (num_envs,), as infos; the others are zero."""
        return _grouped({name: np.where(rows, column, 0.0) for name, column in self._counters.items()}, rows)

    def _mask_infos(self, rows: Array) -> dict[str, Any]:
        """Return the action masks of some rows, bool (num_envs,), as infos; the others are zero."""
        if not self.batch.num_choices or not rows.any():
            return {}
        masks = self.batch.action_mask & rows[:, None]
        return {"action_mask": mask_values(self.batch.action, masks), "_action_mask": rows}

    def get_attr(self, name: str) -> tuple[Any, ...]:
        """Return a parameter of every row as it was last set, or what a single environment has by that name.

        Raises:
            UnknownName: neither a parameter nor such an attribute.
        """
        if name in self.batch.env.parameters:
            return tuple(self.batch.params[name][:].tolist())
        shared = {
            "action_space": self.single_action_space,
            "observation_space": self.single_observation_space,
            "metadata": self.metadata,
            "render_mode": self.render_mode,
            "spec": self.spec,
        }
        if name not in shared:
            raise UnknownName(
                f"environment '{self.batch.env.name}' has no attribute '{name}'; "
                f"{suggest(name, [*self.batch.env.parameters, *shared, *METHODS])}"
            )
        return (shared[name],) * self.num_envs

    def call(self, name: str, *args: Any, **kwargs: Any) -> tuple[Any, ...]:
        """Return what a method of a single environment gives, for every row; anything else as `get_attr` does.

        Methods are those that only look: `render` and `action_masks`.

        Raises:
            UnknownName: no such method, parameter or attribute.
        """
        if name not in METHODS:
            return self.get_attr(name)
        if args or kwargs:
            raise ParameterError(f"call('{name}') takes no arguments, not {shown((*args, *kwargs.items()))}")
        if name == "action_masks":
            return tuple(open_choices(self.batch, i) for i in range(self.num_envs))
        if self.render_mode is None:
            raise ParameterError("call('render') needs render_mode='rgb_array'; pass it to make_vec()")
        return tuple(self._pictures.rgb(i) for i in range(self.num_envs))

    def set_attr(self, name: str, values: Any) -> None:
        """Set a parameter, as `batch.params` does: one value for all rows, or a list or tuple with one for each.

        Raises:
            UnknownName: no such parameter; attributes cannot be set.
            ParameterError: values of the wrong type or number, or outside the parameter's range.
        """
        set_params(self.batch, {name: values}, np.arange(self.num_envs), "set_attr")

    def _chosen(self, reset_mask: Any) -> Array:
        """Return which rows a reset begins anew."""
        if reset_mask is None:
            return np.ones(self.num_envs, np.bool_)
        mask = np.asarray(reset_mask)
        if mask.shape != (self.num_envs,) or mask.dtype != np.bool_ or not mask.any():
            raise ParameterError(
                f"options['reset_mask'] has shape {mask.shape} and dtype {mask.dtype}, {np.count_nonzero(mask)} set; "
                f"it must be bool, ({self.num_envs},), with at least one row set"
            )
        return mask.copy()

    def _seeds(self, seed: int | Sequence[int | None] | None) -> list[int | None]:
        """Return one seed for each row, as Gymnasium's own vector environments understand `seed`."""
        if seed is None:
            return [None] * self.num_envs
        if isinstance(seed, str) or not isinstance(seed, Sequence | np.ndarray):
            check_seed(seed)
            return [check_seed(int(seed) + i) for i in range(self.num_envs)]
        if len(seed) != self.num_envs:
            raise ParameterError(f"{len(seed)} seeds were given; it must be one number, or {self.num_envs} of them")
        return [None if one is None else check_seed(one) for one in seed]

    def _seed_rows(self, seeds: list[int | None], chosen: Array) -> None:
        """Restart the random streams of the chosen rows that have a seed, or never had one."""
        if not self._seeded.all():
            entropy = self.np_random.integers(2**63, size=self.num_envs).tolist()
            known = zip(seeds, entropy, self._seeded, strict=True)
            seeds = [own if seed is None and not seeded else seed for seed, own, seeded in known]
        rows = np.array([i for i in np.flatnonzero(chosen) if seeds[i] is not None], np.int64)
        low = np.array([(seeds[i] or 0) & MASK for i in rows], np.int64)
        high = np.array([(seeds[i] or 0) >> 32 & MASK for i in rows], np.int64)
        states = self.batch.rows.states
        states["row_key"][rows] = philox(philox(low, high), 0)  # as row 0 of a batch with that seed
        states["episode"][rows] = 0
        self._seeded[rows] = True
        self._begun = bool(self._seeded.all())

    def render(self) -> tuple[Any, ...] | None:
        """Return a picture of every row under "rgb_array"."""
        if self.render_mode is None:
            gymnasium.logger.warn("render() does nothing without a render_mode; pass one to make_vec()")
            return None
        return tuple(self._pictures.rgb(i) for i in range(self.num_envs))

    def close_extras(self, **_: Any) -> None:
        """End the batch's threads."""
        self.batch.close()


def _autoreset_mode(given: Any) -> AutoresetMode:
    try:
        return AutoresetMode(given)
    except ValueError:
        valid = [mode.value for mode in AutoresetMode]
        raise UnknownName(f"unknown autoreset_mode {given!r}; {suggest(str(given), valid)}") from None


def _check_limit(given: Any) -> int:
    """Return how many steps an episode may have, 0 for no limit."""
    if given is None:
        return 0
    if isinstance(given, bool) or not isinstance(given, int | np.integer) or given < 1:
        raise ParameterError(f"max_episode_steps = {given!r}; it must be a whole number of at least 1, or None")
    return int(given)


def _grouped(values: dict[str, Array], rows: Array) -> dict[str, Array]:
    """Return arrays by name, each beside the mask of the rows that it holds for."""
    return {key: array for name, value in values.items() for key, array in ((name, value), (f"_{name}", rows))}


def _few(rows: Array) -> str:
    """Return row numbers for a message, the first few of many."""
    shown = ", ".join(map(str, rows[:8].tolist()))
    return f"[{shown}{', ...' if len(rows) > 8 else ''}]"
