"""Grids drawn as places: ground, blocks with a face, creatures, and what moves from cell to cell.

Cells are a unit wide, x is the column and y the row of their upper left corner, and the light comes from above.
"""

import math

from puffer_arena.core.canvas import Canvas

BEYOND = 40.0  # cells drawn around a board, more than any picture shows
MARKED = 10  # cells around it that have marks
FACE = 0.3  # of a block's cell shows its front


def between(canvas: Canvas, start: float, end: float) -> float:
    """Return where something is on its way in the last step, which begins and ends gently."""
    t = canvas.moment
    return start + (end - start) * t * t * (3.0 - 2.0 * t)


def grain(row: int, col: int, n: int) -> int:
    """Return a number in [0, n) that looks random and is always the same for a cell."""
    mixed = (row * 374_761_393 + col * 668_265_263) & 0xFFFFFFFF
    mixed = ((mixed ^ (mixed >> 13)) * 1_274_126_177) & 0xFFFFFFFF
    return ((mixed >> 16) * n) >> 16


def surround(canvas: Canvas, cols: int, rows: int, color: str, tint: str) -> None:
    """Fill the picture, as far as it shows what lies around a board: uneven ground in `tint`, and stones on it."""
    canvas.rect(-BEYOND, -BEYOND, cols + 2 * BEYOND, rows + 2 * BEYOND, color)
    for row in range(-MARKED, rows + MARKED, 2):
        for col in range(-MARKED, cols + MARKED, 2):
            under = 0 < row < rows - 2 and 0 < col < cols - 2
            in_corner = not (-3 <= row < rows + 3 or -3 <= col < cols + 3)  # which no picture of the whole board shows
            if under or in_corner:
                continue
            x, y = col + 0.2 * grain(row, col, 8), row + 0.2 * grain(row + 50, col, 8)
            if (row + col) % 4 == 0:
                wide = 1.2 + 0.2 * grain(row, col + 9, 6)
                canvas.rect(x, y, wide, 1.9 - 0.4 * wide, tint, radius=0.5, alpha=0.2)
            size = 0.1 + 0.03 * grain(row, col + 50, 6)
            canvas.circle(x + 0.3, y + 0.04, size, "shadow", alpha=0.3)
            canvas.circle(x + 0.3, y, size, tint)


def masonry(
    canvas: Canvas,
    width: float,
    height: float,
    color: str,
    joint: str,
    *,
    left: float = 0.0,
    top: float = 0.0,
    stone: float = 1.0,
) -> None:
    """Fill a rectangle with courses of stones, each so wide and half as high, with joints in the colour `joint`."""
    canvas.rect(left, top, width, height, color)
    for row in range(math.ceil(2.0 * height / stone)):
        y = top + 0.5 * stone * row
        canvas.line([(left, y), (left + width, y)], joint, width=0.03 * stone, alpha=0.4)
        for col in range(math.ceil(width / stone)):
            x = left + stone * (col + 0.5 * (row % 2) + 0.1 * grain(row, col, 4))
            if x < left + width:
                canvas.line([(x, y), (x, y + 0.5 * stone)], joint, width=0.03 * stone, alpha=0.4)


def tabletop(canvas: Canvas, width: float, height: float) -> None:
    """Fill the picture with the boards of a table under a lamp, on which a board of this size lies."""
    canvas.rect(-BEYOND, -BEYOND, width + 2 * BEYOND, height + 2 * BEYOND, "plank")
    board = 0.21 * height
    for k in range(-8, 13):
        canvas.rect(-BEYOND, k * board, width + 2 * BEYOND, 0.006 * height, "ink", alpha=0.35)
        joint = width * (0.37 * grain(k, 3, 8) - 1.0)
        for at in (joint, joint + 1.7 * width):
            canvas.rect(at, k * board, 0.006 * height, board, "ink", alpha=0.25)
        for at in (joint + 0.3 * width, joint + 1.1 * width):
            y = (k + 0.3 + 0.05 * grain(k, 7, 9)) * board
            canvas.line([(at, y), (at + 0.28 * width, y)], "wood", width=0.008 * height, alpha=0.3)
    canvas.rect(-BEYOND, -BEYOND, width + 2 * BEYOND, height + 2 * BEYOND, "night", alpha=0.5)
    for part in (1.25, 0.95, 0.68):
        canvas.circle(0.5 * width, 0.5 * height, part * max(width, height), "amber", alpha=0.045)


