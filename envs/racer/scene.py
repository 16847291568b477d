"""racer's cars in Chipmunk."""

from typing import Any

from puffer_arena.envs.racer.state import BROAD, LONG, Params


def build(world: Any, p: Params) -> dict[str, Any]:
    import pymunk

    bodies = [pymunk.Body(1.0, (LONG**2 + BROAD**2) / 12) for _ in range(p.cars)]
    boxes = [pymunk.Poly.create_box(body, (LONG, BROAD), 0.1) for body in bodies]
    for box in boxes:
        box.elasticity, box.friction = 0.5, 0.3
    world.add(*bodies, *boxes)
    return {"cars": bodies}
