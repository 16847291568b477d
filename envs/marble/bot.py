"""The scripted player, who keeps to the middle."""

from puffer_arena.core import Array, Memory, jit
from puffer_arena.envs.marble.state import GRAVITY, Params, State


@jit
def steady(s: State, p: Params, memory: Memory, action: Array) -> None:
    """Keep to the middle of the plates at a speed that clears the gaps, leaning against slope, bank and wind."""
    k = min(s.plate, s.count - 1)
    end = s.edges[k, 1] + p.length
    following = min(k + 1, s.count - 1)
    near = min(1.0, max(0.0, 1.0 - (end - s.marble.y) / 2.5))  # look at the next plate towards the end of this
    middle = s.edges[k, 0] + near * (s.edges[following, 0] - s.edges[k, 0])
    speed = 3.0 if abs(s.marble.x - middle) < 0.3 * p.width else 1.8
    sideways = 1.6 * (middle - s.marble.x) - 1.8 * s.marble.vx - GRAVITY * s.banks[k] - s.wind[0]
    forwards = 1.5 * (speed - s.marble.vy) + GRAVITY * s.slopes[k] - s.wind[1]
    action[0] = min(1.0, max(-1.0, sideways / (GRAVITY * p.tilt)))
    action[1] = min(1.0, max(-1.0, forwards / (GRAVITY * p.tilt)))
