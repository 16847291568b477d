"""What a step of walker does."""

import math
from typing import Any

from puffer_arena.core import Array, Segment2D, jit, normal, ray_segment
from puffer_arena.envs.walker.scene import lay_course
from puffer_arena.envs.walker.state import (
    CROSSED,
    DROPPED,
    EDGES,
    FELL,
    HIP_SPEED,
    KNEE_SPEED,
    RAY_LENGTH,
    RAYS,
    TIME_UP,
    Params,
    State,
)


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
