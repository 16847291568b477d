"""What people change in the levels of rooms."""

import math

from puffer_arena.envs.rooms.draw import side_of
from puffer_arena.envs.rooms.level import measure
from puffer_arena.envs.rooms.rules import look_around
from puffer_arena.envs.rooms.state import UNREACHED, Params, State, is_wall, way_to_go


def walls_of(s: State, p: Params) -> list[list[int]]:
    """Return where walls are: 1, or 0 for floor."""
    side = side_of(p)
    return [[int(s.plan[row, col] > 0) for col in range(side)] for row in range(side)]


def build_walls(s: State, p: Params, codes: list[list[int]]) -> None:
    """Build the walls that a person has drawn; new floors and walls look like those of the room that they are in."""
    span = p.size + 1
    for row, line in enumerate(codes):
        for col, wall in enumerate(line):
            if wall != int(s.plan[row, col] > 0):
                top, left = min(row // span, p.rooms - 1) * span, min(col // span, p.rooms - 1) * span
                s.plan[row, col] = max(1, s.plan[top, left]) if wall else min(0, s.plan[top + 1, left + 1])


def find_start(s: State, p: Params) -> list[tuple[float, float]]:
    return [(math.floor(s.x), math.floor(s.y))]


def put_start(s: State, p: Params, k: int, x: float, y: float) -> None:
    s.x, s.y = x + 0.5, y + 0.5


def find_wanted(s: State, p: Params) -> list[tuple[float, float]]:
    return [(math.floor(s.things[0, 0]), math.floor(s.things[0, 1]))]


def put_wanted(s: State, p: Params, k: int, x: float, y: float) -> None:
    s.things[0, 0], s.things[0, 1] = x + 0.5, y + 0.5


def find_others(s: State, p: Params) -> list[tuple[float, float]]:
    others = range(1, len(s.things) - 1)
    return [(math.floor(s.things[k, 0]), math.floor(s.things[k, 1])) for k in others if s.things[k, 3] > 0.0]


def put_other(s: State, p: Params, k: int, x: float, y: float) -> None:
    s.things[1 + k, 0], s.things[1 + k, 1] = x + 0.5, y + 0.5


def finish(s: State, p: Params) -> str:
    """Measure the way in rooms that a person has drawn."""
    last = side_of(p) - 1
    for k in range(last + 1):
        for row, col in ((0, k), (last, k), (k, 0), (k, last)):
            s.plan[row, col] = max(1, s.plan[row, col])
    measure(s, p)
    (start,), things = find_start(s, p), [*find_wanted(s, p), *find_others(s, p)]
    if any(is_wall(s, int(y), int(x)) for x, y in (start, *things)):
        return "the start or a thing is in a wall"
    if len({start, *things}) <= len(things):
        return "the start or a thing is where another thing is"
    if way_to_go(s) == UNREACHED:
        return "there is no way to the wanted thing past the others"
    s.visited[:] = 0
    look_around(s, p)
    return ""
