"""Marble: tilt the world to roll a marble along plates in the air, and keep it from falling.

The course differs from level to level; each plate lies somewhat to the side of the one before, so that tilting straight
ahead falls off most courses.  The easy course, which the tuned config learns, has gap 0.2, drop 0.2 and wind 0.1.

Actions       Box(-1, 1, (2,)): tilt wanted to the right and forwards, in parts of `tilt`; the world turns at TILT_RATE.
Observation   float32 (30,): the marble above its plate, its velocities, tilt and wind; then for the plate it is on and
              the next two: where they begin and end, their slope and bank (labels name each).
Reward        reward_progress a metre forwards; reward_finish at the goal, reward_fall for falling.
Signals       cost: 1 for a step in which the marble is nearer than `margin` to its plate's side, or beyond it.
Termination   the goal, or a fall.  Truncation: max_steps.
Parameters    plates, length, width, gap, drop, bend, slope, bank, wind, tilt, margin, reward_progress, reward_finish,
              reward_fall, max_steps.
Source        own; after the arcade game Marble Madness (Atari Games, 1984).
"""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from puffer_arena.core import (
    Array,
    Body3D,
    Box,
    Camera,
    Canvas,
    Canvas3D,
    Editor,
    Env,
    Header,
    Memory,
    Things,
    body3d,
    f64,
    i32,
    jit,
    param,
    to_world_axes,
    uniform,
)

if TYPE_CHECKING:
    from panda3d.bullet import BulletWorld

GRAVITY = 9.81  # m/s²
RADIUS = 0.4  # of the marble, m
MASS = 1.0  # kg
THICK = 0.4  # of a plate, m
DT = 1 / 60  # seconds of one step
TILT_RATE = 1.2  # rad/s
DEPTH = 2.5  # metres below its plate at which the marble has fallen
AHEAD = 3  # plates that are seen
SEEN = 6  # numbers for each of them
PEERED = 20.0  # metres ahead at which a number saturates


@dataclass(frozen=True)
class Params:
    plates: int = param(8, 2, 24, "plates of the course", at_reset=True)
    length: float = param(5.0, 3.0, 10.0, "of a plate, m", at_reset=True)
    width: float = param(2.4, 0.8, 6.0, "of a plate, m", at_reset=True)
    gap: float = param(0.4, 0.0, 1.5, "greatest gap between plates, m", at_reset=True)
    drop: float = param(0.3, 0.0, 1.0, "greatest step down to the next plate, m", at_reset=True)
    bend: float = param(1.5, 0.0, 2.0, "greatest shift to the side of the next plate, m", at_reset=True)
    slope: float = param(0.08, 0.0, 0.2, "steepest plate, rad", at_reset=True)
    bank: float = param(0.05, 0.0, 0.2, "greatest lean of a plate to the side, rad", at_reset=True)
    wind: float = param(0.3, 0.0, 1.5, "strength of the gusts, m/s²")
    tilt: float = param(0.3, 0.1, 0.5, "greatest tilt of the world, rad")
    margin: float = param(0.3, 0.0, 1.0, "distance from a plate's side that costs, m")
    reward_progress: float = param(0.1, 0.0, 1.0, "for a metre forwards")
    reward_finish: float = param(2.0, 0.0, 10.0, "for reaching the goal")
    reward_fall: float = param(-1.0, -10.0, 0.0, "for falling")
    max_steps: int = param(1500, 60, 100_000, "steps before the episode is truncated")

    @property
    def beyond(self) -> int:
        """One more than a course can have."""
        return self.plates + 1


REACHED, FELL, TIME_UP = range(3)  # endings


