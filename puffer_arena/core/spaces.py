"""Spaces: what an observation or an action may be, and how it lies in memory.

A space names its storage (`dtype`), so a batch of any space is one numpy array, and flattening is exact by construction:
a value's flat form is the bytes of its storage.  Dimensions may name attributes of `Params`; `resolve` fills them in.
Here are the simple ones; see `composites` for spaces of parts and `roles` for those that differ between roles.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np

from puffer_arena.core.fields import Array, dimension, sized
from puffer_arena.errors import DefinitionError, SpaceError, shown

Size: TypeAlias = int | str


@dataclass(frozen=True)
class Space(ABC):
    """What all spaces do."""

    def resolve(self, params: Any) -> "Space":
        """Return the space with named dimensions looked up on `params`."""
        return self

    @property
    @abstractmethod
    def dtype(self) -> np.dtype[Any]:
        """Storage of one value; it may have a shape of its own."""

    @abstractmethod
    def contains(self, value: Any) -> bool:
        """Tell whether `value`, an array or a nest of dicts and tuples, lies in the space."""

    @abstractmethod
    def sample(self, rng: np.random.Generator) -> Any:
        """Draw a value."""

    def store(self, value: Any, out: Any, name: Any) -> None:
        """Write `value` into field or index `name` of the record or array `out`."""
        out[name] = value

    def load(self, stored: Any) -> Any:
        """Return the value that `store` wrote."""
        return np.array(stored, self.dtype.base)


def check_counts(what: str, *counts: Any) -> None:
    """Check that a space has choices.

    Raises:
        SpaceError: a count is no whole number of at least 1.
    """
    for count in counts:
        if isinstance(count, bool) or not isinstance(count, int | np.integer) or count < 1:
            raise SpaceError(f"{what} of {shown(count)} holds nothing; give a whole number of at least 1")


def check_labels(what: str, labels: Any, count: int) -> None:
    """Check that there is a name for each choice or number, or none at all.

    Raises:
        SpaceError: their number is another.
    """
    if isinstance(labels, str):
        raise SpaceError(f"the labels of {what} are one string; put a comma behind it: ('{labels}',)")
    if labels and len(labels) != count:
        raise SpaceError(f"{what} has {count} values and {len(labels)} labels, {shown(labels)}; give as many, or none")


@dataclass(frozen=True)
class Discrete(Space):
    """Whole numbers 0 .. n-1, with names for people."""

    n: int
    labels: tuple[str, ...] = field(default=(), compare=False)  # names for people

    def __post_init__(self) -> None:
        check_counts("a Discrete", self.n)
        check_labels("a Discrete", self.labels, self.n)

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.dtype((np.int64, (1,)))  # an array, so that rules can write `obs[0]`, alone and within parts

    def contains(self, value: Any) -> bool:
        array = np.asarray(value)
        return array.shape == () and np.issubdtype(array.dtype, np.integer) and 0 <= int(array) < self.n

    def sample(self, rng: np.random.Generator) -> int:
        return int(rng.integers(self.n))

    def load(self, stored: Any) -> int:
        return int(np.asarray(stored).item())


@dataclass(frozen=True)
class MultiDiscrete(Space):
    """Several whole numbers, the k-th in 0 .. nvec[k]-1."""

    nvec: tuple[int, ...]
    labels: tuple[str, ...] = field(default=(), compare=False)  # names for people

    def __post_init__(self) -> None:
        check_counts("a MultiDiscrete", *self.nvec)

    @property
    def dtype(self) -> np.dtype[Any]:
        sized("a MultiDiscrete", np.int64, (len(self.nvec),))
        return np.dtype((np.int64, (len(self.nvec),)))

    def contains(self, value: Any) -> bool:
        array = np.asarray(value)
        if array.shape != (len(self.nvec),) or not np.issubdtype(array.dtype, np.integer):
            return False
        return bool((array >= 0).all() and (array < np.asarray(self.nvec)).all())

    def sample(self, rng: np.random.Generator) -> Array:
        return rng.integers(np.asarray(self.nvec))


@dataclass(frozen=True)
class MultiBinary(Space):
    """n flags, each 0 or 1."""

    n: int
    labels: tuple[str, ...] = field(default=(), compare=False)  # names for people

    def __post_init__(self) -> None:
        check_labels("a MultiBinary", self.labels, self.n)

    @property
    def dtype(self) -> np.dtype[Any]:
        sized("a MultiBinary", np.int8, (self.n,))
        return np.dtype((np.int8, (self.n,)))

    def contains(self, value: Any) -> bool:
        array = np.asarray(value)
        return array.shape == (self.n,) and bool(np.isin(array, (0, 1)).all())

    def sample(self, rng: np.random.Generator) -> Array:
        return rng.integers(2, size=self.n, dtype=np.int8)


@dataclass(frozen=True)
class Box(Space):
    """Numbers between `low` and `high`, which are one for all elements or one for each.

    Args:
        shape: whole numbers, or names of attributes of Params.  One that is a tuple of names stands for their number,
            and labels the elements where the shape has no other dimension.
        labels: names for people, one for each element.
    """

    low: float | tuple[float, ...]
    high: float | tuple[float, ...]
    shape: tuple[Size, ...]
    element: type[np.generic] = np.float32
    labels: tuple[str, ...] = field(default=(), compare=False)

    def __post_init__(self) -> None:
        if isinstance(self.shape, int | str):
            raise SpaceError(f"the shape of a Box is {shown(self.shape)}; give a tuple: ({self.shape!r},)")

    def resolve(self, params: Any) -> "Box":
        """Return the space with named dimensions and labels looked up on `params`.

        Raises:
            DefinitionError: an attribute that does not exist, or other labels than elements.
        """
        shape = tuple(dimension(size, params) for size in self.shape)
        sized("a Box", self.element, shape)
        found = replace(self, shape=shape, labels=self._labels(params))
        elements = math.prod(found.dtype.shape)
        if found.labels and len(found.labels) != elements:
            raise DefinitionError(
                f"a Box of shape {shape} has {len(found.labels)} labels; give {elements}, one for each element, or none"
            )
        return found

    def _labels(self, params: Any) -> tuple[str, ...]:
        named = (
            getattr(params, self.shape[0], None) if len(self.shape) == 1 and isinstance(self.shape[0], str) else None
        )
        return named if isinstance(named, tuple) and not self.labels else self.labels

    @property
    def dtype(self) -> np.dtype[Any]:
        sized("a Box", self.element, tuple(size for size in self.shape if isinstance(size, int)))
        return np.dtype((self.element, self.shape))

    @cached_property  # asked for at every step
    def bounds(self) -> tuple[Array, Array]:
        """The bounds of each element, arrays of the space's shape."""
        shape, kind = self.dtype.shape, np.dtype(self.element)
        low, high = (np.broadcast_to(np.asarray(v, kind), shape) for v in (self.low, self.high))
        return low, high

    @property
    def num_codes(self) -> int:
        """How many cell codes the elements take, when they are small unsigned codes; else 0."""
        if self.element is not np.uint8 or self.low != 0 or not isinstance(self.high, int) or self.high > 31:
            return 0
        return self.high + 1

    def contains(self, value: Any) -> bool:
        array, (low, high) = np.asarray(value), self.bounds
        if array.shape != low.shape or not np.can_cast(array.dtype, self.element, "same_kind"):
            return False
        return bool((array >= low).all() and (array <= high).all())

    def sample(self, rng: np.random.Generator) -> Array:
        low, high = self.bounds
        if np.issubdtype(self.element, np.integer):
            return rng.integers(low, high, dtype=np.dtype(self.element), endpoint=True)
        unbounded = ~(np.isfinite(low) & np.isfinite(high))
        draw = rng.uniform(np.where(unbounded, -1.0, low), np.where(unbounded, 1.0, high))
        return np.clip(draw, low, high).astype(self.element)


