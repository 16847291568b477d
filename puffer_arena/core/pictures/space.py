"""A canvas in space for compiled rules: what `camera` and `draw3d` call, and the bodies.

See `core.pictures.axes` for its arrays, and `core.pictures.solids` for what is painted.
"""

import math

import numpy as np

from puffer_arena.core.fields import Array
from puffer_arena.core.pictures.axes import (
    AGENT,
    AT,
    AXES,
    BACK,
    BALL,
    BODY,
    BOX,
    COLOR,
    COUNT,
    CYLINDER,
    EYE,
    FACE,
    FAR,
    FIRST,
    FOCUS,
    KIND,
    LEAN_AHEAD,
    LEAN_RIGHT,
    MIDDLE_X,
    MIDDLE_Y,
    MOST_FIELDS,
    MOST_POINTS,
    NEAR,
    NOTHING,
    NUMBERS,
    OWN,
    SHADOW,
    SHINING,
    SUN,
    TARGET,
    TINT,
    TRIANGLE,
    Point,
    Space,
    corner_of,
    cross,
    dot,
    owner_of,
    seen_from,
    set_frame,
    stand,
    turn,
    unit,
)
from puffer_arena.core.pictures.raster import NAMES, RGB
from puffer_arena.core.pictures.shadows import cast_shadow
from puffer_arena.core.pictures.solids import (
    along,
    fill_face,
    set_point,
    solid_ball,
    solid_box,
    solid_cylinder,
    solid_triangle,
)
from puffer_arena.machine.compile import jit, machine_code

FIELD_OF_VIEW = math.radians(60.0)  # across
SUN_WAY, BACK_WAY = (-0.329, -0.4699, 0.8192), (0.4698, 0.8138, 0.342)  # towards the lights, in the world's axes
BACKGROUND, RAISED = NAMES.index("background"), NAMES.index("raised")


@machine_code
def open_space(picture: Array, agent: int, bodies: int) -> Space:
    """Return a canvas on a picture, cleared to the sky, for so many bodies; `agent` looks, -1 for nobody."""
    rows, cols = picture.shape[0], picture.shape[1]
    view = np.zeros(NUMBERS)
    view[FOCUS] = 0.5 * cols / math.tan(0.5 * FIELD_OF_VIEW)
    view[MIDDLE_X], view[MIDDLE_Y], view[AGENT] = 0.5 * cols, 0.5 * rows, agent
    view[AT + 1], view[AT + 2] = -9.0, 4.0
    for row in range(rows):
        up = 1.0 - (row + 0.5) / rows
        for k in range(3):
            low, high = float(RGB[BACKGROUND, k]), min(1.15 * RGB[RAISED, k], 255.0)
            level = np.uint8(low + (high - low) * up)
            for col in range(cols):
                picture[row, col, k] = level
    return (
        picture,
        np.zeros((rows, cols), np.float32),
        view,
        np.zeros((bodies, BODY)),
        np.zeros((FACE + 32, 3)),
        np.zeros(12),
    )


@machine_code
def chase(space: Space, x: float, y: float, z: float, heading: float, distance: float, height: float) -> None:
    look_from(space[2], (x - distance * math.cos(heading), y - distance * math.sin(heading), z + height), (x, y, z))


@machine_code
def orbit(space: Space, x: float, y: float, z: float, angle: float, elevation: float, distance: float) -> None:
    out = distance * math.cos(elevation)
    at = x + out * math.cos(angle), y + out * math.sin(angle), z + distance * math.sin(elevation)
    look_from(space[2], at, (x, y, z))


@jit
def look_from(view: Array, at: Point, target: Point) -> None:
    for k in range(3):
        view[AT + k], view[TARGET + k] = at[k], target[k]


@machine_code
def tilt(space: Space, right: float, forward: float) -> None:
    space[2][LEAN_RIGHT], space[2][LEAN_AHEAD] = right, forward


@machine_code
def who_looks(space: Space) -> int:
    return int(space[2][AGENT])


