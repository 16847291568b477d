"""Kart: drive a ring road by gas, brake and steering; the wheels are Bullet's, and slide where they are pushed too hard.

Actions       Box(-1, 1, (2,)): gas, or the brake where it is negative; steering to the left.
Observation   float32 (7,): speed forwards and sideways, turn rate, place across the road, angle to it, grip, steering.
Reward        reward_progress a metre along the road; reward_off for leaving it.
Termination   off the road.  Truncation: max_steps.
Parameters    radius, width, force, grip, reward_progress, reward_off, max_steps.
Source        own.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from puffer_arena.core import (
    Array,
    Body3D,
    Box,
    Camera,
    Canvas,
    Canvas3D,
    Env,
    Header,
    Memory,
    body3d,
    f64,
    i32,
    jit,
    param,
    to_body_axes,
    to_world_axes,
    uniform,
    wheel3d,
)

MASS = 200.0  # kg
HALF = (0.6, 1.1, 0.2)  # of the chassis, m
WHEELS = ((-0.75, 0.85), (0.75, 0.85), (-0.75, -0.85), (0.75, -0.85))  # front left, front right, rear; m
WHEEL_RADIUS = 0.35  # m
STEER = 0.5  # rad, greatest
TRAIL = 48  # places that the trail keeps, one in every PACE steps
PACE = 3


@dataclass(frozen=True)
class Params:
    radius: float = param(25.0, 10.0, 60.0, "of the road's middle line, m")
    width: float = param(8.0, 3.0, 15.0, "of the road, m")
    force: float = param(1200.0, 200.0, 4000.0, "of the engine, N")
    grip: float = param(1.6, 0.2, 5.0, "of the tyres", at_reset=True)
    reward_progress: float = param(0.02, 0.0, 1.0, "for a metre along the road")
    reward_off: float = param(-1.0, -10.0, 0.0, "for leaving the road")
    max_steps: int = param(1200, 60, 100_000, "steps before the episode is truncated")


class State(Header):
    kart: Body3D = body3d()
    wheels: Array = wheel3d(4)
    steer: float = f64()  # rad
    angle: float = f64()  # along the ring, rad
    way: float = f64()  # metres driven along the road
    trail: Array = f64(TRAIL, 2)
    laid: int = i32(below=TRAIL)  # the newest place of the trail


def build(world: Any, p: Params) -> dict[str, Any]:
    from panda3d.bullet import BulletBoxShape, BulletRigidBodyNode, BulletVehicle
    from panda3d.core import Point3, TransformState, Vec3

    world.set_gravity(Vec3(0, 0, -9.81))
    ground = BulletRigidBodyNode("ground")
    ground.add_shape(BulletBoxShape(Vec3(100, 100, 1)))
    ground.set_transform(TransformState.make_pos(Point3(0, 0, -1)))
    ground.set_friction(1.0)
    ground.set_tag("color", "floor")
    world.attach(ground)
    kart = BulletRigidBodyNode("kart")
    kart.add_shape(BulletBoxShape(Vec3(*HALF)), TransformState.make_pos(Point3(0, 0, 0.1)))
    kart.set_mass(MASS)
    kart.set_tag("color", "amber")
    world.attach(kart)
    vehicle = BulletVehicle(world, kart)
    for x, y in WHEELS:
        wheel = vehicle.create_wheel()
        wheel.set_chassis_connection_point_cs(Point3(x, y, 0.2))
        wheel.set_wheel_direction_cs(Vec3(0, 0, -1))
        wheel.set_wheel_axle_cs(Vec3(1, 0, 0))
        wheel.set_wheel_radius(WHEEL_RADIUS)
        wheel.set_max_suspension_travel_cm(25)
        wheel.set_suspension_stiffness(50)
        wheel.set_wheels_damping_relaxation(3)
        wheel.set_wheels_damping_compression(4)
        wheel.set_friction_slip(p.grip)
        wheel.set_roll_influence(0.1)
    world.attach(vehicle)
    return {"kart": kart, "wheels": vehicle}


@jit
def reset(s: State, p: Params) -> None:
    angle = uniform(s, -math.pi, math.pi)
    radius = p.radius + uniform(s, -0.2, 0.2) * p.width
    s.angle, s.way, s.steer, s.laid = angle, 0.0, 0.0, 0
    s.kart.x, s.kart.y, s.kart.z = radius * math.cos(angle), radius * math.sin(angle), 0.55
    s.kart.qw, s.kart.qz = math.cos(angle / 2), math.sin(angle / 2)  # counterclockwise: forwards is the kart's y
    for k in range(TRAIL):
        s.trail[k, 0], s.trail[k, 1] = s.kart.x, s.kart.y


@jit
def act(s: State, p: Params, action: Array) -> None:
    s.steer += min(max(STEER * action[1] - s.steer, -0.05), 0.05)
    for k in range(2):
        s.wheels[k].steer = s.steer
        s.wheels[2 + k].force = 0.5 * p.force * max(action[0], 0.0)
    for k in range(4):
        s.wheels[k].brake = 400.0 * max(-action[0], 0.0)


@jit
def judge(s: State, p: Params) -> tuple[float, bool, bool]:
    angle = math.atan2(s.kart.y, s.kart.x)
    turn = angle - s.angle
    turn -= 2.0 * math.pi * math.floor(turn / (2.0 * math.pi) + 0.5)
    s.angle = angle
    s.way += turn * p.radius
    if s.step_count % PACE == 0:
        s.laid = (s.laid + 1) % TRAIL
        s.trail[s.laid, 0], s.trail[s.laid, 1] = s.kart.x, s.kart.y
    reward = p.reward_progress * turn * p.radius
    if abs(math.hypot(s.kart.x, s.kart.y) - p.radius) > p.width / 2:
        return reward + p.reward_off, True, False
    return reward, False, s.step_count >= p.max_steps


@jit
def observe(s: State, p: Params, obs: Array) -> None:
    side, ahead, _ = to_body_axes(s.kart, s.kart.vx, s.kart.vy, s.kart.vz)
    x, y, _ = to_world_axes(s.kart, 0.0, 1.0, 0.0)
    grip = 0.0
    for k in range(4):
        grip += 0.25 * s.wheels[k].skid * s.wheels[k].touching
    obs[0], obs[1], obs[2] = 0.1 * ahead, 0.1 * side, s.kart.spin_z
    obs[3] = 2.0 * (math.hypot(s.kart.x, s.kart.y) - p.radius) / p.width
    obs[4] = x * math.cos(s.angle) + y * math.sin(s.angle)
    obs[5], obs[6] = grip, s.steer / STEER


@jit
def chauffeur(s: State, p: Params, memory: Memory, action: Array) -> None:
    """Keep to the middle of the road at a speed that the tyres can hold."""
    _, ahead, _ = to_body_axes(s.kart, s.kart.vx, s.kart.vy, s.kart.vz)
    x, y, _ = to_world_axes(s.kart, 0.0, 1.0, 0.0)
    outwards = x * math.cos(s.angle) + y * math.sin(s.angle)
    off = math.hypot(s.kart.x, s.kart.y) - p.radius
    action[0] = min(max(0.5 * (math.sqrt(4.0 * min(p.grip, 2.0) * p.radius / 2.0) - ahead), -1.0), 1.0)
    action[1] = min(max(2.0 * (1.7 / p.radius + 0.15 * off + 1.2 * outwards), -1.0), 1.0)


def draw(s: State, p: Params, canvas: Canvas) -> None:
    size = 2.0 * p.radius + 2.0 * p.width
    canvas.view(size, size, left=-size / 2, low=-size / 2, up=True)
    canvas.circle(0.0, 0.0, p.radius + p.width / 2, "wall")
    canvas.circle(0.0, 0.0, p.radius - p.width / 2, "background")
    canvas.circle(s.kart.x, s.kart.y, 1.0, "amber")
    canvas.status(f"{s.way:.0f} m, {3.6 * math.hypot(s.kart.vx, s.kart.vy):.0f} km/h")


def draw3d(s: State, p: Params, canvas: Canvas3D) -> None:
    """Show what has no body: the road's edges, the wheels, and the way the kart came; it reddens as it slides."""
    for radius in (p.radius - p.width / 2, p.radius + p.width / 2):
        turns = [2.0 * math.pi * k / 72 for k in range(73)]
        canvas.line([(radius * math.cos(t), radius * math.sin(t), 0.03) for t in turns], "sky", width=0.2)
    least = 1.0
    for k in range(4):
        draw_wheel(s, k, canvas)
        least = min(least, s.wheels[k].skid)
    places = [(s.laid + 1 + k) % TRAIL for k in range(TRAIL)]
    canvas.line([(s.trail[k, 0], s.trail[k, 1], 0.05) for k in places], "lime", width=0.12, alpha=0.6)
    if least < 0.9:
        canvas.paint("kart", "rose")


