"""A replay buffer: the last steps of every row, of which segments are drawn at random."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from puffer_arena.batch.limits import memory_bytes, readable_size
from puffer_arena.core.fields import Array
from puffer_arena.core.spaces import Space, stored
from puffer_arena.errors import ParameterError
from puffer_arena.trainers.networks.heads import Head
from puffer_arena.trainers.networks.observations import leaf_tensors


class Segment(NamedTuple):
    """Neighbouring steps of a row, (time, rows): what was seen, then done, what it gave, and what it ended."""

    obs: list[Tensor]  # leaves (time, rows, ...)
    actions: Tensor  # (time, rows, components), as the policy has them
    rewards: Tensor
    terminated: Tensor  # 1 where the rules ended the episode with the step, else 0
    began: Tensor  # bool, where what was seen was the first of an episode
    mask: Tensor | None = None  # open choices, bool (time, rows, choices)


class ReplayBuffer:
    """A ring of steps of every row.

    Args:
        observation: what is seen.
        head: of the policy, whose actions are kept.
        rows: how many step together.
        capacity: steps of all rows together.
        device: of what is drawn.
        known: bytes of memory; those that this process could have by default.
        choices: width of the action masks, which are kept where it is not 0.
        more: columns besides, each its dtype and the shape of an entry.

    Raises:
        ParameterError: it does not fit into memory; nothing has been allocated.
    """

    def __init__(
        self,
        observation: Space,
        head: Head,
        rows: int,
        capacity: int,
        device: str,
        known: int | None = None,
        choices: int = 0,
        more: Mapping[str, tuple[Any, tuple[int, ...]]] | None = None,
    ) -> None:
        kind, shape = stored(observation)
        self.observation, self.device, self.length = observation, device, max(1, capacity // rows)
        columns: dict[str, tuple[Any, tuple[int, ...]]] = {
            "obs": (kind, shape),
            "actions": (np.dtype(head.numbers), (head.components,)),
            "rewards": (np.dtype(np.float32), ()),
            "terminated": (np.dtype(np.bool_), ()),
            "began": (np.dtype(np.bool_), ()),
            **({"mask": (np.dtype(np.bool_), (choices,))} if choices else {}),
            **(more or {}),
        }
        each = sum(dtype.itemsize * int(np.prod(shape)) for dtype, shape in columns.values())
        there = known or memory_bytes()
        if each * self.length * rows > there:
            raise ParameterError(
                f"a replay buffer of {self.length * rows:,} steps takes {readable_size(each * self.length * rows)} of memory, "
                f"and there are {readable_size(there)}; its capacity may be up to {there // each:,}"
            )
        self.columns = {name: np.zeros((self.length, rows, *part), dtype) for name, (dtype, part) in columns.items()}
        self.count = np.zeros(1, np.int64)  # steps of each row so far, those overwritten among them

    def add(self, **step: Array) -> None:
        """Add a step of every row: the columns' entries, (rows, ...)."""
        place = int(self.count[0]) % self.length
        for name, values in step.items():
            self.columns[name][place] = values
        self.count += 1

    @property
    def held(self) -> int:
        """How many steps of each row there are."""
        return min(int(self.count[0]), self.length)

    def draw(self, segments: int, length: int, generator: torch.Generator) -> Segment:
        """Return segments that begin anywhere in any row, each as likely; there must be `length` steps."""
        return self.as_tensors(self.take(*self.places(segments, length, generator), length))

    def places(self, segments: int, length: int, generator: torch.Generator) -> tuple[Array, Array]:
        """Return the numbers of the steps that such segments begin with, and their rows, (segments,) each."""
        oldest = int(self.count[0]) - self.held
        begin = torch.randint(self.held - length + 1, (segments,), generator=generator).numpy() + oldest
        row = torch.randint(self.columns["rewards"].shape[1], (segments,), generator=generator).numpy()
        return begin, row

    def take(self, begin: Array, row: Array, length: int) -> dict[str, Array]:
        """Return copies of the columns of a `Segment`, each (length, segments, ...)."""
        place = (begin + np.arange(length)[:, None]) % self.length
        wanted = [name for name in Segment._fields if name in self.columns]
        return {name: np.ascontiguousarray(self.columns[name][place, row]) for name in wanted}

    def episode_end(self, step: Array, row: Array) -> Array:
        """Return the number of the first step held that is no longer of a step's episode, (steps,)."""
        oldest = int(self.count[0]) - self.held
        order = (oldest + np.arange(self.held)) % self.length
        began = np.flatnonzero(self.columns["began"][order].T)  # row by row, each in the order of time
        after = np.append(began, self.columns["began"].size)[
            np.searchsorted(began, row * self.held + step - oldest, "right")
        ]
        found: Array = np.minimum(after, (row + 1) * self.held) - row * self.held + oldest
        return found

    def as_tensors(self, found: Mapping[str, Array]) -> Segment:
        """Return what `take` returned as networks take it."""
        length, segments = found["rewards"].shape
        flat = found["obs"].reshape(length * segments, *found["obs"].shape[2:])
        leaves = [part.unflatten(0, (length, segments)) for part in leaf_tensors(self.observation, flat, self.device)]  # type: ignore[no-untyped-call]
        tensors = {name: torch.from_numpy(found[name]).to(self.device) for name in found if name != "obs"}
        tensors["terminated"] = tensors["terminated"].float()
        return Segment(leaves, **tensors)
