"""Arena as an environment: the game of arena.py, one against one, so that bots can learn it.

Actions       Discrete(5): WAIT, UP, DOWN, LEFT, RIGHT.
Observation   float32 (8,): own place and velocity, the other's place from here and its velocity, in radii of the ring.
Reward        1 for pushing the other out, -1 for being out; a little for being nearer to the middle.
Termination   somebody is out.  Truncation: 20 seconds.
Parameters    push.
Source        examples/arena.py.
"""

from dataclasses import dataclass

import numpy as np

from puffer_arena.core import Array, Box, Canvas, Discrete, Env, Header, f64, jit, param, uniform

RING, RADIUS, DRAG, STEP = 10.0, 0.8, 1.5, 1 / 60  # m, m, 1/s, s
DX, DY = (0.0, 0.0, 0.0, -1.0, 1.0), (0.0, 1.0, -1.0, 0.0, 0.0)
NAMES = ("x", "y", "vx", "vy", "foe x", "foe y", "foe vx", "foe vy")


@dataclass(frozen=True)
class Params:
    push: float = param(30.0, 1.0, 100.0, "m/s2")


class State(Header):
    place: Array = f64(2, 2)  # m
    speed: Array = f64(2, 2)  # m/s


@jit
def reset(s: State, p: Params) -> None:
    turn = uniform(s, 0.0, 2.0 * np.pi)
    for k in range(2):
        s.place[k, 0], s.place[k, 1] = 6.0 * np.cos(turn + k * np.pi), 6.0 * np.sin(turn + k * np.pi)
        s.speed[k, 0], s.speed[k, 1] = 0.0, 0.0


@jit
def step(s: State, p: Params, actions: Array, rewards: Array, terminated: Array) -> bool:
    for _ in range(4):  # frames of the game between decisions
        for k in range(2):
            s.speed[k, 0] += (p.push * DX[actions[k]] - DRAG * s.speed[k, 0]) * STEP
            s.speed[k, 1] += (p.push * DY[actions[k]] - DRAG * s.speed[k, 1]) * STEP
            s.place[k, 0], s.place[k, 1] = s.place[k, 0] + s.speed[k, 0] * STEP, s.place[k, 1] + s.speed[k, 1] * STEP
        bump(s)
    mine, other = np.hypot(s.place[0, 0], s.place[0, 1]), np.hypot(s.place[1, 0], s.place[1, 1])
    rewards[0] = int(other >= RING) - int(mine >= RING) + 0.02 * (other - mine) / RING
    rewards[1] = -rewards[0]
    terminated[0] = terminated[1] = max(mine, other) >= RING
    return s.step_count >= 300


@jit
def bump(s: State) -> None:
    dx, dy = s.place[1, 0] - s.place[0, 0], s.place[1, 1] - s.place[0, 1]
    apart = np.hypot(dx, dy)
    if 0.0 < apart < 2 * RADIUS:
        closing = max(((s.speed[0, 0] - s.speed[1, 0]) * dx + (s.speed[0, 1] - s.speed[1, 1]) * dy) / apart, 0.0)
        for k in range(2):
            away = (2 * k - 1) / apart
            s.speed[k, 0] += away * 1.2 * closing * dx
            s.speed[k, 1] += away * 1.2 * closing * dy
            s.place[k, 0] += away * (RADIUS - apart / 2) * dx
            s.place[k, 1] += away * (RADIUS - apart / 2) * dy


@jit
def observe(s: State, p: Params, agent: int, obs: Array) -> None:
    for k in range(2):
        obs[k], obs[2 + k] = s.place[agent, k] / RING, s.speed[agent, k] / RING
        obs[4 + k], obs[6 + k] = (s.place[1 - agent, k] - s.place[agent, k]) / RING, s.speed[1 - agent, k] / RING


def draw(s: State, p: Params, canvas: Canvas) -> None:
    canvas.view(2.2 * RING, 2.2 * RING)
    canvas.circle(1.1 * RING, 1.1 * RING, RING, "floor")
    for k, colour in enumerate(("sky", "rose")):
        canvas.circle(1.1 * RING + s.place[k, 0], 1.1 * RING - s.place[k, 1], RADIUS, colour)
        canvas.agent(k, 1.1 * RING + s.place[k, 0], 1.1 * RING - s.place[k, 1], RADIUS)
    canvas.status(f"{20 - s.step_count / 15:.0f} seconds left")


ENV = Env(
    params=Params, state=State, observation=Box(-10.0, 10.0, (8,), labels=NAMES), steps_per_second=15.0, idle=0,
    action=Discrete(5, ("wait", "up", "down", "left", "right")), agents={"fighter": 2},
    reset=reset, step=step, observe=observe, draw=draw, keys={"up": 1, "down": 2, "left": 3, "right": 4},
)  # fmt: skip
