"""What the network is moved towards: the parts named by `ppo.objective`, and the sums that a minibatch reports.

Each term is a sum over the agents that take part; the caller divides by their number.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor

from puffer_arena.trainers.config import Ppo
from puffer_arena.trainers.heads import Head

STATISTICS = ("policy_loss", "value_loss", "entropy", "approx_kl", "clip_fraction")


class Samples(NamedTuple):
    """Rows of a rollout to learn from, one entry per row: tensors, or arrays for the fused path."""

    actions: Any
    masks: Any
    log_probs: Any  # of the policy that acted
    values: Any  # of the network that acted
    advantages: Any
    returns: Any
    weights: Any  # 1 where the agent takes part, else 0


def clipped(ratio: Tensor, advantages: Tensor, ppo: Ppo) -> Tensor:
    """PPO's clipped surrogate (Schulman et al. 2017, equation 7), as a loss per row."""
    bounded = ratio.clamp(1.0 - ppo.clip, 1.0 + ppo.clip)
    return -torch.minimum(ratio * advantages, bounded * advantages)


def importance(ratio: Tensor, advantages: Tensor, ppo: Ppo) -> Tensor:
    """The policy gradient weighted by the cut ratio (Espeholt et al. 2018, section 4.2), as a loss per row."""
    return -(ratio.clamp(max=ppo.rho_clip).detach() * torch.log(ratio) * advantages)


OBJECTIVES: dict[str, Callable[[Tensor, Tensor, Ppo], Tensor]] = {"clip": clipped, "importance": importance}


def loss(
    head: Head, outputs: Tensor, values: Tensor, samples: Samples, ppo: Ppo, entropy_coef: float
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the summed loss, the sums named in STATISTICS, and the ratio of each row."""
    log_probs, entropy = head.evaluate(outputs, samples.actions, samples.masks)
    log_ratio = log_probs - samples.log_probs
    ratio = log_ratio.exp()
    policy_loss = OBJECTIVES[ppo.objective](ratio, samples.advantages, ppo)
    value_loss = 0.5 * value_error(values, samples, ppo.value_clip)
    weights = samples.weights
    total = policy_loss + ppo.value_coef * value_loss - entropy_coef * entropy
    with torch.no_grad():
        kl = ratio - 1.0 - log_ratio
        outside = ((ratio - 1.0).abs() > ppo.clip).to(ratio.dtype)
        parts = torch.stack([policy_loss, value_loss, entropy, kl, outside])
        sums = torch.where(weights > 0, parts, 0.0).sum(-1).double()
    return torch.where(weights > 0, total, 0.0).sum(), sums, ratio.detach()


def value_error(values: Tensor, samples: Samples, limit: float) -> Tensor:
    """Return the squared error of each value; with `limit`, the worse of the free and the limited value."""
    error: Tensor = (values - samples.returns) ** 2
    if limit <= 0.0:
        return error
    near = samples.values + (values - samples.values).clamp(-limit, limit)
    return torch.maximum(error, (near - samples.returns) ** 2)


def as_metrics(sums: Any, count: float) -> dict[str, float]:
    """Return means by name for the sums of `loss`."""
    return {name: float(value) / max(count, 1.0) for name, value in zip(STATISTICS, sums, strict=True)}
