"""A picture of what a world model expected beside what came: curves of quantities, rows of grids."""

from collections.abc import Sequence
from typing import NamedTuple

from puffer_arena.core.fields import Array
from puffer_arena.render.draw.canvas import PygameCanvas

WIDTH, MARGIN, TOP = 960.0, 40.0, 116.0  # pixels, and the units of what follows
PANEL, APART = 130.0, 34.0  # height of a panel of curves, and what lies between two
MOST_CURVES, MOST_GRIDS = 6, 10
SIDE = (WIDTH - 2 * MARGIN - 70.0) / MOST_GRIDS - 8.0  # of a grid
SMALL, LARGE = 16.0, 24.0  # heights of text
TRUTH, EXPECTED = "accent", "amber"
CELLS = ("panel", "wall", "raised", "amber", "teal", "rose", "lime", "violet", "sky", "orange")  # by code


class Seen(NamedTuple):
    """A part of the observations over time."""

    names: Sequence[str]  # of its elements; none for a grid
    truth: Array  # (time, elements), or (time, rows, cols) codes
    expected: Array


def forecast_picture(title: str, parts: Sequence[Seen], known: int) -> PygameCanvas:
    """Draw what was seen and what was expected.

    Args:
        title: of the picture.
        parts: of the observations.
        known: how many observations the model had seen.
    """
    heights = [_height(part) for part in parts]
    height = TOP + sum(heights) + MARGIN
    canvas = PygameCanvas((int(WIDTH), int(height)))
    canvas.view(WIDTH, height)
    canvas.text(MARGIN, 34, title, size=LARGE, anchor="left")
    canvas.text(
        MARGIN,
        64,
        f"the model saw the first {known}, and what was done; then only what was done",
        "muted",
        size=SMALL,
        anchor="left",
    )
    for x, name, ink in ((WIDTH - 260, "came", TRUTH), (WIDTH - 160, "expected", EXPECTED)):
        canvas.line([(x, 34), (x + 24, 34)], ink, width=3.0)
        canvas.text(x + 32, 34, name, "muted", size=SMALL, anchor="left")
    y = TOP
    for part, tall in zip(parts, heights, strict=True):
        if part.truth.ndim == 3:
            _grids(canvas, part, known, y)
        else:
            for k in range(min(part.truth.shape[1], MOST_CURVES)):
                _curve(canvas, part, k, known, y + k * (PANEL + APART))
        y += tall
    return canvas


def _height(part: Seen) -> float:
    if part.truth.ndim == 3:
        return 2 * SIDE + 90.0
    return float(min(part.truth.shape[1], MOST_CURVES) * (PANEL + APART))


def _curve(canvas: PygameCanvas, part: Seen, k: int, known: int, top: float) -> None:
    """Draw an element's two curves in a panel."""
    truth, expected = part.truth[:, k].astype(float), part.expected[:, k].astype(float)
    low, high = min(truth.min(), expected.min()), max(truth.max(), expected.max())
    spread = max(high - low, 1e-6)
    left, right = MARGIN + 70.0, WIDTH - MARGIN
    apart = (right - left) / max(len(truth) - 1, 1)

    def points(values: Array) -> list[tuple[float, float]]:
        return [(left + apart * t, top + PANEL * (1.0 - (v - low) / spread)) for t, v in enumerate(values.tolist())]

    canvas.rect(left, top, right - left, PANEL, "panel")
    border = left + apart * (min(known, len(truth)) - 1)
    canvas.rect(left, top, border - left, PANEL, "raised")
    canvas.line(points(truth), TRUTH, width=3.0)
    canvas.line(points(expected), EXPECTED, width=2.0)
    canvas.text(left, top - 13, part.names[k], size=SMALL, anchor="left")
    canvas.text(left - 10, top + 8, f"{high:.2g}", "muted", size=SMALL, anchor="right")
    canvas.text(left - 10, top + PANEL - 8, f"{low:.2g}", "muted", size=SMALL, anchor="right")


def _grids(canvas: PygameCanvas, part: Seen, known: int, top: float) -> None:
    """Draw some moments' grids: what came above, what was expected below."""
    side, left = SIDE, MARGIN + 70.0
    steps = len(part.truth)
    chosen = sorted({round(k * (steps - 1) / (MOST_GRIDS - 1)) for k in range(MOST_GRIDS)})
    for row, (name, grids) in enumerate((("came", part.truth), ("expected", part.expected))):
        y = top + 24.0 + row * (side + 10.0)
        canvas.text(left - 10, y + side / 2, name, (TRUTH, EXPECTED)[row], size=SMALL, anchor="right")
        for k, t in enumerate(chosen):
            _grid(canvas, grids[t], left + k * (side + 8.0), y, side)
    for k, t in enumerate(chosen):
        ink = "text" if t < known else "muted"
        canvas.text(left + k * (side + 8.0) + side / 2, top + 10, f"{t}", ink, size=SMALL)


def _grid(canvas: PygameCanvas, codes: Array, x: float, y: float, side: float) -> None:
    rows, cols = codes.shape
    cell = side / max(rows, cols)
    for i in range(rows):
        for j in range(cols):
            ink = CELLS[int(codes[i, j]) % len(CELLS)]
            canvas.rect(x + j * cell, y + i * cell, cell - 0.5, cell - 0.5, ink)
