"""What a step of kart does."""

import math

from puffer_arena.core import Array, jit, to_body_axes, to_world_axes
from puffer_arena.core.races import begin_laps, count_laps, is_off_road, see_others, take_start
from puffer_arena.core.roads import SECTIONS, heading, lay_road
from puffer_arena.envs.kart.state import BENDS, MASS, Params, State

STEER, STEER_STEP = 0.5, 0.08  # rad, greatest; in one step


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
