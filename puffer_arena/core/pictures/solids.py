"""Solid shapes for compiled rules: faces in front of one another, lit, as a camera sees them.

Faces are flat and balls exact; light and materials are those of the window's 3D view (`render.world`).  Shapes stand in
the canvas' frame (`core.pictures.axes`).
"""

import math

from puffer_arena.core.fields import Array
from puffer_arena.core.pictures.axes import (
    BACK,
    FACE,
    FAR,
    FOCUS,
    MIDDLE_X,
    MIDDLE_Y,
    NEAR,
    SUN,
    Point,
    Space,
    cross,
    dot,
    part_of,
    unit,
)
from puffer_arena.core.pictures.raster import RGB
from puffer_arena.machine.compile import jit

SIDES = 12  # of a cylinder
DULL = 0.8  # part of their colour that solid shapes other than balls have
AMBIENT = (0.38, 0.4, 0.48)
SUNLIGHT, BACKLIGHT = (0.95, 0.9, 0.8), (0.25, 0.3, 0.45)
GLOSS, SHARP = 0.5, 40.0  # of a highlight
Rgb = tuple[float, float, float]


@jit
def lit(view: Array, n: Point, color: int, shade: float) -> Rgb:
    """Return what a surface with this normal looks like, 0 to 255."""
    sun = max(dot(n, (view[SUN], view[SUN + 1], view[SUN + 2])), 0.0)
    back = max(dot(n, (view[BACK], view[BACK + 1], view[BACK + 2])), 0.0)
    red = shade * RGB[color, 0] * (AMBIENT[0] + sun * SUNLIGHT[0] + back * BACKLIGHT[0])
    green = shade * RGB[color, 1] * (AMBIENT[1] + sun * SUNLIGHT[1] + back * BACKLIGHT[1])
    blue = shade * RGB[color, 2] * (AMBIENT[2] + sun * SUNLIGHT[2] + back * BACKLIGHT[2])
    return red, green, blue


@jit
def shine(view: Array, n: Point, towards: Point) -> float:
    """Return how bright a highlight of the sun is, 0 to 1, for an eye in the direction `towards`."""
    way = unit((view[SUN] + towards[0], view[SUN + 1] + towards[1], view[SUN + 2] + towards[2]))
    facing = dot(n, way)
    return GLOSS * facing**SHARP if facing > 0.8 else 0.0


@jit
def level_of(value: float) -> int:
    return int(min(max(value, 0.0), 255.0))


@jit
def put(picture: Array, row: int, col: int, rgb: Rgb, alpha: float) -> None:
    if alpha >= 1.0:
        for k in range(3):
            picture[row, col, k] = level_of(rgb[k])
    else:
        for k in range(3):
            picture[row, col, k] = level_of(rgb[k] * alpha + picture[row, col, k] * (1.0 - alpha))


@jit
def fill_face(space: Space, count: int, normal: Point, rgb: Rgb, alpha: float) -> None:
    """Paint a flat convex polygon, its corners the first `count` points at hand, in the camera's axes."""
    picture, depth, view, _, points, _ = space
    focus, rows, cols = view[FOCUS], picture.shape[0], picture.shape[1]
    far = dot(normal, (points[0, 0], points[0, 1], points[0, 2]))  # along the normal, of the plane
    if not 1e-9 < abs(far) < FAR:
        return
    kept = 0
    top, low = 1e9, -1e9
    for k in range(count):
        j = k + 1 if k + 1 < count else 0
        x, y, z = points[k, 0], points[k, 1], points[k, 2]
        if not (abs(x) < FAR and abs(y) < FAR and abs(z) < FAR):
            return
        if z >= NEAR:
            kept = add_corner(space, kept, x, y, z)
        if (z >= NEAR) != (points[j, 2] >= NEAR):
            part = (NEAR - z) / (points[j, 2] - z)
            kept = add_corner(space, kept, x + part * (points[j, 0] - x), y + part * (points[j, 1] - y), NEAR)
    if kept < 3:
        return
    for k in range(kept):
        top, low = min(top, points[FACE + k, 1]), max(low, points[FACE + k, 1])
    above, below = (
        int(min(max(math.ceil(top - 0.5), 0.0), rows * 1.0)),
        int(min(max(math.floor(low - 0.5) + 1.0, 0.0), rows * 1.0)),
    )
    # One over the distance changes evenly over the picture.
    across, down = normal[0] / (far * focus), -normal[1] / (far * focus)
    ahead = normal[2] / far - across * view[MIDDLE_X] - down * view[MIDDLE_Y]
    for row in range(above, below):
        y = row + 0.5
        left, right = 1e9, -1e9
        for k in range(kept):
            j = FACE + (k + 1 if k + 1 < kept else 0)
            y0, y1 = points[FACE + k, 1], points[j, 1]
            if (y0 <= y) != (y1 <= y):
                x = points[FACE + k, 0] + (y - y0) / (y1 - y0) * (points[j, 0] - points[FACE + k, 0])
                left, right = min(left, x), max(right, x)
        first = int(min(max(math.ceil(left - 0.5), 0.0), cols * 1.0))
        last = int(min(max(math.floor(right - 0.5) + 1.0, 0.0), cols * 1.0))
        for col in range(first, last):
            nearness = ahead + across * (col + 0.5) + down * y
            if nearness > depth[row, col]:
                put(picture, row, col, rgb, alpha)
                if alpha >= 1.0:
                    depth[row, col] = nearness


