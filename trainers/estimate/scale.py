"""Rewards near 1: divided by the running deviation of the discounted return.

An unscaled value loss dominates a network that policy and value share.  Engstrom et al. 2020,
"Implementation matters in deep policy gradients", section 2.
"""

from typing import Any

import numpy as np

from puffer_arena.core.fields import Array
from puffer_arena.machine.loops import kernel
from puffer_arena.trainers.data.rollout import Rollout
from puffer_arena.trainers.nodes import Nodes

SMALLEST_DEVIATION = 1e-4  # of a game that gives hardly any reward


class RewardScale:
    """Scales a rollout's rewards, or another column like them; `state` is what a checkpoint keeps.

    Attributes:
        sums: discounted rewards of every stream's running episode, (streams,).
        moments: how many sums were seen, their mean, and their squared distances from it added up, (3,).
    """

    def __init__(self, streams: int, nodes: Nodes = Nodes()) -> None:  # noqa: B008  frozen
        self.sums = np.zeros(streams)
        self.moments = np.zeros(3)
        self._nodes = nodes

    @property
    def deviation(self) -> float:
        """The running deviation of the discounted return; 1 before anything was seen."""
        count, _, squares = self.moments
        return max(float((squares / count) ** 0.5), SMALLEST_DEVIATION) if count else 1.0

    def apply(self, rollout: Rollout, gamma: float, column: str = "rewards") -> None:
        """Take a column of the rollout into the deviation of its discounted sum, then divide it by that."""
        given = rollout.columns[column]
        several = self._nodes.size > 1
        seen = np.zeros(3) if several else self.moments
        add_returns(given, rollout.acting, rollout.began, gamma, self.sums, seen)
        if several:
            self._nodes.merge(self.moments, seen)
        given[...] *= np.float32(1.0 / self.deviation)

    def state(self) -> dict[str, Array]:
        """Return the arrays that go on in the next rollout."""
        return {"sums": self.sums, "moments": self.moments}


@kernel
def add_returns(rewards: Any, acting: Any, began: Any, gamma: float, sums: Any, moments: Any) -> None:
    """G_t = r_t + gamma G_{t-1} over every stream's actions, and Welford's update of their mean and variance."""
    count, mean, squares = moments[0], moments[1], moments[2]
    for t in range(rewards.shape[0]):
        for i in range(rewards.shape[1]):
            if began[t, i]:
                sums[i] = 0.0
            if not acting[t, i]:
                continue
            sums[i] = rewards[t, i] + gamma * sums[i]
            count += 1.0
            moved = sums[i] - mean
            mean += moved / count
            squares += moved * (sums[i] - mean)
    moments[0], moments[1], moments[2] = count, mean, squares
