"""Which backend trains a policy with some losses."""

from collections.abc import Sequence

import torch

from puffer_arena.core.roles import Roles
from puffer_arena.errors import TrainingError
from puffer_arena.trainers.backends.autograd import Autograd
from puffer_arena.trainers.backends.backend import Backend
from puffer_arena.trainers.backends.fused import Fused
from puffer_arena.trainers.backends.loss import Loss, find_slope
from puffer_arena.trainers.backends.rows import has_rules
from puffer_arena.trainers.config import Config
from puffer_arena.trainers.networks.policy import Policy


def choose_backend(config: Config, policy: Policy, losses: Sequence[Loss], reserve: int) -> Backend:
    """Return the backend that `config.gradients` asks for: fused where it fits, if it is to be chosen.

    Args:
        config: with every "auto" resolved but that of `gradients`.
        losses: all that will be trained.
        reserve: rows of a rollout.

    Raises:
        TrainingError: the fused one is asked for and does not fit, with the reason.
    """
    half = config.precision == "bfloat16"
    reasons = [f"device = '{config.device}' (it is for CPUs)"] if config.device != "cpu" else []
    reasons += ["compile = 'on'"] if config.compile == "on" else []
    reasons += [f"loss '{loss.__name__}' has no slope (@slope_of)" for loss in losses if find_slope(loss) is None]
    reasons += [] if has_rules(policy.head) else [f"head {type(policy.head).__name__} has no row rules"]
    reasons += ["values in bins"] if policy.network.value_bins else []
    reasons += ["each role has a space of its own"] if isinstance(policy.observation, Roles) else []
    if reasons and config.gradients == "fused":
        raise TrainingError(f"gradients = 'fused' does not fit: {'; '.join(reasons)}; use gradients = 'auto'")
    if reasons or config.gradients == "autograd":
        return Autograd(policy, torch.device(config.device), config.threads, half, config.compile == "on")
    fused = Fused(policy, config.threads, half)
    fused.reserve(reserve)
    return fused