@machine_code
def aim(space: Space) -> None:
    """Set the camera up, once it was placed: bodies and things follow."""
    view = space[2]
    ahead = unit((view[TARGET] - view[AT], view[TARGET + 1] - view[AT + 1], view[TARGET + 2] - view[AT + 2]))
    flat = math.sqrt(ahead[0] * ahead[0] + ahead[1] * ahead[1])
    right = (ahead[1] / flat, -ahead[0] / flat, 0.0) if flat > 1e-6 else (1.0, 0.0, 0.0)
    up = cross(right, ahead)
    axes = right, up, ahead
    for k in range(3):
        view[SUN + k], view[BACK + k] = dot(axes[k], SUN_WAY), dot(axes[k], BACK_WAY)
        leant = lean_back(view, axes[k])
        for j in range(3):
            view[AXES + 3 * k + j] = leant[j]
    away = lean_back(view, (view[AT] - view[TARGET], view[AT + 1] - view[TARGET + 1], view[AT + 2] - view[TARGET + 2]))
    for k in range(3):
        view[EYE + k] = view[TARGET + k] + away[k]


@jit
def lean_back(view: Array, v: Point) -> Point:
    """Turn a vector against the world's lean: the world stays upright, and the camera leans the other way."""
    cos, sin = math.cos(-view[LEAN_AHEAD]), math.sin(-view[LEAN_AHEAD])
    x, y, z = v[0], cos * v[1] + sin * v[2], cos * v[2] - sin * v[1]
    cos, sin = math.cos(view[LEAN_RIGHT]), math.sin(view[LEAN_RIGHT])
    return cos * x - sin * z, y, cos * z + sin * x


@jit
def is_due(space: Space, alpha: float) -> bool:
    """Tell whether it is a thing's turn: what light shines through comes after all else."""
    return bool((alpha < 1.0) == (space[2][SHINING] > 0.0))


@machine_code
def draw_box(
    space: Space,
    x: float,
    y: float,
    z: float,
    width: float,
    depth: float,
    height: float,
    color: int,
    heading: float,
    alpha: float,
) -> None:
    if is_due(space, alpha):
        view, cos, sin = space[2], math.cos(heading), math.sin(heading)
        axes = turn(view, (cos, sin, 0.0)), turn(view, (-sin, cos, 0.0)), turn(view, (0.0, 0.0, 1.0))
        set_frame(space[5], seen_from(view, x, y, z), axes[0], axes[1], axes[2])
        solid_box(space, (0.5 * width, 0.5 * depth, 0.5 * height), color, alpha)


@machine_code
def draw_sphere(space: Space, x: float, y: float, z: float, radius: float, color: int, alpha: float) -> None:
    if is_due(space, alpha):
        view = space[2]
        axes = turn(view, (1.0, 0.0, 0.0)), turn(view, (0.0, 1.0, 0.0)), turn(view, (0.0, 0.0, 1.0))
        set_frame(space[5], seen_from(view, x, y, z), axes[0], axes[1], axes[2])
        solid_ball(space, radius, color, alpha)


@machine_code
def draw_cylinder(space: Space, a: Point, b: Point, radius: float, color: int, alpha: float) -> None:
    if is_due(space, alpha):
        view = space[2]
        ends = seen_from(view, a[0], a[1], a[2]), seen_from(view, b[0], b[1], b[2])
        whole = ends[1][0] - ends[0][0], ends[1][1] - ends[0][1], ends[1][2] - ends[0][2]
        z = unit(whole)
        x = unit(cross(z, (0.0, 0.0, 1.0) if abs(z[2]) < 0.9 else (1.0, 0.0, 0.0)))
        set_frame(space[5], along(ends[0], whole, 0.5), x, cross(z, x), z)
        solid_cylinder(space, radius, 0.5 * math.sqrt(dot(whole, whole)), color, alpha)


@machine_code
def begin_points(space: Space) -> None:
    space[2][COUNT] = 0.0


@machine_code
def add_point(space: Space, x: float, y: float, z: float) -> None:
    view, points = space[2], space[4]
    count = int(view[COUNT])
    if count < MOST_POINTS - 4:  # four are kept for faces
        set_point(points, 4 + count, seen_from(view, x, y, z))
        view[COUNT] = count + 1.0


