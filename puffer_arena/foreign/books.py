"""The books of another library's rows: episodes, lengths, returns and levels, kept by compiled code.

A light environment takes microseconds for a step; to keep these in Python takes as long as stepping several rows.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from puffer_arena.batch.table import Table
from puffer_arena.core.fields import Array
from puffer_arena.core.random import draw_level
from puffer_arena.foreign.rows import Desk
from puffer_arena.machine.compile import compile_shared, entry_point, jit

Keep = Callable[[Array, bool], None]


class Books(NamedTuple):
    """What the books are kept in, and what they are kept of: views with an entry for each row, and one for each agent."""

    row_key: Array
    level: Array
    episode: Array
    step_count: Array
    rng_count: Array
    over: Array
    returns: Array
    living: Array
    last_count: Array  # of the last episode that ended
    last_length: Array
    last_level: Array
    last_returns: Array
    total_count: Array  # summed up over all episodes that ended
    total_length: Array
    total_returns: Array
    total_seats: Array
    levels: Array  # chosen by somebody, or -1
    plan: Array
    rewards: Array  # from here on of the desk, see `part.desk_layout`
    ended: Array
    began: Array
    alive: Array
    next_level: Array


def finite_check(rewards: Array, numbers: Array) -> Callable[[Array, Array], bool]:
    """Return `all_finite` for arrays such as these; compiled, it takes a fifth of two of NumPy's reductions."""
    return entry_point(compile_shared(all_finite), rewards, numbers)


def open_books(table: Table, desk: Desk, several: bool) -> Keep:
    """Return `keep_books` of a batch: keep(mine, stepped)."""
    rows = table.rows
    states, last, totals = rows.states, rows.episodes["finished"], rows.episodes["totals"]

    def by_agent(array: Array) -> Array:
        return array if several else array[:, None]

    unused = np.zeros((table.num_envs, 1), np.int64)  # what a solo environment's rows do not hold
    books = Books(
        row_key=states["row_key"],
        level=states["level"],
        episode=states["episode"],
        step_count=states["step_count"],
        rng_count=states["rng_count"],
        over=states["ended"],
        returns=by_agent(states["episode_return"]),
        living=states["alive"] if several else unused.astype(np.int8),
        last_count=last["episodes"],
        last_length=last["episode_length"],
        last_level=last["level"],
        last_returns=by_agent(last["episode_return"]),
        total_count=totals["episodes"],
        total_length=totals["episode_length"],
        total_returns=by_agent(totals["episode_return"]),
        total_seats=totals["seats"] if several else unused,
        levels=rows.levels,
        plan=rows.plan,
        rewards=by_agent(desk["rewards"]),
        ended=desk["ended"],
        began=by_agent(desk["began"]),
        alive=desk["alive"],
        next_level=desk["level"],
    )
    last["params"] = rows.params  # the same for a whole batch
    code = entry_point(compile_shared(keep_books), books, desk["ended"], True, strided=True)
    return lambda mine, stepped: code(books, mine, stepped)


@jit
def keep_books(books: Any, mine: Any, stepped: bool) -> None:
    """Take what some rows gave into the books: of a step, with the episodes that ended in it, and of those that began.

    Args:
        books: see `Books`.
        mine: whose it is, bool (num_envs,).
        stepped: a step was taken, by those whose episode was going.
    """
    for i in range(len(mine)):
        if not mine[i]:
            continue
        if stepped and books.over[i] == 0:
            add_step(books, i)
            if books.ended[i]:
                end_episode(books, i)
        began = False
        for k in range(books.began.shape[1]):
            began = began or books.began[i, k]
        if began:
            begin_episode(books, i)


@jit
def add_step(books: Any, i: int) -> None:
    """Add a step, and its rewards to the returns of those who take part or did until now; the others get none."""
    books.step_count[i] += 1
    for k in range(books.rewards.shape[1]):
        if books.alive[i, k] or takes_part(books.returns[i, k]):
            books.returns[i, k] += books.rewards[i, k]
        else:
            books.rewards[i, k] = 0.0
        books.living[i, k] = books.alive[i, k]


@jit
def end_episode(books: Any, i: int) -> None:
    """Note the episode that has ended."""
    books.over[i] = 1
    books.last_count[i] += 1
    books.total_count[i] += 1
    books.last_length[i] = books.step_count[i]
    books.total_length[i] += books.step_count[i]
    books.last_level[i] = books.level[i]
    for k in range(books.returns.shape[1]):
        books.last_returns[i, k] = books.returns[i, k]
        books.total_returns[i, k] += books.returns[i, k]
        if takes_part(books.returns[i, k]):
            books.total_seats[i, k] += 1


@jit
def begin_episode(books: Any, i: int) -> None:
    """Begin the row's header anew, and choose the level of the episode after the one that has begun."""
    books.level[i] = books.next_level[i]
    books.episode[i] += 1
    books.step_count[i] = 0
    books.over[i] = 0
    books.rng_count[i] = 0
    for k in range(books.returns.shape[1]):
        books.returns[i, k] = 0.0 if books.alive[i, k] else -0.0
        books.living[i, k] = books.alive[i, k]
    books.next_level[i] = books.levels[i]
    if books.levels[i] < 0:
        books.next_level[i] = draw_level(books.row_key[i], books.episode[i], books.plan[0], books.plan[1])


@jit
def all_finite(rewards: Any, numbers: Any) -> bool:
    """Tell whether all of two arrays are finite numbers: their products with 0 add up to 0."""
    total = 0.0
    for value in rewards.flat:
        total += value * 0.0
    for value in numbers.flat:
        total += value * 0.0
    return total == 0.0


@jit
def takes_part(episode_return: float) -> bool:
    """Tell whether an agent takes part, by its return; see `fields.header_fields`."""
    return episode_return != 0.0 or math.copysign(1.0, episode_return) > 0.0
