"""ReBRAC: TD3 kept near the dataset, in the actor and in the critic, for continuous actions.

Tarasov et al. 2023, "Revisiting the minimalist approach to offline reinforcement learning", arXiv 2305.09836, equations
5 and 6, after TD3+BC (Fujimoto and Gu 2021, arXiv 2106.06860, which critic_weight = 0 and normalize_critics = false are):

    L_Q  = E [ sum_k (r + gamma (1 - d) (min_j Q'_j(s', a~) - w_Q |a~ - a'|^2) - Q_k(s, a))^2 ]
           a~ = pi'(s') + noise, clipped;  a' was done next in the dataset
    L_pi = E [ w_pi |pi(s) - a|^2 - lambda min_k Q_k(s, pi(s)) ],  lambda = 1 / mean |Q|

pi' and Q' are running averages; critics have LayerNorm; both losses take every step, where the paper's actor rests
every second one.  Actions are in units of half their box, and a policy's mean
outside of it is judged as its clipped self.  The policy that is kept acts by its mean.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from puffer_arena.errors import ParameterError
from puffer_arena.settings import flag, setting
from puffer_arena.trainers.algorithms.offline import DEFAULTS, Offline
from puffer_arena.trainers.data.transitions import Drawn
from puffer_arena.trainers.networks.critics import average_of, follow
from puffer_arena.trainers.networks.heads import Gaussian

NARROW = -20.0  # of the head's spread, so that what is drawn is its mean


@dataclass(frozen=True)
class Settings:
    """Minibatches and both losses."""

    minibatches: int = setting(100, 1, 100_000, "optimizer steps per update")
    batch: int = setting(256, 1, 2**20, "steps of the dataset in each")
    gamma: float = setting(0.99, 0.0, 1.0, "discount")
    actor_weight: float = setting(1.0, 0.0, 1e3, "w_pi, how near the actor stays to what was done")
    critic_weight: float = setting(0.01, 0.0, 1e3, "w_Q, how near the next action has to be to what was done next")
    noise: float = setting(0.2, 0.0, 10.0, "deviation of the noise on the next action")
    noise_clip: float = setting(0.5, 0.0, 10.0, "its largest part")
    average: float = setting(0.005, 1e-6, 1.0, "share by which running averages move a step")
    normalize_critics: bool = flag(True, "LayerNorm in the critics")
    scale_rewards: bool = flag(True, "divide rewards by the root mean square of the dataset's returns")
    play: int = setting(50, 0, 100_000, "steps of every row that show the policy after an update")


def critic_target(rewards: Tensor, ends: Tensor, after: Tensor, chosen: Tensor, done: Tensor, s: Settings) -> Tensor:
    """Return what Q(s, a) is drawn to, (rows,).

    Args:
        rewards, ends: of the step, (rows,).
        after: min Q' of the next action, (rows,).
        chosen, done: the next action and that of the dataset, (rows, components).
    """
    away = ((chosen - done) ** 2).sum(-1)
    return rewards + s.gamma * (1.0 - ends) * (after - s.critic_weight * away)


def actor_loss(q: Tensor, chosen: Tensor, done: Tensor, s: Settings) -> Tensor:
    """Return L_pi of every row, (rows,); `q` judges the `chosen` actions, of which the dataset has `done`."""
    scale = 1.0 / q.detach().abs().mean().clamp(min=1e-6)
    away = ((chosen - done) ** 2).sum(-1)
    return s.actor_weight * away - scale * q


class ReBRAC(Offline):
    """ReBRAC with two critics."""

    section, settings = "rebrac", Settings
    defaults: ClassVar[Mapping[str, Any]] = DEFAULTS
    values: ClassVar[tuple[str, ...]] = ()

    def prepare(self) -> None:
        if not isinstance(self.policy.head, Gaussian):
            raise ParameterError(
                f"algorithm 'rebrac' is for actions in a Box, and '{self.config.env}' has {self.policy.action}; bc, iql and "
                "dt act in any space"
            )
        nn.init.constant_(self.policy.head.spread, NARROW)
        super().prepare()

    def build(self) -> dict[str, nn.Module]:
        s = self.config.method
        self.scale = 1.0 / self.return_size if s.scale_rewards else 1.0
        self.critics = self.make_critics(normalize=s.normalize_critics)
        self.average_critics, self.average_policy = average_of(self.critics), average_of(self.policy)
        self.followers["average_critics"], self.followers["average_policy"] = self.average_critics, self.average_policy
        return {"critics": self.critics}

    def learn(self) -> tuple[Tensor, dict[str, Tensor]]:
        s, steps = self.config.method, self.minibatch()
        critics, target = self.critics, self._target(steps)
        q = critics(steps.obs, steps.actions)
        critic_loss = ((target - q) ** 2).sum(0).mean()
        means, _, _ = self.policy(steps.obs, {})
        critics.requires_grad_(False)  # they judge the actor's actions, and learn nothing of it
        judged = critics.lower(steps.obs, means.clamp(-1.0, 1.0))
        critics.requires_grad_(True)
        policy_loss = actor_loss(judged, means, steps.actions, s).mean()
        away = ((means.detach() - steps.actions) ** 2).sum(-1)
        found = {"critic_loss": critic_loss, "policy_loss": policy_loss, "value": q.mean(), "away": away.mean()}
        return critic_loss + policy_loss, found

    @torch.no_grad()
    def _target(self, steps: Drawn) -> Tensor:
        """Draw the next action and return what Q is drawn to."""
        s = self.config.method
        means, _, _ = self.average_policy(steps.after, {})
        noise = torch.randn(means.shape, generator=self.generator).to(means.device) * s.noise
        chosen = (means.clamp(-1.0, 1.0) + noise.clamp(-s.noise_clip, s.noise_clip)).clamp(-1.0, 1.0)
        after = self.average_critics.lower(steps.after, chosen)
        return critic_target(steps.rewards * self.scale, steps.ends, after, chosen, steps.next_actions, s)

    def after_step(self) -> None:
        share = self.config.method.average
        follow(self.average_critics, self.critics, share)
        follow(self.average_policy, self.policy, share)


ALGORITHM = ReBRAC
