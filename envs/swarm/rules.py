"""What a step of swarm does."""

import math

from puffer_arena.core import Array, jit, uniform
from puffer_arena.envs.swarm.state import (
    FOOD,
    FOOD_SEEN,
    MATE_SEEN,
    POISON,
    POISON_SEEN,
    RAYS,
    ROCK,
    SWIMMER,
    TAU,
    WALL_SEEN,
    Params,
    State,
    X,
    Y,
)

ELBOW = 40.0  # 1/s², by which swimmers push one another apart
RAY_X = tuple(math.cos(2 * math.pi * k / RAYS) for k in range(RAYS))
RAY_Y = tuple(math.sin(2 * math.pi * k / RAYS) for k in range(RAYS))
FED, TIME_UP = range(2)  # endings


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
