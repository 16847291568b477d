"""Striker's bodies, and the walls that a pitch has."""

import math
from typing import Any

from puffer_arena.core import jit
from puffer_arena.envs.striker.state import BALL_RADIUS, GOAL_DEPTH, PLAYER_RADIUS, WALL_RADIUS, WALLS, Params, State


def build(world: Any, p: Params) -> dict[str, Any]:
    import pymunk

    walls = [pymunk.Segment(world.static_body, (k, 0), (k + 1, 0), WALL_RADIUS) for k in range(WALLS)]
    players = [pymunk.Body(1.0, math.inf) for _ in range(p.players)]
    ball = pymunk.Body(p.ball_mass, pymunk.moment_for_circle(p.ball_mass, 0, BALL_RADIUS))
    discs = [pymunk.Circle(player, PLAYER_RADIUS) for player in players]
    leather = pymunk.Circle(ball, BALL_RADIUS)
    for shape in (*walls, *discs, leather):
        shape.elasticity, shape.friction = 0.75, 0.2
    world.add(*walls, *players, ball, *discs, leather)
    return {"players": players, "ball": ball, "bumps": discs, "walls": walls}


@jit
def lay_wall(s: State, k: int, ax: float, ay: float, bx: float, by: float) -> None:
    s.walls[k].ax, s.walls[k].ay, s.walls[k].bx, s.walls[k].by = ax, ay, bx, by


@jit
def lay_pitch(s: State, p: Params) -> None:
    """Put up the side lines, and at either end two walls and the box of the goal between them."""
    x, y, post = 0.5 * p.length + WALL_RADIUS, 0.3 * p.length + WALL_RADIUS, 0.5 * p.goal_width + WALL_RADIUS
    lay_wall(s, 0, -x, y, x, y)
    lay_wall(s, 1, -x, -y, x, -y)
    for end in range(2):
        way = 1.0 if end == 0 else -1.0
        back = way * (x + GOAL_DEPTH)
        lay_wall(s, 2 + 5 * end, way * x, post, way * x, y)
        lay_wall(s, 3 + 5 * end, way * x, -y, way * x, -post)
        lay_wall(s, 4 + 5 * end, way * x, post, back, post)
        lay_wall(s, 5 + 5 * end, back, -post, way * x, -post)
        lay_wall(s, 6 + 5 * end, back, post, back, -post)
