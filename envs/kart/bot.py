"""The scripted driver."""

import math

from puffer_arena.core import Array, Memory, jit
from puffer_arena.core.races import allowed_speed, turn_ahead
from puffer_arena.envs.kart.rules import direction
from puffer_arena.envs.kart.state import GRAVITY, Params, State


@jit
def chauffeur(s: State, p: Params, agent: int, memory: Memory, action: Array) -> None:
    """Aim at the middle of the road some way ahead, no faster than the bends until there allow."""
    kart = s.cars[agent]
    speed = math.sqrt(kart.vx * kart.vx + kart.vy * kart.vy)
    allowed = allowed_speed(s, agent, 0.35 * GRAVITY * min(p.grip, 2.0), 5.0)
    angle = turn_ahead(s, agent, direction(s, agent), speed)
    action[0] = min(1.0, max(-1.0, 0.5 * (allowed - speed)))
    action[1] = min(1.0, max(-1.0, 2.0 * angle))
