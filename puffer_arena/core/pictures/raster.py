"""A canvas of pixels for compiled rules: `Canvas`'s shapes, with smooth edges, painted as they are drawn.

An edge covers a part of the pixels that it crosses, by their distance from it.
"""

import math
from typing import NamedTuple

import numpy as np

from puffer_arena.core.fields import Array
from puffer_arena.core.palette import load_palette
from puffer_arena.machine.compile import jit, machine_code, unsigned

NAMES = tuple(load_palette())  # colours by their numbers
RGB: Array = np.array(list(load_palette().values()), np.int64)
TINTS: Array = RGB.flatten()
BACKGROUND, AMBER = NAMES.index("background"), NAMES.index("amber")
MOST_POINTS = 1024  # of a line or polygon; others are left out
SCALE, X0, Y0, LEFT, LOW, HIGH, UP = range(7)  # pixels a unit; where the view lies; whether y grows upwards
CLIP_LEFT, CLIP_TOP, CLIP_RIGHT, CLIP_BOTTOM = range(7, 11)  # pixels
COUNT = 11  # points at hand
NUMBERS = 12
FAR = 1e7  # pixels: what lies farther away is drawn as if it lay there


class Pixels(NamedTuple):
    """A canvas.

    Attributes:
        picture: uint8 (rows, cols, 3).
        numbers: of its view, SCALE and so on, (NUMBERS,).
        points: of the line or polygon at hand, (MOST_POINTS, 2).
        ink: of each byte of a row the part that is kept, and what is added, in 256ths, uint16 (2, cols, 3).
        agents: x and y of each in pixels, and its radius, 0 where it is not drawn, (agents, 3).
    """

    picture: Array
    numbers: Array
    points: Array
    ink: Array
    agents: Array


@machine_code
def open_canvas(picture: Array, agents: int) -> Pixels:
    """Return a canvas on a picture, cleared, that notes where so many agents are."""
    ink = np.empty((2, picture.shape[1], 3), np.uint16)
    canvas = Pixels(picture, np.zeros(NUMBERS), np.empty((MOST_POINTS, 2)), ink, np.zeros((agents, 3)))
    begin_picture(canvas)
    return canvas


@jit
def begin_picture(canvas: Pixels) -> None:
    """Clear a canvas, its view and points included."""
    picture, view = canvas.picture, canvas.numbers
    view[:] = 0.0
    red, green, blue = RGB[BACKGROUND]
    for row in range(picture.shape[0]):
        for col in range(picture.shape[1]):
            picture[row, col, 0], picture[row, col, 1], picture[row, col, 2] = red, green, blue
    set_view(canvas, float(picture.shape[1]), float(picture.shape[0]), 0.0, 0.0, False, True)


@machine_code
def mark_agent(canvas: Pixels, agent: int) -> None:
    """Mark the agent that looks, over everything else, where it was drawn."""
    x, y, radius = canvas.agents[agent]
    if radius > 0.0:
        fill_ring(canvas, (x, y), radius + 1.25, radius + 2.75, AMBER, 1.0)


@machine_code
def mark_each(canvas: Pixels, pictures: Array) -> None:
    """Give every agent a picture of its own, (agents, rows, cols, 3), of which the canvas has painted the first."""
    for agent in range(len(pictures) - 1, -1, -1):
        if agent > 0:
            copy_picture(pictures[0], pictures[agent])
        mark_agent(Pixels(pictures[agent], canvas.numbers, canvas.points, canvas.ink, canvas.agents), agent)


@jit
def copy_picture(picture: Array, other: Array) -> None:
    source, target, at = picture.flat, other.flat, unsigned(0)
    while at < unsigned(picture.size):
        target[at] = source[at]
        at += unsigned(1)


@machine_code
def set_view(canvas: Pixels, width: float, height: float, left: float, low: float, up: bool, bleed: bool) -> None:
    picture, view = canvas.picture, canvas.numbers
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
    part = int(min(cover, 1.0) * 256.0 + 0.5)
    pixels, at, tint = picture.flat, unsigned(3 * (row * picture.shape[1] + col)), unsigned(3 * color)
    for k in range(3):
        added = TINTS[tint + unsigned(k)] * part + 128
        pixels[at + unsigned(k)] = (np.int64(pixels[at + unsigned(k)]) * (256 - part) + added) >> 8


@jit
def clamp(cover: float) -> float:
    return min(max(cover, 0.0), 1.0)


