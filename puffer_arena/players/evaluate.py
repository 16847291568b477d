"""Playing episodes to their ends, and what they came to."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from puffer_arena.batch.batch import Batch
from puffer_arena.batch.make import make
from puffer_arena.batch.rows import mean_over, mean_returns, took_part
from puffer_arena.batch.seats import belongs, is_free_for_all, outcomes, ranks, seats
from puffer_arena.core.fields import Array
from puffer_arena.errors import ParameterError
from puffer_arena.players.intervals import Interval, interval
from puffer_arena.players.player import Player

MAX_ROWS = 512

Told = Callable[[Array, int, int], None]  # episodes that every row has ended, of how many, after which step


class Measure(NamedTuple):
    """A column's mean, and how far it may be off."""

    mean: float
    interval: Interval


@dataclass
class Sample:
    """What some episodes gave: name -> one number per episode, all rows' first ones, then their second ones, and so on.

    The names are those for people: "return", with several agents "return of <role>", or against an opponent "return" and
    "opponent's return", with "won", "drawn" and "lost" between two sides, "first" and "rank" where each plays all; then
    "length", the sums of the environment's signals by their names, with several agents as "cost of <role>", and its
    counters.
    """

    columns: dict[str, Array]

    @property
    def episodes(self) -> int:
        """How many there were."""
        return len(self.columns["length"])

    @property
    def means(self) -> dict[str, float]:
        """The mean of every column."""
        return {name: float(values.mean()) for name, values in self.columns.items()}


def evaluate(
    env: str,
    player: Player,
    episodes: int = 1000,
    *,
    split: str = "held_out",
    seed: int = 1,
    params: Mapping[str, Any] | None = None,
    side: str | None = None,
    max_steps: int = 1_000_000,
    told: Told | None = None,
) -> Sample:
    """Play until every row has ended its share of the episodes, so that short ones do not count for more.

    Args:
        env: as `make` takes it.
        player: see `players.player`.
        episodes: at least so many, the same number in every row.
        split: "held_out" levels, which training never sees, or "train".
        seed: of the levels.
        params: of the environment; those that the player learned in by default.
        side: the role that the player takes against its opponent (see `versus`), "" for each in turn; None without one.
        max_steps: give up after so many steps of every row.
        told: called before every step.

    Raises:
        ParameterError: no episodes are asked for, or they do not end in `max_steps`.
    """
    if episodes < 1:
        raise ParameterError(f"cannot evaluate {episodes} episodes; give 1 or more")
    rows = max(1, min(episodes, MAX_ROWS))
    share = -(-episodes // rows)
    sized = player.params if params is None else params
    with make(env, num_envs=rows, seed=seed, split=split, **sized) as batch:
        acting = player.prepare(batch)
        mine = np.zeros((rows, 0), np.bool_) if side is None else seats(batch, side)
        kept, sides, rows_of = [], [], []
        counted = np.zeros(rows, np.int64)
        for step in range(max_steps):
            if told is not None:
                told(np.minimum(counted, share), rows * share, step)
            batch.step(acting.choose(batch))
            finished = batch.finished
            new = (finished["episodes"] > counted) & (counted < share)
            kept.append(finished[new])
            sides.append(mine[new])
            rows_of.append(np.flatnonzero(new))
            counted = finished["episodes"].copy()
            acting.forget(batch.began)
            if counted.min() >= share:
                break
        else:
            raise ParameterError(
                f"{int((counted < share).sum())} of {rows} rows have not ended {share} episodes after "
                f"{max_steps} steps; raise --max-steps (max_steps=)"
            )
        ended = np.concatenate(kept)
        order = np.lexsort((np.concatenate(rows_of), ended["episodes"]))
        ended = ended[order]
        results = _of_roles(batch, ended) if side is None else _of_sides(batch, ended, np.concatenate(sides)[order])
        counters = {name: ended[name] for name in batch.env.counters}
        signals = _of_signals(batch, ended)
        return Sample({**results, "length": ended["episode_length"].astype(np.float64), **signals, **counters})


def _of_roles(batch: Batch, episodes: Array) -> dict[str, Array]:
    """Return the returns under their names for people; with several agents one column a role, of those who took part."""
    returns = episodes["episode_return"]
    if not batch.num_agents:
        return {"return": returns}
    every = {role: mean_returns(returns, belongs(batch, role)) for role in batch.env.agents}
    return {f"return of {role}": column for role, column in every.items() if len(column)}


def _of_signals(batch: Batch, episodes: Array) -> dict[str, Array]:
    """Return the sums of signals over each episode; with several agents one column a role, of those who took part."""
    sums = {name: episodes[f"episode_{name}"] for name in batch.env.signals}
    if not batch.num_agents:
        return sums
    part = took_part(episodes["episode_return"])
    every = {
        f"{name} of {role}": mean_over(values, part & belongs(batch, role))
        for name, values in sums.items()
        for role in batch.env.agents
    }
    return {name: column for name, column in every.items() if len(column)}


def _of_sides(batch: Batch, episodes: Array, mine: Array) -> dict[str, Array]:
    """Return the returns of both sides, and who won where the environment keeps scores, or where there are many sides."""
    returns, outcome = episodes["episode_return"], outcomes(batch, episodes, mine)
    named = {
        "return": mean_returns(returns, mine),
        "opponent's return": mean_returns(returns, ~mine),
    }
    if outcome is not None:
        named |= {"won": outcome > 0, "drawn": outcome == 0, "lost": outcome < 0}
    if is_free_for_all(batch.env):
        part = took_part(returns)[mine]  # an absent agent has no place
        rank = ranks(episodes[part], mine[part])
        named |= {"first": rank == 1.0, "rank": rank}
    return {name: column.astype(np.float64) for name, column in named.items()}


def summarize(sample: Sample) -> dict[str, Measure]:
    """Return mean and interval of every column."""
    # A length is never a rate, even where every episode ends with its first step.
    intervals = {name: interval(values, rate=name != "length") for name, values in sample.columns.items()}
    return {name: Measure(float(sample.columns[name].mean()), bounds) for name, bounds in intervals.items()}
