"""Rows: what a `State` class says about storage, and how plain Python sees a row.

A State class lists fields with their storage type and shape; a dimension is a number or the name of
an attribute of `Params`.  Scalars read as Python numbers in both modes: compiled code does so by itself, and
interpreted code gets `Row` and `Cells` views that hand out `int` and `float`.

Every row begins with a header that the kernels keep (`header_fields`); rules may read it.
"""

import functools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from puffer_arena.errors import DefinitionError, FileError, suggest

Array = npt.NDArray[Any]
LARGEST = 1 << 30  # bytes of one row, or of one observation: NumPy counts a record's in 32 bits


Bound = int | str | tuple[int | str, ...] | None


@dataclass(frozen=True)
class Field:
    """The storage of one State field."""

    dtype: type[np.generic] | np.dtype[Any]
    shape: tuple[int | str, ...]
    below: Bound = None


def i8(*shape: int | str, below: Bound = None) -> Any:
    """Declare 8-bit integers: codes and flags."""
    return Field(np.int8, shape, below)


def i32(*shape: int | str, below: Bound = None) -> Any:
    """Declare 32-bit integers: counts and indices.

    Args:
        shape: sizes, or names of attributes of Params; none for a single number.
        below: rules index with the values, so they must lie in [0, below) in any row that comes from outside;
            a tuple bounds each element of the last axis.
    """
    return Field(np.int32, shape, below)


def i64(*shape: int | str, below: Bound = None) -> Any:
    """Declare 64-bit integers."""
    return Field(np.int64, shape, below)


def f64(*shape: int | str) -> Any:
    """Declare double-precision floats."""
    return Field(np.float64, shape)


def header_fields(num_agents: int, turns: bool = False, signals: Sequence[str] = ()) -> list[tuple[Any, ...]]:
    """Return the header of every row; `num_agents` is 0 for a solo environment, `turns` where agents take them.

    level           key of the episode's random stream (see `random.draw_level`)
    rng_count       draws made in this episode
    row_key         key of the row's stream of levels
    episode         episodes begun in this row
    step_count      steps taken in this episode
    ended           1 between the end of an episode and its reset
    episode_return  sum of rewards so far, one per agent with several agents; -0.0 for one that takes no part
    alive           several agents only: 1 while an agent takes part
    turn            turns only: the agent that acts next, and during a step the one that acts
    <signal>        of `Env.signals`, in this step; one per agent with several agents
    episode_<signal>  its sum so far
    """
    fields: list[tuple[Any, ...]] = [
        ("level", np.int64),
        ("rng_count", np.int64),
        ("row_key", np.int64),
        ("episode", np.int64),
        ("step_count", np.int32),
        ("ended", np.int32),
    ]
    shape = (num_agents,) if num_agents else ()
    fields.append(("episode_return", np.float64, shape))
    if num_agents:
        fields.append(("alive", np.int8, shape))
    if turns:
        fields.append(("turn", np.int32))
    return fields + [(name, np.float64, shape) for signal in signals for name in (signal, f"episode_{signal}")]


class Header:
    """What a State class inherits: the row's header as the rules read it (see `header_fields`)."""

    level: int
    rng_count: int
    episode: int
    step_count: int
    alive: Array
    ended: int
    turn: int


MEMORY_HEADER: list[tuple[Any, ...]] = [
    ("level", np.int64),  # key of the bot's own random stream in this episode
    ("rng_count", np.int64),  # draws made from it
    ("row_key", np.int64),  # of the row and
    ("episode", np.int64),  # of the episode that is remembered: in any other one a bot begins anew
]


class Memory:
    """What a scripted bot keeps from one step of an episode to the next, for each agent that it steers.

    A subclass declares fields as State does; they are zeros where an episode begins.  `randint(memory, n)` and the other
    draws take a stream of the bot's own from it, so that the row's is the same whoever plays.
    """

    level: int
    rng_count: int


def state_fields(state: type) -> dict[str, Field]:
    """Return the declared fields of a State or Memory class, in order."""
    return {name: value for name, value in vars(state).items() if isinstance(value, Field)}


def check_name(where: str, name: str) -> None:
    """Refuse the one name that compiled records answer to themselves.

    Raises:
        DefinitionError: `name` is "view".
    """
    if name == "view":
        raise DefinitionError(f"{where}: compiled records have a method of this name; choose another, such as 'sight'")


