"""What a step of volley does."""

import math

from puffer_arena.core import Array, jit, uniform
from puffer_arena.envs.volley.state import BALL, CEILING, FALL, FASTEST, HELD, PLAYER, POST, TIME_STEP, Params, State


@jit
def serve(s: State, p: Params, side: float) -> None:
    """Put everybody on their places, and the ball above one side's."""
    half = len(s.players) // 2
    for k in range(len(s.players)):
        way, mate = (-1.0 if k < half else 1.0), k % half
        body = s.players[k]
        body.x = way * p.width * (0.25 if p.team == 1 else 0.16 + 0.18 * mate)
        body.y = body.vx = body.vy = 0.0
        if mate >= p.team:  # absent: under the sand
            body.y = -20.0
    s.ball.x, s.ball.y = side * p.width * uniform(s, 0.2, 0.3), 4.5
    s.ball.vx, s.ball.vy, s.ball.spin = uniform(s, -1.0, 1.0), 0.0, 0.0
    s.held, s.side, s.touched = HELD, side, 0


@jit
def reset(s: State, p: Params) -> None:
    half, x = len(s.players) // 2, 0.5 * p.width + POST
    for k in range(len(s.alive)):
        s.alive[k] = 1 if k % half < p.team else 0
    s.left_points = s.right_points = s.crossings = 0
    for k, (ax, ay, bx, by) in enumerate(
        ((-x, -1.0, -x, CEILING), (x, -1.0, x, CEILING), (-x, CEILING, x, CEILING), (0.0, -1.0, 0.0, p.net - POST))
    ):
        s.walls[k].ax, s.walls[k].ay, s.walls[k].bx, s.walls[k].by = ax, ay, bx, by
    serve(s, p, -1.0 if uniform(s, 0.0, 1.0) < 0.5 else 1.0)


@jit
def act(s: State, p: Params, actions: Array) -> None:
    half = len(s.players) // 2
    for k in range(len(s.players)):
        if s.alive[k]:
            way = -1.0 if k < half else 1.0
            move(s, p, k, -way * (actions[k, 0] - 1.0), actions[k, 1] != 0)
    s.held = max(0, s.held - 1)
    if s.held:
        s.ball.fy = p.gravity  # of 1 kg
        s.ball.vx, s.ball.vy = 0.9 * s.ball.vx, 0.0
    faster = math.sqrt(s.ball.vx * s.ball.vx + s.ball.vy * s.ball.vy) / FASTEST
    if faster > 1.0:
        s.ball.vx /= faster
        s.ball.vy /= faster


@jit
def move(s: State, p: Params, k: int, run: float, jumps: bool) -> None:
    """Give player `k` the velocities that keep it on the sand and on its own side."""
    body, way = s.players[k], (-1.0 if k < len(s.players) // 2 else 1.0)
    near, far = POST + 0.6 * PLAYER, 0.5 * p.width - PLAYER
    x = way * min(max(way * (body.x + run * p.speed * TIME_STEP), near), far)
    rise = p.jump if jumps and body.y <= 1e-6 else body.vy - FALL * TIME_STEP
    body.vx = min(max((x - body.x) / TIME_STEP, -p.speed), p.speed)
    body.vy = max(rise, -body.y / TIME_STEP)


@jit
def judge(s: State, p: Params, rewards: Array, terminated: Array) -> bool:
    left_won, right_won, came = False, False, 0.0
    if s.ball.x * s.side < -BALL:  # over the net
        s.side, s.touched = -s.side, 0
        s.crossings += 1
        came = s.side
    if s.ball.y < BALL:
        left_won = s.ball.x > 0.0
        right_won = not left_won
    s.left_points += left_won
    s.right_points += right_won
    ended, touched = max(s.left_points, s.right_points) >= p.points, s.touched
    for k in range(len(s.players)):
        way = 1.0 if k < len(s.players) // 2 else -1.0
        rewards[k] = way * (p.shaping * came + left_won - right_won)
        if s.bumps[k].impulse > 0.0 and way * s.side < 0.0:
            touched = 1
            rewards[k] += p.shaping * (1 - s.touched)
        terminated[k] = ended and s.alive[k] != 0
    s.touched = touched
    if not ended and (left_won or right_won):
        serve(s, p, -1.0 if left_won else 1.0)
    return not ended and s.step_count >= p.max_steps


@jit
def observe(s: State, p: Params, agent: int, obs: Array) -> None:
    half = len(s.players) // 2
    way, me = (0.2 if agent < half else -0.2), s.players[agent]
    obs[0], obs[1], obs[2], obs[3] = way * me.x, 0.2 * me.y, way * me.vx, 0.2 * me.vy
    obs[4], obs[5], obs[6], obs[7] = way * s.ball.x, 0.2 * s.ball.y, way * s.ball.vx, 0.2 * s.ball.vy
    obs[8], obs[9] = way * (s.ball.x - me.x), 0.2 * (s.ball.y - me.y)
    obs[10], obs[11], obs[12] = 0.1 * p.width, 0.2 * p.net, 1.0 if s.held else 0.0
    at = 13
    for j in range(1, len(s.players)):
        k = (agent + j) % half + (agent // half) * half if j < half else (agent // half * half + j) % len(s.players)
        other = s.players[k]
        obs[at : at + 5] = 0.0
        if s.alive[k]:
            obs[at], obs[at + 1], obs[at + 2] = 1.0, way * (other.x - me.x), 0.2 * other.y
            obs[at + 3], obs[at + 4] = way * other.vx, 0.2 * other.vy
        at += 5
