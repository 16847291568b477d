"""Pictures of figures: curves with intervals, and heat maps, in the palette and font of everything else."""

import io
from collections.abc import Sequence
from pathlib import Path

from puffer_arena.machine.files import write_bytes
from puffer_arena.render.draw.canvas import PygameCanvas
from puffer_arena.render.toolkit import pygame

SIZE = (960, 540)  # pixels, and the units of what follows
LEFT, RIGHT, TOP, LOW = 90, 40, 100, 80  # around the plot
COLORS = ("accent", "amber", "rose", "lime")
SMALL, LARGE = 17.0, 24.0  # heights of text
MOST_LABELS = 12  # along an axis


def curves(
    title: str,
    axis: str,
    labels: Sequence[str],
    names: Sequence[str],
    lines: Sequence[Sequence[tuple[float, float, float]]],
    top: float = 1.0,
) -> PygameCanvas:
    """Draw shares, from 0 to 1, or other numbers of at least 0, over one axis.

    Args:
        title: of the picture.
        axis: what is along it.
        labels: of the points on it.
        names: of the lines.
        lines: mean, low and high at each point.
        top: the number at the upper edge.
    """
    canvas = PygameCanvas(SIZE)
    canvas.view(*SIZE)
    width, height = SIZE[0] - LEFT - RIGHT, SIZE[1] - TOP - LOW
    canvas.text(LEFT, 34, title, size=fitting(title), anchor="left")
    for k in range(5):
        y = TOP + height * k / 4
        canvas.line([(LEFT, y), (LEFT + width, y)], "line", width=1.0)
        canvas.text(LEFT - 14, y, f"{top * (1 - k / 4):g}", "muted", size=SMALL, anchor="right")
    at = [LEFT + width * (k + 0.5) / len(labels) for k in range(len(labels))]
    for x, label in _sparse(at, labels):
        canvas.text(x, TOP + height + 24, label, "muted", size=SMALL)
    canvas.text(LEFT + width / 2, SIZE[1] - 24, axis, size=SMALL)
    for k, (name, line) in enumerate(zip(names, lines, strict=True)):
        ink = COLORS[k % len(COLORS)]
        lows = [(x, TOP + height * (1 - low / top)) for x, (_, low, _) in zip(at, line, strict=True)]
        highs = [(x, TOP + height * (1 - high / top)) for x, (_, _, high) in zip(at, line, strict=True)]
        for j in range(len(at) - 1):
            canvas.polygon([lows[j], lows[j + 1], highs[j + 1], highs[j]], ink, alpha=0.18)
        points = [(x, TOP + height * (1 - mean / top)) for x, (mean, _, _) in zip(at, line, strict=True)]
        canvas.line(points, ink, width=3.0)
        for x, y in points:
            canvas.circle(x, y, 5.0, ink)
        _legend(canvas, name, ink, LEFT + 190.0 * k)
    return canvas


def heat_maps(
    title: str,
    axes: tuple[str, str],
    labels: Sequence[Sequence[str]],
    names: Sequence[str],
    maps: Sequence[Sequence[Sequence[float]]],
) -> PygameCanvas:
    """Draw shares, from 0 to 1, over two axes, a map for each name side by side.

    Args:
        title: of the picture.
        axes: names of the rows' and of the columns' parameter.
        labels: of rows and columns.
        names: of the maps.
        maps: rows of shares.
    """
    canvas = PygameCanvas(SIZE)
    canvas.view(*SIZE)
    canvas.text(LEFT, 34, title, size=fitting(title), anchor="left")
    rows, columns = labels
    gap = 50
    width = (SIZE[0] - LEFT - RIGHT - gap * (len(maps) - 1)) / len(maps)
    height = SIZE[1] - TOP - LOW
    cell = width / len(columns), height / len(rows)
    for k, (name, shares) in enumerate(zip(names, maps, strict=True)):
        left = LEFT + k * (width + gap)
        canvas.text(left + width / 2, TOP - 20, name, size=SMALL)
        for i, line in enumerate(shares):
            for j, share in enumerate(line):
                x, y = left + j * cell[0], TOP + i * cell[1]
                canvas.rect(x, y, cell[0] - 2, cell[1] - 2, "raised")
                canvas.rect(x, y, cell[0] - 2, cell[1] - 2, "accent", alpha=min(max(share, 0.0), 1.0))
                if cell[0] >= 44 and cell[1] >= 24:
                    ink = "background" if share > 0.5 else "text"
                    canvas.text(x + cell[0] / 2 - 1, y + cell[1] / 2 - 1, f"{share:.2f}", ink, size=SMALL)
        for x, label in _sparse([left + (j + 0.5) * cell[0] for j in range(len(columns))], columns, len(maps)):
            canvas.text(x, TOP + height + 20, label, "muted", size=SMALL)
        canvas.text(left + width / 2, SIZE[1] - 24, axes[1], size=SMALL)
    for y, label in _sparse([TOP + (i + 0.5) * cell[1] for i in range(len(rows))], rows):
        canvas.text(LEFT - 14, y, label, "muted", size=SMALL, anchor="right")
    canvas.text(16, TOP - 20, axes[0], size=SMALL, anchor="left")
    return canvas


def fitting(title: str) -> float:
    """Return the height of text in which a title is no wider than the plot; letters are rather more than half as wide as high."""
    return min(LARGE, 1.8 * (SIZE[0] - LEFT - RIGHT) / max(len(title), 1))


def save_png(canvas: PygameCanvas, path: Path) -> None:
    """Write a canvas as a PNG.

    Raises:
        OSError: it cannot be written.
    """
    drawn = io.BytesIO()
    pygame.image.save(canvas.surface(), drawn, ".png")
    write_bytes(path, drawn.getvalue())


def _sparse(at: Sequence[float], labels: Sequence[str], crowded: int = 1) -> list[tuple[float, str]]:
    """Return places and labels, some left out where there are many."""
    apart = -(-len(labels) * crowded // MOST_LABELS)
    return [(x, label) for k, (x, label) in enumerate(zip(at, labels, strict=True)) if k % max(apart, 1) == 0]


def _legend(canvas: PygameCanvas, name: str, ink: str, x: float) -> None:
    canvas.line([(x, 70), (x + 24, 70)], ink, width=3.0)
    canvas.text(x + 34, 70, name, "muted", size=SMALL, anchor="left")
