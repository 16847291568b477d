"""Reading the rules for numbers that the engine fills in or forgets, and that a rule writes all the same.

A touch or what a ray meets is the engine's to write; forces are zero again before `act`, so only `act` can push.  Both
would show in the row and do nothing.
"""

import ast
from typing import Any

import numpy as np

from puffer_arena.authoring.explain import place
from puffer_arena.authoring.source import Call, Reader
from puffer_arena.core.bodies import physics_fields
from puffer_arena.core.env import Env
from puffer_arena.core.params import params_record
from puffer_arena.core.records import FORCES, OUTPUTS
from puffer_arena.errors import DefinitionError
from puffer_arena.machine.trees import own_nodes


def check_writes(env: Env) -> None:
    """Check that no rule writes what the engine writes, and none but `act` a force.

    Raises:
        DefinitionError: one does; it names the rule's line and the field.
    """
    if env.engine is None:
        return
    values = env.params()
    kinds = (env.row_dtype(values), params_record(values).dtype)
    for rule in (env.reset, env.act, env.judge):
        calls, seen = [Call(rule, kinds)], set()
        for call in calls:  # grows by those that the rules make
            if call[:2] not in seen:
                seen.add(call[:2])
                reader = WriteReader(env, call)
                reader.check_writes(pushes=rule is env.act)
                calls += reader.read()


class WriteReader(Reader):
    """Reads what one rule writes."""

    def check_writes(self, pushes: bool) -> None:
        """Check every number of the engine's records that the rule writes; `pushes` allows forces."""
        for node in own_nodes(self._tree) if self._tree is not None else ():
            if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
                kind = record_kind(self._env, self.kind(node.value))
                if node.attr in OUTPUTS.get(kind, ()):
                    raise self._refuse(node, f"writes the {node.attr} of a {kind}, which the engine fills in; read it")
                if not pushes and node.attr in FORCES.get(kind, ()):
                    reason = f"writes {node.attr} of a {kind}: forces are zero again before act, so act must write them"
                    raise self._refuse(node, reason)

    def _refuse(self, node: ast.Attribute, reason: str) -> DefinitionError:
        """Return an error at the author's line, which calls the rule where that is one of this package."""
        if self._call.caller is not None and self._function.__module__.startswith("puffer_arena.core."):
            return place(self._env, self._call.caller, self._call.line, f"'{self._function.__name__}' {reason}")
        return place(self._env, self._function, node.lineno, reason)


def record_kind(env: Env, kind: Any) -> str:
    """Return which of the engine's records something is, such as "touch2d", or nothing."""
    if kind is None or kind.names is None:
        return ""
    kinds = {field.kind: np.dtype(field.dtype) for field in physics_fields(env.state).values()}
    return next((name for name, dtype in kinds.items() if dtype.names == kind.names), "")
