"""Frame stacks: what an agent saw in its last steps, as one observation (`Env.frames`)."""

import dataclasses

import numpy as np

from puffer_arena.core.composites import Dict, Tuple
from puffer_arena.core.spaces import Box, Discrete, MultiBinary, MultiDiscrete, Space
from puffer_arena.errors import SpaceError

MOST_FRAMES = 64  # in one observation


def stacked(space: Space, count: int) -> Space:
    """Return the space of `count` frames, oldest first.

    Numbers in a row become rows, (count, n); grids and pictures planes behind one another, (rows, cols, count * planes);
    and each part of a Dict or Tuple is stacked by itself.

    Raises:
        SpaceError: it cannot be stacked.
    """
    if isinstance(space, Dict):
        return Dict({name: stacked(part, count) for name, part in space.spaces.items()})
    if isinstance(space, Tuple):
        return Tuple(tuple(stacked(part, count) for part in space.spaces))
    if isinstance(space, Discrete):
        return MultiDiscrete((space.n,) * count)
    if isinstance(space, MultiDiscrete):
        return MultiDiscrete(space.nvec * count)
    if isinstance(space, MultiBinary):
        return MultiBinary(space.n * count)
    if type(space) is not Box or not 1 <= len(space.shape) <= 3:
        kind = type(space).__name__
        raise SpaceError(f"{kind} has no stack; those have: Discrete, Box of 1 to 3 dimensions, and Dict of these")
    if len(space.shape) == 1:
        return dataclasses.replace(space, shape=(count, *space.shape), labels=())
    planes = space.shape[2] if len(space.shape) == 3 else 1
    if not isinstance(planes, int) or np.size(space.low) > 1 or np.size(space.high) > 1:
        raise SpaceError(f"{space} has bounds for each element, or a parameter of planes; stacks have one for all")
    return dataclasses.replace(space, shape=(*space.shape[:2], planes * count), labels=())
