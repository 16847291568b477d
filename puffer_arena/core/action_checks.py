"""Actions as they come from outside: checked before any rule sees them, and masks before anybody chooses."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from puffer_arena.core.actions import (
    WHOLE,
    action_bounds,
    blank_actions,
    choice_sizes,
    component_names,
    count_choices,
    role_actions,
)
from puffer_arena.core.composites import Composite
from puffer_arena.core.fields import Array
from puffer_arena.core.roles import Roles
from puffer_arena.core.spaces import Discrete, MultiBinary, MultiDiscrete, Space
from puffer_arena.errors import ActionError, shown
from puffer_arena.machine.compile import jit


@jit
def all_below(numbers: Array, count: int) -> bool:
    """Tell whether whole numbers lie from 0 to below `count`; compiled, it takes a quarter of NumPy's reduction."""
    largest: Any = np.uint64(0)
    for number in numbers.flat:
        largest = max(largest, np.uint64(number))  # a negative number is a large one
    return bool(largest < np.uint64(count))


def all_below_plainly(numbers: Array, count: int) -> bool:
    """Do as `all_below`, without Numba."""
    return bool(numbers.view(np.uint64).max(initial=0) < count)


def check_actions(
    name: str, space: Space, actions: Any, into: Array, below: Callable[[Array, int], bool] = all_below_plainly
) -> Array:
    """Return `actions` as the kernels take them; those of a Box are clipped to its bounds.

    Args:
        name: the environment's.
        space: of one agent's action.
        actions: whole numbers or floats; where an action has parts: records, or a dict or tuple of each part's.
        into: of the shape and dtype that kernels take; clipped actions, and those of parts, are written here.
        below: `all_below`, compiled or plain.

    Raises:
        ActionError: actions of the wrong shape, dtype or value.
    """
    # Most steps are given choices as kernels take them: a look at these takes a third of one at all that could be.
    ready = actions.__class__ is np.ndarray and actions.dtype == WHOLE and actions.shape == into.shape
    if ready and actions.flags.carray and (count := _even_count(space)):
        fits = 0 <= actions.item() < count if into.size == 1 else below(actions, count)
        if fits:
            return actions  # type: ignore[no-any-return]  # an array, as its class said
    if into.dtype.names is None:  # every step asks: a look at the array takes less than one at the space's class
        return _check_simple(name, space, actions, into)
    if isinstance(space, Roles):
        _check_roles(name, space, actions, into)
    elif isinstance(space, Composite):
        _check_parts(name, "", space, actions, into)
    return into


def _even_count(space: Space) -> int:
    """Return how many values each number of an action may have, where all have as many; else 0."""
    if isinstance(space, Discrete):
        return space.n
    if isinstance(space, MultiDiscrete):
        return space.nvec[0] if len(set(space.nvec)) == 1 else 0
    return 2 if isinstance(space, MultiBinary) else 0


def _check_roles(name: str, space: Roles, actions: Any, into: Array) -> None:
    blank = blank_actions(space, into.shape)
    if isinstance(actions, Mapping) and set(actions) == set(space.spaces):
        given = dict(actions)
    elif isinstance(actions, np.ndarray) and actions.dtype == into.dtype and actions.shape == into.shape:
        if not np.array_equal(actions["role"], blank["role"]):
            row, agent = np.argwhere(actions["role"] != blank["role"])[0].tolist()
            said, wanted = int(actions["role"][row, agent]), list(space.spaces)[int(blank["role"][row, agent])]
            raise ActionError(f"the action at ({row}, {agent}) is one of role {said}; '{name}' has a {wanted} there")
        given = {role: role_actions(space, actions, role) for role in space.spaces}
    else:
        raise ActionError(
            f"actions are {shown(actions)}; '{name}' takes a dict with those of {' and '.join(space.spaces)}, arrays of "
            "(num_envs, agents of the role, ...), or records as `Batch.actions`"
        )
    into["role"] = blank["role"]
    for role, part in space.spaces.items():
        own = role_actions(space, into, role)
        try:
            own[...] = check_actions(name, part, given[role], own)
        except ActionError as error:
            raise ActionError(f"of '{role}': {error}") from None


