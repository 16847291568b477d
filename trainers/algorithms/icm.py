"""Intrinsic curiosity: PPO with a bonus for steps whose outcome a model of the game did not foresee.

Pathak et al. 2017, arXiv 1705.05363.  Features phi(o) are those by which an inverse model tells the action from what
was seen before and after it, so that what the agent cannot influence hardly shows in them; a forward model foresees
them:

    bonus_t = 1/2 |f(phi(o_t), a_t) - phi(o_{t+1})|^2 / features                    (equation 6)
    loss    = (1 - beta) (-log p(a_t | phi(o_t), phi(o_{t+1}))) + beta bonus        (equation 7)

`bonus.py` says how bonuses join rewards.
"""

import dataclasses
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from puffer_arena.settings import setting
from puffer_arena.trainers.algorithms import bonus
from puffer_arena.trainers.algorithms.bonus import CuriousPPO, Novelty
from puffer_arena.trainers.networks.encoder import Encoder
from puffer_arena.trainers.networks.heads import action_features, feature_count, make_head
from puffer_arena.trainers.networks.policy import Policy


@dataclass(frozen=True)
class Settings(bonus.Settings):
    """PPO's, what novelty is worth, and what the models learn."""

    beta: float = setting(0.2, 0.0, 1.0, "weight of the forward model's error beside the inverse model's")


class Curiosity(Novelty):
    """Features, the inverse model and the forward model."""

    def __init__(self, policy: Policy, width: int, beta: float) -> None:
        super().__init__()
        self.beta = beta
        network = dataclasses.replace(policy.network, normalize=True)
        self.features = Encoder(policy.observation, network, (width, width))
        self.head = make_head(policy.action)
        self.inverse = nn.Sequential(nn.Linear(2 * width, width), nn.ReLU(), nn.Linear(width, self.head.width))
        told = width + feature_count(self.head)
        self.forecast = nn.Sequential(nn.Linear(told, width), nn.ReLU(), nn.Linear(width, width))
        self.encoders = (self.features,)

    def measure(self, before: list[Tensor], actions: Tensor, after: list[Tensor]) -> Tensor:
        return self._surprise(self.features(before), actions, self.features(after))

    def _surprise(self, before: Tensor, actions: Tensor, after: Tensor) -> Tensor:
        """Return the forward model's error, (rows,)."""
        told = torch.cat([before, action_features(self.head, actions)], -1)
        return 0.5 * torch.mean((self.forecast(told) - after) ** 2, -1)

    def loss(self, before: list[Tensor], actions: Tensor, after: list[Tensor]) -> Tensor:
        seen, seen_after = self.features(before), self.features(after)
        guessed = self.inverse(torch.cat([seen, seen_after], -1))
        unlikely = -self.head.evaluate(guessed, actions, None)[0]
        # Features are the inverse model's: the forward model follows them and does not make them easy to foresee.
        surprise = self._surprise(seen.detach(), actions, seen_after.detach())
        return torch.mean((1.0 - self.beta) * unlikely + self.beta * surprise)


class ICM(CuriousPPO):
    """PPO with bonuses by intrinsic curiosity."""

    section, settings = "icm", Settings

    def make_novelty(self, policy: Policy, s: Any) -> Novelty:
        return Curiosity(policy, s.bonus_width, s.beta)


ALGORITHM = ICM
