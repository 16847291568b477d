"""Reading expressions of the rules, and the conditions that say something of them; `bounds` reads statements."""

import ast
import builtins
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from types import FunctionType
from typing import Any, Protocol

import numpy as np

from puffer_arena.authoring.explain import place
from puffer_arena.authoring.known import (
    CHECKED,
    FRACTION,
    KNOWN,
    Facts,
    Known,
    Part,
    Row,
    Several,
    Value,
    combine,
    constant_value,
    element_of,
    join,
    mentions,
    result_value,
)
from puffer_arena.core.bodies import physics_fields
from puffer_arena.core.env import Env
from puffer_arena.core.fields import Field
from puffer_arena.machine.compile import reached
from puffer_arena.machine.trees import source_text

WHOLE = {
    builtins.int,
    math.floor,
    math.ceil,
    math.trunc,
    np.int64,
    np.int32,
    np.int8,
    np.floor,
    np.ceil,
    np.trunc,
    np.rint,
}
WHOLE_RESULTS = ("gcd", "lcm", "isqrt", "comb", "perm", "factorial", "isnan", "isinf", "isfinite", "isclose")  # of math
SAME = {builtins.float, builtins.sum, np.float64, np.float32, np.sum, np.min, np.max, np.clip}  # whole where all are
FLIPPED = {ast.Lt: ast.GtE, ast.LtE: ast.Gt, ast.Gt: ast.LtE, ast.GtE: ast.Lt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq}


class Rules(Protocol):
    """What reading one function needs of the whole environment: see `bounds.Reader`."""

    env: Env
    fields: dict[type, dict[str, Known]]

    def declared(self, source: str) -> Field | None: ...

    def call(self, function: FunctionType, arguments: Sequence[Known]) -> Known: ...


