"""How good each action turned out to be: functions over a rollout's columns.

They read rewards, acting, terminated, truncated, old_<value> and final_<value>, and fill an advantage and a
target for every stream, zero where its agent does not act.  A stream is one agent of one environment;
columns are (horizon, streams), `acting` and old values with one step more.

A step goes from an agent's action to its next, over rows in which it waits; what they brought counts for the action
already (`data/credit.py`).  An episode's end cuts the sums.  A truncated one is continued by the value of its last
observation.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from puffer_arena.core.fields import Array
from puffer_arena.errors import TrainingError
from puffer_arena.machine.loops import kernel
from puffer_arena.trainers.data.rollout import Rollout
from puffer_arena.trainers.nodes import Nodes
from puffer_arena.trainers.threadpool import ThreadPool


class Experience(NamedTuple):
    """What the advantages are made from; see the module's docstring for shapes."""

    rewards: Array
    acting: Array
    values: Array
    following: Array  # value of what comes after each step, 0 after a death
    goes_on: Array  # whether the episode goes on after the step
    ratios: Array  # the present policy's action probabilities over those of the policy that acted


def follow(
    terminated: Array, truncated: Array, acting: Array, values: Array, final_values: Array
) -> tuple[Array, Array]:
    """Return `following` and `goes_on` (see `Experience`), both (horizon, streams).

    Where nobody acts, `values` become those of the stream's next action.
    """
    goes_on = ~(terminated | truncated)
    if not acting.all():
        for t in range(len(goes_on) - 1, -1, -1):
            np.copyto(values[t], values[t + 1], where=~acting[t])
    following = np.where(goes_on, values[1:], np.float32(0.0))
    np.copyto(following, final_values, where=truncated & ~terminated)
    goes_on[-1] = False
    return following, goes_on


class Columns(NamedTuple):
    """Which columns an estimate reads and fills; a cost has others than the reward."""

    rewards: str = "rewards"
    value: str = "value"
    advantage: str = "advantage"
    target: str = "target"
    episodic: bool = True  # an episode's end cuts the sums; else they go on into the stream's next episode


REWARD = Columns()


def gae(rollout: Rollout, settings: Any, pool: ThreadPool, columns: Columns = REWARD) -> None:
    """Fill advantages and targets by generalized advantage estimation; see `gae_rows`."""
    _estimate(gae_rows, rollout, settings, pool, columns)


def vtrace(rollout: Rollout, settings: Any, pool: ThreadPool, columns: Columns = REWARD) -> None:
    """Fill advantages and targets by V-trace, which reads the column `ratio` too; see `vtrace_rows`."""
    _estimate(vtrace_rows, rollout, settings, pool, columns)


ESTIMATORS: dict[str, Callable[..., None]] = {"gae": gae, "vtrace": vtrace}


def _estimate(rows: Any, rollout: Rollout, settings: Any, pool: ThreadPool, columns: Columns) -> None:
    """Run one of the loops below over all streams.

    Args:
        settings: has gamma, gae_lambda, rho_clip and c_clip.
        pool: whose parts are spans of streams.
    """
    held = rollout.columns
    values, final = held[f"old_{columns.value}"], held[f"final_{columns.value}"]
    terminated, truncated = rollout.terminated, rollout.truncated
    if not columns.episodic:
        terminated, truncated = np.zeros_like(terminated), np.zeros_like(truncated)
    following, goes_on = follow(terminated, truncated, rollout.acting, values, final)
    experience = Experience(held[columns.rewards], rollout.acting, values, following, goes_on, rollout.ratio)
    advantages, targets = held[columns.advantage], held[columns.target]
    cuts = np.array([settings.rho_clip, settings.c_clip])
    pool.run(
        lambda span: rows(experience, *span, settings.gamma, settings.gae_lambda, cuts, advantages, targets),
    )
    clear_absent(rollout.acting, advantages, targets)
    total = advantages.sum()
    if not np.isfinite(total):
        raise TrainingError(
            f"the advantages became {total}: a reward is not finite or too large for float32; check the "
            "environment's rewards"
        )


