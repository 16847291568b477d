"""What a step of sumo does."""

import math

from puffer_arena.core import Array, jit, uniform
from puffer_arena.envs.sumo.state import BLAME, DASH_REST, LEAST, TIME_STEP, Params, State

TIME_UP, ONE_LEFT, NONE_LEFT = range(3)  # endings


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
