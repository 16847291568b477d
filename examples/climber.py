"""Climber: a car on springs climbs a hill, and waits at a gate that opens slowly for whoever stands before it.

Actions       Box(-1, 1, (1,)): speed wanted of the wheels, forwards or backwards, in parts of `speed`.
Observation   float32 (9,): pitch, spin, velocity along x and y, how far each spring is pressed, what a ray meets ahead
              and one down ahead, how far the gate is open.
Reward        reward_progress a metre; reward_top at the end, reward_crash for landing on the roof.
Termination   the end of the hill, or the chassis touches it.  Truncation: max_steps.
Parameters    steep, speed, torque, springs, wheels, reward_progress, reward_top, reward_crash, max_steps.
Source        own; after the arcade game Hill Climb Racing (Fingersoft, 2012).
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from puffer_arena.core import (
    Array,
    Body2D,
    Box,
    Canvas,
    Env,
    Header,
    Memory,
    Segment2D,
    Touch2D,
    body2d,
    f64,
    frame2d,
    i32,
    jit,
    joint2d,
    param,
    ray2d,
    segment2d,
    shape2d,
    touch2d,
    uniform,
)

EDGES, STRIDE = 40, 1.5  # of the ground; metres of an edge along x
FLAT = 6.0  # metres of level ground at the start
HALF = (0.9, 0.2)  # of the chassis, m
AXLES = (-0.65, 0.65)  # m
WHEEL = 0.35  # radius, m
CHASSIS_MASS, WHEEL_MASS = 8.0, 1.0  # kg
DROOP, REST = 0.45, 0.55  # of the springs, m
STIFFNESS, DAMPING = 500.0, 25.0  # N/m, N s/m
GATE = 16  # edge at whose end the gate stands
GATE_HIGH, GATE_RATE, GATE_NEAR = 2.0, 0.02, 3.0  # m, m a step, m


@dataclass(frozen=True)
class Params:
    steep: float = param(0.5, 0.0, 1.2, "steepest slope, rise over run")
    speed: float = param(18.0, 2.0, 60.0, "greatest of the wheels, rad/s")
    torque: float = param(30.0, 5.0, 200.0, "of each wheel's motor, Nm")
    springs: float = param(0.3, 0.0, 0.8, "how much the springs' stiffness differs from level to level")
    wheels: float = param(0.2, 0.0, 0.4, "how much the wheels' size differs from level to level")
    reward_progress: float = param(0.1, 0.0, 1.0, "for a metre")
    reward_top: float = param(2.0, 0.0, 10.0, "for the end of the hill")
    reward_crash: float = param(-1.0, -10.0, 0.0, "for landing on the roof")
    max_steps: int = param(1500, 60, 100_000, "steps before the episode is truncated")


class State(Header):
    chassis: Body2D = body2d()
    wheels: Array = body2d(2)
    motors: Array = joint2d(2)
    ground: Array = segment2d(EDGES)
    gate: Segment2D = segment2d()
    roof: Touch2D = touch2d()
    eyes: Array = ray2d(2)  # ahead, and down ahead
    tyres: Array = shape2d(2)
    springs: Array = frame2d(2)
    open: float = f64()  # metres that the gate is lifted
    way: float = f64()  # greatest x so far
    top: int = i32()  # 1 at the end of the hill


def build(world: Any, p: Params) -> dict[str, Any]:
    import pymunk

    world.gravity = 0, -9.81
    world.collision_persistence = 1
    ground = [pymunk.Segment(world.static_body, (k, 0), (k + 1, 0), 0.05) for k in range(EDGES)]
    gate = pymunk.Segment(world.static_body, (GATE, 0), (GATE, GATE_HIGH), 0.08)
    for edge in (*ground, gate):
        edge.friction = 1.2
    world.add(*ground, gate)
    chassis = pymunk.Body(CHASSIS_MASS, pymunk.moment_for_box(CHASSIS_MASS, (2 * HALF[0], 2 * HALF[1])))
    chassis.position = 3.0, 1.0
    roof = pymunk.Poly.create_box(chassis, (2 * HALF[0], 2 * HALF[1]))
    roof.friction, roof.filter = 0.3, pymunk.ShapeFilter(group=1)
    world.add(chassis, roof)
    wheels, motors, tyres, springs = [], [], [], []
    for x in AXLES:
        wheel = pymunk.Body(WHEEL_MASS, pymunk.moment_for_circle(WHEEL_MASS, 0, WHEEL))
        wheel.position = 3.0 + x, 1.0 - DROOP
        tyre = pymunk.Circle(wheel, WHEEL)
        tyre.friction, tyre.filter = 1.5, pymunk.ShapeFilter(group=1)
        groove = pymunk.GrooveJoint(chassis, wheel, (x, -0.2), (x, -DROOP - 0.2), (0, 0))
        spring = pymunk.DampedSpring(chassis, wheel, (x, 0), (0, 0), REST, STIFFNESS, DAMPING)
        motor = pymunk.SimpleMotor(chassis, wheel, 0)
        world.add(wheel, tyre, groove, spring, motor)
        wheels.append(wheel)
        motors.append(motor)
        tyres.append(tyre)
        springs.append(spring)
    return {
        "chassis": chassis, "wheels": wheels, "motors": motors, "ground": ground, "gate": gate, "roof": roof,
        "eyes": [chassis, chassis], "tyres": tyres, "springs": springs,
    }  # fmt: skip


@jit
def reset(s: State, p: Params) -> None:
    y, slope = 0.0, 0.0
    for k in range(EDGES):
        x = STRIDE * k
        level = x < FLAT or abs(k - GATE) <= 2
        slope = 0.0 if level else min(max(0.6 * slope + uniform(s, -0.6, 0.8) * p.steep, -p.steep), p.steep)
        s.ground[k].ax, s.ground[k].ay = x, y
        y += STRIDE * slope
        s.ground[k].bx, s.ground[k].by = x + STRIDE, y
    size, stiffness = uniform(s, 1.0 - p.wheels, 1.0 + p.wheels), uniform(s, 1.0 - p.springs, 1.0 + p.springs)
    for k in range(2):
        s.tyres[k].scale_x, s.tyres[k].scale_y = size, size
        s.springs[k].stiffness *= stiffness
    s.eyes[0].bx = 6.0
    s.eyes[1].bx, s.eyes[1].by = 3.0, -3.0
    s.open, s.way, s.top = 0.0, s.chassis.x, 0
    place_gate(s)


@jit
def place_gate(s: State) -> None:
    """Hang the gate over the end of its edge, as far up as it is open."""
    at = s.ground[GATE]
    s.gate.ax, s.gate.ay = at.bx, at.by + s.open
    s.gate.bx, s.gate.by = at.bx, at.by + s.open + GATE_HIGH


@jit
def act(s: State, p: Params, action: Array) -> None:
    for k in range(2):
        s.motors[k].target = p.speed * action[0]
        s.motors[k].max_force = p.torque
    away = s.gate.ax - s.chassis.x
    rate = GATE_RATE if -GATE_NEAR < away < GATE_NEAR else -GATE_RATE
    s.open = min(max(s.open + rate, 0.0), GATE_HIGH)
    place_gate(s)


@jit
def judge(s: State, p: Params) -> tuple[float, bool, bool]:
    reward = p.reward_progress * max(s.chassis.x - s.way, 0.0)
    s.way = max(s.way, s.chassis.x)
    if s.roof.touching and math.cos(s.chassis.angle) < 0.3:
        return reward + p.reward_crash, True, False
    if s.chassis.x > s.ground[EDGES - 1].ax:
        s.top = 1
        return reward + p.reward_top, True, False
    fallen = s.chassis.x < 0.0
    return reward + (p.reward_crash if fallen else 0.0), fallen, s.step_count >= p.max_steps


@jit
def observe(s: State, p: Params, obs: Array) -> None:
    chassis = s.chassis
    obs[0], obs[1], obs[2], obs[3] = math.sin(chassis.angle), 0.2 * chassis.spin, 0.2 * chassis.vx, 0.2 * chassis.vy
    for k in range(2):
        obs[4 + k] = math.hypot(s.wheels[k].x - chassis.x, s.wheels[k].y - chassis.y) - 0.8
    obs[6], obs[7], obs[8] = s.eyes[0].fraction, s.eyes[1].fraction, s.open / GATE_HIGH


@jit
def driver(s: State, p: Params, memory: Memory, action: Array) -> None:
    """Drive on, ease off where the nose rises, and stop before the gate until it is open."""
    away = s.gate.ax - s.chassis.x
    waits = 0.0 < away < 2.2 and s.open < 1.6
    action[0] = 0.0 if waits else min(max(1.0 - 1.5 * max(s.chassis.angle - 0.5, 0.0), -1.0), 1.0)


def draw(s: State, p: Params, canvas: Canvas) -> None:
    canvas.view(16.0, 9.0, left=s.chassis.x - 6.0, low=s.chassis.y - 4.5, up=True)
    for k in range(EDGES):
        edge = s.ground[k]
        if abs(edge.ax - s.chassis.x) < 14.0:
            low = s.chassis.y - 12.0
            canvas.polygon([(edge.ax, low), (edge.bx, low), (edge.bx, edge.by), (edge.ax, edge.ay)], "wall")
            canvas.line([(edge.ax, edge.ay), (edge.bx, edge.by)], "leaf", width=0.12)
    canvas.line([(s.gate.ax, s.gate.ay), (s.gate.bx, s.gate.by)], "rose" if s.open < 1.6 else "lime", width=0.2)
    cos, sin = math.cos(s.chassis.angle), math.sin(s.chassis.angle)

    def on_car(x: float, y: float) -> tuple[float, float]:
        return s.chassis.x + x * cos - y * sin, s.chassis.y + x * sin + y * cos

    for k in range(2):
        wheel, radius = s.wheels[k], WHEEL * s.tyres[k].scale_x
        canvas.line([on_car(AXLES[k], 0.0), (wheel.x, wheel.y)], "sky", width=0.1)
        canvas.circle(wheel.x, wheel.y, radius, "raised")
        canvas.ring(wheel.x, wheel.y, radius, "text", width=0.06)
        spoke = (radius * math.cos(wheel.angle), radius * math.sin(wheel.angle))
        canvas.line([(wheel.x, wheel.y), (wheel.x + spoke[0], wheel.y + spoke[1])], "text", width=0.06)
    wide, high = HALF
    canvas.polygon([on_car(-wide, -high), on_car(wide, -high), on_car(wide, high), on_car(-wide, high)], "amber")
    canvas.polygon([on_car(-0.5, high), on_car(0.4, high), on_car(0.1, 0.5), on_car(-0.4, 0.5)], "orange")
    canvas.status(f"{s.way:.0f} m")


ENV = Env(
    params=Params,
    state=State,
    observation=Box(
        -np.inf,
        np.inf,
        (9,),
        labels=("pitch", "spin", "vx", "vy", "rear spring", "front spring", "ahead", "down ahead", "gate"),
    ),
    action=Box(-1.0, 1.0, (1,), labels=("gas",)),
    engine="pymunk",
    build=build,
    time_step=1 / 60,
    substeps=2,
    reset=reset,
    act=act,
    judge=judge,
    observe=observe,
    draw=draw,
    bots={"driver": driver},
    keys={"right": (0, 1.0), "left": (0, -1.0)},
    idle=(0.0,),
    counters=("way", "top"),
)
