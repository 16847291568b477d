"""Critics of actions, Q(s, a), for algorithms that learn from what others did."""

import copy
import itertools
import math
from typing import TypeVar

import torch
from torch import Tensor, nn

from puffer_arena.core.composites import Tuple
from puffer_arena.core.spaces import MultiBinary, Space
from puffer_arena.trainers.config import Network
from puffer_arena.trainers.networks.encoder import Encoder
from puffer_arena.trainers.networks.heads import Head, action_features, feature_count


class ActionCritic(nn.Module):
    """Q(s, a): the action is one more thing that is seen, choices one-hot and numbers as the policy has them.

    Args:
        observation: what is seen.
        head: of the policy, whose actions (rows, components) are judged.
        network: how wide it is.
        normalize: LayerNorm before every layer but the first (Ball et al. 2023, arXiv 2302.02948, section 4.1).
    """

    def __init__(self, observation: Space, head: Head, network: Network, normalize: bool) -> None:
        super().__init__()
        widths = network.critic_hidden or network.hidden
        self.heads = (head,)  # in a tuple, for its weights are the policy's
        # Flags are what encoders take as they are; numbers of an action lie near 1 already.
        self.encoder = Encoder(Tuple((observation, MultiBinary(feature_count(head)))), network, widths[:1])
        layers: list[nn.Module] = []
        for inputs, outputs in itertools.pairwise((*widths, 1)):
            layers += [nn.LayerNorm(inputs)] if normalize else []
            linear = nn.Linear(inputs, outputs)
            nn.init.orthogonal_(linear.weight, math.sqrt(2) if outputs > 1 or len(widths) > 1 else 1.0)
            nn.init.zeros_(linear.bias)
            layers += [linear, nn.ReLU()]
        self.layers = nn.Sequential(*layers[:-1])

    def forward(self, obs: list[Tensor], actions: Tensor) -> Tensor:
        """Return the values of actions (rows, components), (rows,)."""
        features: Tensor = self.layers(self.encoder([*obs, action_features(self.heads[0], actions)]))
        return features[:, 0]

    def watch(self, obs: list[Tensor], actions: Tensor) -> None:
        """Let the encoder see observations, where it normalizes them."""
        self.encoder.watch([*obs, action_features(self.heads[0], actions)])


class Critics(nn.Module):
    """Two critics of actions, of which the lower value counts (Fujimoto et al. 2018, arXiv 1802.09477, section 4.2)."""

    def __init__(self, observation: Space, head: Head, network: Network, normalize: bool) -> None:
        super().__init__()
        self.each = nn.ModuleList(ActionCritic(observation, head, network, normalize) for _ in range(2))

    def forward(self, obs: list[Tensor], actions: Tensor) -> Tensor:
        """Return both values of actions, (2, rows)."""
        return torch.stack([critic(obs, actions) for critic in self.each])

    def watch(self, obs: list[Tensor], actions: Tensor) -> None:
        """See `ActionCritic.watch`."""
        for critic in self.each:
            critic.watch(obs, actions)  # type: ignore[operator]  # each is an ActionCritic

    def lower(self, obs: list[Tensor], actions: Tensor) -> Tensor:
        """Return the lower of both, (rows,)."""
        found: Tensor = self(obs, actions).amin(0)
        return found


Followed = TypeVar("Followed", bound=nn.Module)


def average_of(network: Followed) -> Followed:
    """Return a copy of a network, which `follow` moves and no gradient reaches."""
    return copy.deepcopy(network).requires_grad_(False)


@torch.no_grad()
def follow(average: nn.Module, network: nn.Module, share: float) -> None:
    """Move the weights of a running average towards a network's by a share (Polyak averaging)."""
    for mine, theirs in zip(average.parameters(), network.parameters(), strict=True):
        mine.lerp_(theirs, share)
