"""Kart: race laps on a winding road in space, on wheels with springs and tyres of Bullet's own.

The road is new in every level.  Who leaves it slows down in the grass; who goes far astray is out.

Actions       Box(-1, 1, (2,)): gas, or the brake where it is negative; steering to the left.
Observation   float32 (13 + 5 (cars - 1),): speed ahead and to the left, turn rate, steering, place across the road,
              sine and cosine of the angle to it, five bends ahead, grip; then of every other kart: presence, place and
              velocity as seen from the kart.
Reward        reward_progress a metre along the road; reward_lap for a lap; -1 for being out.
Signals       cost: 1 for a step with the kart's middle off the road.
Termination   a kart that has done `laps`, has turned over, or is out: three times as far from the middle as the edge.
              Truncation: max_steps.
Parameters    cars, laps, size, twist, width, force, grip, reward_progress, reward_lap, max_steps.
Source        own; after Super Mario Kart (Nintendo, 1992); the roads are racer's.
"""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from puffer_arena.core import (
    Array,
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
    labels_of,
    orb,
    param,
    to_body_axes,
    to_world_axes,
    wheel3d,
)
from puffer_arena.core.races import (
    COLORS,
    SEEN_OF_OTHERS,
    allowed_speed,
    begin_laps,
    count_laps,
    draw_course,
    ending,
    is_off_road,
    see_others,
    take_start,
    tell_laps,
    turn_ahead,
)
from puffer_arena.core.roads import SECTIONS, heading, is_near_road, lay_road, longest_pair

if TYPE_CHECKING:
    from panda3d.bullet import BulletWorld

GRAVITY = 9.81  # m/s²
MASS = 200.0  # kg
HALF = (0.6, 1.1, 0.2)  # of the chassis, m
WHEELS = ((-0.75, 0.85), (0.75, 0.85), (-0.75, -0.85), (0.75, -0.85))  # front left, front right, rear; m
WHEEL_RADIUS = 0.35  # m
STEER, STEER_STEP = 0.5, 0.08  # rad, greatest; in one step
TIME_STEP = 1 / 30
BENDS = (1, 3, 5, 8, 12)  # sections ahead whose bends are seen
SEEN = (
    *("speed ahead", "speed left", "turn rate", "steering", "across", "sine to road", "cosine to road"),
    *(f"bend {k}" for k in range(len(BENDS))),
    "skid",
)


@dataclass(frozen=True)
class Params:
    cars: int = param(2, 1, 4, "karts on the road")
    laps: int = param(2, 1, 20, "to drive")
    size: float = param(30.0, 20.0, 60.0, "half the height of the course, m", at_reset=True)
    twist: float = param(0.3, 0.0, 0.5, "how much the course winds", at_reset=True)
    width: float = param(9.0, 6.0, 14.0, "of the road, m", at_reset=True)
    force: float = param(1600.0, 500.0, 4000.0, "of the engine, N")
    grip: float = param(1.8, 0.8, 4.0, "of the tyres", at_reset=True)
    reward_progress: float = param(0.02, 0.0, 1.0, "for a metre along the road")
    reward_lap: float = param(1.0, 0.0, 10.0, "for a lap")
    max_steps: int = param(1800, 60, 100_000, "steps before the episode is truncated")

    @property
    def seen(self) -> int:
        return len(self.fields)

    @property
    def fields(self) -> tuple[str, ...]:
        return SEEN + labels_of("kart", self.cars - 1, SEEN_OF_OTHERS)


class State(Header):
    cars: Array = body3d("cars")
    wheels: Array = wheel3d("cars", 4)
    road: Array = f64(SECTIONS, 2)  # the road, as racer lays it
    left: Array = f64(SECTIONS, 2)
    right: Array = f64(SECTIONS, 2)
    mile: Array = f64(SECTIONS)
    bend: Array = f64(SECTIONS)
    length: float = f64()
    at: Array = i32("cars", below=SECTIONS)
    place: Array = f64("cars")
    across: Array = f64("cars")
    driven: Array = f64("cars")  # metres
    lap: Array = i32("cars")  # laps done
    steer: Array = f64("cars")  # rad
    home: int = i32()  # karts that have done all laps
    finished: int = i32()  # 1 when all have
    cost: Array  # a signal: the kernels keep it


