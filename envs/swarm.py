"""Swarm: forage together in a pool; food gives way only to several at once, and poison drifts about.

Everybody feels the water by rays all around: what is nearest in each direction, of every kind.

Actions       Box(-1, 1, (2,)): thrust along x and y, in parts of `thrust`.
Observation   float32 (68,): own velocity, food touched, mates beside oneself; then for each of 16 rays how near
              the wall or rock, food, poison and a mate are, 0 beyond `sight` and 1 at the skin.
Reward        reward_food to all who eat, reward_touch a step at food that is too much for those there,
              reward_poison, and reward_thrust times the squared thrust.
Signals       cost: 1 for poison swallowed.
Termination   none.  Truncation: max_steps.
Parameters    swimmers, food, poison, together, sight, thrust, drag, current, reward_food, reward_touch, reward_poison,
              reward_thrust, goal, max_steps.
Source        after "waterworld" (Gupta et al. 2017; Terry et al. 2021, PettingZoo, arXiv:2009.14471).
"""

import math
from dataclasses import dataclass

import numpy as np

from puffer_arena.core import (
    Array,
    Box,
    Canvas,
    Env,
    Header,
    Memory,
    f64,
    glow,
    i32,
    jit,
    labels_of,
    orb,
    param,
    streak,
    uniform,
)
from puffer_arena.core.tiles import grain

TAU = 1 / 15  # seconds of one step
X, Y = 8.0, 4.5  # half the pool, m
SWIMMER, FOOD, POISON, ROCK = 0.3, 0.42, 0.26, 1.1  # radii, m
ELBOW = 40.0  # 1/s², by which swimmers push one another apart
RAYS = 16
RAY_X = tuple(math.cos(2 * math.pi * k / RAYS) for k in range(RAYS))
RAY_Y = tuple(math.sin(2 * math.pi * k / RAYS) for k in range(RAYS))
WALL_SEEN, FOOD_SEEN, POISON_SEEN, MATE_SEEN = range(4)  # kinds of things, as each ray has them
COLORS = ("sky", "amber", "orange", "teal", "rose", "white")
FED, TIME_UP = range(2)  # endings


@dataclass(frozen=True)
class Params:
    swimmers: int = param(5, 2, 16, "who forage")
    food: int = param(5, 1, 16, "pieces of food")
    poison: int = param(8, 1, 16, "pieces of poison")
    together: int = param(2, 1, 4, "swimmers that a piece of food takes")
    sight: float = param(4.0, 1.0, 9.0, "length of the rays, m")
    thrust: float = param(6.0, 1.0, 12.0, "acceleration, m/s²")
    drag: float = param(1.5, 0.2, 5.0, "share of the velocity lost each second")
    current: float = param(0.6, 0.0, 2.0, "speed at which food and poison drift, m/s", at_reset=True)
    reward_food: float = param(1.0, 0.0, 10.0, "for food eaten, to each who did")
    reward_touch: float = param(0.01, 0.0, 0.1, "for a step at food")
    reward_poison: float = param(-0.5, -10.0, 0.0, "for poison")
    reward_thrust: float = param(-0.005, -0.1, 0.0, "for a step at full thrust along one axis")
    goal: int = param(20, 1, 1000, "pieces of food that a good day brings")
    max_steps: int = param(500, 20, 100_000, "steps before the episode is truncated")


class State(Header):
    swimmers: Array = f64("swimmers", 4)  # x, y and velocity
    food: Array = f64("food", 4)
    poison: Array = f64("poison", 4)
    rock: Array = f64(2)
    at_food: Array = i32("swimmers")  # 1 who touches food
    glows: Array = f64("swimmers")  # 1 after a meal, below 0 after poison, and fading: for the picture
    eaten: int = i32()  # pieces
    swallowed: int = i32()  # of poison
    fed: int = i32()  # 1 once `goal` pieces are eaten
    cost: Array  # a signal: the kernels keep it


@jit
def distance(a: Array, b: Array) -> float:
    return math.sqrt((a[0] - b[0]) * (a[0] - b[0]) + (a[1] - b[1]) * (a[1] - b[1]))


