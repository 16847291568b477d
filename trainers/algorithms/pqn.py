"""Parallelized Q-network: Q(lambda) over many environments at once, without a replay buffer or a target network.

Gallici et al. 2024, arXiv 2407.04811, algorithm 1.  The network gives a value Q(o, a) for each choice; layer norms keep
it from diverging (its theorem 2).  All but epsilon of the actions take the best.  With the values that the network had
when it acted, the targets are, backwards over a rollout,

    G_t = r_t + gamma (lambda G_{t+1} + (1 - lambda) max_a Q(o_{t+1}, a)),   cut where an episode ends

which is V + A of generalized advantage estimation with V = max_a Q, and several epochs descend 1/2 (Q(o_t, a_t) - G_t)^2.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from torch import Tensor

from puffer_arena.core.spaces import Discrete
from puffer_arena.errors import TrainingError
from puffer_arena.registry import load_env
from puffer_arena.settings import flag, setting
from puffer_arena.trainers.algorithms.algorithm import OnStep
from puffer_arena.trainers.algorithms.on_policy import OnPolicy
from puffer_arena.trainers.backends.loss import Loss
from puffer_arena.trainers.config import Config
from puffer_arena.trainers.data.columns import Column
from puffer_arena.trainers.data.rollout import shuffled
from puffer_arena.trainers.estimate.advantage import gae
from puffer_arena.trainers.networks.heads import Greedy
from puffer_arena.trainers.networks.policy import MakeEncoder

STATISTICS = ("value_loss", "q")


@dataclass(frozen=True)
class Settings:
    """Rollout, targets and exploration."""

    horizon: int = setting(32, 1, 4096, "steps of every environment per rollout")
    epochs: int = setting(4, 1, 100, "passes over a rollout")
    minibatches: int = setting(16, 1, 4096, "optimizer steps per epoch")
    gamma: float = setting(0.99, 0.0, 1.0, "discount")
    q_lambda: float = setting(0.9, 0.0, 1.0, "how far targets look along the rollout before they trust a value")
    epsilon: float = setting(1.0, 0.0, 1.0, "share of actions at random at the start")
    epsilon_final: float = setting(0.02, 0.0, 1.0, "their share in the end, and in the trained policy")
    exploration: float = setting(0.3, 0.0, 1.0, "part of the run after which their share is the final one")
    normalize_rewards: bool = flag(True, "divide rewards by the running deviation of the discounted return")
    rho_clip: ClassVar[float] = 1.0  # the estimator's, of no effect here
    c_clip: ClassVar[float] = 1.0

    @property
    def gae_lambda(self) -> float:
        """Lambda, under the estimator's name."""
        return self.q_lambda


def td_error(row: Any, p: Settings) -> tuple[Tensor, dict[str, Tensor]]:
    """Half the squared error of the taken action's value."""
    q = row.outputs.gather(1, row.actions.long()).squeeze(1)
    loss = 0.5 * (q - row.target) ** 2
    return loss, {"value_loss": loss, "q": q}


class PQN(OnPolicy):
    """Q(lambda) over vectorized environments."""

    section, settings = "pqn", Settings
    defaults: ClassVar[Mapping[str, Any]] = {"network": {"head": "greedy", "blocks": "normed"}}
    columns = (Column("advantage"), Column("target"), Column("ratio"))

    def __init__(self, config: Config, make_encoder: MakeEncoder | None = None) -> None:
        check_fits(config)
        check_unbarred(config)
        super().__init__(config, make_encoder)

    def losses(self) -> list[Loss]:
        return [td_error]

    def update(self, on_step: OnStep | None = None) -> dict[str, float]:
        s = self.config.method
        epsilon = share_at_random(s, self.progress)
        assert isinstance(self.policy.head, Greedy)  # by the network's settings, which were checked
        self.policy.head.epsilon.fill_(epsilon)
        with self.measuring(on_step) as metrics:
            rollout, rate = self.rollout, self.rate
            if s.normalize_rewards:
                self.reward_scale.apply(rollout, s.gamma)
            gae(rollout, s, self.pool)
            totals, rows, lengths = dict.fromkeys(STATISTICS, 0.0), 0.0, []
            for _ in range(s.epochs):
                for minibatch in shuffled(self.chunks, s.minibatches, self.generator):
                    sums = self.backend.gradients(td_error, minibatch, s, ("target",))
                    lengths.append(self.optimizer.step(rate))
                    totals = {name: totals[name] + sums[name] for name in totals}
                    rows += minibatch.count
            metrics.update({name: total / max(rows, 1.0) for name, total in totals.items()})
            metrics["gradient_norm"] = float(np.mean(lengths)) if lengths else 0.0
            metrics["epsilon"] = epsilon
        return metrics


def check_unbarred(config: Config) -> None:
    """Check that a game's choices are all open.

    Raises:
        TrainingError: it bars some.
    """
    env = load_env(config.env)
    if env.action_mask is not None:
        raise TrainingError(
            f"pqn goes on from the best of all choices, and '{env.name}' bars some by its action_mask; train by ppo or dqn"
        )


def share_at_random(s: Any, progress: float) -> float:
    """Return epsilon at a point of the run."""
    done = min(progress / s.exploration, 1.0) if s.exploration > 0.0 else 1.0
    return float(s.epsilon + (s.epsilon_final - s.epsilon) * done)


def check_fits(config: Config) -> None:
    """Check that a game has one choice an action.

    Raises:
        TrainingError: it has not, or the network is not one of values.
    """
    env = load_env(config.env)
    action = env.action.resolve(env.build_params(config.params))
    if not isinstance(action, Discrete):
        raise TrainingError(
            f"{config.algorithm} gives each choice of a Discrete action a value, and actions of '{env.name}' are {action}; train by ppo"
        )
    if config.network.head != "greedy" or config.network.critic != "shared":
        raise TrainingError(
            f"{config.algorithm}'s network gives values of choices: leave network.head and network.critic out"
        )


ALGORITHM = PQN
