"""How good each action turned out to be: the parts named by `ppo.advantage`.

All take arrays of shape (horizon, streams), a stream being one agent of one environment; `values` and `alive` have
one more row, for the observation after the last step.  `ratios` are the present policy's action
probabilities over those of the policy that acted.  They fill `advantages` and `returns`, zero where an agent
takes no part.

An episode's end cuts the sums.  A truncated one is continued by `final_values`, the value of its last observation.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from puffer_arena.core.fields import Array
from puffer_arena.trainers.kernels import kernel


class Experience(NamedTuple):
    """What the advantages are made from; see the module's docstring for shapes."""

    rewards: Array
    alive: Array
    values: Array
    following: Array  # value of what comes after each step, 0 after a death
    goes_on: Array  # whether the next row belongs to the same episode
    ratios: Array


def follow(
    terminated: Array, truncated: Array, alive: Array, values: Array, final_values: Array
) -> tuple[Array, Array]:
    """Return `following` and `goes_on` (see `Experience`), both (horizon, streams)."""
    goes_on = ~(terminated | truncated) & alive[1:]
    following = np.where(goes_on, values[1:], np.float32(0.0))
    np.copyto(following, final_values, where=truncated & ~terminated)
    goes_on[-1] = False
    return following, goes_on


@kernel
def gae(e: Any, begin: int, end: int, gamma: float, trace: float, cuts: Any, advantages: Any, returns: Any) -> None:
    """Generalized advantage estimation (Schulman et al. 2016, equation 16) for streams [begin, end).

    A_t = delta_t + gamma lambda A_{t+1},  delta_t = r_t + gamma V(s_{t+1}) - V(s_t); returns are A_t + V(s_t).
    """
    for t in range(e.rewards.shape[0] - 1, -1, -1):
        for i in range(begin, end):
            if not e.alive[t, i]:
                advantages[t, i] = returns[t, i] = 0.0
                continue
            carried = advantages[t + 1, i] if e.goes_on[t, i] else 0.0
            value = e.values[t, i]
            advantage = e.rewards[t, i] + gamma * e.following[t, i] - value + gamma * trace * carried
            advantages[t, i] = advantage
            returns[t, i] = advantage + value


@kernel
def vtrace(e: Any, begin: int, end: int, gamma: float, trace: float, cuts: Any, advantages: Any, returns: Any) -> None:
    """V-trace (Espeholt et al. 2018, equation 1 and remark 2) for streams [begin, end).

    v_t = V_t + delta_t + gamma c_t (v_{t+1} - V_{t+1}),  delta_t = rho_t (r_t + gamma V_{t+1} - V_t),
    rho_t = min(rho_clip, ratio_t), c_t = lambda min(c_clip, ratio_t).  Returns are v_t; advantages are
    r_t + gamma v_{t+1} - V_t, whose weight rho_t the objective brings.
    """
    rho_clip, c_clip = cuts[0], cuts[1]
    for t in range(e.rewards.shape[0] - 1, -1, -1):
        for i in range(begin, end):
            if not e.alive[t, i]:
                advantages[t, i] = returns[t, i] = 0.0
                continue
            following, value, ratio = e.following[t, i], e.values[t, i], e.ratios[t, i]
            correction = returns[t + 1, i] - following if e.goes_on[t, i] else 0.0
            delta = min(rho_clip, ratio) * (e.rewards[t, i] + gamma * following - value)
            returns[t, i] = value + delta + gamma * trace * min(c_clip, ratio) * correction
            advantages[t, i] = e.rewards[t, i] + gamma * (following + correction) - value


ADVANTAGES: dict[str, Callable[..., None]] = {"gae": gae, "vtrace": vtrace}


def normalize(advantages: Array, alive: Array) -> None:
    """Bring the advantages of those who take part to mean 0 and deviation 1, in place."""
    count = max(int(alive.sum()), 1)
    mean = advantages.sum(dtype=np.float64) / count  # absent agents have 0
    square = float(np.square(advantages, dtype=np.float64).sum()) / count
    deviation = max(square - mean * mean, 0.0) ** 0.5
    advantages -= np.float32(mean)
    advantages *= np.float32(1.0 / (deviation + 1e-8))
    if count < advantages.size:
        advantages *= alive


def explained_variance(alive: Array, values: Array, returns: Array) -> float:
    """Return how much of the returns' variance the values explain: 1 is all of it, 0 none.

    All are (horizon, streams).
    """
    wanted, errors = returns[alive], (returns - values)[alive]
    spread = float(wanted.var()) if len(wanted) else 0.0
    return 1.0 - float(errors.var()) / spread if spread > 1e-12 else 0.0
