"""Reading the rules' source for mistakes in branches that a few steps of play do not reach.

The reader follows records (the row, its parameters, bodies, an observation of parts) through names, indices and calls of
other rules, and looks for fields that they do not have, for names that nothing defines and for `return` without what
the kernel takes.  What it cannot follow it leaves to the compiler.
"""

import ast
import builtins
import inspect
import itertools
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from puffer_arena.authoring.explain import ending_rule, place
from puffer_arena.authoring.returns import check_returns
from puffer_arena.core.actions import action_dtype, choice_sizes
from puffer_arena.core.composites import Composite
from puffer_arena.core.env import Env
from puffer_arena.core.fields import MEMORY_HEADER, header_fields
from puffer_arena.core.params import params_record
from puffer_arena.core.roles import Roles, space_of
from puffer_arena.core.spaces import Discrete, Space
from puffer_arena.errors import DefinitionError, suggest
from puffer_arena.machine.compile import code_names, is_jit, reached, with_called
from puffer_arena.machine.trees import definition, own_nodes

Kind = np.dtype[Any] | None  # of a record, or of an array of them; None for what is not followed
STATE, PARAMS, MEMORY, LATER = "State", "p", "memory", "later"  # where a value lies
CHANGING = ("fill", "sort", "partition", "put", "resize", "byteswap", "setfield", "setflags")  # methods of arrays
KEPT = frozenset(entry[0] for entry in (*header_fields(1, turns=True), *MEMORY_HEADER)) - {"alive"}
KEPT_REMEDY = {
    "alive": "let an agent leave by terminated[agent] = True; only reset says who takes part",
    "turn": "let the rule turn say whose it is",
    "ended": "return that the episode is terminated or truncated",
    "episode_return": "give rewards",
}


class Call(NamedTuple):
    """A rule with the kinds of its first arguments, where they lie, and the rule and line that call it."""

    rule: Any
    kinds: tuple[Kind, ...]
    homes: tuple[str, ...] = ()  # of the arguments: STATE, PARAMS, MEMORY, or "" for others
    locked: frozenset[str] = frozenset({PARAMS})  # homes that may only be read, and fields that only kernels write
    caller: Any = None
    line: int = 0


def check_source(env: Env) -> None:
    """Read the rules of `env` and those that they call.

    Raises:
        DefinitionError: a rule uses a field or a name that does not exist, calls itself, or returns the wrong number of
            values.
    """
    values = env.params()
    s, p = env.row_dtype(values), params_record(values).dtype
    several: tuple[Kind, ...] = (None,) if env.agents else ()
    everybody, memory = _kind_of_actions(env, values), env.memory_dtype(values)
    sums = {f"episode_{signal}" for signal in env.signals}
    homes, reading, begins = (STATE, PARAMS), frozenset({STATE, PARAMS}), frozenset({PARAMS, *KEPT, *sums})
    moves = begins | {"alive"}
    calls = [Call(rule, (s, p, everybody), homes, moves) for rule in env.rules_of("step", "act")]
    calls += [Call(rule, (s, p), homes, begins) for rule in env.rules_of("reset")]
    calls += [Call(rule, (s, p), homes, moves) for rule in env.rules_of("judge")]
    if env.observe_state is not None and (state := env.state_space(values)) is not None:
        calls.append(Call(env.observe_state, (s, p, state.dtype), homes, reading))
    calls += [Call(rule, (s, p), homes, reading) for rule in env.rules_of("turn", "ending")]
    calls += [Call(rule, (s, p, s), (*homes, LATER), moves | {LATER}) for rule in env.rules_of("move_goal")]
    for role in env.agents or [None]:
        obs, action = (space_of(space, role) for space in env.spaces(values))
        calls.append(Call(rule_of(env.observe, role), (s, p, *several, obs.dtype), homes, reading))
        if (mask := rule_of(env.action_mask, role)) is not None:
            calls.append(Call(mask, (s, p, *several, mask_kind(action)), homes, reading))
        given = (s, p, *several, memory, action_dtype(action))
        places = (*homes, *("" for _ in several), MEMORY)
        calls += [Call(rule_of(bot, role), given, places, reading | KEPT) for bot in env.bots.values()]
        if env.pilot is not None:
            kinds = (*given[:-2], action_dtype(env.pilot.wanted), *given[-2:])
            calls.append(Call(env.pilot.rule, kinds, (*places[:-1], "", MEMORY), reading | KEPT))
    seen: set[Any] = set()
    for call in calls:  # grows by those that the rules make
        if call[:4] not in seen:
            seen.add(call[:4])
            found = Reader(env, call).read()
            _check_recursion(env, call.rule, found)
            calls += found
    check_returns(env, *ending_rule(env), 1 if env.agents else 3)
    if env.turn is not None:
        check_returns(env, env.turn, "the agent whose turn it is", 1)
    if env.ending is not None:
        check_returns(env, env.ending, "the number of one of endings", 1)
    if env.move_goal is not None:
        check_returns(env, env.move_goal, "nothing, for it writes the goal into s", 0)
    pilots = [env.pilot.rule] if env.pilot is not None else []
    for role in env.agents or [None]:
        for bot in [*env.bots.values(), *pilots] if isinstance(space_of(env.action, role), Discrete) else ():
            check_returns(env, rule_of(bot, role), "the action", 1)


