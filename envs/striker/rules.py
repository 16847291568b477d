"""What a step of striker does."""

import math

from puffer_arena.core import Array, jit, uniform
from puffer_arena.envs.striker.scene import lay_pitch
from puffer_arena.envs.striker.state import (
    BALL_DRAG,
    BALL_RADIUS,
    BOOST_COST,
    BOOST_GAIN,
    KICK_REST,
    PLAYER_RADIUS,
    REACH,
    TOP_DRAG,
    Params,
    State,
)


@jit
def kick_off(s: State, p: Params) -> None:
    """Put the ball in the middle and everybody in the own half."""
    half = len(s.players) // 2
    for k in range(len(s.players)):
        way, body = (-1.0 if k < half else 1.0), s.players[k]
        body.x = way * p.length * uniform(s, 0.1, 0.4)
        body.y = 0.5 * p.length * uniform(s, -0.5, 0.5)
        if k % half >= p.team:  # absent: beside the pitch, out of everybody's way
            body.x, body.y = way * 3.0 * (1 + k % half), 60.0
        body.vx = body.vy = body.spin = 0.0
        s.boost[k] = 1.0
        s.rest[k] = s.kicked[k] = 0
    s.ball.x, s.ball.y = 0.0, 0.5 * p.length * uniform(s, -0.3, 0.3)
    s.ball.vx = s.ball.vy = s.ball.spin = 0.0
    measure(s)


@jit
def reset(s: State, p: Params) -> None:
    half = len(s.players) // 2
    for k in range(len(s.alive)):
        s.alive[k] = 1 if k % half < p.team else 0
    s.red_goals = s.blue_goals = s.touches = 0
    lay_pitch(s, p)
    kick_off(s, p)


@jit
def distance(s: State, k: int) -> float:
    dx, dy = s.ball.x - s.players[k].x, s.ball.y - s.players[k].y
    return math.sqrt(dx * dx + dy * dy)


@jit
def measure(s: State) -> None:
    """Note where the ball is, for the next step's rewards."""
    s.ball_x = s.ball.x
    for k in range(len(s.players)):
        s.gap[k] = distance(s, k)


@jit
def act(s: State, p: Params, actions: Array) -> None:
    half = len(s.players) // 2
    s.ball.fx, s.ball.fy = -BALL_DRAG * p.ball_mass * s.ball.vx, -BALL_DRAG * p.ball_mass * s.ball.vy
    for k in range(len(s.players)):
        s.kicked[k] = 0
        if s.alive[k]:
            way = 1.0 if k < half else -1.0
            run(s, p, k, way * (actions[k, 0] - 1), way * (actions[k, 1] - 1), actions[k, 2] != 0)
            s.rest[k] = max(0, s.rest[k] - 1)
            if actions[k, 3] and s.rest[k] == 0:
                kick(s, p, k)


@jit
def run(s: State, p: Params, k: int, x: float, y: float, boosting: bool) -> None:
    """Push a player along (x, y), each in -1 .. 1."""
    body = s.players[k]
    strength = p.push
    if boosting and s.boost[k] >= BOOST_COST and (x != 0.0 or y != 0.0):
        strength *= 2.0
        s.boost[k] -= BOOST_COST
    else:
        s.boost[k] = min(1.0, s.boost[k] + BOOST_GAIN)
    if x != 0.0 and y != 0.0:
        strength *= math.sqrt(0.5)
    body.fx = strength * x - TOP_DRAG * body.vx
    body.fy = strength * y - TOP_DRAG * body.vy


@jit
def kick(s: State, p: Params, k: int) -> None:
    """Give the ball speed away from a player who reaches it."""
    gap = distance(s, k)
    if gap - PLAYER_RADIUS - BALL_RADIUS < REACH and gap > 0.0:
        s.ball.vx += p.kick * (s.ball.x - s.players[k].x) / gap
        s.ball.vy += p.kick * (s.ball.y - s.players[k].y) / gap
        s.rest[k], s.kicked[k] = KICK_REST, 1


@jit
def judge(s: State, p: Params, rewards: Array, terminated: Array) -> bool:
    half, advance = len(s.players) // 2, p.shaping * (s.ball.x - s.ball_x)
    red_scored = s.ball.x > 0.5 * p.length + BALL_RADIUS
    blue_scored = s.ball.x < -0.5 * p.length - BALL_RADIUS
    s.red_goals += red_scored
    s.blue_goals += blue_scored
    touched = False
    for k in range(len(s.players)):
        way = 1.0 if k < half else -1.0
        rewards[k] = way * (advance + red_scored - blue_scored) + 0.1 * p.shaping * (s.gap[k] - distance(s, k))
        touched = touched or s.kicked[k] != 0 or (s.bumps[k].touching != 0 and s.bumps[k].other == len(s.players))
    s.touches += touched
    if max(s.red_goals, s.blue_goals) >= p.goals:
        for k in range(len(s.players)):
            terminated[k] = s.alive[k] != 0
        return False
    if red_scored or blue_scored:
        kick_off(s, p)
    measure(s)
    return s.step_count >= p.max_steps


@jit
def observe(s: State, p: Params, agent: int, obs: Array) -> None:
    half = len(s.players) // 2
    way, me = (0.1 if agent < half else -0.1), s.players[agent]
    obs[0], obs[1], obs[2], obs[3] = way * me.x, way * me.y, way * me.vx, way * me.vy
    obs[4], obs[5] = s.boost[agent], 1.0 if s.rest[agent] == 0 else 0.0
    obs[6], obs[7] = way * (s.ball.x - me.x), way * (s.ball.y - me.y)
    obs[8], obs[9] = way * s.ball.vx, way * s.ball.vy
    obs[10], obs[11] = 0.05 * p.length, 0.1 * p.goal_width
    obs[12], obs[13] = way * s.ball.x, way * s.ball.y
    at = 14
    first = 0 if agent < half else half
    for j in range(len(s.players)):
        k = (first + j) % len(s.players)
        if k != agent:
            other = s.players[k]
            obs[at : at + 5] = 0.0
            if s.alive[k]:
                obs[at] = 1.0
                obs[at + 1], obs[at + 2] = way * (other.x - me.x), way * (other.y - me.y)
                obs[at + 3], obs[at + 4] = way * other.vx, way * other.vy
            at += 5
