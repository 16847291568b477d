"""Races of cars on a road of `core.roads`: the start, laps, what is seen of others, a driver's aim, and the course's picture."""

import math
from typing import Protocol

from puffer_arena.core.canvas import Canvas
from puffer_arena.core.fields import Array
from puffer_arena.core.roads import SECTIONS, Course, OnRoad, draw_road, draw_trees, extent, find_place
from puffer_arena.machine.compile import jit

COLORS = ("rose", "sky", "lime", "amber")
SEEN_OF_OTHERS = ("there", "ahead", "left", "speed ahead", "speed left")
HOME, OUT, TIME_UP = range(3)  # endings


class Race(OnRoad, Protocol):
    """What a row has whose cars race."""

    alive: Array  # (cars,)
    driven: Array  # (cars,): metres
    lap: Array  # (cars,): laps done
    home: int  # cars that have done all laps
    finished: int  # 1 when all have
    cost: Array  # (cars,): a signal
    step_count: int


class RaceParams(Course, Protocol):
    """The parameters of a race."""

    @property
    def cars(self) -> int: ...
    @property
    def laps(self) -> int: ...  # to drive
    @property
    def reward_progress(self) -> float: ...  # for a metre along the road
    @property
    def reward_lap(self) -> float: ...  # for a lap
    @property
    def max_steps(self) -> int: ...


@jit
def take_start(s: Race, p: RaceParams, k: int) -> tuple[float, float]:
    """Note the section on which car `k` starts, two beside each other, and return its place there: x and y, m."""
    s.at[k] = at = 2 - k // 2
    side = (0.5 + (0.22 if k % 2 == 0 else -0.22)) if p.cars > 1 else 0.5
    x = side * s.left[at, 0] + (1.0 - side) * s.right[at, 0]
    y = side * s.left[at, 1] + (1.0 - side) * s.right[at, 1]
    return x, y


@jit
def begin_laps(s: Race, k: int) -> None:
    """Begin to count the laps of car `k` where it stands."""
    s.driven[k], s.lap[k] = 0.0, 0
    s.place[k] = s.mile[s.at[k]]
    find_place(s, k)


@jit
def is_off_road(s: OnRoad, p: Course, k: int) -> bool:
    """Tell whether car `k` has its middle off the road."""
    return bool(abs(s.across[k]) > 0.5 * p.width)


@jit
def count_laps(s: Race, p: RaceParams, k: int, rewards: Array) -> None:
    """Follow car `k` along the road, reward metres and laps, and note the cost of being off the road."""
    before = s.place[k]
    find_place(s, k)
    moved = s.place[k] - before
    moved -= s.length * round(moved / s.length)
    s.driven[k] += moved
    rewards[k] = p.reward_progress * moved
    if s.driven[k] >= (s.lap[k] + 1) * s.length:
        s.lap[k] += 1
        rewards[k] += p.reward_lap
    s.cost[k] += is_off_road(s, p, k)
    s.home += s.lap[k] >= p.laps


@jit
def ending(s: Race, p: RaceParams) -> int:
    """Tell whether all came home, or how many."""
    code = HOME if s.finished else TIME_UP if s.step_count >= p.max_steps else OUT
    return code + 3 * s.home


@jit
def see_others(s: Race, agent: int, way: float, obs: Array, at: int) -> None:
    """Fill `obs` from `at` on with every other car, as seen from car `agent` that points to `way`, rad."""
    car, ux, uy = s.cars[agent], math.cos(way), math.sin(way)
    for j in range(1, len(s.cars)):
        k = (agent + j) % len(s.cars)
        dx, dy = s.cars[k].x - car.x, s.cars[k].y - car.y
        dvx, dvy = s.cars[k].vx - car.vx, s.cars[k].vy - car.vy
        obs[at : at + 5] = 0.0
        if s.alive[k]:
            obs[at], obs[at + 1], obs[at + 2] = 1.0, 0.05 * (dx * ux + dy * uy), 0.05 * (dy * ux - dx * uy)
            obs[at + 3], obs[at + 4] = 0.1 * (dvx * ux + dvy * uy), 0.1 * (dvy * ux - dvx * uy)
        at += 5


@jit
def allowed_speed(s: OnRoad, k: int, aside: float, brake: float) -> float:
    """Return how fast car `k` may be for the bends ahead, m/s, by its greatest accelerations, m/s²."""
    allowed, at = 60.0, s.at[k]
    for j in range(12):
        bend = abs(s.bend[(at + j) % SECTIONS]) + 1e-3
        way = (s.mile[(at + j) % SECTIONS] - s.place[k]) % s.length if j > 0 else 0.0
        allowed = min(allowed, math.sqrt(aside / bend + brake * way))
    return allowed


@jit
def turn_ahead(s: OnRoad, k: int, way: float, speed: float) -> float:
    """Return how far car `k`, which points to `way`, has to turn left to the road's middle some way ahead, rad."""
    aim = s.at[k]
    for _ in range(8):
        aim = (aim + 1) % SECTIONS
        if (s.mile[aim] - s.place[k]) % s.length > 4.0 + 0.4 * speed:
            break
    angle = math.atan2(s.road[aim, 1] - s.cars[k].y, s.road[aim, 0] - s.cars[k].x) - way
    return angle - 2.0 * math.pi * round(angle / (2.0 * math.pi))


def draw_course(s: Race, p: RaceParams, canvas: Canvas, *, mown: bool = False) -> None:
    """Draw the whole course from above, on a meadow that may be `mown` in stripes."""
    left, bottom, right, top = extent(s, 3.0)
    canvas.view(right - left, top - bottom, left=left, low=bottom, up=True, bleed=True)
    canvas.rect(left - 200, bottom - 200, 600, 600, "leaf")
    canvas.rect(left - 200, bottom - 200, 600, 600, "background", alpha=0.55)
    for k in range(-8, 24, 2) if mown else ():
        canvas.rect(left + 6.0 * k, bottom - 100, 6.0, 300, "lime", alpha=0.04)
    draw_trees(s, p, left, bottom, right, top, canvas)
    draw_road(s, p, canvas)


def tell_laps(s: Race, p: RaceParams, seconds: float, canvas: Canvas) -> None:
    """Say who is in which lap, and how many seconds the race has taken."""
    told = [f"{COLORS[k]} lap {min(s.lap[k] + 1, p.laps)}" for k in range(len(s.cars)) if s.alive[k]]
    canvas.status(f"{', '.join(told)} of {p.laps}, {seconds:.1f} s" if told else "all have finished")
