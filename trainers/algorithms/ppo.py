"""Proximal policy optimization: collect, estimate advantages, move the policy along a clipped objective.

Schulman et al. 2017, arXiv 1707.06347.  With advantage = "vtrace" later epochs correct for how far the
policy has moved since it acted (Espeholt et al. 2018, arXiv 1802.01561), and objective = "importance" is
that paper's policy gradient.

A variant is a subclass with a loss of its own: see examples/my_algorithm.py.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from puffer_arena.core.fields import Array
from puffer_arena.machine.compile import jit
from puffer_arena.settings import choice, flag, setting
from puffer_arena.trainers.algorithms.algorithm import OnStep
from puffer_arena.trainers.algorithms.on_policy import OnPolicy, annealed
from puffer_arena.trainers.backends.loss import Loss, slope_of
from puffer_arena.trainers.config import Config
from puffer_arena.trainers.data.columns import Column
from puffer_arena.trainers.data.rollout import Minibatch, prioritized, shuffled
from puffer_arena.trainers.estimate.advantage import ESTIMATORS, REWARD, Columns, explained_variance, normalize
from puffer_arena.trainers.estimate.values import ValueScale
from puffer_arena.trainers.networks.bins import cross_entropy
from puffer_arena.trainers.networks.policy import MakeEncoder


@dataclass(frozen=True)
class Settings:
    """Rollout, advantage and objective."""

    horizon: int = setting(32, 1, 4096, "steps of every environment per rollout")
    stagger: int = setting(0, 0, 100_000, "steps over which the rows' first episodes begin; 0: all at once")
    epochs: int = setting(1, 1, 100, "passes over a rollout")
    minibatches: int = setting(4, 1, 4096, "optimizer steps per epoch")
    gamma: float = setting(0.99, 0.0, 1.0, "discount")
    gae_lambda: float = setting(0.95, 0.0, 1.0, "trace decay of GAE and V-trace")
    advantage: str = choice("gae", ("gae", "vtrace"), "how advantages are estimated")
    objective: str = choice("clip", ("clip", "importance"), "clip: PPO; importance: policy gradient, ratio cut")
    clip: float = setting(0.2, 0.0, 10.0, "how far the probability ratio may move from 1")
    clip_final: float = setting(-1.0, -1.0, 10.0, "the clip at the end, reached in a line; below 0: no change")
    value_coef: float = setting(0.5, 0.0, 1e3, "weight of the value loss")
    value_clip: float = setting(0.0, 0.0, 1e6, "how far a value may move in one update; 0 for no limit")
    entropy_coef: float = setting(0.01, 0.0, 10.0, "weight of the entropy bonus")
    entropy_coef_final: float = setting(-1.0, -1.0, 10.0, "its weight at the end; below 0: no change")
    target_kl: float = setting(0.0, 0.0, 1e3, "divergence from the acting policy that ends an update's epochs; 0: none")
    normalize_advantages: str = choice(
        "rollout",
        ("rollout", "minibatch", "none"),
        "to mean 0 and deviation 1, over all of it or anew in each minibatch",
    )
    priority: float = setting(0.0, 0.0, 10.0, "power by which mean advantages have streams drawn; 0: each row once")
    priority_beta: float = setting(0.2, 0.0, 1.0, "how far importance weights make up for that")
    priority_beta_final: float = setting(1.0, -1.0, 1.0, "the same at the end; below 0: no change")
    normalize_rewards: bool = flag(True, "divide rewards by the running deviation of the discounted return")
    normalize_values: bool = flag(False, "let the critic predict in units of the running mean and deviation of returns")
    rho_clip: float = setting(1.0, 0.0, 1e6, "V-trace: cut of the importance weight in the value error")
    c_clip: float = setting(1.0, 0.0, 1e6, "V-trace: cut of the importance weight in the trace")


STATISTICS = ("policy_loss", "value_loss", "entropy", "approx_kl", "clip_fraction")


def clipped(row: Any, p: Settings) -> tuple[Tensor, dict[str, Tensor]]:
    """Equation 7: -min(ratio A, clip(ratio, 1 - clip, 1 + clip) A), with value error and entropy bonus (equation 9)."""
    ratio = (row.log_prob - row.old_log_prob).exp()
    bounded = ratio.clamp(1.0 - p.clip, 1.0 + p.clip)
    return _complete(row, p, -torch.minimum(ratio * row.advantage, bounded * row.advantage))


@slope_of(clipped, *STATISTICS)
def clipped_slope(row: Any, p: Any) -> None:
    """d loss / d log p = -ratio A, but nothing where the ratio has left its bounds on the side that A wants."""
    ratio = math.exp(row.log_prob - row.old_log_prob)
    gain = row.advantage
    bounded = min(max(ratio, 1.0 - p.clip), 1.0 + p.clip)
    row.policy_loss = -min(ratio * gain, bounded * gain)
    cut = (gain > 0.0 and ratio > 1.0 + p.clip) or (gain < 0.0 and ratio < 1.0 - p.clip)
    row.d_log_prob = 0.0 if cut else -ratio * gain
    complete_slope(row, p)


def importance(row: Any, p: Settings) -> tuple[Tensor, dict[str, Tensor]]:
    """Espeholt et al. 2018, section 4.2: -min(rho, ratio) log p A, its weight taken as a constant."""
    log_ratio = row.log_prob - row.old_log_prob
    return _complete(row, p, -(log_ratio.exp().clamp(max=p.rho_clip).detach() * log_ratio * row.advantage))


@slope_of(importance, *STATISTICS)
def importance_slope(row: Any, p: Any) -> None:
    """d loss / d log p = -min(rho, ratio) A."""
    log_ratio = row.log_prob - row.old_log_prob
    row.d_log_prob = -min(math.exp(log_ratio), p.rho_clip) * row.advantage
    row.policy_loss = row.d_log_prob * log_ratio
    complete_slope(row, p)


def _complete(row: Any, p: Settings, policy_loss: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
    """Add value error and entropy bonus to a policy's loss, and measure how far the policy has moved."""
    error = (row.value - row.target) ** 2
    if p.value_clip > 0.0:
        near = row.old_value + (row.value - row.old_value).clamp(-p.value_clip, p.value_clip)
        error = torch.maximum(error, (near - row.target) ** 2)
    value_loss = 0.5 * error
    log_ratio = row.log_prob - row.old_log_prob
    ratio = log_ratio.exp()
    total = policy_loss + p.value_coef * value_loss - p.entropy_coef * row.entropy
    outside = ((ratio - 1.0).abs() > p.clip).to(ratio.dtype)
    return total, {
        "policy_loss": policy_loss,
        "value_loss": value_loss,
        "entropy": row.entropy,
        "approx_kl": ratio - 1.0 - log_ratio,  # Schulman 2020, "Approximating KL divergence", k3
        "clip_fraction": outside,
    }


