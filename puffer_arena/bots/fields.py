"""Names: observations made of named fields, actions and their choices named for people."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from puffer_arena.bots.file import Numbers
from puffer_arena.bots.layout import Leaf
from puffer_arena.errors import SpaceError, UnknownName, shown, suggest


def nest(paths: Sequence[tuple[str | int, ...]], parts: Sequence[Any]) -> Any:
    """Return parts as the dictionaries and tuples that their paths lead through; a single one as it is."""
    if len(paths) == 1 and not paths[0]:
        return parts[0]
    steps = list(dict.fromkeys(path[0] for path in paths))
    grown = []
    for step in steps:
        below = [(path[1:], part) for path, part in zip(paths, parts, strict=True) if path[0] == step]
        grown.append(nest([path for path, _ in below], [part for _, part in below]))
    return tuple(grown) if isinstance(steps[0], int) else dict(zip(map(str, steps), grown, strict=True))


def choice_names(leaf: Leaf) -> list[str]:
    """Return a name for every choice or flag of a part of an action."""
    prefix = ".".join(map(str, leaf.path)) + " " if leaf.path else ""
    if leaf.codes and len(leaf.names) == sum(leaf.codes):
        return [prefix + name for name in leaf.names]
    if not leaf.codes:
        return [f"{prefix}{leaf.names[k] if k < len(leaf.names) else k}" for k in range(leaf.size)]
    several = len(leaf.codes) > 1
    named = [leaf.names[k] if k < len(leaf.names) else str(k) for k in range(len(leaf.codes))]
    return [
        f"{prefix}{named[k]} {c}" if several else f"{prefix}{c}" for k, n in enumerate(leaf.codes) for c in range(n)
    ]


def action_name(leaf: Leaf, value: Any) -> str:
    """Return the name of one part of an action."""
    names, flat = choice_names(leaf), np.asarray(value).reshape(-1)
    if leaf.kind == "multi_binary":
        return "+".join(name for name, on in zip(names, flat, strict=True) if on) or "none"
    if not leaf.codes:
        return ", ".join(f"{name} {number:.2f}" for name, number in zip(names, flat, strict=True))
    begins = np.concatenate([[0], np.cumsum(leaf.codes)[:-1]])
    return ", ".join(names[int(begin) + int(choice)] for begin, choice in zip(begins, flat, strict=True))


def from_fields(leaf: Leaf, fields: Mapping[str, Any]) -> Numbers:
    """Return a vector made of its elements by name, or by the name of several that are numbered."""
    names = [name.replace(" ", "_") for name in leaf.names]
    places: dict[str, list[int]] = {}
    for k in range(leaf.size):
        name = names[k] if k < len(names) else str(k)
        stem, _, number = name.rpartition("_")
        places.setdefault(stem if stem and number.isdigit() else name, []).append(k)
    check_fields(list(places), fields)
    vector = np.empty(leaf.size, np.float32)
    for name, elements in places.items():
        try:
            vector[elements] = np.asarray(fields[name], np.float32).reshape(len(elements))
        except (TypeError, ValueError) as error:
            raise SpaceError(f"field '{name}' is {shown(fields[name])}; it takes {len(elements)} ({error})") from None
    return vector.reshape(leaf.shape)


def check_fields(names: list[str], fields: Mapping[str, Any]) -> None:
    """Check that every field is given, and no other.

    Raises:
        UnknownName, SpaceError: one is not; it is named.
    """
    for name in fields:
        if name not in names:
            raise UnknownName(f"this bot sees no field '{name}'; {suggest(name, names)}")
    missing = [name for name in names if name not in fields]
    if missing:
        raise SpaceError(f"this bot also sees {', '.join(missing[:9])}; give every field")
