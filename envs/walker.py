"""Walker: two legs with four motors carry a hull over a course of bumps, stumps and pits.

The course differs from level to level.  With `bumps` 0.35, `length` 93 and no obstacles the task is BipedalWalker's; with
stumps and pits it is that of its hardcore version.

Actions       Box(-1, 1, (4,)): torque of hip and knee of the near leg, then of the far one; the sign is the way.
Observation   float32 (24,): hull's angle, spin, velocity along x and y; for each leg hip angle and speed, knee angle and
              speed, contact of the foot; then 10 rays ahead and below, each the part of RAY_LENGTH that is free.
Reward        0.43 for each metre ahead, less tilt and torque, a tenth of BipedalWalker's; -10 for a fall.
Termination   the hull touches ground, falls into a pit or leaves the course backwards; the course is crossed.
              Truncation: max_steps.
Parameters    length, bumps, obstacles, stump, pit, torque, gravity, max_steps.
Source        own; the task of BipedalWalker, Oleg Klimov 2016, Gymnasium.
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
    Editor,
    Env,
    Header,
    Memory,
    Segment2D,
    Things,
    Touch2D,
    bands,
    body2d,
    f64,
    i32,
    jit,
    joint2d,
    normal,
    param,
    ray_segment,
    segment2d,
    touch2d,
    uniform,
)

TIME_STEP = 1 / 50
HULL = ((-1.0, 0.3), (0.2, 0.3), (1.13, 0.03), (1.13, -0.27), (-1.0, -0.27))  # metres
HULL_MASS, THIGH_MASS, SHIN_MASS = 5.3, 0.3, 0.24  # kg
LEG_LENGTH, THIGH_WIDTH, SHIN_WIDTH = 1.13, 0.27, 0.21
HIP_Y = -0.27  # below the hull's centre of mass
HIP_SPEED, KNEE_SPEED = 4.0, 6.0  # rad/s
HIP_RANGE, KNEE_RANGE = (-0.8, 1.1), (-1.6, -0.1)  # rad
EDGES = 100  # of the ground
STRIDE = 1.2  # metres of a plain edge
START = 8.0  # metres of level ground before the first bump; the walker stands at half of it
DEPTH = 4.0  # of a pit
RAYS, RAY_LENGTH = 10, 5.3
SWING, LOWER, PUSH_OFF = range(3)  # phases of the bot's gait
PACE, STRAIGHT = 0.29, 0.1  # of the bot: speed as observed, and the standing knee


@dataclass(frozen=True)
class Params:
    length: float = param(25.0, 10.0, 93.0, "of the course, m", at_reset=True)
    bumps: float = param(0.2, 0.0, 1.0, "steepness of the ground", at_reset=True)
    obstacles: float = param(0.0, 0.0, 0.5, "share of strides that hold a stump or a pit", at_reset=True)
    stump: float = param(0.5, 0.0, 1.5, "greatest height of a stump, m; 0 for none", at_reset=True)
    pit: float = param(1.0, 0.0, 2.5, "greatest width of a pit, m; 0 for none", at_reset=True)
    torque: float = param(80.0, 20.0, 160.0, "of a motor, Nm")
    gravity: float = param(10.0, 5.0, 15.0, "m/s²", at_reset=True)
    max_steps: int = param(1200, 50, 10_000, "steps before the episode is truncated")


CROSSED, FELL, DROPPED, TIME_UP = range(4)  # endings


class State(Header):
    hull: Body2D = body2d()
    thighs: Array = body2d(2)
    shins: Array = body2d(2)
    hips: Array = joint2d(2)
    knees: Array = joint2d(2)
    belly: Touch2D = touch2d()
    feet: Array = touch2d(2)
    ground: Array = segment2d(EDGES)
    x: float = f64()  # the ground's end while it is laid
    y: float = f64()
    laid: int = i32(below=EDGES)
    below: int = i32(below=EDGES)  # the edge below the hull
    value: float = f64()  # of the last situation
    crossed: int = i32()


class Gait(Memory):
    """How far the bot's walk has come."""

    phase: int = i32(below=3)
    swinging: int = i32(below=2)  # the leg in the air
    bend: float = f64()  # how far the standing leg's knee is from STRAIGHT


