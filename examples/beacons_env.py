"""Beacons as an environment: one craft of beacons.py alone on its field, so that bots can learn to fly it.

Actions       Discrete(6): COAST, LEFT, RIGHT, THRUST, THRUST LEFT, THRUST RIGHT.
Observation   float32 (4,): the beacon's place and the craft's velocity, ahead and to the left, in REACH.
Reward        1 for a beacon; a little for having come nearer.
Termination   never.  Truncation: 30 seconds.
Parameters    thrust.
Source        examples/beacons.py.
"""

import math
from dataclasses import dataclass

from puffer_arena.core import Array, Box, Canvas, Discrete, Env, Header, f64, i32, jit, param, uniform

FIELD, TOUCH, TURN, DRAG, STEP, REACH = 12.0, 1.3, 2.5, 0.8, 1 / 60, 10.0  # m, m, rad/s, 1/s, s, m
NAMES = ("beacon ahead", "beacon left", "speed ahead", "speed left")


@dataclass(frozen=True)
class Params:
    thrust: float = param(9.0, 1.0, 30.0, "m/s2")


class State(Header):
    craft: Array = f64(5)  # x, y, heading; vx, vy
    beacon: Array = f64(2)
    beacons: int = i32()


@jit
def reset(s: State, p: Params) -> None:
    s.craft[:] = 0.0
    s.craft[0], s.craft[1], s.craft[2] = uniform(s, -FIELD, FIELD), uniform(s, -FIELD, FIELD), uniform(s, 0.0, 6.2)
    s.beacon[0], s.beacon[1], s.beacons = uniform(s, -FIELD, FIELD), uniform(s, -FIELD, FIELD), 0


@jit
def distance(s: State) -> float:
    x, y = s.beacon[0] - s.craft[0], s.beacon[1] - s.craft[1]
    return math.sqrt(x * x + y * y)


@jit
def step(s: State, p: Params, action: int) -> tuple[float, bool, bool]:
    before, turn, thrust = distance(s), (0.0, TURN, -TURN)[action % 3], (p.thrust if action >= 3 else 0.0)
    for _ in range(6):  # frames of the game between decisions
        s.craft[2] += turn * STEP
        s.craft[3] += (thrust * math.cos(s.craft[2]) - DRAG * s.craft[3]) * STEP
        s.craft[4] += (thrust * math.sin(s.craft[2]) - DRAG * s.craft[4]) * STEP
        s.craft[0], s.craft[1] = s.craft[0] + s.craft[3] * STEP, s.craft[1] + s.craft[4] * STEP
    reward = 0.02 * (before - distance(s))
    if distance(s) < TOUCH:
        s.beacon[0], s.beacon[1] = uniform(s, -FIELD, FIELD), uniform(s, -FIELD, FIELD)
        s.beacons, reward = s.beacons + 1, reward + 1.0
    return reward, False, s.step_count >= 300


@jit
def observe(s: State, p: Params, obs: Array) -> None:
    cos, sin = math.cos(s.craft[2]), math.sin(s.craft[2])
    for k, (x, y) in enumerate(((s.beacon[0] - s.craft[0], s.beacon[1] - s.craft[1]), (s.craft[3], s.craft[4]))):
        obs[2 * k], obs[2 * k + 1] = (x * cos + y * sin) / REACH, (y * cos - x * sin) / REACH


def draw(s: State, p: Params, canvas: Canvas) -> None:
    canvas.view(3.0 * FIELD, 3.0 * FIELD, left=-1.5 * FIELD, low=-1.5 * FIELD, up=True)
    canvas.circle(s.beacon[0], s.beacon[1], TOUCH - 0.5, "amber")
    x, y, heading = s.craft[:3]
    tips = [
        (x + math.cos(heading + a) * r, y + math.sin(heading + a) * r) for a, r in ((0, 1), (2.5, 0.8), (-2.5, 0.8))
    ]
    canvas.polygon(tips, "sky")
    canvas.status(f"{s.beacons} beacons")


ENV = Env(
    params=Params, state=State, observation=Box(-20.0, 20.0, (4,), labels=NAMES), steps_per_second=10.0, idle=0,
    action=Discrete(6, ("coast", "left", "right", "thrust", "thrust left", "thrust right")), counters=("beacons",),
    reset=reset, step=step, observe=observe, draw=draw, keys={"left": 4, "right": 5, "up": 3},
)  # fmt: skip
