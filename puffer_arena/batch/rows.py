"""The rows of a batch: how they are laid out in memory, and what they say about the episodes that ended."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from puffer_arena.batch.workers.shared import Layout
from puffer_arena.core.env import Env
from puffer_arena.core.fields import Array
from puffer_arena.core.params import params_record
from puffer_arena.kernels.tables import Rows


def rows_layout(env: Env, values: Any, num_envs: int) -> Layout:
    """Return shape and dtype of all that `Rows` holds, for an environment whose Params `values` size them."""
    record, num_agents = params_record(values).dtype, len(env.agent_ids(values))
    each = Rows(
        states=env.row_dtype(values),
        params=record,
        following=record,
        levels=np.dtype(np.int64),
        plan=np.dtype(np.int64),
        episodes=episodes_dtype(env, num_agents, record),
        memories=env.memory_dtype(values),
    )
    shapes = {"plan": (3,), "memories": (num_envs, len(env.bots), max(num_agents, 1))}
    return {name: (shapes.get(name, (num_envs,)), dtype) for name, dtype in each._asdict().items()}


def allocate_rows(env: Env, values: Any, num_envs: int) -> Rows:
    """Return rows for an environment whose Params `values` size them; no episode has begun."""
    layout = rows_layout(env, values, num_envs)
    rows = Rows(**{name: np.zeros(shape, dtype) for name, (shape, dtype) in layout.items()})
    rows.params[:] = rows.following[:] = params_record(values)
    rows.levels[:] = -1
    return rows


def take_records(records: Array, which: Array) -> Array:
    """Copy some records; as bytes, which numpy does much faster than field by field."""
    raw = records.view(np.uint8).reshape(len(records), records.dtype.itemsize)
    return np.asarray(raw[which].view(records.dtype)[:, 0])


def episodes_dtype(env: Env, num_agents: int, params: np.dtype[Any]) -> np.dtype[Any]:
    """Return the record of a row's episodes: of the last that ended, and of the sums over all."""
    returns = (np.float64, (num_agents,)) if num_agents else (np.float64,)
    counts = [("episodes", np.int64), ("episode_length", np.int64)]
    signals = [(f"episode_{name}", *returns) for name in env.signals]
    sums = [*counts, ("episode_return", *returns), *signals, *((name, np.float64) for name in env.counters)]
    ending = [("ending", np.int32)] if env.ending is not None else []
    finished = np.dtype([*sums, *ending, ("level", np.int64), ("params", params)], align=True)
    seats = [("seats", np.int64, (num_agents,))] if num_agents else []  # episodes in which each agent took part
    return np.dtype([("finished", finished), ("totals", np.dtype([*sums, *seats], align=True))], align=True)


def took_part(returns: Array) -> Array:
    """Return which agents took part in their episodes, bool, from `episode_return` of several agents."""
    return np.asarray((returns != 0.0) | ~np.signbit(returns))


def mean_returns(returns: Array, among: Array) -> Array:
    """Return the mean return of some agents who took part, one number for each episode where there was one.

    Args:
        returns: of all agents, (episodes, agents).
        among: those asked for, bool (episodes, agents) or (agents,).
    """
    return mean_over(returns, took_part(returns) & among)


def mean_over(values: Array, counted: Array) -> Array:
    """Return the mean of each row of `values` over its agents that are counted, for rows where one is.

    Args:
        values: (episodes, agents).
        counted: bool (episodes, agents).
    """
    seats = counted.sum(axis=1)
    return np.asarray((values * counted).sum(axis=1)[seats > 0] / seats[seats > 0])


def mean_episodes(env: Env, agent_ids: Sequence[str], totals: Array) -> dict[str, float]:
    """Return means over the episodes that `totals` sums up (see `Batch.episodes`)."""
    count = int(totals["episodes"].sum())
    means: dict[str, float] = {"episodes": count}
    if count:
        seats = totals["seats"].sum(axis=0) if env.agents else np.asarray(count)
        for name in ("episode_return", *(f"episode_{signal}" for signal in env.signals)):
            sums = totals[name].sum(axis=0)
            means[name] = float(sums.sum() / max(seats.sum(), 1))
            for role in env.agents:
                mine = [k for k, agent in enumerate(agent_ids) if env.role_of(agent) == role]
                if seats[mine].any():
                    means[f"{name}/{role}"] = float(sums[mine].sum() / seats[mine].sum())
        for name in ("episode_length", *env.counters):
            means[name] = float(totals[name].sum()) / count
    return means