def build(world: Any, p: Params) -> dict[str, Any]:
    import pymunk

    world.gravity = 0, -p.gravity
    world.collision_persistence = 1  # steps for which a contact that ended is kept: less memory to go through
    ground = [pymunk.Segment(world.static_body, (k, 0), (k + 1, 0), 0) for k in range(EDGES)]
    for edge in ground:
        edge.friction = 2.5
    world.add(*ground)
    hull = pymunk.Body(HULL_MASS, pymunk.moment_for_poly(HULL_MASS, HULL))
    hull.position = 0.5 * START, 2 * LEG_LENGTH
    belly = pymunk.Poly(hull, HULL)
    belly.friction, belly.filter = 0.1, pymunk.ShapeFilter(group=1)
    world.add(hull, belly)
    thighs, shins, hips, knees = [], [], [], []
    for tilt in (-0.05, 0.05):
        thigh = add_limb(world, THIGH_MASS, THIGH_WIDTH, (0.5 * START, 1.5 * LEG_LENGTH + HIP_Y), tilt)
        shin = add_limb(world, SHIN_MASS, SHIN_WIDTH, (0.5 * START, 0.5 * LEG_LENGTH + HIP_Y), tilt - 0.1)
        hips.append(add_joint(world, hull, thigh, (0, HIP_Y), HIP_RANGE))
        knees.append(add_joint(world, thigh, shin, (0, -LEG_LENGTH / 2), KNEE_RANGE))
        thighs.append(thigh)
        shins.append(shin)
    return {
        "hull": hull, "thighs": thighs, "shins": shins, "hips": hips, "knees": knees,
        "belly": belly, "feet": shins, "ground": ground,
    }  # fmt: skip


def add_limb(world: Any, mass: float, width: float, position: tuple[float, float], angle: float) -> Any:
    """Add a box that collides with the ground only."""
    import pymunk

    limb = pymunk.Body(mass, pymunk.moment_for_box(mass, (width, LEG_LENGTH)))
    limb.position, limb.angle = position, angle
    shape = pymunk.Poly.create_box(limb, (width, LEG_LENGTH))
    shape.friction, shape.filter = 0.8, pymunk.ShapeFilter(group=1)
    world.add(limb, shape)
    return limb


def add_joint(world: Any, upper: Any, lower: Any, at: tuple[float, float], limits: tuple[float, float]) -> Any:
    """Join the top of a limb to a point of another body; return the motor between them."""
    import pymunk

    motor = pymunk.SimpleMotor(upper, lower, 0)
    pivot = pymunk.PivotJoint(upper, lower, at, (0, LEG_LENGTH / 2))
    world.add(pivot, pymunk.RotaryLimitJoint(upper, lower, *limits), motor)
    return motor


@jit
def lay_edge(s: State, dx: float, dy: float) -> None:
    """Continue the ground by one edge."""
    edge = s.ground[s.laid]
    edge.ax, edge.ay, edge.bx, edge.by = s.x, s.y, s.x + dx, s.y + dy
    s.x, s.y, s.laid = s.x + dx, s.y + dy, min(s.laid + 1, EDGES - 1)


@jit
def lay_obstacle(s: State, p: Params) -> None:
    """Lay a stump or a pit, as the parameters allow."""
    stump = p.pit <= 0.0 or (p.stump > 0.0 and uniform(s, 0.0, 1.0) < 0.5)
    if stump:
        height = uniform(s, 0.3, 1.0) * p.stump
        lay_edge(s, 0.0, height)
        lay_edge(s, 0.6, 0.0)
        lay_edge(s, 0.0, -height)
    else:
        lay_edge(s, 0.0, -DEPTH)
        lay_edge(s, uniform(s, 0.4, 1.0) * p.pit, 0.0)
        lay_edge(s, 0.0, DEPTH)


@jit
def lay_course(s: State, p: Params) -> None:
    """Lay level ground, then bumps and obstacles up to the end, and ground beyond it."""
    s.x, s.y, s.laid = 0.0, 0.0, 0
    lay_edge(s, START, 0.0)
    incline = 0.0
    while s.laid < EDGES - 5 and s.x < p.length:
        if (p.stump > 0.0 or p.pit > 0.0) and uniform(s, 0.0, 1.0) < p.obstacles:
            lay_obstacle(s, p)
            incline = 0.0
        else:
            incline = 0.7 * incline + p.bumps * uniform(s, -0.5, 0.5) - 0.02 * s.y
            lay_edge(s, STRIDE, incline * STRIDE)
    lay_edge(s, p.length + 20.0 - s.x, 0.0)
    for _ in range(s.laid, EDGES):
        lay_edge(s, 0.0, 0.0)  # not needed


