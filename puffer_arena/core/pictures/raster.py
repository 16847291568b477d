"""A canvas of pixels for compiled rules: `Canvas`'s shapes, with smooth edges, painted as they are drawn.

A canvas is a tuple of arrays: the picture, uint8 (rows, cols, 3), the numbers of its view (SCALE, ...), and the points
of the line or polygon at hand.  An edge covers a part of the pixels that it crosses, by their distance from it.
"""

import math

import numpy as np

from puffer_arena.core.fields import Array
from puffer_arena.core.palette import load_palette
from puffer_arena.machine.compile import jit, machine_code

NAMES = tuple(load_palette())  # colours by their numbers
RGB: Array = np.array(list(load_palette().values()), np.int64)
BACKGROUND, AMBER = NAMES.index("background"), NAMES.index("amber")
MOST_POINTS = 1024  # of a line or polygon; others are left out
SCALE, X0, Y0, LEFT, LOW, HIGH, UP = range(7)  # pixels a unit; where the view lies; whether y grows upwards
CLIP_LEFT, CLIP_TOP, CLIP_RIGHT, CLIP_BOTTOM = range(7, 11)  # pixels
COUNT = 11  # points at hand
WHO, MARKED_X, MARKED_Y, MARKED = range(12, 16)  # the agent that looks, where it is, and the radius of its mark
NUMBERS = 16
FAR = 1e7  # pixels: what lies farther away is drawn as if it lay there

Pixels = tuple[Array, Array, Array]


@machine_code
def open_canvas(picture: Array, who: int) -> Pixels:
    """Return a canvas on a picture, cleared; `who` looks at it and is marked, if it is at least 0."""
    canvas = picture, np.zeros(NUMBERS), np.empty((MOST_POINTS, 2))
    begin_picture(canvas, who)
    return canvas


@jit
def begin_picture(canvas: Pixels, who: int) -> None:
    """Clear a canvas, its view and points included."""
    picture, view, _ = canvas
    view[:] = 0.0
    view[WHO] = who
    red, green, blue = RGB[BACKGROUND]
    for row in range(picture.shape[0]):
        for col in range(picture.shape[1]):
            picture[row, col, 0], picture[row, col, 1], picture[row, col, 2] = red, green, blue
    set_view(canvas, float(picture.shape[1]), float(picture.shape[0]), 0.0, 0.0, False, True)


@machine_code
def close_canvas(canvas: Pixels) -> None:
    """Mark the agent that looks, over everything else."""
    _, view, _ = canvas
    if view[MARKED] > 0.0:
        around = view[MARKED] + 2.0
        fill_ring(canvas, (view[MARKED_X], view[MARKED_Y]), around - 0.75, around + 0.75, AMBER, 1.0)


@machine_code
def set_view(canvas: Pixels, width: float, height: float, left: float, low: float, up: bool, bleed: bool) -> None:
    picture, view, _ = canvas
    rows, cols = picture.shape[0], picture.shape[1]
    scale = min(cols / max(width, 1e-9), rows / max(height, 1e-9))
    view[SCALE], view[UP] = scale, 1.0 if up else 0.0
    view[X0], view[Y0] = 0.5 * (cols - width * scale), 0.5 * (rows - height * scale)
    view[LEFT], view[LOW], view[HIGH] = left, low, low + height
    view[CLIP_LEFT] = 0.0 if bleed else pixel(view[X0], cols)
    view[CLIP_TOP] = 0.0 if bleed else pixel(view[Y0], rows)
    view[CLIP_RIGHT] = cols if bleed else pixel(cols - view[X0], cols)
    view[CLIP_BOTTOM] = rows if bleed else pixel(rows - view[Y0], rows)


@jit
def pixel(place: float, most: int) -> int:
    """Return the whole number nearest to a place, within 0 and `most`."""
    return int(min(max(math.floor(place + 0.5), 0.0), float(most)))


@jit
def place_of(view: Array, x: float, y: float) -> tuple[float, float]:
    """Return the pixel position of a point."""
    down = view[HIGH] - y if view[UP] > 0.0 else y - view[LOW]
    at_x, at_y = view[X0] + (x - view[LEFT]) * view[SCALE], view[Y0] + down * view[SCALE]
    return min(max(at_x, -FAR), FAR), min(max(at_y, -FAR), FAR)


