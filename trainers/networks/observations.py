"""Observations as a network takes them: a list of tensors, one for each leaf of the space."""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from puffer_arena.core.composites import at, leaves
from puffer_arena.core.fields import Array
from puffer_arena.core.roles import Roles
from puffer_arena.core.spaces import Box, Discrete, MultiBinary, MultiDiscrete, Space


def leaf_arrays(space: Space, obs: Array) -> list[Array]:
    """Return views of stored observations (rows, *shape), one for each leaf; a Discrete leaf has shape (rows, 1).

    Where each role has a space, they are the numbers of the roles and the bytes behind them.
    """
    if isinstance(space, Roles):
        return [obs["role"], obs["data"]]
    return [at(obs, path) for path, _ in leaves(space)]


def leaf_tensors(space: Space, obs: Array, device: torch.device | str = "cpu") -> list[Tensor]:
    """Return `leaf_arrays` as tensors that share the memory of `obs` on a CPU."""
    return [torch.from_numpy(array).to(device) for array in leaf_arrays(space, obs)]


def code_sizes(space: Space) -> tuple[int, ...] | None:
    """Return how many codes each element of a leaf takes, or None where its elements are quantities."""
    if isinstance(space, Discrete):
        return (space.n,)
    if isinstance(space, MultiDiscrete):
        return tuple(space.nvec)
    if isinstance(space, Box) and space.num_codes:
        return (space.num_codes,) * int(np.prod(space.dtype.shape))
    return None


def scale(space: Space) -> float:
    """Return the factor that brings whole-number quantities near 1; floats are taken as they are."""
    if isinstance(space, MultiBinary) or not isinstance(space, Box) or not np.issubdtype(space.element, np.integer):
        return 1.0
    largest = max(abs(float(bound.max())) for bound in (space.bounds[0], -space.bounds[0], space.bounds[1]))
    return 1.0 / largest if largest > 0 else 1.0


def is_picture(space: Any) -> bool:
    """Tell whether a leaf is (rows, cols, channels) of bytes, or a grid of any kind."""
    return isinstance(space, Box) and len(space.dtype.shape) == 3 and space.element is np.uint8 and not space.num_codes