def build(world: "BulletWorld", p: Params) -> dict[str, Any]:
    from panda3d.bullet import BulletBoxShape, BulletRigidBodyNode, BulletVehicle
    from panda3d.core import Point3, TransformState, Vec3

    world.set_gravity(Vec3(0, 0, -GRAVITY))
    ground = BulletRigidBodyNode("ground")
    ground.add_shape(BulletBoxShape(Vec3(400, 400, 1)))
    ground.set_transform(TransformState.make_pos(Point3(0, 0, -1)))
    ground.set_friction(1.0)
    ground.set_tag("color", "leaf")
    world.attach(ground)
    cars, vehicles = [], []
    for k in range(p.cars):
        kart = BulletRigidBodyNode(f"kart {k}")
        kart.add_shape(BulletBoxShape(Vec3(*HALF)), TransformState.make_pos(Point3(0, 0, 0.1)))
        kart.set_transform(TransformState.make_pos(Point3(6.0 * k, 0, 0.55)))
        kart.set_mass(MASS)
        kart.set_tag("color", COLORS[k])
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
        cars.append(kart)
        vehicles.append(vehicle)
    return {"cars": cars, "wheels": vehicles}


@jit
def put_away(s: State, k: int) -> None:
    """Put a kart out of everybody's way, on the grass far off."""
    kart = s.cars[k]
    kart.x, kart.y, kart.z = 330.0, 8.0 * k, 0.55
    kart.qw, kart.qx, kart.qy, kart.qz = 1.0, 0.0, 0.0, 0.0
    kart.vx, kart.vy, kart.vz, kart.spin_x, kart.spin_y, kart.spin_z = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0


@jit
def reset(s: State, p: Params) -> None:
    lay_road(s, p)
    s.home = s.finished = 0
    for k in range(len(s.cars)):
        s.alive[k] = 1 if k < p.cars else 0
        x, y = take_start(s, p, k)
        put_away(s, k)
        if s.alive[k]:
            s.cars[k].x, s.cars[k].y = x, y
            half = 0.5 * (heading(s, s.at[k]) - 0.5 * math.pi)  # forwards is the kart's y
            s.cars[k].qw, s.cars[k].qz = math.cos(half), math.sin(half)
        s.steer[k] = 0.0
        begin_laps(s, k)


@jit
def act(s: State, p: Params, actions: Array) -> None:
    for k in range(len(s.cars)):
        gas, turn = (actions[k, 0], actions[k, 1]) if s.alive[k] else (-1.0, 0.0)
        s.steer[k] += min(max(STEER * turn - s.steer[k], -STEER_STEP), STEER_STEP)
        for wheel in range(4):
            s.wheels[k, wheel].brake = 40.0 * max(-gas, 0.0)
            s.wheels[k, wheel].steer = s.steer[k] if wheel < 2 else 0.0
            s.wheels[k, wheel].force = 0.5 * p.force * max(gas, 0.0) if wheel >= 2 else 0.0
        if s.alive[k] and is_off_road(s, p, k):  # grass
            s.cars[k].fx, s.cars[k].fy = -1.2 * MASS * s.cars[k].vx, -1.2 * MASS * s.cars[k].vy


@jit
def judge(s: State, p: Params, rewards: Array, terminated: Array) -> bool:
    for k in range(len(s.cars)):
        rewards[k] = 0.0
        if s.alive[k]:
            count_laps(s, p, k, rewards)
            _, _, up = to_world_axes(s.cars[k], 0.0, 0.0, 1.0)
            is_out = abs(s.across[k]) > 1.5 * p.width or up < 0.3
            rewards[k] -= is_out
            terminated[k] = is_out or s.lap[k] >= p.laps
            if terminated[k]:
                put_away(s, k)
    s.finished = 1 if s.home >= p.cars else 0
    return s.step_count >= p.max_steps


