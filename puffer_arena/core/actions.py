"""Actions as they lie in memory, with the choices that they consist of; see `action_checks` for those from outside.

Every number of an action takes eight bytes, whole numbers as int64 and those of a Box as float64.  An action of parts
is a record of them, which rules read by name: `action.fire`, `action.aim[0]`.  Choices are counted through the
parts in order, and so lie the flags of a mask.
"""

import keyword
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from puffer_arena.core.composites import Composite, at, leaves
from puffer_arena.core.fields import Array
from puffer_arena.core.roles import WORD, Roles, within
from puffer_arena.core.spaces import Box, Discrete, Entities, MultiBinary, MultiDiscrete, Space
from puffer_arena.errors import ActionError, shown

WIDEST = 1e3  # random actions of a Box without bounds lie within
WHOLE = np.dtype(np.int64)
KINDS = "Discrete, MultiDiscrete, MultiBinary, Box, or a Dict or Tuple of them"


def action_dtype(space: Space) -> np.dtype[Any]:
    """Return the storage of one action as rules take it; it may have a shape of its own."""
    if isinstance(space, Composite):
        return np.dtype([(name, action_dtype(part)) for name, part in space.parts.items()])
    if isinstance(space, Roles):
        return np.dtype([("role", np.int64), ("data", np.int64, (role_words(space),))])
    if isinstance(space, Discrete):
        return np.dtype(np.int64)
    return np.dtype((np.float64 if isinstance(space, Box) else np.int64, space.dtype.shape))


