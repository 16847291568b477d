"""Snake: steer to the food, grow by one cell per bite, and never run into a wall or yourself.

Actions       Discrete(4): UP, DOWN, LEFT, RIGHT.  Turning back on your own neck is ignored.
Observation   uint8 (rows, cols): EMPTY, BODY, HEAD or FOOD per cell.
Reward        reward_food per bite, reward_death on a crash, else 0.
Termination   a crash, or a board with no empty cell left.  Truncation: max_hunger steps unfed.
Parameters    rows, cols, reward_food, reward_death, max_hunger.
Source        the arcade game Blockade (Gremlin Industries, 1976).
"""

from dataclasses import dataclass

import numpy as np

from puffer_arena.core import Array, Box, Canvas, Discrete, Env, Header, i8, i32, jit, param, randint

EMPTY, BODY, HEAD, FOOD = range(4)
UP, DOWN, LEFT, RIGHT = range(4)
DROW = (-1, 1, 0, 0)
DCOL = (0, 0, -1, 1)


@dataclass(frozen=True)
class Params:
    rows: int = param(11, 4, 64, "cells")
    cols: int = param(11, 4, 64, "cells")
    reward_food: float = param(1.0, 0.0, 10.0)
    reward_death: float = param(-1.0, -10.0, 0.0)
    max_hunger: int = param(200, 10, 10_000, "steps without food before the episode is truncated")

    @property
    def cells(self) -> int:
        return self.rows * self.cols


class State(Header):
    heading: int = i32()  # UP, DOWN, LEFT or RIGHT
    length: int = i32()  # cells, head included
    score: int = i32()  # bites
    head: int = i32()  # index of the newest cell in `body`
    hunger: int = i32()  # steps since the last bite
    body: Array = i32("cells", 2)  # ring buffer of (row, col)
    board: Array = i8("rows", "cols")


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
    s.board[:] = EMPTY
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
    for row in range(p.rows):
        for col in range(p.cols):
            obs[row, col] = s.board[row, col]


@jit
def greedy(s: State, p: Params) -> int:
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
    for back in range(s.length - 1, -1, -1):
        at = (s.head - back) % len(s.body)
        row, col = s.body[at, 0], s.body[at, 1]
        canvas.rect(col + 0.06, row + 0.06, 0.88, 0.88, "lime" if back == 0 else "leaf", radius=0.25)
    for row in range(p.rows):
        for col in range(p.cols):
            if s.board[row, col] == FOOD:
                canvas.circle(col + 0.5, row + 0.5, 0.32, "rose")
    canvas.status(f"score {s.score}")


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
    steps_per_second=8.0,
)
