"""Who steers whom where two sides meet: the seats of one side, as flags over agents.

Where all agents are of one role, each against all, a side is one agent.
"""

from typing import Any

import numpy as np

from puffer_arena.batch.batch import Batch
from puffer_arena.batch.rows import took_part
from puffer_arena.core.env import Env
from puffer_arena.core.fields import Array
from puffer_arena.errors import ParameterError, UnknownName, suggest

DECIMALS = 6  # of returns that count; sums of the same rewards may differ in their last bits


def seats(batch: Batch, role: str = "") -> Array:
    """Return which agents one side steers, bool (num_envs, agents); the other side steers the rest.

    Args:
        role: the role that the side takes in every row; empty for each role in turn, row by row.  Where there is one
            role only, the side takes each agent's place in turn.

    Raises:
        ParameterError, UnknownName: see `check_role`.
    """
    check_role(batch.env, role)
    if batch.num_agents < 2:
        raise ParameterError(f"'{batch.env.name}' has one agent here, whom nobody could play; leave the opponent out")
    taken = [role] if role else list(batch.env.agents)
    sides = [members(batch, role) for role in taken]
    if is_free_for_all(batch.env):
        sides = [[agent] for agent in sides[0]]
    flags = np.zeros((batch.num_envs, batch.num_agents), np.bool_)
    for turn, side in enumerate(sides):
        flags[turn :: len(sides), side] = True
    return flags


def is_free_for_all(env: Env) -> bool:
    """Tell whether all agents are of one role, so that each plays against all others."""
    return len(env.agents) == 1


def legs(env: Env, role: str = "") -> int:
    """Return how many games count as one, a leg each: where roles differ and no scores tell who won, a game as each role.

    One role may always come out ahead there, as tag's chasers do, whoever plays it.

    Args:
        role: the role that a side takes in every game; empty for each in turn.
    """
    return 1 if role or env.scores else len(env.agents)


def ranks(finished: Array, mine: Array) -> Array:
    """Return the place that one agent's return took among those who took part, 1 for the first: float64 (episodes,).

    Those who are equal share their places: two at the top have 1.5 each.

    Args:
        finished: episodes, records as `batch.finished`.
        mine: the agent in each of them, bool (episodes, agents).
    """
    returns = finished["episode_return"]
    others = took_part(returns) & ~mine
    own = returns[mine][:, None]
    return np.asarray(1.0 + ((returns > own) & others).sum(axis=1) + 0.5 * ((returns == own) & others).sum(axis=1))


def outcomes(batch: Batch, finished: Array, mine: Array) -> Array | None:
    """Return 1 where the side that steers `mine` won, 0 for a draw and -1 for a defeat; None without `Env.scores`, or sides.

    Args:
        finished: episodes, records as `batch.finished`.
        mine: the side's agents in each of them, bool (episodes, agents).
    """
    if not batch.env.scores or is_free_for_all(batch.env):
        return None
    points = np.stack([finished[counter] for counter in batch.env.scores.values()])
    ours = np.stack([mine[:, members(batch, role)[0]] for role in batch.env.scores])
    best, others = np.where(ours, points, -np.inf).max(axis=0), np.where(ours, -np.inf, points).max(axis=0)
    return np.asarray(np.sign(best - others))


def members(batch: Batch, role: str) -> list[int]:
    """Return the indices of a role's agents."""
    return [k for k, agent in enumerate(batch.agent_ids) if batch.env.role_of(agent) == role]


def belongs(batch: Batch, role: str) -> Array:
    """Return which agents are of a role, bool (agents,)."""
    flags = np.zeros(batch.num_agents, np.bool_)
    flags[members(batch, role)] = True
    return flags


def check_role(env: Env, role: str) -> None:
    """Check that there are others to play, and that `role`, unless empty, is one of theirs.

    Raises:
        ParameterError: there is one agent only.
        UnknownName: no such role.
    """
    if not env.agents:
        raise ParameterError(
            f"'{env.name}' has no two sides that could play each other, so nobody can be an opponent there; connect4, tag and striker have"
        )
    if role and role not in env.agents:
        raise UnknownName(f"'{env.name}' has no role '{role}'; {suggest(role, env.agents)}")


def list_sides(batch: Batch) -> list[list[int]]:
    """Return the agents of every side: each role's, or each agent where all are of one role."""
    sides = [members(batch, role) for role in batch.env.agents]
    return [[agent] for agent in sides[0]] if is_free_for_all(batch.env) else sides


def outcome_of(ahead: Any) -> Array:
    """Return 1 where somebody was ahead by some returns, -1 where behind, and 0 where they were equal."""
    return np.asarray(np.sign(np.round(ahead, DECIMALS)))


def side_returns(batch: Batch, finished: Array) -> Array:
    """Return the mean return of every side's agents in some episodes, NaN where none took part: float64 (episodes, sides).

    Args:
        finished: episodes, records as `batch.finished`.
    """
    returns = finished["episode_return"]
    part = took_part(returns)
    means = np.full((len(finished), len(list_sides(batch))), np.nan)
    for k, side in enumerate(list_sides(batch)):
        there = part[:, side]
        total = np.where(there, returns[:, side], 0.0).sum(axis=1)
        np.divide(total, there.sum(axis=1), out=means[:, k], where=there.any(axis=1))
    return means


def places(batch: Batch, finished: Array) -> Array:
    """Return every side's place in some episodes, 1 for the best, the same for equals: float64 (episodes, sides).

    Places go by `Env.scores` where roles have them, else by the mean return of a side's agents; NaN where none of them
    took part.

    Args:
        finished: episodes, records as `batch.finished`.
    """
    points = side_returns(batch, finished)
    if batch.env.scores and not is_free_for_all(batch.env):
        scored = [finished[batch.env.scores[role]] for role in batch.env.agents if role in batch.env.scores]
        if len(scored) == points.shape[1]:
            points = np.where(np.isnan(points), np.nan, np.stack(scored, axis=1))
    better = (points[:, None, :] > points[:, :, None]).sum(axis=2)
    return np.asarray(np.where(np.isnan(points), np.nan, 1.0 + better))