@jit
def add_corner(space: Space, kept: int, x: float, y: float, z: float) -> int:
    """Note a corner's pixel; return how many there are."""
    view, points = space[2], space[4]
    if FACE + kept >= len(points):
        return kept
    points[FACE + kept, 0] = view[MIDDLE_X] + view[FOCUS] * x / z
    points[FACE + kept, 1] = view[MIDDLE_Y] - view[FOCUS] * y / z
    return kept + 1


@jit
def set_point(points: Array, k: int, at: Point) -> None:
    points[k, 0], points[k, 1], points[k, 2] = at


@jit
def along(a: Point, b: Point, part: float) -> Point:
    return a[0] + part * b[0], a[1] + part * b[1], a[2] + part * b[2]


@jit
def is_in_sight(space: Space, around: float) -> bool:
    """Tell whether a ball around the frame's place, with that radius, may be seen."""
    view, frame, cols, rows = space[2], space[5], space[0].shape[1], space[0].shape[0]
    x, y, z = frame[0], frame[1], frame[2]
    if not (abs(x) < FAR and abs(y) < FAR and abs(z) < FAR and around < FAR) or z + around < NEAR:
        return False
    wide, high = 0.5 * cols / view[FOCUS], 0.5 * rows / view[FOCUS]
    beside = abs(x) - wide * z - around * math.sqrt(1.0 + wide * wide)
    above = abs(y) - high * z - around * math.sqrt(1.0 + high * high)
    return bool(beside < 0.0 and above < 0.0)


@jit
def solid_box(space: Space, half: Point, color: int, alpha: float) -> None:
    _, _, view, _, points, frame = space
    if not is_in_sight(space, math.sqrt(dot(half, half))):
        return
    middle = part_of(frame, 0)
    for axis in range(3):
        a, b = (axis + 1) % 3, (axis + 2) % 3
        out, u, v = part_of(frame, 1 + axis), part_of(frame, 1 + a), part_of(frame, 1 + b)
        for side in range(2):
            sign = 1.0 if side else -1.0
            at = along(middle, out, sign * half[axis])
            normal = sign * out[0], sign * out[1], sign * out[2]
            if dot(normal, at) >= 0.0:  # it looks away
                continue
            for k in range(4):
                corner = along(along(at, u, half[a] if k in (1, 2) else -half[a]), v, half[b] if k > 1 else -half[b])
                set_point(points, k, corner)
            fill_face(space, 4, normal, lit(view, normal, color, DULL), alpha)


