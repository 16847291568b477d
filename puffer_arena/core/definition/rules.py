"""The rules: marked for compiling, and with the arguments that kernels give."""

import inspect
from collections.abc import Mapping
from typing import Any

from puffer_arena.core.definition.spaces import check_every_role
from puffer_arena.core.roles import Roles, space_of
from puffer_arena.core.spaces import Discrete
from puffer_arena.errors import shown
from puffer_arena.machine.compile import is_jit

OPTIONAL = ("observe_state", "action_mask", "turn", "ending", "move_goal")  # rules that a game may do without


def check_rules(env: Any, what: str, given: Any) -> None:
    """Check a rule, or those of the roles."""
    if not isinstance(given, Mapping):
        check_rule(env, what, given)
        return
    if not isinstance(env.observation if what != "action_mask" else env.action, Roles):
        of = "action" if what == "action_mask" else "observation"
        raise env.error(what, f"is given by role, but all roles have one {of}; give it by role too, or one rule")
    if what == "action_mask":  # a role without a rule has no mask
        given = {**dict.fromkeys(env.agents), **given}
    check_every_role(env, what, given, "rule")
    for role, rule in given.items():
        check_rule(env, what, rule, role)


def check_rule(env: Any, role: str, rule: Any, of: str | None = None) -> None:
    if rule is None and role in OPTIONAL:
        return
    if rule is None:
        raise env.error(role, f"is missing; give {role}=..., a function marked @jit")
    if not callable(rule):
        raise env.error(role, f"is {shown(rule)}; give a function marked @jit")
    if not is_jit(rule):
        raise env.error(role, f"is not marked for compiling; put @jit above 'def {getattr(rule, '__name__', rule)}'")
    several = bool(env.agents)
    vector = not isinstance(space_of(env.action, of), Discrete)
    expected = {
        "reset": ["s", "p"],
        "turn": ["s", "p"],
        "ending": ["s", "p"],
        "step": ["s", "p", "actions", "rewards", "terminated"] if several else ["s", "p", "action"],
        "act": ["s", "p", "actions"] if several else ["s", "p", "action"],
        "judge": ["s", "p", "rewards", "terminated"] if several else ["s", "p"],
        "observe": ["s", "p", "agent", "obs"] if several else ["s", "p", "obs"],
        "observe_state": ["s", "p", "obs"],
        "move_goal": ["s", "p", "later"],
        "action_mask": ["s", "p", "agent", "mask"] if several else ["s", "p", "mask"],
        "pilot": ["s", "p", *(["agent"] if several else []), "wanted", "memory", *(["action"] if vector else [])],
    }.get(role, ["s", "p", *(["agent"] if several else []), "memory", *(["action"] if vector else [])])
    given = list(inspect.signature(rule).parameters)
    if len(given) != len(expected):
        raise env.error(role, f"takes ({', '.join(given)}); it must take ({', '.join(expected)})")
