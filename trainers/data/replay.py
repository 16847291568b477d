"""A replay buffer: the last steps of every row, of which segments are drawn at random."""

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


class ReplayBuffer:
    """A ring of steps of every row.

    Args:
        observation: what is seen.
        head: of the policy, whose actions are kept.
        rows: how many step together.
        capacity: steps of all rows together.
        device: of what is drawn.
        known: bytes of memory; those that this process could have by default.

    Raises:
        ParameterError: it does not fit into memory; nothing has been allocated.
    """

    def __init__(
        self, observation: Space, head: Head, rows: int, capacity: int, device: str, known: int | None = None
    ) -> None:
        kind, shape = stored(observation)
        self.observation, self.device, self.length = observation, device, max(1, capacity // rows)
        columns: dict[str, tuple[Any, tuple[int, ...]]] = {
            "obs": (kind, shape),
            "actions": (np.dtype(head.numbers), (head.components,)),
            "rewards": (np.dtype(np.float32), ()),
            "terminated": (np.dtype(np.bool_), ()),
            "began": (np.dtype(np.bool_), ()),
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
        oldest = int(self.count[0]) - self.held
        begin = torch.randint(self.held - length + 1, (segments,), generator=generator).numpy() + oldest
        row = torch.randint(self.columns["rewards"].shape[1], (segments,), generator=generator).numpy()
        place = (begin + np.arange(length)[:, None]) % self.length
        found = {name: np.ascontiguousarray(column[place, row]) for name, column in self.columns.items()}
        flat = found["obs"].reshape(length * segments, *found["obs"].shape[2:])
        leaves = [part.unflatten(0, (length, segments)) for part in leaf_tensors(self.observation, flat, self.device)]  # type: ignore[no-untyped-call]
        tensors = {name: torch.from_numpy(found[name]).to(self.device) for name in found if name != "obs"}
        return Segment(leaves, tensors["actions"], tensors["rewards"], tensors["terminated"].float(), tensors["began"])
