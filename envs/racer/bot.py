"""The scripted driver."""

import math

from puffer_arena.core import Array, Memory, jit
from puffer_arena.core.races import allowed_speed, turn_ahead
from puffer_arena.envs.racer.state import BRAKE, GRAVITY, Params, State


@jit
def driver(s: State, p: Params, agent: int, memory: Memory, action: Array) -> None:
    """Aim at the middle of the road some way ahead, no faster than the bends until there allow."""
    car = s.cars[agent]
    speed = math.sqrt(car.vx * car.vx + car.vy * car.vy)
    allowed = allowed_speed(s, agent, 0.7 * GRAVITY * p.grip, 0.7 * BRAKE)
    angle = turn_ahead(s, agent, car.angle, speed)
    action[0] = min(1.0, max(-1.0, 2.5 * angle - 0.1 * car.spin))
    action[1] = min(1.0, max(-1.0, 0.6 * (allowed - speed)))
