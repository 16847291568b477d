"""What a row of marble holds, and the numbers that its rules share."""

from dataclasses import dataclass

from puffer_arena.core import Array, Body3D, Header, body3d, f64, i32, param

GRAVITY = 9.81  # m/s²
RADIUS = 0.4  # of the marble, m
MASS = 1.0  # kg
THICK = 0.4  # of a plate, m
DT = 1 / 60  # seconds of one step
AHEAD = 3  # plates that are seen
SEEN = 6  # numbers for each of them
LABELS = (
    *("velocity x", "velocity y", "velocity z", "spin x", "spin y", "spin z"),
    *("tilt right", "tilt forwards", "wind x", "wind y", "height", "half width"),
    *(f"plate {k} {what}" for k in range(AHEAD) for what in ("x", "near edge", "far edge", "height", "slope", "bank")),
)


@dataclass(frozen=True)
class Params:
    plates: int = param(8, 2, 24, "plates of the course", at_reset=True)
    length: float = param(5.0, 3.0, 10.0, "of a plate, m", at_reset=True)
    width: float = param(2.4, 0.8, 6.0, "of a plate, m", at_reset=True)
    gap: float = param(0.4, 0.0, 1.5, "greatest gap between plates, m", at_reset=True)
    drop: float = param(0.3, 0.0, 1.0, "greatest step down to the next plate, m", at_reset=True)
    bend: float = param(1.5, 0.0, 2.0, "greatest shift to the side of the next plate, m", at_reset=True)
    slope: float = param(0.08, 0.0, 0.2, "steepest plate, rad", at_reset=True)
    bank: float = param(0.05, 0.0, 0.2, "greatest lean of a plate to the side, rad", at_reset=True)
    wind: float = param(0.3, 0.0, 1.5, "strength of the gusts, m/s²")
    tilt: float = param(0.3, 0.1, 0.5, "greatest tilt of the world, rad")
    margin: float = param(0.3, 0.0, 1.0, "distance from a plate's side that costs, m")
    reward_progress: float = param(0.1, 0.0, 1.0, "for a metre forwards")
    reward_finish: float = param(2.0, 0.0, 10.0, "for reaching the goal")
    reward_fall: float = param(-1.0, -10.0, 0.0, "for falling")
    max_steps: int = param(1500, 60, 100_000, "steps before the episode is truncated")

    @property
    def beyond(self) -> int:
        """One more than a course can have."""
        return self.plates + 1


class State(Header):
    marble: Body3D = body3d()
    plates: Array = body3d("plates")
    edges: Array = f64("plates", 3)  # middle of each plate's near edge, on its upper side: x, y, z
    slopes: Array = f64("plates")  # rad, upwards
    banks: Array = f64("plates")  # rad, the right side down
    plate: int = i32(below="plates")  # the plate the marble is on, or flies towards
    count: int = i32(below="beyond")  # plates of this course
    tilt: Array = f64(2)  # of the world: to the right, forwards, rad
    gust: Array = f64(3)  # direction, phase and rhythm of the wind
    wind: Array = f64(2)  # m/s²
    start: float = f64()  # y of the marble at the start
    score: float = f64()  # part of the course done, 0 to 1
    finished: int = i32()  # 1 at the goal
    cost: float  # a signal: the kernels keep it
