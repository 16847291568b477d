"""PPO with a second critic, for what is summed up apart from rewards: costs (safe_ppo) or bonuses (rnd and icm).

    L = L_PPO(A) + second_value_coef 1/2 (V_2(o) - target_2)^2

where A is made of the rewards' advantage and the second one; how, a subclass says in `estimate`.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

from torch import Tensor

from puffer_arena.machine.compile import jit
from puffer_arena.settings import setting
from puffer_arena.trainers.algorithms import ppo
from puffer_arena.trainers.algorithms.ppo import clipped, clipped_slope, importance, importance_slope
from puffer_arena.trainers.backends.loss import Loss, slope_of
from puffer_arena.trainers.data.columns import Column
from puffer_arena.trainers.estimate.advantage import Columns

STATISTICS = (*ppo.STATISTICS, "second_value_loss")


@dataclass(frozen=True)
class Settings(ppo.Settings):
    """PPO's, and what the second critic's error weighs."""

    second_value_coef: float = setting(0.5, 0.0, 1e3, "weight of the second value's loss")


def second(rewards: str, episodic: bool = True) -> Columns:
    """Return the columns of the second critic, which values the sums of the column `rewards`."""
    return Columns(rewards, "second_value", "second_advantage", "second_target", episodic)


def clipped_twice(row: Any, p: Settings) -> tuple[Tensor, dict[str, Tensor]]:
    """PPO's clipped objective of the joint advantage, with the errors of both critics."""
    return _with_second(row, p, *clipped(row, p))


@slope_of(clipped_twice, *STATISTICS)
def clipped_twice_slope(row: Any, p: Any) -> None:
    """The slopes of PPO's objective and of the second critic's error."""
    clipped_slope(row, p)
    add_second_slope(row, p)


def importance_twice(row: Any, p: Settings) -> tuple[Tensor, dict[str, Tensor]]:
    """V-trace's policy gradient of the joint advantage, with the errors of both critics."""
    return _with_second(row, p, *importance(row, p))


@slope_of(importance_twice, *STATISTICS)
def importance_twice_slope(row: Any, p: Any) -> None:
    """The slopes of V-trace's objective and of the second critic's error."""
    importance_slope(row, p)
    add_second_slope(row, p)


def _with_second(
    row: Any, p: Settings, total: Tensor, statistics: dict[str, Tensor]
) -> tuple[Tensor, dict[str, Tensor]]:
    """Add half the second critic's squared error to a loss of PPO's."""
    error = 0.5 * (row.second_value - row.second_target) ** 2
    return total + p.second_value_coef * error, {**statistics, "second_value_loss": error}


@jit
def add_second_slope(row: Any, p: Any) -> None:
    """The slope of `_with_second`."""
    error = row.second_value - row.second_target
    row.d_second_value = p.second_value_coef * error
    row.second_value_loss = 0.5 * error * error


class TwoCriticsPPO(ppo.PPO):
    """PPO with a second value, and the columns that it is learned from."""

    settings = Settings
    values = ("value", "second_value")
    columns = (*ppo.PPO.columns, Column("second_advantage"), Column("second_target"))
    loss_columns = (*ppo.PPO.loss_columns, "second_target")
    objectives: ClassVar[dict[str, Loss]] = {"clip": clipped_twice, "importance": importance_twice}