class State(Header):
    marble: Body3D = body3d()
    plates: Array = body3d("plates")
    edges: Array = f64("plates", 3)  # middle of each plate's near edge, on its upper side: x, y, z
    slopes: Array = f64("plates")  # rad, upwards
    banks: Array = f64("plates")  # rad, the right side down
    plate: int = i32(below="plates")  # the plate the marble is on, or flies towards
    count: int = i32(below="beyond")  # plates of this course
    tilt: Array = f64(2)  # of the world: to the right, forwards, rad
    gust: Array = f64(3)  # direction, phase and rhythm of the wind
    wind: Array = f64(2)  # m/s²
    start: float = f64()  # y of the marble at the start
    score: float = f64()  # part of the course done, 0 to 1
    finished: int = i32()  # 1 at the goal
    cost: float  # a signal: the kernels keep it


def build(world: "BulletWorld", p: Params) -> dict[str, Any]:
    """Make the plates and the marble; `reset` lays the course."""
    from panda3d.bullet import BulletBoxShape, BulletRigidBodyNode, BulletSphereShape
    from panda3d.core import Vec3

    world.set_gravity(Vec3(0, 0, -GRAVITY))
    shape = BulletBoxShape(Vec3(p.width / 2, p.length / 2, THICK / 2))
    plates = []
    for k in range(p.plates):
        plate = BulletRigidBodyNode(f"plate {k}")
        plate.add_shape(shape)
        plate.set_friction(1.0)
        plate.set_tag("color", ("sky", "violet")[k % 2])
        world.attach(plate)
        plates.append(plate)
    plates[-1].set_tag("color", "lime")
    marble = BulletRigidBodyNode("marble")
    marble.add_shape(BulletSphereShape(RADIUS))
    marble.set_mass(MASS)
    marble.set_friction(1.0)
    marble.set_linear_damping(0.05)
    marble.set_tag("color", "amber")
    world.attach(marble)
    return {"marble": marble, "plates": plates}


@jit
def reset(s: State, p: Params) -> None:
    s.plate, s.score, s.finished = 0, 0.0, 0
    s.count = p.plates
    for axis in range(2):
        s.tilt[axis], s.wind[axis] = 0.0, 0.0
    s.gust[0], s.gust[1] = uniform(s, 0.0, 2.0 * math.pi), uniform(s, 0.0, 2.0 * math.pi)
    s.gust[2] = uniform(s, 0.4, 1.2)
    x, y, z = 0.0, 0.0, 0.0
    for k in range(len(s.plates)):
        if k < p.plates:
            flat = k == 0 or k == p.plates - 1
            s.slopes[k] = 0.0 if flat else uniform(s, -p.slope, p.slope)
            s.banks[k] = 0.0 if flat else uniform(s, -p.bank, p.bank)
            s.edges[k, 0], s.edges[k, 1], s.edges[k, 2] = x, y, z
            lay_plate(s, p, k)
            x += uniform(s, -p.bend, p.bend)
            y += p.length * math.cos(s.slopes[k]) + uniform(s, 0.0, p.gap)
            z += p.length * math.sin(s.slopes[k]) - uniform(s, 0.0, p.drop)
        else:  # a plate of longer courses: far below
            s.plates[k].z = -1000.0 - k
    s.marble.x, s.marble.y, s.marble.z = uniform(s, -0.3, 0.3), 1.0, RADIUS
    s.start = s.marble.y


@jit
def lay_plate(s: State, p: Params, k: int) -> None:
    """Turn plate `k` by its slope, then about its own long axis by its bank; its near edge stays where it is."""
    half_slope, half_bank = s.slopes[k] / 2, s.banks[k] / 2
    cs, ss = math.cos(half_slope), math.sin(half_slope)
    cb, sb = math.cos(half_bank), math.sin(half_bank)
    plate = s.plates[k]
    plate.qw, plate.qx, plate.qy, plate.qz = cs * cb, ss * cb, cs * sb, ss * sb
    cos, sin = math.cos(s.slopes[k]), math.sin(s.slopes[k])
    up_x, up_y, up_z = math.sin(s.banks[k]), -sin * math.cos(s.banks[k]), cos * math.cos(s.banks[k])
    plate.x = s.edges[k, 0] - up_x * THICK / 2
    plate.y = s.edges[k, 1] + cos * p.length / 2 - up_y * THICK / 2
    plate.z = s.edges[k, 2] + sin * p.length / 2 - up_z * THICK / 2


