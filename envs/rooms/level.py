"""How the levels of rooms are laid out."""

from puffer_arena.core import jit, randint, uniform
from puffer_arena.envs.rooms.state import (
    COLORS,
    DCOL,
    DROW,
    FLOORS,
    MATERIALS,
    SHAPES,
    UNREACHED,
    Params,
    State,
    cell_of,
    holds_thing,
    is_wall,
    most_things,
)


@jit
def build_rooms(s: State, p: Params) -> None:
    """Lay out rooms with a wall and a floor of their own, and doors between them."""
    span = p.size + 1
    s.plan[:] = 1
    for room in range(p.rooms**2):
        top, left = room // p.rooms * span, room % p.rooms * span
        wall, floor = 1 + randint(s, MATERIALS), -randint(s, FLOORS)
        for row in range(span + 1):
            for col in range(span + 1):
                inside = 0 < row < span and 0 < col < span
                s.plan[top + row, left + col] = floor if inside else wall
    for room in range(1, p.rooms**2):
        top, left = room // p.rooms * span, room % p.rooms * span
        needed = randint(s, 2) if top > 0 and left > 0 else int(top == 0)  # a door to the north, or to the west
        for way in range(2):
            at = 1 + randint(s, p.size - 1)  # the last place is never a door's, so that a thing always finds room
            more = uniform(s, 0.0, 1.0) < p.loops and top > 0 and left > 0
            if way == needed or more:
                row, col = (top, left + at) if way == 0 else (top + at, left)
                s.plan[row, col] = s.plan[top + 1, left + 1]


@jit
def draw_cell(s: State, p: Params, room: int, starts: bool) -> tuple[int, int]:
    """Draw a cell of a room, as row and column: one from which the wanted thing is reached, or one for a thing.

    The first that fits from a random one on; a thing's holds nothing and lies before no door.
    """
    top, left = room // p.rooms * (p.size + 1), room % p.rooms * (p.size + 1)
    drawn = randint(s, p.size**2)
    row, col = top + 1, left + 1
    for k in range(p.size**2):
        cell = (drawn + k) % p.size**2
        row, col = top + 1 + cell // p.size, left + 1 + cell % p.size
        if s.distance[row, col] > 0 if starts else not (holds_thing(s, row, col) or at_door(s, row, col)):
            break
    return row, col


@jit
def place_things(s: State, p: Params) -> None:
    """Put a thing into each of the first rooms in `order`, or all into one room; off the doors' ways."""
    last = len(s.things) - 1
    shape, color = randint(s, SHAPES), randint(s, COLORS)
    s.things[:] = 0.0
    for k in range(min(p.things, last, most_things(p))):
        row, col = draw_cell(s, p, s.order[k % p.rooms**2], False)
        s.things[k, 0], s.things[k, 1], s.things[k, 3] = col + 0.5, row + 0.5, 0.6
        s.things[k, 4], s.things[k, 5] = (shape + k) % SHAPES, (color + k + k // SHAPES) % COLORS


@jit
def at_door(s: State, row: int, col: int) -> bool:
    """Tell whether a cell of a room lies before a door: between walls, floor leads on where two walls would be."""
    for way in range(4):
        to_row, to_col = row + DROW[way], col + DCOL[way]
        beside = is_wall(s, to_row + DCOL[way], to_col + DROW[way]) and is_wall(
            s, to_row - DCOL[way], to_col - DROW[way]
        )
        if beside and not is_wall(s, to_row, to_col):
            return True
    return False


@jit
def measure(s: State, p: Params) -> None:
    """Fill `distance` from the wanted thing's cell, breadth first; other things are in the way."""
    side = len(s.plan)
    s.distance[:] = UNREACHED
    row, col = cell_of(s.things[0, 1], side), cell_of(s.things[0, 0], side)
    s.distance[row, col], s.queue[0], taken, count = 0, row * side + col, 0, 1
    while taken < count:
        row, col = s.queue[taken] // side, s.queue[taken] % side
        taken += 1
        for way in range(4):
            to_row, to_col = row + DROW[way], col + DCOL[way]
            if is_wall(s, to_row, to_col) or s.distance[to_row, to_col] != UNREACHED:
                continue
            if not holds_thing(s, to_row, to_col):
                s.distance[to_row, to_col] = s.distance[row, col] + 1
                s.queue[count] = to_row * side + to_col
                count += 1
