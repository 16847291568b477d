"""Reading the rules for numbers of State that index, or count a loop, and that nothing bounds.

Compiled code does not check its indices, and rows come from files and sockets too.  So a number that rules index with
has a bound: its field declares one (`i32(below="cells")`), which every row from outside is checked against, or the rule
clamps or compares the number first.  The reader follows numbers through names, arithmetic, conditions and calls; what
it cannot follow it trusts.
"""

import ast
import builtins
import functools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from types import FunctionType
from typing import Any

import numpy as np

from puffer_arena.authoring.explain import place
from puffer_arena.core.bodies import PhysicsField, physics_fields
from puffer_arena.core.env import Env
from puffer_arena.core.fields import Field, header_fields, state_fields
from puffer_arena.machine.compile import reached
from puffer_arena.machine.trees import definition, source_text

WHOLE = {builtins.int, builtins.round, builtins.float, math.floor, math.ceil, math.trunc, np.int64, np.int32, np.int8}
CHECKED = {"alive", "ended", "touching", "began", "other"}  # whatever rows come from outside, see `check_rows`
FLIPPED = {ast.Lt: ast.GtE, ast.LtE: ast.Gt, ast.Gt: ast.LtE, ast.GtE: ast.Lt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq}
JUMPS = (ast.Return, ast.Raise, ast.Continue, ast.Break)
DEEPEST = 12  # calls within calls that are followed


@dataclass(frozen=True)
class Value:
    """What is known of an expression: whether something bounds it below and above, and the field that it comes from."""

    low: bool = True
    high: bool = True
    source: str = ""  # "State.cell", "State.hull.x"

    def joined(self, *others: "Value") -> "Value":
        """Return what is known of a value that is one of several."""
        every = (self, *others)
        loose = [value.source for value in every if value.source and not (value.low and value.high)]
        return Value(all(value.low for value in every), all(value.high for value in every), *loose[:1])


@dataclass(frozen=True)
class Row:
    """The state itself, or the memory of a bot."""

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
Facts = dict[str, Known]  # an expression's source -> what conditions and assignments say of it


def check_bounds(env: Env) -> None:
    """Check that no rule indexes, or counts a loop, with a number of State that nothing bounds.

    Raises:
        DefinitionError: one does; it names the rule's line and the field.
    """
    acting = env.rules_of("reset", "step", "act", "judge", "turn")
    rules = [*acting, *env.rules_of("observe", "observe_state", "action_mask", "ending", "draw", "draw3d", "camera")]
    reader, s = Reader(env), Row(env.state)
    memory = (s, KNOWN, *((KNOWN,) if env.agents else ()), Row(env.bot_memory))
    given_rules = [*((rule, (s,)) for rule in rules), *((bot, memory) for bot in env.rules_of("bots"))]
    for rule, given in [*given_rules, *((rule, (s, KNOWN, s)) for rule in env.rules_of("move_goal"))]:
        if isinstance(rule, FunctionType):
            reader.call(rule, given)


class Reader:
    """Reads an environment's rules; each function once for every kind of arguments."""

    def __init__(self, env: Env) -> None:
        self.env = env
        kept = [entry[0] for entry in header_fields(0, signals=env.signals)]
        numbers = {name: Value(True, name in CHECKED, f"State.{name}") for name in kept}
        turn = {"turn": KNOWN} if env.turn is not None else {}
        header = {**numbers, "alive": Part(KNOWN, 1), **turn}
        self.fields: dict[type, dict[str, Known]] = {
            kind: header | {name: self._declared(f"{what}.{name}", each) for name, each in state_fields(kind).items()}
            for kind, what in ((env.state, "State"), (env.bot_memory, env.bot_memory.__name__))
        }
        self._returns: dict[Any, Known] = {}
        self._depth = 0

    def _declared(self, name: str, declared: Field) -> Known:
        if isinstance(declared, PhysicsField):
            return Part(Value(False, False, name), len(declared.shape))
        bounded = declared.below is not None
        element = Value(bounded, bounded, name)
        return Part(element, len(declared.shape)) if declared.shape else element

    def call(self, function: FunctionType, arguments: Sequence[Known]) -> Known:
        """Read a function that is called with these arguments and return what its result is like."""
        key = function, tuple(arguments)
        tree = definition(function)
        if key in self._returns or tree is None or self._depth >= DEEPEST:
            return self._returns.get(key, KNOWN)
        self._returns[key] = KNOWN  # of a function that calls itself
        self._depth += 1
        body = Body(self, function, dict(zip([a.arg for a in tree.args.args], arguments, strict=False)))
        body.run(tree.body)
        self._depth -= 1
        self._returns[key] = join(body.returned) if body.returned else KNOWN
        return self._returns[key]


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


