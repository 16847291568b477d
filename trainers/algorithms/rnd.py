"""Random network distillation: PPO with a bonus for observations that a network cannot yet predict a random one's view of.

Burda et al. 2018, arXiv 1810.12894.  A target network f with random weights stays as it is, and a predictor g learns
to give the same for observations that were met; what it still fails at is new:

    bonus_t = mean over features of (g(o_{t+1}) - f(o_{t+1}))^2,   which g descends on a share of the steps

Both see quantities brought to mean 0 and deviation 1.  `bonus.py` says how bonuses join rewards.
"""

import dataclasses
from typing import Any

import torch
from torch import Tensor, nn

from puffer_arena.trainers.algorithms.bonus import CuriousPPO, Novelty
from puffer_arena.trainers.networks.encoder import Encoder
from puffer_arena.trainers.networks.policy import Policy


class Distillation(Novelty):
    """The random target and its predictor, which has one layer more."""

    def __init__(self, policy: Policy, width: int) -> None:
        super().__init__()
        network = dataclasses.replace(policy.network, normalize=True)
        self.target = Encoder(policy.observation, network, (width, width))
        self.target_output = nn.Linear(width, width)
        self.predictor = Encoder(policy.observation, network, (width, width, width))
        self.predictor_output = nn.Linear(width, width)
        for weight in (*self.target.parameters(), *self.target_output.parameters()):
            weight.requires_grad_(False)
        self.encoders = (self.target, self.predictor)

    def measure(self, before: list[Tensor], actions: Tensor, after: list[Tensor]) -> Tensor:
        wanted = self.target_output(self.target(after))
        error = self.predictor_output(self.predictor(after)) - wanted
        return torch.mean(error**2, -1)

    def loss(self, before: list[Tensor], actions: Tensor, after: list[Tensor]) -> Tensor:
        return torch.mean(self.measure(before, actions, after))


class RND(CuriousPPO):
    """PPO with bonuses by random network distillation."""

    section = "rnd"

    def make_novelty(self, policy: Policy, s: Any) -> Novelty:
        return Distillation(policy, s.bonus_width)


ALGORITHM = RND
