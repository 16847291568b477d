"""What a first person sees in rooms of square cells: a ray caster that rules call in `observe`.

    paint_rooms(obs, s.cells, (s.x, s.y, s.heading, 1.2), s.things)

Ceiling, wall and floor of each column of the picture first, then things from far to near, where nothing hides them
(Amanatides and Woo 1987, "A Fast Voxel Traversal Algorithm for Ray Tracing").
"""

import math
from typing import TypeAlias

import numpy as np

from puffer_arena.core.fields import Array
from puffer_arena.core.pictures.textures import SPRITES, TEXELS, TINTS
from puffer_arena.machine.compile import jit, machine_code, unsigned

Whole: TypeAlias = int | np.int64
Flat: TypeAlias = "np.flatiter[Array]"  # a picture's bytes in one row
FLOOR_TEXELS = 8 << 10  # where those of floors begin
NEAREST = 0.1  # metres at which things are cut off, and walls seem no nearer
CEILING = (74, 80, 98)
FALLOFF = 0.13  # by which light falls with every metre: 1 / (1 + FALLOFF d)
SIDE_LIGHT = 0.8  # of walls that run along x


@machine_code
def paint_rooms(picture: Array, cells: Array, eye: tuple[float, float, float, float], things: Array) -> None:
    """Paint what an eye half a metre over the floor sees; walls are a metre high, and cells a metre wide.

    Args:
        picture: uint8 (rows, cols, 3), written in full.
        cells: whole numbers (rows, cols): k > 0 is a wall of MATERIALS[k - 1], -k <= 0 a floor of FLOORS[k]; numbers
            wrap around.  Beyond the cells all is wall.
        eye: x (in columns of cells), y (in rows), the heading in radians from +x towards +y, and the angle of view.
        things: floats (number, 6): x, y, how far its foot is over the floor, height in metres (0 is not there), number
            of SHAPES and of COLORS.
    """
    rows, cols = picture.shape[0], picture.shape[1]
    x, y, heading, angle = eye
    focal = 0.5 * cols / math.tan(0.5 * min(max(angle, 0.1), 3.0))
    ahead_x, ahead_y = math.cos(heading), math.sin(heading)
    depth, away, light = np.empty(cols), np.empty(rows, np.int64), np.empty(rows, np.int64)
    for row in range(rows):  # how far away the floor or ceiling is that it sees, in 1024ths, and its light
        far = 0.5 * focal / max(abs(row + 0.5 - 0.5 * rows), 0.25)
        away[row], light[row] = int(far * 1024.0), int(light_at(far))
    pixels = picture.flat  # whose places without a sign no compiler wraps around
    for col in range(cols):
        aside = (col + 0.5 - 0.5 * cols) / focal
        way_x, way_y = ahead_x - aside * ahead_y, ahead_y + aside * ahead_x
        depth[col], texels, shade = cast(cells, x, y, way_x, way_y)
        high = focal / depth[col]  # in pixels
        top = max(math.ceil(0.5 * (rows - high) - 0.5), 0)
        foot = min(max(math.ceil(0.5 * (rows + high) - 0.5), 0), rows)
        column = unsigned(3 * col), unsigned(3 * cols)  # its first byte, and how far the next row's is
        paint_ceiling(pixels, column, top, light)
        paint_wall(pixels, column, (top, foot, rows), high, (texels, int(light_at(depth[col]) * shade)))
        paint_floor(pixels, column, (foot, rows), (away, light), cells, (x, y, way_x, way_y))
    paint_things(picture, depth, (x, y, ahead_x, ahead_y), things, focal)


@jit
def light_at(distance: float) -> float:
    """Return how bright a surface is that far away, up to 256."""
    return 256.0 / (1.0 + FALLOFF * distance)


@jit
def cast(cells: Array, x: float, y: float, way_x: float, way_y: float) -> tuple[float, Whole, float]:
    """Follow a ray from cell to cell; return how far the wall is, where its column of texels begins, and its light."""
    rows, cols = cells.shape[0], cells.shape[1]
    col, row = math.floor(x), math.floor(y)
    step_x, step_y = 1 if way_x > 0.0 else -1, 1 if way_y > 0.0 else -1
    every_x, every_y = 1.0 / max(abs(way_x), 1e-9), 1.0 / max(abs(way_y), 1e-9)
    next_x = (col + 1 - x if way_x > 0.0 else x - col) * every_x
    next_y = (row + 1 - y if way_y > 0.0 else y - row) * every_y
    far, crosses_x, material = 0.0, True, np.int64(0)
    for _ in range(rows + cols):
        crosses_x = next_x < next_y
        if crosses_x:
            far, next_x, col = next_x, next_x + every_x, col + step_x
        else:
            far, next_y, row = next_y, next_y + every_y, row + step_y
        if not (0 <= row < rows and 0 <= col < cols):
            break
        if cells[row, col] > 0:
            material = (np.int64(cells[row, col]) - 1) & 7
            break
    along = y + far * way_y if crosses_x else x + far * way_x
    u = int((along - math.floor(along)) * 32.0) & 31
    return max(far, NEAREST), (material << 10) | (u << 5), 1.0 if crosses_x else SIDE_LIGHT


