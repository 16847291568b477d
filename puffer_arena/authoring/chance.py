"""Reading rules and `build` for random numbers that do not come from the row.

A level plays the same again as its random numbers come from the row; others differ from process to process, and compiled
rules have a generator of their own.  A scene is built again whenever an engine needs one, so `build` may depend on
its parameters alone.
"""

import ast
import builtins
import inspect
import random
import sys
from collections.abc import Iterator
from types import FunctionType, ModuleType
from typing import Any

from puffer_arena.authoring.explain import place
from puffer_arena.core.env import Env
from puffer_arena.machine.compile import is_jit, reached, with_called
from puffer_arena.machine.trees import definition, own_nodes

ROOTS = (
    "random.",
    "numpy.random.",
    "secrets.",
    "uuid.uuid",
    "os.urandom",
    "time.",
    "datetime.datetime.",
    "datetime.date.",
    "builtins.id",  # these two give other numbers in every process
    "builtins.hash",
)
CLOCKS = ("now", "utcnow", "today")  # of the classes of datetime
SEEDED = ("random.Random", "numpy.random.default_rng", "numpy.random.RandomState", "numpy.random.Generator")
IN_RULES = "take random numbers from the row, whose level plays the same again: randint(s, n), uniform(s, low, high) or normal(s)"
IN_BUILD = (
    "scenes are built again and must be the same: let build depend on p alone, and reset move, by numbers drawn from s, what "
    "differs from level to level"
)


def check_chance(env: Env) -> None:
    """Check that no rule, nor `build`, takes random numbers, or the time, from elsewhere than the row.

    Raises:
        DefinitionError: one does; it names the line and what to write instead.
    """
    looking = ("observe", "observe_state", "action_mask", "turn", "ending", "bots", "pilot")
    rules = env.rules_of("reset", "step", "act", "judge", "move_goal", *looking)
    called = dict.fromkeys(function for rule in rules if rule is not None for function in with_called(rule))
    for function in called:
        for line, name in _sources(function):
            raise place(env, function, line, f"uses {name}; {IN_RULES}")
    for function in _plain_called(env.build) if isinstance(env.build, FunctionType) else ():
        for line, name in _sources(function):
            if name not in SEEDED:  # a generator with a seed gives the same numbers again
                raise place(env, function, line, f"uses {name}; {IN_BUILD}")


def _plain_called(function: FunctionType) -> list[FunctionType]:
    """Return a plain function and those of its own module that it calls, directly or through others."""
    found = [function]
    for item in found:
        for value in reached(item).values():
            own = isinstance(value, FunctionType) and not is_jit(value) and value.__module__ == function.__module__
            if own and value not in found:
                found.append(value)
    return found


def _sources(function: FunctionType) -> Iterator[tuple[int, str]]:
    """Yield the lines of a function that take random numbers or the time, and what they take them from."""
    tree = definition(function)
    if tree is None:
        return
    code = function.__code__
    local = {*code.co_varnames, *code.co_cellvars}
    given = {name: getattr(builtins, name, None) for name in code.co_names if name not in local}
    names: dict[str, Any] = {**given, **reached(function), **_imported(tree)}
    calls = {id(node.func): node for node in own_nodes(tree) if isinstance(node, ast.Call)}
    for node in own_nodes(tree):
        if not isinstance(node, ast.Name | ast.Attribute) or not isinstance(node.ctx, ast.Load):
            continue
        name = _full_name(_found(node, names))
        if not name.startswith(ROOTS):
            continue
        call = calls.get(id(node))
        seeds = [*call.args, *(keyword.value for keyword in call.keywords)] if call is not None else []
        unseeded = name in SEEDED and call is not None and all(_is_none(seed) for seed in seeds)
        yield node.lineno, f"{name}() without a seed" if unseeded else name


def _imported(tree: ast.FunctionDef) -> dict[str, Any]:
    """Return what a function imports, where it has been imported before."""
    found: dict[str, Any] = {}
    for node in own_nodes(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                name = alias.name if alias.asname else alias.name.partition(".")[0]
                found[alias.asname or name] = sys.modules.get(name)
        elif isinstance(node, ast.ImportFrom) and node.module:
            module = sys.modules.get(node.module)
            found |= {alias.asname or alias.name: getattr(module, alias.name, None) for alias in node.names}
    return found


def _found(node: ast.expr, names: dict[str, Any]) -> Any:
    """Return the object that a name, or an attribute of a module, stands for; None for any other expression."""
    if isinstance(node, ast.Name):
        return names.get(node.id)
    if isinstance(node, ast.Attribute):
        owner = _found(node.value, names)
        is_clock = isinstance(owner, type) and node.attr in CLOCKS
        return getattr(owner, node.attr, None) if isinstance(owner, ModuleType) or is_clock else None
    return None


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _full_name(value: Any) -> str:
    """Return the name of a function or class with its module's, "" for anything else.

    The functions of `random` and `numpy.random` are methods of a hidden generator.
    """
    owner = getattr(value, "__self__", None)
    if inspect.ismethod(value) or (owner is not None and not isinstance(owner, ModuleType)):
        if isinstance(owner, random.Random):
            return f"random.{value.__name__}"
        if type(owner).__module__.startswith("numpy.random"):
            return f"numpy.random.{value.__name__}"
        if isinstance(owner, type):
            return f"{owner.__module__}.{owner.__qualname__}.{value.__name__}"
        return ""
    if not callable(value):
        return ""
    module = {"posix": "os", "nt": "os"}.get(
        str(getattr(value, "__module__", "")), str(getattr(value, "__module__", ""))
    )
    module = "numpy.random" if module.startswith("numpy.random") else module
    return f"{module}.{getattr(value, '__qualname__', '')}"
