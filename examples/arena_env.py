"""Arena as an environment: the game of arena.py, one against one, so that bots can learn it.

Actions       Discrete(5): WAIT, UP, DOWN, LEFT, RIGHT.
Observation   float32 (8,): own place and velocity, the other's place from here and its velocity, in radii of the ring.
Reward        1 for pushing the other out, -1 for being out; a little for being nearer to the middle.
Termination   somebody is out.  Truncation: 20 seconds.
Parameters    push.
Source        examples/arena.py.
"""

import math
from dataclasses import dataclass
from typing import Any

from puffer_arena.core import Array, Box, Canvas, Discrete, Env, Header, body2d, jit, param, uniform

RING, RADIUS, DRAG, BOUNCE = 10.0, 0.8, 1.5, 0.6  # m, m, 1/s
DX, DY = (0.0, 0.0, 0.0, -1.0, 1.0), (0.0, 1.0, -1.0, 0.0, 0.0)
NAMES = ("x", "y", "vx", "vy", "foe x", "foe y", "foe vx", "foe vy")


@dataclass(frozen=True)
class Params:
    push: float = param(30.0, 1.0, 100.0, "m/s2")


class State(Header):
    discs: Array = body2d(2)


def build(world: Any, p: Params) -> dict[str, Any]:
    import pymunk

    world.damping = math.exp(-DRAG)
    bodies = [pymunk.Body(1.0, math.inf) for _ in range(2)]
    for body in bodies:
        pymunk.Circle(body, RADIUS).elasticity = math.sqrt(BOUNCE)
        world.add(body, *body.shapes)
    return {"discs": bodies}


@jit
def reset(s: State, p: Params) -> None:
    turn = uniform(s, 0.0, 2.0 * math.pi)
    for k in range(2):
        s.discs[k].x, s.discs[k].y = 6.0 * math.cos(turn + k * math.pi), 6.0 * math.sin(turn + k * math.pi)


@jit
def act(s: State, p: Params, actions: Array) -> None:
    for k in range(2):
        s.discs[k].fx, s.discs[k].fy = p.push * DX[actions[k]], p.push * DY[actions[k]]


@jit
def judge(s: State, p: Params, rewards: Array, terminated: Array) -> bool:
    mine, other = math.hypot(s.discs[0].x, s.discs[0].y), math.hypot(s.discs[1].x, s.discs[1].y)
    rewards[0] = int(other >= RING) - int(mine >= RING) + 0.02 * (other - mine) / RING
    rewards[1] = -rewards[0]
    terminated[0] = terminated[1] = max(mine, other) >= RING
    return s.step_count >= 300


@jit
def observe(s: State, p: Params, agent: int, obs: Array) -> None:
    me, foe = s.discs[agent], s.discs[1 - agent]
    obs[0], obs[1], obs[2], obs[3] = me.x / RING, me.y / RING, me.vx / RING, me.vy / RING
    obs[4], obs[5], obs[6], obs[7] = (foe.x - me.x) / RING, (foe.y - me.y) / RING, foe.vx / RING, foe.vy / RING


def draw(s: State, p: Params, canvas: Canvas) -> None:
    canvas.view(2.2 * RING, 2.2 * RING, left=-1.1 * RING, low=-1.1 * RING, up=True)
    canvas.circle(0.0, 0.0, RING, "floor")
    for k, colour in enumerate(("sky", "rose")):
        canvas.circle(s.discs[k].x, s.discs[k].y, RADIUS, colour)
        canvas.agent(k, s.discs[k].x, s.discs[k].y, RADIUS)
    canvas.status(f"{20 - s.step_count / 15:.0f} seconds left")


ENV = Env(
    params=Params, state=State, observation=Box(-10.0, 10.0, (8,), labels=NAMES), idle=0, agents={"fighter": 2},
    action=Discrete(5, ("wait", "up", "down", "left", "right")), keys={"up": 1, "down": 2, "left": 3, "right": 4},
    engine="pymunk", time_step=4 / 60, substeps=4, build=build, reset=reset, act=act, judge=judge, observe=observe, draw=draw,
)  # fmt: skip