@jit
def reset(s: State, p: Params) -> None:
    lay_course(s, p)
    s.below, s.crossed = 0, 0
    s.hull.vx, s.hull.vy = 0.3 * normal(s), 0.1 * normal(s)
    s.value = worth(s)


@jit
def act(s: State, p: Params, action: Array) -> None:
    for leg in range(2):
        drive(s.hips[leg], action[2 * leg], HIP_SPEED, p.torque)
        drive(s.knees[leg], action[2 * leg + 1], KNEE_SPEED, p.torque)
        s.value += 0.000035 * p.torque * (abs(action[2 * leg]) + abs(action[2 * leg + 1]))  # effort


@jit
def drive(motor: Any, action: float, speed: float, torque: float) -> None:
    """Turn a joint with a part of its torque; Chipmunk's rate is that of the upper body against the lower."""
    motor.target = -speed if action > 0.0 else speed
    motor.max_force = torque * abs(action)


@jit
def worth(s: State) -> float:
    """Value a situation: far along the course, and upright."""
    return 0.433 * s.hull.x - 0.5 * abs(s.hull.angle)


@jit
def judge(s: State, p: Params) -> tuple[float, bool, bool]:
    while s.below < EDGES - 1 and s.ground[s.below].bx < s.hull.x:
        s.below += 1
    while s.below > 0 and s.ground[s.below].ax > s.hull.x:
        s.below -= 1
    value = worth(s)
    reward = value - s.value
    s.value = value
    if s.belly.touching or s.hull.x < 1.0 or s.hull.y < level(s) - 0.5:
        return reward - 10.0, True, False
    if s.hull.x > p.length:
        s.crossed = 1
        return reward, True, False
    return reward, False, s.step_count >= p.max_steps


@jit
def ending(s: State, p: Params) -> int:
    if s.crossed:
        return CROSSED
    if s.belly.touching:
        return FELL
    return DROPPED if s.hull.x < 1.0 or s.hull.y < level(s) - 0.5 else TIME_UP


@jit
def level(s: State) -> float:
    """Return the height of the ground around the hull, pits left out."""
    edge: Segment2D = s.ground[s.below]
    before: Segment2D = s.ground[max(0, s.below - 2)]
    after: Segment2D = s.ground[min(EDGES - 1, s.below + 2)]
    return max(max(edge.ay, edge.by), min(before.ay, after.by))


@jit
def free_way(s: State, ray: int) -> float:
    """Return the part of a ray that is free of ground."""
    angle = 1.5 * ray / RAYS
    x, y = s.hull.x, s.hull.y
    end_x, end_y = x + RAY_LENGTH * math.sin(angle), y - RAY_LENGTH * math.cos(angle)
    free, k = 1.0, s.below
    while k < EDGES and s.ground[k].ax <= end_x:
        ax, ay, bx, by = s.ground[k].ax, s.ground[k].ay, s.ground[k].bx, s.ground[k].by
        free = min(free, ray_segment(x, y, end_x, end_y, ax, ay, bx, by, 0.0))
        k += 1
    return free


@jit
def observe(s: State, p: Params, obs: Array) -> None:
    obs[0], obs[1] = s.hull.angle, 0.04 * s.hull.spin
    obs[2], obs[3] = 0.12 * s.hull.vx, 0.08 * s.hull.vy
    for leg in range(2):
        thigh, shin, at = s.thighs[leg], s.shins[leg], 4 + 5 * leg
        obs[at] = thigh.angle - s.hull.angle
        obs[at + 1] = (thigh.spin - s.hull.spin) / HIP_SPEED
        obs[at + 2] = shin.angle - thigh.angle + 1.0
        obs[at + 3] = (shin.spin - thigh.spin) / KNEE_SPEED
        obs[at + 4] = s.feet[leg].touching
    for ray in range(RAYS):
        obs[14 + ray] = free_way(s, ray)


@jit
def knee(s: State, leg: int) -> float:
    """Return how far a knee is stretched: 1 is straight."""
    angle: float = s.shins[leg].angle - s.thighs[leg].angle + 1.0
    return angle


@jit
def keep_pace(s: State, gait: Gait) -> None:
    """Tell the gait of `stride` on: swing a leg ahead, put it down, push off with the other, change legs."""
    swinging, standing = gait.swinging, 1 - gait.swinging
    if gait.phase == SWING:
        gait.bend = max(0.0, gait.bend - (0.06 if 0.12 * s.hull.vx > PACE else 0.03))
        if s.thighs[standing].angle - s.hull.angle < 0.1:
            gait.phase = LOWER
    elif gait.phase == LOWER:
        if s.feet[swinging].touching:
            gait.phase = PUSH_OFF
            gait.bend = max(0.0, STRAIGHT - knee(s, swinging))
    elif knee(s, standing) > 0.88 or 0.12 * s.hull.vx > 1.2 * PACE:
        gait.phase, gait.swinging = SWING, standing


