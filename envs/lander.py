"""Lander: set a spacecraft down gently, upright, on the pad between the flags.

The ground differs from level to level; wind pushes in gusts.  A foot that hits too hard breaks.

Actions       Discrete(4): COAST, TILT_LEFT, MAIN, TILT_RIGHT; the side jets push and turn, the main engine lifts.
Observation   float32 (18,): pad minus craft along x and y, velocity along x and y, sine and cosine of the angle, spin,
              contact of the left and right foot, fuel left; then 8 rays in a fan below, each the part of
              RAY_LENGTH that is free.
Reward        the gain in closeness, slowness, uprightness and feet on the ground, less fuel burnt; +10 for coming to
              rest on the pad, -10 for a crash.
Termination   at rest on both feet; the hull touches ground, a foot hits harder than `sturdiness`, or the craft leaves
              the sky.  Truncation: max_steps.
Parameters    gravity, thrust, wind, slope, roughness, fuel, pad, speed, sturdiness, max_steps.
Source        own; the task of LunarLander, Oleg Klimov 2016, Gymnasium.
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
    Discrete,
    Editor,
    Env,
    Header,
    Memory,
    Things,
    Touch2D,
    bands,
    body2d,
    f64,
    i32,
    jit,
    param,
    push_at,
    ray_segment,
    segment2d,
    touch2d,
    uniform,
)

COAST, TILT_LEFT, MAIN, TILT_RIGHT = range(4)
WIDTH, HEIGHT = 40.0, 26.0  # metres of sky
BEYOND = 40.0  # metres that are drawn on either side
EDGES = 16  # of the ground, from left to right
EDGE = WIDTH / EDGES
MASS = 10.0  # kg
HULL = ((-0.8, -0.7), (0.8, -0.7), (1.0, 0.1), (0.5, 0.8), (-0.5, 0.8), (-1.0, 0.1))  # metres around the centre of mass
LEG = ((0.7, -0.6), (1.3, -1.5))  # the right one
LEG_RADIUS = 0.1
SIDE_ARM = 0.9  # metres above the centre of mass where side jets push
SIDE_THRUST = 0.6  # m/s²
RAYS = 8
RAY_LENGTH = 20.0
REST_STEPS = 10  # on both feet and slow for so long is landed
TIME_STEP = 1 / 30


@dataclass(frozen=True)
class Params:
    gravity: float = param(5.0, 1.0, 10.0, "m/s²", at_reset=True)
    thrust: float = param(12.0, 11.0, 25.0, "acceleration by the main engine, m/s²")
    wind: float = param(0.5, 0.0, 3.0, "greatest acceleration by gusts, m/s²")
    slope: float = param(0.1, 0.0, 0.5, "steepest mean incline of the ground", at_reset=True)
    roughness: float = param(1.0, 0.0, 3.0, "height of bumps in the ground, m", at_reset=True)
    fuel: float = param(20.0, 4.0, 100.0, "seconds that the main engine can burn", at_reset=True)
    pad: int = param(2, 1, 4, "edges of the ground that are level", at_reset=True)
    speed: float = param(3.0, 0.0, 8.0, "greatest speed at the start, m/s", at_reset=True)
    sturdiness: float = param(4.0, 1.0, 10.0, "speed of a fall that a foot survives, m/s")
    max_steps: int = param(600, 30, 10_000, "steps before the episode is truncated")


LANDED, BESIDE, AWAY, TOO_FAST, TOPPLED, TIME_UP = range(6)  # endings


class State(Header):
    craft: Body2D = body2d()
    hull: Touch2D = touch2d()
    feet: Array = touch2d(2)  # left, right
    ground: Array = segment2d(EDGES)
    pad_x: float = f64()  # its middle
    pad_y: float = f64()
    fuel: float = f64()  # 1 is full
    gust: float = f64()  # where in the wind's song the episode began
    value: float = f64()  # of the last situation; see `worth`
    main: float = f64()  # engines in use, for the picture
    side: float = f64()
    rested: int = i32()  # steps in a row at rest
    landed: int = i32()


def build(world: Any, p: Params) -> dict[str, Any]:
    import pymunk

    world.gravity = 0, -p.gravity
    ground = [pymunk.Segment(world.static_body, (k * EDGE, 0), (k * EDGE + EDGE, 0), 0) for k in range(EDGES)]
    craft = pymunk.Body(MASS, pymunk.moment_for_poly(MASS, HULL))
    hull = pymunk.Poly(craft, HULL)
    (hip_x, hip_y), (foot_x, foot_y) = LEG
    legs = [pymunk.Segment(craft, (way * hip_x, hip_y), (way * foot_x, foot_y), LEG_RADIUS) for way in (-1, 1)]
    for shape in (*ground, hull, *legs):
        shape.friction = 0.9
    world.add(*ground, craft, hull, *legs)
    return {"craft": craft, "hull": hull, "feet": legs, "ground": ground}


@jit
def lay_ground(s: State, p: Params) -> None:
    """Draw a line of hills, level where the pad is."""
    first = int(uniform(s, 2.0, EDGES - 2.0 - p.pad))
    incline = uniform(s, -p.slope, p.slope)
    height = 0.0
    for k in range(EDGES):
        s.ground[k].ax, s.ground[k].ay = k * EDGE - WIDTH / 2, height
        level = first <= k < first + p.pad
        if not level:
            bump = uniform(s, -p.roughness, p.roughness)
            height = 0.6 * height + bump + incline * (k - first) * EDGE * 0.4
        s.ground[k].bx, s.ground[k].by = s.ground[k].ax + EDGE, height
        if level:
            s.pad_x, s.pad_y = -WIDTH / 2 + (first + 0.5 * p.pad) * EDGE, height


@jit
def reset(s: State, p: Params) -> None:
    lay_ground(s, p)
    s.craft.x, s.craft.y = uniform(s, -0.35, 0.35) * WIDTH, 0.75 * HEIGHT
    s.craft.vx, s.craft.vy = uniform(s, -p.speed, p.speed), uniform(s, -p.speed, 0.0)
    s.craft.angle, s.craft.spin = uniform(s, -0.2, 0.2), uniform(s, -0.2, 0.2)
    s.fuel, s.main, s.side = 1.0, 0.0, 0.0
    s.gust = uniform(s, 0.0, 1000.0)
    s.rested = s.landed = 0
    s.value = worth(s)


@jit
def burn(s: State, p: Params, main: float, side: float) -> None:
    """Fire the engines: `main` in [0, 1], `side` in [-1, 1] with the left tilt positive; and let the wind blow."""
    if s.fuel <= 0.0:
        main, side = 0.0, 0.0
    s.main, s.side = main, side
    s.fuel = max(0.0, s.fuel - (main + 0.1 * abs(side)) * TIME_STEP / p.fuel)
    ux, uy = -math.sin(s.craft.angle), math.cos(s.craft.angle)  # up, as the craft sees it
    s.craft.fx += MASS * p.thrust * main * ux
    s.craft.fy += MASS * p.thrust * main * uy
    push = MASS * SIDE_THRUST * side
    push_at(s.craft, -push * uy, push * ux, s.craft.x + SIDE_ARM * ux, s.craft.y + SIDE_ARM * uy)
    if s.feet[0].touching + s.feet[1].touching == 0:
        t = s.gust + s.step_count * TIME_STEP
        s.craft.fx += MASS * p.wind * 0.5 * (math.sin(0.7 * t) + math.sin(2.2 * t))


@jit
def act(s: State, p: Params, action: int) -> None:
    burn(s, p, 1.0 if action == MAIN else 0.0, 1.0 if action == TILT_LEFT else -1.0 if action == TILT_RIGHT else 0.0)


@jit
def worth(s: State) -> float:
    """Value a situation: near the pad, slow, upright, feet on the ground."""
    dx, dy = s.craft.x - s.pad_x, s.craft.y - s.pad_y - 1.6
    distance = math.sqrt(dx * dx + dy * dy)
    speed = math.sqrt(s.craft.vx * s.craft.vx + s.craft.vy * s.craft.vy)
    feet: int = s.feet[0].touching + s.feet[1].touching
    return -0.5 * distance - 0.5 * speed - 4.0 * abs(s.craft.angle) + feet


@jit
def judge(s: State, p: Params) -> tuple[float, bool, bool]:
    value = worth(s)
    reward = value - s.value - 0.02 * s.main
    s.value = value
    blow = max(s.feet[0].impulse, s.feet[1].impulse)
    gone = abs(s.craft.x) > WIDTH / 2 or s.craft.y > HEIGHT or s.craft.y < -HEIGHT
    if s.hull.touching or gone or blow > MASS * p.sturdiness:
        return -10.0, True, False

    slow = abs(s.craft.vx) + abs(s.craft.vy) < 0.3 and abs(s.craft.spin) < 0.2
    s.rested = s.rested + 1 if slow and s.feet[0].touching and s.feet[1].touching else 0
    if s.rested >= REST_STEPS:
        on_pad = abs(s.craft.x - s.pad_x) <= 0.5 * p.pad * EDGE
        s.landed = 1 if on_pad else 0
        return reward + (10.0 if on_pad else 0.0), True, False
    return reward, False, s.step_count >= p.max_steps


@jit
def ending(s: State, p: Params) -> int:
    if s.rested >= REST_STEPS:
        return LANDED if s.landed else BESIDE
    if abs(s.craft.x) > WIDTH / 2 or abs(s.craft.y) > HEIGHT:
        return AWAY
    if max(s.feet[0].impulse, s.feet[1].impulse) > MASS * p.sturdiness:
        return TOO_FAST
    return TOPPLED if s.hull.touching else TIME_UP


@jit
def free_way(s: State, ray: int) -> float:
    """Return the part of a ray of the fan that is free of ground."""
    angle = math.pi * (1.0 + (ray + 0.5) / RAYS)
    end_x, end_y = s.craft.x + RAY_LENGTH * math.cos(angle), s.craft.y + RAY_LENGTH * math.sin(angle)
    low, high = min(s.craft.x, end_x), max(s.craft.x, end_x)
    first = max(0, int((low + WIDTH / 2) / EDGE))
    last = min(EDGES - 1, int((high + WIDTH / 2) / EDGE))
    free = 1.0
    for k in range(first, last + 1):
        ax, ay, bx, by = s.ground[k].ax, s.ground[k].ay, s.ground[k].bx, s.ground[k].by
        free = min(free, ray_segment(s.craft.x, s.craft.y, end_x, end_y, ax, ay, bx, by, 0.0))
    return free


@jit
def observe(s: State, p: Params, obs: Array) -> None:
    obs[0] = (s.pad_x - s.craft.x) / 10.0
    obs[1] = (s.pad_y - s.craft.y) / 10.0
    obs[2] = s.craft.vx / 5.0
    obs[3] = s.craft.vy / 5.0
    obs[4] = math.sin(s.craft.angle)
    obs[5] = math.cos(s.craft.angle)
    obs[6] = s.craft.spin
    obs[7] = s.feet[0].touching
    obs[8] = s.feet[1].touching
    obs[9] = s.fuel
    for ray in range(RAYS):
        obs[10 + ray] = free_way(s, ray)


@jit
def wanted_turn(s: State) -> float:
    """Return how much the craft should turn left, negative for right: lean against drift and towards the pad."""
    dx = s.pad_x - s.craft.x
    lean = min(0.35, max(-0.35, 0.1 * s.craft.vx - 0.04 * dx))
    return 2.0 * (lean - s.craft.angle) - 2.0 * s.craft.spin


@jit
def wanted_lift(s: State) -> float:
    """Return by how much the craft falls too fast for its height and its distance from the pad, m/s."""
    height = s.craft.y - s.pad_y - 1.6
    hover = 0.5 * max(0.0, abs(s.pad_x - s.craft.x) - 2.0)
    return -s.craft.vy - (0.3 + 0.35 * max(0.0, height - hover))


@jit
def autopilot(s: State, p: Params, memory: Memory) -> int:
    """Keep a lean and a rate of descent that end on the pad."""
    if s.feet[0].touching and s.feet[1].touching:
        return COAST
    turn = wanted_turn(s)
    if wanted_lift(s) > 0.0 and abs(s.craft.angle) < 0.8 and not (abs(turn) > 0.3 and s.step_count % 2):
        return MAIN
    return TILT_LEFT if turn > 0.05 else TILT_RIGHT if turn < -0.05 else COAST


def draw(s: State, p: Params, canvas: Canvas) -> None:
    low = -6.0
    canvas.view(WIDTH, HEIGHT - low, left=-WIDTH / 2, low=low, up=True, bleed=True)
    draw_sky(canvas)
    first, last = s.ground[0], s.ground[EDGES - 1]
    draw_ground(first.ax - BEYOND, first.ay, first.ax, first.ay, canvas)
    for edge in s.ground:
        draw_ground(edge.ax, edge.ay, edge.bx, edge.by, canvas)
    draw_ground(last.bx, last.by, last.bx + BEYOND, last.by, canvas)
    for k in range(1, EDGES, 2):  # craters
        x, y = s.ground[k].ax, s.ground[k].ay - 2.2 - k % 3
        canvas.circle(x, y, 0.5 + 0.2 * (k % 4), "shadow", alpha=0.4)
    half = 0.5 * p.pad * EDGE
    canvas.line([(s.pad_x - half, s.pad_y), (s.pad_x + half, s.pad_y)], "amber", width=0.3)
    for x in (s.pad_x - half, s.pad_x + half):
        canvas.line([(x, s.pad_y), (x, s.pad_y + 2.2)], "muted", width=0.1)
        canvas.polygon([(x, s.pad_y + 2.2), (x + 1.1, s.pad_y + 1.85), (x, s.pad_y + 1.5)], "amber")
    draw_craft(s, canvas)
    canvas.rect(-WIDTH / 2 + 1, HEIGHT - 1.6, 8, 0.6, "line", radius=0.3)
    if s.fuel > 0.03:
        canvas.rect(-WIDTH / 2 + 1, HEIGHT - 1.6, 8 * s.fuel, 0.6, "teal" if s.fuel > 0.25 else "rose", radius=0.3)
    canvas.text(-WIDTH / 2 + 1.3, HEIGHT - 2.3, "fuel", "muted", size=0.8, anchor="left")
    canvas.agent(0, s.craft.x, s.craft.y, 1.5)
    canvas.status(describe(s, p))


def draw_ground(ax: float, ay: float, bx: float, by: float, canvas: Canvas) -> None:
    """Draw the moon under one edge, lighter where it is near the surface."""
    for below, color in ((0.0, "slate"), (1.4, "floor")):
        corners = [(ax, -BEYOND), (bx + 0.03, -BEYOND), (bx + 0.03, by - below), (ax, ay - below)]
        canvas.polygon(corners, color)
    canvas.line([(ax, ay - 0.1), (bx, by - 0.1)], "stone", width=0.2)


def draw_sky(canvas: Canvas) -> None:
    """Draw stars, a planet and hills far away, the same on every picture."""
    bands(canvas, -WIDTH / 2 - BEYOND, 0.0, WIDTH + 2 * BEYOND, HEIGHT, ("background", "night"))
    for k in range(120):
        x, y = (k * 7.31) % (2 * WIDTH) - WIDTH, 4 + (k * 5.17) % (HEIGHT + 6)
        canvas.circle(x, y, 0.05 + 0.04 * (k % 3), "white", alpha=0.25 + 0.15 * (k % 3))
    canvas.circle(0.3 * WIDTH, 0.72 * HEIGHT, 3.2, "violet", alpha=0.35)
    canvas.circle(0.3 * WIDTH - 0.8, 0.72 * HEIGHT + 0.6, 2.2, "white", alpha=0.08)
    for k in range(-4, 5):
        x, high = k * 9.0, 5.0 + 2.5 * (k * k % 3)
        canvas.polygon([(x - 11.0, -6.0), (x, high), (x + 11.0, -6.0)], "panel")


def describe(s: State, p: Params) -> str:
    if s.landed:
        return "landed"
    if not s.ended:
        height = max(0.0, s.craft.y - s.pad_y - 1.6)
        return f"{math.hypot(s.craft.vx, s.craft.vy):.1f} m/s, {height:.1f} m above the pad"
    if s.hull.touching:
        return "crashed: the hull touched the ground"
    if max(s.feet[0].impulse, s.feet[1].impulse) > MASS * p.sturdiness:
        return "crashed: came down too fast"
    return (
        "landed beside the pad"
        if s.rested >= REST_STEPS
        else "flew away"
        if s.step_count < p.max_steps
        else "out of time"
    )


def draw_craft(s: State, canvas: Canvas) -> None:
    cosine, sine = math.cos(s.craft.angle), math.sin(s.craft.angle)

    def at(x: float, y: float) -> tuple[float, float]:
        return s.craft.x + cosine * x - sine * y, s.craft.y + sine * x + cosine * y

    if s.main > 0:
        canvas.polygon([at(-0.45, -0.7), at(0.45, -0.7), at(0.0, -0.9 - 2.0 * s.main)], "orange", alpha=0.8)
        canvas.polygon([at(-0.22, -0.7), at(0.22, -0.7), at(0.0, -0.8 - 1.1 * s.main)], "amber")
    if s.side:
        way = math.copysign(1.0, s.side)
        canvas.polygon(
            [at(way * 0.6, 0.75), at(way * 0.7, 0.35), at(way * (0.8 + 0.9 * abs(s.side)), 0.5)], "orange", alpha=0.8
        )
    for side in (-1, 1):
        (hip_x, hip_y), (foot_x, foot_y) = LEG
        canvas.line([at(side * hip_x, hip_y), at(side * foot_x, foot_y)], "muted", width=0.18)
        down = s.feet[0 if side < 0 else 1].touching
        canvas.line(
            [at(side * (foot_x - 0.25), foot_y), at(side * (foot_x + 0.2), foot_y)],
            "lime" if down else "muted",
            width=0.2,
        )
    canvas.polygon([at(x, y) for x, y in HULL], "white")
    canvas.polygon([at(x, y) for x, y in HULL[:3] + HULL[5:]], "violet")
    canvas.circle(*at(0.0, 0.25), 0.32, "shadow")
    canvas.circle(*at(0.0, 0.25), 0.24, "sky")


LABELS = (
    *("pad x", "pad y", "velocity x", "velocity y", "sine", "cosine", "spin", "left foot", "right foot", "fuel"),
    *(f"ray {k}" for k in range(RAYS)),
)


def find_craft(s: State, p: Params) -> list[tuple[float, float]]:
    return [(s.craft.x, s.craft.y)]


def put_craft(s: State, p: Params, k: int, x: float, y: float) -> None:
    s.craft.x, s.craft.y = x, y


def sky(p: Params) -> tuple[float, float, float, float]:
    return -WIDTH / 2 + 1.0, -8.0, WIDTH - 2.0, HEIGHT + 6.0


def find_hills(s: State, p: Params) -> list[tuple[float, float]]:
    return [(s.ground[k].bx, s.ground[k].by) for k in range(EDGES - 1)]


def put_hill(s: State, p: Params, k: int, x: float, y: float) -> None:
    """Raise or lower where two edges meet; along x it stays."""
    s.ground[k].by = s.ground[k + 1].ay = min(max(y, -8.0), 0.5 * HEIGHT)


@jit
def finish(s: State, p: Params) -> str:
    """Begin above ground that a person has drawn."""
    first = int((s.pad_x + WIDTH / 2) / EDGE - 0.5 * p.pad + 0.5)
    level = s.ground[first].ay
    for k in range(first, min(first + p.pad, EDGES)):
        s.ground[k].by = level
        if k + 1 < EDGES:
            s.ground[k + 1].ay = level
    s.pad_y = level
    for k in range(EDGES):
        if abs(s.ground[k].ax - s.craft.x) <= 2 * EDGE and s.craft.y < s.ground[k].ay + 3.0:
            return "the craft is not clear of the ground"
    s.value = worth(s)
    return ""


ENV = Env(
    params=Params,
    state=State,
    observation=Box(-np.inf, np.inf, (10 + RAYS,), labels=LABELS),
    action=Discrete(4, ("coast", "tilt left", "main", "tilt right")),
    reset=reset,
    observe=observe,
    draw=draw,
    engine="pymunk",
    build=build,
    act=act,
    judge=judge,
    time_step=TIME_STEP,
    substeps=2,
    bots={"autopilot": autopilot},
    keys={"up": MAIN, "left": TILT_LEFT, "right": TILT_RIGHT, "down": COAST, "space": MAIN},
    idle=COAST,
    editor=Editor(
        things=(Things("craft", find_craft, put_craft, sky), Things("hills", find_hills, put_hill, sky)),
        finish=finish,
    ),
    counters=("landed",),
    success="landed",
    ending=ending,
    endings=(
        *("landed", "landed beside the pad", "flew away"),
        *("crashed: too fast", "crashed: not on its feet", "time is up"),
    ),
    solved=15.0,
)
