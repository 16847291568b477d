"""How connect four looks."""

from puffer_arena.core import Canvas, jit
from puffer_arena.core.tiles import tabletop
from puffer_arena.envs.connect4.state import ALONG, MOST_COLS, NOBODY, STRIDE, TOP, Params, State


@jit
def stones_in_line(s: State, p: Params) -> int:
    """Return the stones that lie in lines long enough to win, as a board."""
    found = 0
    for player in range(2):
        for way in ALONG:
            for first in range(STRIDE * MOST_COLS):
                line, length, bit = 0, 0, first
                while length < p.connect and bit < STRIDE * MOST_COLS and s.stones[player] >> bit & 1:
                    line |= 1 << bit
                    bit += way
                    length += 1
                if length == p.connect:
                    found |= line
    return found


def click(s: State, p: Params, agent: int, x: float, y: float) -> int | None:
    """Return the column at (x, y)."""
    return int(x) if 0.0 <= x < p.cols and y >= TOP - 0.12 else None


def draw(s: State, p: Params, canvas: Canvas) -> None:
    names, colors = ("Red", "Yellow"), ("rose", "amber")
    width, top = float(p.cols), TOP
    canvas.view(width + 0.3, p.rows + top + 0.75, left=-0.15, bleed=True)
    tabletop(canvas, width, p.rows + top + 0.75)
    playing = s.winner == NOBODY and s.laid < p.rows * p.cols
    for k, x in enumerate((0.5, width - 0.5)):
        lit = s.turn == k if playing else s.winner == k
        canvas.circle(x, 0.55, 0.36, colors[k], alpha=1.0 if lit else 0.3)
        canvas.text(x + (0.55 if k == 0 else -0.55), 0.55, names[k], "text", size=0.36,
                    anchor="left" if k == 0 else "right")  # fmt: skip
        canvas.agent(k, x, 0.55, 0.42)
    canvas.rect(-0.12, top - 0.12, width + 0.24, p.rows + 0.3, "shadow", radius=0.3)
    canvas.rect(-0.12, top - 0.12, width + 0.24, p.rows + 0.24, "wall", radius=0.3)
    won = 0 if s.winner == NOBODY else stones_in_line(s, p)
    for column in range(p.cols):
        stack = (s.stones[0] | s.stones[1]) >> (STRIDE * column)
        for height in range(p.rows):
            x, y, bit = column + 0.5, top + p.rows - height - 0.5, height + STRIDE * column
            owner = 0 if s.stones[0] >> bit & 1 else 1 if s.stones[1] >> bit & 1 else NOBODY
            canvas.circle(x, y, 0.41, "background" if owner == NOBODY else colors[owner])
            if owner != NOBODY:
                canvas.ring(x, y, 0.27, "shadow", width=0.035, alpha=0.35)
            is_last = column == s.column and stack >> height & 1 and not stack >> (height + 1) & 1
            if won >> bit & 1:
                canvas.ring(x, y, 0.38, "white", width=0.09)
            elif is_last:
                canvas.ring(x, y, 0.39, "white", width=0.045, alpha=0.8)
        canvas.text(column + 0.5, top + p.rows + 0.42, str(column + 1), "text", size=0.34)
    mover, winner = names[1 if s.turn == 1 else 0], names[1 if s.yellow_won else 0]
    said = f"{mover} to move" if playing else f"{winner} wins" if s.winner != NOBODY else "a draw"
    canvas.status(f"{said}, {s.laid} stones")
