"""The kernel that makes what follows from what a person, or an edit, has drawn into a row."""

from typing import Any

from puffer_arena.core.fields import Array
from puffer_arena.machine.compile import bind, jit, unbound

finish = unbound


@jit
def finish_drawn(states: Array, params: Array) -> str:
    """Return why the first of some rows cannot be, "" where it can."""
    reason: str = finish(states[0], params[0])
    return reason


def bind_drawn(name: str, rule: Any) -> Any:
    """Return the kernel for an editor's rule `finish`."""
    return bind(finish_drawn, name, finish=rule)
