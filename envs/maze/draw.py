"""How maze looks."""

from puffer_arena.core import Canvas
from puffer_arena.core.tiles import BEYOND, between, block, burst, creature, ground, surround
from puffer_arena.envs.maze.rules import is_wall
from puffer_arena.envs.maze.state import GOAL, WALL, Params, State


def draw(s: State, p: Params, canvas: Canvas) -> None:
    canvas.view(p.size, p.size, bleed=True)
    surround(canvas, p.size, p.size, "leaf", "lime")
    reach = (p.sight - 1) // 2
    for row in range(p.size):
        for col in range(p.size):
            x, y = col + 0.5, row + 0.5
            if s.board[row, col] == WALL:
                block(canvas, row, col, "leaf", "grass", open_below=not is_wall(s, row + 1, col))
                continue
            ground(canvas, row, col, "sand", "wood", shaded=is_wall(s, row - 1, col))
            if s.board[row, col] == GOAL:
                canvas.circle(x, y, 0.44, "white", alpha=0.5)
                canvas.circle(x, y, 0.3, "amber")
                canvas.circle(x, y, 0.14, "white")
    dx, dy = s.col - s.from_col, s.row - s.from_row
    x, y = between(canvas, s.from_col, s.col) + 0.5, between(canvas, s.from_row, s.row) + 0.5
    shade(canvas, x, y, reach + 0.5)
    moves = dx != 0 or dy != 0
    creature(canvas, x, y, 0.36, "sky", ahead=(dx, dy) if moves else (0, 1), hops=moves)
    if s.reached:
        burst(canvas, x, y, "amber")
    canvas.agent(0, x, y, 0.36)
    canvas.status(f"{s.step_count} steps, {s.distance[s.row, s.col]} to go")


def shade(canvas: Canvas, x: float, y: float, reach: float) -> None:
    """Darken all but the square in sight around (x, y)."""
    for left, top, width, height in (
        (x - BEYOND, y - BEYOND, 2 * BEYOND, BEYOND - reach),
        (x - BEYOND, y + reach, 2 * BEYOND, BEYOND),
        (x - BEYOND, y - reach, BEYOND - reach, 2 * reach),
        (x + reach, y - reach, BEYOND, 2 * reach),
    ):
        canvas.rect(left, top, width, height, "night", alpha=0.4)
