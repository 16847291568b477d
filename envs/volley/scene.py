"""volley's players, ball, net and walls in Chipmunk."""

import math
from typing import Any

from puffer_arena.envs.volley.state import BALL, PLAYER, POST, Params


def build(world: Any, p: Params) -> dict[str, Any]:
    import pymunk

    world.gravity = 0, -p.gravity
    walls = [pymunk.Segment(world.static_body, (k, 0), (k + 1, 0), POST) for k in range(4)]
    players = [pymunk.Body(body_type=pymunk.Body.KINEMATIC) for _ in range(p.players)]
    discs = [pymunk.Circle(player, PLAYER) for player in players]
    ball = pymunk.Body(1.0, pymunk.moment_for_circle(1.0, 0, BALL))
    leather = pymunk.Circle(ball, BALL)
    for shape in (*walls, *discs):
        shape.filter = pymunk.ShapeFilter(group=1)  # players pass through each other
    for shape in (*walls, *discs, leather):
        shape.elasticity, shape.friction = math.sqrt(p.bounce), 0.2  # a bounce has the product of both
    world.add(*walls, *players, *discs, ball, leather)
    return {"players": players, "ball": ball, "bumps": discs, "walls": walls}