def labels_of(name: str, count: int, parts: Sequence[str]) -> tuple[str, ...]:
    """Return labels of several alike, as in "car 0 speed", "car 0 turn", "car 1 speed", ..."""
    return tuple(f"{name} {k} {part}" for k in range(count) for part in parts)


@dataclass(frozen=True)
class Entities(Box):
    """At most so many things of one kind, some of which are there; their order means nothing.

    Stored as a Box of shape (most, 1 + features): `obs[k, 0]` is 1 where thing k is there and 0 where it is not, its
    features follow.  A row of zeros is nothing.  Policies see a set: see `EntityLayer` in the trainers.

    Args:
        low, high: bounds of the features, one for all or one for each; 0 lies between them.
        shape: (most, features).
    """

    def __post_init__(self) -> None:
        if len(self.shape) != 2:
            raise SpaceError(f"the shape of Entities is (most, features), not {self.shape}")
        features = self.shape[1]
        for bound in (self.low, self.high) if isinstance(features, int) else ():
            if np.size(bound) not in (1, features):
                raise SpaceError(
                    f"Entities have one bound for all features, or one for each of {features}, not {bound}"
                )
        if np.max(self.low) > 0 or np.min(self.high) < 0:
            raise SpaceError(
                f"features lie in [{self.low}, {self.high}]; 0 must too, for what is not there holds zeros"
            )

    @property
    def dtype(self) -> np.dtype[Any]:
        most, features = self.shape
        assert isinstance(most, int) and isinstance(features, int)  # once resolved
        return np.dtype((self.element, (most, 1 + features)))

    @cached_property
    def bounds(self) -> tuple[Array, Array]:
        low, high = np.zeros(self.dtype.shape, self.element), np.ones(self.dtype.shape, self.element)
        low[:, 1:], high[:, 1:] = self.low, self.high
        return low, high


def stored(space: Space) -> tuple[np.dtype[Any], tuple[int, ...]]:
    """Return the dtype and shape that one value of `space` has in a buffer."""
    return space.dtype.subdtype or (space.dtype, ())


def flatten(space: Space, value: Any) -> Array:
    """Return `value` as a flat uint8 array, exactly recoverable by `unflatten`.

    Raises:
        SpaceError: `value` does not lie in `space`.
    """
    if not space.contains(value):
        raise SpaceError(f"{value!r} does not lie in {space}")
    stored = np.zeros(1, space.dtype)
    space.store(value, stored, 0)
    return stored.view(np.uint8).reshape(-1)


def unflatten(space: Space, flat: Array) -> Any:
    """Return the value whose flat form is `flat`, shape (space.dtype.itemsize,), uint8.

    Raises:
        SpaceError: `flat` has the wrong size, or stands for no value of `space`.
    """
    size = space.dtype.itemsize
    if flat.dtype != np.uint8 or flat.shape != (size,):
        raise SpaceError(f"a flat value of {space} has shape ({size},) and dtype uint8, not {flat.shape} {flat.dtype}")
    base, shape = space.dtype.subdtype or (space.dtype, ())
    value = space.load(np.ascontiguousarray(flat).view(base).reshape(shape)[()])
    if not space.contains(value):
        raise SpaceError(f"the flat value stands for {value!r}, which does not lie in {space}")
    return value
