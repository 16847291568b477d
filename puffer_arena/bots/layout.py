"""What a bot sees and does, as its file describes it: nests of parts whose leaves are numbers.

    {"kind": "box", "shape": [4], "dtype": "float32", "low": [...], "high": [...], "codes": 0, "names": [...]}
    {"kind": "discrete", "sizes": [5], ...}    {"kind": "multi_discrete", "sizes": [3, 2], ...}
    {"kind": "multi_binary", "count": 8, ...}  {"kind": "dict", "parts": {name: ...}}  {"kind": "tuple", "parts": [...]}

Bounds are numbers in the order of the elements, null where there is none; a leaf may carry "seen", the least and the
greatest value of every element that occurred in play, or of all of a picture.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from puffer_arena.bots.file import DTYPES, Numbers
from puffer_arena.errors import SpaceError, shown

ELEMENTS = {np.dtype(code).name: np.dtype(code) for code in DTYPES.values()}
MOST_ELEMENTS = 1 << 24
MOST_LEAVES = 256
MOST_DEPTH = 16
SIZED = {"discrete": "int64", "multi_discrete": "int64", "multi_binary": "int8"}


@dataclass(frozen=True)
class Leaf:
    """One simple part of an observation or action.

    Attributes:
        path: names and numbers that lead to it; empty where it is the whole.
        codes: how many codes each element takes; empty for quantities.
        low, high: bounds of every element, flat; infinite where there are none.
        seen: least and greatest values of every element in play, flat; the bounds where nobody noted them.
    """

    path: tuple[str | int, ...]
    kind: str
    shape: tuple[int, ...]
    dtype: Any
    codes: tuple[int, ...]
    low: Numbers
    high: Numbers
    names: tuple[str, ...]
    seen: tuple[Numbers, Numbers]
    fewest: int  # codes that every element takes

    @property
    def size(self) -> int:
        """How many elements it has."""
        return math.prod(self.shape)

    @property
    def label(self) -> str:
        """What to call it in errors."""
        return "the observation" if not self.path else "part " + ".".join(map(str, self.path))

    def name_of(self, element: int) -> str:
        """Return what to call an element in errors."""
        if element < len(self.names):
            return f"'{self.names[element]}'"
        return f"element {tuple(int(k) for k in np.unravel_index(element, self.shape))}" if self.shape else "it"


def read_leaves(tree: Any, path: tuple[str | int, ...] = ()) -> list[Leaf]:
    """Return the leaves of a description in order.

    Raises:
        ValueError, KeyError, TypeError: it is none.
    """
    if len(path) > MOST_DEPTH:
        raise ValueError("its parts are nested too deeply")
    kind = tree["kind"]
    if kind in ("dict", "tuple"):
        parts = tree["parts"].items() if kind == "dict" else enumerate(tree["parts"])
        found = [leaf for name, part in parts for leaf in read_leaves(part, (*path, name))]
        if not 0 < len(found) <= MOST_LEAVES:
            raise ValueError(f"it has {len(found)} parts; 1 to {MOST_LEAVES} are allowed")
        return found
    shape, codes, dtype = _sizes(tree, kind)
    size = math.prod(shape)
    if size > MOST_ELEMENTS:
        raise ValueError(f"a part has {size} elements; at most {MOST_ELEMENTS} are read")
    low, high = (_bounds(tree, key, size, codes, kind) for key in ("low", "high"))
    names = tuple(tree.get("names", ()))
    if not all(isinstance(name, str) for name in names) or len(names) > max(size, sum(codes)):
        raise ValueError(f"a part of {size} elements has {len(names)} names")
    seen = tree.get("seen")
    spans = (low, high) if seen is None else tuple(_for_each(part, size) for part in seen)
    return [Leaf(path, kind, shape, dtype, codes, low, high, names, (spans[0], spans[1]), min(codes, default=0))]


def _sizes(tree: Any, kind: str) -> tuple[tuple[int, ...], tuple[int, ...], Any]:
    """Return shape, codes and element type of a leaf."""
    if kind == "box":
        shape = tuple(_count(n, 0) for n in tree["shape"])
        codes = (_count(tree["codes"], 0, 32),) * math.prod(shape) if tree.get("codes") else ()
        return shape, codes, ELEMENTS[tree["dtype"]]
    if kind == "multi_binary":
        return (_count(tree["count"]),), (), ELEMENTS["int8"]
    if kind not in SIZED:
        raise ValueError(f"unknown kind of part {str(kind)[:40]!r}")
    sizes = tuple(_count(n) for n in tree["sizes"])
    if kind == "discrete" and len(sizes) != 1:
        raise ValueError(f"a discrete part has {len(sizes)} sizes")
    return () if kind == "discrete" else (len(sizes),), sizes, ELEMENTS["int64"]


def _count(value: Any, least: int = 1, most: int = MOST_ELEMENTS) -> int:
    if type(value) is not int or not least <= value <= most:
        raise ValueError(f"a size is {shown(value)[:40]}; {least} to {most} are allowed")
    return value


def _bounds(tree: Any, key: str, size: int, codes: tuple[int, ...], kind: str) -> Numbers:
    """Return the bounds of every element; what is not there is unbounded."""
    if codes:
        return np.zeros(size) if key == "low" else np.asarray(codes, np.float64) - 1.0
    if kind == "multi_binary":
        return np.full(size, 0.0 if key == "low" else 1.0)
    given = tree[key] if isinstance(tree[key], list) else [tree[key]]
    endless = -math.inf if key == "low" else math.inf
    return np.broadcast_to(np.asarray([endless if value is None else float(value) for value in given]), (size,))


def _for_each(given: Any, size: int) -> Numbers:
    """Return a number for every element: the given ones, or a single one for all."""
    numbers = np.asarray(given, np.float64)
    return np.full(size, numbers) if numbers.ndim == 0 else numbers.reshape(size)


def pick(value: Any, path: tuple[str | int, ...]) -> Any:
    """Return the part of an observation that `path` leads to; records of arrays are nests, too.

    Raises:
        SpaceError: there is no such part.
    """
    for step in path:
        named = isinstance(value, Mapping) or (
            isinstance(value, np.ndarray | np.void) and value.dtype.names is not None
        )
        try:
            value = value[f"part_{step}" if named and isinstance(step, int) else step]
        except (KeyError, IndexError, TypeError, ValueError):
            raise SpaceError(
                f"the observation has no part '{step}'; this bot sees {'.'.join(map(str, path))}"
            ) from None
    return value


def pick_leaf(value: Any, leaf: Leaf) -> Any:
    """Return a leaf of an observation; records of a batch hold a discrete one as an array of one number.

    Raises:
        SpaceError: there is no such part.
    """
    found = pick(value, leaf.path)
    stored = isinstance(value, np.ndarray | np.void) and value.dtype.names is not None
    return found[..., 0] if stored and leaf.kind == "discrete" else found


def read_part(leaf: Leaf, value: Any) -> tuple[Numbers, bool]:
    """Return a leaf's numbers, and whether they are those of many actors: (actors, *shape).

    Raises:
        SpaceError: wrong shape or type, NaN, or a code that does not exist; it names the element.
    """
    array = value if isinstance(value, np.ndarray) else _as_array(leaf, value)
    shape = array.shape
    many = shape != leaf.shape
    if many and (len(shape) != len(leaf.shape) + 1 or shape[1:] != leaf.shape):
        expected = f"{leaf.shape}, or (actors, {', '.join(map(str, leaf.shape))}) for many".replace(", )", ")")
        raise SpaceError(f"{leaf.label} has shape {shape}; it must be {expected}")
    kind = array.dtype.kind
    if kind not in ("biu" if leaf.codes else "biuf"):
        raise SpaceError(f"{leaf.label} has dtype {array.dtype}; {leaf.dtype} is what this bot sees")
    if leaf.codes and array.size:
        check_codes(leaf, array)
    if kind == "f":
        flat = array.reshape(-1)
        if not math.isfinite(np.dot(flat, flat)):  # the quickest sign of one that is not
            check_finite(leaf, array)
    return array, many


def check_codes(leaf: Leaf, array: Numbers) -> None:
    """Check that every element is a code that exists.

    Raises:
        SpaceError: one is not; it is named.
    """
    if array.max() < leaf.fewest and (array.dtype.kind in "bu" or array.min() >= 0):  # the usual case
        return
    flat = array.reshape(-1, leaf.size)
    wrong = np.argwhere((flat < 0) | (flat >= np.asarray(leaf.codes)))
    if len(wrong):
        row, element = (int(k) for k in wrong[0])
        raise SpaceError(
            f"{leaf.label}: {leaf.name_of(element)} is {flat[row, element]}; codes 0 to {leaf.codes[element] - 1} exist"
        )


def check_finite(leaf: Leaf, array: Numbers) -> None:
    """Check that every element is a number.

    Raises:
        SpaceError: one is NaN or infinite; it is named.
    """
    wrong = np.argwhere(~np.isfinite(array.reshape(-1, leaf.size)))
    if len(wrong):
        row, element = (int(k) for k in wrong[0])
        raise SpaceError(f"{leaf.label}: {leaf.name_of(element)} of actor {row} is NaN or infinite; give a number")


def _as_array(leaf: Leaf, value: Any) -> Numbers:
    try:
        return np.asarray(value)
    except (ValueError, TypeError) as error:
        raise SpaceError(f"{leaf.label} is {shown(value)}, no array of numbers ({error})") from None
