"""Rooms: walk through rooms as a first person sees them, and find what was shown at the start.

Rooms, doors, walls, floors and things are new in every level.  For `shown` steps the wanted thing hovers before the eye;
from then on it has to be remembered.  The things differ in shape and in colour, one in each of some rooms; a room alone
holds them all.

Actions       Discrete(3): FORWARD, LEFT, RIGHT; a step of 0.4 m or a turn of 30 degrees.
Observation   uint8 (pixels, pixels, 3): what the eye sees, red, green and blue.
Reward        1 at the wanted thing, less 0.5 for the part of max_steps that it took; -`wrong` at another.  With
              `shaping` that much besides for every cell that the way to the wanted thing has become shorter.
Termination   any thing, the wanted or another.  Truncation: max_steps.
Parameters    pixels, rooms, size, things, loops, shown, wrong, shaping, max_steps.
Source        own; after Beattie et al. 2016, "DeepMind Lab", and Chevalier-Boisvert et al. 2023, "Miniworld".
"""

import math
from dataclasses import dataclass

import numpy as np

from puffer_arena.core import (
    Array,
    Box,
    Brush,
    Canvas,
    Discrete,
    Editor,
    Env,
    Header,
    Memory,
    Painted,
    Things,
    f64,
    i8,
    i32,
    jit,
    paint_rooms,
    param,
    randint,
    uniform,
)

FORWARD, LEFT, RIGHT = range(3)
STRIDE, TURN = 0.4, math.pi / 6
RADIUS, REACH = 0.22, 0.5  # metres: of the body, and from where a thing is taken
VIEW = 1.3  # radians from the left to the right edge of the picture
MATERIALS, FLOORS, SHAPES, COLORS = 8, 8, 6, 6
UNREACHED = -1
DROW = (-1, 0, 1, 0)
DCOL = (0, 1, 0, -1)
NAMES = ("rose", "amber", "leaf", "sky", "violet", "white")  # of the palette, as the things' colours
SCREEN = (144, 192)  # rows and columns of what `draw` shows people
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
def reset(s: State, p: Params) -> None:
    build_rooms(s, p)
    for k in range(p.rooms**2):  # the rooms in random order
        other = randint(s, k + 1)
        s.order[k], s.order[other] = s.order[other], k
    place_things(s, p)
    measure(s, p)
    row, col = draw_cell(s, p, randint(s, p.rooms**2), True)
    s.x, s.y, s.heading = col + 0.5, row + 0.5, randint(s, 12) * TURN
    s.found, s.taken = 0, 0
    s.visited[:] = 0
    look_around(s, p)


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
def is_wall(s: State, row: int, col: int) -> bool:
    return not (0 <= row < len(s.plan) and 0 <= col < len(s.plan)) or s.plan[row, col] > 0


@jit
def is_blocked(s: State, x: float, y: float) -> bool:
    """Tell whether a body at (x, y) would stand in a wall."""
    for k in range(4):
        row = math.floor(y + (RADIUS if k & 1 else -RADIUS))
        col = math.floor(x + (RADIUS if k & 2 else -RADIUS))
        if is_wall(s, row, col):
            return True
    return False


@jit
def look_around(s: State, p: Params) -> None:
    """Note the room that the body is in, and hold what is wanted before the eye while it is shown."""
    span, last = p.size + 1, len(s.things) - 1
    row, col = int(min(max(s.y, 0.0), 1e6)) // span, int(min(max(s.x, 0.0), 1e6)) // span
    s.visited[min(row, len(s.visited) - 1), min(col, len(s.visited) - 1)] = 1
    s.things[last, 0] = s.x + RADIUS * math.cos(s.heading)
    s.things[last, 1] = s.y + RADIUS * math.sin(s.heading)
    s.things[last, 2], s.things[last, 3] = 0.38, 0.1 if s.step_count < p.shown else 0.0
    s.things[last, 4], s.things[last, 5] = s.things[0, 4], s.things[0, 5]


