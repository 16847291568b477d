"""What a step of racer does."""

import math

from puffer_arena.core import Array, jit, push_at, ray_segment
from puffer_arena.core.races import begin_laps, count_laps, is_off_road, see_others, take_start
from puffer_arena.core.roads import SECTIONS, heading, lay_road
from puffer_arena.envs.racer.state import (
    AHEAD,
    AXLE,
    BEHIND,
    BENDS,
    BRAKE,
    GRAVITY,
    RAY_LENGTH,
    RAYS,
    STEER,
    STEER_RATE,
    TIME_STEP,
    TRAIL,
    Params,
    State,
)


@jit
def put_away(s: State, k: int) -> None:
    """Put a car out of everybody's way."""
    s.cars[k].x, s.cars[k].y, s.cars[k].vx, s.cars[k].vy, s.cars[k].spin = 1000.0 + 10.0 * k, 0.0, 0.0, 0.0, 0.0


@jit
def reset(s: State, p: Params) -> None:
    lay_road(s, p)
    s.home = s.finished = 0
    for k in range(len(s.cars)):
        s.alive[k] = 1 if k < p.cars else 0
        s.cars[k].x, s.cars[k].y = take_start(s, p, k)
        s.cars[k].angle = heading(s, s.at[k])
        s.steer[k], s.used[k], s.marks[k] = 0.0, 0.0, 0.0
        begin_laps(s, k)
        if not s.alive[k]:
            put_away(s, k)


@jit
def act(s: State, p: Params, actions: Array) -> None:
    for k in range(len(s.cars)):
        if s.alive[k]:
            drive(s, p, k, actions[k, 0], actions[k, 1])


@jit
def drive(s: State, p: Params, k: int, steering: float, gas: float) -> None:
    """Push a car by its tyres: each axle resists to slide sideways, as far as the grip goes that the engine leaves."""
    car, turn = s.cars[k], STEER_RATE * TIME_STEP
    s.steer[k] += min(max(STEER * steering - s.steer[k], -turn), turn)
    ux, uy = math.cos(car.angle), math.sin(car.angle)
    ahead, left = car.vx * ux + car.vy * uy, car.vy * ux - car.vx * uy
    is_off = is_off_road(s, p, k)
    most = 0.5 * GRAVITY * p.grip * (0.6 if is_off else 1.0)  # of an axle
    push = gas * (p.power if gas > 0.0 else BRAKE if ahead > 0.5 else 0.3 * p.power)
    if ahead < -4.0:
        push = max(push, 0.0)
    push = min(max(push, -2.0 * most), 2.0 * most)
    s.used[k] = 0.0
    for axle in range(2):
        angle, reach = (s.steer[k], AXLE) if axle == 0 else (0.0, -AXLE)
        wx, wy = math.cos(car.angle + angle), math.sin(car.angle + angle)
        slide = (left + car.spin * reach) * math.cos(angle) - ahead * math.sin(angle)
        along = (
            0.5 * push if push < 0.0 else push if axle == 1 else 0.0
        )  # brakes on both axles, the engine on the rear one
        along = min(max(along, -most), most)
        wanted, room = 0.2 * slide / TIME_STEP, math.sqrt(most * most - 0.7 * along * along)
        s.used[k] = max(s.used[k], abs(wanted) / room)
        side = min(max(-wanted, -room), room)
        push_at(car, along * wx - side * wy, along * wy + side * wx, car.x + reach * ux, car.y + reach * uy)
    drag = 0.02 + (p.grass if is_off else 0.0) + 0.006 * abs(ahead)
    car.fx -= drag * car.vx
    car.fy -= drag * car.vy


@jit
def judge(s: State, p: Params, rewards: Array, terminated: Array) -> bool:
    for k in range(len(s.cars)):
        rewards[k] = 0.0
        if s.alive[k]:
            count_laps(s, p, k, rewards)
            is_lost = abs(s.across[k]) > 1.5 * p.width
            rewards[k] -= is_lost
            terminated[k] = is_lost or s.lap[k] >= p.laps
            mark = s.step_count % TRAIL
            s.marks[k, mark, 0], s.marks[k, mark, 1] = s.cars[k].x, s.cars[k].y
            s.marks[k, mark, 2] = s.used[k] > 1.0
            if terminated[k]:
                put_away(s, k)
    s.finished = 1 if s.home >= p.cars else 0
    return s.step_count >= p.max_steps


@jit
def free_way(s: State, k: int, angle: float) -> float:
    """Return the part of a ray in front of car `k` that is free of the road's edges."""
    x, y, free = s.cars[k].x, s.cars[k].y, 1.0
    end_x, end_y = x + RAY_LENGTH * math.cos(angle), y + RAY_LENGTH * math.sin(angle)
    for j in range(-BEHIND, AHEAD):
        a, b = (s.at[k] + j) % SECTIONS, (s.at[k] + j + 1) % SECTIONS
        free = min(free, ray_segment(x, y, end_x, end_y, s.left[a, 0], s.left[a, 1], s.left[b, 0], s.left[b, 1], 0.0))
        free = min(
            free, ray_segment(x, y, end_x, end_y, s.right[a, 0], s.right[a, 1], s.right[b, 0], s.right[b, 1], 0.0)
        )
    return free


@jit
def observe(s: State, p: Params, agent: int, obs: Array) -> None:
    car = s.cars[agent]
    ux, uy = math.cos(car.angle), math.sin(car.angle)
    angle = car.angle - heading(s, s.at[agent])
    obs[0], obs[1] = 0.05 * (car.vx * ux + car.vy * uy), 0.2 * (car.vy * ux - car.vx * uy)
    obs[2], obs[3], obs[4] = 0.5 * car.spin, 2.0 * s.steer[agent], 2.0 * s.across[agent] / p.width
    obs[5], obs[6] = math.sin(angle), math.cos(angle)
    for j in range(3):
        obs[7 + j] = 10.0 * s.bend[(s.at[agent] + BENDS[j]) % SECTIONS]
    obs[10], obs[11] = min(2.0, s.used[agent]), 0.1 * p.width
    for ray in range(RAYS):
        obs[12 + ray] = free_way(s, agent, car.angle + 0.28 * (ray - RAYS // 2))
    see_others(s, agent, car.angle, obs, 12 + RAYS)
