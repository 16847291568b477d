"""Values of other libraries' spaces as leaves of ours, and back: exact, and every leaf in a type of its own.

    codec = codec_of(gymnasium_space)      # codec.space is ours
    codec.writers(array)(value, i)         # writes a value into entry i of an array of stored ones
    codec.reader(array)(i)                 # reads it again

Nests of Dict and Tuple become records; a Discrete may begin anywhere, grids of numbers and flags lie flat, and text is
codes of its letters, or of the words in it that differ where its space names these.  A space without a size (Sequence,
Graph) or of several kinds (OneOf) is refused.
"""

import functools
import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import gymnasium.spaces as theirs
import numpy as np

from puffer_arena.adapters.spaces import GymnasiumSpace, from_gymnasium
from puffer_arena.core import spaces as ours
from puffer_arena.core.actions import check_part_name
from puffer_arena.core.composites import Dict, at, leaves
from puffer_arena.core.fields import Array
from puffer_arena.errors import SpaceError, shown

LETTERS = "".join(map(chr, range(32, 127)))  # of texts whose space names none
MOST_LETTERS = 128  # of a text whose space gives no length
MOST_SENTENCES = 4096  # of a text whose space says how each is made
WIDEST_CHOICE = 1024  # values that a component of a whole-numbered action may take to be a choice among them
NOTHING = "nothing"  # the one part of what has no numbers at all
ALLOWED = "nests of Dict and Tuple of Discrete, MultiDiscrete, MultiBinary, Box and Text"

Write = Callable[[Any, int], None]
Read = Callable[[int], Any]


@dataclass(frozen=True)
class Leaf:
    """One simple space of theirs: how its values lie in an array of ours."""

    space: ours.Space
    shape: tuple[int, ...]  # of their values
    dtype: Any  # of their values; str for text
    start: Any = None  # what is stored as 0, where 0 is not
    letters: str = ""  # of a text; code 0 ends it
    sentences: Mapping[str, tuple[int, ...]] | None = None  # all there are, with what is stored of them

    def write(self, value: Any, view: Array, i: int) -> None:
        """Store a value in entry `i` of `view`.

        Raises:
            SpaceError: it is of another shape or kind; see also `check_stored`.
        """
        if self.dtype is str:
            view[i] = self._codes(value)
            return
        if type(value) is not np.ndarray:
            value = np.asarray(value)
        elif value.dtype == view.dtype and value.shape == view.shape[1:] == self.shape and self.start is None:
            view[i] = value  # as it mostly is
            return
        if value.shape != self.shape or value.dtype.kind not in KINDS[view.dtype.kind]:
            raise SpaceError(
                f"is {shown(value)}, of shape {value.shape} and dtype {value.dtype}; its space says {self.shape} and "
                f"{np.dtype(self.dtype)}"
            )
        if self.start is not None:
            value = value - self.start
        view[i] = value if value.shape == view.shape[1:] else value.reshape(view.shape[1:])

    def _codes(self, value: Any) -> Sequence[int]:
        if self.sentences is not None:
            if not isinstance(value, str) or value not in self.sentences:
                raise SpaceError(f"is {shown(value)}, none of the {len(self.sentences)} texts that its space makes")
            return self.sentences[value]
        size = self.space.dtype.shape[0]
        if not isinstance(value, str) or len(value) > size or any(letter not in self.letters for letter in value):
            raise SpaceError(f"is {shown(value)}; its space takes up to {size} of {shown(self.letters)}")
        return [*(1 + self.letters.index(letter) for letter in value), *[0] * (size - len(value))]

    def read(self, view: Array, i: int) -> Any:
        """Return the value that lies in entry `i` of `view`."""
        stored = view[i]
        if self.sentences is not None:
            codes = tuple(stored.tolist())
            return next(text for text, other in self.sentences.items() if other == codes)
        if self.dtype is str:
            return "".join(self.letters[code - 1] for code in stored if code)
        if np.dtype(self.dtype).kind in "iu" and stored.dtype.kind == "f":
            stored = np.rint(stored)
        value = np.asarray(stored).reshape(self.shape)
        return (value if self.start is None else value + self.start).astype(self.dtype)[()]


