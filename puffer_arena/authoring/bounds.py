"""Reading the rules for numbers of State that index, or count a loop, unbounded, and for what whole numbers would lose.

Compiled code does not check its indices, and rows come from files and sockets too.  So a number that rules index with
has a bound: its field declares one (`i32(below="cells")`), which every row from outside is checked against, or the rule
clamps or compares the number first.  Nor does it tell of a fraction that a whole number drops, or of a number that wraps
in 8 bits.  The reader follows numbers through names, arithmetic, conditions and calls; what it cannot follow it trusts
(`known`).
"""

import ast
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import FunctionType
from typing import Any

import numpy as np

from puffer_arena.authoring.explain import place, place_of
from puffer_arena.authoring.expressions import Expressions
from puffer_arena.authoring.known import (
    CHECKED,
    FRACTION,
    KNOWN,
    NARROW,
    Known,
    Part,
    Row,
    Several,
    Value,
    direction,
    element_of,
    field_value,
    join,
    merge,
    parameter_value,
)
from puffer_arena.core.bodies import PhysicsField
from puffer_arena.core.env import Env
from puffer_arena.core.fields import Field, header_fields, state_fields
from puffer_arena.core.roles import space_of
from puffer_arena.core.spaces import Box, Discrete
from puffer_arena.machine.trees import definition, source_text

DEEPEST = 12  # calls within calls that are followed


def check_bounds(env: Env) -> None:
    """Check that no rule indexes, or counts a loop, with a number of State that nothing bounds, or loses part of one.

    Raises:
        DefinitionError: one does; it names the rule's line and the field.
    """
    acting = env.rules_of("reset", "step", "act", "judge", "turn")
    rules = [*acting, *env.rules_of("observe", "observe_state", "action_mask", "ending", "draw", "draw3d", "camera")]
    reader, s, p = Reader(env), Row(env.state), Row(env.params)
    memory = (s, p, *((KNOWN,) if env.agents else ()), Row(env.bot_memory))
    given_rules = [*((rule, (s, p)) for rule in rules), *((bot, memory) for bot in env.rules_of("bots"))]
    choosing: list[tuple[Any, tuple[Known, ...]]] = [(bot, memory) for bot in env.bots.values()]
    if env.pilot is not None:
        space = env.pilot.wanted
        element = FRACTION if isinstance(space, Box) else KNOWN
        told = element if isinstance(space, Discrete) else Part(element, len(space.dtype.shape))
        pilot = env.pilot.rule, (*memory[:-1], told, memory[-1])
        given_rules.append(pilot)
        choosing.append(pilot)
    for role in env.agents or (None,):
        for bot, given in choosing if isinstance(space_of(env.action, role), Discrete) else ():
            rule = bot.get(role) if isinstance(bot, Mapping) else bot
            if isinstance(rule, FunctionType) and element_of(reader.call(rule, given)).fraction:
                reason = "returns what may be a fraction; an action is a whole number: int(...) or round(...)"
                raise place_of(env, rule, reason)
    for rule, given in [*given_rules, *((rule, (s, p, s)) for rule in env.rules_of("move_goal"))]:
        if isinstance(rule, FunctionType):
            reader.call(rule, given)


class Reader:
    """Reads an environment's rules; each function once for every kind of arguments."""

    def __init__(self, env: Env) -> None:
        self.env = env
        numbers = {
            name: Value(True, name in CHECKED, f"State.{name}", name not in CHECKED, kind is np.float64)
            for name, kind, *_ in header_fields(0, signals=env.signals)
        }
        turn = {"turn": KNOWN} if env.turn is not None else {}
        header = {**numbers, "alive": Part(KNOWN, 1), **turn}
        self.fields: dict[type, dict[str, Known]] = {
            kind: header | {name: self._declared(f"{what}.{name}", each) for name, each in state_fields(kind).items()}
            for kind, what in ((env.state, "State"), (env.bot_memory, env.bot_memory.__name__))
        }
        self.fields[env.params] = {name: parameter_value(each) for name, each in env.parameters.items()}
        self._returns: dict[Any, Known] = {}
        self._depth = 0

    def _declared(self, name: str, declared: Field) -> Known:
        if isinstance(declared, PhysicsField):
            return Part(Value(False, False, name), len(declared.shape))
        return field_value(name, declared)

    def declared(self, source: str) -> Field | None:
        """Return how a field is declared that a number comes from, None where that is one of a body."""
        holder, name, *of_body = source.split(".") if source else ("", "")
        fields = state_fields(self.env.state if holder == "State" else self.env.bot_memory)
        return None if of_body else fields.get(name)

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


