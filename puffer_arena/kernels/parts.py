"""What rules are given of spaces with names in them: masks and actions by part and role, an agent's own space.

Where each role has a space, an agent's observation and action are records of one size for all (`core.roles.Roles`);
the functions generated here give every rule its agent's own view of them, and choose the rule of its role.
"""

from collections import namedtuple
from collections.abc import Mapping
from typing import Any

from puffer_arena.core.actions import action_dtype, choice_sizes, choices_of, count_choices, role_words
from puffer_arena.core.composites import Composite
from puffer_arena.core.roles import WORD, Roles, within
from puffer_arena.core.spaces import Discrete, Space
from puffer_arena.kernels.binding import no_mask_several, no_mask_solo
from puffer_arena.machine.compile import generate


def rule_of(rules: Any, role: str) -> Any:
    """Return a role's rule, None where it has none."""
    return rules.get(role) if isinstance(rules, Mapping) else rules


def by_role(name: str, parameters: str, space: Roles, bodies: dict[str, list[str]], called: dict[str, Any]) -> Any:
    """Generate a rule that does what `bodies` say for the role of its `agent`."""
    lines = []
    for k, (role, span) in enumerate(space.spans.items()):
        last = k == len(bodies) - 1
        test = "else:" if k and last else "if True:" if last else f"{'elif' if k else 'if'} agent < {span.stop}:"
        lines += [f"    {test}", *(f"        {line}" for line in bodies[role])]
    return generate(name, parameters, lines, **called)


def observe_rules(rules: Any, observation: Space) -> dict[str, Any]:
    """Return the kernels' `observe`, with `forget` where an agent that has left must still say what its role is."""
    if not isinstance(observation, Roles):
        return {"observe": rules}
    called: dict[str, Any] = {}
    bodies, cleared = {}, {}
    for number, (role, space) in enumerate(observation.spaces.items()):
        called |= {f"rule_{number}": rule_of(rules, role)}
        called |= {f"kind_{number}": within(space.dtype, observation.width, 0)}
        size = space.dtype.itemsize
        rest = [f"obs.data[{size}:] = 0"] if size < observation.width else []
        seen = f"obs.data.view(kind_{number})[0].value"
        bodies[role] = [f"obs.role = {number}", *rest, f"rule_{number}(s, p, agent, {seen})"]
        cleared[role] = [f"obs.role = {number}", "obs.data[:] = 0"]
    return {
        "observe": by_role("observe", "s, p, agent, obs", observation, bodies, called),
        "forget": by_role("forget", "agent, obs", observation, cleared, {}),
    }


def named_actions(rule: Any, action: Space, judges: bool) -> Any:
    """Return a rule that takes everybody's actions, `step` or `act`, each role's by its name where each has a space.

    Args:
        rule: the author's.
        action: of one agent.
        judges: whether it takes rewards and terminated, too.
    """
    if not isinstance(action, Roles):
        return rule
    called: dict[str, Any] = {"rule": rule, "Actions": namedtuple("Actions", list(action.spaces))}
    given = []
    for k, (role, span) in enumerate(action.spans.items()):
        called[f"kind_{k}"] = within(action_dtype(action.spaces[role]), WORD * (role_words(action) + 1), WORD)
        given.append(f'{role}=actions[{span.start}:{span.stop}].view(kind_{k})["value"]')
    more = ", rewards, terminated" if judges else ""
    line = f"    return rule(s, p, Actions({', '.join(given)}){more})"
    return generate("step" if judges else "act", f"s, p, actions{more}", [line], **called)


def bot_rule(rules: Any, observation: Space, action: Space) -> Any:
    """Return a bot's rule as the kernels call it; where each role's action has a space, it fills in the action."""
    if isinstance(action, Roles):
        called: dict[str, Any] = {}
        bodies = {}
        for k, (role, space) in enumerate(action.spaces.items()):
            called |= {f"bot_{k}": rule_of(rules, role)}
            called |= {f"kind_{k}": within(action_dtype(space), WORD * role_words(action), 0)}
            if isinstance(space, Discrete):
                bodies[role] = [f"action.data[0] = bot_{k}(s, p, agent, memory)"]
            else:
                bodies[role] = [f"bot_{k}(s, p, agent, memory, action.data.view(kind_{k})[0].value)"]
            bodies[role].insert(0, f"action.role = {k}")
        return by_role("bot", "s, p, agent, memory, action", action, bodies, called)
    if isinstance(rules, Mapping) and isinstance(observation, Roles):
        more = "" if isinstance(action, Discrete) else ", action"
        called = {f"bot_{k}": rules[role] for k, role in enumerate(observation.spaces)}
        bodies = {role: [f"return bot_{k}(s, p, agent, memory{more})"] for k, role in enumerate(observation.spaces)}
        return by_role("bot", f"s, p, agent, memory{more}", observation, bodies, called)
    return rules


def named_masks(rules: Any, action: Space, several: bool) -> Any:
    """Return the kernels' mask rule, which gives the author's the flags of each part of an action by name.

    Args:
        rules: the author's rule, one for each role, or None.
        action: of one agent.
        several: whether the environment has several agents.
    """
    if rules is None:
        return no_mask_several if several else no_mask_solo
    called: dict[str, Any] = {}
    if not isinstance(action, Roles):
        if not isinstance(action, Composite):
            return rules
        given = "s, p, agent" if several else "s, p"
        masks = _nested_flags(action, called)
        return generate("mask_actions", f"{given}, mask", [f"    rule({given}, {masks})"], rule=rules, **called)
    bodies = {}
    most = count_choices(action)
    for k, (role, space) in enumerate(action.spaces.items()):
        own, count = rule_of(rules, role), count_choices(space)
        bodies[role] = [f"mask[{count}:] = False"] if count < most else []
        if own is not None:
            called[f"rule_{k}"] = own
            bodies[role].append(f"rule_{k}(s, p, agent, {_nested_flags(space, called, f'{k}_')})")
        bodies[role] = bodies[role] or ["pass"]
    return by_role("mask_actions", "s, p, agent, mask", action, bodies, called)


def _nested_flags(action: Space, kinds: dict[str, Any], prefix: str = "") -> str:
    """Return an expression for the flags of an action's parts, named as they are; named tuples go to `kinds`."""
    if not isinstance(action, Composite):
        return f"mask[0:{count_choices(action)}]"
    flags = {path: f"mask[{span.start}:{span.stop}]" for path, _, span in choices_of(action)}

    def nest(space: Space, path: tuple[str, ...]) -> str:
        if not isinstance(space, Composite):
            return flags[path]
        parts = {name: nest(part, (*path, name)) for name, part in space.parts.items() if choice_sizes(part)}
        kind = f"Mask_{prefix}{len(kinds)}"
        kinds[kind] = namedtuple(kind, parts)
        return f"{kind}({', '.join(f'{name}={part}' for name, part in parts.items())})"

    return nest(action, ())