@jit
def box_of(view: Array, left: float, top: float, right: float, low: float) -> tuple[int, int, int, int]:
    """Return the columns and rows of pixels that a box touches, within what may be painted."""
    first, last = max(math.floor(left), view[CLIP_LEFT]), min(math.ceil(right), view[CLIP_RIGHT])
    above, below = max(math.floor(top), view[CLIP_TOP]), min(math.ceil(low), view[CLIP_BOTTOM])
    return int(first), int(max(last, first)), int(above), int(max(below, above))


@jit
def blend(picture: Array, row: int, col: int, color: int, cover: float) -> None:
    """Paint a part of a pixel."""
    part = int(cover * 256.0 + 0.5)
    if part >= 256:
        picture[row, col, 0], picture[row, col, 1], picture[row, col, 2] = RGB[color, 0], RGB[color, 1], RGB[color, 2]
    elif part > 0:
        for k in range(3):
            old = np.int64(picture[row, col, k])
            picture[row, col, k] = old + ((RGB[color, k] - old) * part + 128 >> 8)


@jit
def fill_span(picture: Array, row: int, span: tuple[int, int], color: int, cover: float) -> None:
    """Paint the same part of all pixels from one column to before another."""
    part = int(cover * 256.0 + 0.5)
    red, green, blue = RGB[color, 0], RGB[color, 1], RGB[color, 2]
    line, left = picture[row], 256 - part
    if part >= 256:
        for col in range(span[0], span[1]):
            line[col, 0], line[col, 1], line[col, 2] = red, green, blue
    elif part > 0:
        red, green, blue = red * part + 128, green * part + 128, blue * part + 128
        for col in range(span[0], span[1]):
            line[col, 0] = (np.int64(line[col, 0]) * left + red) >> 8
            line[col, 1] = (np.int64(line[col, 1]) * left + green) >> 8
            line[col, 2] = (np.int64(line[col, 2]) * left + blue) >> 8


@jit
def clamp(cover: float) -> float:
    return min(max(cover, 0.0), 1.0)


@machine_code
def draw_rect(
    canvas: Pixels, x: float, y: float, width: float, height: float, color: int, radius: float, alpha: float
) -> None:
    picture, view, _ = canvas
    scale = view[SCALE]
    x0, y0 = place_of(view, x, y + height if view[UP] > 0.0 else y)
    # Edges lie on quarters of a pixel, as in the pictures that are drawn four times as large.
    x1, y1 = math.floor(4.0 * (x0 + width * scale) + 0.5) * 0.25, math.floor(4.0 * (y0 + height * scale) + 0.5) * 0.25
    x0, y0 = math.floor(4.0 * x0 + 0.5) * 0.25, math.floor(4.0 * y0 + 0.5) * 0.25
    corner = min(radius, 0.5 * width, 0.5 * height) * scale
    first, last, above, below = box_of(view, x0, y0, x1, y1)
    if last <= first:
        return
    start, end = max(first, math.ceil(x0)), min(last, math.floor(x1))  # columns that are covered in full
    left, right = clamp(min(first + 1.0, x1) - max(first * 1.0, x0)), clamp(min(last * 1.0, x1) - max(last - 1.0, x0))
    for row in range(above, below):
        high = alpha * clamp(min(row + 1.0, y1) - max(row * 1.0, y0))
        inward_y = max(y0 + corner - row - 0.5, row + 0.5 - y1 + corner)
        if corner <= 0.0 or inward_y <= 0.0:
            if start < end:
                fill_span(picture, row, (start, end), color, high)
            if start > first:
                blend(picture, row, first, color, high * left)
            if end < last and last > start:
                blend(picture, row, last - 1, color, high * right)
            continue
        for col in range(first, last):
            cover = high * clamp(min(col + 1.0, x1) - max(col * 1.0, x0))
            inward_x = max(x0 + corner - col - 0.5, col + 0.5 - x1 + corner)
            if corner > 0.0 and inward_x > 0.0 and inward_y > 0.0:
                away = math.sqrt(inward_x * inward_x + inward_y * inward_y)
                cover = min(cover, alpha * clamp(corner + 0.5 - away))
            blend(picture, row, col, color, cover)


