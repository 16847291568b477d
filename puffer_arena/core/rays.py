"""Casting rays in rules: how far along a ray from (x0, y0) to (x1, y1) a shape is met.

Every function returns the part of the ray before the shape, in [0, 1], and 1 where the ray misses it; the nearest of
several shapes is the least of the parts.  As in Chipmunk, a shape in which the ray starts is not met.
"""

import math

from puffer_arena.core.fields import Array
from puffer_arena.machine.compile import jit


@jit
def ray_circle(x0: float, y0: float, x1: float, y1: float, x: float, y: float, radius: float) -> float:
    """Cast a ray at a disc around (x, y).

    Solves |start + t (end - start) - centre|² = radius² for its lesser root.
    """
    dx, dy = x1 - x0, y1 - y0
    cx, cy = x - x0, y - y0
    length2 = dx * dx + dy * dy
    along = dx * cx + dy * cy
    inside = along * along - length2 * (cx * cx + cy * cy - radius * radius)
    if inside < 0.0 or length2 == 0.0:
        return 1.0
    t = (along - math.sqrt(inside)) / length2
    return t if 0.0 <= t <= 1.0 else 1.0


@jit
def ray_edge(x0: float, y0: float, x1: float, y1: float, ax: float, ay: float, bx: float, by: float) -> float:
    """Cast a ray at the line between a and b, which has no thickness."""
    dx, dy = x1 - x0, y1 - y0
    ex, ey = bx - ax, by - ay
    across = dx * ey - dy * ex
    if across == 0.0:
        return 1.0
    t = ((ax - x0) * ey - (ay - y0) * ex) / across
    u = ((ax - x0) * dy - (ay - y0) * dx) / across
    return t if 0.0 <= t <= 1.0 and 0.0 <= u <= 1.0 else 1.0


@jit
def ray_segment(
    x0: float, y0: float, x1: float, y1: float, ax: float, ay: float, bx: float, by: float, radius: float
) -> float:
    """Cast a ray at a segment from a to b, `radius` thick on either side, with round ends."""
    if radius == 0.0:
        return ray_edge(x0, y0, x1, y1, ax, ay, bx, by)
    ex, ey = bx - ax, by - ay
    length = math.sqrt(ex * ex + ey * ey)
    if length == 0.0:
        return ray_circle(x0, y0, x1, y1, ax, ay, radius)
    nx, ny = -ey / length * radius, ex / length * radius
    along = ((x0 - ax) * ex + (y0 - ay) * ey) / (length * length)
    near = min(max(along, 0.0), 1.0)
    gap_x, gap_y = x0 - ax - near * ex, y0 - ay - near * ey
    if gap_x * gap_x + gap_y * gap_y < radius * radius:
        return 1.0
    side = ray_edge(x0, y0, x1, y1, ax + nx, ay + ny, bx + nx, by + ny)
    side = min(side, ray_edge(x0, y0, x1, y1, ax - nx, ay - ny, bx - nx, by - ny))
    ends = min(ray_circle(x0, y0, x1, y1, ax, ay, radius), ray_circle(x0, y0, x1, y1, bx, by, radius))
    return min(side, ends)


@jit
def ray_polygon(x0: float, y0: float, x1: float, y1: float, corners: Array, radius: float) -> float:
    """Cast a ray at a convex polygon with counter-clockwise `corners` (n, 2), widened by `radius` with round corners."""
    count = len(corners)
    nearest, inside = 1.0, True
    for k in range(count):
        ax, ay = corners[k, 0], corners[k, 1]
        j = k + 1 if k + 1 < count else 0
        ex, ey = corners[j, 0] - ax, corners[j, 1] - ay
        length = math.sqrt(ex * ex + ey * ey)
        nx, ny = ey / length * radius, -ex / length * radius  # outwards
        if (x0 - ax) * ey - (y0 - ay) * ex > 0.0:
            inside = False
        nearest = min(nearest, ray_edge(x0, y0, x1, y1, ax + nx, ay + ny, ax + ex + nx, ay + ey + ny))
        if radius > 0.0:
            nearest = min(nearest, ray_circle(x0, y0, x1, y1, ax, ay, radius))
            if (x0 - ax) * (x0 - ax) + (y0 - ay) * (y0 - ay) < radius * radius:
                return 1.0
    return 1.0 if inside else nearest
