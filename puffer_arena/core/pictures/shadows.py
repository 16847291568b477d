"""Soft shadows straight under bodies, for compiled rules: what falls from a body's middle meets them first."""

import math

from puffer_arena.core.fields import Array
from puffer_arena.core.pictures.axes import (
    BOX,
    CYLINDER,
    FAR,
    FOCUS,
    KIND,
    MIDDLE_X,
    MIDDLE_Y,
    NEAR,
    OWN,
    OWNER,
    TRIANGLE,
    Point,
    Space,
    back,
    corner_of,
    cross,
    dot,
    owner_of,
    seen_from,
    set_frame,
    turn,
    turn_of,
    turned,
    unit,
)
from puffer_arena.core.pictures.solids import bounds, is_in_sight, level_of
from puffer_arena.machine.compile import jit

SHADOW_REACH, SHADOW_FADE, SHADOW_DARK = 20.0, 6.0, 0.75  # metres below a body; metres at which it is gone; its middle
SHADOW_WIDE = 1.3 / math.sqrt(3.0)  # of a shadow, to the radius of the ball around the body's box


@jit
def cast_shadow(space: Space, parts: Array, i: int) -> None:
    """Darken what lies straight under a body, softly."""
    picture, depth, view, bodies, _, _ = space
    k, radius = owner_of(parts[i], bodies), parts[i, OWN] * SHADOW_WIDE
    if k < 0 or not 0.0 < radius < FAR:
        return
    x, y, z = bodies[k, 0], bodies[k, 1], bodies[k, 2]
    drop, up = SHADOW_REACH, (0.0, 0.0, 1.0)
    for j in range(len(parts)):
        if parts[j, OWNER] != parts[i, OWNER]:
            fall, normal = way_down(parts[j], bodies, x, y, z)
            if fall < drop:
                drop, up = fall, normal
    dark = SHADOW_DARK * (1.0 - drop / SHADOW_FADE)
    if not dark > 0.0:
        return
    middle, facing = seen_from(view, x, y, z - drop), turn(view, up)
    set_frame(space[5], middle, facing, facing, facing)
    if not is_in_sight(space, radius) or middle[2] - radius < NEAR:
        return
    focus, rows, cols = view[FOCUS], picture.shape[0], picture.shape[1]
    left, right = bounds(middle[0], middle[2], radius, focus)
    low, high = bounds(middle[1], middle[2], radius, focus)
    first, last = int(max(view[MIDDLE_X] + left, 0.0)), int(min(max(view[MIDDLE_X] + right + 1.0, 0.0), cols * 1.0))
    above, below = int(max(view[MIDDLE_Y] - high, 0.0)), int(min(max(view[MIDDLE_Y] - low + 1.0, 0.0), rows * 1.0))
    for row in range(above, below):
        for col in range(first, last):
            if depth[row, col] <= 0.0:
                continue
            t = 1.0 / depth[row, col]
            at = t * (col + 0.5 - view[MIDDLE_X]) / focus, t * (view[MIDDLE_Y] - row - 0.5) / focus, t
            off = at[0] - middle[0], at[1] - middle[1], at[2] - middle[2]
            above_it = dot(off, facing)
            away = math.sqrt(max(dot(off, off) - above_it * above_it, 0.0)) / radius
            if abs(above_it) < 0.1 and away < 1.0:
                cover = dark * (1.0 - away) ** 0.8
                for c in range(3):
                    picture[row, col, c] = level_of(picture[row, col, c] * (1.0 - cover))


@jit
def way_down(part: Array, bodies: Array, x: float, y: float, z: float) -> tuple[float, Point]:
    """Return how far below a point a part is met, and the normal there; FAR where it is not below."""
    kind, k, missed = part[KIND], owner_of(part, bodies), (FAR, (0.0, 0.0, 1.0))
    if kind == TRIANGLE:
        a, b, c = corner_of(part, 0, bodies), corner_of(part, 1, bodies), corner_of(part, 2, bodies)
        n = cross((b[0] - a[0], b[1] - a[1], b[2] - a[2]), (c[0] - a[0], c[1] - a[1], c[2] - a[2]))
        if abs(n[2]) < 1e-9:
            return missed
        sides = (
            (b[0] - a[0]) * (y - a[1]) - (b[1] - a[1]) * (x - a[0]),
            (c[0] - b[0]) * (y - b[1]) - (c[1] - b[1]) * (x - b[0]),
            (a[0] - c[0]) * (y - c[1]) - (a[1] - c[1]) * (x - c[0]),
        )
        if not ((sides[0] >= 0.0) == (sides[1] >= 0.0) == (sides[2] >= 0.0)):
            return missed
        fall = z - a[2] + (n[0] * (x - a[0]) + n[1] * (y - a[1])) / n[2]
        normal = unit(n if n[2] > 0.0 else (-n[0], -n[1], -n[2]))
        return (fall, normal) if fall > 0.0 else missed
    if kind != BOX and kind != CYLINDER:
        return missed
    place, own = (part[OWN + 3], part[OWN + 4], part[OWN + 5]), turn_of(part, OWN + 6)
    start, down = (x, y, z), (0.0, 0.0, -1.0)
    if k >= 0:
        start = back(turn_of(bodies[k], 3), (x - bodies[k, 0], y - bodies[k, 1], z - bodies[k, 2]))
        down = back(turn_of(bodies[k], 3), down)
    start = back(own, (start[0] - place[0], start[1] - place[1], start[2] - place[2]))
    down = back(own, down)
    half = (part[OWN], part[OWN + 1], part[OWN + 2]) if kind == BOX else (part[OWN], part[OWN], part[OWN + 1])
    enters, leaves, axis = -FAR, FAR, 0
    for j in range(3):
        if abs(down[j]) < 1e-9:
            if abs(start[j]) > half[j]:
                return missed
            continue
        near = (-math.copysign(half[j], down[j]) - start[j]) / down[j]
        if near > enters:
            enters, axis = near, j
        leaves = min(leaves, (math.copysign(half[j], down[j]) - start[j]) / down[j])
    if not 0.0 < enters <= leaves:
        return missed
    sign = -math.copysign(1.0, down[axis])
    normal = turned(own, (sign if axis == 0 else 0.0, sign if axis == 1 else 0.0, sign if axis == 2 else 0.0))
    return enters, turned(turn_of(bodies[k], 3), normal) if k >= 0 else normal
