"""The pistons, the ball and the walls in Chipmunk."""

import math
from typing import Any

from puffer_arena.envs.pistons.state import LENGTH, Params

GRAVITY = 9.81  # m/s²
MASS = 1.0  # of the ball, kg


def build(world: Any, p: Params) -> dict[str, Any]:
    import pymunk

    world.gravity = 0, -GRAVITY
    walls = [pymunk.Segment(world.static_body, (k, 0), (k + 1, 0), 0.2) for k in range(3)]
    pistons = [pymunk.Body(body_type=pymunk.Body.KINEMATIC) for _ in range(p.pistons)]
    blocks = [pymunk.Poly.create_box(piston, (1.0, LENGTH)) for piston in pistons]
    ball = pymunk.Body(MASS, pymunk.moment_for_circle(MASS, 0, p.ball))
    disc = pymunk.Circle(ball, p.ball)
    for shape in (*walls, *blocks):
        shape.filter = pymunk.ShapeFilter(group=1)  # they do not meet one another
    for shape in (*walls, *blocks, disc):  # a bounce has the product of both
        shape.elasticity, shape.friction = math.sqrt(p.bounce), math.sqrt(p.friction)
    world.add(*walls, *pistons, *blocks, ball, disc)
    return {"pistons": pistons, "ball": ball, "walls": walls}
