"""How bomber looks."""

import math

from puffer_arena.core import Canvas
from puffer_arena.core.tiles import between, block, burst, creature, ground, surround
from puffer_arena.envs.bomber.state import BRICK, COLORS, EXTRA, FLOOR, WALL, Params, State


def draw(s: State, p: Params, canvas: Canvas) -> None:
    canvas.view(p.size, p.size, bleed=True)
    surround(canvas, p.size, p.size, "rock", "stone")
    for row in range(p.size):
        for col in range(p.size):
            code = s.board[row, col]
            below = row + 1 < p.size and s.board[row + 1, col] == FLOOR
            if code == WALL:
                block(canvas, row, col, "rock", "slate", open_below=below)
                continue
            ground(canvas, row, col, "grass", "meadow", shaded=row > 0 and s.board[row - 1, col] != FLOOR)
            if code == BRICK:
                brick(canvas, col, row)
            elif s.item[row, col] > 0:
                draw_item(canvas, col + 0.5, row + 0.5, s.item[row, col])
            if s.flame[row, col] > 0:
                draw_flame(canvas, col + 0.5, row + 0.5, s.flame[row, col] == 2)
    for slot in range(len(s.bomb_fuse)):
        if s.bomb_fuse[slot] > 0:
            row, col = s.bomb_cell[slot] // len(s.board), s.bomb_cell[slot] % len(s.board)
            draw_bomb(canvas, col + 0.5, row + 0.5, s.bomb_fuse[slot])
    for k in range(p.players):
        draw_player(s, k, canvas)
    canvas.status(f"{p.players - s.killed} of {p.players} players left, {s.bricks} bricks blasted")


def brick(canvas: Canvas, x: float, y: float) -> None:
    canvas.rect(x, y, 1.0, 1.0, "plank")
    canvas.rect(x, y, 1.0, 0.74, "wood")
    for line, left, right in ((0.25, 0.5, 0.5), (0.5, 0.25, 0.75), (0.74, 0.5, 0.5)):
        canvas.rect(x, y + line - 0.02, 1.0, 0.04, "plank")
        for joint in (left, right):
            canvas.rect(x + joint - 0.02, y + line - 0.24, 0.04, 0.22, "plank")
    canvas.rect(x, y, 1.0, 0.06, "white", alpha=0.25)


def draw_item(canvas: Canvas, x: float, y: float, item: int) -> None:
    canvas.circle(x, y + 0.05, 0.34, "shadow", alpha=0.35)
    canvas.circle(x, y, 0.33, "white")
    canvas.circle(x, y, 0.28, "sky" if item == EXTRA else "orange")
    if item == EXTRA:
        canvas.circle(x - 0.02, y + 0.03, 0.14, "ink")
        canvas.line([(x + 0.06, y - 0.09), (x + 0.14, y - 0.17)], "white", width=0.05)
    else:
        canvas.polygon([(x - 0.13, y + 0.12), (x, y - 0.2), (x + 0.13, y + 0.12)], "amber")
        canvas.circle(x, y + 0.07, 0.1, "white")


def draw_bomb(canvas: Canvas, x: float, y: float, fuse: int) -> None:
    """Draw a bomb that swells and reddens as its time runs out."""
    left = fuse - canvas.moment + 1.0
    size = 0.32 + 0.05 * math.sin(12.0 / max(left, 0.6))
    canvas.circle(x, y + 0.2, size, "shadow", alpha=0.35)
    canvas.circle(x, y, size, "ink")
    canvas.circle(x, y, size, "rose", alpha=max(0.0, 0.6 - 0.2 * left))
    canvas.circle(x - 0.1, y - 0.12, 0.09, "white", alpha=0.5)
    canvas.line([(x + 0.15, y - 0.22), (x + 0.24, y - 0.36)], "sand", width=0.06)
    canvas.circle(x + 0.25, y - 0.38, 0.06 + 0.04 * (canvas.moment % 0.5), "amber")


def draw_flame(canvas: Canvas, x: float, y: float, took_brick: bool) -> None:
    """Draw a flame that bursts out and dies down within its step."""
    size = math.sin(math.pi * (0.25 + 0.6 * canvas.moment))
    for part, color in ((0.62, "rose"), (0.5, "orange"), (0.36, "amber"), (0.2, "white")):
        canvas.rect(x - part * size, y - part * size, 2 * part * size, 2 * part * size, color, radius=0.24)
    if took_brick:
        burst(canvas, x, y, "wood", reach=0.8, rays=6)


def draw_player(s: State, k: int, canvas: Canvas) -> None:
    x, y = s.col[k] + 0.5, s.row[k] + 0.5
    canvas.agent(k, x, y, 0.36)
    if not s.alive[k]:  # a grave
        canvas.circle(x, y + 0.2, 0.3, "shadow", alpha=0.3)
        canvas.rect(x - 0.2, y - 0.22, 0.4, 0.46, "stone", radius=0.18)
        canvas.circle(x, y - 0.04, 0.08, COLORS[k])
        return
    dx, dy = s.col[k] - s.from_col[k], s.row[k] - s.from_row[k]
    x, y = between(canvas, x - dx, x), between(canvas, y - dy, y)
    together = sum(int(s.alive[j]) for j in range(k) if s.row[j] == s.row[k] and s.col[j] == s.col[k])
    ahead = (dx, dy) if dx or dy else (0, 1)
    x, y = x + 0.18 * together, y - 0.1 * together
    creature(canvas, x, y, 0.36, COLORS[k], ahead=ahead, hops=dx != 0 or dy != 0)
