"""Implicit Q-learning: judge only actions that were taken, and follow the better ones, from a dataset.

Kostrikov et al. 2021, arXiv 2110.06169.  V is an upper expectile of Q over the actions of the dataset, so that no
other action is ever asked for; the policy is drawn to those whose advantage is high (advantage-weighted regression):

    L_V  = E [ |tau - 1(u < 0)| u^2 ],  u = min_k Q'_k(s, a) - V(s)                          (equation 5)
    L_Q  = E [ sum_k (r + gamma (1 - d) V(s') - Q_k(s, a))^2 ]                               (equation 6)
    L_pi = E [ -min(exp(beta u), 100) log pi(a | s) ]                                        (equation 7)

Q' is the running average of Q.  Rewards are divided by the root mean square of the dataset's returns, which makes one
beta fit many games.  It acts in every action space, for Q takes the action as one more thing to see.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from puffer_arena.settings import flag, setting
from puffer_arena.trainers.algorithms.offline import DEFAULTS, Offline
from puffer_arena.trainers.networks.critics import average_of, follow

MOST_WEIGHT = 100.0  # of an action in L_pi, as in the paper's code


@dataclass(frozen=True)
class Settings:
    """Minibatches and the three losses."""

    minibatches: int = setting(100, 1, 100_000, "optimizer steps per update")
    batch: int = setting(256, 1, 2**20, "steps of the dataset in each")
    gamma: float = setting(0.99, 0.0, 1.0, "discount")
    tau: float = setting(0.7, 0.5, 0.9999, "expectile; 0.5 values what was done, 1 the best of it")
    beta: float = setting(3.0, 0.0, 1e3, "how much an advantage counts; 0 for cloning")
    average: float = setting(0.005, 1e-6, 1.0, "share by which the running average of Q moves a step")
    scale_rewards: bool = flag(True, "divide rewards by the root mean square of the dataset's returns")
    play: int = setting(50, 0, 100_000, "steps of every row that show the policy after an update")


def expectile(error: Tensor, tau: float) -> Tensor:
    """Equation 4: the asymmetric square of Q - V."""
    return torch.where(error < 0, 1.0 - tau, tau) * error**2


def implicit(
    q: Tensor, old_q: Tensor, value: Tensor, target: Tensor, log_prob: Tensor, s: Settings
) -> tuple[Tensor, dict[str, Tensor]]:
    """Return the three losses' sum over rows' means, and statistics.

    Args:
        q: both critics', (2, rows).
        old_q: the lower of their running averages, (rows,), a constant.
        value: V(s), (rows,).
        target: r + gamma (1 - d) V(s'), (rows,), a constant.
        log_prob: of the actions, (rows,).
    """
    advantage = old_q - value
    value_loss = expectile(advantage, s.tau).mean()
    critic_loss = ((target - q) ** 2).sum(0).mean()
    weight = (s.beta * advantage.detach()).exp().clamp(max=MOST_WEIGHT)
    policy_loss = -(weight * log_prob).mean()
    return value_loss + critic_loss + policy_loss, {
        "value_loss": value_loss,
        "critic_loss": critic_loss,
        "policy_loss": policy_loss,
        "advantage_weight": weight.mean(),
    }


class IQL(Offline):
    """IQL with two critics."""

    section, settings = "iql", Settings
    defaults: ClassVar[Mapping[str, Any]] = DEFAULTS | {"network": DEFAULTS["network"] | {"critic": "separate"}}

    def build(self) -> dict[str, nn.Module]:
        s = self.config.method
        self.scale = 1.0 / self.return_size if s.scale_rewards else 1.0
        self.critics = self.make_critics(normalize=False)
        self.followers["average"] = self.average = average_of(self.critics)
        return {"critics": self.critics}

    def learn(self) -> tuple[Tensor, dict[str, Tensor]]:
        s, steps = self.config.method, self.minibatch()
        outputs, values, _ = self.policy(steps.obs, {})
        with torch.no_grad():
            _, after, _ = self.policy(steps.after, {})
            target = steps.rewards * self.scale + s.gamma * (1.0 - steps.ends) * after[:, 0]
            old_q = self.average.lower(steps.obs, steps.actions)
        log_prob, entropy = self.policy.head.evaluate(outputs, steps.actions, steps.mask)
        loss, found = implicit(self.critics(steps.obs, steps.actions), old_q, values[:, 0], target, log_prob, s)
        return loss, found | {"entropy": entropy.mean(), "value": values.mean()}

    def after_step(self) -> None:
        follow(self.average, self.critics, self.config.method.average)


ALGORITHM = IQL
