"""Doors: find what the mission names, through rooms, doors, keys, boxes and things in the way.

Rooms hang together as a tree.  The doors before the goal's room may be locked; the key of a lock's colour lies in a room
that can be reached without it, perhaps in a box, and a ball may stand before the door.  MiniGrid's families are
parameters: DoorKey is the default; MultiRoom across=6 locked=0; KeyCorridor across=3 down=3 fetch=1; ObstructedMaze
across=2 down=2 locked=2 boxed=1 blocked=1 fetch=1.

Actions       Discrete(6): LEFT and RIGHT turn, FORWARD, PICK_UP, DROP, TOGGLE (doors and boxes), all of them with the
              cell ahead.  What would do nothing is barred by the mask.
Observation   Dict: `kinds` and `colors` uint8 (sight, sight), the agent at the middle of the lowest row, looking up;
              walls and doors hide what is behind; `carried` and `mission` uint8 (2,), a kind and a colour.
Reward        1 for the mission, less 0.9 for the part of max_steps that it took; else 0.
Termination   the mission: standing on the goal, or holding the thing.  Truncation: max_steps.
Parameters    across, down, room, locked, boxed, blocked, fetch, things, sight, max_steps.
Source        Chevalier-Boisvert et al. 2023, "Minigrid & Miniworld".
"""

import math
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np

from puffer_arena.core import (
    Array,
    Box,
    Brush,
    Canvas,
    Dict,
    Discrete,
    Editor,
    Env,
    Header,
    Memory,
    Painted,
    Things,
    i8,
    i32,
    jit,
    param,
    randint,
    random_bits,
)
from puffer_arena.core.tiles import between, block, burst, creature, ground, surround

UNSEEN, WALL, FLOOR, GOAL, OPEN, CLOSED, LOCKED, KEY, BALL, BOX = range(10)
LEFT, RIGHT, FORWARD, PICK_UP, DROP, TOGGLE = range(6)
DROW = (-1, 0, 1, 0)  # of headings: up, right, down, left
DCOL = (0, 1, 0, -1)
COLORS = ("white", "rose", "lime", "sky", "amber", "violet", "teal")  # 0 is none
NAMES = ("", "red", "green", "blue", "yellow", "violet", "teal")
HUES = 6
FAR = 30_000
LIT = 16  # a bit above those of kinds
REACHED, TIME_UP = range(2)  # endings


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


class Search(Memory):
    steps: Array = i32("rows", "cols")  # to where the bot goes
    queue: Array = i32("cells", below="cells")


@jit
def what(s: State, row: int, col: int) -> int:
    """Return the kind of a cell; beyond the board there are walls."""
    rows, cols = s.kind.shape
    kind: int = s.kind[row, col] if 0 <= row < rows and 0 <= col < cols else WALL
    return kind


@jit
def put(s: State, row: int, col: int, kind: int, color: int) -> None:
    s.kind[row, col], s.color[row, col], s.hidden[row, col] = kind, color, 0


@jit
def place(s: State, p: Params, room: int, kind: int, color: int) -> int:
    """Put something on a free cell of a room, if there is one; return the cell, row * cols + col."""
    top, left = room // p.across * (p.room + 1) + 1, room % p.across * (p.room + 1) + 1
    first = randint(s, p.room * p.room)
    row, col = top, left
    for k in range(p.room * p.room):
        row, col = top + (first + k) // p.room % p.room, left + (first + k) % p.room
        if s.kind[row, col] == FLOOR and not (row == s.row and col == s.col):
            put(s, row, col, kind, color)
            break
    cell: int = row * s.kind.shape[1] + col
    return cell


@jit
def is_behind(s: State, start: int, room: int, other: int) -> bool:
    """Tell whether one leaves `other` for the start through the door of `room`."""
    for _ in range(len(s.via)):
        if other == room:
            return True
        if other == start:
            return False
        other = s.via[other]
    return False


