"""What a step of lander does, and the ground that an episode has."""

import math
from typing import Any

from puffer_arena.core import Array, jit, push_at, ray_segment, uniform
from puffer_arena.envs.lander.state import (
    AWAY,
    BESIDE,
    EDGE,
    EDGES,
    HEIGHT,
    HULL,
    LANDED,
    LEG,
    LEG_RADIUS,
    MAIN,
    MASS,
    RAY_LENGTH,
    RAYS,
    REST_STEPS,
    SIDE_ARM,
    SIDE_THRUST,
    TILT_LEFT,
    TILT_RIGHT,
    TIME_STEP,
    TIME_UP,
    TOO_FAST,
    TOPPLED,
    WIDTH,
    Params,
    State,
)


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
