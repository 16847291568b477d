"""The scripted wrestler."""

import math

from puffer_arena.core import Array, Memory, jit
from puffer_arena.envs.sumo.rules import from_middle
from puffer_arena.envs.sumo.state import Params, State


@jit
def nearest(s: State, agent: int) -> int:
    best, least = agent, 1e9
    for k in range(len(s.discs)):
        dx, dy = s.discs[k].x - s.discs[agent].x, s.discs[k].y - s.discs[agent].y
        if k != agent and s.alive[k] and dx * dx + dy * dy < least:
            best, least = k, dx * dx + dy * dy
    return best


@jit
def rikishi(s: State, p: Params, agent: int, memory: Memory, action: Array) -> None:
    """Stay off the edge; charge the nearest, and dash where that sends it outwards."""
    me, foe = s.discs[agent], s.discs[nearest(s, agent)]
    soon_x, soon_y = me.x + 0.4 * me.vx, me.y + 0.4 * me.vy
    x, y = foe.x + 0.2 * foe.vx - me.x, foe.y + 0.2 * foe.vy - me.y
    action[2] = 0
    if soon_x * soon_x + soon_y * soon_y > (s.ring - 0.9) ** 2:
        x, y = -soon_x, -soon_y
    else:
        gap = math.sqrt(x * x + y * y) + 1e-9
        outwards = x * foe.x + y * foe.y > 0.3 * gap * (from_middle(s, agent) + 0.1)
        action[2] = 1 if gap < 2.6 and outwards else 0
    far = 0.38 * math.sqrt(x * x + y * y)
    action[0] = 1 + (x > far) - (x < -far)
    action[1] = 1 + (y > far) - (y < -far)