@dataclass
class Body(Expressions):
    """The statements of one function, and what it returns."""

    returned: list[Known] = field(default_factory=list)

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
                    is_sum = isinstance(node.value, ast.BinOp) and source_text(target) == source_text(node.value.left)
                    self._write(target, value, node.value if is_sum else None)
            case ast.AnnAssign(value=ast.expr() as given):
                self._write(node.target, self.value(given))
            case ast.AugAssign():
                loaded = ast.copy_location(ast.BinOp(node.target, node.op, node.value), node)
                self._write(node.target, self.value(loaded), loaded)
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
        value = self.each(node.iter)
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

    def _write(self, target: ast.expr, value: Known, total: Any = None) -> None:
        """Check and note what a statement writes; `total` is the arithmetic where the target is its left side."""
        if isinstance(target, ast.Tuple):
            parts = value.parts if isinstance(value, Several) and len(value.parts) == len(target.elts) else ()
            for k, part in enumerate(target.elts):
                self._write(part, parts[k] if parts else element_of(value))
            return
        if isinstance(target, ast.Attribute | ast.Subscript):
            self._check_whole(target, element_of(value), total)
        self.assign(target, value)

    def _check_whole(self, target: ast.expr, value: Value, total: ast.BinOp | None) -> None:
        """Check that whole numbers of State or a memory hold what is written: no fraction, and 8 bits no more."""
        held = self._held(target)
        declared = self.reader.declared(held)
        if declared is None or not np.issubdtype(declared.dtype, np.integer):
            return
        name = held.partition(".")[2]
        if value.fraction:
            reason = (
                f"{name} keeps whole numbers ({np.dtype(declared.dtype)}), and this drops a fraction without a word; declare "
                "it f64(), or write int(...) or round(...) around what may be dropped"
            )
            raise place(self.reader.env, self.function, target.lineno, reason)
        if declared.dtype is np.int8:
            if total is not None:
                self._check_sum(target, total)
            elif value.wide:
                self._refuse_wide(target, held, "nothing bounds what is written here")

    def _held(self, target: ast.expr) -> str:
        """Return the field in which a target lies, "" where it lies in none."""
        while isinstance(target, ast.Subscript):
            target = target.value
        if isinstance(target, ast.Attribute):
            base = self.value(target.value)
            found = self.reader.fields[base.kind].get(target.attr, KNOWN) if isinstance(base, Row) else KNOWN
        else:
            found = (self.facts or {}).get(source_text(target), KNOWN)
        return element_of(found).source if isinstance(found, Part | Value) else ""

    def _check_sum(self, target: ast.expr, node: ast.BinOp) -> None:
        """Check that what is added up in 8 bits stays there: compiled rules wrap at 127, step by step unnoticed."""
        value = element_of(self.value(target))
        grows, falls = direction(node)
        if (grows and not value.high) or (falls and not value.low):
            self._refuse_wide(target, value.source, "nothing bounds what is added up here")

    def _refuse_wide(self, target: ast.expr, held: str, what: str) -> None:
        name = held.rpartition(".")[2]
        reason = (
            f"{held} is i8, which holds {NARROW.min} to {NARROW.max} and wraps beyond, and {what}; "
            f"declare {name} = i32(), compare it first, or clamp it with min and max"
        )
        raise place(self.reader.env, self.function, target.lineno, reason)
