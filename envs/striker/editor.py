"""Positions of striker that people draw."""

import math

from puffer_arena.core import jit
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


@jit
def finish(s: State, p: Params) -> str:
    """Begin from a situation that a person has set up."""
    half = len(s.players) // 2
    for k in range(len(s.players)):
        if k % half >= p.team:  # not on the pitch
            continue
        x, y = s.players[k].x, s.players[k].y
        if math.hypot(x - s.ball.x, y - s.ball.y) < PLAYER_RADIUS + BALL_RADIUS:
            return "two discs overlap"
        for other in range(k):
            near = math.hypot(x - s.players[other].x, y - s.players[other].y) < 2 * PLAYER_RADIUS
            if other % half < p.team and near:
                return "two discs overlap"
    measure(s)
    return ""
