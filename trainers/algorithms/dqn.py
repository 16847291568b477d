"""Deep Q-network with a replay buffer: values of choices, learned from every step many times.

Mnih et al. 2015, "Human-level control through deep reinforcement learning", algorithm 1, with the double estimate of van
Hasselt et al. 2016, arXiv 1509.06461, equation 4, and a target network Q' that is a running average of Q:

    y = r + gamma (1 - d) Q'(o', argmax_a Q(o', a))        d: the rules ended the episode; a: among the open choices
    L = huber(Q(o, a) - y)

over steps (o, a, r, o', d) drawn from the replay buffer (`replayed.py`, which has hindsight, too).  All but epsilon of
the actions take the best choice.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.nn import functional

from puffer_arena.settings import setting
from puffer_arena.trainers.algorithms import replayed
from puffer_arena.trainers.algorithms.pqn import check_fits, share_at_random
from puffer_arena.trainers.algorithms.replayed import Replayed, whole
from puffer_arena.trainers.config import Config
from puffer_arena.trainers.data.replay import Segment
from puffer_arena.trainers.networks.critics import average_of, follow
from puffer_arena.trainers.networks.heads import BARRED, Greedy
from puffer_arena.trainers.networks.policy import MakeEncoder


@dataclass(frozen=True)
class Settings(replayed.Settings):
    """Replay, targets and exploration."""

    epsilon: float = setting(1.0, 0.0, 1.0, "share of actions at random at the start")
    epsilon_final: float = setting(0.02, 0.0, 1.0, "their share in the end, and in the trained policy")
    exploration: float = setting(0.3, 0.0, 1.0, "part of the run after which their share is the final one")


def double_target(
    rewards: Tensor, ends: Tensor, values: Tensor, averages: Tensor, gamma: float, mask: Tensor | None = None
) -> Tensor:
    """Return y, (rows,), from Q and Q' of what was seen next, and which choices are open there, (rows, choices)."""
    open_values = values if mask is None else values.masked_fill(~mask, BARRED)
    best = open_values.argmax(-1, keepdim=True)
    return rewards + gamma * (1.0 - ends) * averages.gather(-1, best).squeeze(-1)


class DQN(Replayed):
    """Double DQN over vectorized environments."""

    section, settings = "dqn", Settings
    defaults: ClassVar[Mapping[str, Any]] = {"network": {"head": "greedy", "blocks": "normed", "memory": "none"}}

    def __init__(self, config: Config, make_encoder: MakeEncoder | None = None) -> None:
        check_fits(config)
        super().__init__(config, make_encoder)

    def build(self) -> None:
        self.target = average_of(self.policy)

    def explore(self) -> dict[str, float]:
        head, epsilon = self.policy.head, share_at_random(self.config.method, self.progress)
        assert isinstance(head, Greedy)  # by the network's settings, which were checked
        head.epsilon.fill_(epsilon)
        return {"epsilon": epsilon}

    def loss(self, steps: Segment, rewards: Tensor, s: Any) -> tuple[Tensor, dict[str, Tensor]]:
        obs, after = ([leaf[k] for leaf in steps.obs] for k in (0, 1))
        mask = None if steps.mask is None else steps.mask[1]
        with torch.no_grad():
            values, averages = self.policy(after, {})[0], self.target(after, {})[0]
            wanted = double_target(rewards, steps.terminated[0], values, averages, s.gamma, mask)
        q = self.policy(obs, {})[0].gather(1, steps.actions[0].long()).squeeze(1)
        loss = (whole(steps) * functional.huber_loss(q, wanted, reduction="none")).sum()
        return loss, {"value_loss": loss, "q": q.mean()}

    def move(self, rate: float) -> float:
        length = self.optimizer.step(rate)
        follow(self.target, self.policy, self.config.method.average)
        return length


ALGORITHM = DQN
