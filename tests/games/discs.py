"""Discs: twelve discs in a square room, pushed at random; the scene that the engine's speed is measured on."""

from dataclasses import dataclass

import numpy as np

from puffer_arena.core import Array, Box, Canvas, Env, Header, body2d, jit, normal, param, uniform


@dataclass(frozen=True)
class Params:
    discs: int = param(12, 1, 100)
    elasticity: float = param(0.95, 0.0, 1.0, at_reset=True)
    max_steps: int = param(100_000, 1, 1_000_000)


class State(Header):
    discs: Array = body2d("discs")


def build(world, p):
    import pymunk

    for a, b in (((0, 0), (0, 400)), ((400, 0), (400, 400)), ((0, 400), (400, 400)), ((0, 0), (400, 0))):
        wall = pymunk.Segment(world.static_body, a, b, 3)
        wall.friction, wall.elasticity = 0.8, 0.6
        world.add(wall)
    discs = [pymunk.Body(1, 50) for _ in range(p.discs)]
    for disc in discs:
        shape = pymunk.Circle(disc, 10)
        shape.elasticity = p.elasticity
        world.add(disc, shape)
    return {"discs": discs}


@jit
def reset(s: State, p: Params) -> None:
    for k in range(len(s.discs)):
        s.discs[k].x, s.discs[k].y = uniform(s, 40, 360), uniform(s, 40, 360)
        s.discs[k].vx, s.discs[k].vy = 200 * normal(s), 200 * normal(s)


@jit
def act(s: State, p: Params, action: Array) -> None:
    s.discs[0].fx = action[0]


@jit
def judge(s: State, p: Params) -> tuple[float, bool, bool]:
    return 0.0, False, s.step_count >= p.max_steps


@jit
def observe(s: State, p: Params, obs: Array) -> None:
    for k in range(len(s.discs)):
        obs[k, 0], obs[k, 1] = s.discs[k].x, s.discs[k].y


def draw(s: State, p: Params, canvas: Canvas) -> None:
    canvas.view(400, 400, up=True)
    for k in range(len(s.discs)):
        canvas.circle(s.discs[k].x, s.discs[k].y, 10, "sky")


ENV = Env(
    params=Params,
    state=State,
    observation=Box(-np.inf, np.inf, ("discs", 2)),
    action=Box(-1e30, 1e30, (1,)),
    reset=reset,
    observe=observe,
    draw=draw,
    engine="pymunk",
    build=build,
    act=act,
    judge=judge,
)
