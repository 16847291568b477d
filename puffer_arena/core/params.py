"""Parameters: a frozen dataclass for people, a record per row for the kernels.

`param` declares a default with the range it may take; that range is what a curriculum, a slider and the
command line work within.  A default that is a tuple makes it several numbers, each in that range.  A
parameter that shapes memory or a level takes effect at a row's next reset; any other at once (`shapes_level`).
"""

import ast
import dataclasses
import functools
import inspect
import sys
import textwrap
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, TypeVar, overload

import numpy as np

from puffer_arena.core.fields import Array, check_name
from puffer_arena.errors import (
    DefinitionError,
    ParameterError,
    UnknownKeyword,
    UnknownName,
    printable,
    shown,
    suggest,
)

T = TypeVar("T", int, float, bool)
MOST_NUMBERS = 4096  # of one parameter
STORAGE: dict[type, type[np.generic]] = {bool: np.bool_, int: np.int32, float: np.float64}


@overload
def param(default: T, low: T, high: T, doc: str = "", *, at_reset: bool = False) -> T: ...
@overload
def param(default: tuple[T, ...], low: T, high: T, doc: str = "", *, at_reset: bool = False) -> tuple[T, ...]: ...
def param(default: Any, low: Any, high: Any, doc: str = "", *, at_reset: bool = False) -> Any:
    """Declare a parameter with its inclusive range.

    Args:
        default: the value when none is given; its type is the parameter's.  A tuple of k numbers makes it an array of
            always k, which rules read as `p.heights[i]`.
        low: smallest value allowed.
        high: largest value allowed.
        doc: what it means, with its unit.
        at_reset: takes effect at the row's next reset instead of at once.
    """
    metadata = {"low": low, "high": high, "doc": doc, "at_reset": at_reset}
    return dataclasses.field(default=default, metadata=metadata)


@dataclass(frozen=True)
class Parameter:
    """One declared parameter: its name, type, default and range."""

    name: str
    kind: type  # of each number
    size: int  # how many numbers; 0 for one that is no array
    default: Any
    low: Any
    high: Any
    doc: str
    at_reset: bool
    ranged: bool  # the author gave a range: a curriculum and the window may move it

    @property
    def shape(self) -> tuple[int, ...]:
        return (self.size,) if self.size else ()

    @property
    def storage(self) -> np.dtype[Any]:
        """How a row holds it."""
        return np.dtype((STORAGE[self.kind], self.shape))

    def check(self, value: Any, high: Any = None) -> Any:
        """Return `value` as this parameter's type; one number for all those of an array will do.

        Args:
            value: of any type.
            high: what a batch was made with, where the parameter sizes its memory.

        Raises:
            ParameterError: not of this type, not finite, or outside the range.
        """
        if not self.size:
            return self.check_number(value, high)
        if isinstance(value, np.ndarray):
            value = value.tolist()
        numbers = value if isinstance(value, list | tuple) else [value] * self.size
        if len(numbers) != self.size:
            raise ParameterError(f"parameter '{self.name}' has {len(numbers)} numbers; it takes {self.size}")
        return tuple(self.check_number(number, high) for number in numbers)

    def check_number(self, value: Any, high: Any = None) -> Any:
        """Return one number of this parameter, as `check` does."""
        high = self.high if high is None else high
        allowed = f"{self.kind.__name__} in [{self.low}, {high}]" if self.kind is not bool else "true or false"
        if isinstance(value, np.generic):
            value = value.item()
        whole = isinstance(value, int) and not isinstance(value, bool)
        fits = {bool: isinstance(value, bool), int: whole, float: whole or isinstance(value, float)}[self.kind]
        if not fits:
            raise ParameterError(f"parameter '{self.name}' = {shown(value)} is of the wrong type; allowed: {allowed}")
        if self.kind is not bool and not (abs(value) <= sys.float_info.max and self.low <= value <= high):
            made = high < value <= self.high
            remedy = f": the batch was made with {high}; make it with the largest value that its rows will need"
            raise ParameterError(
                f"parameter '{self.name}' = {shown(value)} is out of range; allowed: {allowed}{remedy if made else ''}"
            )
        return self.kind(value)


