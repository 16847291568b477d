"""Actions as they come from outside: checked before any rule sees them, and drawn at random."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from puffer_arena.core.fields import Array
from puffer_arena.core.spaces import Box, Discrete, MultiDiscrete, Space
from puffer_arena.errors import ActionError

WIDEST = 1e3  # random actions of a Box without bounds lie within


def action_bounds(space: Space) -> tuple[Any, Any]:
    """Return the least and greatest action, as numbers or per component."""
    if isinstance(space, Discrete):
        return 0, space.n - 1
    if isinstance(space, MultiDiscrete):
        return 0, np.asarray(space.nvec) - 1
    return space.bounds if isinstance(space, Box) else (0, 1)


def count_choices(space: Space) -> int:
    """Return how many flags a mask over the actions has: one a choice, component after component."""
    if isinstance(space, Discrete):
        return space.n
    return sum(space.nvec) if isinstance(space, MultiDiscrete) else 0


def check_actions(name: str, space: Space, actions: Any, into: Array) -> Array:
    """Return `actions` as the kernels take them; those of a Box are clipped to its bounds.

    Args:
        name: the environment's.
        space: of one agent's action.
        actions: whole numbers or floats.
        into: of the shape and dtype that kernels take; clipped actions are written here.

    Raises:
        ActionError: actions of the wrong shape, dtype or value.
    """
    given = np.asarray(actions)
    if given.shape != into.shape:
        raise ActionError(f"actions have shape {given.shape}; '{name}' takes {into.shape}")
    low, high = action_bounds(space)
    if into.dtype.kind == "f":
        if given.dtype.kind not in "fiu":
            raise ActionError(f"actions have dtype {given.dtype}; '{name}' takes floats")
        np.minimum(given, high, out=into)  # both together take less than np.clip
        np.maximum(into, low, out=into)
        if not math.isfinite(into.sum()):
            where = tuple(np.argwhere(~np.isfinite(into))[0].tolist())
            raise ActionError(f"action at {where} is {into[where]}; it must be a finite number")
        return into
    if given.dtype.kind not in "iu":
        raise ActionError(f"actions have dtype {given.dtype}; '{name}' takes whole numbers")
    ready = given if given.dtype == np.int64 and given.flags.carray else given.astype(np.int64)
    words = ready.view(np.uint64)  # a negative action is a large one
    if not isinstance(high, int):
        fits = (words <= high).all()
    else:  # a look at one number takes a fifth of a reduction
        fits = (words.item() if words.size == 1 else np.maximum.reduce(words, axis=None)) <= high
    if not fits:
        where = tuple(np.argwhere((ready < low) | (ready > high))[0].tolist())
        limit = high if np.ndim(high) == 0 else high[where[-1]]
        raise ActionError(f"action at {where} is {ready[where]}; allowed: {low} to {limit}")
    return ready


def check_mask(name: str, agent_ids: Sequence[str], space: Space, mask: Array, acting: Array) -> None:
    """Check that everybody who acts next has a choice; one reduction where all have.

    Args:
        name: the environment's.
        agent_ids: of its agents; none for a solo environment.
        space: of one agent's action.
        mask: allowed choices, bool (num_envs[, agents], choices).
        acting: who acts next, bool (num_envs, agents); (num_envs, 1) for a solo environment.

    Raises:
        ActionError: all of somebody's choices are barred.
    """
    sizes = space.nvec if isinstance(space, MultiDiscrete) else (mask.shape[-1],)
    flags = mask.reshape(*acting.shape, -1)
    free = np.logical_or.reduceat(flags, np.cumsum((0, *sizes[:-1])), axis=-1)
    if (free.all(axis=-1) | ~acting).all():
        return
    row, agent, part = np.argwhere(~free & acting[..., None])[0].tolist()
    who = f", of agent '{agent_ids[agent]}'" if agent_ids else ""
    component = f" of component {part}" if isinstance(space, MultiDiscrete) else ""
    raise ActionError(
        f"environment '{name}': in row {row}{who}, action_mask bars every choice{component}; leave at least one allowed"
    )


def draw_actions(space: Space, shape: tuple[int, ...], mask: Array, rng: np.random.Generator) -> Array:
    """Draw uniform random actions of `shape`; `mask` has no choices where all are allowed, and bars never all."""
    low, high = action_bounds(space)
    if isinstance(space, Box):
        return rng.uniform(np.maximum(low, -WIDEST), np.minimum(high, WIDEST), shape)
    if mask.shape[-1] and isinstance(space, Discrete):
        return np.asarray((rng.random(mask.shape) * (mask + 1e-9)).argmax(-1))
    return np.asarray(rng.integers(high + 1, size=shape))
