"""Sumo: shove the others off a ring that shrinks, and be the last who stands.

A dash throws oneself forward, which sends others flying, and oneself too where nobody is met.

Actions       MultiDiscrete(3, 3, 2): push along x (left, none, right), along y (down, none, up), dash that way.
Observation   float32 (9 + 5 (wrestlers - 1),): own place, velocity, distance to the edge, readiness to dash, the
              ring's radius and how much of it is left, others on it; then every other wrestler: presence, place and
              velocity.  Places of others are relative; lengths in fives of metres.
Reward        +1 for the last one on the ring, reward_push for having shoved somebody off, -1 for falling.
Termination   one falls off, or is the last.  Truncation: max_steps.
Parameters    wrestlers, radius, shrink, push, drag, dash, elasticity, reward_push, max_steps.
Source        own; after bumper discs, and RoboSumo (Bansal et al. 2018, arXiv:1710.03748).
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from puffer_arena.core import (
    Array,
    Box,
    Canvas,
    Env,
    Header,
    Memory,
    MultiDiscrete,
    bands,
    body2d,
    f64,
    glow,
    i32,
    jit,
    labels_of,
    orb,
    param,
    streak,
    touch2d,
    uniform,
)

TIME_STEP = 1 / 20
DISC = 0.6  # metres
LEAST = 0.3  # of the ring's first radius is left in the end
DASH_REST = 24  # steps between two dashes
SEEN = ("x", "y", "vx", "vy", "to edge", "dash ready", "ring", "ring left", "others")
SEEN_OF_OTHERS = ("there", "away x", "away y", "vx", "vy")
BLAME = 30  # steps for which a shove counts
SINKING = 14  # steps in which who fell is seen to sink
COLORS = ("rose", "sky", "lime", "amber", "violet", "teal", "orange", "white")
TIME_UP, ONE_LEFT, NONE_LEFT = range(3)  # endings


@dataclass(frozen=True)
class Params:
    wrestlers: int = param(4, 2, 8, "on the ring")
    radius: float = param(5.0, 3.0, 8.0, "of the ring at first, m", at_reset=True)
    shrink: float = param(18.0, 5.0, 120.0, "seconds in which the ring becomes its least")
    push: float = param(10.0, 4.0, 20.0, "acceleration, m/s²")
    drag: float = param(1.3, 0.3, 3.0, "share of the velocity lost each second")
    dash: float = param(6.0, 0.0, 10.0, "speed that a dash adds, m/s")
    elasticity: float = param(0.9, 0.2, 1.0, "of bumps", at_reset=True)
    reward_push: float = param(0.5, 0.0, 1.0, "for having shoved somebody off")
    max_steps: int = param(600, 40, 10_000, "steps before the episode is truncated")

    @property
    def seen(self) -> int:
        return len(self.fields)

    @property
    def fields(self) -> tuple[str, ...]:
        return SEEN + labels_of("wrestler", self.wrestlers - 1, SEEN_OF_OTHERS)


class State(Header):
    discs: Array = body2d("wrestlers")
    bumps: Array = touch2d("wrestlers")
    ring: float = f64()  # radius, m
    rest: Array = i32("wrestlers")  # steps until the next dash
    shover: Array = i32("wrestlers", below="wrestlers")  # who touched one last; oneself for nobody
    shoved: Array = i32("wrestlers")  # when
    fell: Array = i32("wrestlers")  # in which step; -1 who has not
    left: Array = f64("wrestlers", 2)  # where
    pushed_off: int = i32()  # wrestlers whom somebody shoved off


def build(world: Any, p: Params) -> dict[str, Any]:
    import pymunk

    bodies = [pymunk.Body(1.0, math.inf) for _ in range(p.wrestlers)]
    discs = [pymunk.Circle(body, DISC) for body in bodies]
    for disc in discs:
        disc.elasticity = math.sqrt(p.elasticity)  # a bump has the product of both
    world.add(*bodies, *discs)
    return {"discs": bodies, "bumps": discs}


@jit
def put_away(s: State, k: int) -> None:
    """Put a disc out of everybody's way."""
    s.discs[k].x, s.discs[k].y, s.discs[k].vx, s.discs[k].vy = 100.0 + 10.0 * k, 0.0, 0.0, 0.0


@jit
def reset(s: State, p: Params) -> None:
    s.ring, s.pushed_off = p.radius, 0
    turn = uniform(s, 0.0, 2.0 * math.pi)
    for k in range(len(s.discs)):
        s.alive[k] = 1 if k < p.wrestlers else 0
        s.rest[k], s.shover[k], s.shoved[k], s.fell[k] = DASH_REST, k, -BLAME, -1
        s.left[k, 0], s.left[k, 1] = 0.0, 0.0
        angle, far = turn + 2.0 * math.pi * k / p.wrestlers, p.radius * uniform(s, 0.5, 0.7)
        s.discs[k].x, s.discs[k].y = far * math.cos(angle), far * math.sin(angle)
        if not s.alive[k]:
            put_away(s, k)


