"""How people see rooms."""

import math

import numpy as np

from puffer_arena.core import Canvas, jit, paint_rooms
from puffer_arena.core.tiles import masonry
from puffer_arena.envs.rooms.state import VIEW, Params, State

NAMES = ("rose", "amber", "leaf", "sky", "violet", "white")  # of the palette, as the things' colours
SCREEN = (144, 192)  # rows and columns of what `draw` shows people


def draw(s: State, p: Params, canvas: Canvas) -> None:
    canvas.view(16.0, 9.0, bleed=True)
    masonry(canvas, 48.0, 36.0, "rock", "slate", left=-16.0, top=-13.5, stone=3.0)
    canvas.rect(-0.3, -0.1, 16.6, 9.6, "shadow", radius=0.5, alpha=0.4)
    canvas.rect(-0.3, -0.3, 16.6, 9.6, "raised", radius=0.5)
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
