"""What a row of walker is: measures, parameters and state."""

from dataclasses import dataclass

from puffer_arena.core import Array, Body2D, Header, Touch2D, body2d, f64, i32, joint2d, param, segment2d, touch2d

TIME_STEP = 1 / 50
HULL = ((-1.0, 0.3), (0.2, 0.3), (1.13, 0.03), (1.13, -0.27), (-1.0, -0.27))  # metres
HULL_MASS, THIGH_MASS, SHIN_MASS = 5.3, 0.3, 0.24  # kg
LEG_LENGTH, THIGH_WIDTH, SHIN_WIDTH = 1.13, 0.27, 0.21
HIP_Y = -0.27  # below the hull's centre of mass
HIP_SPEED, KNEE_SPEED = 4.0, 6.0  # rad/s
HIP_RANGE, KNEE_RANGE = (-0.8, 1.1), (-1.6, -0.1)  # rad
EDGES = 100  # of the ground
STRIDE = 1.2  # metres of a plain edge
START = 8.0  # metres of level ground before the first bump; the walker stands at half of it
DEPTH = 4.0  # of a pit
RAYS, RAY_LENGTH = 10, 5.3


@dataclass(frozen=True)
class Params:
    length: float = param(25.0, 10.0, 93.0, "of the course, m", at_reset=True)
    bumps: float = param(0.2, 0.0, 1.0, "steepness of the ground", at_reset=True)
    obstacles: float = param(0.0, 0.0, 0.5, "share of strides that hold a stump or a pit", at_reset=True)
    stump: float = param(0.5, 0.0, 1.5, "greatest height of a stump, m; 0 for none", at_reset=True)
    pit: float = param(1.0, 0.0, 2.5, "greatest width of a pit, m; 0 for none", at_reset=True)
    torque: float = param(80.0, 20.0, 160.0, "of a motor, Nm")
    gravity: float = param(10.0, 5.0, 15.0, "m/s²", at_reset=True)
    max_steps: int = param(1200, 50, 10_000, "steps before the episode is truncated")


CROSSED, FELL, DROPPED, TIME_UP = range(4)  # endings


class State(Header):
    hull: Body2D = body2d()
    thighs: Array = body2d(2)
    shins: Array = body2d(2)
    hips: Array = joint2d(2)
    knees: Array = joint2d(2)
    belly: Touch2D = touch2d()
    feet: Array = touch2d(2)
    ground: Array = segment2d(EDGES)
    x: float = f64()  # the ground's end while it is laid
    y: float = f64()
    laid: int = i32(below=EDGES)
    below: int = i32(below=EDGES)  # the edge below the hull
    value: float = f64()  # of the last situation
    crossed: int = i32()


LABELS = (
    *("tilt", "spin", "velocity x", "velocity y"),
    *(f"{leg} {what}" for leg in ("near", "far") for what in ("hip", "hip speed", "knee", "knee speed", "foot")),
    *(f"ray {k}" for k in range(RAYS)),
)
