"""Relative entropy pathwise policy optimization: a policy for continuous actions that climbs a critic of its actions.

Voelcker et al. 2025, arXiv 2507.11019, algorithm 1: on-policy, without a replay buffer or target networks.  A critic
Q(o, a) in HL-Gauss bins learns, from a rollout with pi' = the policy that acted, the lambda returns of rewards and entropy

    V_t = Q(o_t, a_t) - alpha log pi'(a_t | o_t)
    G_t = r_t + gamma ((1 - lambda) V_{t+1} + lambda (G_{t+1} - alpha log pi'(a_{t+1} | o_{t+1})))

and the policy climbs it along the action itself, while it stays near pi', with e drawn from a normal distribution:

    L(o) = alpha log pi(a | o) - Q(o, a),  a = tanh(mean(o) + deviation(o) e)     where KL(pi' | pi)(o) < kl_target
         = beta KL(pi' | pi)(o)                                                    elsewhere

alpha and beta are learned, so that the entropy is `entropy_target` for each number of an action and the mean divergence
is kl_target.  The divergence is that of the normal distributions before the tanh, which changes nothing of it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from puffer_arena.core.composites import Tuple
from puffer_arena.core.fields import Array
from puffer_arena.core.roles import Roles
from puffer_arena.core.spaces import Box, MultiBinary
from puffer_arena.errors import TrainingError
from puffer_arena.registry import load_env
from puffer_arena.settings import flag, setting
from puffer_arena.trainers.algorithms.algorithm import OnStep
from puffer_arena.trainers.algorithms.on_policy import OnPolicy
from puffer_arena.trainers.backends.backend import check_finite
from puffer_arena.trainers.backends.loss import Loss
from puffer_arena.trainers.config import Config
from puffer_arena.trainers.data.arrays import aligned_zeros
from puffer_arena.trainers.data.columns import Column
from puffer_arena.trainers.data.rollout import Chunk, shuffled
from puffer_arena.trainers.estimate.advantage import Columns, gae
from puffer_arena.trainers.networks.bins import cross_entropy, mean_of
from puffer_arena.trainers.networks.encoder import Encoder
from puffer_arena.trainers.networks.heads import Squashed
from puffer_arena.trainers.networks.observations import leaf_tensors
from puffer_arena.trainers.networks.policy import MakeEncoder, Policy
from puffer_arena.trainers.optimize.optimizers import Optimizers

SOFT = Columns("rewards", "soft", "advantage", "target")  # V, in place of a critic's values
STATISTICS = ("policy_loss", "value_loss", "entropy", "kl", "q")


@dataclass(frozen=True)
class Settings:
    """Rollout, critic and the two constraints."""

    horizon: int = setting(64, 1, 4096, "steps of every environment per rollout")
    epochs: int = setting(4, 1, 100, "passes over a rollout")
    minibatches: int = setting(16, 1, 4096, "optimizer steps per epoch")
    gamma: float = setting(0.99, 0.0, 1.0, "discount")
    q_lambda: float = setting(0.95, 0.0, 1.0, "how far returns look along the rollout before they trust the critic")
    bins: int = setting(151, 2, 1001, "of the critic's values")
    reach: float = setting(10.0, 1e-3, 1e6, "the bins lie from minus this to this; it must fit the returns")
    kl_target: float = setting(0.1, 0.0, 1e3, "how far the policy may move from the one that acted")
    entropy_target: float = setting(
        -0.5, -100.0, 100.0, "entropy for each number of an action, which lies within -1 to 1"
    )
    alpha: float = setting(0.01, 1e-9, 1e3, "weight of the entropy at the start")
    beta: float = setting(0.01, 1e-9, 1e3, "weight of the divergence at the start")
    normalize_rewards: bool = flag(True, "divide rewards by the running deviation of the discounted return")
    rho_clip: ClassVar[float] = 1.0  # the estimator's, of no effect here
    c_clip: ClassVar[float] = 1.0

    @property
    def gae_lambda(self) -> float:
        """Lambda, under the estimator's name."""
        return self.q_lambda