def draw_wheel(s: State, k: int, canvas: Canvas3D) -> None:
    """Draw a tyre with a hub that shows how it rolls."""
    wheel, wide, spoke = s.wheels[k], 0.13, 0.8 * WHEEL_RADIUS
    cos, sin = math.cos(wheel.steer), math.sin(wheel.steer)
    across, down = spoke * math.cos(wheel.turned), spoke * math.sin(wheel.turned)

    def at(out: float, along: float, up: float) -> tuple[float, float, float]:
        """Return a place that far along the axle, ahead and above the wheel's middle."""
        x, y = wheel.x + out * cos - along * sin, wheel.y + out * sin + along * cos
        dx, dy, dz = to_world_axes(s.kart, x, y, wheel.z + up)
        return s.kart.x + dx, s.kart.y + dy, s.kart.z + dz

    canvas.cylinder(at(-wide, 0.0, 0.0), at(wide, 0.0, 0.0), WHEEL_RADIUS, "raised")
    for side in (-wide - 0.02, wide + 0.02):
        canvas.line([at(side, -across, down), at(side, across, -down)], "text", width=0.08)


def camera(s: State, p: Params, view: Camera) -> None:
    x, y, _ = to_world_axes(s.kart, 0.0, 1.0, 0.0)
    view.chase(s.kart.x, s.kart.y, s.kart.z + 0.5, heading=math.atan2(y, x), distance=7.0, height=3.0)


ENV = Env(
    params=Params,
    state=State,
    observation=Box(
        -np.inf, np.inf, (7,), labels=("speed", "slip", "turn rate", "across", "outwards", "grip", "steering")
    ),
    action=Box(-1.0, 1.0, (2,), labels=("gas or brake", "steer left")),
    engine="panda3d",
    build=build,
    time_step=1 / 60,
    reset=reset,
    act=act,
    judge=judge,
    observe=observe,
    draw=draw,
    draw3d=draw3d,
    camera=camera,
    bots={"chauffeur": chauffeur},
    keys={"up": (0, 1.0), "down": (0, -1.0), "left": (1, 1.0), "right": (1, -1.0)},
    idle=(0.0, 0.0),
    counters=("way",),
)