# What may be stored where: NumPy's "same kind", and flags as numbers.
KINDS = {"f": "fiub", "i": "iub", "u": "iub"}


@dataclass(frozen=True)
class Codec:
    """A space of theirs beside the one of ours that holds it."""

    theirs: Any
    space: ours.Space
    leaves: tuple[tuple[tuple[Any, ...], tuple[str, ...], Leaf], ...]  # keys in a value, fields in a record, leaf

    def writer(self, array: Array) -> Write:
        """Return what writes a value into an entry of an array of stored ones, (entries, *shape).

        It raises a SpaceError where the value is of another shape or kind than its space.
        """
        places = [(keys, leaf.write, at(array, fields)) for keys, fields, leaf in self.leaves]
        if len(places) == 1 and not places[0][0]:
            write, view = places[0][1:]
            return lambda value, i: write(value, view, i)

        def write_all(value: Any, i: int) -> None:
            for keys, write, view in places:
                found = value
                try:
                    for key in keys:
                        found = found[key]
                    write(found, view, i)
                except (KeyError, IndexError, TypeError):
                    raise SpaceError(f"is {shown(value)}; its space has a part {list(keys)}") from None
                except SpaceError as error:
                    raise SpaceError(f"{list(keys)} {error}") from None

        return write_all

    @property
    def is_array(self) -> bool:
        """Whether a value is one array, stored as it is."""
        if not self.leaves or self.leaves[0][0]:
            return False
        leaf = self.leaves[0][2]
        return leaf.dtype is not str and leaf.start is None and leaf.space.dtype.shape == leaf.shape != ()

    def reader(self, array: Array) -> Read:
        """Return what reads the value of an entry of an array of stored ones."""
        views = [(leaf, at(array, fields)) for _, fields, leaf in self.leaves]
        if len(views) == 1 and not self.leaves[0][0]:
            return functools.partial(views[0][0].read, views[0][1])
        return lambda i: _join(self.theirs, iter([leaf.read(view, i) for leaf, view in views]))

    def many_reader(self, array: Array) -> Callable[[], list[Any]]:
        """Return what reads the values of all entries, in order."""
        if isinstance(self.space, ours.Discrete) and self.leaves and array.ndim == 1:  # actions, mostly
            leaf = self.leaves[0][2]
            start, dtype = leaf.start or 0, np.dtype(leaf.dtype)
            if not start and dtype == array.dtype:
                return lambda: list(array)
            return lambda: list((array + start).astype(dtype, copy=False))
        read = self.reader(array)
        return lambda: [read(i) for i in range(len(array))]


def codec_of(space: Any, acts: bool = False) -> Codec:
    """Return how values of a space of Gymnasium's lie in an array of ours.

    Args:
        space: theirs.
        acts: it is of actions; whole numbers of a Box are then choices, where these are few.

    Raises:
        SpaceError: there is no way that loses nothing.
    """
    found = [(keys, leaf) for keys, leaf in _leaves(space, (), acts) if leaf.space.dtype.itemsize]
    if not found:
        filler = ours.Discrete(1) if acts else ours.Box(0.0, 1.0, (1,))
        return Codec(space, filler, ())
    if not found[0][0]:
        return Codec(space, found[0][1].space, (((), (), found[0][1]),))
    places = tuple((keys, _fields(space, keys), leaf) for keys, leaf in found)
    return Codec(space, _ours(space, (), {keys: leaf.space for keys, leaf in found}), places)


