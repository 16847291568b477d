"""What a row of racer holds, and the numbers that its rules share."""

from dataclasses import dataclass

from puffer_arena.core import Array, Header, body2d, f64, i32, labels_of, param
from puffer_arena.core.races import SEEN_OF_OTHERS
from puffer_arena.core.roads import SECTIONS

TIME_STEP = 1 / 30
LONG, BROAD, AXLE = 3.0, 1.5, 1.0  # of a car; from its middle to an axle, m
GRAVITY = 9.81  # m/s²
BRAKE, STEER, STEER_RATE = 12.0, 0.55, 4.0  # m/s², greatest angle in rad, rad/s
RAYS, RAY_LENGTH, BEHIND, AHEAD = 7, 40.0, 2, 12  # the last two: sections that rays meet
BENDS = (2, 5, 9)  # sections ahead whose bends are seen
SEEN = (
    *("speed ahead", "speed left", "spin", "steering", "across", "sine to road", "cosine to road"),
    *(f"bend {k}" for k in range(len(BENDS))),
    *("grip used", "road width"),
    *(f"ray {k}" for k in range(RAYS)),
)
TRAIL = 48  # places that skid marks keep


@dataclass(frozen=True)
class Params:
    cars: int = param(2, 1, 4, "on the road")
    laps: int = param(2, 1, 20, "to drive")
    size: float = param(24.0, 16.0, 60.0, "half the height of the course, m", at_reset=True)
    twist: float = param(0.35, 0.0, 0.6, "how much the course winds", at_reset=True)
    width: float = param(8.0, 5.0, 14.0, "of the road, m", at_reset=True)
    power: float = param(9.0, 4.0, 20.0, "of the engine, m/s²")
    grip: float = param(1.2, 0.3, 2.5, "of the tyres on the road, in g")
    grass: float = param(1.0, 0.0, 4.0, "share of the velocity that grass takes each second")
    reward_progress: float = param(0.02, 0.0, 1.0, "for a metre along the road")
    reward_lap: float = param(1.0, 0.0, 10.0, "for a lap")
    max_steps: int = param(1500, 60, 100_000, "steps before the episode is truncated")

    @property
    def seen(self) -> tuple[str, ...]:
        return SEEN + labels_of("car", self.cars - 1, SEEN_OF_OTHERS)


class State(Header):
    cars: Array = body2d("cars")
    road: Array = f64(SECTIONS, 2)  # middle of each section's beginning
    left: Array = f64(SECTIONS, 2)  # its edges
    right: Array = f64(SECTIONS, 2)
    mile: Array = f64(SECTIONS)  # metres from the start
    bend: Array = f64(SECTIONS)  # 1/m, to the left
    length: float = f64()  # of a lap, m
    at: Array = i32("cars", below=SECTIONS)  # the section that a car is on
    place: Array = f64("cars")  # metres from the start, along the road
    across: Array = f64("cars")  # from its middle to the left, m
    driven: Array = f64("cars")  # metres
    lap: Array = i32("cars")  # laps done
    steer: Array = f64("cars")  # angle of the front wheels, rad
    used: Array = f64("cars")  # part of the grip that is used; above 1 tyres slip
    marks: Array = f64("cars", TRAIL, 3)  # x, y, and whether tyres slipped
    home: int = i32()  # cars that have done all laps
    finished: int = i32()  # 1 when all have
    cost: Array  # a signal: the kernels keep it
