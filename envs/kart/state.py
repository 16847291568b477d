"""What a row of kart holds, and the numbers that its rules share."""

from dataclasses import dataclass

from puffer_arena.core import Array, Header, body3d, f64, i32, labels_of, param, wheel3d
from puffer_arena.core.races import SEEN_OF_OTHERS
from puffer_arena.core.roads import SECTIONS

GRAVITY = 9.81  # m/s²
MASS = 200.0  # kg
WHEEL_RADIUS = 0.35  # m
TIME_STEP = 1 / 30
BENDS = (1, 3, 5, 8, 12)  # sections ahead whose bends are seen
SEEN = (
    *("speed ahead", "speed left", "turn rate", "steering", "across", "sine to road", "cosine to road"),
    *(f"bend {k}" for k in range(len(BENDS))),
    "skid",
)


@dataclass(frozen=True)
class Params:
    cars: int = param(2, 1, 4, "karts on the road")
    laps: int = param(2, 1, 20, "to drive")
    size: float = param(30.0, 20.0, 60.0, "half the height of the course, m", at_reset=True)
    twist: float = param(0.3, 0.0, 0.5, "how much the course winds", at_reset=True)
    width: float = param(9.0, 6.0, 14.0, "of the road, m", at_reset=True)
    force: float = param(1600.0, 500.0, 4000.0, "of the engine, N")
    grip: float = param(1.8, 0.8, 4.0, "of the tyres", at_reset=True)
    reward_progress: float = param(0.02, 0.0, 1.0, "for a metre along the road")
    reward_lap: float = param(1.0, 0.0, 10.0, "for a lap")
    max_steps: int = param(1800, 60, 100_000, "steps before the episode is truncated")

    @property
    def seen(self) -> tuple[str, ...]:
        return SEEN + labels_of("kart", self.cars - 1, SEEN_OF_OTHERS)


class State(Header):
    cars: Array = body3d("cars")
    wheels: Array = wheel3d("cars", 4)
    road: Array = f64(SECTIONS, 2)  # the road, as racer lays it
    left: Array = f64(SECTIONS, 2)
    right: Array = f64(SECTIONS, 2)
    mile: Array = f64(SECTIONS)
    bend: Array = f64(SECTIONS)
    length: float = f64()
    at: Array = i32("cars", below=SECTIONS)
    place: Array = f64("cars")
    across: Array = f64("cars")
    driven: Array = f64("cars")  # metres
    lap: Array = i32("cars")  # laps done
    steer: Array = f64("cars")  # rad
    home: int = i32()  # karts that have done all laps
    finished: int = i32()  # 1 when all have
    cost: Array  # a signal: the kernels keep it
