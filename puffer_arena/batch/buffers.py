"""What a step writes: how the buffers are laid out, made and named."""

from typing import Any

import numpy as np

from puffer_arena.core.errors import ActionError, UnknownName, suggest
from puffer_arena.core.fields import Array
from puffer_arena.core.kernel import Buffers
from puffer_arena.core.spaces import Space, stored

Layout = dict[str, tuple[tuple[int, ...], np.dtype[Any]]]


def buffer_layout(observation: Space, num_envs: int, num_agents: int, num_choices: int) -> Layout:
    """Return shape and dtype of every buffer (see `core.kernel.Buffers`)."""
    leading = (num_envs, num_agents) if num_agents else (num_envs,)
    obs_dtype, obs_shape = stored(observation)
    obs = ((*leading, *obs_shape), obs_dtype)
    flags = np.dtype(np.bool_)
    return {
        "obs": obs,
        "rewards": (leading, np.dtype(np.float32)),
        "terminated": (leading, flags),
        "truncated": (leading, flags),
        "final_obs": obs,
        "alive": ((num_envs, max(num_agents, 1)), flags),
        "action_mask": ((*leading, num_choices), flags),
        "began": (leading, flags),
    }


def make_buffers(layout: Layout, given: dict[str, Array]) -> Buffers:
    """Return the given arrays as buffers, with new ones for the rest.

    Raises:
        UnknownName: no buffer has such a name.
        ActionError: an array of the wrong shape or dtype, or one that is not contiguous.
    """
    if unknown := set(given) - set(layout):
        raise UnknownName(f"unknown buffer '{min(unknown)}'; {suggest(min(unknown), layout)}")
    arrays = {}
    for name, (shape, dtype) in layout.items():
        array = given.get(name)
        if array is None:
            array = np.zeros(shape, dtype)
            if name in ("alive", "action_mask"):
                array[:] = True
        elif array.shape != shape or array.dtype != dtype or not array.flags.carray:
            raise ActionError(
                f"buffer '{name}' has shape {array.shape} and dtype {array.dtype}; it must be contiguous, writable, "
                f"{shape} and {dtype}"
            )
        arrays[name] = array
    return Buffers(**arrays)


class BufferViews:
    """The buffers by name."""

    buffers: Buffers

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
    def began(self) -> Array:
        """Whether `obs` is the first of an episode, shape (num_envs[, agents]); also for agents who died before."""
        return np.asarray(self.buffers.began)
