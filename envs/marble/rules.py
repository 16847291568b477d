"""What a step of marble does."""

import math

from puffer_arena.core import Array, jit, uniform
from puffer_arena.envs.marble.state import AHEAD, DT, GRAVITY, MASS, RADIUS, SEEN, THICK, Params, State

TILT_RATE = 1.2  # rad/s
DEPTH = 2.5  # metres below its plate at which the marble has fallen
PEERED = 20.0  # metres ahead at which a number saturates
REACHED, FELL, TIME_UP = range(3)  # endings


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