def _check_parts(who: str, path: str, space: Composite, actions: Any, into: Array) -> None:
    parts = space.parts
    if isinstance(actions, np.ndarray | np.void) and actions.dtype.names == tuple(parts):
        given = [actions[name] for name in parts]
    elif (found := space.split(actions)) is not None:
        given = found
    else:
        raise ActionError(
            f"actions{path} are {shown(actions)}; '{who}' takes {' and '.join(f'{path}.{name}' for name in parts)}: a dict "
            "or tuple with an array for each, or records"
        )
    for (name, part), each in zip(parts.items(), given, strict=True):
        where = f"{path}.{name}"
        if isinstance(part, Composite):
            _check_parts(who, where, part, each, into[name])
        else:
            into[name] = _check_simple(who, part, each, into[name], where)


def _check_simple(who: str, space: Space, actions: Any, into: Array, path: str = "") -> Array:
    try:
        given = np.asarray(actions)
    except ValueError:  # a ragged list
        raise ActionError(f"actions{path} are {shown(actions)}; '{who}' takes an array of shape {into.shape}") from None
    if given.shape != into.shape:
        raise ActionError(f"actions{path} have shape {given.shape}; '{who}' takes {into.shape}")
    low, high = action_bounds(space)
    if into.dtype.kind == "f":
        if given.dtype.kind not in "fiu":
            raise ActionError(f"actions{path} have dtype {given.dtype}; '{who}' takes floats")
        np.minimum(given, high, out=into)  # both together take less than np.clip
        np.maximum(into, low, out=into)
        if not math.isfinite(into.sum()):
            where = tuple(np.argwhere(~np.isfinite(into))[0].tolist())
            raise ActionError(f"action{path} at {where} is {into[where]}; it must be a finite number")
        return into
    if given.dtype.kind not in "iu":
        raise ActionError(f"actions{path} have dtype {given.dtype}; '{who}' takes whole numbers")
    ready = given if given.dtype == np.int64 and given.flags.carray else given.astype(np.int64, order="C")
    words = ready.view(np.uint64)  # a negative action is a large one
    if not (words <= high).all():
        where = tuple(np.argwhere((ready < low) | (ready > high))[0].tolist())
        limit = high if np.ndim(high) == 0 else high[where[-1]]
        raise ActionError(f"action{path} at {where} is {ready[where]}; allowed: {low} to {limit}")
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
    if isinstance(space, Roles):
        for role, span in space.spans.items():
            if count := count_choices(part := space.spaces[role]):
                check_mask(name, agent_ids[span], part, mask[:, span, :count], acting[:, span])
        return
    sizes = choice_sizes(space)
    flags = mask.reshape(*acting.shape, -1)
    free = np.logical_or.reduceat(flags, np.cumsum((0, *sizes[:-1])), axis=-1)
    if (free.all(axis=-1) | ~acting).all():
        return
    row, agent, barred = np.argwhere(~free & acting[..., None])[0].tolist()
    who = f", of agent '{agent_ids[agent]}'" if agent_ids else ""
    component = component_names(space)[barred]
    raise ActionError(
        f"environment '{name}': in row {row}{who}, action_mask bars every choice"
        f"{f' of {component}' if component else ''}; leave at least one allowed"
    )


def mask_flags(space: Space, given: Any) -> Array:
    """Return a mask for one action, as infos hold it, as the flags that lie in a batch's, bool (choices,).

    Args:
        space: of the action.
        given: flags (choices,); a tuple with such an array for each component of a MultiDiscrete; a dict or tuple of
            these where an action has parts; None where nothing is barred.

    Raises:
        ActionError: it is of another shape.
    """
    flags = _flags(space, given)
    if flags.shape != (count_choices(space),):
        raise ActionError(f"the action mask {shown(given)} has {flags.size} flags; {space} has {count_choices(space)}")
    return flags


def _flags(space: Space, given: Any) -> Array:
    if given is None:
        return np.ones(count_choices(space), np.bool_)
    if isinstance(space, Composite) and (values := space.split(given)) is not None:
        parts = [mask_flags(part, value) for part, value in zip(space.parts.values(), values, strict=True)]
        return np.concatenate(parts)
    parts = list(given) if isinstance(given, tuple) else [given]
    return np.concatenate([np.asarray(part, np.bool_).reshape(-1) for part in parts])
