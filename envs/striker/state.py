"""What a row of striker is: measures, parameters and state."""

from dataclasses import dataclass

from puffer_arena.core import Array, Body2D, Header, body2d, f64, i32, labels_of, param, segment2d, touch2d

TIME_STEP = 1 / 20
PLAYER_RADIUS, BALL_RADIUS = 0.7, 0.45  # metres
WALL_RADIUS = 0.5
REACH = 0.45  # gap between player and ball that a kick bridges
SEEN = (
    *("x", "y", "vx", "vy", "boost", "kick ready", "ball away x", "ball away y", "ball vx", "ball vy"),
    *("half length", "goal width", "ball x", "ball y"),
)
SEEN_OF_OTHERS = ("there", "away x", "away y", "vx", "vy")
GOAL_DEPTH = 2.2
TOP_DRAG, BALL_DRAG = 1.6, 0.35  # share of the velocity lost each second
KICK_REST = 8  # steps between two kicks
BOOST_COST, BOOST_GAIN = 1 / 30, 1 / 120  # of the store, each step
WALLS = 12


@dataclass(frozen=True)
class Params:
    team: int = param(2, 1, 3, "players a side")
    goals: int = param(1, 1, 9, "goals to win")
    length: float = param(26.0, 16.0, 40.0, "of the pitch in metres; it is 0.6 as wide", at_reset=True)
    goal_width: float = param(6.0, 3.0, 9.0, "metres", at_reset=True)
    ball_mass: float = param(0.4, 0.1, 2.0, "of a player's", at_reset=True)
    push: float = param(12.0, 4.0, 24.0, "acceleration of a player, m/s²")
    kick: float = param(12.0, 0.0, 20.0, "speed that a kick gives the ball, m/s")
    shaping: float = param(0.02, 0.0, 0.1, "reward for a metre gained by the ball")
    max_steps: int = param(600, 20, 10_000, "steps before the episode is truncated")

    @property
    def players(self) -> int:
        return 2 * self.team

    @property
    def seen(self) -> tuple[str, ...]:
        mates = labels_of("mate", self.team - 1, SEEN_OF_OTHERS)
        return SEEN + mates + labels_of("foe", self.team, SEEN_OF_OTHERS)


class State(Header):
    players: Array = body2d("players")  # red, then blue
    ball: Body2D = body2d()
    bumps: Array = touch2d("players")
    walls: Array = segment2d(WALLS)
    boost: Array = f64("players")  # 1 is full
    rest: Array = i32("players")  # steps until the next kick
    kicked: Array = i32("players")  # in this step, for the picture
    gap: Array = f64("players")  # distance from the ball
    ball_x: float = f64()  # before the step
    red_goals: int = i32()
    blue_goals: int = i32()
    touches: int = i32()  # steps in which somebody played the ball
