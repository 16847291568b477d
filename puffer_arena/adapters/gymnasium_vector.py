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
    open_batch,
    set_params,
    statistic_names,
)
from puffer_arena.adapters.spaces import batched_values, many_values, mask_values, to_gymnasium
from puffer_arena.core.errors import ActionError, ParameterError, UnknownName, suggest
from puffer_arena.core.fields import Array
from puffer_arena.core.random import MASK, philox

AUTORESET = {
    AutoresetMode.NEXT_STEP: "next_step",
    AutoresetMode.SAME_STEP: "same_step_final",
    AutoresetMode.DISABLED: "disabled",
}


class GymnasiumVectorEnv(Copies, gymnasium.vector.VectorEnv[Any, Any, Array]):
    """Many rows of an environment for one agent as Gymnasium's VectorEnv.

    Args:
        env_id: what `puffer_arena.make` takes.
        num_envs: rows.
        autoreset_mode: an AutoresetMode or its value, "NextStep", "SameStep" or "Disabled".
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
        threads: int = 1,
        render_mode: str | None = None,
        render_size: tuple[int, int] = RENDER_SIZE,
        split: str = "train",
        num_levels: int = 0,
        compiled: bool = True,
        **params: Any,
    ) -> None:
        self._mode = _autoreset_mode(autoreset_mode)
        self.num_envs, self.render_mode, self._render_size = num_envs, render_mode, render_size
        self._settings: dict[str, Any] = {
            "env_id": env_id,
            "num_envs": num_envs,
            "threads": threads,
            "split": split,
            "num_levels": num_levels,
            "autoreset": AUTORESET[self._mode],
            "compiled": compiled,
            **params,
        }
        self._open()
        fps = self.batch.env.steps_per_second
        self.metadata = {**self.metadata, "autoreset_mode": self._mode, "render_fps": fps}
        self.single_observation_space = to_gymnasium(self.batch.observation)
        self.single_action_space = to_gymnasium(self.batch.action)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self._seeded = np.zeros(num_envs, np.bool_)
        self._begun = False  # every row has been reset once
        self._ended = np.ones(num_envs, np.bool_)  # rows without an episode under way

    def _open(self) -> None:
        self.batch = open_batch(several=False, **self._settings)
        self._finished = {name: self.batch.finished[name] for name in statistic_names(self.batch)}
        self._pictures = Pictures(self.batch, self.render_mode, self._render_size, type(self).metadata["render_modes"])

    def reset(
        self, *, seed: int | Sequence[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Begin an episode in every row, or in those where `options["reset_mask"]` is set.

        Args:
            seed: of row 0, the others counting up from it; or one for each row.
            options: "params" as in `GymnasiumEnv.reset`, a value also as an array with an entry a row; "reset_mask".

        Raises:
            UnknownName, ParameterError: an option or parameter that does not exist, or is out of range.
        """
        options = options or {}
        check_options(options, ["params", "reset_mask"])
        chosen = self._chosen(options.get("reset_mask"))
        seeds = self._seeds(seed)
        if isinstance(seed, int | np.integer):
            super().reset(seed=int(seed))
        if "params" in options:
            set_params(self.batch, options["params"], np.flatnonzero(chosen))
        self._seed_rows(seeds, chosen)
        stored = self.batch.reset(which=chosen)
        self._ended = self._ended & ~chosen
        return batched_values(self.batch.observation, stored.copy()), self._mask_info(chosen)

    def step(self, actions: Any) -> tuple[Any, Array, Array, Array, dict[str, Any]]:
        """Take one step in every row; what happens at episode ends is the autoreset mode's.

        Raises:
            ActionError: actions outside the action space, or rows to be reset first; nothing has moved.
        """
        batch = self.batch
        if not self._begun:
            raise ActionError(f"'{batch.env.name}' has no episodes under way: call reset() before step()")
        if self._mode is AutoresetMode.DISABLED and self._ended.any():
            raise ActionError(
                f"rows {_few(np.flatnonzero(self._ended))} have no episode under way: "
                "reset them with reset(options={'reset_mask': mask}) before step()"
            )
        batch.step(actions)
        out = batch.buffers
        ended = out.terminated | out.truncated
        self._ended = ended.copy()  # infos hand `ended` itself out
        obs = batched_values(batch.observation, out.obs.copy())
        return obs, out.rewards.copy(), out.terminated.copy(), out.truncated.copy(), self._infos(ended)

    def _infos(self, ended: Array) -> dict[str, Any]:
        batch, same_step = self.batch, self._mode is AutoresetMode.SAME_STEP
        infos: dict[str, Any] = {}
        if batch.num_choices:
            infos = self._mask_info(np.ones_like(ended) if same_step else ~ended)
        rows = ended.nonzero()[0]
        if not rows.size:
            return infos
        statistics: dict[str, Any] = {}
        for name, column in self._finished.items():
            statistics[name] = values = np.zeros(self.num_envs, column.dtype)
            values[rows] = column[rows]
            statistics[f"_{name}"] = ended
        last = {"statistics": statistics, "_statistics": ended}
        if not same_step:
            return infos | last
        final_obs = np.full(self.num_envs, None, dtype=object)
        for i, value in zip(rows.tolist(), many_values(batch.observation, batch.final_obs[rows]), strict=True):
            final_obs[i] = value
        return infos | {"final_obs": final_obs, "_final_obs": ended, "final_info": last, "_final_info": ended}

    def _mask_info(self, rows: Array) -> dict[str, Any]:
        """Return the action masks of some rows, bool (num_envs,), as info; the others are zero."""
        if not self.batch.num_choices or not rows.any():
            return {}
        self.batch.check_choices()
        masks = self.batch.action_mask & rows[:, None]
        return {"action_mask": mask_values(self.batch.action, masks), "_action_mask": rows}

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
        if isinstance(seed, int | np.integer):
            return [int(seed) + i for i in range(self.num_envs)]
        if len(seed) != self.num_envs:
            raise ParameterError(f"{len(seed)} seeds were given; it must be one number, or {self.num_envs} of them")
        return list(seed)

    def _seed_rows(self, seeds: list[int | None], chosen: Array) -> None:
        """Restart the random streams of the chosen rows that have a seed, or never had one."""
        if not self._seeded.all():
            entropy = self.np_random.integers(2**63, size=self.num_envs).tolist()
            known = zip(seeds, entropy, self._seeded, strict=True)
            seeds = [own if seed is None and not seeded else seed for seed, own, seeded in known]
        rows = np.array([i for i in np.flatnonzero(chosen) if seeds[i] is not None], np.int64)
        low = np.array([int(seeds[i] or 0) & MASK for i in rows], np.int64)
        high = np.array([int(seeds[i] or 0) >> 32 & MASK for i in rows], np.int64)
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


def _few(rows: Array) -> str:
    """Return row numbers for a message, the first few of many."""
    shown = ", ".join(map(str, rows[:8].tolist()))
    return f"[{shown}{', ...' if len(rows) > 8 else ''}]"