def rule_of(rules: Any, role: str | None) -> Any:
    """Return a role's rule, None where it has none."""
    return rules.get(role) if isinstance(rules, Mapping) else rules


def mask_kind(action: Space) -> Kind:
    """Return what a mask rule is given where an action has parts: flags for each that has choices, by its name."""
    if not isinstance(action, Composite):
        return None
    kinds = ((name, mask_kind(part), choice_sizes(part)) for name, part in action.parts.items())
    return np.dtype(
        [(name, np.dtype((np.bool_, (sum(sizes),))) if kind is None else kind) for name, kind, sizes in kinds if sizes]
    )


def _kind_of_actions(env: Env, values: Any) -> Kind:
    """Return what `step` and `act` are given to do: one action, an array of them, or one for each role."""
    action = env.spaces(values)[1]
    if isinstance(action, Roles):
        counts = {role: span.stop - span.start for role, span in action.spans.items()}
        return np.dtype([(role, action_dtype(action.spaces[role]), (count,)) for role, count in counts.items()])
    return np.dtype((action_dtype(action), (len(env.agent_ids(values)),))) if env.agents else action_dtype(action)


def _check_recursion(env: Env, rule: Any, calls: list[Call]) -> None:
    """Check that a rule does not come back to itself: compiled rules have no room to.

    Raises:
        DefinitionError: it does; it names the call.
    """
    for call in calls:
        if rule in with_called(call.rule):
            how = "itself" if call.rule is rule else f"'{call.rule.__name__}', which calls it again"
            reason = f"'{rule.__name__}' calls {how}; write a loop, with an array of State for what has to be kept"
            raise place(env, rule, call.line, reason)


