"""The rows of a batch with all that sized them: what its parts work on."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from puffer_arena.batch.buffers import Layout, buffer_layout, make_buffers
from puffer_arena.batch.limits import check_size
from puffer_arena.batch.rows import allocate_rows
from puffer_arena.core.actions import blank_actions, count_choices
from puffer_arena.core.env import Env
from puffer_arena.core.fields import Array
from puffer_arena.core.spaces import Space
from puffer_arena.kernels.tables import Buffers, Rows


@dataclass
class Table:
    """Rows of one environment, and the buffers that their steps write.

    Attributes:
        env: the environment.
        env_id: by which other processes load it.
        values: the Params that sized the rows.
        num_envs: rows.
        agent_ids: of the agents in a row; none for a solo environment.
        observation, action: spaces of one agent.
        state_space: of the global state, None where it is not observed.
        rows: states, parameters, levels and episodes; they may move into memory that worker processes share.
        layout: of the buffers.
        buffers: those that are written unless a step is given others.
        actions: as the next step takes them, (num_envs[, agents], *action shape).
        written: its rows as bytes, once whole rows were written over them (see `saving/kept.py`).
    """

    env: Env
    env_id: str
    values: Any
    num_envs: int
    agent_ids: tuple[str, ...]
    observation: Space
    action: Space
    state_space: Space | None
    rows: Rows
    layout: Layout
    buffers: Buffers
    actions: Array
    written: Any = field(default=None, repr=False)

    def make_buffers(self, **given: Array) -> Buffers:
        """Return buffers for a step: the given arrays, with new ones for the rest (see `buffers.make_buffers`)."""
        return make_buffers(self.layout, given)

    def flags(self, span: slice | int) -> Array:
        """Return which rows a span holds, bool (num_envs,)."""
        flags = np.zeros(self.num_envs, np.bool_)
        flags[span] = True
        return flags


def make_table(env: Env, env_id: str, values: Any, num_envs: int, observe_state: bool) -> Table:
    """Allocate the rows and buffers of a batch, with the global state's where it is observed; no episode has begun.

    Raises:
        ParameterError: they do not fit into memory.
    """
    agent_ids = env.agent_ids(values)
    observation, action = env.spaces(values)
    choices = count_choices(action) if env.action_mask else 0
    state = env.state_space(values) if observe_state else None
    check_size(env, values, (observation, action, state), choices, num_envs)
    layout = buffer_layout(observation, num_envs, len(agent_ids), choices, len(env.signals), state)
    buffers = make_buffers(layout, {})
    actions = blank_actions(action, buffers.rewards.shape)
    rows = allocate_rows(env, values, num_envs)
    return Table(env, env_id, values, num_envs, agent_ids, observation, action, state, rows, layout, buffers, actions)