@dataclass
class Body:
    """One function as it is read: what is known of its names, and what it returns.

    `facts` is None behind a `return`, `break` or `continue`.
    """

    reader: Reader
    function: FunctionType
    facts: Facts | None
    returned: list[Known] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.globals = reached(self.function)

    # -- statements -------------------------------------------------------------------------------------

    def run(self, statements: Iterable[ast.stmt]) -> None:
        """Go through statements in order."""
        for statement in statements:
            if self.facts is None:
                return
            self._run(statement)

    def _run(self, node: ast.stmt) -> None:
        match node:
            case ast.Assign():
                value = self.value(node.value)
                for target in node.targets:
                    if isinstance(node.value, ast.BinOp) and source_text(target) == source_text(node.value.left):
                        self._check_sum(target, node.value)
                    self.assign(target, value)
            case ast.AnnAssign(value=ast.expr() as given):
                self.assign(node.target, self.value(given))
            case ast.AugAssign():
                loaded = ast.copy_location(ast.BinOp(node.target, node.op, node.value), node)
                self._check_sum(node.target, loaded)
                self.assign(node.target, self.value(loaded))
            case ast.If():
                self._branch(node)
            case ast.While():
                self._loop(node.body, node.test)
            case ast.For():
                self._for(node)
            case ast.With():
                self.run(node.body)
            case ast.Return():
                self.returned.append(self.value(node.value) if node.value is not None else KNOWN)
                self.facts = None
            case ast.Expr() | ast.Assert():
                self.value(node.value if isinstance(node, ast.Expr) else node.test)
            case ast.Raise() | ast.Continue() | ast.Break():
                self.facts = None

    def _branch(self, node: ast.If) -> None:
        self.value(node.test)
        before = self._copy()
        self.suppose(node.test, True)
        self.run(node.body)
        taken, self.facts = self.facts, before
        self.suppose(node.test, False)
        self.run(node.orelse)
        self.facts = merge(taken, self.facts)

    def _for(self, node: ast.For) -> None:
        value = self._each(node.iter)
        self._loop(node.body, None, node.target, value)

    def _loop(
        self, body: list[ast.stmt], test: ast.expr | None, target: ast.expr | None = None, value: Known = KNOWN
    ) -> None:
        """Go through a loop twice: what one turn leaves behind is there in the next."""
        for _ in range(2):
            before = self._copy()
            if test is not None:
                self.value(test)
                self.suppose(test, True)
            if target is not None:
                self.assign(target, value)
            self.run(body)
            self.facts = merge(before, self.facts)
        leaves = any(isinstance(node, ast.Break) for statement in body for node in ast.walk(statement))
        if test is not None and not leaves:
            self.suppose(test, False)

    def _each(self, node: ast.expr) -> Known:
        """Return what a loop's variable is like."""
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "range":
            given = [self.number(argument) for argument in node.args]
            first, last = (KNOWN, given[0]) if len(given) == 1 else given[:2]
            if not (last.high and first.low):
                self._refuse(node, first if last.high else last, "counts a loop with it")
            return Value(first.low, last.high, last.source)
        value = self.value(node)
        return Part(value.element, value.axes - 1) if isinstance(value, Part) and value.axes > 1 else _element(value)

    def _check_sum(self, target: ast.expr, node: ast.BinOp) -> None:
        """Check that what is added up in 8 bits stays there: compiled rules wrap at 127, step by step unnoticed."""
        value = self.value(target)
        if not isinstance(value, Value) or not value.source:
            return
        holder, name, *of_body = value.source.split(".")
        declared = state_fields(self.reader.env.state if holder == "State" else self.reader.env.bot_memory).get(name)
        if of_body or declared is None or declared.dtype is not np.int8:
            return
        grows, falls = _direction(node)
        if (grows and not value.high) or (falls and not value.low):
            reason = (
                f"{value.source} is i8, which holds -128 to 127 and wraps beyond, and nothing bounds what is added up here; "
                f"declare {name} = i32(), compare it first, or clamp it with min and max"
            )
            raise place(self.reader.env, self.function, node.lineno, reason)

    # -- names ------------------------------------------------------------------------------------------

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
            self.facts = {known: fact for known, fact in self.facts.items() if not _mentions(known, target)}
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
            learnt = replace(value, low=value.low or above.low, high=value.high or below.high)
            if learnt != value:
                self.facts[source_text(node)] = learnt

    def _copy(self) -> Facts | None:
        return None if self.facts is None else dict(self.facts)

    # -- expressions ------------------------------------------------------------------------------------

    def number(self, node: ast.expr) -> Value:
        """Return what is known of an expression that is used as a number."""
        value = self.value(node)
        return value if isinstance(value, Value) else KNOWN

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
                return (self.facts or {}).get(node.id, KNOWN)
            case ast.Attribute():
                return self._attribute(node)
            case ast.Subscript():
                return self._subscript(node)
            case ast.BinOp():
                return combine(node.op, self.number(node.left), self.number(node.right))
            case ast.UnaryOp():
                value = self.number(node.operand)
                return Value(value.high, value.low, value.source) if isinstance(node.op, ast.USub) else value
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
            return replace(base.element, source=f"{base.element.source}.{node.attr}")
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
            self.assign(part.target, self._each(part.iter))
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
        numbers = [value if isinstance(value, Value) else _element(value) for value in given]
        if function in (min, max) and numbers:
            tops, lows = [value.high for value in numbers], [value.low for value in numbers]
            low, high = (all(lows), any(tops)) if function is min else (any(lows), all(tops))
            return replace(numbers[0].joined(*numbers[1:]), low=low, high=high)
        if function is abs and numbers:
            return replace(numbers[0], low=True, high=numbers[0].low and numbers[0].high)
        if function in WHOLE and numbers:
            return numbers[0]
        starred = any(isinstance(argument, ast.Starred) for argument in node.args)
        if isinstance(function, FunctionType) and not starred:
            if function.__module__ == "puffer_arena.core.random":  # what is drawn lies within what it was asked for
                return numbers[-1] if numbers else KNOWN
            if not function.__module__.startswith(("puffer_arena.core.", "puffer_arena.render.")):
                return self.reader.call(function, given)
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
        holder, name, *of_body = value.source.split(".")
        declared = state_fields(env.state if holder == "State" else env.bot_memory).get(name)
        whole = not of_body and declared is not None and np.issubdtype(declared.dtype, np.integer)
        remedy = "clamp it with min and max, or compare it first"
        if whole:
            remedy = f"declare what it stays below, such as {name} = i32(below=...), or {remedy}"
        reason = f"{value.source} may hold any number in a row from outside, and this {what}; {remedy}"
        raise place(env, self.function, node.lineno, reason)