def role_words(space: Roles) -> int:
    """Return how many numbers the longest action of a role takes."""
    return max(action_dtype(part).itemsize // WORD for part in space.spaces.values())


def role_actions(space: Roles, actions: Array, role: str) -> Array:
    """Return a view of actions, records (..., agents), as those of a role's agents: (..., its agents, *its shape)."""
    kind = within(action_dtype(space.spaces[role]), actions.dtype.itemsize, WORD)
    return np.asarray(actions[..., space.spans[role]].view(kind)["value"])


def own_actions(space: Space, actions: Array, role: str, agent: int) -> Array:
    """Return a view of one agent's actions, (num_envs, *its shape), within everybody's (num_envs, agents, ...)."""
    if not isinstance(space, Roles):
        return np.asarray(actions[:, agent])
    return np.asarray(role_actions(space, actions, role)[:, agent - space.spans[role].start])


def blank_actions(space: Space, shape: tuple[int, ...]) -> Array:
    """Return actions of zeros, (*shape, *the action's), which say whose they are where each role has a space."""
    actions = np.zeros(shape, action_dtype(space))
    if isinstance(space, Roles):
        for number, span in enumerate(space.spans.values()):
            actions["role"][..., span] = number
    return actions


def action_bounds(space: Space) -> tuple[Any, Any]:
    """Return the least and greatest action of a simple space, as numbers or per component."""
    if isinstance(space, Discrete):
        return 0, space.n - 1
    if isinstance(space, MultiDiscrete):
        return 0, np.asarray(space.nvec) - 1
    return space.bounds if isinstance(space, Box) else (0, 1)


def choice_sizes(space: Space) -> tuple[int, ...]:
    """Return how many choices each component has, part after part; MultiBinary and Box have none to bar.

    Where each role has a space, all have as many flags as the one with the most choices; those beyond stay False.
    """
    if isinstance(space, Composite):
        return tuple(size for part in space.parts.values() for size in choice_sizes(part))
    if isinstance(space, Roles):
        return (most,) if (most := max(map(count_choices, space.spaces.values()))) else ()
    if isinstance(space, Discrete):
        return (space.n,)
    return tuple(space.nvec) if isinstance(space, MultiDiscrete) else ()


def count_choices(space: Space) -> int:
    """Return how many flags a mask over the actions has: one a choice, component after component."""
    return sum(choice_sizes(space))


def choices_of(space: Space) -> Iterator[tuple[tuple[str, ...], Space, slice]]:
    """Yield the simple spaces within `space`, each with the fields that lead to it and where its flags lie in a mask."""
    begin = 0
    for path, leaf in leaves(space):
        end = begin + count_choices(leaf)
        yield path, leaf, slice(begin, end)
        begin = end


def action_value(space: Space, stored: Any) -> Any:
    """Return a stored action as a value of its space; numbers of a Box are clipped to its bounds, as a batch does."""
    if isinstance(space, Composite):
        return space.join([action_value(part, stored[name]) for name, part in space.parts.items()])
    if isinstance(space, Box):
        return np.clip(stored, *space.bounds).astype(space.element)
    return space.load(stored)


def component_names(space: Space) -> list[str]:
    """Return a name for each component that has choices: "" alone, "component 1" of several, "move" within parts."""
    names = []
    for path, leaf in leaves(space):
        where = ".".join(path)
        single = isinstance(leaf, Discrete)
        for k in range(len(choice_sizes(leaf))):
            names.append(where if single else f"component {k}" + (f" of {where}" if where else ""))
    return names


def draw_actions(space: Space, shape: tuple[int, ...], mask: Array, rng: np.random.Generator) -> Array:
    """Draw uniform random actions of `shape`; `mask` has no choices where all are allowed, and bars never all."""
    if isinstance(space, Roles):
        drawn = blank_actions(space, shape)
        for role, span in space.spans.items():
            own, choices = role_actions(space, drawn, role), count_choices(part := space.spaces[role])
            own[...] = draw_actions(part, own.shape, mask[..., span, : choices if mask.shape[-1] else 0], rng)
        return drawn
    if isinstance(space, Composite):
        drawn = np.zeros(shape, action_dtype(space))
        for path, leaf, flags in choices_of(space):
            field = at(drawn, path)
            field[...] = draw_actions(leaf, field.shape, mask[..., flags], rng)
        return drawn
    low, high = action_bounds(space)
    if isinstance(space, Box):
        return rng.uniform(np.maximum(low, -WIDEST), np.minimum(high, WIDEST), shape)
    if not mask.shape[-1]:
        return np.asarray(rng.integers(high + 1, size=shape))
    parts = np.split(mask, np.cumsum(choice_sizes(space))[:-1], axis=-1)
    chosen = [(rng.random(part.shape) * (part + 1e-9)).argmax(-1) for part in parts]
    return np.asarray(chosen[0] if isinstance(space, Discrete) else np.stack(chosen, -1))


def lies_in(space: Space, value: Any) -> bool:
    """Tell whether numbers, or a nest of them, are an action; of a Box whose size has a name any are."""
    if isinstance(space, Composite):
        parts = space.split(value)
        return parts is not None and all(map(lies_in, space.parts.values(), parts))
    if any(isinstance(size, str) for size in getattr(space, "shape", ())):
        return True
    try:
        given = np.asarray(value)
        kind = space.dtype.base.type if given.dtype.kind in "iuf" else given.dtype
        whole = given.dtype.kind in "iu" or isinstance(space, Box)
        return whole and space.contains(given.astype(np.int64 if isinstance(space, Discrete) else kind))
    except ValueError:  # a ragged list
        return False


def check_kind(space: Any) -> str:
    """Return what is wrong with a space as that of actions, or nothing."""
    if not isinstance(space, Space):
        return f"an action is {KINDS}, not {shown(space)}"
    if isinstance(space, Composite) and not space.parts:
        return f"{space} has no parts; give it at least one"
    for path, leaf in leaves(space):
        if not isinstance(leaf, Discrete | MultiDiscrete | MultiBinary | Box) or isinstance(leaf, Entities):
            return f"an action is {KINDS}, not {leaf}"
        for name in path:
            if wrong := check_part_name(name):
                return wrong
    return ""


def check_part_name(name: Any) -> str:
    """Return what is wrong with the name of a Dict's part, which rules read as an attribute, or nothing."""
    if name == "view":  # a method of compiled records
        return "'view' cannot be a part: compiled records have a method of this name; choose another, such as 'sight'"
    if not (isinstance(name, str) and name.isidentifier()) or keyword.iskeyword(name) or name.startswith("_"):
        return f"{name!r} cannot be a part: rules read parts as names, such as action.move; use letters, digits and _"
    return ""


def values_of(space: Space, value: Any) -> Mapping[tuple[str, ...], Any]:
    """Return what a nest of dicts and tuples holds for each simple space: path -> value.

    Raises:
        ActionError: it is no nest of this shape.
    """
    if not isinstance(space, Composite):
        return {(): value}
    found = space.split(value)
    if found is None:
        raise ActionError(f"{shown(value)} is no {type(space).__name__} of {', '.join(space.parts)}")
    inner = zip(space.parts.items(), found, strict=True)
    return {(name, *path): leaf for (name, part), each in inner for path, leaf in values_of(part, each).items()}