@jit
def drop(s: State, p: Params, thing: Array, radius: float) -> None:
    """Put a thing anywhere in the water, drifting."""
    thing[0], thing[1] = uniform(s, radius - X, X - radius), uniform(s, radius - Y, Y - radius)
    angle = uniform(s, 0.0, 2.0 * math.pi)
    thing[2], thing[3] = p.current * math.cos(angle), p.current * math.sin(angle)
    bounce(s, thing, radius)


@jit
def bounce(s: State, thing: Array, radius: float) -> None:
    """Throw a thing back from the walls and the rock."""
    if abs(thing[0]) > X - radius:
        thing[0] = math.copysign(X - radius, thing[0])
        thing[2] = -math.copysign(thing[2], thing[0])
    if abs(thing[1]) > Y - radius:
        thing[1] = math.copysign(Y - radius, thing[1])
        thing[3] = -math.copysign(thing[3], thing[1])
    dx, dy, least = thing[0] - s.rock[0], thing[1] - s.rock[1], ROCK + radius
    far = math.sqrt(dx * dx + dy * dy)
    if far < least:
        nx, ny = (dx / far, dy / far) if far > 0.0 else (1.0, 0.0)
        thing[0], thing[1] = s.rock[0] + least * nx, s.rock[1] + least * ny
        into = min(0.0, thing[2] * nx + thing[3] * ny)
        thing[2] -= 2.0 * into * nx
        thing[3] -= 2.0 * into * ny


@jit
def reset(s: State, p: Params) -> None:
    s.rock[0], s.rock[1] = uniform(s, -0.5, 0.5) * X, uniform(s, -0.4, 0.4) * Y
    s.eaten = s.swallowed = s.fed = 0
    s.food[:, :] = s.poison[:, :] = 0.0
    for k in range(p.food):
        drop(s, p, s.food[k], FOOD)
    for k in range(p.poison):
        drop(s, p, s.poison[k], POISON)
    for k in range(len(s.swimmers)):
        s.alive[k], s.at_food[k], s.glows[k] = (1 if k < p.swimmers else 0), 0, 0.0
        drop(s, p, s.swimmers[k], SWIMMER)
        s.swimmers[k, 2] = s.swimmers[k, 3] = 0.0


@jit
def drift(s: State, thing: Array, radius: float) -> None:
    thing[0] += thing[2] * TAU
    thing[1] += thing[3] * TAU
    bounce(s, thing, radius)


@jit
def step(s: State, p: Params, actions: Array, rewards: Array, terminated: Array) -> bool:
    keep = max(0.0, 1.0 - p.drag * TAU)
    for k in range(len(s.swimmers)):
        x, y, me = actions[k, 0], actions[k, 1], s.swimmers[k]
        rewards[k] = p.reward_thrust * (x * x + y * y) if s.alive[k] else 0.0
        s.at_food[k], s.glows[k] = 0, 0.85 * s.glows[k]
        me[2], me[3] = keep * me[2] + p.thrust * x * TAU, keep * me[3] + p.thrust * y * TAU
        for j in range(len(s.swimmers)):  # who is too near is pushed away
            gap = distance(me, s.swimmers[j])
            if j != k and s.alive[j] and 0.0 < gap < 2.0 * SWIMMER:
                me[2] += ELBOW * (2.0 * SWIMMER - gap) * TAU * (me[0] - s.swimmers[j, 0]) / gap
                me[3] += ELBOW * (2.0 * SWIMMER - gap) * TAU * (me[1] - s.swimmers[j, 1]) / gap
    for k in range(len(s.swimmers)):
        if s.alive[k]:
            drift(s, s.swimmers[k], SWIMMER)
    for j in range(p.food):
        drift(s, s.food[j], FOOD)
        there = 0
        for k in range(len(s.swimmers)):
            there += s.alive[k] != 0 and distance(s.swimmers[k], s.food[j]) < SWIMMER + FOOD
        is_eaten = there >= min(p.together, p.swimmers)
        for k in range(len(s.swimmers)):
            if there and s.alive[k] and distance(s.swimmers[k], s.food[j]) < SWIMMER + FOOD:
                rewards[k] += p.reward_food if is_eaten else p.reward_touch
                s.at_food[k], s.glows[k] = 1, (1.0 if is_eaten else s.glows[k])
        if is_eaten:
            s.eaten += 1
            s.fed = 1 if s.eaten >= p.goal else 0
            drop(s, p, s.food[j], FOOD)
    for j in range(p.poison):
        drift(s, s.poison[j], POISON)
        is_swallowed = False
        for k in range(len(s.swimmers)):
            if s.alive[k] and distance(s.swimmers[k], s.poison[j]) < SWIMMER + POISON:
                rewards[k] += p.reward_poison
                s.cost[k] += 1.0
                s.glows[k], is_swallowed = -1.0, True
        if is_swallowed:
            s.swallowed += 1
            drop(s, p, s.poison[j], POISON)
    return s.step_count >= p.max_steps