def _direction(node: ast.BinOp) -> tuple[bool, bool]:
    """Tell whether arithmetic may make its left side larger, and whether it may make it smaller."""
    if not isinstance(node.op, ast.Add | ast.Sub | ast.Mult | ast.Pow | ast.LShift):
        return False, False
    step = node.right.value if isinstance(node.right, ast.Constant) else None
    if isinstance(node.op, ast.Add | ast.Sub) and isinstance(step, int | float):
        grows = (step > 0) == isinstance(node.op, ast.Add)
        return grows, not grows
    return True, True


def combine(operator: ast.operator, left: Value, right: Value) -> Value:
    """Return what is known of the result of arithmetic."""
    both = left.joined(right)
    match operator:
        case ast.Sub():
            return replace(both, low=left.low and right.high, high=left.high and right.low)
        case ast.Mod():
            bounded = right.low and right.high
            return replace(both, low=bounded, high=bounded)
        case ast.FloorDiv() | ast.Div() | ast.RShift():
            return left
        case ast.BitAnd():
            bounded = (left.low and left.high) or (right.low and right.high)
            return replace(both, low=bounded, high=bounded)
    return both


def _element(value: Known) -> Value:
    """Return what a number within a value is like."""
    return value.element if isinstance(value, Part) else KNOWN


def _mentions(source: str, target: ast.expr) -> bool:
    """Tell whether an expression's source reads the name or field that is assigned."""
    return source_text(target) in _names_in(source)


@functools.lru_cache(maxsize=1024)
def _names_in(source: str) -> frozenset[str]:
    """Return the names and fields that an expression's source reads, as text."""
    tree = ast.parse(source, mode="eval")
    return frozenset(ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Name | ast.Attribute))
