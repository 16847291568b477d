"""How tag looks."""

from puffer_arena.core import Canvas
from puffer_arena.core.tiles import between, block, creature, ground, surround
from puffer_arena.envs.tag.state import WALL, Params, State


def draw(s: State, p: Params, canvas: Canvas) -> None:
    canvas.view(p.size + 0.4, p.size + 0.4, left=-0.2, low=-0.2, bleed=True)
    surround(canvas, p.size, p.size, "meadow", "leaf")
    for row in range(p.size):
        for col in range(p.size):
            if s.board[row, col] == WALL:
                block(canvas, row, col, "stone", "rock", open_below=True)
            else:
                ground(canvas, row, col, "grass", "meadow", shaded=row > 0 and s.board[row - 1, col] == WALL)
    fence = [(0.0, 0.0), (p.size, 0.0), (p.size, p.size), (0.0, p.size), (0.0, 0.0)]
    canvas.line(fence, "plank", width=0.2)
    canvas.line([(x, y - 0.06) for x, y in fence], "wood", width=0.1)
    for k in range(len(s.alive)):
        chaser = k < len(s.catches)
        if s.alive[k] or (chaser and k < p.chasers):  # chasers stay to be seen after the end
            draw_agent(s, k, canvas, "orange" if chaser else "sky", 0.4 if chaser else 0.34)
    canvas.status(f"{s.caught} of {p.runners} runners caught in {s.step_count} steps")


def draw_agent(s: State, k: int, canvas: Canvas, color: str, radius: float) -> None:
    """Draw an agent on its way; those who share a cell stand in a row."""
    x, y = s.col[k] + 0.5, s.row[k] + 0.5
    canvas.agent(k, x, y, radius)
    dx, dy = s.col[k] - s.from_col[k], s.row[k] - s.from_row[k]
    sharing = [j for j in range(len(s.alive)) if (s.row[j], s.col[j], s.alive[j]) == (s.row[k], s.col[k], 1)]
    place = sharing.index(k) - 0.5 * (len(sharing) - 1) if k in sharing else 0.0
    x, y = between(canvas, x - dx, x) + 0.3 * place, between(canvas, y - dy, y) + 0.06 * place
    moves = dx != 0 or dy != 0
    creature(canvas, x, y, radius, color, ahead=(dx, dy) if moves else (0, 1), hops=moves)
