"""Racer: drive laps on a road that is new in every level, with tyres that slip.

Up to four race.  The road is all there is to see: rays from the car to its edges, which miss the far side of a bend.  Grass slows down.

Actions       Box(-1, 1, (2,)): steering to the left; gas, or the brake where it is negative, backwards when slow.
Observation   float32 (12 + RAYS + 5 (cars - 1),): speed ahead and to the left, spin, steering, place across the road,
              sine and cosine of the angle to it, next bends, grip used; rays; then of every other car: presence,
              place and velocity as seen from the car.
Reward        reward_progress a metre along the road; reward_lap for a lap; -1 for being lost.
Signals       cost: 1 for a step with the car's middle off the road.
Termination   a car that has done `laps`, or is lost: three times as far from the middle as the edge is.
              Truncation: max_steps.
Parameters    cars, laps, size, twist, width, power, grip, grass, reward_progress, reward_lap, max_steps.
Source        own; the task of CarRacing (Oleg Klimov 2016, Gymnasium), seen as Super Sprint (Atari Games, 1986).
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
    Env,
    Header,
    Memory,
    body2d,
    f64,
    i32,
    jit,
    labels_of,
    param,
    push_at,
    ray_segment,
    streak,
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
from puffer_arena.core.roads import SECTIONS, heading, lay_road

TIME_STEP = 1 / 30
LONG, BROAD, AXLE = 3.0, 1.5, 1.0  # of a car; from its middle to an axle, m
GRAVITY = 9.81  # m/s²
BRAKE, STEER, STEER_RATE = 12.0, 0.55, 4.0  # m/s², greatest angle in rad, rad/s
RAYS, RAY_LENGTH, BEHIND, AHEAD = 7, 40.0, 2, 12  # the last two: sections that rays meet
BENDS = (2, 5, 9)  # sections ahead whose bends are seen
SEEN = (
    *("speed ahead", "speed left", "spin", "steering", "across", "sine to road", "cosine to road"),
    *(f"bend {k}" for k in range(len(BENDS))),
    *("grip used", "road width"),
    *(f"ray {k}" for k in range(RAYS)),
)
TRAIL = 48  # places that skid marks keep


@dataclass(frozen=True)
class Params:
    cars: int = param(2, 1, 4, "on the road")
    laps: int = param(2, 1, 20, "to drive")
    size: float = param(24.0, 16.0, 60.0, "half the height of the course, m", at_reset=True)
    twist: float = param(0.35, 0.0, 0.6, "how much the course winds", at_reset=True)
    width: float = param(8.0, 5.0, 14.0, "of the road, m", at_reset=True)
    power: float = param(9.0, 4.0, 20.0, "of the engine, m/s²")
    grip: float = param(1.2, 0.3, 2.5, "of the tyres on the road, in g")
    grass: float = param(1.0, 0.0, 4.0, "share of the velocity that grass takes each second")
    reward_progress: float = param(0.02, 0.0, 1.0, "for a metre along the road")
    reward_lap: float = param(1.0, 0.0, 10.0, "for a lap")
    max_steps: int = param(1500, 60, 100_000, "steps before the episode is truncated")

    @property
    def seen(self) -> int:
        return len(self.fields)

    @property
    def fields(self) -> tuple[str, ...]:
        return SEEN + labels_of("car", self.cars - 1, SEEN_OF_OTHERS)


class State(Header):
    cars: Array = body2d("cars")
    road: Array = f64(SECTIONS, 2)  # middle of each section's beginning
    left: Array = f64(SECTIONS, 2)  # its edges
    right: Array = f64(SECTIONS, 2)
    mile: Array = f64(SECTIONS)  # metres from the start
    bend: Array = f64(SECTIONS)  # 1/m, to the left
    length: float = f64()  # of a lap, m
    at: Array = i32("cars", below=SECTIONS)  # the section that a car is on
    place: Array = f64("cars")  # metres from the start, along the road
    across: Array = f64("cars")  # from its middle to the left, m
    driven: Array = f64("cars")  # metres
    lap: Array = i32("cars")  # laps done
    steer: Array = f64("cars")  # angle of the front wheels, rad
    used: Array = f64("cars")  # part of the grip that is used; above 1 tyres slip
    marks: Array = f64("cars", TRAIL, 3)  # x, y, and whether tyres slipped
    home: int = i32()  # cars that have done all laps
    finished: int = i32()  # 1 when all have
    cost: Array  # a signal: the kernels keep it


def build(world: Any, p: Params) -> dict[str, Any]:
    import pymunk

    bodies = [pymunk.Body(1.0, (LONG**2 + BROAD**2) / 12) for _ in range(p.cars)]
    boxes = [pymunk.Poly.create_box(body, (LONG, BROAD), 0.1) for body in bodies]
    for box in boxes:
        box.elasticity, box.friction = 0.5, 0.3
    world.add(*bodies, *boxes)
    return {"cars": bodies}


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


@jit
def driver(s: State, p: Params, agent: int, memory: Memory, action: Array) -> None:
    """Aim at the middle of the road some way ahead, no faster than the bends until there allow."""
    car = s.cars[agent]
    speed = math.sqrt(car.vx * car.vx + car.vy * car.vy)
    allowed = allowed_speed(s, agent, 0.7 * GRAVITY * p.grip, 0.7 * BRAKE)
    angle = turn_ahead(s, agent, car.angle, speed)
    action[0] = min(1.0, max(-1.0, 2.5 * angle - 0.1 * car.spin))
    action[1] = min(1.0, max(-1.0, 0.6 * (allowed - speed)))


def draw(s: State, p: Params, canvas: Canvas) -> None:
    draw_course(s, p, canvas, mown=True)
    for k in range(len(s.cars)):
        for j in range(1, TRAIL):  # the oldest mark follows the newest one's place
            x0, y0, _ = s.marks[k, (s.step_count + j) % TRAIL]
            x1, y1, slipped = s.marks[k, (s.step_count + j + 1) % TRAIL]
            if slipped and abs(x1 - x0) + abs(y1 - y0) < 3.0:
                canvas.line([(x0, y0), (x1, y1)], "shadow", width=0.9, alpha=0.3)
    for k in range(len(s.cars)):
        if s.alive[k]:
            draw_car(s, k, canvas)
    tell_laps(s, p, s.step_count * TIME_STEP, canvas)


def draw_car(s: State, k: int, canvas: Canvas) -> None:
    car: Body2D = s.cars[k]
    cosine, sine = math.cos(car.angle), math.sin(car.angle)

    def at(x: float, y: float) -> tuple[float, float]:
        return car.x + cosine * x - sine * y, car.y + sine * x + cosine * y

    def block(x0: float, x1: float, half: float, color: str, alpha: float = 1.0) -> None:
        canvas.polygon([at(x0, -half), at(x1, -0.8 * half), at(x1, 0.8 * half), at(x0, half)], color, alpha=alpha)

    canvas.circle(car.x, car.y, 3.2, COLORS[k], alpha=0.15)  # cars are small where the whole course is seen
    canvas.ring(car.x, car.y, 3.2, COLORS[k], width=0.45, alpha=0.6)
    streak(canvas, *at(-1.4, 0.0), car.vx, car.vy, 1.0, COLORS[k], seconds=0.16)
    canvas.line([(x + 0.25, y - 0.3) for x, y in (at(-1.2, 0), at(1.2, 0))], "shadow", width=1.5, alpha=0.5)
    for x, y in ((AXLE, 0.72), (AXLE, -0.72), (-AXLE, 0.72), (-AXLE, -0.72)):
        turn = car.angle + (s.steer[k] if x > 0 else 0.0)
        (cx, cy), dx, dy = at(x, y), 0.36 * math.cos(turn), 0.36 * math.sin(turn)
        canvas.line([(cx - dx, cy - dy), (cx + dx, cy + dy)], "shadow", width=0.36)
    block(-1.5, 1.5, 0.75, COLORS[k])
    block(-1.5, 1.5, 0.28, "white", 0.5)
    block(-0.75, 0.35, 0.6, "ink", 0.8)
    block(0.1, 0.35, 0.52, "sky", 0.7)
    canvas.line([at(-1.45, -0.75), at(-1.45, 0.75)], COLORS[k], width=0.3)
    canvas.agent(k, car.x, car.y, 1.5)


ENV = Env(
    params=Params,
    state=State,
    observation=Box(-np.inf, np.inf, ("seen",), named_by="fields"),
    action=Box(-1.0, 1.0, (2,), labels=("steer left", "gas")),
    reset=reset,
    observe=observe,
    draw=draw,
    agents={"car": "cars"},
    signals=("cost",),
    cost_limit=25.0,
    engine="pymunk",
    build=build,
    act=act,
    judge=judge,
    time_step=TIME_STEP,
    substeps=2,
    bots={"driver": driver},
    keys={"left": (0, 1.0), "right": (0, -1.0), "up": (1, 1.0), "down": (1, -1.0)},
    idle=(0.0, 0.0),
    counters=("home", "finished"),
    success="finished",
    ending=ending,
    endings=("all are home", "lost the road; home: {}", "time is up; home: {}"),
    solved=6.0,
    version=1,
)
