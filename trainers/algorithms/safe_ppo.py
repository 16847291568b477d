"""Safe PPO: as much reward as can be had while episodes cost no more than a limit (PPO-Lagrangian).

Ray, Achiam and Amodei 2019, "Benchmarking safe exploration in deep reinforcement learning", section 5.3; the
multiplier's controller is that of Stooke et al. 2020, arXiv 2007.03964, algorithm 2.  What is wanted is

    max J_R(policy)  with  J_C(policy) <= d

where J_C is the mean sum of the signal `cost` over an episode and d the limit.  Its Lagrangian, J_R - lambda (J_C - d),
is climbed by the policy along

    A = (A_R - lambda A_C) / (1 + lambda)

with an advantage of rewards and one of costs, each from a critic of its own, and descended by lambda.  With the
excess e = (J_C - d) / d of the episodes that ended in an update (d = 1 stands for a limit of 0)

    I <- [I + k_i e]+        lambda = [k_p e + I + k_d [J_C - J_C of the update before]+ / d]+

    method                                                  settings
    PID                                                     the defaults
    projected ascent, lambda <- [lambda + k_i e]+           k_p = k_d = 0
    a fixed price of a cost                                 k_p = k_i = k_d = 0, multiplier = the price

With `normalize_rewards` costs are divided by the running deviation of their discounted sum, as rewards are by theirs:
lambda is then the price of one deviation of costs in deviations of rewards, and alike from game to game.
"""

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np

from puffer_arena.core.fields import Array
from puffer_arena.errors import TrainingError
from puffer_arena.registry import load_env
from puffer_arena.settings import setting
from puffer_arena.trainers.algorithms import two_critics
from puffer_arena.trainers.algorithms.two_critics import TwoCriticsPPO, second
from puffer_arena.trainers.config import Config
from puffer_arena.trainers.estimate.advantage import ESTIMATORS, REWARD, normalize
from puffer_arena.trainers.estimate.episodes import EpisodeSums
from puffer_arena.trainers.estimate.scale import RewardScale
from puffer_arena.trainers.networks.policy import MakeEncoder

COST = second("cost")


@dataclass(frozen=True)
class Settings(two_critics.Settings):
    """Those of two critics, and how costs are kept below their limit."""

    cost_limit: float = setting(-1.0, -1.0, 1e9, "most that an episode should cost; below 0: the game's own limit")
    cost_gamma: float = setting(0.99, 0.0, 1.0, "discount of costs")
    cost_lambda: float = setting(0.95, 0.0, 1.0, "trace decay of the costs' advantages")
    multiplier: float = setting(0.0, 0.0, 1e6, "lambda at the start")
    multiplier_max: float = setting(100.0, 0.0, 1e6, "the greatest lambda")
    k_p: float = setting(0.1, 0.0, 1e3, "gain by the present excess of costs over the limit, in limits")
    k_i: float = setting(0.05, 0.0, 1e3, "gain by the sum of all excesses: the step of projected ascent")
    k_d: float = setting(0.1, 0.0, 1e3, "gain by how much costs have risen since the last update")


class Multiplier:
    """Lambda, and the controller that sets it.

    Attributes:
        numbers: lambda, its integral I, and the last update's cost (NaN before there was any).
    """

    def __init__(self, start: float) -> None:
        self.numbers = np.array([start, start, np.nan])

    @property
    def value(self) -> float:
        """Lambda."""
        return float(self.numbers[0])

    def follow(self, cost: float, limit: float, s: Any) -> None:
        """Move lambda by what episodes have cost."""
        unit, last = limit if limit > 0.0 else 1.0, self.numbers[2]
        excess, rise = (cost - limit) / unit, max(cost - last, 0.0) / unit if last == last else 0.0
        integral = min(max(self.numbers[1] + s.k_i * excess, 0.0), s.multiplier_max)
        present = min(max(s.k_p * excess + integral + s.k_d * rise, 0.0), s.multiplier_max)
        self.numbers[:] = present, integral, cost


class SafePPO(TwoCriticsPPO):
    """PPO over the joint advantage of rewards and costs.

    Attributes:
        cost_limit: d, in costs of an episode.
    """

    section, settings = "safe_ppo", Settings
    estimates = (REWARD, COST)

    def __init__(self, config: Config, make_encoder: MakeEncoder | None = None) -> None:
        self.cost_limit = limit_of(config)
        super().__init__(config, make_encoder)
        self.cost_scale, self.costs = RewardScale(self.rollout.streams), EpisodeSums(self.rollout.streams)
        self.multiplier = Multiplier(config.method.multiplier)

    def prepare(self, s: Any, metrics: dict[str, float]) -> None:
        super().prepare(s, metrics)
        cost, episodes = self.costs.add(self.rollout, "cost")
        if episodes:
            self.multiplier.follow(cost, self.cost_limit, s)
        if s.normalize_rewards:
            self.cost_scale.apply(self.rollout, s.cost_gamma, "cost")
        metrics["multiplier"], metrics["cost_limit"] = self.multiplier.value, self.cost_limit

    def estimate(self, s: Any) -> None:
        """Fill in both targets, and the joint advantage."""
        rollout, price = self.rollout, self.multiplier.value
        ESTIMATORS[s.advantage](rollout, s, self.pool)
        of_costs = dataclasses.replace(s, gamma=s.cost_gamma, gae_lambda=s.cost_lambda)
        ESTIMATORS[s.advantage](rollout, of_costs, self.pool, COST)
        rollout.advantage[:] = (rollout.advantage - price * rollout.second_advantage) / (1.0 + price)
        if s.normalize_advantages == "rollout":
            normalize(rollout.advantage, rollout.acting[:-1])

    def _carried(self) -> dict[str, Array]:
        kept = {f"cost_scale.{name}": array for name, array in self.cost_scale.state().items()}
        kept |= {f"costs.{name}": array for name, array in self.costs.state().items()}
        return super()._carried() | kept | {"multiplier": self.multiplier.numbers}


def limit_of(config: Config) -> float:
    """Return the limit that a run keeps to.

    Raises:
        TrainingError: a game without costs, or no limit.
    """
    env = load_env(config.env)
    if "cost" not in env.signals:
        has = f"it has {', '.join(env.signals)}" if env.signals else "it has none"
        raise TrainingError(
            f"safe_ppo keeps the signal 'cost' below a limit, which environment '{env.name}' does not give ({has}): add "
            "signals=('cost',) to its Env and write s.cost in a rule, as examples/minefield.py does; or train by ppo"
        )
    if config.method.cost_limit >= 0.0:
        return float(config.method.cost_limit)
    if env.cost_limit is None:
        raise TrainingError(
            f"environment '{env.name}' says no cost_limit; set one: --safe-ppo.cost-limit 10, the most that an episode "
            "should cost"
        )
    return float(env.cost_limit)


ALGORITHM = SafePPO
