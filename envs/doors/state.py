"""Doors' numbers: what cells, actions and a row are."""

from dataclasses import dataclass

from puffer_arena.core import Array, Header, i8, i32, jit, param

UNSEEN, WALL, FLOOR, GOAL, OPEN, CLOSED, LOCKED, KEY, BALL, BOX = range(10)
LEFT, RIGHT, FORWARD, PICK_UP, DROP, TOGGLE = range(6)
DROW = (-1, 0, 1, 0)  # of headings: up, right, down, left
DCOL = (0, 1, 0, -1)
HUES = 6
FAR = 30_000


@dataclass(frozen=True)
class Params:
    across: int = param(2, 1, 6, "rooms side by side")
    down: int = param(1, 1, 3, "rooms one below another")
    room: int = param(4, 3, 6, "rows and columns of a room, walls left out")
    locked: int = param(1, 0, 3, "doors that are locked, at most, on the way to the goal", at_reset=True)
    boxed: float = param(0.0, 0.0, 1.0, "share of the keys that are in boxes", at_reset=True)
    blocked: float = param(0.0, 0.0, 1.0, "share of the locked doors with a ball before them", at_reset=True)
    fetch: float = param(0.0, 0.0, 1.0, "share of the missions that ask for a thing, not for a place", at_reset=True)
    things: int = param(0, 0, 6, "things that are of no use", at_reset=True)
    sight: int = param(7, 3, 9, "rows and columns in sight, odd")
    max_steps: int = param(250, 10, 3000, "steps before the episode is truncated")

    def __post_init__(self) -> None:
        if self.sight % 2 == 0:
            raise ValueError(f"sight = {self.sight}; it must be odd, so that the agent is in the middle")

    @property
    def rows(self) -> int:
        return self.down * (self.room + 1) + 1

    @property
    def cols(self) -> int:
        return self.across * (self.room + 1) + 1

    @property
    def cells(self) -> int:
        return self.rows * self.cols

    @property
    def rooms(self) -> int:
        return self.down * self.across


class State(Header):
    row: int = i32(below="rows")
    col: int = i32(below="cols")
    from_row: int = i32(below="rows")  # before the last step
    from_col: int = i32(below="cols")
    heading: int = i32(below=4)
    carried: Array = i8(3, below=BOX + 1)  # a kind, or 0; its colour; the colour of the key in it
    mission: Array = i8(2, below=BOX + 1)  # GOAL, or the kind of thing to hold, and its colour
    reached: int = i32()  # 1 when the mission is done
    opened: int = i32()  # doors
    kind: Array = i8("rows", "cols", below=BOX + 1)
    color: Array = i8("rows", "cols", below=HUES + 1)
    hidden: Array = i8("rows", "cols", below=HUES + 1)  # colour of the key in a box, or 0
    via: Array = i32("rooms", below="rooms")  # the room from which a room is entered
    doors: Array = i32("rooms", below="cells")  # the door between the two: row * cols + col
    chosen: Array = i32("rooms", below="rooms")  # rooms in hand while a level is made


@jit
def what(s: State, row: int, col: int) -> int:
    """Return the kind of a cell; beyond the board there are walls."""
    rows, cols = s.kind.shape
    kind: int = s.kind[row, col] if 0 <= row < rows and 0 <= col < cols else WALL
    return kind


@jit
def put(s: State, row: int, col: int, kind: int, color: int) -> None:
    s.kind[row, col], s.color[row, col], s.hidden[row, col] = kind, color, 0
