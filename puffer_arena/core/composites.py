"""Composite spaces: named parts, or parts in order, each a space of its own; a value is a record with a field for each."""

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from puffer_arena.core.fields import sized
from puffer_arena.core.spaces import Space


class Composite(Space):
    """A space of parts, each a space of its own; a value is stored as a record with a field for each."""

    @property
    @abstractmethod
    def parts(self) -> dict[str, Space]:
        """The parts by the names of their fields."""

    @abstractmethod
    def split(self, value: Any) -> list[Any] | None:
        """Return the values of the parts, or None where `value` is no nest of this shape."""

    @abstractmethod
    def join(self, values: list[Any]) -> Any:
        """Return the value whose parts `split` gives."""

    @property
    def dtype(self) -> np.dtype[Any]:
        return record([(name, part.dtype) for name, part in self.parts.items()])

    def contains(self, value: Any) -> bool:
        values = self.split(value)
        return values is not None and all(
            part.contains(each) for part, each in zip(self.parts.values(), values, strict=True)
        )

    def sample(self, rng: np.random.Generator) -> Any:
        return self.join([part.sample(rng) for part in self.parts.values()])

    def store(self, value: Any, out: Any, name: Any) -> None:
        record = out[name]
        for (field_name, part), each in zip(self.parts.items(), self.split(value) or (), strict=True):
            part.store(each, record, field_name)

    def load(self, stored: Any) -> Any:
        return self.join([part.load(stored[name]) for name, part in self.parts.items()])


@dataclass(frozen=True)
class Dict(Composite):
    """Named parts, each a space of its own."""

    spaces: Mapping[str, Space] = field(default_factory=dict)

    def __hash__(self) -> int:
        return hash(tuple(self.spaces.items()))

    def resolve(self, params: Any) -> "Dict":
        return Dict({name: space.resolve(params) for name, space in self.spaces.items()})

    @property
    def parts(self) -> dict[str, Space]:
        return dict(self.spaces)

    def split(self, value: Any) -> list[Any] | None:
        fits = isinstance(value, Mapping) and set(value) == set(self.spaces)
        return [value[name] for name in self.spaces] if fits else None

    def join(self, values: list[Any]) -> dict[str, Any]:
        return dict(zip(self.spaces, values, strict=True))


@dataclass(frozen=True)
class Tuple(Composite):
    """Parts in order, each a space of its own; stored as fields part_0, part_1, ..."""

    spaces: tuple[Space, ...] = ()

    def resolve(self, params: Any) -> "Tuple":
        return Tuple(tuple(space.resolve(params) for space in self.spaces))

    @property
    def parts(self) -> dict[str, Space]:
        return {f"part_{k}": space for k, space in enumerate(self.spaces)}

    def split(self, value: Any) -> list[Any] | None:
        return list(value) if isinstance(value, tuple) and len(value) == len(self.spaces) else None

    def join(self, values: list[Any]) -> tuple[Any, ...]:
        return tuple(values)


def leaves(space: Space, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Space]]:
    """Yield the simple spaces within `space` in the order of its fields, each behind the fields that lead to it."""
    if not isinstance(space, Composite):
        yield path, space
        return
    for name, part in space.parts.items():
        yield from leaves(part, (*path, name))


def at(stored: Any, path: tuple[str, ...]) -> Any:
    """Return what lies in a record, or in an array of them, at the end of a path of fields."""
    for name in path:
        stored = stored[name]
    return stored


def record(parts: Sequence[tuple[str, np.dtype[Any]]]) -> np.dtype[Any]:
    """Return the storage of an observation of parts."""
    sized("an observation", np.uint8, (sum(dtype.itemsize for _, dtype in parts),))
    return np.dtype(list(parts), align=True)
