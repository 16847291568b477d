"""How doors looks."""

from typing import NamedTuple

import numpy as np

from puffer_arena.core import Array, Canvas
from puffer_arena.core.tiles import FACE, between, block, burst, creature, ground, masonry, surround
from puffer_arena.envs.doors.rules import observe
from puffer_arena.envs.doors.state import (
    BALL,
    BOX,
    DCOL,
    DROW,
    GOAL,
    HUES,
    KEY,
    LOCKED,
    OPEN,
    UNSEEN,
    WALL,
    Params,
    State,
    what,
)

COLORS = ("white", "rose", "lime", "sky", "amber", "violet", "teal")  # 0 is none
NAMES = ("", "red", "green", "blue", "yellow", "violet", "teal")


class Sight(NamedTuple):
    """What `observe` writes."""

    kinds: Array
    colors: Array
    carried: Array
    mission: Array


def draw(s: State, p: Params, canvas: Canvas) -> None:
    rows, cols = s.kind.shape
    canvas.view(float(cols), float(rows), bleed=True)
    surround(canvas, cols, rows, "grass", "meadow")
    draw_house(canvas, cols, rows)
    kinds, colors = np.zeros((p.sight, p.sight), np.uint8), np.zeros((p.sight, p.sight), np.uint8)
    observe(s, p, Sight(kinds, colors, np.zeros(2, np.uint8), np.zeros(2, np.uint8)))
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
            if not is_lit(s, p, kinds, row, col):
                canvas.rect(col, row, 1.0, 1.0, "night", alpha=0.42)
    x, y = between(canvas, s.from_col, s.col) + 0.5, between(canvas, s.from_row, s.row) + 0.5
    ahead = DCOL[s.heading], DROW[s.heading]
    hops = (s.row, s.col) != (s.from_row, s.from_col)
    creature(canvas, x, y, 0.36, "sky", ahead=ahead, hops=hops)
    canvas.circle(x + 0.46 * ahead[0], y + 0.46 * ahead[1], 0.07, "white")
    if s.carried[0] > 0:
        draw_thing(canvas, x + 0.22, y - 0.34, s.carried[0], COLORS[min(s.carried[1], HUES)], size=0.6)
    if s.reached:
        burst(canvas, x, y, "lime")
    thing = {GOAL: "goal", BALL: "ball", BOX: "box"}.get(s.mission[0], "goal")
    asked = f"go to the {thing}" if s.mission[0] == GOAL else f"get the {NAMES[min(s.mission[1], HUES)]} {thing}"
    canvas.agent(0, x, y, 0.36)
    canvas.status(f"{asked}, {p.max_steps - s.step_count} steps left")


def draw_house(canvas: Canvas, cols: int, rows: int) -> None:
    """Draw the tops of the walls, all over the board: courses of stone, and the shadow that they throw on the grass."""
    canvas.rect(-0.12, 0.2, cols + 0.24, rows + 0.1, "shadow", radius=0.2, alpha=0.35)
    masonry(canvas, cols, rows, "rock", "slate", stone=2.0)
    canvas.rect(0.0, rows - FACE, cols, FACE, "slate")
    canvas.rect(0.0, rows - FACE - 0.05, cols, 0.06, "white", alpha=0.16)


def is_lit(s: State, p: Params, kinds: Array, row: int, col: int) -> bool:
    """Tell whether a cell is one of those that the agent sees."""
    down, across = DROW[s.heading], DCOL[s.heading]
    far = down * (row - s.row) + across * (col - s.col)
    wide = across * (row - s.row) - down * (col - s.col)
    i, j = p.sight - 1 - far, p.sight // 2 + wide
    return 0 <= i < p.sight and 0 <= j < p.sight and kinds[i, j] != UNSEEN


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
        canvas.circle(x + 0.5, y + 0.46, 0.15, "ink")
        canvas.rect(x + 0.45, y + 0.46, 0.1, 0.24, "ink")
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