class Reader:
    """Reads one rule.

    Args:
        env: the environment, for messages.
        call: the rule, and what it is given.
    """

    def __init__(self, env: Env, call: Call) -> None:
        self._env, self._call = env, call
        self._function = function = call.rule
        self._globals = reached(function)
        self._names = set(code_names(function.__code__))  # the source may have changed since
        self._tree = definition(function)
        self._bound: dict[str, list[ast.expr | Kind]] = {}  # local name -> what it is bound to
        self._homes: dict[str, str] = {}  # argument -> where it lies
        self._following: set[str] = set()
        if self._tree is not None:
            names = function.__code__.co_varnames[: len(inspect.signature(function).parameters)]
            kinds = itertools.chain(call.kinds, itertools.repeat(None))
            self._bound = {name: [kind] for name, kind in zip(names, kinds, strict=False)}
            self._homes = dict(zip(names, call.homes, strict=False))
            self._bind(self._tree)

    def read(self) -> list[Call]:
        """Return the calls of other rules.

        Raises:
            DefinitionError: it uses a field or a name that does not exist.
        """
        calls: list[Call] = []
        for node in own_nodes(self._tree) if self._tree is not None else ():
            if isinstance(node, ast.Attribute):
                self._check_field(node)
            elif isinstance(node, ast.Subscript):
                self._check_index(node)
            elif isinstance(node, ast.Name):
                self._check_name(node)
            elif isinstance(node, ast.Assign | ast.AugAssign | ast.AnnAssign):
                self._check_writes(node)
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                self._check_method(node.func)
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id not in self._bound:
                rule = self._globals.get(node.func.id)
                if is_jit(rule) and not any(isinstance(argument, ast.Starred) for argument in node.args):
                    calls.append(self._call_of(rule, node))
        return calls

    def _call_of(self, rule: Any, node: ast.Call) -> Call:
        kinds, homes = tuple(map(self.kind, node.args)), tuple(map(self.home, node.args))
        by = (self._call.caller, self._call.line) if self._is_ours else (self._function, node.lineno)
        return Call(rule, kinds, homes, self._call.locked, *by)

    @property
    def _is_ours(self) -> bool:
        """Whether the rule is one of this package, such as `randint`."""
        return str(self._function.__module__).startswith("puffer_arena.core.")

    def _error(self, line: int, reason: str) -> DefinitionError:
        """Return an error at a line of the rule, or at the author's call where the rule is one of this package."""
        name, caller = self._function.__name__, self._call.caller
        if caller is not None and self._is_ours:
            return place(self._env, caller, self._call.line, f"what '{name}' is given has {reason}")
        return place(self._env, self._function, line, reason)

    def _check_field(self, node: ast.Attribute) -> None:
        base = _element(self.kind(node.value))
        if base is None or base.names is None or node.attr in base.names or node.attr not in self._names:
            return
        if not hasattr(np.ndarray, node.attr):  # an array of records has a shape too
            reason = f"no field '{node.attr}'; {suggest(node.attr, base.names)}"
            raise self._error(node.lineno, reason)

    def _check_index(self, node: ast.Subscript) -> None:
        """Check that what has parts is not indexed, as an array is."""
        base = _element(self.kind(node.value))
        if (
            base is not None
            and base.names
            and not (isinstance(node.slice, ast.Constant) and isinstance(node.slice.value, str))
        ):
            what = ast.unparse(node.value)
            named = ", ".join(f"{what}.{name}" for name in base.names[:4])
            raise self._error(node.lineno, f"'{what}' is no array but has parts, which have names: {named}")

    def _check_writes(self, node: ast.Assign | ast.AugAssign | ast.AnnAssign) -> None:
        """Check that a statement writes only where the rule may."""
        for target in written(node):
            if isinstance(target, ast.Attribute | ast.Subscript):
                home, name = self.home(target), field_of(target)
                kept = name.partition(".")[0] in self._call.locked and not self._is_ours
                if home in self._call.locked or (home in (STATE, MEMORY) and kept):
                    raise self._refuse_write(target, home, name)

    def _check_method(self, method: ast.Attribute) -> None:
        """Check that no method changes an array that the rule may only read."""
        home = self.home(method.value)
        if method.attr in CHANGING and home in self._call.locked:
            raise self._refuse_write(method, home, field_of(method.value))

    def _refuse_write(self, target: ast.Attribute | ast.Subscript, home: str, name: str) -> DefinitionError:
        caller = self._call.caller
        if self._function.__module__ == "puffer_arena.core.random" and caller is not None:
            reason = (
                "draws a random number from the row, which it may only read; a bot draws from a stream of its own: "
                "randint(memory, n)"
            )
            if home == PARAMS:
                reason = "draws a random number from the parameters; they come from the row: give it s in place of p"
            return place(self._env, caller, self._call.line, reason)
        remedy = "; copy it into State to change it" if home == PARAMS else ""
        if home not in self._call.locked:
            remedy = (
                f": it is kept by the kernels; {KEPT_REMEDY.get(name.partition('.')[0], 'declare a field of your own')}"
            )
        reason = f"writes {home}.{name}, which it may only read{remedy}"
        if caller is not None and self._is_ours:
            return place(self._env, caller, self._call.line, f"lets '{self._function.__name__}' write: it {reason}")
        return place(self._env, self._function, target.lineno, reason)

    def home(self, node: ast.expr) -> str:
        """Return where the value lies that an expression stands for, "" where that is not known."""
        if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Tuple | ast.List):
            return self._common_home(node.value.elts)
        if isinstance(node, ast.Attribute | ast.Subscript):
            return self.home(node.value)
        if isinstance(node, ast.IfExp):
            return self._common_home([node.body, node.orelse])
        if isinstance(node, ast.NamedExpr):
            return self.home(node.value)
        if not isinstance(node, ast.Name) or node.id in self._following:
            return ""
        if node.id in self._homes and len(self._bound[node.id]) == 1:
            return self._homes[node.id]
        self._following.add(node.id)
        bound = self._bound.get(node.id, [None])
        found = {self.home(value) if isinstance(value, ast.expr) else "" for value in bound}
        self._following.remove(node.id)
        return found.pop() if len(found) == 1 else ""

    def _common_home(self, nodes: list[ast.expr]) -> str:
        found = set(map(self.home, nodes))
        return found.pop() if len(found) == 1 else ""

    def _check_name(self, node: ast.Name) -> None:
        name = node.id
        code = self._function.__code__
        local = name in self._bound or name in (*code.co_varnames, *code.co_cellvars)
        known = local or name in self._globals or hasattr(builtins, name) or name not in self._names
        if isinstance(node.ctx, ast.Load) and not known:
            defined = [*self._bound, *(name for name in self._function.__globals__ if not name.startswith("_"))]
            reason = f"no name '{name}'; {suggest(name, defined)}"
            if "did you mean" not in reason:
                reason = f"nothing defines the name '{name}'; assign or import it"
            raise self._error(node.lineno, reason)

    def _bind(self, tree: ast.FunctionDef) -> None:
        """Note what local names are bound to."""
        for node in own_nodes(tree):
            if isinstance(node, ast.Assign):
                for target in node.targets:
                    self._assign(target, node.value)
            elif isinstance(node, ast.AnnAssign | ast.NamedExpr) and node.value is not None:
                self._assign(node.target, node.value)
            elif isinstance(node, ast.For | ast.comprehension):
                each = ast.Subscript(node.iter, ast.Constant(0), ast.Load())
                self._assign(node.target, each)
        for node in own_nodes(tree):  # other ways to bind a name hide what it is
            if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
                self._bound.setdefault(node.id, [None])
            elif isinstance(node, ast.alias):
                self._bound[(node.asname or node.name).partition(".")[0]] = [None]
            elif isinstance(node, ast.FunctionDef):
                self._bound[node.name] = [None]

    def _assign(self, target: ast.expr, value: ast.expr) -> None:
        if isinstance(target, ast.Name):
            self._bound.setdefault(target.id, []).append(value)
        elif isinstance(target, ast.Tuple):
            parts = value.elts if isinstance(value, ast.Tuple) and len(value.elts) == len(target.elts) else ()
            for k, part in enumerate(target.elts):
                self._assign(part, parts[k] if parts else ast.Constant(None))

    def kind(self, node: ast.expr) -> Kind:
        """Return what an expression gives, where that is known."""
        if isinstance(node, ast.Name):
            return self._kind_of_name(node.id)
        if isinstance(node, ast.Attribute):
            record = self.kind(node.value)
            return record[node.attr] if record is not None and record.names and node.attr in record.names else None
        if isinstance(node, ast.Subscript):
            array = self.kind(node.value)
            index = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
            if array is None or array.subdtype is None or any(isinstance(part, ast.Slice) for part in index):
                return None
            base, shape = array.subdtype
            return np.dtype((base, shape[len(index) :])) if len(index) < len(shape) else base
        return None

    def _kind_of_name(self, name: str) -> Kind:
        if name in self._following:  # bound to itself
            return None
        self._following.add(name)
        found = [self.kind(value) if isinstance(value, ast.expr) else value for value in self._bound.get(name, [None])]
        self._following.remove(name)
        return found[0] if all(kind is not None and kind == found[0] for kind in found) else None


def written(node: ast.Assign | ast.AugAssign | ast.AnnAssign) -> Iterator[ast.expr]:
    """Yield what a statement writes to."""
    for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
        yield from target.elts if isinstance(target, ast.Tuple) else [target]


def field_of(target: ast.expr) -> str:
    """Return the dotted name of a field that is written to, without what it is a field of."""
    names: list[str] = []
    while isinstance(target, ast.Attribute | ast.Subscript):
        if isinstance(target, ast.Attribute):
            names.insert(0, target.attr)
        target = target.value
    return ".".join(names) or ast.unparse(target)


def _element(kind: Kind) -> Kind:
    """Return the kind of a record, and None for an array."""
    return kind if kind is not None and kind.subdtype is None else None