@jit
def dip(ink: Array, span: tuple[int, int], color: int, cover: float) -> None:
    """Make the ink of the columns from one to before another paint a part of each pixel, as `blend` does."""
    part = int(min(cover, 1.0) * 256.0 + 0.5)
    kept = 256 - part
    red, green, blue = RGB[color, 0] * part + 128, RGB[color, 1] * part + 128, RGB[color, 2] * part + 128
    parts, wide = ink.flat, unsigned(3 * ink.shape[1])
    at, end = unsigned(3 * span[0]), unsigned(3 * span[1])
    while at < end:
        parts[at] = kept
        at += unsigned(1)
    at, end = wide + unsigned(3 * span[0]), wide + unsigned(3 * span[1])
    while at < end:
        parts[at], parts[at + unsigned(1)], parts[at + unsigned(2)] = red, green, blue
        at += unsigned(3)


@jit
def paint_row(picture: Array, row: int, span: tuple[int, int], ink: Array) -> None:
    """Paint the pixels from one column to before another with ink."""
    pixels, parts = picture.flat, ink.flat  # whose places without a sign no compiler wraps around
    wide = unsigned(3 * picture.shape[1])
    at, end, begun = unsigned(3 * span[0]), unsigned(3 * span[1]), unsigned(row) * wide
    while at < end:
        pixels[begun + at] = (pixels[begun + at] * parts[at] + parts[wide + at]) >> 8
        at += unsigned(1)


@jit
def paint_rows(picture: Array, rows: tuple[int, int], span: tuple[int, int], ink: Array) -> None:
    """Paint the pixels from one row and column to before others with ink; what is narrow, column by column."""
    if rows[1] - rows[0] < 4 or span[1] - span[0] > 4:
        for row in range(rows[0], rows[1]):
            paint_row(picture, row, span, ink)
        return
    pixels, parts, wide = picture.flat, ink.flat, unsigned(3 * picture.shape[1])
    col, last = unsigned(3 * span[0]), unsigned(3 * span[1])
    while col < last:
        kept, added = parts[col], parts[wide + col]
        at, end = unsigned(rows[0]) * wide + col, unsigned(rows[1]) * wide
        while at < end:
            pixels[at] = (pixels[at] * kept + added) >> 8
            at += wide
        col += unsigned(1)


@machine_code
def draw_rect(
    canvas: Pixels, x: float, y: float, width: float, height: float, color: int, radius: float, alpha: float
) -> None:
    picture, view, ink = canvas.picture, canvas.numbers, canvas.ink
    scale = view[SCALE]
    x0, y0 = place_of(view, x, y + height if view[UP] > 0.0 else y)
    # Edges lie on quarters of a pixel, as in the pictures that are drawn four times as large.
    x1, y1 = math.floor(4.0 * (x0 + width * scale) + 0.5) * 0.25, math.floor(4.0 * (y0 + height * scale) + 0.5) * 0.25
    x0, y0 = math.floor(4.0 * x0 + 0.5) * 0.25, math.floor(4.0 * y0 + 0.5) * 0.25
    corner = min(radius, 0.5 * width, 0.5 * height) * scale
    first, last, above, below = box_of(view, x0, y0, x1, y1)
    if last <= first:
        return
    straight = math.floor(max(min(y1, y1 - corner + 0.5, below * 1.0), -1.0))  # rows to there are alike
    row = above
    while row < below:
        high, until = alpha * clamp(min(row + 1.0, y1) - max(row * 1.0, y0)), row + 1
        inward_y = max(y0 + corner - row - 0.5, row + 0.5 - y1 + corner)
        if corner > 0.0 and inward_y > 0.0:
            for col in range(first, last):
                cover = high * clamp(min(col + 1.0, x1) - max(col * 1.0, x0))
                inward_x = max(x0 + corner - col - 0.5, col + 0.5 - x1 + corner)
                if inward_x > 0.0:
                    away = math.sqrt(inward_x * inward_x + inward_y * inward_y)
                    cover = min(cover, alpha * clamp(corner + 0.5 - away))
                dip(ink, (col, col + 1), color, cover)
        else:
            dip(ink, (first, last), color, high)
            for col in (first, last - 1):
                dip(ink, (col, col + 1), color, high * clamp(min(col + 1.0, x1) - max(col * 1.0, x0)))
            if row >= y0:
                until = max(until, straight)
        paint_rows(picture, (row, until), (first, last), ink)
        row = until