@jit
def complete_slope(row: Any, p: Any) -> None:
    """The slopes of `_complete`."""
    log_ratio = row.log_prob - row.old_log_prob
    ratio = math.exp(log_ratio)
    error = row.value - row.target
    pull = error
    if p.value_clip > 0.0:
        moved = min(max(row.value - row.old_value, -p.value_clip), p.value_clip)
        near = row.old_value + moved - row.target
        if near * near > error * error:
            error = near
            pull = near if abs(row.value - row.old_value) <= p.value_clip else 0.0
    row.d_value = p.value_coef * pull
    row.d_entropy = -p.entropy_coef
    row.value_loss = 0.5 * error * error
    row.approx_kl = ratio - 1.0 - log_ratio
    row.clip_fraction = 1.0 if abs(ratio - 1.0) > p.clip else 0.0


def in_bins(loss: Loss, reach: float) -> Loss:
    """Return a loss of PPO's for values in bins: the cross-entropy of HL-Gauss in place of half the squared error."""

    def binned(row: Any, p: Settings) -> tuple[Tensor, dict[str, Tensor]]:
        total, statistics = loss(row, p)
        surprise = cross_entropy(row.value_logits, row.target, reach)
        return total + p.value_coef * (surprise - statistics["value_loss"]), {**statistics, "value_loss": surprise}

    binned.__name__ = f"{loss.__name__}_in_bins"
    return binned


