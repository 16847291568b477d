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
    terminated: Array
    truncated: Array
    alive: Array
    values: Array
    final_values: Array
    ratios: Array


@kernel
def gae(e: Any, begin: int, end: int, gamma: float, trace: float, cuts: Any, advantages: Any, returns: Any) -> None:
    """Generalized advantage estimation (Schulman et al. 2016, equation 16) for streams [begin, end).

    A_t = delta_t + gamma lambda A_{t+1},  delta_t = r_t + gamma V(s_{t+1}) - V(s_t); returns are A_t + V(s_t).
    """
    horizon = e.rewards.shape[0]
    for t in range(horizon - 1, -1, -1):
        for i in range(begin, end):
            following = e.values[t + 1, i]
            carried = 0.0
            if e.terminated[t, i]:
                following = 0.0
            elif e.truncated[t, i]:
                following = e.final_values[t, i]
            elif not e.alive[t + 1, i]:
                following = 0.0
            elif t + 1 < horizon:
                carried = advantages[t + 1, i]
            value = e.values[t, i]
            advantage = e.rewards[t, i] + gamma * following - value + gamma * trace * carried
            if not e.alive[t, i]:
                advantage = 0.0
                value = 0.0
            advantages[t, i] = advantage
            returns[t, i] = advantage + value


@kernel
def vtrace(e: Any, begin: int, end: int, gamma: float, trace: float, cuts: Any, advantages: Any, returns: Any) -> None:
    """V-trace (Espeholt et al. 2018, equation 1 and remark 2) for streams [begin, end).

    v_t = V_t + delta_t + gamma c_t (v_{t+1} - V_{t+1}),  delta_t = rho_t (r_t + gamma V_{t+1} - V_t),
    rho_t = min(rho_clip, ratio_t), c_t = lambda min(c_clip, ratio_t).  Returns are v_t; advantages are
    r_t + gamma v_{t+1} - V_t, whose weight rho_t the objective brings.
    """
    horizon = e.rewards.shape[0]
    rho_clip, c_clip = cuts[0], cuts[1]
    for t in range(horizon - 1, -1, -1):
        for i in range(begin, end):
            following = e.values[t + 1, i]
            correction = 0.0
            if e.terminated[t, i]:
                following = 0.0
            elif e.truncated[t, i]:
                following = e.final_values[t, i]
            elif not e.alive[t + 1, i]:
                following = 0.0
            elif t + 1 < horizon:
                correction = returns[t + 1, i] - e.values[t + 1, i]
            value = e.values[t, i]
            ratio = e.ratios[t, i]
            delta = min(rho_clip, ratio) * (e.rewards[t, i] + gamma * following - value)
            target = value + delta + gamma * trace * min(c_clip, ratio) * correction
            advantage = e.rewards[t, i] + gamma * (following + correction) - value
            if not e.alive[t, i]:
                target = 0.0
                advantage = 0.0
            returns[t, i] = target
            advantages[t, i] = advantage


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


def explained_variance(e: Experience, returns: Array) -> float:
    """Return how much of the returns' variance the values explain: 1 is all of it, 0 none."""
    alive = e.alive[:-1]
    wanted, errors = returns[alive], (returns - e.values[:-1])[alive]
    spread = float(wanted.var()) if len(wanted) else 0.0
    return 1.0 - float(errors.var()) / spread if spread > 1e-12 else 0.0