@jit
def step(s: State, p: Params, action: int) -> tuple[float, bool, bool]:
    before = way_to_go(s)
    if action in (LEFT, RIGHT):
        s.heading += TURN if action == RIGHT else -TURN
        s.heading -= math.floor(s.heading / (2.0 * math.pi)) * 2.0 * math.pi
    else:
        x, y = s.x + STRIDE * math.cos(s.heading), s.y + STRIDE * math.sin(s.heading)
        if not is_blocked(s, x, s.y):
            s.x = x
        if not is_blocked(s, s.x, y):
            s.y = y
    look_around(s, p)
    for k in range(len(s.things) - 1):
        dx, dy = s.things[k, 0] - s.x, s.things[k, 1] - s.y
        if s.things[k, 3] > 0.0 and dx * dx + dy * dy < REACH * REACH:
            s.found, s.taken = 1 if k == 0 else 0, 0 if k == 0 else 1
            return 1.0 - 0.5 * min(1.0, s.step_count / p.max_steps) if k == 0 else -p.wrong, True, False
    after = way_to_go(s)
    nearer = before - after if before >= 0 and after >= 0 else 0
    return p.shaping * nearer, False, s.step_count >= p.max_steps


@jit
def way_to_go(s: State) -> int:
    """Return how many cells it is to the wanted thing, UNREACHED where another is in the way."""
    side = len(s.plan)
    return int(s.distance[cell_of(s.y, side), cell_of(s.x, side)])


@jit
def ending(s: State, p: Params) -> int:
    return FOUND if s.found else WRONG if s.taken else TIME_UP


@jit
def observe(s: State, p: Params, obs: Array) -> None:
    paint_rooms(obs, s.plan, (s.x, s.y, s.heading, VIEW), s.things)


@jit
def seeker(s: State, p: Params, memory: Memory) -> int:
    """Walk the shortest way from cell to cell, which it knows."""
    side = len(s.plan)
    row, col = cell_of(s.y, side), cell_of(s.x, side)
    to_row, to_col = row, col
    for way in range(4):
        next_row, next_col = row + DROW[way], col + DCOL[way]
        if not is_wall(s, next_row, next_col) and 0 <= s.distance[next_row, next_col] < s.distance[row, col]:
            to_row, to_col = next_row, next_col
    turn = math.atan2(to_row + 0.5 - s.y, to_col + 0.5 - s.x) - s.heading
    turn -= math.floor(turn / (2.0 * math.pi) + 0.5) * 2.0 * math.pi
    if abs(turn) <= 0.5 * TURN + 1e-6:
        return FORWARD
    return RIGHT if turn > 0.0 else LEFT


def draw(s: State, p: Params, canvas: Canvas) -> None:
    canvas.view(16.0, 9.0)
    screen = np.zeros((SCREEN[0], SCREEN[1], 3), np.uint8)
    paint_rooms(screen, s.plan, (s.x, s.y, s.heading, VIEW), s.things)
    canvas.picture(0.0, 0.0, 12.0, 9.0, screen)
    canvas.rect(12.0, 0.0, 4.0, 9.0, "panel")
    draw_map(s, p, canvas, 12.25, 0.25, 3.5)
    shown = s.step_count < p.shown
    canvas.text(14.0, 4.5, "find" if shown else "find it", "muted", size=0.4)
    canvas.rect(13.0, 5.0, 2.0, 2.0, "raised", radius=0.3)
    color = NAMES[int(s.things[0, 5]) % len(NAMES)]
    if shown:
        canvas.circle(14.0, 6.0, 0.6, color)
    else:
        canvas.text(14.0, 6.0, "?", "text", size=1.2)
    left = 1.0 - s.step_count / p.max_steps
    canvas.rect(12.5, 8.2, 3.0, 0.24, "line", radius=0.12)
    canvas.rect(12.5, 8.2, max(3.0 * left, 0.01), 0.24, "accent" if left > 0.25 else "rose", radius=0.12)
    canvas.status("look at what you are to find" if shown else f"{p.max_steps - s.step_count} steps left")


@jit
def side_of(p: Params) -> int:
    """Return rows and columns of cells, of the rooms of this row."""
    return p.rooms * (p.size + 1) + 1


