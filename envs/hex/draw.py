"""How hex looks."""

import math

from puffer_arena.core import Canvas
from puffer_arena.core.tiles import tabletop
from puffer_arena.envs.hex.state import DOWN, FIRST, LETTERS, MOST, NOBODY, SIDE, Params, State

RADIUS = 0.577  # of a cell, to its corners
HEXAGON = ((0, -2), (1, -1), (1, 1), (0, 2), (-1, 1), (-1, -1))  # corners, in halves of a cell's width, in 0.29 of it


def middle(row: int, col: int) -> tuple[float, float]:
    """Return where a cell's middle lies in the picture."""
    return FIRST[0] + col + DOWN[0] * row, FIRST[1] + DOWN[1] * row


def click(s: State, p: Params, agent: int, x: float, y: float) -> int | None:
    """Return the cell at (x, y), as the player `agent` names it."""
    cells = [(row, col) for row in range(p.size) for col in range(p.size)]
    row, col = min(cells, key=lambda cell: math.dist(middle(*cell), (x, y)))
    if math.dist(middle(row, col), (x, y)) > RADIUS:
        return None
    return row * MOST + col if agent == 0 else col * MOST + row


def draw(s: State, p: Params, canvas: Canvas) -> None:
    names, colors = ("Red", "Blue"), ("rose", "sky")
    wide, tall = 1.5 * p.size, 0.866 * p.size
    canvas.view(wide + 1.0, tall + 2.2, bleed=True)
    tabletop(canvas, wide + 1.0, tall + 2.2)
    playing = s.winner == NOBODY
    for k, (x, anchor) in enumerate(((0.7, "left"), (wide + 0.3, "right"))):
        lit = s.turn == k if playing else s.winner == k
        canvas.circle(x, 0.6, 0.34, colors[k], alpha=1.0 if lit else 0.3)
        canvas.text(x + 0.5 - k, 0.6, names[k], "text", size=0.36, anchor=anchor)
        canvas.agent(k, x, 0.6, 0.4)
    for row in range(p.size):
        for col in range(p.size):
            x, y = middle(row, col)
            around = [(x + 0.5 * across, y + 0.2885 * up) for across, up in HEXAGON]
            canvas.polygon(around, "raised")
            owner = int(s.owner[row, col])
            if owner:
                canvas.circle(x, y, 0.38, colors[0] if owner == 1 else colors[1])
                if (row, col) == (s.row, s.col):
                    canvas.ring(x, y, 0.38, "white", width=0.06)
            elif p.size == SIDE:
                canvas.text(x, y, LETTERS[row * SIDE + col].upper(), "muted", size=0.26)
            canvas.line([*around, around[0]], "background", width=0.05)
            edges = ((row == 0, (5, 0, 1)), (row == p.size - 1, (4, 3, 2)),
                     (col == 0, (5, 4, 3)), (col == p.size - 1, (0, 1, 2)))  # fmt: skip
            for k, (is_edge, ends) in enumerate(edges):
                if is_edge:
                    canvas.line([around[end] for end in ends], colors[k // 2], width=0.11)
    said = f"{names[1 if s.turn == 1 else 0]} to move, {s.laid} stones"
    canvas.status(said if playing else f"{names[1 if s.blue_won else 0]} wins")