@jit
def act(s: State, p: Params, action: Array) -> None:
    for axis in range(2):
        turn = action[axis] * p.tilt - s.tilt[axis]
        s.tilt[axis] += min(max(turn, -TILT_RATE * DT), TILT_RATE * DT)
    strength = p.wind * (0.5 + 0.5 * math.sin(s.gust[1] + s.gust[2] * DT * s.step_count))
    s.wind[0], s.wind[1] = strength * math.cos(s.gust[0]), strength * math.sin(s.gust[0])
    # Tilting the world turns gravity; Bullet's own pulls straight down already.
    right, forward = math.sin(s.tilt[0]), math.sin(s.tilt[1])
    down = math.sqrt(1.0 - right * right - forward * forward)
    s.marble.fx = MASS * (GRAVITY * right + s.wind[0])
    s.marble.fy = MASS * (GRAVITY * forward + s.wind[1])
    s.marble.fz = MASS * GRAVITY * (1.0 - down)


@jit
def surface(s: State, k: int) -> float:
    """Return the height of plate `k`'s upper side, at its middle line, where the marble is along the course."""
    height: float = s.edges[k, 2] + (s.marble.y - s.edges[k, 1]) * math.tan(s.slopes[k])
    return height


@jit
def judge(s: State, p: Params) -> tuple[float, bool, bool]:
    last = s.count - 1
    while s.plate < last and s.marble.y >= s.edges[s.plate + 1, 1] - RADIUS:
        s.plate += 1
    while s.plate > 0 and s.marble.y < s.edges[s.plate, 1] - 2.0 * RADIUS:
        s.plate -= 1
    s.cost += abs(s.marble.x - s.edges[s.plate, 0]) > p.width / 2 - p.margin
    way = s.edges[last, 1] + p.length / 2 - s.start
    done = min(1.0, (s.marble.y - s.start) / way)
    reward = p.reward_progress * way * (done - s.score)
    s.score = done
    if s.marble.z < surface(s, s.plate) - DEPTH:
        return reward + p.reward_fall, True, False
    if done >= 1.0 and abs(s.marble.x - s.edges[last, 0]) < p.width / 2 and s.marble.z > s.edges[last, 2]:
        s.finished = 1
        return reward + p.reward_finish, True, False
    return reward, False, s.step_count >= p.max_steps


@jit
def ending(s: State, p: Params) -> int:
    if s.finished:
        return REACHED
    return FELL if s.marble.z < surface(s, s.plate) - DEPTH else TIME_UP


@jit
def observe(s: State, p: Params, obs: Array) -> None:
    marble = s.marble
    obs[0], obs[1], obs[2] = marble.vx / 5.0, marble.vy / 5.0, marble.vz / 5.0
    obs[3], obs[4] = marble.spin_x * RADIUS / 5.0, marble.spin_y * RADIUS / 5.0
    obs[5] = marble.spin_z * RADIUS / 5.0
    obs[6], obs[7] = s.tilt[0] / p.tilt, s.tilt[1] / p.tilt
    obs[8], obs[9] = s.wind[0], s.wind[1]
    obs[10] = min(max(marble.z - surface(s, s.plate), -3.0), 3.0)
    obs[11] = p.width / 2
    for ahead in range(AHEAD):
        k = min(s.plate + ahead, s.count - 1)
        at = 12 + SEEN * ahead
        obs[at] = min(max(s.edges[k, 0] - marble.x, -PEERED), PEERED) / 2.0
        obs[at + 1] = (s.edges[k, 1] - marble.y) / 5.0
        obs[at + 2] = (s.edges[k, 1] + p.length * math.cos(s.slopes[k]) - marble.y) / 5.0
        obs[at + 3] = s.edges[k, 2] - s.edges[s.plate, 2]
        obs[at + 4], obs[at + 5] = 5.0 * s.slopes[k], 5.0 * s.banks[k]


