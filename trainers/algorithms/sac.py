"""Soft actor-critic: continuous actions from a replay buffer, as much reward and entropy as can be had.

Haarnoja et al. 2018, arXiv 1812.05905, algorithm 1.  Two critics Q_k(o, a), their running averages Q'_k, a policy whose
actions tanh brings into their bounds, and a learned temperature alpha that keeps its entropy at `entropy_target` for
each number of an action:

    y       = r + gamma (1 - d) (min_k Q'_k(o', a') - alpha log pi(a' | o')),   a' drawn from pi(o')     (equation 6)
    L_Q     = 1/2 sum_k (Q_k(o, a) - y)^2                                                                (equation 5)
    L_pi    = alpha log pi(a~ | o) - min_k Q_k(o, a~),   a~ = tanh(mean(o) + deviation(o) e)             (equation 9)
    L_alpha = -log(alpha) (log pi(a~ | o) + entropy_target)                                              (equation 18)

over steps (o, a, r, o', d) drawn from the replay buffer (`replayed.py`, which has hindsight, too).  Critics have layer
norms (Ball et al. 2023, arXiv 2302.02948).
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from puffer_arena.settings import setting
from puffer_arena.trainers.algorithms import replayed
from puffer_arena.trainers.algorithms.replayed import Replayed, whole
from puffer_arena.trainers.algorithms.reppo import check_fits
from puffer_arena.trainers.config import Config
from puffer_arena.trainers.data.replay import Segment
from puffer_arena.trainers.networks.critics import Critics, average_of, follow
from puffer_arena.trainers.networks.heads import Squashed
from puffer_arena.trainers.networks.policy import MakeEncoder, Policy
from puffer_arena.trainers.optimize.optimizers import Optimizers


@dataclass(frozen=True)
class Settings(replayed.Settings):
    """Replay, targets and temperature."""

    entropy_target: float = setting(
        -0.5, -100.0, 100.0, "entropy for each number of an action, which lies within -1 to 1"
    )
    alpha: float = setting(0.1, 1e-9, 1e3, "weight of the entropy at the start")


def soft_target(rewards: Tensor, ends: Tensor, after: Tensor, log_prob: Tensor, alpha: Tensor, gamma: float) -> Tensor:
    """Return y, (rows,), from the lower Q' of the next actions and their log-probabilities."""
    return rewards + gamma * (1.0 - ends) * (after - alpha * log_prob)


def soft_losses(
    q: Tensor, target: Tensor, judged: Tensor, log_prob: Tensor, log_alpha: Tensor, entropy_target: float
) -> dict[str, Tensor]:
    """Return L_Q, L_pi and L_alpha of every row, (rows,) each.

    Args:
        q: both critics', of what was done, (2, rows).
        target: y, a constant, (rows,).
        judged: the lower Q of what the policy does now, (rows,).
        log_prob: of what it does now, (rows,).
        log_alpha: a number.
        entropy_target: of a whole action.
    """
    return {
        "value_loss": 0.5 * ((q - target) ** 2).sum(0),
        "policy_loss": log_alpha.exp().detach() * log_prob - judged,
        "alpha_loss": -log_alpha * (log_prob.detach() + entropy_target),
    }


class Judges(nn.Module):
    """Both critics, and the logarithm of alpha."""

    def __init__(self, policy: Policy, alpha: float) -> None:
        super().__init__()
        self.critics = Critics(policy.observation, policy.head, policy.network, normalize=True)
        self.log_alpha = nn.Parameter(torch.tensor(math.log(alpha)))


class SAC(Replayed):
    """SAC over vectorized environments.

    Attributes:
        judges: the critics and the temperature.
    """

    section, settings = "sac", Settings
    defaults: ClassVar[Mapping[str, Any]] = {"network": {"head": "squashed", "memory": "none"}}
    values: ClassVar[tuple[str, ...]] = ()

    def __init__(self, config: Config, make_encoder: MakeEncoder | None = None) -> None:
        check_fits(config)
        super().__init__(config, make_encoder)

    def build(self) -> None:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.config.seed + 1)
            self.judges = Judges(self.policy, self.config.method.alpha).to(self.config.device)
        self.judges_optimizer = Optimizers(self.judges, self.config.optimizer, self.config.precision)
        self.target = average_of(self.judges.critics)

    def loss(self, steps: Segment, rewards: Tensor, s: Any) -> tuple[Tensor, dict[str, Tensor]]:
        judges, critics, head = self.judges, self.judges.critics, self.policy.head
        assert isinstance(head, Squashed)  # by the network's settings, which were checked
        obs, after = ([leaf[k] for leaf in steps.obs] for k in (0, 1))
        with torch.no_grad():
            chosen, log_prob = self._act(after)
            later = self.target.lower(after, chosen)  # type: ignore[operator]  # they are Critics
            target = soft_target(rewards, steps.terminated[0], later, log_prob, judges.log_alpha.exp(), s.gamma)
        q = critics(obs, steps.actions[0])
        chosen, log_prob = self._act(obs)
        critics.requires_grad_(False)  # they judge the policy's actions, and learn nothing of it
        judged = critics.lower(obs, chosen)
        critics.requires_grad_(True)
        each = soft_losses(q, target, judged, log_prob, judges.log_alpha, s.entropy_target * head.components)
        weight = whole(steps)
        means = {name: (weight * part).sum() for name, part in each.items()}
        shown = {"entropy": -log_prob.mean(), "q": q.mean(), "alpha": judges.log_alpha.exp()}
        return torch.stack([*means.values()]).sum(), means | shown

    def _act(self, obs: list[Tensor]) -> tuple[Tensor, Tensor]:
        """Draw the present policy's actions, (rows, components); return them with their log-probabilities."""
        outputs, head = self.policy(obs, {})[0], self.policy.head
        noise = torch.randn((len(outputs), head.components), generator=self.generator).to(outputs.device)
        chosen = head.sample(outputs, noise, None)
        return chosen, head.evaluate(outputs, chosen, None)[0]

    def clear(self) -> None:
        super().clear()
        self.judges_optimizer.zero()

    def move(self, rate: float) -> float:
        length = self.optimizer.step(rate)
        self.judges_optimizer.step(rate)
        follow(self.target, self.judges.critics, self.config.method.average)
        return length

    def beside(self) -> dict[str, nn.Module | Optimizers]:
        return super().beside() | {"judges": self.judges, "judges_optimizer": self.judges_optimizer}


ALGORITHM = SAC
