"""Values near 1: the critic predicts returns in units of their own running mean and deviation.

Yu et al. 2022, arXiv 2103.01955, section 5.1 ("value normalization"): without it, what a critic predicts moves with
whoever learns beside it.  Moments are those of the last hundred or so rollouts, debiased.
"""

import numpy as np

from puffer_arena.core.fields import Array

KEPT = 0.99  # of the moments, from one rollout to the next
SMALLEST_DEVIATION = 1e-4


class ValueScale:
    """Units of one value; `numbers` are what a checkpoint keeps.

    Attributes:
        numbers: how much was seen, from 0 to 1, the mean of targets and of their squares, each times that, (3,).
    """

    def __init__(self) -> None:
        self.numbers = np.zeros(3)

    @property
    def mean(self) -> float:
        """The mean of targets; 0 before any was seen."""
        seen = self.numbers[0]
        return float(self.numbers[1] / seen) if seen else 0.0

    @property
    def deviation(self) -> float:
        """The deviation of targets; 1 before any was seen."""
        seen = self.numbers[0]
        if not seen:
            return 1.0
        return float(max(self.numbers[2] / seen - self.mean**2, SMALLEST_DEVIATION**2) ** 0.5)

    def follow(self, targets: Array) -> None:
        """Take in the targets of a rollout, of those who acted: (steps,)."""
        if len(targets):
            found = targets.astype(np.float64)
            now = np.array([1.0, found.mean(), np.square(found).mean()])
            self.numbers *= KEPT
            self.numbers += (1.0 - KEPT) * now

    def widen(self, values: Array) -> None:
        """Bring values from units of this scale into those of rewards, in place."""
        values *= np.float32(self.deviation)
        values += np.float32(self.mean)

    def narrow(self, values: Array) -> None:
        """Bring values from units of rewards into those of this scale, in place."""
        values -= np.float32(self.mean)
        values *= np.float32(1.0 / self.deviation)