def _ours(space: Any, keys: tuple[Any, ...], found: dict[tuple[Any, ...], ours.Space]) -> ours.Space:
    """Return the part of our space that lies at the end of `keys`, without parts that hold nothing."""
    if keys in found:
        return found[keys]
    parts = {}
    for key, field, part in _parts(space):
        if any(other[: len(keys) + 1] == (*keys, key) for other in found):
            parts[field] = _ours(part, (*keys, key), found)
    return Dict(parts)


def _parts(space: Any) -> list[tuple[Any, str, Any]]:
    """Return key, name of the field and space of every part of a Dict or Tuple."""
    if isinstance(space, theirs.Dict):
        named = [str(key) for key in space.spaces]
        plain = [f"part_{k}" if check_part_name(name) else name for k, name in enumerate(named)]
        if len(set(plain)) < len(plain):
            plain = [f"part_{k}" for k in range(len(plain))]
        return [(key, name, part) for (key, part), name in zip(space.spaces.items(), plain, strict=True)]
    return [(k, f"part_{k}", part) for k, part in enumerate(space.spaces)]


def _fields(space: Any, keys: tuple[Any, ...]) -> tuple[str, ...]:
    fields = []
    for key in keys:
        field, space = next((field, part) for other, field, part in _parts(space) if other == key)
        fields.append(field)
    return tuple(fields)


def _leaves(space: Any, keys: tuple[Any, ...], acts: bool) -> Iterator[tuple[tuple[Any, ...], Leaf]]:
    if isinstance(space, theirs.Dict | theirs.Tuple):
        for key, _, part in _parts(space):
            yield from _leaves(part, (*keys, key), acts)
        return
    try:
        yield keys, _leaf(space, acts)
    except SpaceError as error:
        where = f"part {list(keys)} " if keys else ""
        raise SpaceError(f"{where}{error}") from None


def _leaf(space: GymnasiumSpace, acts: bool) -> Leaf:
    match space:
        case theirs.Discrete():
            return Leaf(ours.Discrete(int(space.n)), (), space.dtype, _start(space.start))
        case theirs.MultiDiscrete():
            choices = tuple(space.nvec.reshape(-1).tolist())
            return Leaf(ours.MultiDiscrete(choices), space.nvec.shape, space.dtype, _start(space.start))
        case theirs.MultiBinary():
            return Leaf(ours.MultiBinary(int(np.prod(space.shape))), space.shape, space.dtype)
        case theirs.Box() if space.dtype is not None and space.dtype.kind == "b":
            return Leaf(ours.MultiBinary(int(np.prod(space.shape))), space.shape, space.dtype)
        case theirs.Box() if acts and space.dtype is not None and space.dtype.kind in "iu":
            return _whole_action(space)
        case theirs.Box():
            flat = theirs.Box(space.low.reshape(-1), space.high.reshape(-1), dtype=_type(space)) if acts else space
            return Leaf(from_gymnasium(flat), space.shape, space.dtype)
        case theirs.Text():
            if acts:
                raise SpaceError(f"{space} has no actions that a policy could draw; allowed are {ALLOWED} but Text")
            letters = "".join(space.character_list)
            return Leaf(ours.MultiDiscrete((len(letters) + 1,) * space.max_length), (), str, letters=letters)
    if not acts and (sentences := _sentences(space)):
        choices = tuple(1 + code for code in list(sentences.values())[-1])  # the last is made of the last words
        return Leaf(ours.MultiDiscrete(choices), (), str, sentences=sentences)
    if not acts and isinstance(space.sample(), str):  # a space of texts of somebody's own, such as MiniGrid's missions
        return Leaf(ours.MultiDiscrete((len(LETTERS) + 1,) * MOST_LETTERS), (), str, letters=LETTERS)
    raise SpaceError(f"{space} cannot be laid out in memory of a fixed size; allowed are {ALLOWED}")