@dataclass
class Expressions:
    """One function as it is read: what is known of its names and fields at the place reached.

    `facts` is None behind a `return`, `break` or `continue`.
    """

    reader: Rules
    function: FunctionType
    facts: Facts | None

    def __post_init__(self) -> None:
        self.globals = reached(self.function)

    def assign(self, target: ast.expr, value: Known) -> None:
        """Note what a name, a field or several of them hold from here on."""
        if isinstance(target, ast.Tuple):
            parts = value.parts if isinstance(value, Several) else ()
            for k, part in enumerate(target.elts):
                self.assign(part, parts[k] if k < len(parts) else KNOWN)
        elif isinstance(target, ast.Subscript):
            self.value(target)  # an index where it is written, too
        elif isinstance(target, ast.Name | ast.Attribute) and self.facts is not None:
            name = source_text(target)
            self.facts = {known: fact for known, fact in self.facts.items() if not mentions(known, target)}
            if isinstance(target, ast.Name) or isinstance(self.value(target.value), Row):
                self.facts[name] = value

    def suppose(self, node: ast.expr, holds: bool) -> None:
        """Note what a condition says where it holds, or does not."""
        match node:
            case ast.UnaryOp(op=ast.Not()):
                self.suppose(node.operand, not holds)
            case ast.BoolOp() if isinstance(node.op, ast.And) == holds:
                for part in node.values:
                    self.suppose(part, holds)
            case ast.Compare() if holds or len(node.ops) == 1:
                sides = [node.left, *node.comparators]
                for left, operator, right in zip(sides, node.ops, sides[1:], strict=False):
                    kind = type(operator) if holds else FLIPPED.get(type(operator))
                    self._compare(left, kind, right)

    def _compare(self, left: ast.expr, kind: Any, right: ast.expr) -> None:
        one, other = self.value(left), self.value(right)
        if kind is ast.In and isinstance(one, Value):
            self._learn(left, one, KNOWN, KNOWN)
        if not (isinstance(one, Value) and isinstance(other, Value)):
            return
        if kind in (ast.Lt, ast.LtE, ast.Eq):
            self._learn(left, one, Value(False), other)
            self._learn(right, other, one, Value(high=False))
        if kind in (ast.Gt, ast.GtE, ast.Eq):
            one, other = self.number(left), self.number(right)
            self._learn(left, one, other, Value(high=False))
            self._learn(right, other, Value(False), one)

    def _learn(self, node: ast.expr, value: Value, above: Value, below: Value) -> None:
        """Note that an expression is no less than `above` and no greater than `below`."""
        if self.facts is not None and not isinstance(node, ast.Constant):
            narrow = (above.low and not above.wide) or (below.high and not below.wide)
            learnt = replace(
                value, low=value.low or above.low, high=value.high or below.high, wide=value.wide and not narrow
            )
            if learnt != value:
                self.facts[source_text(node)] = learnt

    def _copy(self) -> Facts | None:
        return None if self.facts is None else dict(self.facts)

    def each(self, node: ast.expr) -> Known:
        """Return what a loop's variable is like."""
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "range":
            given = [self.number(argument) for argument in node.args]
            first, last = (KNOWN, given[0]) if len(given) == 1 else given[:2]
            if not (last.high and first.low):
                self._refuse(node, first if last.high else last, "counts a loop with it")
            return Value(first.low, last.high, last.source)
        value = self.value(node)
        return Part(value.element, value.axes - 1) if isinstance(value, Part) and value.axes > 1 else element_of(value)

    def number(self, node: ast.expr) -> Value:
        """Return what is known of an expression that is used as a number."""
        value = self.value(node)
        return value if isinstance(value, Value) else Value(fraction=element_of(value).fraction)

    def value(self, node: ast.expr) -> Known:
        """Return what is known of an expression, and check the indices within."""
        found = self._value(node)
        if isinstance(found, Value) and self.facts and not isinstance(node, ast.Constant | ast.Name):
            said = self.facts.get(source_text(node))
            return said if isinstance(said, Value) else found
        return found

    def _value(self, node: ast.expr) -> Known:
        match node:
            case ast.Name():
                found = (self.facts or {}).get(node.id)
                return constant_value(self.globals.get(node.id)) if found is None else found
            case ast.Constant():
                return constant_value(node.value)
            case ast.Attribute():
                return self._attribute(node)
            case ast.Subscript():
                return self._subscript(node)
            case ast.BinOp():
                return combine(node.op, self.number(node.left), self.number(node.right))
            case ast.UnaryOp():
                value = self.number(node.operand)
                if isinstance(node.op, ast.Not):
                    return KNOWN
                return replace(value, low=value.high, high=value.low) if isinstance(node.op, ast.USub) else value
            case ast.IfExp():
                self.value(node.test)
                return join(self._either(node.test, node.body, node.orelse))
            case ast.BoolOp():
                return self._bool(node)
            case ast.NamedExpr():
                value = self.value(node.value)
                self.assign(node.target, value)
                return value
            case ast.Call():
                return self._call(node)
            case ast.Tuple() | ast.List():
                return Several(tuple(self.value(part) for part in node.elts))
            case ast.ListComp() | ast.GeneratorExp() | ast.SetComp():
                return self._comprehension(node)
            case ast.Lambda():
                return KNOWN
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.expr):
                self.value(child)
        return KNOWN

    def _attribute(self, node: ast.Attribute) -> Known:
        base = self.value(node.value)
        if isinstance(base, Row):
            said = (self.facts or {}).get(source_text(node))
            return self.reader.fields[base.kind].get(node.attr, KNOWN) if said is None else said
        if isinstance(base, Part) and not base.axes and node.attr not in CHECKED:  # a body's
            return replace(base.element, source=f"{base.element.source}.{node.attr}", fraction=True)
        return KNOWN

    def _subscript(self, node: ast.Subscript) -> Known:
        base = self.value(node.value)
        indices = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        for index in indices:
            if isinstance(index, ast.Slice):
                for end in (index.lower, index.upper, index.step):
                    if end is not None:
                        self.value(end)  # an end beyond an array is the array's
                continue
            value = self.number(index)
            if not (value.low and value.high):
                self._refuse(node, value, "indexes with it")
        if isinstance(base, Part):
            left = base.axes - sum(not isinstance(index, ast.Slice) for index in indices)
            physics = base.element.source.removeprefix("State.") in physics_fields(self.reader.env.state)
            return Part(base.element, left) if left > 0 or physics else base.element
        if isinstance(base, Several) and isinstance(node.slice, ast.Constant) and isinstance(node.slice.value, int):
            return base.parts[node.slice.value] if -len(base.parts) <= node.slice.value < len(base.parts) else KNOWN
        return join(base.parts) if isinstance(base, Several) and base.parts else KNOWN

    def _either(self, test: ast.expr, *parts: ast.expr) -> list[Known]:
        """Return what is known of expressions, the first where a condition holds and the second where it does not."""
        found = []
        for part, holds in zip(parts, (True, False), strict=True):
            before = self._copy()
            self.suppose(test, holds)
            found.append(self.value(part))
            self.facts = before
        return found

    def _bool(self, node: ast.BoolOp) -> Known:
        """Read each part as it is reached: where those before hold in an `and`, where they do not in an `or`."""
        before = self._copy()
        found = []
        for part in node.values:
            found.append(self.value(part))
            self.suppose(part, isinstance(node.op, ast.And))
        self.facts = before
        return join(found)

    def _comprehension(self, node: ast.ListComp | ast.GeneratorExp | ast.SetComp) -> Known:
        before = self._copy()
        for part in node.generators:
            self.assign(part.target, self.each(part.iter))
            for test in part.ifs:
                self.value(test)
                self.suppose(test, True)
        value = self.value(node.elt)
        self.facts = before
        return Part(value, 1) if isinstance(value, Value) else KNOWN

    def _call(self, node: ast.Call) -> Known:
        given = [
            self.value(argument.value if isinstance(argument, ast.Starred) else argument) for argument in node.args
        ]
        for keyword in node.keywords:
            self.value(keyword.value)
        function = self._function(node.func)
        numbers = [element_of(value) for value in given]
        if function in (min, max) and numbers:
            tops, lows = [value.high for value in numbers], [value.low for value in numbers]
            low, high = (all(lows), any(tops)) if function is min else (any(lows), all(tops))
            wide = all(value.wide for value in numbers)
            return replace(numbers[0].joined(*numbers[1:]), low=low, high=high, wide=wide)
        if function is abs and numbers:
            return replace(numbers[0], low=True, high=numbers[0].low and numbers[0].high)
        if (_is_among(function, WHOLE) or function is round) and numbers:  # round(x, 1) leaves a fraction
            return replace(numbers[0], fraction=len(numbers) > 1 and numbers[0].fraction)
        if _is_among(function, SAME) or isinstance(function, np.ufunc):
            is_float = isinstance(function, np.ufunc) and not any(kind[-1] in "lq?" for kind in function.types)
            return replace(
                KNOWN if len(numbers) != 1 else numbers[0], fraction=is_float or any(n.fraction for n in numbers)
            )
        if getattr(function, "__module__", "") == "math":
            return KNOWN if function.__name__ in WHOLE_RESULTS else FRACTION
        starred = any(isinstance(argument, ast.Starred) for argument in node.args)
        if isinstance(function, FunctionType) and not starred:
            if function.__module__ == "puffer_arena.core.random":  # what is drawn lies within what it was asked for
                drawn = result_value(function.__annotations__.get("return"))
                return replace(numbers[-1], fraction=drawn.fraction) if numbers else KNOWN
            if not function.__module__.startswith(("puffer_arena.core.", "puffer_arena.render.")):
                return self.reader.call(function, given)
            return result_value(function.__annotations__.get("return"))
        return KNOWN

    def _function(self, node: ast.expr) -> Any:
        """Return what is called, where it is a global's or a module's."""
        if isinstance(node, ast.Name):
            return self.globals.get(node.id, getattr(builtins, node.id, None))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            return getattr(self.globals.get(node.value.id), node.attr, None)
        self.value(node)
        return None

    def _refuse(self, node: ast.expr, value: Value, what: str) -> None:
        """Raise the error that this use of a number without a bound deserves."""
        env = self.reader.env
        declared, name = self.reader.declared(value.source), value.source.split(".")[1]
        whole = declared is not None and np.issubdtype(declared.dtype, np.integer)
        remedy = "clamp it with min and max, or compare it first"
        if whole:
            remedy = f"declare what it stays below, such as {name} = i32(below=...), or {remedy}"
        reason = f"{value.source} may hold any number in a row from outside, and this {what}; {remedy}"
        raise place(env, self.function, node.lineno, reason)


def _is_among(function: Any, functions: set[Any]) -> bool:
    """Tell whether a function is one of some; what has no hash is none."""
    return callable(function) and getattr(type(function), "__hash__", None) is not None and function in functions
