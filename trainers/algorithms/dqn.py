"""Deep Q-network with a replay buffer: values of choices, learned from every step many times.

Mnih et al. 2015, "Human-level control through deep reinforcement learning", algorithm 1, with the double estimate of van
Hasselt et al. 2016, arXiv 1509.06461, equation 4, and a target network Q' that is a running average of Q:

    y = r + gamma (1 - d) Q'(o', argmax_a Q(o', a))        d: the rules ended the episode
    L = huber(Q(o, a) - y)

over steps (o, a, r, o', d) drawn from the last `replay` ones.  Steps that a time limit cut are left out: nothing was
seen after them.  All but epsilon of the actions take the best choice.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from puffer_arena.core.fields import Array
from puffer_arena.errors import ParameterError, TrainingError
from puffer_arena.registry import load_env
from puffer_arena.settings import flag, setting
from puffer_arena.trainers.actor import load_weights
from puffer_arena.trainers.algorithms.algorithm import OnStep, below
from puffer_arena.trainers.algorithms.on_policy import OnPolicy
from puffer_arena.trainers.algorithms.pqn import check_fits, share_at_random
from puffer_arena.trainers.backends.backend import check_finite
from puffer_arena.trainers.backends.loss import Loss
from puffer_arena.trainers.config import Config
from puffer_arena.trainers.data.columns import Column
from puffer_arena.trainers.data.replay import ReplayBuffer, Segment
from puffer_arena.trainers.networks.critics import average_of, follow
from puffer_arena.trainers.networks.heads import Greedy
from puffer_arena.trainers.networks.policy import MakeEncoder


@dataclass(frozen=True)
class Settings:
    """Replay, targets and exploration."""

    horizon: int = setting(4, 1, 4096, "steps of every environment between two lots of learning")
    minibatches: int = setting(16, 1, 4096, "optimizer steps in each lot")
    batch: int = setting(256, 1, 2**20, "steps drawn for each")
    replay: int = setting(100_000, 1, 10**9, "steps that the buffer holds")
    warmup: int = setting(5_000, 1, 10**9, "steps before learning begins")
    gamma: float = setting(0.99, 0.0, 1.0, "discount")
    average: float = setting(0.01, 1e-6, 1.0, "share by which the target network moves with each optimizer step")
    epsilon: float = setting(1.0, 0.0, 1.0, "share of actions at random at the start")
    epsilon_final: float = setting(0.02, 0.0, 1.0, "their share in the end, and in the trained policy")
    exploration: float = setting(0.3, 0.0, 1.0, "part of the run after which their share is the final one")
    normalize_rewards: bool = flag(True, "divide rewards by the running deviation of the discounted return")


def double_target(rewards: Tensor, ends: Tensor, values: Tensor, averages: Tensor, gamma: float) -> Tensor:
    """Return y, (rows,), from Q and Q' of what was seen next, (rows, choices)."""
    best = values.argmax(-1, keepdim=True)
    return rewards + gamma * (1.0 - ends) * averages.gather(-1, best).squeeze(-1)


class DQN(OnPolicy):
    """Double DQN over vectorized environments.

    Attributes:
        memory: the replay buffer.
        target: the running average of the policy.
    """

    section, settings = "dqn", Settings
    defaults: ClassVar[Mapping[str, Any]] = {"network": {"head": "greedy", "blocks": "normed", "memory": "none"}}
    memories: ClassVar[tuple[str, ...]] = ("none",)
    columns = (Column("target"),)

    def __init__(self, config: Config, make_encoder: MakeEncoder | None = None) -> None:
        check_fits(config)
        if load_env(config.env).agents:
            raise TrainingError("dqn learns from single steps of solo games; train several agents by ppo or pqn")
        super().__init__(config, make_encoder)
        rollout, s = self.rollout, self.config.method
        if s.replay < 2 * rollout.streams:
            self.close()
            raise TrainingError(
                f"dqn.replay = {s.replay} holds less than two steps of each of {rollout.streams} environments; raise it, or "
                "lower num_envs"
            )
        try:
            seen, device = self.policy.observation, self.config.device
            self.memory = ReplayBuffer(seen, self.policy.head, rollout.streams, s.replay, device)
        except ParameterError:
            self.close()
            raise
        self.target = average_of(self.policy)

    def losses(self) -> list[Loss]:
        return []

    def update(self, on_step: OnStep | None = None) -> dict[str, float]:
        s, head = self.config.method, self.policy.head
        assert isinstance(head, Greedy)  # by the network's settings, which were checked
        epsilon = share_at_random(s, self.progress)
        head.epsilon.fill_(epsilon)
        with self.measuring(on_step) as metrics:
            self.remember(s)
            losses, lengths, held = [], [], self.memory.held * self.rollout.streams
            for _ in range(s.minibatches if held >= s.warmup and self.memory.held > 1 else 0):
                losses.append(self.learn(self.memory.draw(s.batch, 2, self.generator), s))
                lengths.append(self.optimizer.step(self.rate))
                follow(self.target, self.policy, s.average)
            metrics["value_loss"] = float(np.mean(losses)) if losses else 0.0
            metrics["gradient_norm"] = float(np.mean(lengths)) if lengths else 0.0
            metrics["epsilon"], metrics["replay"] = epsilon, float(held)
        return metrics

    def remember(self, s: Any) -> None:
        """Take the rollout's steps into the buffer, their rewards as the game gave them."""
        rollout, names = self.rollout, ("obs", "actions", "rewards", "terminated", "began")
        for t in range(rollout.horizon):
            self.memory.add(**{name: rollout.columns[name][t] for name in names})
        if s.normalize_rewards:
            self.reward_scale.apply(rollout, s.gamma)

    def learn(self, steps: Segment, s: Any) -> float:
        """Set the gradients of the loss over some steps, each with the one after it, and return its mean."""
        obs, after = ([leaf[k] for leaf in steps.obs] for k in (0, 1))
        rewards = steps.rewards[0] / (self.reward_scale.deviation if s.normalize_rewards else 1.0)
        ends = steps.terminated[0]
        whole = ((ends > 0.0) | ~steps.began[1]).float()
        with torch.no_grad():
            wanted = double_target(rewards, ends, self.policy(after, {})[0], self.target(after, {})[0], s.gamma)
        q = self.policy(obs, {})[0].gather(1, steps.actions[0].long()).squeeze(1)
        loss = (whole * functional.huber_loss(q, wanted, reduction="none")).sum() / whole.sum().clamp(min=1.0)
        check_finite({"value_loss": float(loss.detach())})
        self.optimizer.zero()
        loss.backward()  # type: ignore[no-untyped-call]  # torch's own
        return float(loss.detach())

    def _carried(self) -> dict[str, Array]:
        kept = {f"replay.{name}": array for name, array in self.memory.columns.items()}
        return super()._carried() | kept | {"replay.count": self.memory.count}

    def state(self) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
        tensors, about = super().state()
        return tensors | {f"target/{name}": value for name, value in self.target.state_dict().items()}, about

    def load_state(self, tensors: dict[str, torch.Tensor], about: dict[str, Any], name: str = "the checkpoint") -> None:
        super().load_state(tensors, about, name)
        load_weights(self.target, below("target/", tensors), name)


ALGORITHM = DQN
