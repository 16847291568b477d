"""What a row of rooms holds."""

import math
from dataclasses import dataclass

from puffer_arena.core import Array, Header, f64, i8, i32, jit, param

FORWARD, LEFT, RIGHT = range(3)
STRIDE, TURN = 0.4, math.pi / 6
RADIUS, REACH = 0.22, 0.5  # metres: of the body, and from where a thing is taken
VIEW = 1.3  # radians from the left to the right edge of the picture
MATERIALS, FLOORS, SHAPES, COLORS = 8, 8, 6, 6
UNREACHED = -1
DROW = (-1, 0, 1, 0)
DCOL = (0, 1, 0, -1)
FOUND, WRONG, TIME_UP = range(3)  # endings


@dataclass(frozen=True)
class Params:
    pixels: int = param(48, 16, 256, "rows and columns of the picture")
    rooms: int = param(2, 1, 5, "rooms along either side")
    size: int = param(3, 2, 8, "cells along a room's side")
    things: int = param(3, 1, 25, "things that lie about, each in a room of its own where there are several")
    loops: float = param(0.5, 0.0, 1.0, "part of the doors beyond those that every room needs", at_reset=True)
    shown: int = param(6, 1, 10_000, "steps for which the wanted thing is shown")
    wrong: float = param(0.5, 0.0, 1.0, "what it costs to go to another thing")
    shaping: float = param(0.0, 0.0, 1.0, "reward for each cell nearer to the wanted thing, past the others")
    max_steps: int = param(150, 10, 10_000, "steps before the episode is truncated")

    def __post_init__(self) -> None:
        if self.things > most_things(self):
            raise ValueError(f"things = {self.things}; rooms of this number and size hold {most_things(self)} at most")

    @property
    def side(self) -> int:
        return self.rooms * (self.size + 1) + 1

    @property
    def cells(self) -> int:
        return self.side**2

    @property
    def every_room(self) -> int:
        return self.rooms**2

    @property
    def slots(self) -> int:
        return self.things + 1  # the last is what is shown


class State(Header):
    x: float = f64()
    y: float = f64()
    heading: float = f64()
    found: int = i32()  # 1 at the wanted thing
    taken: int = i32()  # 1 at another
    plan: Array = i8("side", "side")  # walls and floors as `paint_rooms` takes them
    things: Array = f64("slots", 6)  # the wanted one first; as `paint_rooms` takes them
    order: Array = i32("every_room", below="every_room")  # rooms, those of the things first
    visited: Array = i8("rooms", "rooms")
    distance: Array = i32("side", "side")  # cells to the wanted thing past all others, UNREACHED where there is no way
    queue: Array = i32("cells", below="cells")


@jit
def most_things(p: Params) -> int:
    """Return how many things there is room for: one in each room, or in one alone all but two of its cells."""
    return p.rooms**2 if p.rooms > 1 else p.size**2 - 2


@jit
def is_wall(s: State, row: int, col: int) -> bool:
    return not (0 <= row < len(s.plan) and 0 <= col < len(s.plan)) or s.plan[row, col] > 0


@jit
def cell_of(place: float, side: int) -> int:
    return int(min(max(math.floor(place), 0.0), side - 1.0))


@jit
def holds_thing(s: State, row: int, col: int) -> bool:
    for k in range(len(s.things) - 1):
        there = s.things[k, 3] > 0.0
        if there and s.things[k, 0] == col + 0.5 and s.things[k, 1] == row + 0.5:
            return True
    return False


@jit
def way_to_go(s: State) -> int:
    """Return how many cells it is to the wanted thing, UNREACHED where another is in the way."""
    side = len(s.plan)
    return int(s.distance[cell_of(s.y, side), cell_of(s.x, side)])
