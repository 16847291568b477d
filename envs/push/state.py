"""What a row of push is: what stands in cells, parameters and state."""

from dataclasses import dataclass

from puffer_arena.core import Array, Header, i8, i32, param

WALL, FLOOR, TARGET, BOX, HOME, PLAYER, PLAYER_ON_TARGET = range(7)
UP, DOWN, LEFT, RIGHT = range(4)


@dataclass(frozen=True)
class Params:
    size: int = param(8, 6, 12, "rows and columns, the outer wall included")
    boxes: int = param(2, 1, 6, "boxes, and as many targets", at_reset=True)
    walls: float = param(0.3, 0.0, 0.6, "share of the inner cells that are left as walls, about", at_reset=True)
    pulls: int = param(16, 1, 64, "pulls that a level is made by, at most: pushes that solve it")
    reward_step: float = param(0.1, 0.0, 1.0, "cost of a step")
    max_steps: int = param(120, 10, 2000, "steps before the episode is truncated")

    @property
    def cells(self) -> int:
        return self.size * self.size

    @property
    def moves(self) -> int:
        return 4 * self.size * self.size

    @property
    def plans(self) -> int:
        return self.pulls + 1


class State(Header):
    row: int = i32(below="size")
    col: int = i32(below="size")
    facing: int = i32(below=4)  # the last move that was tried
    moved: int = i32(below=3)  # in the last step: 0 nothing, 1 the player, 2 the player and a box
    brought: int = i32()  # boxes that got home in the last step, -1 for one that left
    home: int = i32()  # boxes on targets
    away: int = i32()  # boxes that are not
    solved: int = i32()
    pushes: int = i32()
    left: int = i32(below="plans")  # pushes of the plan that are left; 0 where it was not followed
    plan: Array = i32("pulls", below="moves")  # the last one first: 4 (row * size + col) + way, where the player stands
    board: Array = i8("size", "size", below=5)  # WALL, FLOOR, TARGET, BOX or HOME; beyond p.size all is WALL
    steps: Array = i32("size", "size")  # the two are in hand while a level is made
    queue: Array = i32("cells", below="cells")