class Judge(nn.Module):
    """The critic of actions, and the logarithms of alpha and beta."""

    def __init__(self, policy: Policy, s: Settings) -> None:
        super().__init__()
        network, self.reach = policy.network, s.reach
        # Flags are what encoders take as they are; an action lies within -1 to 1 already.
        seen = Tuple((policy.observation, MultiBinary(policy.head.components)))
        self.encoder = Encoder(seen, network, network.critic_hidden or network.hidden)
        self.output = nn.Linear(self.encoder.width, s.bins)
        nn.init.zeros_(self.output.weight)
        nn.init.zeros_(self.output.bias)
        self.log_alpha = nn.Parameter(torch.tensor(float(np.log(s.alpha))))
        self.log_beta = nn.Parameter(torch.tensor(float(np.log(s.beta))))

    def forward(self, obs: list[Tensor], actions: Tensor) -> Tensor:
        """Return the logits (rows, bins) of actions as the policy has them, before the tanh."""
        logits: Tensor = self.output(self.encoder([*obs, torch.tanh(actions)]))
        return logits

    def value(self, obs: list[Tensor], actions: Tensor) -> Tensor:
        """Return Q(o, a), (rows,)."""
        return mean_of(self(obs, actions), self.reach)


def divergence(head: Squashed, old: Tensor, new: Tensor) -> Tensor:
    """Return KL(old | new), (rows,), of the normal distributions that two outputs (rows, width) of a network mean."""
    (old_mean, old_log), (mean, log) = head.moments(old), head.moments(new)
    apart = (2.0 * (old_log - log)).exp() + ((old_mean - mean) / log.exp()) ** 2
    return (log - old_log + 0.5 * (apart - 1.0)).sum(-1)


def policy_loss(q: Tensor, log_prob: Tensor, kl: Tensor, alpha: Tensor, beta: Tensor, kl_target: float) -> Tensor:
    """Return L of every row, (rows,)."""
    return torch.where(kl.detach() < kl_target, alpha * log_prob - q, beta * kl)