@jit
def fill_ring(
    canvas: Pixels, middle: tuple[float, float], inner: float, outer: float, color: int, alpha: float
) -> None:
    """Paint what lies between two radii, in pixels; with an inner one below 0 it is a disc."""
    picture, view, ink = canvas.picture, canvas.numbers, canvas.ink
    x, y = middle
    first, last, above, below = box_of(view, x - outer - 0.5, y - outer - 0.5, x + outer + 0.5, y + outer + 0.5)
    small, whole = outer < 2.0, inner <= 0.0
    if whole and not small:
        dip(ink, (first, last), color, alpha)
    for row in range(above, below):
        dy = row + 0.5 - y
        begin, stop = (first, last) if outer < 6.0 else within(x, outer + 0.5, dy, first, last)
        start, end = stop, stop  # columns that a disc covers in full, and a ring not at all
        if not small:
            start, end = within(x, outer - 0.5 if whole else inner - 0.5, dy, begin, stop)
            if whole:
                paint_row(picture, row, (start, end), ink)
        for part in range(2):
            for col in range(end if part else begin, stop if part else start):
                dx = col + 0.5 - x
                away2 = dx * dx + dy * dy
                if away2 < (outer + 0.54) * (outer + 0.54):  # it has points within
                    cover = sampled(dx, dy, inner, outer) if small else between(math.sqrt(away2), inner, outer)
                    blend(picture, row, col, color, cover * alpha)


@jit
def within(x: float, radius: float, dy: float, first: int, last: int) -> tuple[int, int]:
    """Return the columns from `first` to before `last` whose middles are within a radius of x, in a row `dy` away."""
    half2 = radius * radius - dy * dy
    if radius <= 0.0 or half2 <= 0.0:
        return last, last
    half = math.sqrt(half2)
    begin = int(min(max(math.ceil(x - half - 0.5), first * 1.0), last * 1.0))
    return begin, int(min(max(math.floor(x + half - 0.5) + 1.0, begin * 1.0), last * 1.0))


@jit
def between(away: float, inner: float, outer: float) -> float:
    """Return which part of a pixel lies between two radii, by how far its middle is away."""
    cover = clamp(outer + 0.5 - away)
    return cover - clamp(inner + 0.5 - away) if inner > 0.0 else cover


@jit
def sampled(dx: float, dy: float, inner: float, outer: float) -> float:
    """Return which part of a pixel lies between two radii, by sixteen points of it; it is (dx, dy) from the middle."""
    inside, least = 0, inner * inner if inner > 0.0 else -1.0
    for k in range(16):
        x, y = dx + 0.25 * (k & 3) - 0.375, dy + 0.25 * (k >> 2) - 0.375
        away2 = x * x + y * y
        inside += (away2 < outer * outer) & (away2 >= least)
    return inside / 16.0


@machine_code
def draw_circle(canvas: Pixels, x: float, y: float, radius: float, color: int, alpha: float) -> None:
    view = canvas.numbers
    fill_ring(canvas, place_of(view, x, y), -1.0, min(radius * view[SCALE], FAR), color, alpha)


@machine_code
def draw_ring(canvas: Pixels, x: float, y: float, radius: float, color: int, width: float, alpha: float) -> None:
    view = canvas.numbers
    outer = min((radius + 0.5 * width) * view[SCALE], FAR)
    fill_ring(canvas, place_of(view, x, y), outer - max(width * view[SCALE], 0.25), outer, color, alpha)


@machine_code
def begin_points(canvas: Pixels) -> None:
    canvas.numbers[COUNT] = 0.0


@machine_code
def add_point(canvas: Pixels, x: float, y: float) -> None:
    view, points = canvas.numbers, canvas.points
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
    view = canvas.numbers
    count, half = int(view[COUNT]), 0.5 * max(width * view[SCALE], 1.0)
    if alpha >= 1.0:
        for k in range(1, count):
            stroke(canvas, (k - 1, k + 1), half, color, alpha)
    else:
        stroke(canvas, (0, count), half, color, alpha)


@jit
def stroke(canvas: Pixels, which: tuple[int, int], half: float, color: int, alpha: float) -> None:
    """Paint the line through some of the points, `half` to either side."""
    picture, view, points = canvas.picture, canvas.numbers, canvas.points
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
        left, right = FAR, -FAR
        for k in range(begin + 1, end):
            near, far = reach(points, k, row + 0.5, around)
            left, right = min(left, near), max(right, far)
        for col in range(max(first, math.floor(left - around)), min(last, math.ceil(right + around))):
            away = FAR
            for k in range(begin + 1, end):
                off = off_segment(col + 0.5, row + 0.5, points[k - 1, 0], points[k - 1, 1], points[k, 0], points[k, 1])
                away = min(away, off)
            if away < around:
                blend(picture, row, col, color, alpha * clamp(around - away))