@jit
def steady(s: State, p: Params, memory: Memory, action: Array) -> None:
    """Keep to the middle of the plates at a speed that clears the gaps, leaning against slope, bank and wind."""
    k = min(s.plate, s.count - 1)
    end = s.edges[k, 1] + p.length
    following = min(k + 1, s.count - 1)
    near = min(1.0, max(0.0, 1.0 - (end - s.marble.y) / 2.5))  # look at the next plate towards the end of this
    middle = s.edges[k, 0] + near * (s.edges[following, 0] - s.edges[k, 0])
    speed = 3.0 if abs(s.marble.x - middle) < 0.3 * p.width else 1.8
    sideways = 1.6 * (middle - s.marble.x) - 1.8 * s.marble.vx - GRAVITY * s.banks[k] - s.wind[0]
    forwards = 1.5 * (speed - s.marble.vy) + GRAVITY * s.slopes[k] - s.wind[1]
    action[0] = min(1.0, max(-1.0, sideways / (GRAVITY * p.tilt)))
    action[1] = min(1.0, max(-1.0, forwards / (GRAVITY * p.tilt)))


def draw(s: State, p: Params, canvas: Canvas) -> None:
    """Look down on the course; the view follows the marble."""
    wide, high = 12.0, 12.0
    low = s.marble.y - 0.35 * high
    canvas.view(wide, high, left=s.marble.x - wide / 2, low=low, up=True)
    for k in range(s.count):
        far = s.edges[k, 1] + p.length * math.cos(s.slopes[k])
        if far > low and s.edges[k, 1] < low + high:
            draw_plate(s, p, k, canvas)
    draw_marble(s, canvas)
    canvas.agent(0, s.marble.x, s.marble.y, RADIUS)
    canvas.status(f"{max(0.0, 100 * s.score):.0f} % of the course, wind {math.hypot(s.wind[0], s.wind[1]):.1f} m/s²")


def draw_plate(s: State, p: Params, k: int, canvas: Canvas) -> None:
    x, y, half = s.edges[k, 0], s.edges[k, 1], p.width / 2
    far = y + p.length * math.cos(s.slopes[k])
    canvas.polygon([(x - half, y - 0.25), (x + half, y - 0.25), (x + half, far), (x - half, far)], "shadow", alpha=0.8)
    body, edge = ("lime", "leaf") if k == s.count - 1 else (("wall", "sky"), ("raised", "violet"))[k % 2]
    canvas.polygon([(x - half, y), (x + half, y), (x + half, far), (x - half, far)], body)
    canvas.line([(x - half, y), (x + half, y), (x + half, far), (x - half, far), (x - half, y)], edge, width=0.06)
    lean = x + half * max(-0.8, min(0.8, 6.0 * s.banks[k]))
    middle, rise = (y + far) / 2, 6.0 * s.slopes[k]
    canvas.line([(x, middle - rise), (lean, middle + rise)], edge, width=0.08, alpha=0.5)


def draw_marble(s: State, canvas: Canvas) -> None:
    x, y = s.marble.x, s.marble.y
    above = s.marble.z - RADIUS - (s.edges[s.plate, 2] + (y - s.edges[s.plate, 1]) * math.tan(s.slopes[s.plate]))
    size = RADIUS * max(0.3, min(1.5, 1.0 + 0.25 * above))
    canvas.circle(x + 0.12 + 0.2 * max(above, 0.0), y - 0.12 - 0.2 * max(above, 0.0), size, "shadow", alpha=0.5)
    canvas.circle(x, y, size, "amber")
    for side in (-1.0, 1.0):  # a stripe that shows how it rolls
        dx, dy, dz = to_world_axes(s.marble, 0.0, 0.0, side)
        if dz > 0.0:
            canvas.circle(x + 0.8 * size * dx, y + 0.8 * size * dy, 0.3 * size * (0.4 + dz), "orange")
    canvas.circle(x - 0.3 * size, y + 0.3 * size, 0.18 * size, "white", alpha=0.6)
    canvas.line([(x, y), (x + 6.0 * s.tilt[0], y + 6.0 * s.tilt[1])], "rose", width=0.08, alpha=0.8)


