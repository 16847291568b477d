"""How push looks."""

from puffer_arena.core import Canvas
from puffer_arena.core.tiles import between, block, burst, creature, ground, surround
from puffer_arena.envs.push.levels import DCOL, DROW, cell
from puffer_arena.envs.push.state import BOX, HOME, TARGET, WALL, Params, State


def draw(s: State, p: Params, canvas: Canvas) -> None:
    canvas.view(p.size, p.size, bleed=True)
    surround(canvas, p.size, p.size, "rock", "stone")
    for row in range(p.size):
        for col in range(p.size):
            code = s.board[row, col]
            if code == WALL:
                block(canvas, row, col, "rock", "slate", open_below=cell(s, row + 1, col) != WALL)
                continue
            ground(canvas, row, col, "sand", "wood", shaded=cell(s, row - 1, col) == WALL)
            if code in (TARGET, HOME):
                canvas.circle(col + 0.5, row + 0.5, 0.3, "plank", alpha=0.35)
                canvas.ring(col + 0.5, row + 0.5, 0.3, "rose", width=0.09)
    dx, dy = (DCOL[s.facing], DROW[s.facing]) if s.moved else (0, 0)
    for row in range(p.size):
        for col in range(p.size):
            if s.board[row, col] >= BOX:
                pushed = s.moved == 2 and row == s.row + dy and col == s.col + dx
                x = between(canvas, col - dx, col) if pushed else col
                y = between(canvas, row - dy, row) if pushed else row
                crate(canvas, x, y, s.board[row, col])
    if s.brought == 1:
        burst(canvas, s.col + dx + 0.5, s.row + dy + 0.5, "lime")
    x, y = between(canvas, s.col - dx, s.col) + 0.5, between(canvas, s.row - dy, s.row) + 0.5
    creature(canvas, x, y, 0.36, "sky", ahead=(DCOL[s.facing], DROW[s.facing]), hops=s.moved == 1)
    canvas.agent(0, x, y, 0.36)
    canvas.status(
        f"{s.home} of {s.home + s.away} boxes home, {s.pushes} pushes, {p.max_steps - s.step_count} steps left"
    )


def crate(canvas: Canvas, x: float, y: float, code: int) -> None:
    """Draw a crate with its cell's upper left corner at (x, y), painted green when it is home."""
    top, side = ("lime", "leaf") if code == HOME else ("amber", "plank")
    canvas.rect(x + 0.04, y + 0.16, 0.96, 0.86, "shadow", radius=0.1, alpha=0.4)
    canvas.rect(x + 0.07, y + 0.05, 0.86, 0.9, side, radius=0.08)
    canvas.rect(x + 0.07, y + 0.05, 0.86, 0.68, top, radius=0.08)
    canvas.line([(x + 0.18, y + 0.16), (x + 0.82, y + 0.62)], side, width=0.08)
    canvas.line([(x + 0.18, y + 0.62), (x + 0.82, y + 0.16)], side, width=0.08)
    canvas.rect(x + 0.07, y + 0.05, 0.86, 0.08, "white", radius=0.08, alpha=0.3)