@jit
def reach(points: Array, k: int, y: float, around: float) -> tuple[float, float]:
    """Return from where to where, along x, the segment that ends in the k-th point is no farther than that from y."""
    ax, ay, bx, by = points[k - 1, 0], points[k - 1, 1], points[k, 0], points[k, 1]
    if ay > by:
        ax, ay, bx, by = bx, by, ax, ay
    if ay > y + around or by < y - around:
        return FAR, -FAR
    slope = (bx - ax) / (by - ay) if by > ay else 0.0
    near = ax + slope * (y - around - ay) if ay < y - around else ax
    far = bx - slope * (by - y - around) if by > y + around else bx
    return min(near, far), max(near, far)


@machine_code
def draw_polygon(canvas: Pixels, color: int, alpha: float) -> None:
    """Fill the convex polygon of the points at hand."""
    picture, view, points, ink = canvas.picture, canvas.numbers, canvas.points, canvas.ink
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
    edges = np.empty((count, 5))  # how far inside a point is: edges[k, 0] x + edges[k, 1] y + edges[k, 2]; of a row,
    # edges[k, 4] is the part behind x, and edges[k, 3] the inverse of what x counts
    for k in range(count):
        j = k + 1 if k + 1 < count else 0
        ex, ey = points[j, 0] - points[k, 0], points[j, 1] - points[k, 1]
        length = math.sqrt(ex * ex + ey * ey) * (1.0 if turned > 0.0 else -1.0)
        edges[k, 0], edges[k, 1] = (-ey / length, ex / length) if length != 0.0 else (0.0, 0.0)
        rest = -edges[k, 0] * points[k, 0] - edges[k, 1] * points[k, 1]
        edges[k, 2] = rest if length != 0.0 else FAR  # two points in one place bound nothing
        edges[k, 3] = 1.0 / edges[k, 0] if abs(edges[k, 0]) > 1e-9 else 0.0
    dip(ink, (first, last), color, alpha)
    for row in range(above, below):
        begin, start, stop, end = inside_edges(edges, row + 0.5, first, last)
        paint_row(picture, row, (start, stop), ink)
        for part in range(2):
            for col in range(stop if part else begin, end if part else start):
                cover = 1.0
                for k in range(count):
                    cover = min(cover, edges[k, 0] * (col + 0.5) + edges[k, 4] + 0.5)
                blend(picture, row, col, color, alpha * clamp(cover))


@jit
def inside_edges(edges: Array, y: float, first: int, last: int) -> tuple[int, int, int, int]:
    """Return where in a row, within columns, pixels begin to be covered, are in full, are no more so, and not at all."""
    touched, full, left, gone = first * 1.0, first * 1.0, last * 1.0, last * 1.0
    for k in range(len(edges)):
        rest, inverse = edges[k, 1] * y + edges[k, 2], edges[k, 3]
        edges[k, 4] = rest
        if inverse > 0.0:
            touched, full = max(touched, -(rest + 0.5) * inverse - 0.5), max(full, (0.5 - rest) * inverse - 0.5)
        elif inverse < 0.0:
            left, gone = min(left, 0.5 + (0.5 - rest) * inverse), min(gone, 0.5 - (rest + 0.5) * inverse)
        elif rest < -0.5:
            return last, last, last, last
        elif rest < 0.5:
            left = first * 1.0
    begin = int(min(math.ceil(touched), last * 1.0))
    end = int(max(math.floor(gone), begin * 1.0))
    start = int(min(math.ceil(full), end * 1.0))
    return begin, start, int(max(math.floor(left), start * 1.0)), end


@machine_code
def draw_picture(canvas: Pixels, x: float, y: float, width: float, height: float, pixels: Array) -> None:
    """Show a picture; of its pixels that fall into one of the canvas the middle one is seen."""
    picture, view = canvas.picture, canvas.numbers
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
    """Remember where an agent is."""
    view, agents = canvas.numbers, canvas.agents
    if 0 <= index < len(agents):
        agents[index, 0], agents[index, 1] = place_of(view, x, y)
        agents[index, 2] = max(min(radius * view[SCALE], FAR), 1e-3)