def draw3d(s: State, p: Params, canvas: Canvas3D) -> None:
    """Show the goal's gate and the wind; a marble that has left its plate reddens."""
    last, half, high = s.count - 1, p.width / 2, 1.8
    x, y, z = s.edges[last, 0], s.edges[last, 1] + p.length / 2, s.edges[last, 2]
    for side in (-half, half):
        canvas.cylinder((x + side, y, z), (x + side, y, z + high), 0.07, "lime")
        canvas.sphere(x + side, y, z + high, 0.13, "leaf")
    canvas.box(x, y, z + high - 0.3, p.width, 0.05, 0.35, "leaf", alpha=0.6)
    blow = math.hypot(s.wind[0], s.wind[1])
    if blow > 0.02:
        at = (s.marble.x, s.marble.y, s.marble.z + 2.5 * RADIUS)
        tip = (at[0] + 3.0 * s.wind[0], at[1] + 3.0 * s.wind[1], at[2])
        canvas.line([at, tip], "text", width=0.06)
        canvas.sphere(*tip, 0.09, "text")
    if s.marble.z < surface(s, s.plate) - RADIUS:
        canvas.paint("marble", "rose")


def camera(s: State, p: Params, view: Camera) -> None:
    """Follow the marble, and lean the world as the player leans it: forwards less, which would hide what comes."""
    view.chase(s.marble.x, s.marble.y + 2.5, s.marble.z, heading=math.pi / 2, distance=8.5, height=4.6)
    view.tilt(s.tilt[0], 0.4 * s.tilt[1])


LABELS = (
    *("velocity x", "velocity y", "velocity z", "spin x", "spin y", "spin z"),
    *("tilt right", "tilt forwards", "wind x", "wind y", "height", "half width"),
    *(f"plate {k} {what}" for k in range(AHEAD) for what in ("x", "near edge", "far edge", "height", "slope", "bank")),
)


def find_plates(s: State, p: Params) -> list[tuple[float, float]]:
    return [(s.edges[k, 0], s.edges[k, 1]) for k in range(1, s.count)]


def put_plate(s: State, p: Params, k: int, x: float, y: float) -> None:
    """Move a plate, whose place is the middle of its near edge; its height and slopes stay."""
    s.edges[k + 1, 0], s.edges[k + 1, 1] = x, y
    lay_plate(s, p, k + 1)


def sky(p: Params) -> tuple[float, float, float, float]:
    wide = p.plates * (p.width + p.bend)
    return -wide, 0.0, 2 * wide, p.plates * (p.length + p.gap) + 1.0


@jit
def finish(s: State, p: Params) -> str:
    """Check a course that a person has laid."""
    for k in range(1, s.count):
        ahead = s.edges[k, 1] - s.edges[k - 1, 1] - p.length * math.cos(s.slopes[k - 1])
        if not -0.1 <= ahead <= 2.0 or abs(s.edges[k, 0] - s.edges[k - 1, 0]) > p.width:
            return f"plate {k + 1} cannot be reached from the one before"
    return ""


ENV = Env(
    params=Params,
    state=State,
    observation=Box(-np.inf, np.inf, (len(LABELS),), labels=LABELS),
    action=Box(-1.0, 1.0, (2,), labels=("tilt right", "tilt forwards")),
    engine="panda3d",
    build=build,
    time_step=DT,
    substeps=2,
    reset=reset,
    act=act,
    judge=judge,
    observe=observe,
    draw=draw,
    draw3d=draw3d,
    camera=camera,
    bots={"steady": steady},
    keys={"left": (0, -1.0), "right": (0, 1.0), "up": (1, 1.0), "down": (1, -1.0)},
    idle=(0.0, 0.0),
    editor=Editor(things=(Things("plates", find_plates, put_plate, sky),), finish=finish),
    counters=("score", "finished"),
    signals=("cost",),
    cost_limit=25.0,
    success="finished",
    ending=ending,
    endings=("reached the end", "fell off", "time is up"),
    solved=5.0,
    version=1,
)