@jit
def stride(s: State, p: Params, gait: Gait, action: Array) -> None:
    """Walk by the phases of `keep_pace`, each with its aims for the joints, and keep the hull upright and level."""
    if s.step_count > 0:
        keep_pace(s, gait)
    for leg in range(2):
        hip = s.thighs[leg].angle - s.hull.angle
        hip_torque, knee_aim = 0.0, STRAIGHT - gait.bend
        if leg == gait.swinging:
            if gait.phase != PUSH_OFF:
                aim = 1.1 if gait.phase == SWING else 0.1
                hip_torque = 0.9 * (aim - hip) - 0.06 * (s.thighs[leg].spin - s.hull.spin)
                knee_aim = -0.6 if gait.phase == SWING else STRAIGHT
        elif gait.phase == PUSH_OFF:
            knee_aim = 1.0
        hip_torque += 1.4 * s.hull.angle + 0.15 * s.hull.spin
        knee_torque = 4.0 * (knee_aim - knee(s, leg)) - 0.04 * (s.shins[leg].spin - s.thighs[leg].spin)
        knee_torque -= 1.2 * s.hull.vy
        action[2 * leg] = min(1.0, max(-1.0, 0.5 * hip_torque))
        action[2 * leg + 1] = min(1.0, max(-1.0, 0.5 * knee_torque))


def draw(s: State, p: Params, canvas: Canvas) -> None:
    width, height = 20.0, 13.0
    left, low = s.hull.x - 0.4 * width, s.hull.y - 0.45 * height
    canvas.view(width, height, left=left, low=low, up=True, bleed=True)
    draw_sky(s, left, low, canvas)
    first, far = s.ground[0], 3.0 * width
    draw_ground(first.ax - far, first.ay, first.ax, first.ay, low, canvas)
    for edge in s.ground:
        if edge.bx > left - far and edge.ax < left + far:
            draw_ground(edge.ax, edge.ay, edge.bx, edge.by, low, canvas)
    for mark in range(0, int(p.length) + 1, 10):
        if left < mark < left + width and mark >= START:
            canvas.text(mark, low + 0.7, f"{mark} m", "muted", size=0.45)
    canvas.line([(p.length, s.y - 1.0), (p.length, s.y + 4.0)], "muted", width=0.12)
    canvas.polygon([(p.length, s.y + 4.0), (p.length + 1.6, s.y + 3.5), (p.length, s.y + 3.0)], "amber")
    draw_walker(s, canvas)
    canvas.agent(0, s.hull.x, s.hull.y, 1.5)
    canvas.status(f"{s.hull.x - 0.5 * START:.1f} m, {s.hull.vx:.1f} m/s" + (", crossed" if s.crossed else ""))


def draw_ground(ax: float, ay: float, bx: float, by: float, low: float, canvas: Canvas) -> None:
    """Draw the ground under one edge; its grass lies below what feet stand on."""
    if bx > ax:
        canvas.polygon([(ax, low - 30.0), (bx + 0.02, low - 30.0), (bx + 0.02, by), (ax, ay)], "soil")
        canvas.polygon([(ax, ay - 0.5), (bx + 0.02, by - 0.5), (bx + 0.02, by), (ax, ay)], "grass")
    canvas.line([(ax, ay - 0.06), (bx, by - 0.06)], "leaf", width=0.12)


def draw_sky(s: State, left: float, low: float, canvas: Canvas) -> None:
    """Draw a sun and hills; what is far behind moves slower than the walker."""
    bands(canvas, left - 40.0, low + 2.0, 100.0, 12.0, ("raised", "panel", "background"), steps=5)
    canvas.circle(left + 16.0, low + 10.2, 1.1, "amber", alpha=0.85)
    canvas.circle(left + 16.0, low + 10.2, 1.7, "amber", alpha=0.15)
    for k in range(-4, 10):
        x = (k * 6.0 - 0.15 * s.hull.x) % 84.0 + left - 30.0
        canvas.circle(x, low + 1.0, 5.0 + (k * k) % 3, "line")
    for k in range(-4, 10):
        x = (k * 6.0 + 3.0 - 0.3 * s.hull.x) % 84.0 + left - 30.0
        canvas.circle(x, low + 0.5, 4.0 + (k * k) % 3, "wall")


