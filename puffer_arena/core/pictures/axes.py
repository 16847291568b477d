"""The arrays that a canvas in space consists of, and places, turns and frames in them (`core.pictures.space`).

A canvas is a tuple of arrays: the picture, uint8 (rows, cols, 3); one over the distance of what each pixel shows; the
numbers of its view (FOCUS, ...); the State's bodies (a pose and a colour each); the corners of the face or line at hand;
and the frame that a shape stands in.  Lengths are metres; in the camera's own axes x runs right, y up and z ahead.
"""

import math

from puffer_arena.core.fields import Array
from puffer_arena.machine.compile import jit

FOCUS, MIDDLE_X, MIDDLE_Y = range(3)  # pixels that a metre a metre away spans, and the pixel straight ahead
EYE, AXES, SUN, BACK = 3, 6, 15, 18  # where each begins: a place, the camera's axes in rows, ways to the lights in them
AT, TARGET, LEAN_RIGHT, LEAN_AHEAD = 21, 24, 27, 28  # the camera, what it looks at, and how the world leans about that
AGENT, SHINING, COUNT = 29, 30, 31  # who looks; whether it is the turn of what light shines through; points at hand
FIRST = 32  # from here on: the number of each body field's first body
MOST_FIELDS = 32  # body fields of a State
NUMBERS = FIRST + MOST_FIELDS
POSE, TINT, BODY = 7, 7, 8  # numbers of a pose; where a body's colour stands, -1 for its own; numbers of a body
# A part of what a body looks like: a kind, a colour, a body or NO_BODY, and then numbers.
KIND, COLOR, OWNER, OWN = range(4)
NOTHING, BOX, BALL, CYLINDER, TRIANGLE, SHADOW = range(6)
# The numbers of BOX are half sizes and a pose; of BALL the radius, 0, 0, and of CYLINDER radius, half its length, 0, and a
# pose; of TRIANGLE three corners; of SHADOW the radius of the ball around the body.
NO_BODY = -1.0
NEAR, FAR = 0.1, 1e6
MOST_POINTS = 1024  # of a line; others are left out
FACE = MOST_POINTS  # where corners of a face are clipped to
Space = tuple[Array, Array, Array, Array, Array, Array]
Point = tuple[float, float, float]


@jit
def dot(a: Point, b: Point) -> float:
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


@jit
def cross(a: Point, b: Point) -> Point:
    return a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]


@jit
def unit(v: Point) -> Point:
    length = math.sqrt(dot(v, v))
    return (v[0] / length, v[1] / length, v[2] / length) if length > 1e-9 else (0.0, 1.0, 0.0)


@jit
def turn(view: Array, v: Point) -> Point:
    """Return a vector of the world in the camera's axes."""
    x = view[AXES] * v[0] + view[AXES + 1] * v[1] + view[AXES + 2] * v[2]
    y = view[AXES + 3] * v[0] + view[AXES + 4] * v[1] + view[AXES + 5] * v[2]
    return x, y, view[AXES + 6] * v[0] + view[AXES + 7] * v[1] + view[AXES + 8] * v[2]


@jit
def seen_from(view: Array, x: float, y: float, z: float) -> Point:
    """Return a place of the world in the camera's axes."""
    return turn(view, (x - view[EYE], y - view[EYE + 1], z - view[EYE + 2]))


@jit
def set_frame(frame: Array, at: Point, x: Point, y: Point, z: Point) -> None:
    for k in range(3):
        frame[k], frame[3 + k], frame[6 + k], frame[9 + k] = at[k], x[k], y[k], z[k]


@jit
def part_of(frame: Array, k: int) -> Point:
    """Return the place of a frame, or the first, second or third of its axes."""
    return frame[3 * k], frame[3 * k + 1], frame[3 * k + 2]


@jit
def turned(q: tuple[float, float, float, float], v: Point) -> Point:
    """Turn a vector by a unit quaternion (w, x, y, z)."""
    w, x, y, z = q
    a, b, c = 2.0 * (y * v[2] - z * v[1]), 2.0 * (z * v[0] - x * v[2]), 2.0 * (x * v[1] - y * v[0])
    return v[0] + w * a + y * c - z * b, v[1] + w * b + z * a - x * c, v[2] + w * c + x * b - y * a


@jit
def back(q: tuple[float, float, float, float], v: Point) -> Point:
    """Turn a vector against a unit quaternion."""
    return turned((q[0], -q[1], -q[2], -q[3]), v)


@jit
def turn_of(numbers: Array, at: int) -> tuple[float, float, float, float]:
    """Return the quaternion at a place among numbers, made a unit; upright where there is none."""
    w, x, y, z = numbers[at], numbers[at + 1], numbers[at + 2], numbers[at + 3]
    length = math.sqrt(w * w + x * x + y * y + z * z)
    return (w / length, x / length, y / length, z / length) if 1e-6 < length < FAR else (1.0, 0.0, 0.0, 0.0)


@jit
def stand(space: Space, part: Array, at: int) -> None:
    """Set the frame of a part that stands, by the pose at a place among its numbers, on its body."""
    _, _, view, bodies, _, frame = space
    own, place = turn_of(part, at + 3), (part[at], part[at + 1], part[at + 2])
    x, y, z = turned(own, (1.0, 0.0, 0.0)), turned(own, (0.0, 1.0, 0.0)), turned(own, (0.0, 0.0, 1.0))
    k = owner_of(part, bodies)
    if k >= 0:
        q, body = turn_of(bodies[k], 3), bodies[k]
        moved = turned(q, place)
        place = body[0] + moved[0], body[1] + moved[1], body[2] + moved[2]
        x, y, z = turned(q, x), turned(q, y), turned(q, z)
    set_frame(frame, seen_from(view, place[0], place[1], place[2]), turn(view, x), turn(view, y), turn(view, z))


@jit
def owner_of(part: Array, bodies: Array) -> int:
    """Return the number of the body that a part belongs to, -1 for none."""
    return int(part[OWNER]) if 0.0 <= part[OWNER] < len(bodies) else -1


@jit
def corner_of(part: Array, j: int, bodies: Array) -> Point:
    """Return where a triangle's corner is in the world."""
    at = OWN + 3 * j
    place, k = (part[at], part[at + 1], part[at + 2]), owner_of(part, bodies)
    if k < 0:
        return place
    moved = turned(turn_of(bodies[k], 3), place)
    return bodies[k, 0] + moved[0], bodies[k, 1] + moved[1], bodies[k, 2] + moved[2]