def draw_map(s: State, p: Params, canvas: Canvas, x: float, y: float, width: float, whole: bool = False) -> None:
    """Draw the rooms that were entered, or the whole of them, from above."""
    side = side_of(p)
    cell, span = width / side, p.size + 1
    canvas.rect(x, y, width, width, "background", radius=0.1)
    for row in range(side):
        for col in range(side):
            if whole or is_known(s, p, row, col):
                wall = s.plan[row, col] > 0
                canvas.rect(x + col * cell, y + row * cell, cell, cell, "wall" if wall else "raised")
    for k in range(len(s.things) - 1):
        row, col = int(s.things[k, 1]) // span, int(s.things[k, 0]) // span
        if s.things[k, 3] > 0.0 and 0 <= row < p.rooms and 0 <= col < p.rooms and (whole or s.visited[row, col]):
            tint = NAMES[int(s.things[k, 5]) % len(NAMES)]
            canvas.circle(x + s.things[k, 0] * cell, y + s.things[k, 1] * cell, 0.4 * cell, tint)
    at_x, at_y = x + s.x * cell, y + s.y * cell
    tip = at_x + cell * math.cos(s.heading), at_y + cell * math.sin(s.heading)
    sides = [(s.heading + turn) for turn in (2.4, -2.4)]
    back = [(at_x + 0.7 * cell * math.cos(way), at_y + 0.7 * cell * math.sin(way)) for way in sides]
    canvas.polygon([tip, *back], "white")


def is_known(s: State, p: Params, row: int, col: int) -> bool:
    """Tell whether one of the rooms that a cell belongs to was entered; a wall parts two."""
    span = p.size + 1
    for r in range((row - 1) // span, row // span + 1):
        for c in range((col - 1) // span, col // span + 1):
            if 0 <= r < p.rooms and 0 <= c < p.rooms and s.visited[r, c] != 0:
                return True
    return False


def draw_plan(s: State, p: Params, canvas: Canvas) -> None:
    """Draw all of it from above, a unit for a cell, for the editor; the wanted thing has a ring."""
    side = side_of(p)
    canvas.view(side, side)
    draw_map(s, p, canvas, 0.0, 0.0, float(side), whole=True)
    canvas.ring(s.things[0, 0], s.things[0, 1], 0.46, "white", width=0.06)


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


@jit
def finish(s: State, p: Params) -> str:
    """Measure the way in rooms that a person has drawn."""
    last = side_of(p) - 1
    for k in range(last + 1):
        for row, col in ((0, k), (last, k), (k, 0), (k, last)):
            s.plan[row, col] = max(1, s.plan[row, col])
    measure(s, p)
    if is_wall(s, math.floor(s.y), math.floor(s.x)):
        return "the start or a thing is in a wall"
    for k in range(len(s.things) - 1):
        row, col = math.floor(s.things[k, 1]), math.floor(s.things[k, 0])
        if s.things[k, 3] > 0.0 and is_wall(s, row, col):
            return "the start or a thing is in a wall"
    for k in range(len(s.things) - 1):
        row, col = math.floor(s.things[k, 1]), math.floor(s.things[k, 0])
        shared = row == math.floor(s.y) and col == math.floor(s.x)
        for j in range(k):
            there = s.things[j, 3] > 0.0
            shared |= there and row == math.floor(s.things[j, 1]) and col == math.floor(s.things[j, 0])
        if s.things[k, 3] > 0.0 and shared:
            return "the start or a thing is where another thing is"
    if way_to_go(s) == UNREACHED:
        return "there is no way to the wanted thing past the others"
    s.visited[:] = 0
    look_around(s, p)
    return ""


ENV = Env(
    params=Params,
    state=State,
    observation=Box(0, 255, ("pixels", "pixels", 3), np.uint8),
    action=Discrete(3, ("forward", "left", "right")),
    reset=reset,
    step=step,
    observe=observe,
    draw=draw,
    bots={"seeker": seeker},
    keys={"up": FORWARD, "left": LEFT, "right": RIGHT},
    editor=Editor(
        cells=Painted(
            "",
            (Brush("floor", 0, "."), Brush("wall", 1, "#")),
            lambda p: (side_of(p), side_of(p)),
            read=walls_of,
            write=build_walls,
        ),
        things=(
            Things("start", find_start, put_start),
            Things("wanted", find_wanted, put_wanted),
            Things("thing", find_others, put_other),
        ),
        finish=finish,
        draw=draw_plan,
    ),
    counters=("found", "taken"),
    success="found",
    ending=ending,
    endings=("found it", "took another thing", "time is up"),
    waits=True,
    steps_per_second=8.0,
    solved=0.7,
    version=1,
)
