"""What a row of lander is: measures, parameters and state."""

from dataclasses import dataclass

from puffer_arena.core import Array, Body2D, Header, Touch2D, body2d, f64, i32, param, segment2d, touch2d

COAST, TILT_LEFT, MAIN, TILT_RIGHT = range(4)
WIDTH, HEIGHT = 40.0, 26.0  # metres of sky
BEYOND = 40.0  # metres that are drawn on either side
EDGES = 16  # of the ground, from left to right
EDGE = WIDTH / EDGES
MASS = 10.0  # kg
HULL = ((-0.8, -0.7), (0.8, -0.7), (1.0, 0.1), (0.5, 0.8), (-0.5, 0.8), (-1.0, 0.1))  # metres around the centre of mass
LEG = ((0.7, -0.6), (1.3, -1.5))  # the right one
LEG_RADIUS = 0.1
SIDE_ARM = 0.9  # metres above the centre of mass where side jets push
SIDE_THRUST = 0.6  # m/s²
RAYS = 8
RAY_LENGTH = 20.0
REST_STEPS = 10  # on both feet and slow for so long is landed
TIME_STEP = 1 / 30


@dataclass(frozen=True)
class Params:
    gravity: float = param(5.0, 1.0, 10.0, "m/s²", at_reset=True)
    thrust: float = param(12.0, 11.0, 25.0, "acceleration by the main engine, m/s²")
    wind: float = param(0.5, 0.0, 3.0, "greatest acceleration by gusts, m/s²")
    slope: float = param(0.1, 0.0, 0.5, "steepest mean incline of the ground", at_reset=True)
    roughness: float = param(1.0, 0.0, 3.0, "height of bumps in the ground, m", at_reset=True)
    fuel: float = param(20.0, 4.0, 100.0, "seconds that the main engine can burn", at_reset=True)
    pad: int = param(2, 1, 4, "edges of the ground that are level", at_reset=True)
    speed: float = param(3.0, 0.0, 8.0, "greatest speed at the start, m/s", at_reset=True)
    sturdiness: float = param(4.0, 1.0, 10.0, "speed of a fall that a foot survives, m/s")
    max_steps: int = param(600, 30, 10_000, "steps before the episode is truncated")


LANDED, BESIDE, AWAY, TOO_FAST, TOPPLED, TIME_UP = range(6)  # endings


class State(Header):
    craft: Body2D = body2d()
    hull: Touch2D = touch2d()
    feet: Array = touch2d(2)  # left, right
    ground: Array = segment2d(EDGES)
    pad_x: float = f64()  # its middle
    pad_y: float = f64()
    fuel: float = f64()  # 1 is full
    gust: float = f64()  # where in the wind's song the episode began
    value: float = f64()  # of the last situation; see `worth`
    main: float = f64()  # engines in use, for the picture
    side: float = f64()
    rested: int = i32()  # steps in a row at rest
    landed: int = i32()


LABELS = (
    *("pad x", "pad y", "velocity x", "velocity y", "sine", "cosine", "spin", "left foot", "right foot", "fuel"),
    *(f"ray {k}" for k in range(RAYS)),
)
