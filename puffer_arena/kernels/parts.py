"""What rules see of actions that have parts: their masks by the parts' names."""

from collections import namedtuple
from typing import Any

from puffer_arena.core.actions import choice_sizes, choices_of
from puffer_arena.core.spaces import Composite, Space
from puffer_arena.kernels.step import no_mask_several, no_mask_solo
from puffer_arena.machine.compile import generate


def named_masks(rule: Any, action: Space, several: bool) -> Any:
    """Generate the function that gives a mask rule the flags of each part of an action by name.

    Args:
        rule: the author's, or None.
        action: of one agent.
        several: whether the environment has several agents.
    """
    if rule is None:
        return no_mask_several if several else no_mask_solo
    if not isinstance(action, Composite):
        return rule
    kinds: dict[str, Any] = {}
    flags = {path: f"mask[{span.start}:{span.stop}]" for path, _, span in choices_of(action)}

    def nest(space: Space, path: tuple[str, ...]) -> str:
        if not isinstance(space, Composite):
            return flags[path]
        parts = {name: nest(part, (*path, name)) for name, part in space.parts.items() if choice_sizes(part)}
        kind = f"Mask_{len(kinds)}"
        kinds[kind] = namedtuple(kind, parts)
        return f"{kind}({', '.join(f'{name}={part}' for name, part in parts.items())})"

    given, masks = "s, p, agent" if several else "s, p", nest(action, ())
    return generate("mask_actions", f"{given}, mask", [f"    rule({given}, {masks})"], rule=rule, **kinds)