@jit
def direction(s: State, k: int) -> float:
    """Return where kart `k` points, rad from the x axis."""
    x, y, _ = to_world_axes(s.cars[k], 0.0, 1.0, 0.0)
    return math.atan2(y, x)


@jit
def observe(s: State, p: Params, agent: int, obs: Array) -> None:
    kart, way, grip = s.cars[agent], direction(s, agent), 0.0
    right, ahead, _ = to_body_axes(kart, kart.vx, kart.vy, kart.vz)
    for wheel in range(4):
        grip += 0.25 * s.wheels[agent, wheel].skid * s.wheels[agent, wheel].touching
    angle = way - heading(s, s.at[agent])
    obs[0], obs[1], obs[2], obs[3] = 0.05 * ahead, -0.2 * right, 0.5 * kart.spin_z, 2.0 * s.steer[agent]
    obs[4], obs[5], obs[6] = 2.0 * s.across[agent] / p.width, math.sin(angle), math.cos(angle)
    for j in range(5):
        obs[7 + j] = 10.0 * s.bend[(s.at[agent] + BENDS[j]) % SECTIONS]
    obs[12] = grip
    see_others(s, agent, way, obs, 13)


@jit
def chauffeur(s: State, p: Params, agent: int, memory: Memory, action: Array) -> None:
    """Aim at the middle of the road some way ahead, no faster than the bends until there allow."""
    kart = s.cars[agent]
    speed = math.sqrt(kart.vx * kart.vx + kart.vy * kart.vy)
    allowed = allowed_speed(s, agent, 0.35 * GRAVITY * min(p.grip, 2.0), 5.0)
    angle = turn_ahead(s, agent, direction(s, agent), speed)
    action[0] = min(1.0, max(-1.0, 0.5 * (allowed - speed)))
    action[1] = min(1.0, max(-1.0, 2.0 * angle))


def draw(s: State, p: Params, canvas: Canvas) -> None:
    """Look down on the whole course."""
    draw_course(s, p, canvas)
    for k in range(len(s.cars)):
        if s.alive[k]:
            x, y, way = s.cars[k].x, s.cars[k].y, direction(s, k)
            orb(canvas, x, y, 1.2, COLORS[k])
            canvas.line([(x, y), (x + 1.6 * math.cos(way), y + 1.6 * math.sin(way))], "white", width=0.4)
            canvas.agent(k, x, y, 1.4)
    tell_laps(s, p, s.step_count * TIME_STEP, canvas)


def draw3d(s: State, p: Params, canvas: Canvas3D) -> None:
    """Lay the road with its kerbs, plant trees, and put on wheels and drivers."""
    pair = longest_pair(s)
    for k in range(SECTIONS):
        after = (k + 1) % SECTIONS
        x, y = 0.5 * (s.road[k, 0] + s.road[after, 0]), 0.5 * (s.road[k, 1] + s.road[after, 1])
        long = math.hypot(s.road[after, 0] - s.road[k, 0], s.road[after, 1] - s.road[k, 1])
        canvas.box(x, y, 0.01, 1.35 * long, p.width, 0.03, "wall", heading=heading(s, k))
        for side in (s.left, s.right):
            draw_kerb(side[k, 0], side[k, 1], side[after, 0], side[after, 1], k, abs(s.bend[k]) > 0.03, canvas)
        if k % 3 == 0:
            draw_tree(s, p, k, s.left[k, 0], s.left[k, 1], 1.9 + 0.4 * (k % 5), pair, canvas)
            draw_tree(s, p, k, s.right[k, 0], s.right[k, 1], 1.9 + 0.5 * (k % 4), pair, canvas)
    lx, ly, rx, ry = s.left[3, 0], s.left[3, 1], s.right[3, 0], s.right[3, 1]
    canvas.cylinder((lx, ly, 0.0), (lx, ly, 4.0), 0.15, "white")
    canvas.cylinder((rx, ry, 0.0), (rx, ry, 4.0), 0.15, "white")
    canvas.box((lx + rx) / 2, (ly + ry) / 2, 3.7, 0.1, p.width, 0.7, "amber", heading=heading(s, 3))
    for k in range(len(s.cars)):
        if s.alive[k]:
            draw_kart(s, k, canvas)


