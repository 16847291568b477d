"""The kernel that moves goals: what an episode came to later on becomes what its earlier states were to reach."""

from typing import Any

from puffer_arena.core.fields import Array
from puffer_arena.kernels.step import Span
from puffer_arena.kernels.tables import Rows
from puffer_arena.machine.compile import bind, jit, unbound

move_goal = unbound


@jit
def move_goals(span: Span, rows: Rows, later: Array) -> None:
    """Move the goals of the rows of `span` to what `later`, (num_envs,) states, has reached."""
    for i in range(span[0], span[1]):
        move_goal(rows.states[i], rows.params[i], later[i])


def bind_goals(name: str, rule: Any) -> Any:
    """Return the kernel for an environment's rule `move_goal`."""
    return bind(move_goals, name, move_goal=rule)