@jit
def paint_pixel(pixels: Flat, at: Whole, texel: Whole, shade: Whole) -> None:
    """Paint a texel by its light, in 256ths; red and blue are multiplied at once."""
    both = (texel & 0xFF00FF) * shade >> 8
    pixels[at] = both & 255
    pixels[at + unsigned(1)] = ((texel >> 8) & 255) * shade >> 8
    pixels[at + unsigned(2)] = (both >> 16) & 255


@jit
def paint_ceiling(pixels: Flat, column: tuple[Whole, Whole], top: int, light: Array) -> None:
    at, down = column
    row = unsigned(0)
    while row < unsigned(top):
        paint_pixel(pixels, at, CEILING[0] | CEILING[1] << 8 | CEILING[2] << 16, light[row])
        row, at = row + unsigned(1), at + down


@jit
def paint_wall(
    pixels: Flat, column: tuple[Whole, Whole], span: tuple[int, int, int], high: float, look: tuple[Whole, Whole]
) -> None:
    """Paint a wall of some height in pixels from its texels and its light; v counts texels in 65536ths."""
    (top, foot, rows), (texels, shade) = span, look
    step = 32.0 / high * 65536.0
    v, by = int((top + 0.5 - 0.5 * rows + 0.5 * high) * step), int(step)
    at, down = column[0] + unsigned(top) * column[1], column[1]
    for _ in range(top, foot):
        paint_pixel(pixels, at, np.int64(TEXELS[unsigned(texels | ((v >> 16) & 31))]), shade)
        v, at = v + by, at + down


@jit
def paint_floor(
    pixels: Flat,
    column: tuple[Whole, Whole],
    span: tuple[int, int],
    level: tuple[Array, Array],
    cells: Array,
    ray: tuple[float, float, float, float],
) -> None:
    """Paint the floor before a wall, each pixel by the cell that it lies in; places count texels in 65536ths."""
    (foot, rows), (away, light) = span, level
    x, y, way_x, way_y = ray
    floor, cols = cells.flat, cells.shape[1]
    start_x, start_y = int(x * 2097152.0), int(y * 2097152.0)
    step_x, step_y = int(way_x * 2048.0), int(way_y * 2048.0)
    row, at, down = unsigned(foot), column[0] + unsigned(foot) * column[1], column[1]
    while row < unsigned(rows):
        at_x = (start_x + away[row] * step_x) >> 16
        at_y = (start_y + away[row] * step_y) >> 16
        cell = np.int64(floor[min(max((at_y >> 5) * cols + (at_x >> 5), 0), cells.size - 1)])
        texels = FLOOR_TEXELS | (-cell & 7) << 10 | (at_x & 31) << 5 | (at_y & 31)
        paint_pixel(pixels, at, np.int64(TEXELS[unsigned(texels)]), light[row])
        row, at = row + unsigned(1), at + down


@jit
def paint_things(
    picture: Array, depth: Array, ray: tuple[float, float, float, float], things: Array, focal: float
) -> None:
    """Paint things, which face the eye, the farthest first; of two as far the later first."""
    x, y, ahead_x, ahead_y = ray
    last, last_k = math.inf, -1
    for _ in range(len(things)):
        far, chosen = 0.0, -1
        for k in range(len(things)):
            away = (things[k, 0] - x) * ahead_x + (things[k, 1] - y) * ahead_y
            behind_last = away < last or (away == last and k < last_k)
            if things[k, 3] > 0.0 and behind_last and away >= NEAREST and away >= far:
                far, chosen = away, k
        if chosen < 0:
            return
        aside = (things[chosen, 1] - y) * ahead_x - (things[chosen, 0] - x) * ahead_y
        paint_thing(picture, depth, things[chosen], (far, aside), focal)
        last, last_k = far, chosen


@jit
def paint_thing(picture: Array, depth: Array, thing: Array, place: tuple[float, float], focal: float) -> None:
    """Paint one thing where the walls are farther away; shapes have transparent texels."""
    rows, cols = picture.shape[0], picture.shape[1]
    far, aside = place
    high = min(focal * thing[3] / far, 1e6)
    left = 0.5 * cols + min(max(focal * aside / far, -1e6), 1e6) - 0.5 * high
    foot = min(max(0.5 * rows + (0.5 - thing[2]) * focal / far, -1e6), 1e6)
    shape, tint = (int(thing[4]) & 7) << 10, int(thing[5]) & 7
    shade = int(light_at(far))
    first, last = (
        int(min(max(math.ceil(left - 0.5), 0.0), cols)),
        int(min(max(math.ceil(left + high - 0.5), 0.0), cols)),
    )
    top, low = int(max(math.ceil(foot - high - 0.5), 0.0)), int(min(math.ceil(foot - 0.5), rows))
    scale = 32.0 / high
    for col in range(first, last):
        if far >= depth[col]:
            continue
        u = int((col + 0.5 - left) * scale) & 31
        for row in range(top, low):
            v = int((row + 0.5 - foot + high) * scale) & 31
            light = np.int64(SPRITES[shape | u << 5 | v]) * shade >> 8
            if SPRITES[shape | u << 5 | v] > 0:
                for k in range(3):
                    picture[row, col, k] = TINTS[tint, k] * light >> 8