@machine_code
def draw_line(space: Space, color: int, width: float, alpha: float) -> None:
    """Draw through the points at hand, a pixel wide at least."""
    if not is_due(space, alpha):
        return
    _, _, view, _, points, _ = space
    for k in range(1, int(view[COUNT])):
        a = points[3 + k, 0], points[3 + k, 1], points[3 + k, 2]
        b = points[4 + k, 0], points[4 + k, 1], points[4 + k, 2]
        draw_stroke(space, a, b, 0.5 * width, color, alpha)


@jit
def draw_stroke(space: Space, a: Point, b: Point, half: float, color: int, alpha: float) -> None:
    """Paint a strip from `a` to `b`, in the camera's axes, that faces the camera."""
    _, _, view, _, points, _ = space
    if a[2] > b[2]:
        a, b = b, a
    if not (abs(a[0]) + abs(a[1]) + abs(a[2]) + abs(b[0]) + abs(b[1]) + b[2] < FAR) or b[2] < 2.0 * NEAR:
        return
    if a[2] < NEAR:
        part = (NEAR - a[2]) / (b[2] - a[2])
        a = a[0] + part * (b[0] - a[0]), a[1] + part * (b[1] - a[1]), NEAR
    way = b[0] - a[0], b[1] - a[1], b[2] - a[2]
    side = cross(way, a)
    if dot(side, side) < 1e-12:  # straight away from the eye
        return
    side = unit(side)
    normal = unit(cross(side, way))
    near, far = max(half, 0.6 * a[2] / view[FOCUS]), max(half, 0.6 * b[2] / view[FOCUS])
    set_point(points, 0, along(a, side, -near))
    set_point(points, 1, along(a, side, near))
    set_point(points, 2, along(b, side, far))
    set_point(points, 3, along(b, side, -far))
    rgb = float(RGB[color, 0]), float(RGB[color, 1]), float(RGB[color, 2])
    fill_face(space, 4, normal, rgb, alpha)


@machine_code
def paint_body(space: Space, field: int, color: int, k: int) -> None:
    """Show a body of a field in another colour; there may be none."""
    number = int(space[2][FIRST + min(max(field, 0), MOST_FIELDS - 1)]) + k
    if 0 <= number < len(space[3]) and k >= 0:
        space[3][number, TINT] = color


@machine_code
def note_body(space: Space, k: int, at: Point, w: float, x: float, y: float, z: float) -> None:
    """Note where the State's `k`-th body is; it has its own colour until it is painted."""
    body = space[3][k]
    body[0], body[1], body[2] = at
    body[3], body[4], body[5], body[6], body[TINT] = w, x, y, z, -1.0


@machine_code
def note_field(space: Space, field: int, first: int) -> None:
    space[2][FIRST + field] = first


@machine_code
def draw_bodies(space: Space, parts: Array) -> None:
    """Paint what bodies look like, then their shadows; things that light shines through come next."""
    _, _, view, bodies, points, _ = space
    for i in range(len(parts)):
        part = parts[i]
        kind, k = int(part[KIND]) if 0.0 <= part[KIND] <= SHADOW else NOTHING, owner_of(part, bodies)
        color = part[COLOR] if k < 0 or bodies[k, TINT] < 0.0 else bodies[k, TINT]
        color = int(color) if 0.0 <= color < len(RGB) else 0
        if kind == BOX:
            stand(space, part, OWN + 3)
            solid_box(space, (part[OWN], part[OWN + 1], part[OWN + 2]), color, 1.0)
        elif kind == BALL:
            stand(space, part, OWN + 3)
            solid_ball(space, part[OWN], color, 1.0)
        elif kind == CYLINDER:
            stand(space, part, OWN + 3)
            solid_cylinder(space, part[OWN], part[OWN + 1], color, 1.0)
        elif kind == TRIANGLE:
            for j in range(3):
                at = corner_of(part, j, bodies)
                set_point(points, j, seen_from(view, at[0], at[1], at[2]))
            solid_triangle(space, color)
    for i in range(len(parts)):
        if parts[i, KIND] == SHADOW:
            cast_shadow(space, parts, i)
    view[SHINING] = 1.0
