"""What a row of pistons holds, and the numbers that its rules share."""

from dataclasses import dataclass

from puffer_arena.core import Array, Body2D, Header, body2d, f64, i32, param, segment2d

TIME_STEP = 1 / 20
LENGTH = 4.0  # of a piston, m; it is 1 m wide
CEILING = 9.0  # m above the lowest stroke
LABELS = (
    *("height", "left 2", "left 1", "right 1", "right 2", "place"),
    *("in sight", "ball x", "ball y", "velocity x", "velocity y", "spin"),
)


@dataclass(frozen=True)
class Params:
    pistons: int = param(20, 4, 40, "in the row", at_reset=True)
    travel: float = param(2.0, 1.0, 3.0, "stroke of a piston, m")
    speed: float = param(2.0, 0.5, 4.0, "of a piston, m/s")
    ball: float = param(1.0, 0.6, 1.4, "radius of the ball, m", at_reset=True)
    bounce: float = param(0.5, 0.0, 0.9, "elasticity", at_reset=True)
    friction: float = param(0.3, 0.0, 1.0, "between ball and pistons", at_reset=True)
    sight: float = param(4.0, 1.5, 40.0, "metres to either side in which a piston sees the ball")
    local: float = param(0.5, 0.0, 1.0, "part of the reward that only pistons under the ball get")
    reward_progress: float = param(0.1, 0.0, 1.0, "for a metre to the left")
    reward_time: float = param(-0.002, -0.1, 0.0, "for a step")
    max_steps: int = param(300, 30, 10_000, "steps before the episode is truncated")


class State(Header):
    pistons: Array = body2d("pistons")
    ball: Body2D = body2d()
    walls: Array = segment2d(3)  # left, right, above
    before: float = f64()  # x of the ball
    done: float = f64()  # part of the way, 0 to 1
    finished: int = i32()  # 1 when the ball is at the wall