def ground(canvas: Canvas, row: int, col: int, color: str, tint: str, *, shaded: bool = False) -> None:
    """Draw a cell of the ground, some with a mark in `tint`; `shaded` where a block stands above it."""
    canvas.rect(col, row, 1.0, 1.0, color)
    kind = grain(row, col, 6)
    if kind < 3:
        x, y = col + 0.2 + 0.6 * grain(row, col + 99, 8) / 8, row + 0.3 + 0.5 * grain(row + 99, col, 8) / 8
        canvas.rect(x, y, 0.16 - 0.03 * kind, 0.08, tint, alpha=0.7)
    if (row + col) % 2:
        canvas.rect(col, row, 1.0, 1.0, tint, alpha=0.22)
    if shaded:
        canvas.rect(col, row, 1.0, 0.22, "shadow", alpha=0.35)


def block(canvas: Canvas, row: int, col: int, color: str, face: str, *, open_below: bool) -> None:
    """Draw a block seen from above and a little from the front, whose face shows where the cell below is open."""
    if open_below:
        canvas.rect(col, row, 1.0, 1.0, color)
        canvas.rect(col, row + 1.0 - FACE, 1.0, FACE, face)
        canvas.rect(col, row + 1.0 - FACE - 0.05, 1.0, 0.06, "white", alpha=0.16)
        shift = 0.25 + 0.5 * (grain(row, col, 2))
        canvas.line([(col + shift, row + 1.0 - FACE), (col + shift, row + 0.98)], "shadow", width=0.03, alpha=0.4)
        canvas.rect(col, row + 0.94, 1.0, 0.06, "shadow", alpha=0.35)


def creature(
    canvas: Canvas,
    x: float,
    y: float,
    radius: float,
    color: str,
    *,
    ahead: tuple[int, int] = (0, 1),
    hops: bool = False,
) -> None:
    """Draw a round creature with its middle at (x, y) that looks `ahead`, (columns, rows), and `hops` in the last step."""
    dx, dy = ahead
    hop = 0.3 * math.sin(math.pi * canvas.moment) if hops else 0.0  # radii above ground
    canvas.circle(x, y + 0.62 * radius, 0.86 * radius, "shadow", alpha=0.3)
    y -= hop * radius
    wide = 1.0 - 0.1 * math.sin(math.pi * hop)
    canvas.circle(x, y, 1.04 * wide * radius, "shadow", alpha=0.5)
    canvas.circle(x, y, wide * radius, color)
    canvas.circle(x, y, wide * radius, "shadow", alpha=0.18)
    canvas.circle(x - 0.06 * radius, y - 0.1 * radius, 0.86 * wide * radius, color)
    canvas.circle(x - 0.3 * radius, y - 0.46 * radius, 0.24 * radius, "white", alpha=0.4)
    if dy < 0:  # those who go up show their back
        return
    for side in (-1, 1):
        eye_x = x + (0.36 * dx + side * (0.36 if dx == 0 else 0.27)) * radius
        eye_y = y + (0.2 * dy - 0.08) * radius
        canvas.circle(eye_x, eye_y, 0.25 * radius, "white")
        canvas.circle(eye_x + 0.09 * radius * dx, eye_y + 0.08 * radius * dy, 0.14 * radius, "ink")


def burst(canvas: Canvas, x: float, y: float, color: str, *, reach: float = 0.9, rays: int = 8) -> None:
    """Draw sparks that fly apart during the step, and are gone at its end."""
    left = 1.0 - canvas.moment
    if left <= 0.0:
        return
    for k in range(rays):
        angle = 2.0 * math.pi * (k + 0.5) / rays
        far = reach * (1.0 - left * left)
        canvas.circle(x + far * math.cos(angle), y + far * math.sin(angle), 0.03 + 0.09 * left, color, alpha=left)
    canvas.ring(x, y, 0.3 + 0.5 * reach * canvas.moment, color, width=0.06, alpha=0.8 * left)