@jit
def act(s: State, p: Params, actions: Array) -> None:
    for k in range(len(s.discs)):
        if s.alive[k]:
            body, x, y = s.discs[k], actions[k, 0] - 1.0, actions[k, 1] - 1.0
            if x != 0.0 and y != 0.0:
                x, y = x * math.sqrt(0.5), y * math.sqrt(0.5)
            body.fx, body.fy = p.push * x - p.drag * body.vx, p.push * y - p.drag * body.vy
            s.rest[k] = max(0, s.rest[k] - 1)
            if actions[k, 2] and s.rest[k] == 0 and (x != 0.0 or y != 0.0):
                body.vx += p.dash * x
                body.vy += p.dash * y
                s.rest[k] = DASH_REST


@jit
def judge(s: State, p: Params, rewards: Array, terminated: Array) -> bool:
    s.ring = p.radius * max(LEAST, 1.0 - (1.0 - LEAST) * s.step_count * TIME_STEP / p.shrink)
    standing = 0
    for k in range(len(s.discs)):
        rewards[k] = 0.0
        if s.alive[k] and s.bumps[k].impulse > 0.0:  # a bounce may be over before its step is
            s.shover[k], s.shoved[k] = max(0, s.bumps[k].other), s.step_count
    for k in range(len(s.discs)):
        if s.alive[k]:
            terminated[k] = from_middle(s, k) > s.ring
            standing += not terminated[k]
    for k in range(len(s.discs)):
        if s.alive[k] and terminated[k]:
            rewards[k] -= 1.0
            by = s.shover[k]
            if by != k and s.alive[by] and s.step_count - s.shoved[k] < BLAME:
                rewards[by] += p.reward_push
                s.pushed_off += 1
            s.fell[k], s.left[k, 0], s.left[k, 1] = s.step_count, s.discs[k].x, s.discs[k].y
            put_away(s, k)
        elif s.alive[k] and standing == 1:
            rewards[k] += 1.0
            terminated[k] = True
    return s.step_count >= p.max_steps


@jit
def from_middle(s: State, k: int) -> float:
    return math.sqrt(s.discs[k].x * s.discs[k].x + s.discs[k].y * s.discs[k].y)


@jit
def ending(s: State, p: Params) -> int:
    """Tell who was left, or how many of them when time was up."""
    left, last = 0, 0
    for k in range(len(s.fell)):
        if k < p.wrestlers and s.fell[k] < 0:
            left, last = left + 1, k
    return NONE_LEFT if left == 0 else ONE_LEFT + 3 * last if left == 1 else TIME_UP + 3 * left


@jit
def observe(s: State, p: Params, agent: int, obs: Array) -> None:
    me, others, at = s.discs[agent], 0, 9
    for j in range(1, len(s.discs)):
        k = (agent + j) % len(s.discs)
        other = s.discs[k]
        obs[at : at + 5] = 0.0
        if s.alive[k]:
            obs[at] = 1.0
            obs[at + 1], obs[at + 2] = 0.2 * (other.x - me.x), 0.2 * (other.y - me.y)
            obs[at + 3], obs[at + 4] = 0.2 * other.vx, 0.2 * other.vy
            others += 1
        at += 5
    obs[0], obs[1], obs[2], obs[3] = 0.2 * me.x, 0.2 * me.y, 0.2 * me.vx, 0.2 * me.vy
    obs[4], obs[5] = s.ring - from_middle(s, agent), 1.0 - s.rest[agent] / DASH_REST
    obs[6], obs[7], obs[8] = 0.2 * s.ring, s.ring / p.radius, 0.2 * others


@jit
def nearest(s: State, agent: int) -> int:
    best, least = agent, 1e9
    for k in range(len(s.discs)):
        dx, dy = s.discs[k].x - s.discs[agent].x, s.discs[k].y - s.discs[agent].y
        if k != agent and s.alive[k] and dx * dx + dy * dy < least:
            best, least = k, dx * dx + dy * dy
    return best


@jit
def rikishi(s: State, p: Params, agent: int, memory: Memory, action: Array) -> None:
    """Stay off the edge; charge the nearest, and dash where that sends it outwards."""
    me, foe = s.discs[agent], s.discs[nearest(s, agent)]
    soon_x, soon_y = me.x + 0.4 * me.vx, me.y + 0.4 * me.vy
    x, y = foe.x + 0.2 * foe.vx - me.x, foe.y + 0.2 * foe.vy - me.y
    action[2] = 0
    if soon_x * soon_x + soon_y * soon_y > (s.ring - 0.9) ** 2:
        x, y = -soon_x, -soon_y
    else:
        gap = math.sqrt(x * x + y * y) + 1e-9
        outwards = x * foe.x + y * foe.y > 0.3 * gap * (from_middle(s, agent) + 0.1)
        action[2] = 1 if gap < 2.6 and outwards else 0
    far = 0.38 * math.sqrt(x * x + y * y)
    action[0] = 1 + (x > far) - (x < -far)
    action[1] = 1 + (y > far) - (y < -far)


