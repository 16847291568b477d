"""Spaces by role: where agents of several roles see or do different things, their records have one size.

A value lies behind the number of its role, so that what everybody sees or does is one array.
"""

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from puffer_arena.core.fields import dimension, sized
from puffer_arena.core.spaces import Size, Space
from puffer_arena.errors import SpaceError

WORD = 8  # bytes


@dataclass(frozen=True)
class Roles(Space):
    """A space for each role of agents; a value is (role, what lies in its space), stored behind the role's number.

    All roles have records of one size, so that what agents see or do is one array.

    Args:
        spaces: role -> space.
        agents: role -> how many there are, or the attribute of Params that says so, as in `Env.agents`.
    """

    spaces: Mapping[str, Space] = field(default_factory=dict)
    agents: Mapping[str, Size] = field(default_factory=dict, compare=False)

    def __hash__(self) -> int:
        return hash(tuple(self.spaces.items()))

    def resolve(self, params: Any) -> "Roles":
        spaces = {role: space.resolve(params) for role, space in self.spaces.items()}
        return Roles(spaces, {role: dimension(count, params) for role, count in self.agents.items()})

    @property
    def spans(self) -> dict[str, slice]:
        """Where each role's agents lie among all of them, once numbers are known."""
        ends = list(itertools.accumulate((int(count) for count in self.agents.values()), initial=0))
        return {role: slice(ends[k], ends[k + 1]) for k, role in enumerate(self.agents)}

    @property
    def width(self) -> int:
        """Bytes that the widest role's value takes, in whole words."""
        return -(-max(space.dtype.itemsize for space in self.spaces.values()) // WORD) * WORD

    @property
    def dtype(self) -> np.dtype[Any]:
        sized("an observation", np.uint8, (self.width,))
        return np.dtype([("role", np.int64), ("data", np.uint8, (self.width,))])

    def of(self, stored: Any, role: str) -> Any:
        """Return a view of stored values, an array of records, as those of one role: (..., *its shape)."""
        return stored.view(within(self.spaces[role].dtype, self.dtype.itemsize, WORD))["value"]

    def contains(self, value: Any) -> bool:
        fits = isinstance(value, tuple) and len(value) == 2 and value[0] in self.spaces
        return fits and self.spaces[value[0]].contains(value[1])

    def sample(self, rng: np.random.Generator) -> tuple[str, Any]:
        role = list(self.spaces)[rng.integers(len(self.spaces))]
        return role, self.spaces[role].sample(rng)

    def store(self, value: Any, out: Any, name: Any) -> None:
        role, inner = value
        made = np.zeros(1, self.dtype)
        made["role"] = list(self.spaces).index(role)
        self.spaces[role].store(inner, self.of(made, role), 0)
        out[name] = made[0]

    def load(self, stored: Any) -> tuple[str, Any]:
        number = int(stored["role"])
        if not 0 <= number < len(self.spaces):
            raise SpaceError(f"role {number} is stored; there are {len(self.spaces)}")
        role, held = list(self.spaces)[number], np.zeros(1, self.dtype)
        held[0] = stored
        return role, self.spaces[role].load(self.of(held, role)[0])


def within(dtype: np.dtype[Any], itemsize: int, offset: int) -> np.dtype[Any]:
    """Return a record of `itemsize` bytes with a `value` of `dtype` at an offset."""
    return np.dtype({"names": ["value"], "formats": [dtype], "offsets": [offset], "itemsize": itemsize})


def space_of(space: Space, role: str | None) -> Space:
    """Return what agents of a role see or do: their own space where each role has one."""
    return space.spaces[role] if isinstance(space, Roles) and role is not None else space


def each_space(space: Space) -> Iterator[Space]:
    """Yield the space of every role, or the one for all."""
    yield from space.spaces.values() if isinstance(space, Roles) else (space,)