@jit
def reset(s: State, p: Params) -> None:
    for row in range(s.kind.shape[0]):
        for col in range(s.kind.shape[1]):
            inside = row < p.down * (p.room + 1) and col < p.across * (p.room + 1)
            wall = not inside or row % (p.room + 1) == 0 or col % (p.room + 1) == 0
            put(s, row, col, WALL if wall else FLOOR, 0)
    s.reached = s.opened = 0
    s.carried[:] = 0
    s.row = s.col = 0
    rooms = p.across * p.down
    start = randint(s, rooms)
    goal = connect(s, p, start)
    cell = place(s, p, start, FLOOR, 0)
    s.row, s.col = cell // s.kind.shape[1], cell % s.kind.shape[1]
    s.from_row, s.from_col, s.heading = s.row, s.col, randint(s, 4)
    s.mission[0], s.mission[1] = GOAL, 2
    if random_bits(s) & 1023 < int(p.fetch * 1024.0):
        s.mission[0], s.mission[1] = KEY + 1 + randint(s, 2), 1 + randint(s, HUES)
    place(s, p, goal, s.mission[0], s.mission[1])
    lock(s, p, start, goal)
    for _ in range(p.things):
        kind, color = KEY + 1 + randint(s, 2), 1 + randint(s, HUES)
        if kind != s.mission[0] or color != s.mission[1]:
            place(s, p, randint(s, rooms), kind, color)