def draw(s: State, p: Params, canvas: Canvas) -> None:
    side = 2.3 * max(s.ring, 0.5 * p.radius)
    canvas.view(side, side, left=-side / 2, low=-side / 2, up=True, bleed=True)
    bands(canvas, -2.5 * side, -1.2 * side, 5.0 * side, 2.4 * side, ("shadow", "background", "panel"), steps=6)
    for k in range(6):  # waves that run outwards
        reach = s.ring * (1.08 + 0.28 * ((k + 0.04 * s.step_count) % 6))
        canvas.ring(0.0, -0.35, reach, "sky", width=0.05, alpha=0.16 / (1.0 + 0.4 * reach / s.ring))
    for k in range(len(s.discs)):
        draw_sinking(s, k, canvas)
    deep = 0.1 * s.ring + 0.25
    for depth, color in ((deep, "shadow"), (0.75 * deep, "line"), (0.45 * deep, "wall")):
        canvas.circle(0.0, -depth, s.ring, color)
    canvas.circle(0.0, 0.0, s.ring, "orange")
    canvas.circle(0.0, 0.0, s.ring, "shadow", alpha=0.35)
    for part, alpha in ((0.97, 0.4), (0.8, 0.25), (0.55, 0.2)):  # clay, lit from above
        canvas.circle(-0.03 * s.ring, 0.04 * s.ring, part * s.ring, "amber", alpha=0.22 * alpha)
        canvas.circle(0.0, 0.0, part * s.ring, "floor", alpha=alpha)
    canvas.ring(0.0, 0.0, 0.96 * s.ring, "amber", width=0.1, alpha=0.9)
    for x in (-0.5, 0.5):
        canvas.line([(x, -0.45), (x, 0.45)], "white", width=0.12, alpha=0.5)
    for k in range(len(s.discs)):
        if s.alive[k]:
            draw_wrestler(s, k, canvas)
    standing = sum(int(alive) for alive in s.alive)
    ended = f"the {COLORS[max(range(len(s.discs)), key=lambda k: s.alive[k])]} one has won" if standing == 1 else ""
    canvas.status(ended or f"{standing} on a ring of {2 * s.ring:.1f} m, {s.pushed_off} shoved off")


def draw_sinking(s: State, k: int, canvas: Canvas) -> None:
    age = s.step_count - s.fell[k]
    if s.fell[k] >= 0 and age < SINKING:
        part, (x, y) = 1.0 - age / SINKING, (1.05 * s.left[k, 0], 1.05 * s.left[k, 1] - 0.06 * age)
        canvas.circle(x, y, DISC * (0.4 + 0.6 * part), COLORS[k], alpha=0.9 * part)
        canvas.ring(x, y, DISC * (0.8 + 0.12 * age), "white", width=0.09, alpha=0.6 * part)


def draw_wrestler(s: State, k: int, canvas: Canvas) -> None:
    body, color = s.discs[k], COLORS[k]
    if s.rest[k] > DASH_REST - 8:
        glow(canvas, body.x, body.y, 2.0 * DISC, "white", strength=(s.rest[k] - DASH_REST + 8) / 16)
    streak(canvas, body.x, body.y, body.vx, body.vy, 1.5 * DISC, color)
    orb(canvas, body.x, body.y, DISC, color)
    canvas.agent(k, body.x, body.y, DISC)
    if s.rest[k] == 0:
        canvas.ring(body.x, body.y, 0.86 * DISC, "white", width=0.05, alpha=0.8)
    speed = math.hypot(body.vx, body.vy) + 0.5
    for side in (-1.0, 1.0):  # eyes that look where it goes
        x, y = body.x + 0.2 * side + 0.15 * body.vx / speed, body.y + 0.08 + 0.15 * body.vy / speed
        canvas.circle(x, y, 0.14, "white")
        canvas.circle(x + 0.06 * body.vx / speed, y + 0.06 * body.vy / speed, 0.08, "ink")


ENV = Env(
    params=Params,
    state=State,
    observation=Box(-np.inf, np.inf, ("seen",), named_by="fields"),
    action=MultiDiscrete((3, 3, 2), ("along", "across", "dash")),
    reset=reset,
    observe=observe,
    draw=draw,
    agents={"wrestler": "wrestlers"},
    engine="pymunk",
    build=build,
    act=act,
    judge=judge,
    time_step=TIME_STEP,
    substeps=2,
    bots={"rikishi": rikishi},
    keys={"right": (0, 2), "left": (0, 0), "up": (1, 2), "down": (1, 0), "space": (2, 1)},
    idle=(1, 1, 0),
    counters=("pushed_off",),
    ending=ending,
    endings=("time is up: {} are left", "wrestler {} is left", "nobody is left"),
    sounds={"pushed_off": "hit"},
)
