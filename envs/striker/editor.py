"""Positions of striker that people draw."""

import math

from puffer_arena.envs.striker.rules import measure
from puffer_arena.envs.striker.state import BALL_RADIUS, PLAYER_RADIUS, Params, State


def present(s: State, p: Params) -> list[int]:
    """Return the players on the pitch."""
    half = len(s.players) // 2
    return [k for k in range(len(s.players)) if k % half < p.team]


def find_players(s: State, p: Params) -> list[tuple[float, float]]:
    return [(s.players[k].x, s.players[k].y) for k in present(s, p)]


def put_player(s: State, p: Params, k: int, x: float, y: float) -> None:
    body = s.players[present(s, p)[k]]
    body.x, body.y = x, y


def find_ball(s: State, p: Params) -> list[tuple[float, float]]:
    return [(s.ball.x, s.ball.y)]


def put_ball(s: State, p: Params, k: int, x: float, y: float) -> None:
    s.ball.x, s.ball.y = x, y


def pitch(p: Params) -> tuple[float, float, float, float]:
    x, y = 0.5 * p.length - PLAYER_RADIUS, 0.3 * p.length - PLAYER_RADIUS
    return -x, -y, 2 * x, 2 * y


def finish(s: State, p: Params) -> str:
    """Begin from a situation that a person has set up."""
    discs = [(s.ball.x, s.ball.y, BALL_RADIUS)]
    discs += [(s.players[k].x, s.players[k].y, PLAYER_RADIUS) for k in present(s, p)]
    for k, (x, y, radius) in enumerate(discs):
        if any(math.hypot(x - other[0], y - other[1]) < radius + other[2] for other in discs[:k]):
            return "two discs overlap"
    measure(s)
    return ""
