"""What rules return: as many values as the kernels take, wherever they end."""

import ast
from typing import Any

from puffer_arena.authoring.explain import place, place_of
from puffer_arena.core.env import Env
from puffer_arena.machine.trees import definition, own_nodes


def check_returns(env: Env, function: Any, result: str, count: int) -> None:
    """Check that a rule returns `count` values wherever it ends.

    Raises:
        DefinitionError: one path returns something else, or nothing.
    """
    tree = definition(function)
    if tree is None:
        return
    for node in [node for node in own_nodes(tree) if isinstance(node, ast.Return)]:
        given = _returned(node.value)
        if given is None and count == 0 and not isinstance(node.value, ast.Call):  # a name, or what lies in it
            given = 1
        if given not in (count, None):
            said = {0: "nothing", 1: "one value"}.get(given, f"{given} values")
            reason = f"returns {said}; '{function.__name__}' must return {result}"
            raise place(env, function, node.lineno, reason)
    if count and runs_out(tree.body):
        reason = f"can end without a return; '{function.__name__}' must return {result} on every path"
        raise place_of(env, function, reason)


def _returned(value: ast.expr | None) -> int | None:
    """Return how many values a `return` gives, or None where only running it tells."""
    if value is None or (isinstance(value, ast.Constant) and value.value is None):
        return 0
    if isinstance(value, ast.Tuple):
        return None if any(isinstance(part, ast.Starred) for part in value.elts) else len(value.elts)
    return 1 if isinstance(value, ast.Constant | ast.Compare | ast.BoolOp | ast.BinOp | ast.UnaryOp) else None


def runs_out(body: list[ast.stmt]) -> bool:
    """Tell whether statements certainly can end without a return.  A loop or `match` that returns is trusted."""
    last = body[-1]
    if isinstance(last, ast.If):
        return not last.orelse or runs_out(last.body) or runs_out(last.orelse)
    if isinstance(last, ast.Return | ast.Raise):
        return False
    return not any(isinstance(node, ast.Return | ast.Raise) for node in own_nodes(last))
