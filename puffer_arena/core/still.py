"""Rows that are only looked at, such as by `draw`: what is read once is kept as Python's own numbers.

A picture reads thousands of elements of a row that does not change meanwhile.  Each read of a `Row` asks numpy, which takes
ten times as long as a list does.
"""

from collections.abc import Iterator
from typing import Any

from puffer_arena.core.fields import Array, Cells, Row


class StillRow(Row):
    """A `Row` that stays as it was when its fields were first read, and cannot be written."""

    __slots__ = ("__dict__",)

    def __getattr__(self, name: str) -> Any:
        value = super().__getattr__(name)
        if isinstance(value, Cells):
            value = StillCells(value._array)
        elif isinstance(value, Row):
            value = StillRow(value._record)
        self.__dict__[name] = value
        return value

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"{name} is only looked at here; rules change a row, pictures do not")


class StillCells(Cells):
    """`Cells` whose elements were read all at once."""

    __slots__ = ("_depth", "_read")

    def __init__(self, array: Array, read: Any = None) -> None:
        super().__init__(array)
        records = array.dtype.names is not None
        self._depth = 0 if records and array.ndim > 1 else array.ndim
        if read is None:
            read = [StillRow(record) for record in array] if records and self._depth else array.tolist()
        self._read: Any = read

    def __getitem__(self, index: Any) -> Any:
        if self._depth == 1 and type(index) is int:
            return self._read[index]
        if self._depth >= 2 and type(index) is tuple and len(index) == 2:
            row, col = index
            if type(row) is int and type(col) is int:
                found = self._read[row][col]
                return found if self._depth == 2 else StillCells(self._array[row, col], found)
        value = super().__getitem__(index)
        return StillRow(value._record) if isinstance(value, Row) else value

    def __iter__(self) -> Iterator[Any]:
        return iter(self._read) if self._depth == 1 else map(self.__getitem__, range(len(self)))


def still(row: Any) -> Any:
    """Return a row, as `Batch.state` and `Batch.state_params` give it, to be looked at; anything else as it is."""
    return StillRow(row._record) if type(row) is Row else row
