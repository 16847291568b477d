"""What a row of maze holds, and the numbers that its rules share."""

from dataclasses import dataclass

from puffer_arena.core import Array, Header, i8, i32, param

UNSEEN, WALL, FLOOR, GOAL = range(4)
UP, DOWN, LEFT, RIGHT = range(4)
DROW = (-1, 1, 0, 0)
DCOL = (0, 0, -1, 1)
UNREACHED = -1


@dataclass(frozen=True)
class Params:
    size: int = param(13, 5, 63, "rows and columns, the outer wall included")
    sight: int = param(7, 3, 15, "rows and columns in sight, odd")
    walls: float = param(0.8, 0.0, 1.0, "part of the inner walls that stand; 0 is an open room", at_reset=True)
    distance: int = param(20, 1, 2000, "steps from the start to the goal, or as far as the level has", at_reset=True)
    max_steps: int = param(200, 10, 10_000, "steps before the episode is truncated")

    def __post_init__(self) -> None:
        if self.sight % 2 == 0:
            raise ValueError(f"sight = {self.sight}; it must be odd, so that the agent is in the middle")

    @property
    def cells(self) -> int:
        return self.size * self.size


class State(Header):
    row: int = i32(below="size")
    col: int = i32(below="size")
    from_row: int = i32(below="size")  # before the last step
    from_col: int = i32(below="size")
    length: int = i32()  # steps of the shortest path from the start
    reached: int = i32()  # 1 at the goal
    board: Array = i8("size", "size")  # WALL, FLOOR or GOAL; beyond p.size all is UNSEEN
    distance: Array = i32("size", "size")  # steps to the goal, UNREACHED at walls
    queue: Array = i32("cells", below="cells")  # cells in hand while a level is made: row * size + col