def _sentences(space: Any) -> dict[str, tuple[int, ...]] | None:
    """Return the texts of a space that makes them of words put in their places, each with its words' numbers.

    MiniGrid's MissionSpace is one; what derives from it may say anything else.
    """
    if type(space).__name__ != "MissionSpace" or not hasattr(space, "ordered_placeholders"):
        return None
    words = space.ordered_placeholders or [[""]]
    if not 0 < math.prod(map(len, words)) <= MOST_SENTENCES:
        return None
    numbers = itertools.product(*(range(len(each)) for each in words))
    found = {_sentence(space, words, codes): codes for codes in numbers}
    return found if len(found) == math.prod(map(len, words)) else None


def _sentence(space: Any, words: list[list[str]], codes: tuple[int, ...]) -> str:
    if space.ordered_placeholders is None:
        return str(space.mission_func())
    return str(space.mission_func(*(each[code] for each, code in zip(words, codes, strict=True))))


def _type(space: GymnasiumSpace) -> Any:
    return np.dtype(space.dtype).type


def _start(start: Any) -> Any:
    return start if np.any(start) else None


def _whole_action(space: theirs.Box) -> Leaf:
    """Return whole numbers within bounds as choices, where these are few enough; else as numbers to be rounded."""
    span = np.asarray(space.high.astype(object) - space.low.astype(object) + 1)
    if not span.size or max(span.reshape(-1)) > WIDEST_CHOICE:
        low, high = (bound.astype(np.float64).reshape(-1) for bound in (space.low, space.high))
        numbers = from_gymnasium(theirs.Box(low, high, dtype=np.float64))
        return Leaf(numbers, space.shape, space.dtype)
    return Leaf(ours.MultiDiscrete(tuple(map(int, span.reshape(-1)))), space.shape, space.dtype, _start(space.low))


def _join(space: Any, values: Iterator[Any]) -> Any:
    """Return a value of theirs from those of its leaves in order; parts of no size are made anew."""
    if isinstance(space, theirs.Dict):
        return {key: _join(part, values) for key, part in space.spaces.items()}
    if isinstance(space, theirs.Tuple):
        return tuple(_join(part, values) for part in space.spaces)
    if 0 in (space.shape or ()):
        return np.zeros(space.shape, space.dtype)
    if isinstance(space, theirs.Text) and not space.max_length:
        return ""
    return next(values)


def check_stored(space: ours.Space, stored: Array) -> tuple[int, str] | None:
    """Return the first of stored observations, (entries, *shape), that cannot be used and what is wrong with it, or None.

    Codes outside their range would be looked up beyond the end of a table, and numbers that are not finite spoil every
    weight; other bounds only say what is usual.
    """
    for fields, leaf in leaves(space):
        view = at(stored, fields)
        if view.dtype.kind == "f":
            with np.errstate(all="ignore"):
                total = view.sum()
            if np.isfinite(total):
                continue
            fine = np.isfinite(view)
        elif isinstance(leaf, ours.Box) and not leaf.num_codes:
            continue
        else:
            least, greatest = _range(leaf)
            if not view.size or (view.min() >= 0 and view.max() <= least):
                continue
            fine = (view >= 0) & (view <= greatest)
        bad = np.flatnonzero(~fine.reshape(len(view), -1).all(1))
        if len(bad):
            limits = "finite numbers" if view.dtype.kind == "f" else f"within {leaf}"
            where = f", part {'.'.join(fields)}," if fields else ""
            return int(bad[0]), f"{where} is {shown(view[bad[0]])}; it must be {limits}"
    return None


def _range(leaf: ours.Space) -> tuple[int, Any]:
    """Return the least of the greatest codes of a leaf's elements, and the greatest of each."""
    match leaf:
        case ours.Discrete(n=n):
            return n - 1, n - 1
        case ours.MultiDiscrete(nvec=nvec):
            return min(nvec) - 1, np.asarray(nvec) - 1
        case ours.Box():
            return leaf.num_codes - 1, leaf.num_codes - 1
    return 1, 1
