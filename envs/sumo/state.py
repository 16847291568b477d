"""What a row of sumo holds, and the numbers that its rules share."""

from dataclasses import dataclass

from puffer_arena.core import Array, Header, body2d, f64, i32, labels_of, param, touch2d

TIME_STEP = 1 / 20
DISC = 0.6  # metres
LEAST = 0.3  # of the ring's first radius is left in the end
DASH_REST = 24  # steps between two dashes
SEEN = ("x", "y", "vx", "vy", "to edge", "dash ready", "ring", "ring left", "others")
SEEN_OF_OTHERS = ("there", "away x", "away y", "vx", "vy")
BLAME = 30  # steps for which a shove counts


@dataclass(frozen=True)
class Params:
    wrestlers: int = param(4, 2, 8, "on the ring")
    radius: float = param(5.0, 3.0, 8.0, "of the ring at first, m", at_reset=True)
    shrink: float = param(18.0, 5.0, 120.0, "seconds in which the ring becomes its least")
    push: float = param(10.0, 4.0, 20.0, "acceleration, m/s²")
    drag: float = param(1.3, 0.3, 3.0, "share of the velocity lost each second")
    dash: float = param(6.0, 0.0, 10.0, "speed that a dash adds, m/s")
    elasticity: float = param(0.9, 0.2, 1.0, "of bumps", at_reset=True)
    reward_push: float = param(0.5, 0.0, 1.0, "for having shoved somebody off")
    max_steps: int = param(600, 40, 10_000, "steps before the episode is truncated")

    @property
    def seen(self) -> tuple[str, ...]:
        return SEEN + labels_of("wrestler", self.wrestlers - 1, SEEN_OF_OTHERS)


class State(Header):
    discs: Array = body2d("wrestlers")
    bumps: Array = touch2d("wrestlers")
    ring: float = f64()  # radius, m
    rest: Array = i32("wrestlers")  # steps until the next dash
    shover: Array = i32("wrestlers", below="wrestlers")  # who touched one last; oneself for nobody
    shoved: Array = i32("wrestlers")  # when
    fell: Array = i32("wrestlers")  # in which step; -1 who has not
    left: Array = f64("wrestlers", 2)  # where
    pushed_off: int = i32()  # wrestlers whom somebody shoved off