def declared_parameters(params: type) -> dict[str, Parameter]:
    """Return the parameters of a Params dataclass, in order.

    Raises:
        DefinitionError: not a frozen dataclass of int, float and bool with defaults inside their ranges.
    """
    if not dataclasses.is_dataclass(params) or not getattr(params, "__dataclass_params__").frozen:  # noqa: B009 mypy does not know it
        raise DefinitionError(f"{params.__name__} must be a dataclass: put @dataclass(frozen=True) above it")
    found = {}
    for field in dataclasses.fields(params):
        check_name(f"{params.__name__}.{field.name}", field.name)
        default: Any = field.default
        several = isinstance(default, tuple)
        size, kind = len(default) if several else 0, type(default)
        kinds = {type(number) for number in default} if several else set()
        if (
            0 < size <= MOST_NUMBERS and len(kinds) == 1 and bool not in kinds
        ):  # no compiled record holds arrays of flags
            (kind,) = kinds
        if kind not in STORAGE:
            raise DefinitionError(
                f"{params.__name__}.{field.name}: a parameter is an int, float or bool with a default, or a tuple of 1 to "
                f"{MOST_NUMBERS} ints or floats, not {shown(field.default)}"
            )
        annotated = field.type if isinstance(field.type, str) else getattr(field.type, "__name__", str(field.type))
        if annotated in ("int", "float", "bool") and (several or annotated != kind.__name__):
            given = f"tuple[{kind.__name__}, ...]" if several else kind.__name__
            raise DefinitionError(
                f"{params.__name__}.{field.name}: declared as {annotated}, but its default {shown(field.default)} is of type "
                f"{given}; make them agree"
            )
        limits = {bool: (False, True), int: (-(2**31), 2**31 - 1), float: (-1e12, 1e12)}[kind]
        meta = field.metadata
        parameter = Parameter(
            name=field.name,
            kind=kind,
            size=size,
            default=field.default,
            low=meta.get("low", limits[0]),
            high=meta.get("high", limits[1]),
            doc=meta.get("doc", ""),
            at_reset=meta.get("at_reset", False),
            ranged="low" in meta,
        )
        try:
            parameter.check(field.default)
        except ParameterError as error:
            raise DefinitionError(f"{params.__name__}: the default breaks its own range: {error}") from None
        found[field.name] = parameter
    return found


def build_params(params: type, overrides: dict[str, Any]) -> Any:
    """Make a Params with some values given.

    Raises:
        UnknownKeyword: a key that is no parameter.
        ParameterError: a value outside its range.
    """
    declared = declared_parameters(params)
    values = {}
    for name, value in overrides.items():
        if name not in declared:
            raise UnknownKeyword(f"unknown parameter '{printable(name, 100)}'; {suggest(name, declared)}")
        values[name] = declared[name].check(value)
    try:
        return params(**values)
    except ValueError as error:
        raise ParameterError(str(error)) from None


def watched(params: type, reads: set[str]) -> Any:
    """Return a subclass of a Params class whose instances note in `reads` which parameters are read."""
    names = frozenset(declared_parameters(params))

    def note(self: Any, name: str) -> Any:
        if name in names:
            reads.add(name)
        return object.__getattribute__(self, name)

    return type(params.__name__, (params,), {"__getattribute__": note})


def params_record(values: Any) -> Array:
    """Return a Params as one structured record, shape (1,)."""
    declared = declared_parameters(type(values))
    dtype = np.dtype([(name, parameter.storage) for name, parameter in declared.items()], align=True)
    record = np.zeros(1, dtype)
    for name in declared:
        record[name] = getattr(values, name)
    return record


def plain_value(stored: Any) -> Any:
    """Return a parameter as a row holds it as a number, or a tuple of numbers."""
    value = np.asarray(stored).tolist()
    return tuple(value) if isinstance(value, list) else value


def pair_text(name: str, value: Any) -> str:
    """Return a parameter as the command line takes it: name=value, several numbers with commas between."""
    several = value if isinstance(value, list | tuple) else (value,)
    return f"{name}={','.join(map(str, several))}"


def record_values(record: Any) -> dict[str, Any]:
    """Return one record of parameters as numbers, and tuples of them, by name."""
    return {name: plain_value(record[name]) for name in record.dtype.names}


def check_together(params: type, records: Array) -> None:
    """Check the values of every row by what their Params class says of them together, in its `__post_init__`.

    Args:
        params: the class.
        records: parameters of some rows, (rows,).

    Raises:
        ParameterError: it refuses those of one row.
    """
    if not hasattr(params, "__post_init__"):
        return
    for record in np.unique(records):
        try:
            params(**record_values(record))
        except ValueError as error:
            raise ParameterError(str(error)) from None


@functools.cache
def read_together(params: type) -> frozenset[str]:
    """Return the parameters that a Params class may read in its `__post_init__`; all of them where that cannot be told."""
    names, found, pending = frozenset(declared_parameters(params)), set(), ["__post_init__"]
    seen = set(pending)
    while pending:
        rule: Any = getattr(params, pending.pop())
        rule = rule.fget if isinstance(rule, property) else rule
        try:
            (tree,) = ast.parse(textwrap.dedent(inspect.getsource(rule))).body
        except (OSError, TypeError, ValueError, SyntaxError):
            return names
        held = [node for node in ast.walk(tree) if isinstance(node, ast.Attribute) and _is_self(node.value)]
        if sum(_is_self(node) for node in ast.walk(tree)) != len(held):  # handed on to something else
            return names
        attributes = {node.attr for node in held}
        found |= attributes & names
        pending += [name for name in attributes - names - seen if hasattr(params, name)]
        seen |= attributes
    return frozenset(found)


def _is_self(node: ast.AST) -> bool:
    return isinstance(node, ast.Name) and node.id == "self"