def dimension(value: int | str, params: Any) -> int:
    """Resolve a dimension: a number, or the name of an attribute of `params`, a number or a tuple of names.

    Raises:
        DefinitionError: no such attribute, or it is neither a positive integer nor names.
    """
    what = "a dimension"
    hint = ""
    if isinstance(value, str):
        if not hasattr(params, value):
            valid = [name for name in dir(params) if not name.startswith("_")]
            raise DefinitionError(f"dimension '{value}' is not an attribute of Params; {suggest(value, valid)}")
        what, found = f"dimension '{value}'", getattr(params, value)
        if isinstance(found, tuple) and all(isinstance(name, str) for name in found):
            found = len(found)
        else:
            hint = f"; make the batch with more, and give its rows fewer afterwards: batch.params.{value}[:] = 0"
        value = found
    if not isinstance(value, int) or value < 1:
        raise DefinitionError(
            f"{what} is {value!r}; it must be a whole number of at least 1{hint if value == 0 else ''}"
        )
    return value


def sized(what: str, dtype: Any, shape: tuple[int, ...]) -> int:
    """Return how many bytes an array takes within one row.

    Raises:
        DefinitionError: more than a record can hold.
    """
    size = math.prod(shape) * int(np.dtype(dtype).itemsize)
    if size > LARGEST:
        raise DefinitionError(
            f"{what} of shape {shape} takes {size:,} bytes in every row; at most {LARGEST:,} are allowed: lower its sizes"
        )
    return size


def state_dtype(
    state: type, params: Any, num_agents: int, turns: bool = False, signals: Sequence[str] = ()
) -> np.dtype[Any]:
    """Return the structured dtype of a row: the header, then the fields of `state`.

    Raises:
        DefinitionError: a field takes a header's name, a dimension cannot be resolved, or the row is too large.
    """
    return _record("State", header_fields(num_agents, turns, signals), state, params)


def memory_dtype(memory: type, params: Any) -> np.dtype[Any]:
    """Return the structured dtype of what a bot keeps for one agent: the header, then the fields of `memory`.

    Raises:
        DefinitionError: see `state_dtype`.
    """
    return _record(memory.__name__, MEMORY_HEADER, memory, params)


def _record(what: str, header: list[tuple[Any, ...]], state: type, params: Any) -> np.dtype[Any]:
    size = 0
    taken = {entry[0] for entry in header}
    own: list[tuple[Any, ...]] = []
    for name, declared in state_fields(state).items():
        if name in taken:
            raise DefinitionError(f"{what}.{name}: the name is kept for the row's header; choose another")
        check_name(f"{what}.{name}", name)
        try:
            shape = tuple(dimension(size, params) for size in declared.shape)
            size += sized("a field", declared.dtype, shape)
            own.append((name, declared.dtype, shape))
        except DefinitionError as error:
            raise DefinitionError(f"{what}.{name}: {error}") from None
    sized(what, np.uint8, (size,))
    return np.dtype([*header, *own], align=True)


@functools.lru_cache(maxsize=256)  # what is edited is checked again and again
def _bounds_of(state: type, kind: np.dtype[Any], params: Any) -> list[tuple[str, Any]]:
    """Return what lies above the allowed values of fields and of the header, by name; they are at least 0."""
    header = {"level": 1 << 32, "rng_count": 1 << 32, "row_key": 1 << 32, "ended": 2, "alive": 2}
    header |= {"episode": 1 << 62, "step_count": 1 << 30}
    bounds: dict[str, Any] = {name: below for name, below in header.items() if name in (kind.names or ())}
    if "turn" not in state_fields(state) and "turn" in (kind.names or ()):
        bounds["turn"] = kind["alive"].shape[0]
    for name, declared in state_fields(state).items():
        if declared.below is not None:
            sizes = declared.below if isinstance(declared.below, tuple) else (declared.below,)
            bounds[name] = np.array([dimension(size, params) for size in sizes])
    return list(bounds.items())


def check_rows(rows: Array, state: type, params: Any) -> None:
    """Check rows from outside: compiled rules do not check what they index with.

    Args:
        rows: of `state_dtype` or `memory_dtype`.
        state: the State or Memory class.
        params: Params that sized the rows.

    Raises:
        FileError: a value lies outside what its field or the header allows.
    """
    for name, below in _bounds_of(state, rows.dtype, params):
        values = rows[name]
        if not ((values >= 0) & (values < below)).all():
            limits = ", ".join(map(str, np.atleast_1d(below)))
            raise FileError(
                f"field '{name}' of a row holds {values.min()} to {values.max()}; allowed: 0 to below {limits}"
            )
    check_finite(rows)


