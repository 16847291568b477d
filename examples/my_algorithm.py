"""A variant of PPO in one file: a soft bound in place of the clip.

    python -m puffer_arena train snake --algorithm examples/my_algorithm.py

The loss alone trains, by autograd.  Its slope below makes it as fast as our own; `check_slope` compares
the two by finite differences.  Chen et al. 2022, "The sufficiency of off-policyness and soft clipping",
arXiv 2205.10047, call the bound a preconditioned sigmoid.
"""

import math
from dataclasses import dataclass
from typing import Any

import torch

from puffer_arena.settings import setting
from puffer_arena.trainers.algorithms import ppo
from puffer_arena.trainers.backends.loss import slope_of


@dataclass(frozen=True)
class Settings(ppo.Settings):
    temperature: float = setting(4.0, 0.1, 100.0, "how sharply the bound sets in")


def soft(row: Any, p: Settings) -> Any:
    """Bound the ratio's gain by a sigmoid around 1, whose slope there is 1."""
    ratio = (row.log_prob - row.old_log_prob).exp()
    bounded = 4.0 / p.temperature * torch.sigmoid(p.temperature * (ratio - 1.0))
    total = -bounded * row.advantage + p.value_coef * (row.value - row.target) ** 2 - p.entropy_coef * row.entropy
    return total, {"entropy": row.entropy, "approx_kl": ratio - 1.0 - ratio.log()}


@slope_of(soft, "entropy", "approx_kl")
def soft_slope(row: Any, p: Any) -> None:
    ratio = math.exp(row.log_prob - row.old_log_prob)
    share = 1.0 / (1.0 + math.exp(-p.temperature * (ratio - 1.0)))
    row.d_log_prob = -4.0 * share * (1.0 - share) * ratio * row.advantage
    row.d_value = 2.0 * p.value_coef * (row.value - row.target)
    row.d_entropy = -p.entropy_coef
    row.approx_kl = ratio - 1.0 - math.log(ratio)


class SoftPPO(ppo.PPO):
    settings = Settings

    def losses(self) -> Any:
        return [soft]


ALGORITHM = SoftPPO
