"""Puppet: limbs on pivots with motors, crates, a gate and moving ground, for tests of the pymunk engine.

Everything that the engine offers is in it: arrays of bodies, driven joints, a spring, touches of a shape, a body and a
sensor, ground that differs from level to level, and a parameter that `build` reads.
"""

import itertools
from dataclasses import dataclass

import numpy as np

from puffer_arena.core import (
    Array,
    Body2D,
    Box,
    Env,
    Header,
    Joint2D,
    Memory,
    Touch2D,
    body2d,
    jit,
    joint2d,
    param,
    segment2d,
    touch2d,
    uniform,
)


@dataclass(frozen=True)
class Params:
    crates: int = param(4, 1, 10)
    width: float = param(20.0, 5.0, 40.0, "of a crate", at_reset=True)
    push: float = param(2000.0, 0.0, 1e20)
    limit: int = param(60, 1, 100_000)


class State(Header):
    limbs: Array = body2d(3)
    motors: Array = joint2d(2)
    spring: Joint2D = joint2d()
    crate: Array = body2d("crates")
    weight: Body2D = body2d()
    gate: Touch2D = touch2d()
    feet: Array = touch2d(2)
    ground: Array = segment2d(4)


def build(world, p):
    import pymunk

    world.gravity = (0, -900)
    ground = [pymunk.Segment(world.static_body, (100 * k, 0), (100 * k + 100, 0), 3) for k in range(4)]
    walls = [pymunk.Segment(world.static_body, (x, -100), (x, 900), 3) for x in (0, 400)]
    for wall in [*ground, *walls]:
        wall.friction, wall.elasticity = 0.8, 0.4
    gate = pymunk.Poly(world.static_body, [(150, 0), (250, 0), (250, 120), (150, 120)])
    gate.sensor = True
    world.add(*ground, *walls, gate)
    crates = []
    for k in range(p.crates):
        crate = pymunk.Body(1, pymunk.moment_for_box(1, (p.width, p.width)))
        crate.position = 50 + 35 * k, 300
        box = pymunk.Poly.create_box(crate, (p.width, p.width))
        box.friction, box.elasticity = 0.7, 0.3
        world.add(crate, box)
        crates.append(crate)
    limbs, shapes = [], []
    for k in range(3):
        limb = pymunk.Body(1, pymunk.moment_for_box(1, (8, 40)))
        limb.position = 200, 200 + 40 * k
        shape = pymunk.Poly.create_box(limb, (8, 40))
        shape.friction, shape.filter = 1.0, pymunk.ShapeFilter(group=1)
        world.add(limb, shape)
        limbs.append(limb)
        shapes.append(shape)
    motors = []
    for a, b in itertools.pairwise(limbs):
        motor = pymunk.SimpleMotor(a, b, 3.0)
        motor.max_force = 30_000
        world.add(pymunk.PivotJoint(a, b, (0, 20), (0, -20)), pymunk.RotaryLimitJoint(a, b, -1.5, 1.0), motor)
        motors.append(motor)
    weight = pymunk.Body(2, 100)
    weight.position = 300, 400
    disc = pymunk.Circle(weight, 12)
    disc.elasticity = 0.9
    spring = pymunk.DampedSpring(limbs[2], weight, (0, 0), (0, 0), 80, 50, 5)
    world.add(weight, disc, spring)
    return {
        "limbs": limbs, "motors": motors, "spring": spring, "crate": crates, "weight": weight,
        "gate": gate, "feet": [shapes[0], weight], "ground": ground,
    }  # fmt: skip


@jit
def reset(s: State, p: Params) -> None:
    for k in range(len(s.crate)):
        s.crate[k].x = uniform(s, 20, 380)
        s.crate[k].y = uniform(s, 100, 500)
        s.crate[k].vx = uniform(s, -200, 200)
    low = uniform(s, -20, 20)
    for k in range(len(s.ground)):
        s.ground[k].ay = low
        low = uniform(s, -20, 20)
        s.ground[k].by = low


@jit
def act(s: State, p: Params, action: Array) -> None:
    s.limbs[0].fx += action[0] * p.push
    s.motors[0].target = 6.0 * action[1]
    s.motors[1].max_force = 30_000.0 * abs(action[1])
    s.spring.target = 60.0 + 40.0 * action[0]
    if s.step_count % 13 == 0:
        s.weight.vy += 300.0


@jit
def judge(s: State, p: Params) -> tuple[float, bool, bool]:
    reward = s.limbs[2].y / 100.0 + s.feet[1].impulse + (s.gate.touching + s.feet[0].began) * 1.0
    return reward, False, s.step_count >= p.limit


@jit
def observe(s: State, p: Params, obs: Array) -> None:
    obs[0], obs[1], obs[2] = s.limbs[0].x, s.limbs[0].y, s.limbs[0].angle
    obs[3], obs[4], obs[5] = s.gate.touching, s.feet[1].other, s.crate[0].x


@jit
def sway(s: State, p: Params, memory: Memory, action: Array) -> None:
    action[0], action[1] = np.sin(s.step_count * 0.3), np.cos(s.step_count * 0.2)


def draw(s: State, p: Params, canvas) -> None:
    canvas.view(400, 400)


ENV = Env(
    params=Params,
    state=State,
    observation=Box(-np.inf, np.inf, (6,)),
    action=Box(-1.0, 1.0, (2,)),
    reset=reset,
    observe=observe,
    draw=draw,
    engine="pymunk",
    build=build,
    act=act,
    judge=judge,
    substeps=2,
    time_step=1 / 50,
    bots={"sway": sway},
)