@jit
def feel(p: Params, me: Array, x: float, y: float, radius: float, kind: int, obs: Array) -> None:
    """Note on every ray that meets a disc how near it is, where it is the nearest of its kind."""
    dx, dy, reach = x - me[0], y - me[1], p.sight + SWIMMER
    if dx * dx + dy * dy > (reach + radius) * (reach + radius):
        return
    for ray in range(RAYS):
        along, aside = dx * RAY_X[ray] + dy * RAY_Y[ray], dx * RAY_Y[ray] - dy * RAY_X[ray]
        room = radius * radius - aside * aside
        if along > 0.0 and room > 0.0:
            near = 1.0 - max(0.0, along - math.sqrt(room) - SWIMMER) / p.sight
            obs[4 + 4 * ray + kind] = max(obs[4 + 4 * ray + kind], near)


@jit
def ending(s: State, p: Params) -> int:
    return (FED if s.fed else TIME_UP) + 2 * s.eaten


@jit
def observe(s: State, p: Params, agent: int, obs: Array) -> None:
    me, mates = s.swimmers[agent], 0
    obs[4:] = 0.0
    for ray in range(RAYS):  # walls
        to_x = (math.copysign(X, RAY_X[ray]) - me[0]) / (RAY_X[ray] + math.copysign(1e-9, RAY_X[ray]))
        to_y = (math.copysign(Y, RAY_Y[ray]) - me[1]) / (RAY_Y[ray] + math.copysign(1e-9, RAY_Y[ray]))
        gap = max(0.0, min(to_x, to_y) - SWIMMER)
        obs[4 + 4 * ray + WALL_SEEN] = max(0.0, 1.0 - gap / p.sight)
    feel(p, me, s.rock[0], s.rock[1], ROCK, WALL_SEEN, obs)
    for j in range(p.food):
        feel(p, me, s.food[j, 0], s.food[j, 1], FOOD, FOOD_SEEN, obs)
    for j in range(p.poison):
        feel(p, me, s.poison[j, 0], s.poison[j, 1], POISON, POISON_SEEN, obs)
    for k in range(len(s.swimmers)):
        if k != agent and s.alive[k]:
            feel(p, me, s.swimmers[k, 0], s.swimmers[k, 1], SWIMMER, MATE_SEEN, obs)
            mates += distance(me, s.swimmers[k]) < 2.0 * (SWIMMER + FOOD)
    obs[0], obs[1], obs[2], obs[3] = 0.4 * me[2], 0.4 * me[3], s.at_food[agent], mates / p.together


@jit
def forager(s: State, p: Params, agent: int, memory: Memory, action: Array) -> None:
    """Swim to food that is near to oneself and a mate and still needs one more, around poison and the rock."""
    me, best, least = s.swimmers[agent], 0, 1e9
    for j in range(p.food):
        mate, own, nearer = 1e3, distance(me, s.food[j]), 0
        for k in range(len(s.swimmers)):
            if k != agent and s.alive[k]:
                mate = min(mate, distance(s.swimmers[k], s.food[j]))
                nearer += distance(s.swimmers[k], s.food[j]) < own
        far = own + mate + (100.0 if nearer >= p.together else 0.0)
        if far < least:
            best, least = j, far
    dx, dy = s.food[best, 0] + 0.4 * s.food[best, 2] - me[0], s.food[best, 1] + 0.4 * s.food[best, 3] - me[1]
    far = math.sqrt(dx * dx + dy * dy) + 1e-9
    x, y = dx / max(far, 0.5), dy / max(far, 0.5)
    for j in range(-1, p.poison):  # the rock, then poison
        at_x, at_y = (s.poison[j, 0], s.poison[j, 1]) if j >= 0 else (s.rock[0], s.rock[1])
        ax, ay = me[0] - at_x, me[1] - at_y
        gap = math.sqrt(ax * ax + ay * ay) - SWIMMER - (POISON if j >= 0 else ROCK)
        if gap < 0.8 and ax * dx + ay * dy < 0.0:
            weight, whole = 1.6 * (0.8 - gap), math.sqrt(ax * ax + ay * ay) + 1e-9
            side = math.copysign(1.0, ax * dy - ay * dx)
            x += weight * (ax - side * ay) / whole
            y += weight * (ay + side * ax) / whole
    action[0] = min(1.0, max(-1.0, 1.6 * x - 0.4 * me[2]))
    action[1] = min(1.0, max(-1.0, 1.6 * y - 0.4 * me[3]))


