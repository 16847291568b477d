"""A dataset as networks take it: tensors of single steps, or of segments of steps, drawn at random."""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from puffer_arena.core.fields import Array
from puffer_arena.datasets.dataset import Dataset
from puffer_arena.trainers.networks.heads import Head
from puffer_arena.trainers.networks.observations import leaf_tensors


class Drawn(NamedTuple):
    """Some steps (s, a, r, s', a') of a dataset; leaves of observations are (rows, ...)."""

    obs: list[Tensor]
    mask: Tensor | None  # open choices, bool (rows, choices)
    actions: Tensor  # (rows, components), as the policy has them
    rewards: Tensor  # (rows,)
    after: list[Tensor]  # what was seen next
    ends: Tensor  # 1 where the rules ended the episode there, else 0, (rows,)
    next_actions: Tensor  # what was done next; what was done, where the episode ends


class Segments(NamedTuple):
    """Neighbouring steps of episodes, (time, rows); beyond an episode's end its last step comes again, not `valid`."""

    obs: list[Tensor]  # leaves (time, rows, ...)
    mask: Tensor | None  # bool (time, rows, choices)
    actions: Tensor  # (time, rows, components)
    before: Tensor  # the actions of the steps before, (time, rows, components); zeros where an episode begins
    started: Tensor  # 0 where an episode begins, else 1
    to_go: Tensor  # rewards from here to the episode's end
    valid: Tensor  # bool


class Transitions:
    """The tensors of a dataset.

    Args:
        data: the episodes.
        head: of the policy that learns from them.
        device: of the tensors.
    """

    def __init__(self, data: Dataset, head: Head, device: str) -> None:
        observation, _ = data.about.spaces
        self.data = data
        self.leaves = leaf_tensors(observation, data.observations, device)
        self.masks = torch.from_numpy(data.masks).to(device) if data.about.choices else None
        self.actions = torch.from_numpy(head.from_env(data.actions)).to(device)
        self.rewards = torch.from_numpy(data.rewards).to(device)
        self.ends = torch.from_numpy(data.ends.astype(np.float32)).to(device)
        self.seen = torch.from_numpy(data.seen).to(device)
        last = data.first + data.lengths - 1
        follows = np.arange(data.steps) + 1
        follows[last] = last
        self.follows = torch.from_numpy(follows).to(device)
        self.first = torch.from_numpy(np.repeat(data.first, data.lengths)).to(device)
        self.last = torch.from_numpy(np.repeat(last, data.lengths)).to(device)
        self.to_go = torch.from_numpy(returns_to_go(data)).to(device)

    def observe(self, rows: Tensor) -> list[Tensor]:
        """Return rows of the observations, which are one more an episode than steps."""
        return [leaf[rows] for leaf in self.leaves]

    def steps(self, chosen: Tensor) -> Drawn:
        """Return steps by their numbers, (rows,)."""
        rows = self.seen[chosen]
        return Drawn(
            self.observe(rows),
            None if self.masks is None else self.masks[rows],
            self.actions[chosen],
            self.rewards[chosen],
            self.observe(rows + 1),
            self.ends[chosen],
            self.actions[self.follows[chosen]],
        )

    def segments(self, chosen: Tensor, length: int) -> Segments:
        """Return `length` steps each, from the chosen ones on, (rows,)."""
        wanted = chosen + torch.arange(length, device=chosen.device)[:, None]
        steps = torch.minimum(wanted, self.last[chosen])
        rows = self.seen[steps]
        started = (steps > self.first[chosen]).to(torch.float32)
        before = self.actions[(steps - 1).clamp(min=0)] * started[..., None].to(self.actions.dtype)
        return Segments(
            self.observe(rows),
            None if self.masks is None else self.masks[rows],
            self.actions[steps],
            before,
            started,
            self.to_go[steps],
            wanted == steps,
        )


def returns_to_go(data: Dataset) -> Array:
    """Return the sum of rewards from every step to its episode's end, float32 (steps,)."""
    before = np.concatenate([[0.0], np.cumsum(data.rewards, dtype=np.float64)])
    ends = np.repeat(before[data.first + data.lengths], data.lengths)
    return np.asarray(ends - before[:-1], np.float32)