@jit
def solid_cylinder(space: Space, radius: float, half: float, color: int, alpha: float) -> None:
    """Paint a cylinder along the frame's third axis."""
    _, _, view, _, points, frame = space
    if not is_in_sight(space, math.sqrt(radius * radius + half * half)):
        return
    middle, x, y, z = part_of(frame, 0), part_of(frame, 1), part_of(frame, 2), part_of(frame, 3)
    for k in range(SIDES):
        way = 2.0 * math.pi * (k + 0.5) / SIDES
        normal = along((math.cos(way) * x[0], math.cos(way) * x[1], math.cos(way) * x[2]), y, math.sin(way))
        if dot(normal, along(middle, normal, radius)) >= 0.0:
            continue
        for j in range(4):
            rim = 2.0 * math.pi * (k + (1 if j in (1, 2) else 0)) / SIDES
            at = along(along(middle, x, radius * math.cos(rim)), y, radius * math.sin(rim))
            set_point(points, j, along(at, z, half if j > 1 else -half))
        fill_face(space, 4, normal, lit(view, normal, color, DULL), alpha)
    for side in range(2):
        sign = 1.0 if side else -1.0
        normal, at = (sign * z[0], sign * z[1], sign * z[2]), along(middle, z, sign * half)
        if dot(normal, at) >= 0.0:
            continue
        for k in range(SIDES):
            rim = 2.0 * math.pi * k / SIDES
            set_point(points, k, along(along(at, x, radius * math.cos(rim)), y, radius * math.sin(rim)))
        fill_face(space, SIDES, normal, lit(view, normal, color, DULL), alpha)


@jit
def bounds(middle: float, z: float, radius: float, focus: float) -> tuple[float, float]:
    """Return between which pixels from straight ahead a ball is seen along one axis of the picture."""
    inside = z * z - radius * radius
    root = radius * math.sqrt(middle * middle + inside)
    return focus * (middle * z - root) / inside, focus * (middle * z + root) / inside


@jit
def solid_ball(space: Space, radius: float, color: int, alpha: float) -> None:
    """Paint a striped ball at the frame's place, its stripes running along the third axis."""
    picture, depth, view, _, _, frame = space
    x, y, z = frame[0], frame[1], frame[2]
    if not radius > 0.0 or not is_in_sight(space, radius) or z - radius < NEAR:
        return
    focus, rows, cols = view[FOCUS], picture.shape[0], picture.shape[1]
    left, right = bounds(x, z, radius, focus)
    low, high = bounds(y, z, radius, focus)
    first = int(min(max(math.ceil(view[MIDDLE_X] + left - 0.5), 0.0), cols * 1.0))
    last = int(min(max(math.floor(view[MIDDLE_X] + right - 0.5) + 1.0, 0.0), cols * 1.0))
    above = int(min(max(math.ceil(view[MIDDLE_Y] - high - 0.5), 0.0), rows * 1.0))
    below = int(min(max(math.floor(view[MIDDLE_Y] - low - 0.5) + 1.0, 0.0), rows * 1.0))
    rest = x * x + y * y + z * z - radius * radius
    for row in range(above, below):
        v = (view[MIDDLE_Y] - row - 0.5) / focus
        for col in range(first, last):
            u = (col + 0.5 - view[MIDDLE_X]) / focus
            a, b = u * u + v * v + 1.0, u * x + v * y + z
            root = b * b - a * rest
            if root < 0.0:
                continue
            t = (b - math.sqrt(root)) / a
            if not t * depth[row, col] < 1.0:
                continue
            n = (t * u - x) / radius, (t * v - y) / radius, (t - z) / radius
            e, f = dot(n, part_of(frame, 1)), dot(n, part_of(frame, 2))
            dark = (e > 0.0) != ((f > 0.0) != (abs(e) > abs(f)))  # by eighths of a turn
            rgb = lit(view, n, color, 0.55 if dark else 1.0)
            gleam = 255.0 * shine(view, n, unit((-u, -v, -1.0)))
            put(picture, row, col, (rgb[0] + gleam, rgb[1] + gleam, rgb[2] + gleam), alpha)
            if alpha >= 1.0:
                depth[row, col] = 1.0 / t


@jit
def solid_triangle(space: Space, color: int) -> None:
    """Paint the triangle of the first three points, which is seen from both sides."""
    points = space[4]
    a = points[0, 0], points[0, 1], points[0, 2]
    u = points[1, 0] - a[0], points[1, 1] - a[1], points[1, 2] - a[2]
    v = points[2, 0] - a[0], points[2, 1] - a[1], points[2, 2] - a[2]
    normal = unit(cross(u, v))
    if dot(normal, a) > 0.0:
        normal = -normal[0], -normal[1], -normal[2]
    fill_face(space, 3, normal, lit(space[2], normal, color, DULL), 1.0)