class REPPO(OnPolicy):
    """REPPO over vectorized environments.

    Attributes:
        judge: the critic and the weights of both constraints.
    """

    section, settings = "reppo", Settings
    defaults: ClassVar[Mapping[str, Any]] = {"network": {"head": "squashed", "blocks": "normed", "memory": "none"}}
    memories: ClassVar[tuple[str, ...]] = ("none",)
    values: ClassVar[tuple[str, ...]] = ()
    columns = (
        Column("advantage"),
        Column("target"),
        Column("ratio"),
        Column("old_soft", ahead=True),
        Column("final_soft"),
    )

    def __init__(self, config: Config, make_encoder: MakeEncoder | None = None) -> None:
        check_fits(config)
        super().__init__(config, make_encoder)
        shape = (self.rollout.horizon, self.rollout.streams, self.head.width)
        self.rollout.columns["old_outputs"] = aligned_zeros(shape, np.float32)  # of the policy that acted
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.config.seed + 1)
            self.judge = Judge(self.policy, self.config.method).to(self.config.device)
        self.judge_optimizer = Optimizers(self.judge, self.config.optimizer, self.config.precision)

    def losses(self) -> list[Loss]:
        return []

    @property
    def head(self) -> Squashed:
        """The policy's head."""
        assert isinstance(self.policy.head, Squashed)  # by the network's settings, which were checked
        return self.policy.head

    def update(self, on_step: OnStep | None = None) -> dict[str, float]:
        s = self.config.method
        with self.measuring(on_step) as metrics:
            rate, totals, lengths, steps = self.rate, dict.fromkeys(STATISTICS, 0.0), [], 0
            if s.normalize_rewards:
                self.reward_scale.apply(self.rollout, s.gamma)
            self.estimate(s)
            for _ in range(s.epochs):
                for minibatch in shuffled(self.chunks, s.minibatches, self.generator):
                    found = self.learn(minibatch.chunks, minibatch.weights, s)
                    lengths.append(self.optimizer.step(rate))
                    self.judge_optimizer.step(rate)
                    totals, steps = {name: totals[name] + found[name] for name in totals}, steps + 1
            metrics.update({name: total / max(steps, 1) for name, total in totals.items()})
            metrics["gradient_norm"] = float(np.mean(lengths)) if lengths else 0.0
            metrics["alpha"], metrics["beta"] = (
                float(weight.detach().exp()) for weight in (self.judge.log_alpha, self.judge.log_beta)
            )
        return metrics

    @torch.no_grad()
    def estimate(self, s: Any) -> None:
        """Fill in what the acting policy gave, V, and G as `target`."""
        rollout, alpha = self.rollout, self.judge.log_alpha.exp().item()
        for chunk in self.chunks:
            chunk.look()
            if len(chunk):
                obs, actions = self._seen(chunk.rows("obs")), self._tensor(chunk.rows("actions"))
                chunk.write("old_outputs", self.policy(obs, {})[0].float().cpu().numpy())
                q = self.judge.value(obs, actions).float().cpu().numpy()
                chunk.write("old_soft", q - alpha * chunk.rows("old_log_prob"))
        rollout.old_soft[-1] = self._look_ahead(rollout.obs[-1], alpha)
        for times, streams, last, *_ in self.collector.cuts:
            rollout.final_soft[times, streams] = self._look_ahead(last, alpha)
        entropies = np.float32(alpha) * rollout.old_log_prob * rollout.acting[:-1]
        rollout.rewards[:] -= entropies
        gae(rollout, s, self.pool, SOFT)
        rollout.target[:] += entropies

    def _look_ahead(self, obs: Array, alpha: float) -> Array:
        """Return V of observations, with an action drawn for each."""
        seen = self._seen(np.ascontiguousarray(obs))
        outputs, _, _ = self.policy(seen, {})
        actions = self.head.sample(outputs, self._noise(len(obs)), None)
        log_prob, _ = self.head.evaluate(outputs, actions, None)
        found: Array = (self.judge.value(seen, actions) - alpha * log_prob).float().cpu().numpy()
        return found

    def learn(self, chunks: list[Chunk], weights: list[Array], s: Any) -> dict[str, float]:
        """Set the gradients of policy, critic, alpha and beta for some rows; return the means of the statistics."""
        actions, target, old = (
            self._tensor(np.concatenate([chunk.rows(name) for chunk in chunks]))
            for name in ("actions", "target", "old_outputs")
        )
        obs = self._seen(np.concatenate([chunk.rows("obs") for chunk in chunks]))
        weight = self._tensor(np.concatenate(weights))
        loss, found = self.loss(obs, actions, target, old, weight / weight.sum(), s)
        sums = {name: float(value.detach()) for name, value in found.items()}
        check_finite(sums)
        self.optimizer.zero()
        self.judge_optimizer.zero()
        loss.backward()  # type: ignore[no-untyped-call]  # torch's own
        return sums

    def loss(
        self, obs: list[Tensor], actions: Tensor, target: Tensor, old: Tensor, share: Tensor, s: Any
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the loss of everything that is learned, and statistics; rows count by their `share`."""
        judge, head = self.judge, self.head
        surprise = cross_entropy(judge(obs, actions), target, s.reach)
        outputs, _, _ = self.policy(obs, {})
        chosen = head.sample(outputs, self._noise(len(actions)), None)
        log_prob, _ = head.evaluate(outputs, chosen, None)
        judge.requires_grad_(False)  # it judges the policy's actions, and learns nothing of it
        q = judge.value(obs, chosen)
        judge.requires_grad_(True)
        kl = divergence(head, old, outputs)
        alpha, beta = judge.log_alpha.exp(), judge.log_beta.exp()
        moved = policy_loss(q, log_prob, kl, alpha.detach(), beta.detach(), s.kl_target)
        entropy, away = (share * -log_prob).sum(), (share * kl).sum()
        balance = alpha * (entropy.detach() - s.entropy_target * head.components)
        balance = balance + beta * (s.kl_target - away.detach())
        total = (share * (surprise + moved)).sum() + balance
        means = {"policy_loss": moved, "value_loss": surprise, "q": q}
        return total, {name: (share * each).sum() for name, each in means.items()} | {"entropy": entropy, "kl": away}

    def _noise(self, rows: int) -> Tensor:
        return torch.randn((rows, self.head.components), generator=self.generator).to(self.config.device)

    def _seen(self, obs: Array) -> list[Tensor]:
        return leaf_tensors(self.policy.observation, obs, self.config.device)

    def _tensor(self, array: Array) -> Tensor:
        return torch.from_numpy(array).to(self.config.device)

    def beside(self) -> dict[str, nn.Module | Optimizers]:
        return {"judge": self.judge, "judge_optimizer": self.judge_optimizer}


def check_fits(config: Config) -> None:
    """Check that a game's actions lie in a box with bounds, and that the network is as the method needs it.

    Raises:
        TrainingError: they do not, or it is not.
    """
    env = load_env(config.env)
    params = env.build_params(config.params)
    action = env.action.resolve(params)
    if not isinstance(action, Box) or isinstance(env.observation.resolve(params), Roles):
        raise TrainingError(
            f"{config.algorithm} climbs a critic along continuous actions, and those of '{env.name}' are {action}; train by ppo or pqn"
        )
    network = config.network
    if network.head != "squashed" or network.memory != "none" or network.value_bins or network.critic != "shared":
        raise TrainingError(
            f"{config.algorithm} has critics of its own, without memory: leave network.head, memory, critic and value_bins out"
        )


ALGORITHM = REPPO