def draw_kerb(ax: float, ay: float, bx: float, by: float, k: int, bends: bool, canvas: Canvas3D) -> None:
    turn, reach = math.atan2(by - ay, bx - ax), math.hypot(bx - ax, by - ay)
    color = ("rose" if k % 2 else "white") if bends else "muted"
    canvas.box((ax + bx) / 2, (ay + by) / 2, 0.04, reach, 0.5, 0.1, color, heading=turn)


def draw_tree(s: State, p: Params, k: int, ax: float, ay: float, far: float, pair: float, canvas: Canvas3D) -> None:
    """Plant a tree beyond a side of the road, unless another part of the road runs there."""
    x, y = s.road[k, 0] + far * (ax - s.road[k, 0]), s.road[k, 1] + far * (ay - s.road[k, 1])
    if is_near_road(s, x, y, 0.5 * p.width + 2.0, pair):
        return
    canvas.cylinder((x, y, 0.0), (x, y, 1.6), 0.25, "orange")
    canvas.sphere(x, y, 2.6, 1.5, "teal")


def draw_kart(s: State, k: int, canvas: Canvas3D) -> None:
    kart = s.cars[k]
    for j in range(4):
        wheel = s.wheels[k, j]
        cos, sin = 0.14 * math.cos(wheel.steer), 0.14 * math.sin(wheel.steer)
        left = place_on(kart, wheel.x - cos, wheel.y - sin, wheel.z)
        canvas.cylinder(left, place_on(kart, wheel.x + cos, wheel.y + sin, wheel.z), WHEEL_RADIUS, "ink")
    canvas.sphere(*place_on(kart, 0.0, -0.3, 0.55), 0.38, COLORS[k])
    canvas.sphere(*place_on(kart, 0.0, -0.3, 1.05), 0.3, "white")
    canvas.cylinder(place_on(kart, -0.5, -1.05, 0.6), place_on(kart, 0.5, -1.05, 0.6), 0.1, COLORS[k])


@jit
def place_on(body: Any, x: float, y: float, z: float) -> tuple[float, float, float]:
    """Return where a place on a body is in the world."""
    dx, dy, dz = to_world_axes(body, x, y, z)
    return body.x + dx, body.y + dy, body.z + dz


def camera(s: State, p: Params, view: Camera) -> None:
    """Follow the kart of who looks, or the first that races."""
    who = view.agent if view.agent >= 0 and s.alive[view.agent] else 0
    for k in range(len(s.cars)):
        if not s.alive[who] and s.alive[k]:
            who = k
    kart, way = s.cars[who], direction(s, who)
    x, y = kart.x + 3.5 * math.cos(way), kart.y + 3.5 * math.sin(way)
    view.chase(x, y, kart.z + 0.4, heading=way, distance=12.0, height=4.8)


ENV = Env(
    params=Params,
    state=State,
    observation=Box(-np.inf, np.inf, ("seen",), named_by="fields"),
    action=Box(-1.0, 1.0, (2,), labels=("gas or brake", "steer left")),
    reset=reset,
    observe=observe,
    draw=draw,
    draw3d=draw3d,
    camera=camera,
    agents={"car": "cars"},
    signals=("cost",),
    cost_limit=25.0,
    engine="panda3d",
    build=build,
    act=act,
    judge=judge,
    time_step=TIME_STEP,
    substeps=2,
    bots={"chauffeur": chauffeur},
    keys={"up": (0, 1.0), "down": (0, -1.0), "left": (1, 1.0), "right": (1, -1.0)},
    idle=(0.0, 0.0),
    counters=("home", "finished"),
    success="finished",
    ending=ending,
    endings=("all are home", "off the road or upside down; home: {}", "time is up; home: {}"),
    solved=6.0,
)
