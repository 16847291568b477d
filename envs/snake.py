"""Snake: steer to the food, grow by one cell per bite, and never run into a wall or yourself.

Actions       Discrete(4): UP, DOWN, LEFT, RIGHT.  Turning back on your own neck is ignored.
Observation   uint8 (rows, cols): EMPTY, BODY, HEAD or FOOD per cell; cells beyond a smaller board read BODY,
              being as deadly.
Reward        reward_food per bite, reward_death on a crash, else 0.
Termination   a crash, or a board with no empty cell left.  Truncation: max_hunger steps unfed.
Parameters    rows, cols, reward_food, reward_death, max_hunger.
Source        the arcade game Blockade (Gremlin Industries, 1976).
"""

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
    canvas.view(p.cols, p.rows)
    for row in range(p.rows):
        for col in range(p.cols):
            canvas.rect(col + 0.03, row + 0.03, 0.94, 0.94, "floor", radius=0.12)
            if s.board[row, col] == FOOD:
                canvas.circle(col + 0.5, row + 0.53, 0.34, "rose")
                canvas.line([(col + 0.5, row + 0.24), (col + 0.6, row + 0.12)], "leaf", width=0.09)
                canvas.circle(col + 0.4, row + 0.42, 0.08, "white", alpha=0.6)
    draw_body(s, canvas)
    draw_eyes(s, canvas)
    canvas.status(f"score {s.score}, {p.max_hunger - s.hunger} steps until it starves")


def draw_body(s: State, canvas: Canvas) -> None:
    """Draw one band from tail to head, thinner towards the tail."""
    length = min(max(s.length, 1), len(s.body))  # whatever a row from outside says
    cells = [(s.head - back) % len(s.body) for back in range(length)]  # from the head on
    points = [(s.body[at, 1] + 0.5, s.body[at, 0] + 0.5) for at in cells]
    widths = [0.78 - 0.34 * back / len(points) for back in range(len(points))]
    for back in range(len(points) - 1, 0, -1):
        canvas.line([points[back], points[back - 1]], "leaf", width=widths[back])
    canvas.circle(*points[0], 0.44, "lime")


def draw_eyes(s: State, canvas: Canvas) -> None:
    x, y = s.body[s.head, 1] + 0.5, s.body[s.head, 0] + 0.5
    dx, dy = DCOL[s.heading], DROW[s.heading]
    for side in (-0.19, 0.19):
        eye_x, eye_y = x + 0.12 * dx - side * dy, y + 0.12 * dy + side * dx
        canvas.circle(eye_x, eye_y, 0.13, "white")
        canvas.circle(eye_x + 0.05 * dx, eye_y + 0.05 * dy, 0.07, "shadow")


def find_head(s: State, p: Params) -> list[tuple[float, float]]:
    return [(s.body[s.head, 1], s.body[s.head, 0])]


def put_head(s: State, p: Params, k: int, x: float, y: float) -> None:
    row, col = s.body[s.head, 0], s.body[s.head, 1]
    s.board[row, col] = EMPTY
    s.body[s.head, 0], s.body[s.head, 1] = int(y), int(x)
    s.board[int(y), int(x)] = HEAD


def finish(s: State, p: Params) -> str:
    """Begin a level that a person has drawn: a snake of one cell, and one bite of food."""
    row, col, foods = s.body[s.head, 0], s.body[s.head, 1], 0
    for at_row in range(p.rows):
        for at_col in range(p.cols):
            if s.board[at_row, at_col] != FOOD:
                s.board[at_row, at_col] = EMPTY
            foods += s.board[at_row, at_col] == FOOD and (at_row, at_col) != (row, col)
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
    editor=Editor(
        cells=Painted(
            "board", (Brush("empty", EMPTY, "."), Brush("food", FOOD, "o", single=True)), lambda p: (p.rows, p.cols)
        ),
        things=(Things("head", find_head, put_head),),
        finish=finish,
    ),
    steps_per_second=8.0,
)
