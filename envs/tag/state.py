"""What a row of tag holds, and the numbers that its rules share."""

from dataclasses import dataclass

from puffer_arena.core import Array, Header, i8, i32, param

UNSEEN, FLOOR, WALL, CHASER, RUNNER = range(5)
STAY, UP, DOWN, LEFT, RIGHT = range(5)
DROW = (0, -1, 1, 0, 0)
DCOL = (0, 0, 0, -1, 1)
HEAD_START = 3  # a runner starts at least so many moves from every chaser, where there is room
TRIES = 64


@dataclass(frozen=True)
class Params:
    chasers: int = param(3, 1, 8, "how many hunt")
    runners: int = param(3, 1, 8, "how many flee")
    size: int = param(12, 6, 40, "rows and columns")
    walls: float = param(0.2, 0.0, 0.5, "share of the cells where a pillar is tried", at_reset=True)
    sight: int = param(9, 3, 15, "rows and columns in sight, odd")
    rest: int = param(4, 0, 10, "runners pause on every rest-th step; 0 for never")
    reward_catch: float = param(1.0, 0.0, 10.0, "for a catch; its loss for being caught")
    reward_step: float = param(0.01, 0.0, 1.0, "cost of a step to chasers, gain to runners")
    max_steps: int = param(150, 10, 10_000, "steps before the episode is truncated")

    def __post_init__(self) -> None:
        if self.sight % 2 == 0:
            raise ValueError(f"sight = {self.sight}; it must be odd, so that the agent is in the middle")

    @property
    def agents(self) -> int:
        return self.chasers + self.runners


class State(Header):
    caught: int = i32()  # runners caught
    catches: Array = i32("chasers")  # by each chaser; its length parts chasers from runners
    row: Array = i32("agents", below="size")
    col: Array = i32("agents", below="size")
    from_row: Array = i32("agents", below="size")  # before the last step
    from_col: Array = i32("agents", below="size")
    board: Array = i8("size", "size")  # FLOOR or WALL; beyond p.size all is WALL
