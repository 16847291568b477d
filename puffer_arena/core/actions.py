"""Actions as they lie in memory and as they come from outside: checked before any rule sees them, or drawn at random.

Every number of an action takes eight bytes, whole numbers as int64 and those of a Box as float64.  An action of parts
is a record of them, which rules read by name: `action.fire`, `action.aim[0]`.  Choices are counted through the
parts in order, and so lie the flags of a mask.
"""

import keyword
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from puffer_arena.core.composites import Composite, at, leaves
from puffer_arena.core.fields import Array
from puffer_arena.core.roles import WORD, Roles, within
from puffer_arena.core.spaces import Box, Discrete, Entities, MultiBinary, MultiDiscrete, Space
from puffer_arena.errors import ActionError, shown, suggest
from puffer_arena.machine.compile import jit

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


KEYS = (
    *("up", "down", "left", "right", "space", "shift", "ctrl", "alt", "return", "enter", "tab", "backspace"),
    *("delete", "insert", "home", "end", "page up", "page down"),
)


def check_key_name(key: Any) -> str:
    """Return what is wrong with the name of a key, or nothing: those in `KEYS`, of the keypad, or one small character."""
    if isinstance(key, str) and (key in KEYS or (len(key.strip("[]")) == 1 and key == key.lower())):
        return ""
    known = key.lower() if isinstance(key, str) else str(key)
    return f"{key!r} is no key; {suggest(known, KEYS)} (or a small letter, or a digit)"


class Binding(NamedTuple):
    """What a key stands for: a value in one component of an action's part."""

    path: tuple[str, ...]  # the fields that lead to the part
    leaf: Space
    component: int  # 0 for a Discrete
    value: Any


def find_binding(space: Space, given: Any) -> Binding | None:
    """Return what a key is bound to, or None where `given` is no binding.

    It is an action of a Discrete, (component, value) of an array, and behind the names of the parts that lead there,
    or their numbers in a Tuple: ("fire", 1), ("aim", 0, -1.0).
    """
    path: list[str] = []
    rest = list(given) if isinstance(given, tuple | list) else [given]
    while isinstance(space, Composite):
        name = rest.pop(0) if len(rest) > 1 else None
        name = f"part_{name}" if isinstance(name, int) and not isinstance(name, bool) else name
        if not isinstance(name, str) or name not in space.parts:
            return None
        path.append(name)
        space = space.parts[name]
    component = 0 if isinstance(space, Discrete) else rest.pop(0) if len(rest) == 2 else None
    if len(rest) != 1 or not isinstance(component, int | np.integer):
        return None
    value, named = rest[0], any(isinstance(size, str) for size in getattr(space, "shape", ()))
    components = 2**31 if named else max(math.prod(space.dtype.shape), 1)
    low, high = (-math.inf, math.inf) if isinstance(space, Box) else action_bounds(space)  # a Box clips
    kind: Any = int | float | np.number if isinstance(space, Box) else int | np.integer
    if not (0 <= component < components and isinstance(value, kind)):
        return None
    fits = low <= value <= (high[component] if isinstance(space, MultiDiscrete) else high)  # type: ignore[index]  # an array
    return Binding(tuple(path), space, int(component), value) if fits else None


def allowed_bindings(space: Space) -> str:
    """Say what keys may be bound to."""
    found = []
    for path, leaf in leaves(space):
        names = "".join(f'"{name}", ' if not name.startswith("part_") else f"{name[5:]}, " for name in path)
        if isinstance(leaf, Discrete):
            found.append(f"({names}0 to {leaf.n - 1})" if path else f"0 to {leaf.n - 1}")
        else:
            named = any(isinstance(size, str) for size in getattr(leaf, "shape", ()))
            most = "" if named else f", components 0 to {max(math.prod(leaf.dtype.shape), 1) - 1}"
            found.append(f"({names}component, value){most}")
    return " or ".join(found)


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