@jit
def connect(s: State, p: Params, start: int) -> int:
    """Join the rooms by doors, walking on from the last one while that has neighbours left; return the farthest."""
    rooms = p.across * p.down
    for room in range(len(s.via)):
        s.via[room], s.doors[room] = room, 0
    s.chosen[0], depth, deepest, goal = start, 1, 0, start
    while depth > 0:
        room = s.chosen[depth - 1]
        first, stuck = random_bits(s), True
        for turn in range(4):
            way = (first + turn) & 3
            down, across = room // p.across + DROW[way], room % p.across + DCOL[way]
            other = down * p.across + across
            inside = 0 <= down < p.down and 0 <= across < p.across
            if inside and other != start and s.via[other] == other:
                s.via[other] = room
                along = 1 + randint(s, p.room)
                row = max(room // p.across, down) * (p.room + 1) + (0 if DROW[way] else along)
                col = max(room % p.across, across) * (p.room + 1) + (0 if DCOL[way] else along)
                put(s, row, col, CLOSED, 1 + randint(s, HUES))
                s.doors[other] = row * s.kind.shape[1] + col
                s.chosen[depth] = other
                if depth > deepest:
                    deepest, goal = depth, other
                depth += 1
                stuck = False
                break
        if stuck:
            depth -= 1
    return goal if rooms > 1 else start


@jit
def lock(s: State, p: Params, start: int, goal: int) -> None:
    """Lock doors from the goal's on back to the start, each in a colour of its own, and put the keys before them."""
    room, first = goal, randint(s, HUES)
    for k in range(p.locked):
        if room == start:
            return
        row, col = s.doors[room] // s.kind.shape[1], s.doors[room] % s.kind.shape[1]
        color = 1 + (first + k) % HUES
        put(s, row, col, LOCKED, color)
        chosen, count = start, 0
        for other in range(p.across * p.down):
            if not is_behind(s, start, room, other):
                count += 1
                chosen = other if randint(s, count) == 0 else chosen
        boxed = random_bits(s) & 1023 < int(p.boxed * 1024.0)
        cell = place(s, p, chosen, BOX if boxed else KEY, 1 + randint(s, HUES) if boxed else color)
        if boxed:
            s.hidden[cell // s.kind.shape[1], cell % s.kind.shape[1]] = color
        if random_bits(s) & 1023 < int(p.blocked * 1024.0):
            before = s.via[room]
            row, col = row + before // p.across - room // p.across, col + before % p.across - room % p.across
            if what(s, row, col) == FLOOR and not (row == s.row and col == s.col):
                put(s, row, col, BALL, 1 + randint(s, HUES))
        room = s.via[room]


@jit
def can(s: State, action: int) -> bool:
    """Tell whether an action does anything."""
    row, col = s.row + DROW[s.heading], s.col + DCOL[s.heading]
    ahead = what(s, row, col)
    if action == FORWARD:
        return FLOOR <= ahead <= OPEN
    if action == PICK_UP:
        return ahead >= KEY and s.carried[0] == 0
    if action == DROP:
        return ahead == FLOOR and s.carried[0] > 0
    if action == TOGGLE:
        unlocks = s.carried[0] == KEY and s.carried[1] == s.color[row, col] if ahead == LOCKED else False
        return unlocks or ahead in (OPEN, CLOSED, BOX)
    return True


@jit
def step(s: State, p: Params, action: int) -> tuple[float, bool, bool]:
    s.from_row, s.from_col = s.row, s.col
    row, col = s.row + DROW[s.heading], s.col + DCOL[s.heading]
    if action == LEFT:
        s.heading = (s.heading + 3) % 4
    elif action == RIGHT:
        s.heading = (s.heading + 1) % 4
    elif can(s, action):
        if action == FORWARD:
            s.row, s.col = row, col
        elif action == PICK_UP:
            s.carried[0], s.carried[1], s.carried[2] = s.kind[row, col], s.color[row, col], s.hidden[row, col]
            put(s, row, col, FLOOR, 0)
        elif action == DROP:
            put(s, row, col, s.carried[0], s.carried[1])
            s.hidden[row, col] = s.carried[2]
            s.carried[:] = 0
        elif s.kind[row, col] == BOX:
            hidden = s.hidden[row, col]
            put(s, row, col, KEY if hidden > 0 else FLOOR, hidden)
        else:
            s.opened += s.kind[row, col] == LOCKED
            s.kind[row, col] = CLOSED if s.kind[row, col] == OPEN else OPEN
    there = s.kind[s.row, s.col] == GOAL and s.mission[0] == GOAL
    held = s.carried[0] == s.mission[0] and s.carried[1] == s.mission[1]
    if there or held:
        s.reached = 1
        return 1.0 - 0.9 * min(1.0, s.step_count / p.max_steps), True, False
    return 0.0, False, s.step_count >= p.max_steps


@jit
def ending(s: State, p: Params) -> int:
    return REACHED if s.reached else TIME_UP


@jit
def observe(s: State, p: Params, obs: Any) -> None:
    size, reach = len(obs.kinds), (p.sight - 1) // 2
    rows, cols = s.kind.shape
    down, across = DROW[s.heading], DCOL[s.heading]  # ahead; to the right are (across, -down)
    for i in range(size):
        for j in range(size):
            far, wide = size - 1 - i, j - size // 2
            row, col = s.row + down * far + across * wide, s.col + across * far - down * wide
            inside = 0 <= row < rows and 0 <= col < cols and far < p.sight and abs(wide) <= reach
            obs.kinds[i, j] = s.kind[row, col] if inside else UNSEEN
            obs.colors[i, j] = s.color[row, col] if inside else 0
    light(obs.kinds)
    for i in range(size):
        for j in range(size):
            lit = obs.kinds[i, j] >= LIT
            obs.kinds[i, j] = obs.kinds[i, j] - LIT if lit else UNSEEN
            obs.colors[i, j] = obs.colors[i, j] if lit else 0
    for k in range(2):
        obs.carried[k], obs.mission[k] = s.carried[k], s.mission[k]


@jit
def light(kinds: Array) -> None:
    """Add LIT to what is in sight: light spreads away from the agent and sideways, up to walls and closed doors."""
    size = len(kinds)
    kinds[size - 1, size // 2] += LIT
    for far in range(size):
        i = size - 1 - far
        for k in range(2 * size):
            j, beside = (k, min(k + 1, size - 1)) if k < size else (2 * size - 1 - k, max(2 * size - 2 - k, 0))
            kind = int(kinds[i, j]) - LIT
            if kind >= FLOOR and kind != CLOSED and kind != LOCKED:
                kinds[i, beside] |= LIT
                kinds[max(i - 1, 0), j] |= LIT
                kinds[max(i - 1, 0), beside] |= LIT


@jit
def mask_actions(s: State, p: Params, mask: Array) -> None:
    for action in range(FORWARD, TOGGLE + 1):
        mask[action] = can(s, action)


@jit
def flood(s: State, m: Search, row: int, col: int, through: bool) -> None:
    """Fill in the steps from each cell to one; `through` things that can be put aside, or not."""
    cols = s.kind.shape[1]
    m.steps[:] = FAR
    m.steps[row, col] = 0
    m.queue[0], taken, count = row * cols + col, 0, 1
    while taken < count:
        at_row, at_col = m.queue[taken] // cols, m.queue[taken] % cols
        taken += 1
        for way in range(4):
            to_row, to_col = at_row + DROW[way], at_col + DCOL[way]
            kind = what(s, to_row, to_col)
            if kind != WALL and (through or kind < KEY) and m.steps[to_row, to_col] == FAR:
                m.steps[to_row, to_col] = m.steps[at_row, at_col] + 1
                m.queue[count] = to_row * cols + to_col
                count += 1


@jit
def find(s: State, kind: int, color: int) -> int:
    """Return a cell with something in it, row * cols + col, or -1; a key may be in a box."""
    rows, cols = s.kind.shape
    for cell in range(rows * cols):
        row, col = cell // cols, cell % cols
        if s.kind[row, col] == kind and s.color[row, col] == color:
            return cell
        if kind == KEY and s.kind[row, col] == BOX and s.hidden[row, col] == color:
            return cell
    return -1


@jit
def next_way(s: State, m: Search, row: int, col: int) -> int:
    """Return the heading of a neighbour that is nearer to where the bot goes, or -1."""
    for way in range(4):
        to_row, to_col = row + DROW[way], col + DCOL[way]
        if what(s, to_row, to_col) != WALL and m.steps[to_row, to_col] < m.steps[row, col]:
            return way
    return -1


@jit
def choose(s: State, m: Search) -> int:
    """Fill in the steps to the cell that comes first: on the way to the mission are locks, keys to them, and things."""
    cols = s.kind.shape[1]
    target = find(s, s.mission[0], s.mission[1])
    for _ in range(8):
        if target < 0:
            return -1
        flood(s, m, target // cols, target % cols, False)
        if m.steps[s.row, s.col] == FAR:
            flood(s, m, target // cols, target % cols, True)
        row, col, first = s.row, s.col, -1
        while row * cols + col != target:
            way = next_way(s, m, row, col)
            if way < 0:
                return -1
            row, col = row + DROW[way], col + DCOL[way]
            has_key = s.carried[0] == KEY and s.carried[1] == s.color[row, col]
            if s.kind[row, col] == LOCKED:
                first = row * cols + col if has_key else find(s, KEY, s.color[row, col])
                break
            if s.kind[row, col] >= KEY and row * cols + col != target:
                first = row * cols + col
                break
        if row * cols + col == target:
            return target
        target = first
    return target


@jit
def is_doorway(s: State) -> bool:
    """Tell whether the cell ahead is beside a door, where things would be in the way."""
    for way in range(4):
        kind = what(s, s.row + DROW[s.heading] + DROW[way], s.col + DCOL[s.heading] + DCOL[way])
        if OPEN <= kind <= LOCKED:
            return True
    return False


@jit
def expert(s: State, p: Params, memory: Search) -> int:
    """Go for what comes first, put aside what is in the hands or in the way; now and then move by chance."""
    target = choose(s, memory)
    way = next_way(s, memory, s.row, s.col) if target >= 0 else -1
    if way < 0 or randint(memory, 32) == 0:
        return FORWARD if can(s, FORWARD) and randint(memory, 2) == 0 else randint(memory, 2)
    row, col = target // s.kind.shape[1], target % s.kind.shape[1]
    opens = s.kind[row, col] == BOX and s.hidden[row, col] > 0 and s.mission[0] != BOX
    takes = s.kind[row, col] >= KEY and not opens
    near = abs(row - s.row) + abs(col - s.col) == 1
    if takes and s.carried[0] > 0 and can(s, DROP) and not is_doorway(s):
        return DROP
    if takes and s.carried[0] > 0 and near:
        return RIGHT
    if way != s.heading:
        return RIGHT if (way - s.heading) % 4 < 3 else LEFT
    if takes and near:
        return PICK_UP
    return FORWARD if can(s, FORWARD) else TOGGLE


def draw(s: State, p: Params, canvas: Canvas) -> None:
    rows, cols = s.kind.shape
    canvas.view(float(cols), float(rows), bleed=True)
    surround(canvas, cols, rows, "rock", "slate")
    lit = cells_in_sight(s, p)
    for row in range(rows):
        for col in range(cols):
            kind, x, y = s.kind[row, col], col + 0.5, row + 0.5
            if kind == WALL:
                block(canvas, row, col, "rock", "slate", open_below=what(s, row + 1, col) != WALL)
                continue
            ground(canvas, row, col, "wood", "plank", shaded=what(s, row - 1, col) == WALL)
            if kind == GOAL:
                canvas.rect(col + 0.08, row + 0.08, 0.84, 0.84, "leaf", radius=0.15)
                canvas.circle(x, y, 0.24, "lime")
            elif OPEN <= kind <= LOCKED:
                draw_door(canvas, col, row, kind, COLORS[s.color[row, col]])
            elif kind >= KEY:
                draw_thing(canvas, x, y, kind, COLORS[s.color[row, col]])
            if (row, col) not in lit:
                canvas.rect(col, row, 1.0, 1.0, "night", alpha=0.42)
    x, y = between(canvas, s.from_col, s.col) + 0.5, between(canvas, s.from_row, s.row) + 0.5
    ahead = DCOL[s.heading], DROW[s.heading]
    hop = math.sin(math.pi * canvas.moment) if (s.row, s.col) != (s.from_row, s.from_col) else 0.0
    creature(canvas, x, y, 0.36, "sky", ahead=ahead, hop=0.3 * hop)
    canvas.circle(x + 0.46 * ahead[0], y + 0.46 * ahead[1], 0.07, "white")
    if s.carried[0] > 0:
        draw_thing(canvas, x + 0.22, y - 0.34, s.carried[0], COLORS[min(s.carried[1], HUES)], size=0.6)
    if s.reached:
        burst(canvas, x, y, "lime")
    thing = {GOAL: "goal", BALL: "ball", BOX: "box"}.get(s.mission[0], "goal")
    asked = f"go to the {thing}" if s.mission[0] == GOAL else f"get the {NAMES[min(s.mission[1], HUES)]} {thing}"
    canvas.agent(0, x, y, 0.36)
    canvas.status(f"{asked}, {p.max_steps - s.step_count} steps left")


def cells_in_sight(s: State, p: Params) -> set[tuple[int, int]]:
    """Return the cells, (row, col), that the agent sees."""
    kinds, colors = (np.zeros((p.sight, p.sight), np.uint8) for _ in range(2))
    observe(s, p, SimpleNamespace(kinds=kinds, colors=colors, carried=[0, 0], mission=[0, 0]))
    down, across = DROW[s.heading], DCOL[s.heading]
    seen = [(p.sight - 1 - i, j - p.sight // 2) for i, j in np.argwhere(kinds != UNSEEN).tolist()]
    return {(s.row + down * far + across * wide, s.col + across * far - down * wide) for far, wide in seen}


def draw_door(canvas: Canvas, x: float, y: float, kind: int, color: str) -> None:
    canvas.rect(x + 0.02, y + 0.02, 0.96, 0.96, "shadow", alpha=0.35)
    if kind == OPEN:
        canvas.rect(x + 0.04, y + 0.04, 0.14, 0.92, color, radius=0.05)
        return
    canvas.rect(x + 0.06, y + 0.04, 0.88, 0.92, color, radius=0.08)
    canvas.rect(x + 0.06, y + 0.72, 0.88, 0.24, "shadow", radius=0.08, alpha=0.35)
    canvas.rect(x + 0.16, y + 0.14, 0.3, 0.5, "shadow", radius=0.04, alpha=0.22)
    canvas.rect(x + 0.54, y + 0.14, 0.3, 0.5, "shadow", radius=0.04, alpha=0.22)
    if kind == LOCKED:
        canvas.circle(x + 0.5, y + 0.46, 0.15, "shadow")
        canvas.rect(x + 0.45, y + 0.46, 0.1, 0.24, "shadow")
    else:
        canvas.circle(x + 0.78, y + 0.52, 0.07, "white")


def draw_thing(canvas: Canvas, x: float, y: float, kind: int, color: str, size: float = 1.0) -> None:
    canvas.circle(x, y + 0.14 * size, 0.3 * size, "shadow", alpha=0.3)
    if kind == KEY:
        canvas.ring(x - 0.14 * size, y, 0.13 * size, color, width=0.09 * size)
        canvas.line([(x, y), (x + 0.32 * size, y)], color, width=0.09 * size)
        canvas.line([(x + 0.26 * size, y), (x + 0.26 * size, y + 0.14 * size)], color, width=0.08 * size)
    elif kind == BALL:
        canvas.circle(x, y, 0.28 * size, color)
        canvas.circle(x, y + 0.06 * size, 0.24 * size, "shadow", alpha=0.16)
        canvas.circle(x - 0.09 * size, y - 0.1 * size, 0.08 * size, "white", alpha=0.6)
    else:
        canvas.rect(x - 0.3 * size, y - 0.3 * size, 0.6 * size, 0.6 * size, color, radius=0.06 * size)
        canvas.rect(x - 0.3 * size, y + 0.08 * size, 0.6 * size, 0.22 * size, "shadow", radius=0.06 * size, alpha=0.35)
        canvas.line([(x, y - 0.3 * size), (x, y + 0.3 * size)], "white", width=0.08 * size, alpha=0.7)
        canvas.line([(x - 0.3 * size, y - 0.08), (x + 0.3 * size, y - 0.08)], "white", width=0.07 * size, alpha=0.7)


def size_of(p: Params) -> tuple[int, int]:
    return p.down * (p.room + 1) + 1, p.across * (p.room + 1) + 1


def find_agent(s: State, p: Params) -> list[tuple[float, float]]:
    return [(s.col, s.row)]


def put_agent(s: State, p: Params, k: int, x: float, y: float) -> None:
    s.row = s.from_row = int(y)
    s.col = s.from_col = int(x)


def finish(s: State, p: Params) -> str:
    """Give what a person has drawn its colours, and look for ways; a new thing without a colour is red."""
    (rows, cols), wanted, keys = size_of(p), [], set()
    for row in range(rows):
        for col in range(cols):
            if row in (0, rows - 1) or col in (0, cols - 1):
                s.kind[row, col] = WALL
            kind = s.kind[row, col]
            color = 0 if kind < GOAL else 2 if kind == GOAL else max(s.color[row, col], 1)
            s.color[row, col], s.hidden[row, col] = color, s.hidden[row, col] if kind == BOX else 0
            keys |= {color} if kind == KEY else {s.hidden[row, col]}
            if kind == GOAL:
                s.mission[0], s.mission[1] = GOAL, 2
    for row in range(rows):
        for col in range(cols):
            if s.kind[row, col] == s.mission[0] and s.color[row, col] == s.mission[1]:
                wanted.append((row, col))
    if s.kind[s.row, s.col] != FLOOR:
        return "the agent does not stand on floor"
    if not wanted:
        return "it needs a goal, or the thing that its mission asks for"
    return "" if leads(s, keys, wanted) else "there is no way to the goal, or a key is missing"


def leads(s: State, keys: set[int], wanted: list[tuple[int, int]]) -> bool:
    """Tell whether a way leads to one of some cells, through doors to which there are keys, past what can be carried."""
    reached, waiting = {(s.row, s.col)}, [(s.row, s.col)]
    while waiting:
        row, col = waiting.pop()
        for way in range(4):
            to = row + DROW[way], col + DCOL[way]
            kind = what(s, *to)
            if to not in reached and kind != WALL and (kind != LOCKED or s.color[to] in keys):
                reached.add(to)
                waiting.append(to)
    return not reached.isdisjoint(wanted)


BRUSHES = (
    Brush("floor", FLOOR, "."),
    Brush("wall", WALL, "#"),
    Brush("goal", GOAL, "G", single=True),
    Brush("open door", OPEN, "o"),
    Brush("door", CLOSED, "d"),
    Brush("locked door", LOCKED, "l"),
    Brush("key", KEY, "k"),
    Brush("ball", BALL, "b"),
    Brush("box", BOX, "x"),
)


ENV = Env(
    params=Params,
    state=State,
    observation=Dict(
        {
            "kinds": Box(0, BOX, ("sight", "sight"), np.uint8),
            "colors": Box(0, HUES, ("sight", "sight"), np.uint8),
            "carried": Box(0, BOX, (2,), np.uint8),
            "mission": Box(0, BOX, (2,), np.uint8),
        }
    ),
    action=Discrete(6, ("left", "right", "forward", "pick up", "drop", "toggle")),
    reset=reset,
    step=step,
    observe=observe,
    draw=draw,
    action_mask=mask_actions,
    bots={"expert": expert},
    bot_memory=Search,
    keys={"left": LEFT, "right": RIGHT, "up": FORWARD, "space": TOGGLE, "shift": PICK_UP, "down": DROP},
    editor=Editor(
        cells=Painted("kind", BRUSHES, size_of),
        things=(Things("agent", find_agent, put_agent),),
        finish=finish,
    ),
    counters=("reached", "opened"),
    success="reached",
    ending=ending,
    endings=("did what was asked", "time is up"),
    waits=True,
    steps_per_second=8.0,
    solved=0.8,
)