def draw(s: State, p: Params, canvas: Canvas) -> None:
    canvas.view(2 * X + 0.8, 2 * Y + 0.8, left=-X - 0.4, low=-Y - 0.4, up=True, bleed=True)
    draw_beach(canvas)
    draw_water(canvas, s.step_count + canvas.moment)
    x, y = s.rock
    orb(canvas, x, y, ROCK, "wall", lift=0.1)
    for k in range(5):
        canvas.circle(x + 0.7 * math.sin(2.4 * k), y + 0.6 * math.cos(2.4 * k), 0.1 + 0.05 * k, "leaf", alpha=0.5)
    beat = 1.0 + 0.06 * math.sin(0.4 * s.step_count)
    for x, y, _, _ in s.food[: p.food]:
        glow(canvas, x, y, 2.2 * FOOD, "lime", strength=0.4)
        orb(canvas, x, y, FOOD * beat, "lime")
        for k in range(3):
            canvas.circle(x + 0.18 * math.cos(2.1 * k), y + 0.18 * math.sin(2.1 * k), 0.08, "leaf")
    for x, y, vx, _ in s.poison[: p.poison]:
        for k in range(8):
            angle = k * math.pi / 4 + 0.05 * s.step_count * math.copysign(1.0, vx)
            tip = x + 1.45 * POISON * math.cos(angle), y + 1.45 * POISON * math.sin(angle)
            canvas.line([(x, y), tip], "violet", width=0.06)
        orb(canvas, x, y, 0.85 * POISON, "violet")
    for k in range(len(s.swimmers)):
        if s.alive[k]:
            draw_swimmer(s, k, canvas)
    canvas.status(
        f"{s.eaten} of {p.goal} eaten, {s.swallowed} poisoned, {(p.max_steps - s.step_count) * TAU:.0f} s left"
    )


def draw_beach(canvas: Canvas) -> None:
    """Draw the sand around the pool: ripples, pebbles, shells, and tufts of grass farther up."""
    canvas.rect(-60, -60, 120, 120, "sand")
    for k in range(44):
        x, y = 1.15 * X * (grain(k, 1, 64) / 32 - 1.0), (1.0 if k % 2 else -1.0) * (Y + 1.0 + 0.07 * grain(k, 2, 56))
        kind = k % 11
        if kind < 5:
            canvas.line([(x - 0.5, y), (x, y + 0.07), (x + 0.6, y - 0.03)], "soil", width=0.06, alpha=0.35)
        elif kind < 8:
            canvas.circle(x + 0.03, y - 0.05, 0.16, "soil", alpha=0.5)
            canvas.circle(x, y, 0.02 * kind, "stone")
        elif kind < 9:
            for way in range(3):
                tip = x + 0.16 * (way - 1), y + 0.3 - 0.06 * abs(way - 1)
                canvas.line([(x, y), tip], "white", width=0.13, alpha=0.7)
        else:
            for way in range(5):
                tip = x + 0.22 * (way - 2), y + 0.55 - 0.1 * abs(way - 2)
                canvas.line([(x + 0.06 * (way - 2), y), tip], "leaf", width=0.08)