class PPO(OnPolicy):
    """PPO over vectorized environments."""

    section, settings = "ppo", Settings
    shared = True  # several processes may make its updates together
    columns: ClassVar[tuple[Column, ...]] = (Column("advantage"), Column("target"), Column("ratio"))
    loss_columns: ClassVar[tuple[str, ...]] = ("old_log_prob", "old_value", "advantage", "target")
    objectives: ClassVar[dict[str, Loss]] = {"clip": clipped, "importance": importance}

    estimates: ClassVar[tuple[Columns, ...]] = (REWARD,)

    def __init__(self, config: Config, make_encoder: MakeEncoder | None = None) -> None:
        super().__init__(config, make_encoder)
        scaled = self.estimates if self.config.method.normalize_values else ()
        self.value_scales = {columns: ValueScale() for columns in scaled}

    def losses(self) -> list[Loss]:
        loss, network = self.objectives[self.config.method.objective], self.config.network
        return [in_bins(loss, network.value_reach) if network.value_bins else loss]

    def update(self, on_step: OnStep | None = None) -> dict[str, float]:
        s = annealed(self.config.method, self.progress)
        (loss,) = self.losses()
        corrects = s.advantage == "vtrace" and s.epochs > 1
        with self.measuring(on_step) as metrics:
            rollout, rate = self.rollout, self.rate
            totals, rows, lengths, epochs = dict.fromkeys(STATISTICS, 0.0), 0.0, [], 0
            self.prepare(s, metrics)
            rollout.ratio[:] = 1.0
            for epoch in range(s.epochs):
                if epoch > 0 and corrects:
                    self.collector.look_ahead()  # the last step's values are the present policy's, as all others are
                if epoch == 0 or corrects:
                    self.fill_in(s, first=epoch == 0)
                drift = seen = 0.0
                for minibatch in self.minibatches(s):
                    sums = self.backend.gradients(loss, minibatch, s, self.loss_columns, remember=corrects)
                    self.nodes.average(self.policy, minibatch.count)
                    lengths.append(self.optimizer.step(rate))
                    totals = {name: totals.get(name, 0.0) + value for name, value in sums.items()}
                    rows += minibatch.count
                    drift, seen = drift + sums.get("approx_kl", 0.0), seen + minibatch.count
                epochs += 1
                if s.target_kl > 0.0:
                    drift, seen = self.nodes.add_up(np.array([drift, seen])).tolist()
                    if drift / max(seen, 1.0) > s.target_kl:
                        break
            metrics.update({name: total / max(rows, 1.0) for name, total in totals.items()})
            metrics["gradient_norm"] = float(np.mean(lengths)) if lengths else 0.0
            metrics["explained_variance"] = explained_variance(
                rollout.acting[:-1], rollout.old_value[:-1], rollout.target
            )
            if s.target_kl > 0.0:
                metrics["epochs"] = float(epochs)
        return metrics

    def minibatches(self, s: Any) -> Iterator[Minibatch]:
        """Yield what an epoch learns from."""
        if s.priority > 0.0:
            each = max(len(self.chunks) // s.minibatches, 1)
            power, beta = s.priority, s.priority_beta
            found = prioritized(self.rollout, s.minibatches, each, power, beta, self.generator)
        else:
            found = shuffled(self.chunks, s.minibatches, self.generator)
        for minibatch in found:
            if s.normalize_advantages == "minibatch":
                minibatch.normalize()
            yield minibatch

    def prepare(self, s: Any, metrics: dict[str, float]) -> None:
        """Take in what was collected, once, before anything is estimated from it; metrics may be added to."""
        if s.normalize_rewards:
            self.reward_scale.apply(self.rollout, s.gamma)

    def fill_in(self, s: Any, first: bool) -> None:
        """Fill in advantages and targets, from values in units of rewards where the critic predicts them in others.

        Args:
            first: since the rollout was collected.
        """
        held = self.rollout.columns
        for of, scale in self.value_scales.items():
            scale.widen(held[f"old_{of.value}"])
            scale.widen(held[f"final_{of.value}"])
        self.estimate(s)
        acting = self.rollout.acting[:-1]
        for of, scale in self.value_scales.items():
            targets = held[of.target]
            if first:
                scale.follow(targets[acting])
            for values in (held[f"old_{of.value}"], held[f"final_{of.value}"], targets):
                scale.narrow(values)
            targets *= acting

    def estimate(self, s: Any) -> None:
        """Fill in advantages and targets, all in units of rewards."""
        ESTIMATORS[s.advantage](self.rollout, s, self.pool)
        if s.normalize_advantages == "rollout":
            normalize(self.rollout.advantage, self.rollout.acting[:-1], self.nodes)

    def in_rewards(self, values: Array) -> Array:
        for scale in [*self.value_scales.values()][:1]:
            values = values.copy()
            scale.widen(values)
        return values

    def _carried(self) -> dict[str, Array]:
        scales = {f"value_scale.{of.value}": scale.numbers for of, scale in self.value_scales.items()}
        return super()._carried() | scales


ALGORITHM = PPO
