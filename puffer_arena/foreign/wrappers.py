"""Wrappers that a batch puts around environments of Gymnasium, by the names of its parameters."""

from collections import deque
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces

from puffer_arena.core.fields import Array
from puffer_arena.errors import DefinitionError

LUMA = (77, 150, 29)  # of red, green and blue, in 256ths; ITU-R BT.601


def wrap(env: Any, params: Any) -> Any:
    """Return an environment with the wrappers that parameters ask for, innermost first: skip, grey, resize, stack, limit.

    Raises:
        DefinitionError: it is not of Gymnasium, or does not see what they are for.
    """
    if not isinstance(env, gymnasium.Env):
        raise DefinitionError(
            "stack, grey, resize, skip and limit wrap environments of Gymnasium; wrap others where they are made"
        )
    if params.skip > 1:
        env = Skip(env, params.skip)
    if params.grey:
        env = Grey(env)
    if params.resize:
        env = Resize(env, params.resize)
    if params.stack > 1:
        env = Stack(env, params.stack)
    return Limit(env, params.limit) if params.limit else env


class Limit(gymnasium.Wrapper[Any, Any, Any, Any]):
    """Cuts episodes off after so many steps, as Gymnasium's TimeLimit does; a batch may count the steps itself.

    Attributes:
        most: steps of an episode.
        count: of them that were taken.
    """

    def __init__(self, env: Any, most: int) -> None:
        super().__init__(env)
        self.most, self.count = most, 0

    def reset(self, **options: Any) -> Any:
        self.count = 0
        return self.env.reset(**options)

    def step(self, action: Any) -> Any:
        observation, reward, terminated, truncated, info = self.env.step(action)
        self.count += 1
        return observation, reward, terminated, truncated or self.count >= self.most, info


class Skip(gymnasium.Wrapper[Any, Any, Any, Any]):
    """Repeats an action, and adds the rewards up."""

    def __init__(self, env: Any, count: int) -> None:
        super().__init__(env)
        self._count = count

    def step(self, action: Any) -> Any:
        total = 0.0
        for _ in range(self._count):
            observation, reward, terminated, truncated, info = self.env.step(action)
            total += float(reward)
            if terminated or truncated:
                break
        return observation, total, terminated, truncated, info


class Grey(gymnasium.ObservationWrapper[Any, Any, Any]):
    """Pictures by their luma, (rows, cols, 1)."""

    def __init__(self, env: Any) -> None:
        super().__init__(env)
        shape = check_picture(env, "grey")
        if shape[2] not in (1, 3):
            raise DefinitionError(f"grey takes pictures of 3 channels, not {shape}")
        self.observation_space = spaces.Box(0, 255, (*shape[:2], 1), np.uint8)

    def observation(self, observation: Array) -> Array:
        if observation.shape[2] == 1:
            return observation
        red, green, blue = (observation[..., k].astype(np.uint16) * LUMA[k] for k in range(3))
        return np.asarray(((red + green + blue + 128) >> 8).astype(np.uint8)[..., None])


class Resize(gymnasium.ObservationWrapper[Any, Any, Any]):
    """Pictures with sides of so many pixels, each the mean of the area that it covers."""

    def __init__(self, env: Any, side: int) -> None:
        super().__init__(env)
        shape = check_picture(env, "resize")
        self._side = side
        self.observation_space = spaces.Box(0, 255, (side, side, shape[2]), np.uint8)

    def observation(self, observation: Array) -> Array:
        made = area_means(area_means(observation.astype(np.float32), self._side, 0), self._side, 1)
        return np.asarray((made + 0.5).astype(np.uint8))


def area_means(values: Array, count: int, axis: int) -> Array:
    """Return the means of `count` equal parts of an axis, those of pixels that a part cuts through by their share."""
    values = np.moveaxis(values, axis, 0)
    size = len(values)
    edges = np.arange(count + 1) * (size / count)
    whole = np.minimum(edges.astype(np.int64), size - 1)
    share = (edges - whole).astype(np.float32).reshape(-1, *[1] * (values.ndim - 1))
    sums = np.concatenate([np.zeros_like(values[:1]), np.cumsum(values, axis=0)])[whole] + values[whole] * share
    return np.moveaxis(np.diff(sums, axis=0) * (count / size), 0, axis)


class Stack(gymnasium.Wrapper[Any, Any, Any, Any]):
    """The last observations together, joined along their last axis; at first all are the first one."""

    def __init__(self, env: Any, count: int) -> None:
        super().__init__(env)
        space = env.observation_space
        if not isinstance(space, spaces.Box) or not space.shape:
            raise DefinitionError(f"stack joins arrays, Box, not {space}")
        self._seen: deque[Array] = deque(maxlen=count)
        low, high = (np.concatenate([bound] * count, -1) for bound in (space.low, space.high))
        self.observation_space = spaces.Box(low, high, dtype=space.dtype.type)

    def reset(self, **options: Any) -> Any:
        observation, info = self.env.reset(**options)
        self._seen.extend([observation] * (self._seen.maxlen or 1))
        return np.concatenate(self._seen, -1), info

    def step(self, action: Any) -> Any:
        observation, *rest = self.env.step(action)
        self._seen.append(observation)
        return np.concatenate(self._seen, -1), *rest


def check_picture(env: Any, wanted: str) -> tuple[int, int, int]:
    """Return the shape of the pictures that an environment gives.

    Raises:
        DefinitionError: it gives none.
    """
    space = env.observation_space
    if not isinstance(space, spaces.Box) or space.dtype != np.uint8 or len(space.shape) != 3:
        raise DefinitionError(f"{wanted} is for pictures, Box of uint8 (rows, cols, channels), not {space}")
    rows, cols, channels = space.shape
    return rows, cols, channels
