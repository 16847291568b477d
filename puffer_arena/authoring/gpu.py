"""What rules may say on a CPU and not on a GPU, looked for in their source before anything is compiled for one.

A GPU's threads have no memory of their own to allocate, so there are no lists and no new arrays.  What is not found here
the compiler refuses, and `explain` lays that to its line, too.
"""

import ast
from collections.abc import Iterator
from types import FunctionType, ModuleType
from typing import Any

import numpy as np

from puffer_arena.authoring.explain import place
from puffer_arena.core.env import Env
from puffer_arena.core.fields import state_fields
from puffer_arena.errors import ParameterError
from puffer_arena.machine.compile import reached, with_called
from puffer_arena.machine.trees import definition, own_nodes

RULES = ("reset", "step", "observe", "observe_state", "action_mask", "turn", "ending")
DISPLAYS: dict[type[ast.AST], str] = {
    ast.List: "a list; use a tuple, or an array of State",
    ast.ListComp: "a list; use a loop over an array of State",
    ast.GeneratorExp: "a generator; use a loop",
    ast.Set: "a set; compare with each value, or use an array of flags",
    ast.SetComp: "a set; use an array of flags",
    ast.Dict: "a dict; use a tuple or an array, indexed by a number",
    ast.DictComp: "a dict; use an array, indexed by a number",
    ast.JoinedStr: "text that is put together",
    ast.MatMult: "a matrix product; write the loop",
}


def check_for_gpu(env: Env) -> None:
    """Check that a game can be stepped on a GPU, as far as its source tells.

    Raises:
        ParameterError: it is not stepped by rules alone.
        DefinitionError: a rule does what only a CPU can; it names the line.
    """
    if env.stepped_by is not None or env.engine:
        why = f"{env.engine} moves its bodies" if env.engine else "its steps are another library's"
        raise ParameterError(
            f"'{env.name}' cannot be stepped on a GPU: {why}, which runs on CPUs; make it with device='cpu' (its policy may "
            "learn on a GPU all the same)"
        )
    called = [function for rule in env.rules_of(*RULES) for function in with_called(rule)]
    for rule in dict.fromkeys(called):
        for node, what in _refused(env, rule):
            raise place(
                env, rule, node.lineno, f"rules on a GPU cannot make {what}; or make the batch with device='cpu'"
            )


def _refused(env: Env, rule: FunctionType) -> Iterator[tuple[Any, str]]:
    """Yield what of a function a GPU cannot do, with the words for it."""
    tree = definition(rule)
    names, fields = reached(rule), state_fields(env.state)
    for statement in tree.body if tree is not None else ():
        for node in (statement, *own_nodes(statement)):
            if isinstance(node, ast.List) and isinstance(node.ctx, ast.Store):
                continue
            operator = node.op if isinstance(node, ast.BinOp) else node
            if type(operator) in DISPLAYS:
                yield node, DISPLAYS[type(operator)]
            elif isinstance(node, ast.Call) and (name := _of_numpy(node.func, names)):
                yield node, f"arrays, as {name} does; use math, a loop, or an array of State"
            elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Attribute):
                field = fields.get(node.value.attr)
                if field is not None and field.shape and any(_is_slice(target) for target in node.targets):
                    yield node, f"a copy of the array '{node.value.attr}' in one go; write the loop"


def _of_numpy(called: ast.expr, names: dict[str, Any]) -> str:
    """Return the name of a function of NumPy's that is no type of numbers, or nothing."""
    if not (isinstance(called, ast.Attribute) and isinstance(called.value, ast.Name)):
        return ""
    module = names.get(called.value.id)
    if not isinstance(module, ModuleType) or module is not np or isinstance(getattr(np, called.attr, None), type):
        return ""
    return f"{called.value.id}.{called.attr}"


def _is_slice(target: ast.expr) -> bool:
    return isinstance(target, ast.Subscript) and isinstance(target.slice, ast.Slice)