def draw_walker(s: State, canvas: Canvas) -> None:
    draw_leg(s, 1, "wall", canvas)
    cosine, sine = math.cos(s.hull.angle), math.sin(s.hull.angle)
    corners = [(s.hull.x + cosine * x - sine * y, s.hull.y + sine * x + cosine * y) for x, y in HULL]
    canvas.polygon(corners, "violet")
    canvas.line([*corners, corners[0]], "violet", width=0.12)
    eye_x, eye_y = s.hull.x + 0.72 * cosine - 0.02 * sine, s.hull.y + 0.72 * sine + 0.02 * cosine
    canvas.circle(eye_x, eye_y, 0.15, "white")
    canvas.circle(eye_x + 0.05, eye_y, 0.08, "shadow")
    draw_leg(s, 0, "sky", canvas)


def draw_leg(s: State, leg: int, color: str, canvas: Canvas) -> None:
    draw_limb(s.thighs[leg], THIGH_WIDTH, 0.5 * LEG_LENGTH, color, canvas)
    shin = s.shins[leg]
    draw_limb(shin, SHIN_WIDTH, 0.5 * (LEG_LENGTH - SHIN_WIDTH), color, canvas)  # its round end stands on the ground
    if s.feet[leg].touching:
        x, y = shin.x + LEG_LENGTH / 2 * math.sin(shin.angle), shin.y - LEG_LENGTH / 2 * math.cos(shin.angle)
        canvas.circle(x, y, 0.16, "lime")


def draw_limb(limb: Body2D, width: float, reach: float, color: str, canvas: Canvas) -> None:
    """Draw a limb from its upper joint to `reach` metres below its middle."""
    dx, dy, up = -math.sin(limb.angle), math.cos(limb.angle), 0.5 * LEG_LENGTH
    ends = [(limb.x - reach * dx, limb.y - reach * dy), (limb.x + up * dx, limb.y + up * dy)]
    canvas.line(ends, color, width=width)


LABELS = (
    *("tilt", "spin", "velocity x", "velocity y"),
    *(f"{leg} {what}" for leg in ("near", "far") for what in ("hip", "hip speed", "knee", "knee speed", "foot")),
    *(f"ray {k}" for k in range(RAYS)),
)


def find_ground(s: State, p: Params) -> list[tuple[float, float]]:
    return [(s.ground[k].bx, s.ground[k].by) for k in range(1, s.laid)]


def put_ground(s: State, p: Params, k: int, x: float, y: float) -> None:
    """Raise or lower where two edges meet; along x it stays."""
    s.ground[k + 1].by = s.ground[k + 2].ay = y


def heights(p: Params) -> tuple[float, float, float, float]:
    return START, -2 * DEPTH, p.length + 20.0 - START, 4 * DEPTH


@jit
def finish(s: State, p: Params) -> str:
    """Begin on ground that a person has drawn."""
    for k in range(1, s.laid):
        edge = s.ground[k]
        before = edge.ay
        for j in range(max(k - 2, 0), k):  # above the pit, at its far wall
            before = max(before, s.ground[j].ay)
        if edge.by - before > (1.5 if edge.bx - edge.ax < 0.01 else 1.7 * (edge.bx - edge.ax)):
            return f"at {int(edge.ax)} m the ground is too steep to be climbed"
    s.below, s.value = 0, worth(s)
    return ""


ENV = Env(
    params=Params,
    state=State,
    observation=Box(-np.inf, np.inf, (14 + RAYS,), labels=LABELS),
    action=Box(-1.0, 1.0, (4,), labels=("near hip", "near knee", "far hip", "far knee")),
    reset=reset,
    observe=observe,
    draw=draw,
    engine="pymunk",
    build=build,
    act=act,
    judge=judge,
    time_step=TIME_STEP,
    substeps=2,
    bots={"stride": stride},
    bot_memory=Gait,
    keys={
        "q": (0, 1.0),
        "a": (0, -1.0),
        "w": (1, 1.0),
        "s": (1, -1.0),
        "o": (2, 1.0),
        "l": (2, -1.0),
        "i": (3, 1.0),
        "k": (3, -1.0),
    },
    idle=(0.0, 0.0, 0.0, 0.0),
    editor=Editor(things=(Things("ground", find_ground, put_ground, heights),), finish=finish),
    counters=("crossed",),
    success="crossed",
    ending=ending,
    endings=("crossed", "fell down", "dropped into a pit", "time is up"),
    solved=6.0,
    version=2,
)
