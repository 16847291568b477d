"""Which parts of a window have changed: the triangles over each of its cells, told apart by a hash.

What a cell shows follows from the sequence of triangles that reach into it, so a cell whose hash is as before looks as
before, and need not be drawn again.
"""

import numpy as np

from puffer_arena.core.fields import Array
from puffer_arena.machine.compile import machine_code

CELL = 32  # pixels to a side
MOST_BOXES = 12  # drawn one by one; more are drawn as one
MOST_SHARE = 0.6  # of the window; more of it is drawn as a whole
# Columns of the table of draw commands; the four last are the clip rectangle in pixels.
FIRST, COUNT, SALT, LEFT, TOP, RIGHT, BOTTOM = range(7)
COLUMNS = 7
PRIME = np.uint64(1_099_511_628_211)  # of the FNV-1a hash, http://www.isthe.com/chongo/tech/comp/fnv/
SHIFT = np.uint64(29)
Box = tuple[int, int, int, int]  # left, top, right, bottom in pixels


@machine_code
def hash_cells(words: Array, points: Array, indices: Array, commands: Array, cells: Array) -> None:
    """Write the hash of every cell.

    Args:
        words: uint32 (vertices, words), all that a vertex is.
        points: float32 (vertices, 2 or more), beginning with its x and y in pixels.
        indices: uint32, three to a triangle.
        commands: int64 (commands, COLUMNS).
        cells: uint64 (rows, cols), of `CELL` pixels to a side; written.
    """
    rows, cols = cells.shape
    cells[:] = 0
    for k in range(commands.shape[0]):
        first, salt = commands[k, 0], np.uint64(commands[k, 2])
        for corner in range(first, first + commands[k, 1], 3):
            a, b, c = indices[corner], indices[corner + 1], indices[corner + 2]
            x0, x1 = min(points[a, 0], points[b, 0], points[c, 0]), max(points[a, 0], points[b, 0], points[c, 0])
            y0, y1 = min(points[a, 1], points[b, 1], points[c, 1]), max(points[a, 1], points[b, 1], points[c, 1])
            x0, x1 = max(x0, commands[k, 3]), min(x1, commands[k, 5])
            y0, y1 = max(y0, commands[k, 4]), min(y1, commands[k, 6])
            if x0 > x1 or y0 > y1:
                continue
            mixed = salt
            for word in range(words.shape[1]):
                mixed = (mixed ^ np.uint64(words[a, word])) * PRIME
                mixed = (mixed ^ np.uint64(words[b, word])) * PRIME
                mixed = (mixed ^ np.uint64(words[c, word])) * PRIME
            mixed ^= mixed >> SHIFT
            for row in range(max(int(y0) // CELL, 0), min(int(y1) // CELL + 1, rows)):
                for col in range(max(int(x0) // CELL, 0), min(int(x1) // CELL + 1, cols)):
                    cells[row, col] = (cells[row, col] ^ mixed) * PRIME + np.uint64(1)


@machine_code
def pick_triangles(points: Array, indices: Array, commands: Array, box: Box, picked: Array) -> int:
    """Write the indices of the triangles that reach into a box, command by command, and return how many there are.

    Args:
        points, indices: as for `hash_cells`.
        commands: the same; FIRST and COUNT are written anew, for `picked`.
        box: in pixels.
        picked: uint32, as long as `indices`; written.
    """
    length = 0
    for k in range(commands.shape[0]):
        first, begun = commands[k, 0], length
        left, right = max(commands[k, 3], box[0]), min(commands[k, 5], box[2])
        top, bottom = max(commands[k, 4], box[1]), min(commands[k, 6], box[3])
        for corner in range(first, first + commands[k, 1], 3):
            a, b, c = indices[corner], indices[corner + 1], indices[corner + 2]
            x0, x1 = min(points[a, 0], points[b, 0], points[c, 0]), max(points[a, 0], points[b, 0], points[c, 0])
            y0, y1 = min(points[a, 1], points[b, 1], points[c, 1]), max(points[a, 1], points[b, 1], points[c, 1])
            if x0 <= right and x1 >= left and y0 <= bottom and y1 >= top:
                picked[length], picked[length + 1], picked[length + 2] = a, b, c
                length += 3
        commands[k, 0], commands[k, 1] = begun, length - begun
    return length


def find_boxes(changed: Array, size: tuple[int, int]) -> list[Box]:
    """Return boxes apart from each other that hold every changed cell.

    Args:
        changed: bool (rows, cols).
        size: width and height of the window in pixels.
    """
    boxes: list[Box] = []  # in cells, as yet
    for row in np.flatnonzero(changed.any(axis=1)).tolist():
        edges = np.flatnonzero(np.diff(changed[row].astype(np.int8), prepend=0, append=0)).tolist()
        for left, right in zip(edges[::2], edges[1::2], strict=True):
            boxes = joined(boxes, (left, row, right, row + 1))
    if len(boxes) > MOST_BOXES:
        boxes = [union(boxes)]
    width, height = size
    found = [(x0 * CELL, y0 * CELL, min(x1 * CELL, width), min(y1 * CELL, height)) for x0, y0, x1, y1 in boxes]
    if sum((x1 - x0) * (y1 - y0) for x0, y0, x1, y1 in found) > MOST_SHARE * width * height:
        return [(0, 0, width, height)]
    return found


def joined(boxes: list[Box], new: Box) -> list[Box]:
    """Return the boxes with a new one, made one with those that it touches."""
    apart = boxes
    while True:
        x0, y0, x1, y1 = new
        touched = [box for box in apart if box[0] <= x1 and box[2] >= x0 and box[1] <= y1 and box[3] >= y0]
        if not touched:
            return [*apart, new]
        apart, new = [box for box in apart if box not in touched], union([*touched, new])


def union(boxes: list[Box]) -> Box:
    """Return the least box around some."""
    lefts, tops, rights, bottoms = zip(*boxes, strict=True)
    return min(lefts), min(tops), max(rights), max(bottoms)
