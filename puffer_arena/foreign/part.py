"""A span of rows that one process steps: the same object in the caller's and in every worker process.

`move` does to every row what `todo` says.  An episode that ends is followed by the next at once where `again` is set: its
level has been chosen before, in `level`.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from puffer_arena.batch.buffers import Layout, buffer_layout
from puffer_arena.core.actions import action_dtype, blank_actions, count_choices
from puffer_arena.core.fields import Array
from puffer_arena.core.spaces import Roles
from puffer_arena.errors import ArenaError, DefinitionError
from puffer_arena.foreign.rows import ROWS, Desk, Row, name_error, seats_of
from puffer_arena.foreign.shape import Shape, kind_of, shape_of

RESTS, STEPS, BEGINS = range(3)  # what a row is to do


def desk_layout(shape: Shape, num_envs: int) -> Layout:
    """Return the arrays by which a batch and those who step its rows speak.

    They are the buffers of a step, the actions, and for every row: what it is to do, the level that it begins next, whether
    its episode has ended, who is still in it, and the numbers of its infos.
    """
    agents = sum(shape.agents.values())
    seats = (num_envs, agents) if agents else (num_envs,)
    choices = count_choices(shape.action) if shape.masks else 0
    acts = action_dtype(shape.action)
    base, inner = acts.subdtype or (acts, ())
    rows = {
        "actions": ((*seats, *inner), base),
        "todo": ((num_envs,), np.dtype(np.int8)),
        "level": ((num_envs,), np.dtype(np.int64)),
        "ended": ((num_envs,), np.dtype(np.bool_)),
        "alive": ((num_envs, max(agents, 1)), np.dtype(np.bool_)),
        "counters": ((num_envs, len(shape.counters)), np.dtype(np.float64)),
        "again": ((1,), np.dtype(np.bool_)),
        "roles": ((agents,), np.dtype(np.int64)),
    }
    return {**buffer_layout(shape.observation, num_envs, agents, choices), **rows}


def lay_out(desk: Desk, shape: Shape) -> None:
    """Write what of a new desk does not change: whose places are whose."""
    if isinstance(shape.observation, Roles):
        for number, span in enumerate(shape.observation.spans.values()):
            desk["roles"][span] = number
        for name in ("obs", "final_obs"):
            desk[name]["role"] = desk["roles"]
        desk["actions"][...] = blank_actions(shape.action, desk["actions"].shape)
    desk["acting"][...] = desk["alive"][...] = not shape.several
    desk["action_mask"][...] = True


class Part:
    """The rows of one span, each an environment of its own."""

    def __init__(self, name: str, make: Callable[[], Any], shape: Shape, desk: Desk, span: tuple[int, int]) -> None:
        self.name, self.desk, self.span = name, desk, span
        self.rows: list[Row] = []
        self._moves = list(range(*span))
        seats = seats_of(shape, desk)
        for i in self._moves:
            env = make_one(name, make, shape)
            self.rows.append(ROWS[shape.kind](env, shape, desk, seats, i))

    def move(self) -> None:
        """Let every row do what it is to do.

        Raises:
            ArenaError: an environment raised, or gave what its spaces do not say; it is named with its row.
        """
        desk, begin = self.desk, self.span[0]
        span, again = slice(*self.span), bool(self.desk["again"][0])
        todo = desk["todo"][span].tolist()
        for name in ("rewards", "terminated", "truncated", "began", "ended"):
            desk[name][span] = 0
        for k, what in enumerate(todo):
            if what == RESTS:
                continue
            row, doing = self.rows[k], "reset"
            try:
                if what == STEPS:
                    doing = "step"
                    if not row.step():
                        continue
                    desk["ended"][begin + k] = True
                    if not again:
                        continue
                    doing = "reset"
                row.reset(int(desk["level"][begin + k]))
                desk["began"][begin + k] = True
            except Exception as error:
                raise name_error(error, self.name, begin + k, doing) from error

    def close(self) -> None:
        """Close the environments."""
        for row in self.rows:
            row.close()


def make_one(name: str, make: Callable[[], Any], shape: Shape | None = None) -> Any:
    """Make an environment, and check that it is what the first one was.

    Raises:
        DefinitionError: the function raised, or its environments differ.
    """
    try:
        env = make()
    except ArenaError:
        raise
    except Exception as error:
        raise DefinitionError(f"environment '{name}' cannot be made: {type(error).__name__}: {error}") from error
    kind = kind_of(env)
    if shape is not None and shape_of(env, name).described() != shape.described():
        env.close()
        raise DefinitionError(
            f"environment '{name}' is another at every making: {shape.described()} at first, then "
            f"{kind} {shape_of(env, name).described()}; make all with the same spaces and agents"
        )
    return env


def counted(desk: Desk, shape: Shape) -> dict[str, Array]:
    """Return the numbers of infos by the names of the batch's counters, (num_envs,)."""
    return {name: desk["counters"][:, k] for k, name in enumerate(shape.counters.values())}