class Column(np.lib.mixins.NDArrayOperatorsMixin):
    """One parameter over all rows: computes like an array, and checks what is written into it."""

    def __init__(
        self, parameter: Parameter, high: Any, targets: tuple[Array, ...], write: Callable[[Any, dict[str, Any]], None]
    ) -> None:
        self.parameter, self.high, self.targets, self._write = parameter, high, targets, write

    def __len__(self) -> int:
        return len(self.targets[0])

    def __getitem__(self, index: Any) -> Any:
        return self.targets[0][index]

    def __iter__(self) -> Iterator[Any]:
        return iter(self.targets[0])

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        return np.array(self.targets[0], dtype=dtype)

    def __array_ufunc__(self, function: np.ufunc, method: str, *inputs: Any, out: Any = (), **options: Any) -> Any:
        operands = [np.asarray(value) if isinstance(value, Column) else value for value in inputs]
        result = getattr(function, method)(*operands, **options)
        for target in out:  # as of `+=`
            target[...] = result
        return out[0] if out else result

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):  # Python asks for its own, as when copying
            raise AttributeError(name)
        values = self.targets[0].view()
        values.flags.writeable = False  # what is written must be checked
        return getattr(values, name)

    def __repr__(self) -> str:
        return f"Column({self.parameter.name}: {np.array2string(self.targets[0], separator=', ', threshold=100)})"

    def __setitem__(self, index: Any, value: Any) -> None:
        self._write(index, {self.parameter.name: value})

    def checked(self, value: Any) -> Array:
        """Return values that the parameter may have, as an array.

        Raises:
            ParameterError: it may not.
        """
        values = np.asarray(value)
        if values.dtype.kind not in "biuf":  # whole numbers beyond 64 bits are objects
            raise ParameterError(f"parameter '{self.parameter.name}' = {value!r} is not made of numbers in range")
        for extreme in {values.min().item(), values.max().item()} if values.size else ():
            self.parameter.check_number(extreme, self.high)
        shape = self.parameter.shape
        if shape and values.ndim and values.shape[-1] not in (1, *shape):
            raise ParameterError(
                f"parameter '{self.parameter.name}' has {values.shape[-1]} numbers; it takes {self.parameter.size}"
            )
        return values


class ParamRows:
    """The parameters of every row of a batch, by name: `params.gravity[3] = 1.6`.

    A parameter that shapes a level (see `Parameter.at_reset`) shows at the row's next reset.  What the Params class checks
    of its values together holds for every row after every write.
    """

    def __init__(
        self,
        now: Array,
        following: Array,
        values: Any,
        dimensions: Iterable[str],
        writing: Callable[[], AbstractContextManager[object]] = nullcontext,
    ) -> None:
        columns = {}
        fixed = set(dimensions)
        object.__setattr__(self, "_writing", writing)  # the context in which the records are written
        object.__setattr__(self, "_kind", type(values))
        object.__setattr__(self, "_records", (following, now))
        for name, parameter in declared_parameters(type(values)).items():
            high = getattr(values, name) if name in fixed else None
            late = parameter.at_reset or name in fixed
            targets = (following[name],) if late else (following[name], now[name])
            columns[name] = Column(parameter, high, targets, self._write)
        object.__setattr__(self, "_columns", columns)

    def write(self, index: Any, **values: Any) -> None:
        """Write several parameters of some rows at once, where one alone would contradict another.

        Raises:
            UnknownName, ParameterError: no such parameter, or values that are not allowed; nothing was written.
        """
        self._write(index, values)

    def plan(self, index: Any, **values: Any) -> None:
        """Write what some rows have from their next episode on; see `write`."""
        self._write(index, values, now=False)

    def _write(self, index: Any, values: dict[str, Any], now: bool = True) -> None:
        with object.__getattribute__(self, "_writing")():
            self._write_checked(index, values, now)

    def _write_checked(self, index: Any, values: dict[str, Any], now: bool) -> None:
        checked = {name: (self[name], self[name].checked(value)) for name, value in values.items()}
        kind = object.__getattribute__(self, "_kind")
        if hasattr(kind, "__post_init__") and read_together(kind) & checked.keys():
            for in_force, records in enumerate(object.__getattribute__(self, "_records")[: 1 + now]):
                after = np.atleast_1d(records[index]).copy()
                for name, (column, array) in checked.items():
                    if in_force < len(column.targets):
                        after[name] = array
                check_together(kind, after.reshape(-1))
        for column, array in checked.values():
            for target in column.targets[: 1 + now]:
                target[index] = array

    def __getattr__(self, name: str) -> Column:
        if name.startswith("__"):  # Python asks for its own, as when copying
            raise AttributeError(name)
        return self[name]

    def __getitem__(self, name: str) -> Column:
        columns: dict[str, Column] = object.__getattribute__(self, "_columns")
        if name not in columns:
            raise UnknownName(f"unknown parameter '{name}'; {suggest(name, columns)}")
        return columns[name]

    def __setattr__(self, name: str, value: Any) -> None:
        self[name][:] = value

    def __iter__(self) -> Iterator[str]:
        return iter(object.__getattribute__(self, "_columns"))

    def __dir__(self) -> list[str]:
        return list(self)

    def __repr__(self) -> str:
        return f"ParamRows({', '.join(repr(self[name]) for name in self)})"
