"""The scripted player."""

import math

from puffer_arena.core import Array, Memory, f64, jit, uniform
from puffer_arena.envs.volley.state import BALL, Params, State

MISJUDGED = 0.8  # metres by which the bot may be off
READY = 0.9  # height at which the bot meets the ball, m


class Sight(Memory):
    error: float = f64()  # how far a bot is off about where the ball comes down, m
    side: float = f64()  # on which the ball was then


@jit
def landing(s: State, p: Params) -> float:
    """Return the x at which the ball, thrown back by the walls, comes down to a player's height."""
    high = max(s.ball.y - READY - BALL, 0.0)
    t = (s.ball.vy + math.sqrt(s.ball.vy * s.ball.vy + 2.0 * p.gravity * high)) / p.gravity
    x: float = s.ball.x + s.ball.vx * t
    edge = 0.5 * p.width - BALL
    return math.copysign(2.0 * edge - abs(x), x) if abs(x) > edge else x


@jit
def spiker(s: State, p: Params, agent: int, sight: Sight, action: Array) -> None:
    """Stand a little behind where the ball seems to come down, if nobody of the own side is nearer, and jump at it."""
    if sight.side != s.side:
        sight.side, sight.error = s.side, uniform(sight, -MISJUDGED, MISJUDGED)
    half = len(s.players) // 2
    way, me = (1.0 if agent < half else -1.0), s.players[agent]
    x, aim = way * landing(s, p) + sight.error, -0.25 * p.width
    mine = x < 0.3
    for k in range(agent // half * half, agent // half * half + half):
        gap = abs(way * s.players[k].x - x)
        mine = mine and (k == agent or not s.alive[k] or gap > abs(way * me.x - x) or k > agent)
    if mine:
        aim = x - 0.3
    dx, dy = way * (s.ball.x - me.x), s.ball.y - me.y
    gap = aim - way * me.x
    action[0] = 1 + (gap > 0.12) - (gap < -0.12)
    action[1] = 1 if mine and 0.0 < dx < 0.9 and 1.0 < dy < 2.2 and s.held == 0 else 0
