"""The rows of a batch: how they are laid out in memory, and what they say about the episodes that ended."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from puffer_arena.core.env import Env
from puffer_arena.core.fields import Array
from puffer_arena.core.kernel import Rows
from puffer_arena.core.params import params_record


def allocate_rows(env: Env, values: Any, num_envs: int) -> Rows:
    """Return rows for an environment whose Params `values` size them; no episode has begun."""
    num_agents = len(env.agent_ids(values))
    record, episode = params_record(values), episode_dtype(env, num_agents)
    return Rows(
        states=np.zeros(num_envs, env.row_dtype(values)),
        params=np.repeat(record, num_envs),
        following=np.repeat(record, num_envs),
        levels=np.full(num_envs, -1, np.int64),
        plan=np.zeros(2, np.int64),
        finished=np.zeros(num_envs, episode),
        totals=np.zeros(num_envs, episode),
    )


def episode_dtype(env: Env, num_agents: int) -> np.dtype[Any]:
    """Return the record of one ended episode, or of the sums over several."""
    fields: list[tuple[Any, ...]] = [("episodes", np.int64), ("episode_length", np.int64)]
    fields += [("episode_return", np.float64, (num_agents,) if num_agents else ())]
    fields += [(name, np.float64) for name in env.counters]
    # Episodes in which each agent took part, of sums over several.
    return np.dtype([*fields, *([("seats", np.int64, (num_agents,))] if num_agents else [])])


def took_part(returns: Array) -> Array:
    """Return which agents took part in their episodes, bool, from `episode_return` of several agents."""
    return np.asarray((returns != 0.0) | ~np.signbit(returns))


def mean_returns(returns: Array, among: Array) -> Array:
    """Return the mean return of some agents who took part, one number for each episode where there was one.

    Args:
        returns: of all agents, (episodes, agents).
        among: those asked for, bool (episodes, agents) or (agents,).
    """
    counted = took_part(returns) & among
    seats = counted.sum(axis=1)
    return np.asarray((returns * counted).sum(axis=1)[seats > 0] / seats[seats > 0])


def mean_episodes(env: Env, agent_ids: Sequence[str], totals: Array) -> dict[str, float]:
    """Return means over the episodes that `totals` sums up (see `Batch.episodes`)."""
    count = int(totals["episodes"].sum())
    means: dict[str, float] = {"episodes": count}
    if count:
        returns = totals["episode_return"].sum(axis=0)
        seats = totals["seats"].sum(axis=0) if env.agents else np.asarray(count)
        means["episode_return"] = float(returns.sum() / max(seats.sum(), 1))
        for role in env.agents:
            mine = [k for k, agent in enumerate(agent_ids) if agent.rpartition("_")[0] == role]
            if seats[mine].any():
                means[f"episode_return/{role}"] = float(returns[mine].sum() / seats[mine].sum())
        for name in ("episode_length", *env.counters):
            means[name] = float(totals[name].sum()) / count
    return means
