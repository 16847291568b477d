"""What a person may edit of a game's State, said in a few lines: cells to paint and things to move.

    editor=Editor(
        cells=Cells("board", (Brush("floor", FLOOR, "."), Brush("wall", WALL, "#"), Brush("goal", GOAL, "G", single=True))),
        things=(Things("start", find=where_agent_is, put=put_agent),),
        finish=finish_level,
    )

Places are in the coordinates of the game's own picture: columns and rows on a grid, metres in a world.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


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
        field: of State; rows, then columns.
        brushes: the first is what a cell is when what stood there is taken away.
        shape: (p) -> rows and columns in play, where that is less than the field has room for.
    """

    field: str
    brushes: tuple[Brush, ...]
    shape: Callable[[Any], tuple[int, int]]


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
        finish: (s, p) -> "" after making what follows from what was drawn, or why such a level cannot be. Plain Python.
    """

    finish: Callable[[Any, Any], str]
    cells: Cells | None = None
    things: tuple[Things, ...] = ()
