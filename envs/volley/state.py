"""What a row of volley holds, and the numbers that its rules share."""

from dataclasses import dataclass

from puffer_arena.core import Array, Body2D, Header, body2d, f64, i32, labels_of, param, segment2d, touch2d

TIME_STEP = 1 / 30
PLAYER, BALL, POST = 0.75, 0.4, 0.08  # radii, m
SEEN = (
    *("x", "y", "vx", "vy", "ball x", "ball y", "ball vx", "ball vy", "ball away x", "ball away y"),
    *("half width", "net", "held"),
)
SEEN_OF_OTHERS = ("there", "away x", "y", "vx", "vy")
CEILING = 9.0  # m above the sand, which nobody sees
FASTEST = 13.0  # m/s, of the ball
FALL = 18.0  # m/s², of players
HELD = 15  # steps before the ball drops


@dataclass(frozen=True)
class Params:
    team: int = param(1, 1, 2, "players a side")
    points: int = param(3, 1, 15, "to win")
    width: float = param(12.0, 8.0, 18.0, "of the beach, m", at_reset=True)
    net: float = param(1.7, 1.0, 2.5, "height of the net, m", at_reset=True)
    gravity: float = param(8.0, 4.0, 15.0, "of the ball, m/s²", at_reset=True)
    speed: float = param(6.0, 3.0, 10.0, "of a player, m/s")
    jump: float = param(7.0, 4.0, 10.0, "speed of a jump, m/s")
    bounce: float = param(0.9, 0.5, 1.0, "elasticity", at_reset=True)
    shaping: float = param(0.1, 0.0, 0.5, "for a ball over the net, and for the first touch of it")
    max_steps: int = param(1800, 60, 100_000, "steps before the episode is truncated")

    @property
    def players(self) -> int:
        return 2 * self.team

    @property
    def seen(self) -> tuple[str, ...]:
        mates = labels_of("mate", self.team - 1, SEEN_OF_OTHERS)
        return SEEN + mates + labels_of("foe", self.team, SEEN_OF_OTHERS)


class State(Header):
    players: Array = body2d("players")  # left side, then right
    ball: Body2D = body2d()
    bumps: Array = touch2d("players")
    walls: Array = segment2d(4)  # left, right, above, net
    held: int = i32()  # steps until the ball drops
    side: float = f64()  # on which the ball is: -1 left, 1 right
    touched: int = i32()  # 1 once somebody did there
    left_points: int = i32()
    right_points: int = i32()
    crossings: int = i32()  # of the net
