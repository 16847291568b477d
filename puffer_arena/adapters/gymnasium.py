"""Gymnasium in front of a batch: one row as an `Env`, many as a `VectorEnv`.

    import gymnasium

    env = gymnasium.make("puffer_arena/Snake-v0", render_mode="human", rows=8, cols=8)
    obs, info = env.reset(seed=0, options={"params": {"max_hunger": 50}})
    envs = gymnasium.make_vec("puffer_arena/Snake-v0", num_envs=4096, autoreset_mode="SameStep", threads=2)

`GymnasiumEnv("./my_game.py")` wraps a file of yours; `puffer_arena.register("./my_game.py")` makes it known to
`gymnasium.make`.  Row i of a vector environment plays exactly what a single one seeded with seed + i plays.  Parameters
are attributes to `get_wrapper_attr` and `set_wrapper_attr`, and so to `get_attr` and `set_attr` of vector environments.
Infos hold, besides what Gymnasium defines:

    its counters  by their names in `Env.counters`, as they stand: at every reset and step, an episode's last included
    its signals   by their names in `Env.signals`, such as "cost": those of the last step, 0 at a reset
    statistics    on the step that ends an episode: episode_return, episode_length, the sums of its signals, such as
                  episode_cost, and the environment's counters
    action_mask   while an episode goes on, where the environment has masks: what `action_space.sample(mask=...)` takes
"""

from typing import Any

import gymnasium
import numpy as np

from puffer_arena.adapters.gymnasium_vector import GymnasiumVectorEnv
from puffer_arena.adapters.parts import OneRow, check_options, open_choices, set_params, statistic_names
from puffer_arena.adapters.register import register_gymnasium as register_envs
from puffer_arena.adapters.spaces import mask_values, one_action, one_value, to_gymnasium
from puffer_arena.batch.seeds import check_seed
from puffer_arena.core.composites import Composite
from puffer_arena.core.fields import Array
from puffer_arena.core.spaces import Box, Discrete
from puffer_arena.errors import ActionError

WHOLE = (int, np.int64)  # what a choice mostly is
MANY = 2**63  # what an int64 holds no more

__all__ = ["GymnasiumEnv", "GymnasiumVectorEnv", "register_envs"]


class GymnasiumEnv(OneRow, gymnasium.Env[Any, Any]):
    """An environment for one agent as Gymnasium's Env; made as `OneRow` says."""

    several = False

    def _declare(self) -> None:
        self.observation_space = to_gymnasium(self.batch.observation)
        self.action_space = to_gymnasium(self.batch.action)
        self._parts = isinstance(self.batch.action, Composite)  # the action is one of parts
        self._choice = np.zeros(1, np.int64) if isinstance(self.batch.action, Discrete) else None  # to hand over
        self._plain = isinstance(self.batch.observation, Box) and self.batch.obs.ndim > 1  # an array, as it is given
        self._masked = self.batch.num_choices > 0
        self._going = False  # an episode is under way

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Begin an episode; `options={"params": {name: value}}` sets parameters from it on.

        Raises:
            UnknownName, ParameterError: an option or parameter that does not exist or is out of range; a seed that is
                no whole number of at least 0.
        """
        if seed is not None:
            seed = check_seed(seed)
        super().reset(seed=seed)
        check_options(options or {}, ["params"])
        if options and "params" in options:
            set_params(self.batch, options["params"], np.arange(1))
        if seed is None and not self._seeded:
            seed = int(self.np_random.integers(2**63))
        self._seeded = self._going = True
        self.batch.reset(seed)
        return self._seen()

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Take one step.

        Raises:
            ActionError: an action outside the action space, or no episode under way; nothing has moved.
        """
        batch = self.batch
        if not self._going:
            raise ActionError(f"'{batch.env.name}' has no episode under way: call reset() before step()")
        given = self._choice
        if given is not None and action.__class__ in WHOLE and 0 <= action < MANY:
            given[0] = action
        else:
            given = self._stored(action)
        _, rewards, ended, cut = batch.step(given)
        terminated, truncated = ended.item(), cut.item()
        self._going = not (terminated or truncated)
        obs, info = self._seen()
        return obs, rewards.item(), terminated, truncated, info

    def _stored(self, action: Any) -> Any:
        """Return an action of any kind as `Batch.step` takes it.

        Raises:
            ActionError: it is none of this environment.
        """
        batch = self.batch
        try:
            actions = one_action(batch.action, action) if self._parts else np.asarray(action)[None]
        except ValueError:  # a ragged list
            raise ActionError(f"action is {action!r}; allowed: {self.action_space}") from None
        if not self._parts and (actions.shape != batch.actions.shape or actions.dtype.kind not in "iuf"):
            raise ActionError(f"action is {action!r}; allowed: {self.action_space}")
        return actions

    def _seen(self) -> tuple[Any, dict[str, Any]]:
        """Return the observation and info, after showing them to the person, if there is one."""
        batch = self.batch
        info: dict[str, Any] = self._counted() if self._counters else {}
        if batch.env.signals:
            info |= self._signalled()
        if not self._going:
            last = batch.finished[0]
            info["statistics"] = {name: last[name].item() for name in statistic_names(batch)}
        elif self._masked:
            info["action_mask"] = mask_values(batch.action, batch.action_mask[0])
        if self.render_mode is not None:
            self._show()
        obs = batch.buffers.obs[0]
        return obs.copy() if self._plain else one_value(batch.observation, obs), info

    def action_masks(self) -> Array:
        """Return the allowed choices, shape (choices,) bool, as sb3-contrib's MaskablePPO asks for them.

        Where the environment has no masks all are allowed; MultiBinary counts two choices, off and on, a component.
        """
        return open_choices(self.batch, 0)

    def has_wrapper_attr(self, name: str) -> bool:
        """Tell whether there is such a parameter or attribute."""
        return name in self.batch.env.parameters or super().has_wrapper_attr(name)

    def get_wrapper_attr(self, name: str) -> Any:
        """Return a parameter as it was last set, or an attribute."""
        if name in self.batch.env.parameters:
            return self.batch.params[name][0].tolist()
        return super().get_wrapper_attr(name)

    def set_wrapper_attr(self, name: str, value: Any, *, force: bool = True) -> bool:
        """Set a parameter, as `batch.params` does, or an attribute.

        Raises:
            ParameterError: a value of the wrong type, or outside the parameter's range.
        """
        if name not in self.batch.env.parameters:
            return super().set_wrapper_attr(name, value, force=force)
        set_params(self.batch, {name: value}, np.arange(1), "set_wrapper_attr")
        return True
