"""Who sees what: lines of sight that walls, boxes and ramps cut."""

import math
from typing import Any

from puffer_arena.core import jit
from puffer_arena.core.rays import ray_edge
from puffer_arena.envs.hideseek.state import HALF, SIDE, WEDGE, Params, State, angle_of, block_length, thing

REACH2 = 1.0  # m², more than the square of how far any side of a thing is from its middle


@jit
def cast(s: State, p: Params, eye: tuple[float, float, float], to: tuple[float, float, float], skip: int) -> float:
    """Return the part of a line of sight that is free, 1 for all of it; thing `skip` hides nothing."""
    (x0, y0, z0), (x1, y1, z1), long = eye, to, 0.5 * block_length(p)
    free = 1.0
    for k in range(len(s.blocks)):
        x, y = s.blocks[k].x, s.blocks[k].y
        dx, dy = (long, 0.0) if k < SIDE else (0.0, long)
        t = ray_edge(x0, y0, x1, y1, x - dx, y - dy, x + dx, y + dy)
        if t < free and z0 + t * (z1 - z0) < 2.0 * HALF:
            free = t
    for k in range(len(s.lock)):
        if k == skip:
            continue
        body, is_ramp = thing(s, k), k >= len(s.boxes)
        aside = (x1 - x0) * (body.y - y0) - (y1 - y0) * (body.x - x0)
        if aside * aside > REACH2 * ((x1 - x0) * (x1 - x0) + (y1 - y0) * (y1 - y0)):
            continue  # it passes: no need to turn the thing's sides
        angle = angle_of(body)
        cos, sin, half = math.cos(angle), math.sin(angle), WEDGE if is_ramp else HALF
        for edge in range(1 if is_ramp else 4):  # of a ramp the high end; of a box all sides
            ax, ay = ((HALF, half), (-HALF, half), (-HALF, -half), (HALF, -half))[edge]
            bx, by = ((-HALF, half), (-HALF, -half), (HALF, -half), (HALF, half))[edge]
            ax, ay = body.x + ax * cos - ay * sin, body.y + ax * sin + ay * cos
            bx, by = body.x + bx * cos - by * sin, body.y + bx * sin + by * cos
            t = ray_edge(x0, y0, x1, y1, ax, ay, bx, by)
            if t < free and z0 + t * (z1 - z0) < body.z + HALF:
                free = t
    return free


@jit
def sees(s: State, p: Params, agent: int, body: Any, skip: int) -> bool:
    """Tell whether a body stands in an agent's cone of sight and nothing hides it."""
    own = s.agents[agent]
    dx, dy = body.x - own.x, body.y - own.y
    ahead = dx * math.cos(s.heading[agent]) + dy * math.sin(s.heading[agent])
    if ahead < math.cos(p.cone) * math.sqrt(dx * dx + dy * dy):
        return False
    return cast(s, p, (own.x, own.y, own.z + 0.2), (body.x, body.y, body.z + 0.2), skip) >= 1.0