@kernel
def gae_rows(
    e: Any, begin: int, end: int, gamma: float, trace: float, cuts: Any, advantages: Any, targets: Any
) -> None:
    """Generalized advantage estimation (Schulman et al. 2016, equation 16) for streams [begin, end).

    A_t = delta_t + gamma lambda A_{t+1},  delta_t = r_t + gamma V(s_{t+1}) - V(s_t); targets are A_t + V(s_t).
    Rows in which nobody acts are left with what came after them.
    """
    for t in range(e.rewards.shape[0] - 1, -1, -1):
        for i in range(begin, end):
            carried = advantages[t + 1, i] if e.goes_on[t, i] else 0.0
            if not e.acting[t, i]:
                advantages[t, i] = carried  # the next action's, for the one before
                continue
            value = e.values[t, i]
            advantage = e.rewards[t, i] + gamma * e.following[t, i] - value + gamma * trace * carried
            advantages[t, i] = advantage
            targets[t, i] = advantage + value


@kernel
def vtrace_rows(
    e: Any, begin: int, end: int, gamma: float, trace: float, cuts: Any, advantages: Any, targets: Any
) -> None:
    """V-trace (Espeholt et al. 2018, equation 1 and remark 2) for streams [begin, end).

    v_t = V_t + delta_t + gamma c_t (v_{t+1} - V_{t+1}),  delta_t = rho_t (r_t + gamma V_{t+1} - V_t),
    rho_t = min(rho_clip, ratio_t), c_t = lambda min(c_clip, ratio_t).  Targets are v_t; advantages are
    r_t + gamma v_{t+1} - V_t, whose weight rho_t the objective brings.  Rows in which nobody acts are left with what came
    after them.
    """
    rho_clip, c_clip = cuts[0], cuts[1]
    for t in range(e.rewards.shape[0] - 1, -1, -1):
        for i in range(begin, end):
            if not e.acting[t, i]:  # the next action's, for the one before
                targets[t, i] = targets[t + 1, i] if e.goes_on[t, i] else e.values[t, i]
                continue
            following, value, ratio = e.following[t, i], e.values[t, i], e.ratios[t, i]
            correction = targets[t + 1, i] - following if e.goes_on[t, i] else 0.0
            delta = min(rho_clip, ratio) * (e.rewards[t, i] + gamma * following - value)
            targets[t, i] = value + delta + gamma * trace * min(c_clip, ratio) * correction
            advantages[t, i] = e.rewards[t, i] + gamma * (following + correction) - value


def clear_absent(acting: Array, *columns: Array) -> None:
    """Set columns to 0 where nobody acts."""
    if not acting[:-1].all():
        for column in columns:
            column[~acting[:-1]] = 0.0


def normalize(advantages: Array, acting: Array, nodes: Nodes = Nodes()) -> None:  # noqa: B008  frozen
    """Bring the advantages of those who take part, in all processes, to mean 0 and deviation 1, in place."""
    sums = advantages.sum(dtype=np.float64), np.square(advantages, dtype=np.float64).sum()  # absent agents have 0
    count, total, squares = nodes.add_up(np.array([acting.sum(), *sums])).tolist()
    count = max(count, 1.0)
    mean, square = total / count, squares / count
    deviation = max(square - mean * mean, 0.0) ** 0.5
    advantages -= np.float32(mean)
    advantages *= np.float32(1.0 / (deviation + 1e-8))
    if not acting.all():
        advantages *= acting


def explained_variance(acting: Array, values: Array, returns: Array) -> float:
    """Return how much of the returns' variance the values explain: 1 is all of it, 0 none.

    All are (horizon, streams).
    """
    wanted, errors = returns[acting], (returns - values)[acting]
    spread = float(wanted.var()) if len(wanted) else 0.0
    return 1.0 - float(errors.var()) / spread if spread > 1e-12 else 0.0