def draw_water(canvas: Canvas, time: float) -> None:
    """Draw the pool, deeper towards its middle, with weed, stones and moving light on its ground."""
    for rim, color, alpha in ((0.7, "soil", 0.22), (0.5, "soil", 0.4), (0.28, "white", 0.6), (0.16, "water", 1.0)):
        canvas.rect(-X - rim, -Y - rim, 2 * (X + rim), 2 * (Y + rim), color, radius=0.5 + rim, alpha=alpha)
    for inside in (0.4, 0.9, 1.5, 2.2):
        canvas.rect(inside - X, inside - Y, 2 * (X - inside), 2 * (Y - inside), "deep", radius=1.4, alpha=0.45)
    canvas.rect(-X - 0.16, -Y - 0.16, 2 * X + 0.32, 2 * Y + 0.32, "night", radius=0.6, alpha=0.25)
    for k in range(14):
        x, y = 0.94 * X * (grain(k, 5, 64) / 32 - 1.0), 0.9 * Y * (grain(k, 6, 64) / 32 - 1.0)
        if k % 2:
            canvas.circle(x, y, 0.12 + 0.03 * (k % 5), "slate", alpha=0.4)
            continue
        for way in (-1, 0, 1):
            sway = 0.12 * math.sin(0.08 * time + k + way)
            bend = x + 0.1 * way + sway, y + 0.3
            tip = x + 0.24 * way + 2.0 * sway, y + 0.7
            canvas.line([(x + 0.04 * way, y), bend, tip], "grass", width=0.1, alpha=0.6)
    for k in range(16):  # light that plays on the ground
        x = (k * 4.7 + 0.012 * time) % (2 * X - 2.4) + 1.2 - X
        y = (Y - 0.4) * math.sin(1.3 * k + 0.004 * time)
        rise = 0.16 + 0.1 * math.sin(0.1 * time + k)
        arc = [(x - 0.9, y), (x - 0.4, y + rise), (x + 0.2, y + 0.5 * rise), (x + 0.8, y - 0.1)]
        canvas.line(arc, "white", width=0.07, alpha=0.13)


def draw_swimmer(s: State, k: int, canvas: Canvas) -> None:
    x, y, vx, vy = s.swimmers[k]
    color, speed, r = COLORS[k % len(COLORS)], math.hypot(vx, vy) + 1e-6, SWIMMER
    ux, uy = (vx / speed, vy / speed) if speed > 0.1 else (1.0, 0.0)
    if abs(s.glows[k]) > 0.1:
        glow(canvas, x, y, 3.5 * r, "lime" if s.glows[k] > 0 else "rose", strength=0.6 * abs(s.glows[k]))
    streak(canvas, x, y, vx, vy, 1.2 * r, "white", seconds=0.25)
    wag = 0.35 * math.sin(0.9 * s.step_count + k)
    tail = x - 1.1 * r * ux, y - 1.1 * r * uy
    fins = [(tail[0] - r * (ux + way * uy + wag * uy), tail[1] - r * (uy - way * ux - wag * ux)) for way in (-0.6, 0.6)]
    canvas.polygon([(x - 0.5 * r * ux, y - 0.5 * r * uy), *fins], color)
    canvas.circle(x, y, 1.14 * r, "white", alpha=0.4)
    orb(canvas, x, y, r, color)
    canvas.agent(k, x, y, r)
    for side in (-0.42, 0.42):
        eye = x + r * (0.45 * ux - side * uy), y + r * (0.45 * uy + side * ux)
        canvas.circle(*eye, 0.26 * r, "white")
        canvas.circle(eye[0] + 0.08 * r * ux, eye[1] + 0.08 * r * uy, 0.15 * r, "ink")


LABELS = (
    *("velocity x", "velocity y", "at food", "mates"),
    *labels_of("ray", RAYS, ("wall", "food", "poison", "mate")),
)

ENV = Env(
    params=Params,
    state=State,
    observation=Box(-np.inf, np.inf, (len(LABELS),), labels=LABELS),
    action=Box(-1.0, 1.0, (2,), labels=("thrust x", "thrust y")),
    reset=reset,
    step=step,
    observe=observe,
    draw=draw,
    agents={"swimmer": "swimmers"},
    signals=("cost",),
    bots={"forager": forager},
    keys={"left": (0, -1.0), "right": (0, 1.0), "down": (1, -1.0), "up": (1, 1.0)},
    idle=(0.0, 0.0),
    counters=("eaten", "swallowed", "fed"),
    sounds={"swallowed": "hit"},
    success="fed",
    ending=ending,
    endings=("fed: {} eaten", "time is up: only {} eaten"),
    steps_per_second=1.0 / TAU,
    solved=5.0,
)
