"""Sluice: a ball, a box and a cart behind a gate, for tests of all that rules may change in a scene of pymunk.

Actions       Box(-1, 1, (2,)): force on the ball along x, in parts of `push`; how far the gate is lifted.
Observation   float32 (4,): the ball's place, what its ray meets, the impulse of its hardest contact.
Reward        none.
Termination   none.  Truncation: max_steps.
Parameters    push, vary, max_steps.
Source        own.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from puffer_arena.core import (
    Array,
    Body2D,
    Box,
    Env,
    Frame2D,
    Header,
    Joint2D,
    Mass2D,
    OneWay2D,
    Segment2D,
    Touch2D,
    body2d,
    contact2d,
    frame2d,
    jit,
    joint2d,
    mass2d,
    one_way2d,
    param,
    ray2d,
    segment2d,
    shape2d,
    touch2d,
    uniform,
)

RADIUS, SIDE = 0.5, 1.0  # of the ball and of the box, m
HIGH = 3.0  # of the gate, m


@dataclass(frozen=True)
class Params:
    push: float = param(20.0, 0.0, 1e20, "greatest force on the ball, N")
    vary: float = param(0.5, 0.0, 0.9, "how much sizes, masses and springs differ from level to level")
    max_steps: int = param(80, 1, 100_000)


class State(Header):
    ball: Body2D = body2d()
    box: Body2D = body2d()
    cart: Body2D = body2d()
    lift: Body2D = body2d()  # kinematic
    motor: Joint2D = joint2d()
    pin: Joint2D = joint2d()  # a pivot, which has no target
    gate: Segment2D = segment2d()
    floor: Array = segment2d(2)
    deck: OneWay2D = one_way2d()
    shelf: Touch2D = touch2d()  # the deck's shape
    eyes: Array = ray2d(3)  # of the ball, to the right; and of the world, down at x = 1 and onto the lift
    hits: Array = contact2d(2, 3)  # of the ball; of the box
    weight: Mass2D = mass2d()  # of the ball
    sizes: Array = shape2d(3)  # ball, box, and the ledge, which is static
    spring: Frame2D = frame2d()
    groove: Frame2D = frame2d()


def build(world: Any, p: Params) -> dict[str, Any]:
    import pymunk

    world.gravity = 0, -10
    floor = [pymunk.Segment(world.static_body, (x, 0), (x + 10, 0), 0.1) for x in (-10, 0)]
    gate = pymunk.Segment(world.static_body, (4, 0), (4, HIGH), 0.1)
    deck = pymunk.Segment(world.static_body, (-8, 3.4), (-4, 2.6), 0.1)
    ledge = pymunk.Segment(world.static_body, (6, 1), (9, 1), 0.1)
    wall = pymunk.Segment(world.static_body, (-10, 0), (-10, 8), 0.1)
    world.add(*floor, gate, deck, ledge, wall)
    ball, box, cart = (pymunk.Body(1, 0.2) for _ in range(3))
    ball.position, box.position, cart.position = (-6, 1), (1, 2), (7, 2)
    lift = pymunk.Body(body_type=pymunk.Body.KINEMATIC)
    lift.position = 12, 0
    shapes = [pymunk.Circle(ball, RADIUS), pymunk.Poly.create_box(box, (SIDE, SIDE)), pymunk.Circle(cart, 0.4)]
    shapes.append(pymunk.Poly.create_box(lift, (1, 1)))
    for shape in (*shapes, *floor, deck, ledge):
        shape.friction, shape.elasticity = 0.7, 0.2
    world.add(ball, box, cart, lift, *shapes)
    spring = pymunk.DampedSpring(ball, box, (0, 0.2), (0, 0), 5, 1, 0.1)
    groove = pymunk.GrooveJoint(world.static_body, cart, (6, 2), (9, 2), (0, 0))
    motor = pymunk.SimpleMotor(world.static_body, cart, 1.0)
    motor.max_force = 5
    pin = pymunk.PivotJoint(box, ball, (0, 0), (0, 0))
    pin.max_force = 0
    world.add(spring, groove, motor, pin)
    return {
        "ball": ball, "box": box, "cart": cart, "lift": lift, "motor": motor, "pin": pin, "gate": gate, "floor": floor,
        "deck": deck, "shelf": deck, "eyes": [ball, None, None], "hits": [ball, box], "weight": ball,
        "sizes": [shapes[0], shapes[1], ledge], "spring": spring, "groove": groove,
    }  # fmt: skip


@jit
def reset(s: State, p: Params) -> None:
    s.deck.ny = 1.0
    s.eyes[0].bx = 8.0
    s.eyes[1].ax, s.eyes[1].bx, s.eyes[1].ay = 1.0, 1.0, 6.0
    s.eyes[2].ax, s.eyes[2].bx, s.eyes[2].ay, s.eyes[2].by = 12.1, 12.1, 6.0, -3.0
    s.weight.mass = uniform(s, 1.0 - p.vary, 1.0 + p.vary)
    s.weight.moment *= s.weight.mass
    s.sizes[0].scale_x = uniform(s, 1.0 - p.vary, 1.0 + p.vary)
    s.sizes[0].scale_y = s.sizes[0].scale_x
    s.sizes[1].scale_x = uniform(s, 1.0, 1.0 + p.vary)
    s.sizes[2].scale_x = uniform(s, 1.0 - p.vary, 1.0)
    s.sizes[1].friction = uniform(s, 0.1, 1.0)
    s.spring.stiffness = uniform(s, 0.5, 2.0)
    s.spring.by = uniform(s, -p.vary, p.vary) * SIDE
    s.groove.ay = s.groove.ay + uniform(s, -p.vary, p.vary)
    s.ball.vx = uniform(s, -2.0, 6.0)
    s.ball.vy = uniform(s, 5.0, 9.0)
    s.ball.spin = uniform(s, -9.0, 9.0)
    s.floor[1].by = uniform(s, -p.vary, p.vary)


@jit
def act(s: State, p: Params, action: Array) -> None:
    s.ball.fx = p.push * action[0]
    lift = 0.5 * HIGH * (1.0 + action[1])
    s.gate.ay, s.gate.by = lift, lift + HIGH
    s.lift.vy = 0.5
    if s.step_count % 20 == 10:
        s.gate.by = s.gate.ay  # away for a step
        s.sizes[1].scale_y = 1.0 + 0.3 * action[1]
    s.motor.target = 2.0 * action[1]
    s.groove.bx = 0.2 * action[0]


@jit
def judge(s: State, p: Params) -> tuple[float, bool, bool]:
    s.eyes[1].by = -1.0 - 0.1 * s.ball.x
    s.floor[0].ay = 0.01 * s.step_count
    return 0.0, False, s.step_count >= p.max_steps


@jit
def observe(s: State, p: Params, obs: Array) -> None:
    obs[0], obs[1], obs[2], obs[3] = s.ball.x, s.ball.y, s.eyes[0].fraction, s.hits[0, 0].impulse


def draw(s: State, p: Params, canvas: Any) -> None:
    canvas.view(24, 10, left=-11, low=-1, up=True)
    canvas.circle(s.ball.x, s.ball.y, RADIUS * s.sizes[0].scale_x, "amber")
    canvas.line([(s.gate.ax, s.gate.ay), (s.gate.bx, s.gate.by)], "rose", width=0.2)


ENV = Env(
    params=Params,
    state=State,
    observation=Box(-np.inf, np.inf, (4,)),
    action=Box(-1.0, 1.0, (2,)),
    engine="pymunk",
    build=build,
    time_step=1 / 50,
    substeps=2,
    reset=reset,
    act=act,
    judge=judge,
    observe=observe,
    draw=draw,
)
