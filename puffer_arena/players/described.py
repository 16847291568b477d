"""Spaces as a bot's file describes them, see `puffer_arena.bots.layout`, and how two descriptions differ."""

import itertools
from typing import Any

import numpy as np

from puffer_arena.bots.layout import Leaf, read_leaves
from puffer_arena.core.composites import Dict, Tuple
from puffer_arena.core.spaces import Box, Discrete, MultiBinary, MultiDiscrete, Space


def describe(space: Space) -> dict[str, Any]:
    """Return a space as plain values fit for JSON."""
    if isinstance(space, Dict):
        return {"kind": "dict", "parts": {name: describe(part) for name, part in space.spaces.items()}}
    if isinstance(space, Tuple):
        return {"kind": "tuple", "parts": [describe(part) for part in space.spaces]}
    if isinstance(space, Discrete):
        return {"kind": "discrete", "sizes": [space.n], "low": 0, "high": space.n - 1, "names": list(space.labels)}
    if isinstance(space, MultiDiscrete):
        highest = [int(n) - 1 for n in space.nvec]
        sizes = [int(n) for n in space.nvec]
        return {"kind": "multi_discrete", "sizes": sizes, "low": 0, "high": highest, "names": list(space.labels)}
    if isinstance(space, MultiBinary):
        return {"kind": "multi_binary", "count": space.n, "low": 0, "high": 1, "names": list(space.labels)}
    assert isinstance(space, Box)  # there are no others
    low, high = (_numbers(bound) for bound in space.bounds)
    return {
        "kind": "box",
        "shape": [int(n) for n in space.dtype.shape],
        "dtype": np.dtype(space.element).name,
        "low": low,
        "high": high,
        "codes": space.num_codes,
        "names": list(space.labels),
    }


def _numbers(bound: Any) -> Any:
    """Return bounds as one number or a list, None for endless ones."""
    flat = [float(value) if np.isfinite(value) else None for value in bound.reshape(-1)]
    return flat[0] if len(set(flat)) == 1 else flat


def difference(then: dict[str, Any], now: dict[str, Any]) -> str:
    """Return in words how what a bot was trained with differs from what there is, "" where it does not."""
    for old, new in itertools.zip_longest(read_leaves(then), read_leaves(now)):
        if old is None or new is None or old.path != new.path:
            return f"{_called(old)} there, {_called(new)} here"
        if (old.kind, old.shape, old.codes, old.dtype) != (new.kind, new.shape, new.codes, new.dtype):
            lost, come = (_names(a, b) for a, b in ((old, new), (new, old)))
            changed = f"; gone: {lost}; new: {come}" if lost or come else ""
            return f"{old.label} has {_sizes(old)} there and {_sizes(new)} here{changed}"
    return ""


def _called(leaf: Leaf | None) -> str:
    return "nothing more" if leaf is None else leaf.label


def _sizes(leaf: Leaf) -> str:
    codes = f" of {'/'.join(map(str, sorted(set(leaf.codes))))} codes" if leaf.codes else ""
    return f"{leaf.kind} {leaf.shape}{codes}"


def _names(leaf: Leaf, other: Leaf) -> str:
    return ", ".join(name for name in leaf.names if name not in other.names)[:200]
