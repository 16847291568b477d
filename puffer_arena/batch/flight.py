"""A game's pilot in a batch of one row: it acts as a person wants, in plain Python, and keeps what it needs for that."""

from typing import Any

import numpy as np

from puffer_arena.batch.batch import Batch
from puffer_arena.core.actions import action_dtype
from puffer_arena.core.fields import Array, in_cells
from puffer_arena.kernels.acting import bind_pilot


class Flight:
    """The pilot of one agent.

    Args:
        batch: of one row, of a game that has a pilot.
        agent: whom it steers, a number.
    """

    def __init__(self, batch: Batch, agent: int) -> None:
        self.batch, self.agent = batch, agent
        memory = batch.env.memory_dtype(batch.param_values)
        self._memory = np.zeros(1, memory)
        self._fly = bind_pilot(batch.env, memory)
        self._actions = np.zeros(max(batch.num_agents, 1), action_dtype(batch.action))

    def act(self, wanted: Any) -> Any:
        """Return the agent's action, for what the person wants."""
        rows = self.batch.rows
        s, p, memory = (in_cells(part)[0] for part in (rows.states, rows.params, self._memory))
        self._fly(s, p, self.agent, in_cells(wanted), memory, in_cells(self._actions))
        action: Array = self._actions[self.agent]
        return action

    def forget(self) -> None:
        """Begin anew, as when an episode begins."""
        self._memory[...] = np.zeros((), self._memory.dtype)
