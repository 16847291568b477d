"""Keys of a keyboard, and what they stand for in actions."""

import math
from typing import Any, NamedTuple

import numpy as np

from puffer_arena.core.actions import action_bounds
from puffer_arena.core.composites import Composite, leaves
from puffer_arena.core.spaces import Box, Discrete, MultiDiscrete, Space
from puffer_arena.errors import suggest

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
