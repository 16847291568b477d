"""A picture of who beats whom: ratings with their intervals, and the payoffs of all pairs as a heat map."""

import math
from collections.abc import Sequence

from puffer_arena.core.canvas import Canvas
from puffer_arena.render.draw.canvas import PygameCanvas

SIZE = (1200, 640)  # pixels, and the units of what follows
LARGE, SMALL = 24.0, 17.0  # heights of text
TOP, LOW, SIDE = 100.0, 50.0, 30.0  # around the whole
NAMES, RATINGS, GAP = 230.0, 250.0, 30.0  # widths of names and of ratings
LEFT = SIDE + NAMES + RATINGS + GAP  # of the heat map
LONGEST = 24  # characters of a name

Rated = tuple[str, float, float, float]  # name, rating, low and high


def payoff_picture(title: str, rated: Sequence[Rated], payoffs: Sequence[Sequence[float]]) -> PygameCanvas:
    """Draw ratings beside payoffs.

    Args:
        title: of the picture.
        rated: everybody, the best first.
        payoffs: points per game of each (rows) against each (columns), in the same order; NaN where they never met.
    """
    canvas = PygameCanvas(SIZE)
    draw_league(canvas, title, rated, payoffs)
    return canvas


def draw_league(canvas: Canvas, title: str, rated: Sequence[Rated], payoffs: Sequence[Sequence[float]]) -> None:
    """Draw the same on any canvas."""
    canvas.view(*SIZE)
    canvas.text(SIDE, 40, title, size=LARGE, anchor="left")
    wide, height = cell_of(len(rated))
    draw_ratings(canvas, rated, (SIDE, TOP), height)
    draw_payoffs(canvas, payoffs, (LEFT, TOP), (wide, height))


def cell_of(count: int) -> tuple[float, float]:
    """Return the size of a cell of the heat map of so many."""
    return (SIZE[0] - SIDE - LEFT) / count, (SIZE[1] - TOP - LOW) / count


def pair_at(x: float, y: float, count: int) -> tuple[int, int] | None:
    """Return whose cell lies at a place of the picture, row and column; None where there is none, or one meets itself."""
    wide, height = cell_of(count)
    row, col = int((y - TOP) // height), int((x - LEFT) // wide)
    return (row, col) if row != col and 0 <= row < count and 0 <= col < count else None


def draw_ratings(canvas: Canvas, rated: Sequence[Rated], at: tuple[float, float], height: float) -> None:
    """Draw names, and a mark for each rating in its interval."""
    x, y = at
    low, high = min(each[2] for each in rated), max(each[3] for each in rated)
    left, span = x + NAMES, max(high - low, 1e-9)
    canvas.text(left + RATINGS / 2, y - 22, "rating", "muted", size=SMALL)
    for k, (name, rating, least, most) in enumerate(rated):
        middle = y + (k + 0.5) * height
        shown = name if len(name) <= LONGEST else f"...{name[-LONGEST + 3 :]}"
        canvas.text(x, middle, f"{k + 1}  {shown}", size=SMALL, anchor="left")
        a, b, m = (left + (value - low) / span * RATINGS for value in (least, most, rating))
        canvas.line([(a, middle), (b, middle)], "line", width=4.0)
        canvas.circle(m, middle, 6.0, "accent")
        if height >= 40:
            canvas.text(m, middle - 17, f"{rating:.1f}", "muted", size=SMALL - 3)


def draw_payoffs(
    canvas: Canvas, payoffs: Sequence[Sequence[float]], at: tuple[float, float], cell: tuple[float, float]
) -> None:
    """Draw the heat map: more than half the points in one colour, less in another, the stronger the further."""
    (x, y), (wide, high) = at, cell
    for i, row in enumerate(payoffs):
        canvas.text(x + (i + 0.5) * wide, y - 22, str(i + 1), "muted", size=SMALL)
        for j, points in enumerate(row):
            left, top = x + j * wide, y + i * high
            canvas.rect(left, top, wide - 3, high - 3, "raised")
            if math.isnan(points):
                continue
            strength = min(abs(points - 0.5) * 2, 1.0)
            canvas.rect(left, top, wide - 3, high - 3, "accent" if points > 0.5 else "rose", alpha=0.85 * strength)
            if wide >= 44 and high >= 24:
                ink = "background" if strength > 0.5 else "text"
                canvas.text(left + wide / 2 - 1, top + high / 2 - 1, f"{points:.2f}", ink, size=SMALL)