def check_finite(records: Array) -> None:
    """Check that no number of records from outside is infinite or not a number.

    Raises:
        FileError: one is.
    """
    for name in records.dtype.names or ():
        if records.dtype[name].base.kind == "f" and not (finite := np.isfinite(records[name])).all():
            raise FileError(f"field '{name}' of a row holds {records[name][~finite][0]}; it must be a finite number")


def no_field(name: str, names: Iterable[str]) -> AttributeError:
    """Return an error with our hint; `name` without `obj` keeps Python from adding its own."""
    return AttributeError(f"no field '{name}'; {suggest(name, names)}", name=name)


class Row:
    """One record as plain Python sees it: reads give int, float or `Cells`, as compiled code would."""

    __slots__ = ("_record",)

    def __init__(self, record: Any) -> None:
        object.__setattr__(self, "_record", record)

    def __getattr__(self, name: str) -> Any:
        try:
            value = self._record[name]
        except (ValueError, KeyError, IndexError):
            names = self._record.dtype.names or ()
            raise no_field(name, names) from None
        return plain(value)

    def __setattr__(self, name: str, value: Any) -> None:
        if name not in (self._record.dtype.names or ()):
            raise no_field(name, self._record.dtype.names or ())
        keep(self._record, name, value, name)

    def __dir__(self) -> list[str]:
        return list(self._record.dtype.names or ())

    def __repr__(self) -> str:
        return f"Row({', '.join(f'{name}={getattr(self, name)!r}' for name in self.__dir__())})"


class Cells:
    """An array whose elements read as Python numbers and whose records read as `Row`."""

    __slots__ = ("_array", "shape")

    def __init__(self, array: Array) -> None:
        self._array, self.shape = array, array.shape

    def __len__(self) -> int:
        return len(self._array)

    def __getitem__(self, index: Any) -> Any:
        return plain(self._array[index])

    def __setitem__(self, index: Any, value: Any) -> None:
        keep(self._array, index, value, "an element")

    def view(self, dtype: Any) -> "Cells":
        """Return the same memory as elements of another dtype."""
        return Cells(self._array.view(dtype))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        return np.array(self._array, dtype=dtype, copy=copy)

    def __repr__(self) -> str:
        return f"Cells({np.array2string(self._array, separator=', ', threshold=100)})"


def in_cells(argument: Any) -> Any:
    """Return what a kernel is given with its arrays, those in tuples too, as `Cells`: for rules that run in plain Python."""
    if isinstance(argument, np.ndarray):
        return Cells(argument)
    if isinstance(argument, tuple):
        parts = [in_cells(part) for part in argument]
        return type(argument)(*parts) if hasattr(argument, "_fields") else tuple(parts)
    return argument


def keep(into: Any, at: Any, value: Any, name: str) -> None:
    """Write a value into a record or an array, where whole numbers must not lose a fraction or what is beyond them.

    Raises:
        TypeError: compiled code would drop a fraction.
        OverflowError: it would wrap.
    """
    if isinstance(value, float) and not value.is_integer() and math.isfinite(value):
        kind = into.dtype[at] if isinstance(into, np.void) else into.dtype
        if kind.kind == "i":
            raise TypeError(
                f"{name} keeps whole numbers ({kind}), and {value:g} would lose its fraction; declare it f64(), or write "
                "int(...) or round(...) around what may be dropped"
            )
    try:
        into[at] = value._record if isinstance(value, Row) else value
    except OverflowError:
        kind = into.dtype[at] if isinstance(into, np.void) else into.dtype
        limits = np.iinfo(kind)
        raise OverflowError(
            f"{name} = {value} does not fit {kind}, which holds {limits.min} to {limits.max} and wraps in compiled rules; "
            "clamp it with min and max, or declare a larger type"
        ) from None


def plain(value: Any) -> Any:
    """Wrap what numpy returned so that it behaves as in compiled code."""
    if isinstance(value, np.ndarray):
        return Cells(value)
    if isinstance(value, np.void):
        return Row(value)
    return value.item() if isinstance(value, np.generic) else value
