"""Our spaces as Gymnasium's and back, and stored observations as the values Gymnasium expects.

Both ways are exact: bounds, element types, names and order of nested parts survive.  Gymnasium spaces that ours cannot
express (a start other than 0, grids of numbers in one MultiDiscrete, text, graphs) are refused, never bent.
Names of actions (`labels`) stay behind: Gymnasium has no place for them.
"""

from collections import OrderedDict
from typing import Any, TypeAlias

import gymnasium.spaces as theirs
import numpy as np

from puffer_arena.core import spaces as ours
from puffer_arena.core.actions import choice_sizes, count_choices
from puffer_arena.core.composites import Composite, Dict, Tuple
from puffer_arena.core.fields import Array
from puffer_arena.core.roles import Roles
from puffer_arena.errors import SpaceError

GymnasiumSpace: TypeAlias = "theirs.Space[Any]"


def to_gymnasium(space: ours.Space) -> GymnasiumSpace:
    """Return a resolved space of ours as Gymnasium's."""
    match space:
        case ours.Discrete(n=n):
            return theirs.Discrete(n)
        case ours.MultiDiscrete(nvec=nvec):
            return theirs.MultiDiscrete(list(nvec))
        case ours.MultiBinary(n=n):
            return theirs.MultiBinary(n)
        case ours.Box():
            low, high = space.bounds
            return theirs.Box(low.copy(), high.copy(), low.shape, space.element)
        case Dict(spaces=parts):  # an OrderedDict keeps its order; a dict would be sorted
            return theirs.Dict(OrderedDict((name, to_gymnasium(part)) for name, part in parts.items()))
        case Tuple(spaces=parts):
            return theirs.Tuple([to_gymnasium(part) for part in parts])
    raise SpaceError(f"{space} has no counterpart in Gymnasium")


def from_gymnasium(space: GymnasiumSpace) -> ours.Space:
    """Return a Gymnasium space as ours.

    Raises:
        SpaceError: it has no exact counterpart.
    """
    match space:
        case theirs.Discrete() if space.start == 0 and space.dtype == np.int64:
            return ours.Discrete(int(space.n))
        case theirs.MultiDiscrete() if space.nvec.ndim == 1 and not space.start.any() and space.dtype == np.int64:
            return ours.MultiDiscrete(tuple(space.nvec.tolist()))
        case theirs.MultiBinary() if isinstance(space.n, int):
            return ours.MultiBinary(space.n)
        case theirs.Box() if space.dtype.isnative and space.dtype.kind in "iuf":
            return ours.Box(_bound(space.low), _bound(space.high), space.shape, space.dtype.type)
        case theirs.Dict():
            return Dict({_name(name): from_gymnasium(part) for name, part in space.spaces.items()})
        case theirs.Tuple():
            return Tuple(tuple(from_gymnasium(part) for part in space.spaces))
    raise SpaceError(
        f"{space} has no exact counterpart; allowed are Dict and Tuple, nested, of Discrete and one-dimensional "
        "MultiDiscrete that start at 0 and are int64, one-dimensional MultiBinary, and Box of whole numbers or floats"
    )


def _bound(bound: Array) -> Any:
    """Return a Box's bound as one Python number where it is the same everywhere, else as nested tuples."""
    if bound.size and (bound == bound.flat[0]).all():
        return bound.flat[0].item()
    return _nest(bound.tolist())


def _nest(values: Any) -> Any:
    return tuple(_nest(value) for value in values) if isinstance(values, list) else values


def _name(name: Any) -> str:
    if not isinstance(name, str):
        raise SpaceError(f"the parts of a Dict space have strings for names, not {name!r}")
    return name


def one_value(space: ours.Space, stored: Any) -> Any:
    """Return one observation as the batch stores it as a value of Gymnasium's space, sharing no memory."""
    return _as_theirs(space, space.load(stored))


def _as_theirs(space: ours.Space, value: Any) -> Any:
    """Return a value of ours as Gymnasium's space has it: whole numbers, too, have a dtype."""
    match space:
        case ours.Discrete():
            return np.int64(value)
        case Dict(spaces=parts):
            return {name: _as_theirs(part, value[name]) for name, part in parts.items()}
        case Tuple(spaces=parts):
            return tuple(_as_theirs(part, each) for part, each in zip(parts, value, strict=True))
        case Roles(spaces=roles):
            return value[0], _as_theirs(roles[value[0]], value[1])
    return value


def many_values(space: ours.Space, stored: Array) -> list[Any]:
    """Return `one_value` of each entry of a copy that the caller gives up: arrays are views of it."""
    if isinstance(space, ours.Box) and stored.ndim > 1:
        return list(stored)
    return [one_value(space, entry) for entry in stored]


def batched_values(space: ours.Space, stored: Array) -> Any:
    """Return many stored observations as a value of Gymnasium's batched space; leaves are views of `stored`."""
    if isinstance(space, ours.Box):  # the common one first: every step asks
        return stored
    return stored[..., 0] if isinstance(space, ours.Discrete) else _parts(space, stored)


def _parts(space: ours.Space, stored: Array) -> Any:
    match space:
        case Dict(spaces=parts):
            return {name: _parts(part, stored[name]) for name, part in parts.items()}
        case Tuple(spaces=parts):
            return tuple(_parts(part, stored[f"part_{k}"]) for k, part in enumerate(parts))
        case ours.Discrete():
            return stored[..., 0]
    return stored


def mask_values(action: ours.Space, mask: Array) -> Any:
    """Return action masks, shape (..., choices) bool, as `sample(mask=...)` of Gymnasium's spaces takes them.

    That is int8: one array for a Discrete action, a tuple with an array for each component of a MultiDiscrete, and a
    dict or tuple of these for an action of parts, where a part without choices to bar has None.
    """
    if isinstance(action, Composite):
        begin, values = 0, []
        for part in action.parts.values():
            end = begin + count_choices(part)
            values.append(mask_values(part, mask[..., begin:end]))
            begin = end
        return action.join(values)
    if not count_choices(action):
        return None
    as_int8 = mask.astype(np.int8)
    if not isinstance(action, ours.MultiDiscrete):
        return as_int8
    return tuple(np.split(as_int8, np.cumsum(action.nvec)[:-1], axis=-1))


def mask_space(action: ours.Space) -> GymnasiumSpace:
    """Return the space of an action's masks in observations: as `mask_values`, without the parts that have none."""
    if isinstance(action, Composite):
        parts = {name: mask_space(part) for name, part in action.parts.items() if count_choices(part)}
        return theirs.Dict(OrderedDict(parts)) if isinstance(action, Dict) else theirs.Tuple(list(parts.values()))
    masks = [theirs.Box(0, 1, (size,), np.int8) for size in choice_sizes(action)]
    return theirs.Tuple(masks) if isinstance(action, ours.MultiDiscrete) else masks[0]


def without_none(mask: Any) -> Any:
    """Return what `mask_values` gave without the parts that cannot be barred."""
    if isinstance(mask, dict):
        return {name: without_none(part) for name, part in mask.items() if part is not None}
    return tuple(without_none(part) for part in mask if part is not None) if isinstance(mask, tuple) else mask


def one_action(action: ours.Space, value: Any) -> Any:
    """Return one action with an axis before it, in every part, as a batch of one row takes it.

    Raises:
        ValueError: a part is a ragged list.
    """
    if isinstance(action, Composite) and (values := action.split(value)) is not None:
        parts = zip(action.parts.values(), values, strict=True)
        return action.join([one_action(part, each) for part, each in parts])
    return np.asarray(value)[None]
