"""Behavioural cloning: do what was done, from a dataset; with bc.top = 0.1 what its best tenth of episodes did.

Pomerleau 1988, "ALVINN: an autonomous land vehicle in a neural network" (NIPS 1).  With D the dataset

    L = E_{(s, a) ~ D} [ -log pi(a | s) ]

Chen et al. 2021, arXiv 2106.01345, section 5 ("%BC"): D may be the episodes with the highest returns alone.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from puffer_arena.settings import setting
from puffer_arena.trainers.algorithms.offline import Offline
from puffer_arena.trainers.networks.heads import Head


@dataclass(frozen=True)
class Settings:
    """Minibatches, and which episodes are followed."""

    minibatches: int = setting(100, 1, 100_000, "optimizer steps per update")
    batch: int = setting(256, 1, 2**20, "steps of the dataset in each")
    top: float = setting(1.0, 1e-6, 1.0, "share of the episodes that is followed, those with the highest returns")
    play: int = setting(50, 0, 100_000, "steps of every row that show the policy after an update")


def cloning(head: Head, outputs: Tensor, actions: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor]:
    """Return -log pi(a | s) and the entropy of every row, (rows,)."""
    log_prob, entropy = head.evaluate(outputs, actions, mask)
    return -log_prob, entropy


class BC(Offline):
    """BC and %BC."""

    section, settings = "bc", Settings
    values: ClassVar[tuple[str, ...]] = ()

    def build(self) -> dict[str, nn.Module]:
        best = torch.from_numpy(self.data.best(self.config.method.top))
        self.followed = best.to(self.config.device)
        return {}

    def learn(self) -> tuple[Tensor, dict[str, Tensor]]:
        steps = self.minibatch(self.followed)
        outputs, _, _ = self.policy(steps.obs, {})
        loss, entropy = cloning(self.policy.head, outputs, steps.actions, steps.mask)
        found: dict[str, Any] = {"cloning_loss": loss.mean(), "entropy": entropy.mean()}
        return loss.mean(), found


ALGORITHM = BC
