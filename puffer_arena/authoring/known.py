"""What reading the rules finds out of numbers: what bounds them, where they come from, whether they may be fractions.

Compiled rules check neither indices nor what is written into whole numbers, so both are read (`bounds`).  What cannot be
told counts as harmless: bounded, narrow and whole.
"""

import ast
import functools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from puffer_arena.core.fields import Field
from puffer_arena.core.params import Parameter
from puffer_arena.machine.trees import source_text

NARROW = np.iinfo(np.int8)
CHECKED = {"alive", "ended", "touching", "began", "other"}  # whatever rows come from outside, see `check_rows`
SUMS = ast.Add | ast.Sub | ast.Mult | ast.Pow | ast.LShift  # arithmetic whose results may be larger than both sides
MOST_PARTS = 64  # of a tuple that is known element by element


@dataclass(frozen=True)
class Value:
    """What is known of a number.

    Attributes:
        low, high: whether something bounds it below, and above.
        source: the field that it comes from, such as "State.cell" or "State.hull.x".
        wide: whether it may lie beyond what 8 bits hold, unless it is bounded by what does not.
        fraction: whether it may be no whole number.
    """

    low: bool = True
    high: bool = True
    source: str = ""
    wide: bool = False
    fraction: bool = False

    def joined(self, *others: "Value") -> "Value":
        """Return what is known of a value that is one of several."""
        every = (self, *others)
        loose = [value.source for value in every if value.source and not value.bounded]
        return Value(
            all(value.low for value in every),
            all(value.high for value in every),
            loose[0] if loose else "",
            any(value.wide for value in every),
            any(value.fraction for value in every),
        )

    @property
    def bounded(self) -> bool:
        """Whether it is bounded on both sides."""
        return self.low and self.high


@dataclass(frozen=True)
class Row:
    """The state itself, the memory of a bot, or the parameters."""

    kind: type


@dataclass(frozen=True)
class Part:
    """An array or a record of State: what its numbers are like, and how many indices lead to them."""

    element: Value
    axes: int


@dataclass(frozen=True)
class Several:
    """A tuple."""

    parts: tuple[Any, ...]


Known = Any  # Value, Row, Part or Several
KNOWN = Value()
FRACTION = Value(fraction=True)
Facts = dict[str, Known]  # an expression's source -> what conditions and assignments say of it


def field_value(name: str, declared: Field) -> Known:
    """Return what is known of a field of State that no engine fills."""
    bounded, kind = declared.below is not None, np.dtype(declared.dtype)
    element = Value(bounded, bounded, name, not bounded and kind != np.int8, kind.kind == "f")
    return Part(element, len(declared.shape)) if declared.shape else element


def parameter_value(parameter: Parameter) -> Known:
    """Return what is known of a parameter, which lies in its range."""
    wide = not NARROW.min <= parameter.low <= parameter.high <= NARROW.max
    element = Value(wide=wide, fraction=parameter.kind is float)
    return Part(element, 1) if parameter.size else element


def constant_value(given: Any) -> Known:
    """Return what is known of a constant: a number, a tuple or list of constants, or an array."""
    if isinstance(given, bool | int | float | np.number):
        wide = not NARROW.min <= given <= NARROW.max
        return Value(
            wide=wide, fraction=not float(given).is_integer() if isinstance(given, float | np.floating) else False
        )
    if isinstance(given, tuple | list):
        parts = [constant_value(each) for each in given[:MOST_PARTS]]
        return Several(tuple(parts)) if len(parts) == len(given) or not parts else join(parts)
    if isinstance(given, np.ndarray) and given.size and given.dtype.kind in "if":
        whole = given.dtype.kind == "i" or bool((given == np.floor(given)).all())
        return Part(
            Value(wide=bool(given.min() < NARROW.min or given.max() > NARROW.max), fraction=not whole), given.ndim
        )
    return KNOWN


def result_value(annotation: Any) -> Known:
    """Return what is known of what a function of this package gives, by its annotation."""
    if annotation is float:
        return FRACTION
    parts = getattr(annotation, "__args__", ())
    return Several(tuple(result_value(part) for part in parts)) if parts and Ellipsis not in parts else KNOWN


def element_of(value: Known) -> Value:
    """Return what a number within a value is like."""
    if isinstance(value, Several) and value.parts:
        return element_of(value.parts[0]).joined(*map(element_of, value.parts[1:]))
    return value if isinstance(value, Value) else value.element if isinstance(value, Part) else KNOWN


def join(found: Sequence[Known]) -> Known:
    """Return what is known of an expression that is one of several."""
    if all(isinstance(each, Value) for each in found):
        return found[0].joined(*found[1:])
    if all(isinstance(each, Several) and len(each.parts) == len(found[0].parts) for each in found):
        return Several(tuple(join(parts) for parts in zip(*(each.parts for each in found), strict=True)))
    return found[0] if all(each == found[0] for each in found) else KNOWN


def merge(*branches: Facts | None) -> Facts | None:
    """Return what holds after whichever of the branches was taken; None where none of them goes on."""
    going = [facts for facts in branches if facts is not None]
    if not going:
        return None
    names = set(going[0]).intersection(*going[1:])
    return {name: join([facts[name] for facts in going]) for name in names}


def combine(operator: ast.operator, left: Value, right: Value) -> Value:
    """Return what is known of the result of arithmetic."""
    both = left.joined(right)
    if isinstance(operator, SUMS) and (both.source or not both.bounded):
        both = replace(both, wide=True)
    match operator:
        case ast.Sub():
            return replace(both, low=left.low and right.high, high=left.high and right.low)
        case ast.Mod():
            return replace(both, low=right.bounded, high=right.bounded, wide=right.wide)
        case ast.Div():
            return replace(left, fraction=True)
        case ast.FloorDiv() | ast.RShift():
            return replace(left, fraction=False)
        case ast.BitAnd():
            bounded = left.bounded or right.bounded
            return replace(both, low=bounded, high=bounded, wide=left.wide and right.wide, fraction=False)
    return both


def direction(node: ast.BinOp) -> tuple[bool, bool]:
    """Tell whether arithmetic may make its left side larger, and whether it may make it smaller."""
    if not isinstance(node.op, SUMS):
        return False, False
    step = node.right.value if isinstance(node.right, ast.Constant) else None
    if isinstance(node.op, ast.Add | ast.Sub) and isinstance(step, int | float):
        grows = (step > 0) == isinstance(node.op, ast.Add)
        return grows, not grows
    return True, True


def mentions(source: str, target: ast.expr) -> bool:
    """Tell whether an expression's source reads the name or field that is assigned."""
    return source_text(target) in _names_in(source)


@functools.lru_cache(maxsize=1024)
def _names_in(source: str) -> frozenset[str]:
    """Return the names and fields that an expression's source reads, as text."""
    tree = ast.parse(source, mode="eval")
    return frozenset(ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Name | ast.Attribute))
