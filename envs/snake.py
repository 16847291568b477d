"""Snake: steer to the food, grow by one cell per bite, and never run into a wall or yourself.

Actions       Discrete(4): UP, DOWN, LEFT, RIGHT.  Turning back on your own neck is ignored.
Observation   uint8 (rows, cols): EMPTY, BODY, HEAD or FOOD per cell; cells beyond a smaller board read BODY,
              being as deadly.
Reward        reward_food per bite, reward_death on a crash, else 0.
Termination   a crash, or a board with no empty cell left.  Truncation: max_hunger steps unfed.
Parameters    rows, cols, reward_food, reward_death, max_hunger.
Source        the arcade game Blockade (Gremlin Industries, 1976).
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
    i8,
    i32,
    jit,
    param,
    randint,
)
from puffer_arena.core.tiles import block, burst, ground, surround

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


WALL, BITTEN, STARVED, FILLED = range(4)  # endings


class State(Header):
    heading: int = i32(below=4)  # UP, DOWN, LEFT or RIGHT
    length: int = i32()  # cells, head included
    score: int = i32()  # bites
    head: int = i32(below="cells")  # index of the newest cell in `body`
    hunger: int = i32()  # steps since the last bite
    body: Array = i32("cells", 2, below=("rows", "cols"))  # ring buffer of (row, col)
    board: Array = i8("rows", "cols", below=4)  # cell codes


@jit
def place_food(s: State, p: Params) -> None:
    """Put food on a uniformly drawn empty cell."""
    skip = randint(s, p.rows * p.cols - s.length)
    for row in range(p.rows):
        for col in range(p.cols):
            if s.board[row, col] == EMPTY:
                if skip == 0:
                    s.board[row, col] = FOOD
                    return
                skip -= 1


@jit
def reset(s: State, p: Params) -> None:
    for row in range(s.board.shape[0]):
        for col in range(s.board.shape[1]):
            s.board[row, col] = EMPTY if row < p.rows and col < p.cols else BODY
    s.heading = randint(s, 4)
    s.length, s.score, s.head, s.hunger = 1, 0, 0, 0
    row, col = p.rows // 2, p.cols // 2
    s.body[0, 0], s.body[0, 1] = row, col
    s.board[row, col] = HEAD
    place_food(s, p)


@jit
def step(s: State, p: Params, action: int) -> tuple[float, bool, bool]:
    opposite = action ^ 1
    if s.length == 1 or s.heading != opposite:
        s.heading = action
    row = s.body[s.head, 0] + DROW[s.heading]
    col = s.body[s.head, 1] + DCOL[s.heading]
    if not (0 <= row < p.rows and 0 <= col < p.cols):
        return p.reward_death, True, False

    ate = s.board[row, col] == FOOD
    if ate:
        s.length += 1
        s.score += 1
        s.hunger = 0
    else:
        drop_tail(s)  # before the bite test: the tail's cell is free to move into
        s.hunger += 1
    if s.board[row, col] == BODY:
        return p.reward_death, True, False

    s.board[s.body[s.head, 0], s.body[s.head, 1]] = BODY if s.length > 1 else EMPTY
    s.head = (s.head + 1) % len(s.body)
    s.body[s.head, 0], s.body[s.head, 1] = row, col
    s.board[row, col] = HEAD
    if s.length == p.rows * p.cols:
        return p.reward_food, True, False
    if ate:
        place_food(s, p)
        return p.reward_food, False, False
    return 0.0, False, s.hunger >= p.max_hunger


@jit
def drop_tail(s: State) -> None:
    tail = (s.head - s.length + 1) % len(s.body)
    s.board[s.body[tail, 0], s.body[tail, 1]] = EMPTY


@jit
def ending(s: State, p: Params) -> int:
    row = s.body[s.head, 0] + DROW[s.heading]
    col = s.body[s.head, 1] + DCOL[s.heading]
    if s.length == p.rows * p.cols:
        return FILLED
    if s.hunger >= p.max_hunger:
        return STARVED
    return BITTEN if 0 <= row < p.rows and 0 <= col < p.cols else WALL


@jit
def observe(s: State, p: Params, obs: Array) -> None:
    for row in range(s.board.shape[0]):
        for col in range(s.board.shape[1]):
            obs[row, col] = s.board[row, col]


@jit
def greedy(s: State, p: Params, memory: Memory) -> int:
    """Head straight for the food."""
    for row in range(p.rows):
        for col in range(p.cols):
            if s.board[row, col] == FOOD:
                if row != s.body[s.head, 0]:
                    return UP if row < s.body[s.head, 0] else DOWN
                return LEFT if col < s.body[s.head, 1] else RIGHT
    return s.heading


def draw(s: State, p: Params, canvas: Canvas) -> None:
    canvas.view(p.cols + 0.9, p.rows + 0.9, left=-0.45, low=-0.6, bleed=True)
    surround(canvas, p.cols, p.rows, "rock", "stone")
    ate = s.hunger == 0 and s.step_count > 0
    for col in range(p.cols):
        block(canvas, -1, col, "rock", "slate", open_below=True)
    for row in range(p.rows):
        for col in range(p.cols):
            ground(canvas, row, col, "sand", "wood", shaded=row == 0)
            if s.board[row, col] == FOOD:
                draw_food(canvas, col + 0.5, row + 0.53, canvas.moment if ate else 1.0)
    path = body_path(s, canvas)
    draw_body(path, canvas)
    draw_head(s, *path[0], canvas, ate)
    canvas.agent(0, *path[0], 0.5)
    canvas.status(f"score {s.score}, {p.max_hunger - s.hunger} steps until it starves")


def draw_food(canvas: Canvas, x: float, y: float, size: float) -> None:
    canvas.circle(x, y + 0.14, 0.34 * size, "shadow", alpha=0.25)
    canvas.circle(x, y, 0.34 * size, "rose")
    canvas.line([(x, y - 0.29 * size), (x + 0.1, y - 0.41 * size)], "leaf", width=0.09)
    canvas.circle(x - 0.1, y - 0.11 * size, 0.08 * size, "white", alpha=0.6)


def body_path(s: State, canvas: Canvas) -> list[tuple[float, float]]:
    """Return points along the body, the head first: both of its ends are on their way from cell to cell."""
    length = min(max(s.length, 1), len(s.body))  # whatever a row from outside says
    moved = s.step_count > 0 and not s.ended
    grew = s.hunger == 0 or length == len(s.body)  # the tail stays where it is
    cells = [(s.head - back) % len(s.body) for back in range(length + (1 if moved and not grew else 0))]
    points = [(s.body[at, 1] + 0.5, s.body[at, 0] + 0.5) for at in cells]
    if not moved or len(points) < 2:
        return points
    t, tail = canvas.moment, points[-1]
    points[0] = part_of(points[1], points[0], t)
    points[-1] = tail if grew else part_of(tail, points[-2], t) if len(points) > 2 else points[0]
    return points


def part_of(start: tuple[float, float], end: tuple[float, float], t: float) -> tuple[float, float]:
    return start[0] + (end[0] - start[0]) * t, start[1] + (end[1] - start[1]) * t


def draw_body(path: list[tuple[float, float]], canvas: Canvas) -> None:
    """Draw the body from its tail on, ever thicker."""
    beads = 5 * (len(path) - 1)
    for shade in (True, False):
        for k in range(beads - 1, -1, -1):
            x, y = part_of(path[k // 5], path[k // 5 + 1], k % 5 / 5)
            size = 0.4 - 0.18 * k / beads
            if shade:
                canvas.circle(x, y + 0.12, size, "shadow", alpha=0.06)
            else:
                canvas.circle(x, y, size, "leaf" if k // 4 % 2 else "grass")


def draw_head(s: State, x: float, y: float, canvas: Canvas, ate: bool) -> None:
    dx, dy = DCOL[s.heading], DROW[s.heading]
    size = 0.44
    if s.ended:  # it bounces off what it ran into
        x += 0.16 * dx * math.sin(math.pi * canvas.moment) + 0.07 * math.sin(40.0 * canvas.moment) * (
            1.0 - canvas.moment
        )
        y += 0.16 * dy * math.sin(math.pi * canvas.moment)
        burst(canvas, x + 0.4 * dx, y + 0.4 * dy, "rose", reach=0.7)
    elif ate:
        size += 0.1 * math.sin(math.pi * canvas.moment)
        burst(canvas, s.body[s.head, 1] + 0.5, s.body[s.head, 0] + 0.5, "rose", reach=0.8)
    canvas.circle(x, y, size, "lime")
    canvas.circle(x, y + 0.05, 0.9 * size, "shadow", alpha=0.12)
    for side in (-0.19, 0.19):
        eye_x, eye_y = x + 0.12 * dx - side * dy, y + 0.12 * dy + side * dx
        canvas.circle(eye_x, eye_y, 0.13, "white")
        canvas.circle(eye_x + 0.05 * dx, eye_y + 0.05 * dy, 0.07, "ink")


def find_head(s: State, p: Params) -> list[tuple[float, float]]:
    return [(s.body[s.head, 1], s.body[s.head, 0])]


def put_head(s: State, p: Params, k: int, x: float, y: float) -> None:
    row, col = s.body[s.head, 0], s.body[s.head, 1]
    s.board[row, col] = EMPTY
    s.body[s.head, 0], s.body[s.head, 1] = int(y), int(x)
    s.board[int(y), int(x)] = HEAD


@jit
def finish(s: State, p: Params) -> str:
    """Begin a level that a person has drawn: a snake of one cell, and one bite of food."""
    row, col, foods = s.body[s.head, 0], s.body[s.head, 1], 0
    for at_row in range(p.rows):
        for at_col in range(p.cols):
            if s.board[at_row, at_col] != FOOD:
                s.board[at_row, at_col] = EMPTY
            if s.board[at_row, at_col] == FOOD and (at_row != row or at_col != col):
                foods += 1
    s.board[row, col] = HEAD
    s.length, s.score, s.hunger = 1, 0, 0
    return "" if foods == 1 else "it needs one bite of food, beside the snake"


ENV = Env(
    params=Params,
    state=State,
    observation=Box(0, 3, ("rows", "cols"), np.uint8),
    action=Discrete(4, ("up", "down", "left", "right")),
    reset=reset,
    step=step,
    observe=observe,
    draw=draw,
    bots={"greedy": greedy},
    keys={"up": UP, "down": DOWN, "left": LEFT, "right": RIGHT},
    counters=("score",),
    ending=ending,
    endings=("ran into a wall", "bit itself", "starved", "filled the board"),
    editor=Editor(
        cells=Painted(
            "board", (Brush("empty", EMPTY, "."), Brush("food", FOOD, "o", single=True)), lambda p: (p.rows, p.cols)
        ),
        things=(Things("head", find_head, put_head),),
        finish=finish,
    ),
    steps_per_second=8.0,
)
