"""What a row of snake holds, and the numbers that its rules share."""

from dataclasses import dataclass

from puffer_arena.core import Array, Header, i8, i32, param

EMPTY, BODY, HEAD, FOOD = range(4)
UP, DOWN, LEFT, RIGHT = range(4)
DROW = (-1, 1, 0, 0)
DCOL = (0, 0, -1, 1)


@dataclass(frozen=True)
class Params:
    rows: int = param(11, 4, 64, "cells")
    cols: int = param(11, 4, 64, "cells")
    reward_food: float = param(1.0, 0.0, 10.0, "for a bite")
    reward_death: float = param(-1.0, -10.0, 0.0, "for a crash")
    max_hunger: int = param(200, 10, 10_000, "steps without food before the episode is truncated")

    @property
    def cells(self) -> int:
        return self.rows * self.cols


class State(Header):
    heading: int = i32(below=4)  # UP, DOWN, LEFT or RIGHT
    length: int = i32()  # cells, head included
    score: int = i32()  # bites
    head: int = i32(below="cells")  # index of the newest cell in `body`
    hunger: int = i32()  # steps since the last bite
    body: Array = i32("cells", 2, below=("rows", "cols"))  # ring buffer of (row, col)
    board: Array = i8("rows", "cols", below=4)  # cell codes