@jit
def fill_ring(
    canvas: Pixels, middle: tuple[float, float], inner: float, outer: float, color: int, alpha: float
) -> None:
    """Paint what lies between two radii, in pixels; with an inner one below 0 it is a disc."""
    picture, view, _ = canvas
    x, y = middle
    first, last, above, below = box_of(view, x - outer - 0.5, y - outer - 0.5, x + outer + 0.5, y + outer + 0.5)
    small = outer < 2.0
    for row in range(above, below):
        dy = row + 0.5 - y
        full = (outer - 0.5) * (outer - 0.5) - dy * dy
        start, end = last, last  # columns that a disc covers in full
        if not small and inner <= 0.0 and full > 0.0:
            half = math.sqrt(full)
            start = int(min(max(math.ceil(x - half - 0.5), first * 1.0), last * 1.0))
            end = int(min(max(math.floor(x + half - 0.5) + 1.0, start * 1.0), last * 1.0))
            fill_span(picture, row, (start, end), color, alpha)
        for part in range(2):
            for col in range(end if part else first, last if part else start):
                dx = col + 0.5 - x
                away2 = dx * dx + dy * dy
                if away2 < (outer + 0.75) * (outer + 0.75):
                    cover = sampled(dx, dy, inner, outer) if small else between(math.sqrt(away2), inner, outer)
                    blend(picture, row, col, color, cover * alpha)


@jit
def between(away: float, inner: float, outer: float) -> float:
    """Return which part of a pixel lies between two radii, by how far its middle is away."""
    cover = clamp(outer + 0.5 - away)
    return cover - clamp(inner + 0.5 - away) if inner > 0.0 else cover


@jit
def sampled(dx: float, dy: float, inner: float, outer: float) -> float:
    """Return which part of a pixel lies between two radii, by sixteen points of it; it is (dx, dy) from the middle."""
    inside = 0
    for k in range(16):
        x, y = dx + 0.25 * (k & 3) - 0.375, dy + 0.25 * (k >> 2) - 0.375
        away2 = x * x + y * y
        if away2 < outer * outer and (inner <= 0.0 or away2 >= inner * inner):
            inside += 1
    return inside / 16.0


@machine_code
def draw_circle(canvas: Pixels, x: float, y: float, radius: float, color: int, alpha: float) -> None:
    _, view, _ = canvas
    fill_ring(canvas, place_of(view, x, y), -1.0, min(radius * view[SCALE], FAR), color, alpha)


@machine_code
def draw_ring(canvas: Pixels, x: float, y: float, radius: float, color: int, width: float, alpha: float) -> None:
    _, view, _ = canvas
    outer = min((radius + 0.5 * width) * view[SCALE], FAR)
    fill_ring(canvas, place_of(view, x, y), outer - max(width * view[SCALE], 0.25), outer, color, alpha)


@machine_code
def begin_points(canvas: Pixels) -> None:
    canvas[1][COUNT] = 0.0


@machine_code
def add_point(canvas: Pixels, x: float, y: float) -> None:
    _, view, points = canvas
    count = int(view[COUNT])
    if count < MOST_POINTS:
        points[count, 0], points[count, 1] = place_of(view, x, y)
        view[COUNT] = count + 1.0


@jit
def off_segment(x: float, y: float, ax: float, ay: float, bx: float, by: float) -> float:
    """Return how far a point is from a segment."""
    ex, ey = bx - ax, by - ay
    length2 = ex * ex + ey * ey
    along = clamp(((x - ax) * ex + (y - ay) * ey) / length2) if length2 > 0.0 else 0.0
    dx, dy = x - ax - along * ex, y - ay - along * ey
    return math.sqrt(dx * dx + dy * dy)


@machine_code
def draw_line(canvas: Pixels, color: int, width: float, alpha: float) -> None:
    """Draw through the points at hand; parts that lie over each other count once."""
    _, view, _ = canvas
    count, half = int(view[COUNT]), 0.5 * max(width * view[SCALE], 1.0)
    if alpha >= 1.0:
        for k in range(1, count):
            stroke(canvas, (k - 1, k + 1), half, color, alpha)
    else:
        stroke(canvas, (0, count), half, color, alpha)


@jit
def stroke(canvas: Pixels, which: tuple[int, int], half: float, color: int, alpha: float) -> None:
    """Paint the line through some of the points, `half` to either side."""
    picture, view, points = canvas
    begin, end = which
    if end - begin < 2:
        return
    left, top, right, low = FAR, FAR, -FAR, -FAR
    for k in range(begin, end):
        left, right = min(left, points[k, 0]), max(right, points[k, 0])
        top, low = min(top, points[k, 1]), max(low, points[k, 1])
    around = half + 0.5
    first, last, above, below = box_of(view, left - around, top - around, right + around, low + around)
    for row in range(above, below):
        for col in range(first, last):
            away = FAR
            for k in range(begin + 1, end):
                off = off_segment(col + 0.5, row + 0.5, points[k - 1, 0], points[k - 1, 1], points[k, 0], points[k, 1])
                away = min(away, off)
            if away < around:
                blend(picture, row, col, color, alpha * clamp(around - away))


