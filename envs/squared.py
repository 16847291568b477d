"""Squared: run from the middle of a square to the targets on its edge, one after the other.

Actions       MultiDiscrete((3, 3)): STAY, BACK or AHEAD along the rows, and along the columns; diagonals are one move.
Observation   uint8 (size, size): FLOOR, AGENT or TARGET per cell.
Reward        1 / targets for each target, minus reward_step a step.
Termination   all targets reached.  Truncation: max_steps.
Parameters    size, targets, reward_step, max_steps.
Source        own; after "squared" of PufferLib's Ocean.
"""

from dataclasses import dataclass

import numpy as np

from puffer_arena.core import (
    Array,
    Box,
    Brush,
    Canvas,
    Editor,
    Env,
    Header,
    Memory,
    MultiDiscrete,
    Painted,
    i8,
    i32,
    jit,
    param,
    randint,
    standing,
)
from puffer_arena.core.tiles import between, burst, creature, ground, surround

FLOOR, AGENT, TARGET = range(3)
STAY, BACK, AHEAD = range(3)
MOVE = (0, -1, 1)
ALL, TIME_UP = range(2)  # endings


@dataclass(frozen=True)
class Params:
    size: int = param(7, 3, 31, "rows and columns")
    targets: int = param(2, 1, 8, "how many to reach", at_reset=True)
    reward_step: float = param(0.01, 0.0, 1.0, "cost of a step")
    max_steps: int = param(60, 5, 10_000, "steps before the episode is truncated")


class State(Header):
    row: int = i32(below="size")
    col: int = i32(below="size")
    from_row: int = i32()  # where the last step began, and where it led before the middle
    from_col: int = i32()
    to_row: int = i32()
    to_col: int = i32()
    score: int = i32()  # targets reached
    board: Array = i8("size", "size")  # FLOOR or TARGET


@jit
def reset(s: State, p: Params) -> None:
    for row in range(len(s.board)):
        for col in range(len(s.board)):
            s.board[row, col] = FLOOR
    s.row = s.col = p.size // 2
    s.from_row = s.from_col = s.to_row = s.to_col = p.size // 2
    s.score, placed = 0, 0
    while placed < p.targets:
        side, along = randint(s, 4), randint(s, p.size - 1)
        last = p.size - 1  # each side of the edge owns the corner it begins with
        row = (0, along, last, last - along)[side]
        col = (along, last, last - along, 0)[side]
        if s.board[row, col] == FLOOR:
            s.board[row, col] = TARGET
            placed += 1


@jit
def step(s: State, p: Params, action: Array) -> tuple[float, bool, bool]:
    s.from_row, s.from_col = s.row, s.col
    s.row = s.to_row = min(max(s.row + MOVE[action[0]], 0), p.size - 1)
    s.col = s.to_col = min(max(s.col + MOVE[action[1]], 0), p.size - 1)
    reward = -p.reward_step
    if s.board[s.row, s.col] == TARGET:
        s.board[s.row, s.col] = FLOOR
        s.row = s.col = p.size // 2
        s.score += 1
        reward += 1.0 / p.targets
    reached_all = s.score >= p.targets
    return reward, reached_all, not reached_all and s.step_count >= p.max_steps


@jit
def ending(s: State, p: Params) -> int:
    return ALL if s.score >= p.targets else TIME_UP + 2 * s.score


@jit
def observe(s: State, p: Params, obs: Array) -> None:
    for row in range(len(s.board)):
        for col in range(len(s.board)):
            obs[row, col] = s.board[row, col]
    obs[s.row, s.col] = AGENT


@jit
def nearest(s: State, p: Params, memory: Memory, action: Array) -> None:
    """Head for the nearest target."""
    best, to_row, to_col = 2 * p.size, s.row, s.col
    for row in range(p.size):
        for col in range(p.size):
            away = max(abs(row - s.row), abs(col - s.col))
            if s.board[row, col] == TARGET and away < best:
                best, to_row, to_col = away, row, col
    action[0] = AHEAD if to_row > s.row else BACK if to_row < s.row else STAY
    action[1] = AHEAD if to_col > s.col else BACK if to_col < s.col else STAY


def draw(s: State, p: Params, canvas: Canvas) -> None:
    canvas.view(p.size, p.size, bleed=True)
    surround(canvas, p.size, p.size, "rock", "stone")
    for row in range(p.size):
        for col in range(p.size):
            ground(canvas, row, col, "meadow", "grass")
            if s.board[row, col] == TARGET:
                gem(canvas, col + 0.5, row + 0.5)
    middle = p.size // 2 + 0.5
    canvas.ring(middle, middle, 0.3, "sand", width=0.06, alpha=0.6)
    x, y = between(canvas, s.from_col, s.to_col) + 0.5, between(canvas, s.from_row, s.to_row) + 0.5
    dx, dy = s.to_col - s.from_col, s.to_row - s.from_row
    if s.row != s.to_row or s.col != s.to_col:  # a target was reached: it goes, and the agent with it
        if canvas.moment < 1.0:
            gem(canvas, s.to_col + 0.5, s.to_row + 0.5)
            burst(canvas, s.to_col + 0.5, s.to_row + 0.5, "amber")
        else:
            x, y, dx, dy = s.col + 0.5, s.row + 0.5, 0, 0
    creature(canvas, x, y, 0.36, "sky", ahead=(dx, dy), hops=dx != 0 or dy != 0)
    canvas.agent(0, x, y, 0.4)
    canvas.status(f"{s.score} of {p.targets} targets")


def gem(canvas: Canvas, x: float, y: float) -> None:
    canvas.circle(x, y + 0.2, 0.26, "shadow", alpha=0.3)
    for size, color in ((0.36, "orange"), (0.3, "amber")):
        canvas.polygon([(x - size, y - 0.3 * size), (x, y - size), (x + size, y - 0.3 * size), (x, y + size)], color)
    canvas.polygon([(x - 0.3, y - 0.09), (x, y - 0.3), (x + 0.02, y - 0.09)], "white", alpha=0.5)


@jit
def finish(s: State, p: Params) -> str:
    """Check a board that a person has drawn."""
    if s.board[s.row, s.col] == TARGET:
        return "the agent is on a target"
    for row in range(p.size):
        for col in range(p.size):
            if s.board[row, col] == TARGET:
                return ""
    return "it needs a target"


ENV = Env(
    params=Params,
    state=State,
    observation=Box(0, 2, ("size", "size"), np.uint8),
    action=MultiDiscrete((3, 3), ("rows", "columns")),
    reset=reset,
    step=step,
    observe=observe,
    draw=draw,
    bots={"nearest": nearest},
    keys={"up": (0, BACK), "down": (0, AHEAD), "left": (1, BACK), "right": (1, AHEAD)},
    idle=(STAY, STAY),
    editor=Editor(
        cells=Painted("board", (Brush("floor", FLOOR, "."), Brush("target", TARGET, "o")), lambda p: (p.size, p.size)),
        things=(standing("agent"),),
        finish=finish,
    ),
    counters=("score",),
    ending=ending,
    endings=("reached every target", "time is up: {} reached"),
    steps_per_second=6.0,
    solved=0.9,
    version=1,
)
