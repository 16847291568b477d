"""What a person may edit of a game's State, said in a few lines: cells to paint and things to move.

    editor=Editor(
        cells=Cells("board", (Brush("floor", FLOOR, "."), Brush("wall", WALL, "#"), Brush("goal", GOAL, "G", single=True))),
        things=(Things("start", find=where_agent_is, put=put_agent),),
        finish=finish_level,
    )

Places are in the coordinates of the game's own picture: columns and rows on a grid, metres in a world.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Brush:
    """What a cell may be painted with.

    Args:
        name: for people.
        code: that the cell holds then.
        letter: that stands for it in a file.
        single: whether there is at most one such cell: painting another takes the first away.
    """

    name: str
    code: int
    letter: str
    single: bool = False


@dataclass(frozen=True)
class Cells:
    """A grid of codes.

    Args:
        field: of State; rows, then columns.  "" where State holds them otherwise, and `read` and `write` know how.
        brushes: the first is what a cell is when what stood there is taken away.
        shape: (p) -> rows and columns in play, where that is less than the field has room for.
        read: (s, p) -> the codes, line by line.
        write: (s, p, codes) makes them so.
        middle: of the first cell, in the picture.
        right, down: the ways from there to the next column's and to the next row's.
    """

    field: str
    brushes: tuple[Brush, ...]
    shape: Callable[[Any], tuple[int, int]]
    read: Callable[[Any, Any], list[list[int]]] | None = None
    write: Callable[[Any, Any, list[list[int]]], None] | None = None
    middle: tuple[float, float] = (0.5, 0.5)
    right: tuple[float, float] = (1.0, 0.0)
    down: tuple[float, float] = (0.0, 1.0)

    def take(self, s: Any, p: Any) -> list[list[int]]:
        """Return the codes of the cells in play, line by line."""
        if self.read is not None:
            return self.read(s, p)
        rows, cols = self.shape(p)
        codes: list[list[int]] = np.asarray(getattr(s, self.field))[:rows, :cols].tolist()
        return codes

    def put(self, s: Any, p: Any, codes: list[list[int]]) -> None:
        """Write the codes of the cells in play."""
        if self.write is not None:
            self.write(s, p, codes)
            return
        getattr(s, self.field)[: len(codes), : len(codes[0])] = codes

    def place(self, row: float, col: float) -> tuple[float, float]:
        """Return where the middle of a cell is in the picture."""
        x, y = (self.middle[k] + col * self.right[k] + row * self.down[k] for k in range(2))
        return x, y

    def cell(self, x: float, y: float) -> tuple[int, int]:
        """Return row and column of the cell at a place in the picture, which need not be in play."""
        x, y = x - self.middle[0], y - self.middle[1]
        (a, b), (c, d) = self.right, self.down
        scale = a * d - b * c
        return math.floor((a * y - b * x) / scale + 0.5), math.floor((d * x - c * y) / scale + 0.5)


@dataclass(frozen=True)
class Things:
    """Things that a person moves.

    Args:
        name: for people and files.
        find: (s, p) -> their places [(x, y), ...]; a cell's are its column and row.
        put: (s, p, k, x, y) puts the k-th there.
        area: (p) -> left, least y, width, height of where they may be; None for the whole grid of cells.
    """

    name: str
    find: Callable[[Any, Any], list[tuple[float, float]]]
    put: Callable[[Any, Any, int, float, float], None]
    area: Callable[[Any], tuple[float, float, float, float]] | None = None


def standing(name: str) -> Things:
    """Return what stands in cells: State's `row` and `col` say where, alone or for every agent that is alive.

    Where it came from, `from_row` and `from_col`, is the same place then.
    """

    def agents(s: Any) -> list[int]:
        return [k for k in range(len(s.alive)) if s.alive[k]]

    def find(s: Any, p: Any) -> list[tuple[float, float]]:
        return [(s.col[k], s.row[k]) for k in agents(s)] if hasattr(s.row, "__len__") else [(s.col, s.row)]

    def put(s: Any, p: Any, k: int, x: float, y: float) -> None:
        for field, value in (("row", int(y)), ("col", int(x)), ("from_row", int(y)), ("from_col", int(x))):
            if hasattr(s.row, "__len__") and hasattr(s, field):
                getattr(s, field)[agents(s)[k]] = value
            elif hasattr(s, field):
                setattr(s, field, value)

    return Things(name, find, put)


@dataclass(frozen=True)
class Editor:
    """What may be edited of an episode's beginning, besides its parameters.

    Args:
        cells: a grid to paint.
        things: what may be moved.
        finish: (s, p) -> "" after making what follows from what was drawn, or why such a level cannot be.  Marked by `jit`
            it is compiled as rules are, its texts constants or of whole numbers; else it is plain Python, a thousand times
            slower, which `accel` may ask some times after each rollout.
        draw: (s, p, canvas) what the editor shows, where the game's own picture does not show the cells.
    """

    finish: Callable[[Any, Any], str]
    cells: Cells | None = None
    things: tuple[Things, ...] = ()
    draw: Callable[[Any, Any, Any], None] | None = None
