"""sumo's discs in Chipmunk."""

import math
from typing import Any

from puffer_arena.envs.sumo.state import DISC, Params


def build(world: Any, p: Params) -> dict[str, Any]:
    import pymunk

    bodies = [pymunk.Body(1.0, math.inf) for _ in range(p.wrestlers)]
    discs = [pymunk.Circle(body, DISC) for body in bodies]
    for disc in discs:
        disc.elasticity = math.sqrt(p.elasticity)  # a bump has the product of both
    world.add(*bodies, *discs)
    return {"discs": bodies, "bumps": discs}