@machine_code
def draw_polygon(canvas: Pixels, color: int, alpha: float) -> None:
    """Fill the convex polygon of the points at hand."""
    picture, view, points = canvas
    count, turned = int(view[COUNT]), 0.0
    if count < 3:
        return
    left, top, right, low = FAR, FAR, -FAR, -FAR
    for k in range(count):
        left, right = min(left, points[k, 0]), max(right, points[k, 0])
        top, low = min(top, points[k, 1]), max(low, points[k, 1])
        j = k + 1 if k + 1 < count else 0
        turned += points[k, 0] * points[j, 1] - points[j, 0] * points[k, 1]
    first, last, above, below = box_of(view, left - 0.5, top - 0.5, right + 0.5, low + 0.5)
    if below <= above or last <= first:
        return
    edges = np.empty((count, 3))  # how far inside a point is: edges[k, 0] x + edges[k, 1] y + edges[k, 2]
    for k in range(count):
        j = k + 1 if k + 1 < count else 0
        ex, ey = points[j, 0] - points[k, 0], points[j, 1] - points[k, 1]
        length = math.sqrt(ex * ex + ey * ey) * (1.0 if turned > 0.0 else -1.0)
        edges[k, 0], edges[k, 1] = (-ey / length, ex / length) if length != 0.0 else (0.0, 0.0)
        rest = -edges[k, 0] * points[k, 0] - edges[k, 1] * points[k, 1]
        edges[k, 2] = rest if length != 0.0 else FAR  # two points in one place bound nothing
    for row in range(above, below):
        begin, end = inside_edges(edges, row + 0.5, -0.5, first, last)
        start, stop = inside_edges(edges, row + 0.5, 0.5, begin, end)
        fill_span(picture, row, (start, stop), color, alpha)
        for part in range(2):
            for col in range(stop if part else begin, end if part else start):
                cover = 1.0
                for k in range(count):
                    off = edges[k, 0] * (col + 0.5) + edges[k, 1] * (row + 0.5) + edges[k, 2]
                    cover = min(cover, off + 0.5)
                blend(picture, row, col, color, alpha * clamp(cover))


@jit
def inside_edges(edges: Array, y: float, least: float, first: int, last: int) -> tuple[int, int]:
    """Return the columns from `first` to before `last` whose middles are at least so far inside of all edges."""
    low, high = first * 1.0, last * 1.0
    for k in range(len(edges)):
        slope, rest = edges[k, 0], edges[k, 1] * y + edges[k, 2] - least
        if abs(slope) < 1e-9:
            high = high if rest >= 0.0 else low
        elif slope > 0.0:
            low = max(low, math.ceil(-rest / slope - 0.5))
        else:
            high = min(high, math.floor(-rest / slope - 0.5) + 1.0)
    return int(min(low, last * 1.0)), int(max(min(low, last * 1.0), high))


@machine_code
def draw_picture(canvas: Pixels, x: float, y: float, width: float, height: float, pixels: Array) -> None:
    """Show a picture; of its pixels that fall into one of the canvas the middle one is seen."""
    picture, view, _ = canvas
    x0, y0 = place_of(view, x, y + height if view[UP] > 0.0 else y)
    wide, high = max(width * view[SCALE], 1e-6), max(height * view[SCALE], 1e-6)
    first, last, above, below = box_of(view, x0, y0, x0 + wide, y0 + high)
    for row in range(above, below):
        from_row = pixel((row + 0.5 - y0) / high * pixels.shape[0] - 0.5, pixels.shape[0] - 1)
        for col in range(first, last):
            from_col = pixel((col + 0.5 - x0) / wide * pixels.shape[1] - 0.5, pixels.shape[1] - 1)
            for k in range(3):
                picture[row, col, k] = pixels[from_row, from_col, k]


@machine_code
def note_agent(canvas: Pixels, index: int, x: float, y: float, radius: float) -> None:
    """Remember where the agent is that looks."""
    _, view, _ = canvas
    if index == int(view[WHO]):
        view[MARKED_X], view[MARKED_Y] = place_of(view, x, y)
        view[MARKED] = max(min(radius * view[SCALE], FAR), 1e-3)
