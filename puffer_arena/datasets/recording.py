"""Recording a dataset: players play whole episodes, and what they saw and did is kept."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from puffer_arena.batch.batch import Batch
from puffer_arena.batch.limits import memory_bytes, readable_size
from puffer_arena.batch.make import make
from puffer_arena.core.fields import Array
from puffer_arena.datasets.dataset import About, Dataset, Episode, columns_of
from puffer_arena.errors import ParameterError
from puffer_arena.players.player import Player

MAX_ROWS = 64
Told = Callable[[int, int], None]  # episodes that have ended, steps so far


def record(
    env: str,
    players: Sequence[Player],
    episodes: int,
    *,
    seed: int = 1,
    params: Mapping[str, Any] | None = None,
    max_steps: int = 1_000_000,
    told: Told | None = None,
) -> Dataset:
    """Let players play training levels, each as many episodes, and return what came of it.

    Every row plays the same number of episodes, so that short ones are not kept more often than long ones.

    Args:
        env: a game with one agent.
        players: who plays, one after the other, on levels of their own.
        episodes: at least so many altogether.
        seed: of the levels.
        params: of the game; those that the first player learned in by default.
        max_steps: give up after so many steps of every row.
        told: called now and then.

    Raises:
        ParameterError: several agents, no episodes, too many for memory, or some that do not end.
    """
    if episodes < 1 or not players:
        raise ParameterError(
            f"a dataset of {episodes} episodes by {len(players)} players; there is at least one of each"
        )
    given = players[0].params if params is None else params
    about = About(env, dict(given), tuple(player.name for player in players))
    limit = memory_bytes() // (2 * _step_bytes(about))
    each = -(-episodes // len(players))
    found: list[Episode] = []
    for number, player in enumerate(players):
        rows = min(each, MAX_ROWS)
        with make(env, num_envs=rows, seed=seed + number, autoreset="same_step_final", **given) as batch:
            found += _play(batch, player, -(-each // rows), max_steps, told, limit)
    return Dataset.of(about, found)


def _play(batch: Batch, player: Player, share: int, max_steps: int, told: Told | None, limit: int) -> Iterator[Episode]:
    """Yield the first `share` episodes of every row, as they end."""
    acting = player.prepare(batch)
    rows = batch.num_envs
    running: list[list[tuple[Array, Array, Array, float]]] = [[] for _ in range(rows)]
    counted, steps, ended = np.zeros(rows, np.int64), 0, 0
    for _ in range(max_steps):
        seen, masks = batch.obs.copy(), batch.action_mask.copy()
        actions = np.array(acting.choose(batch))
        batch.step(actions)
        over = batch.terminated | batch.truncated
        for i in np.flatnonzero(counted < share).tolist():
            running[i].append((seen[i], masks[i], actions[i], float(batch.rewards[i])))
            steps += 1
            if over[i]:
                yield _whole(running[i], batch.final_obs[i].copy(), bool(batch.terminated[i]))
                running[i], ended = [], ended + 1
                counted[i] += 1
        if steps > limit:
            raise ParameterError(
                f"{steps} steps take half of this machine's {readable_size(memory_bytes())}; record fewer episodes"
            )
        acting.forget(batch.began)
        if told is not None:
            told(ended, steps)
        if counted.min() >= share:
            return
    raise ParameterError(
        f"{int((counted < share).sum())} of {rows} rows have not ended {share} episodes after {max_steps} steps; raise "
        "--max-steps (max_steps=)"
    )


def _step_bytes(about: About) -> int:
    """Return about how many bytes a step takes while it is gathered."""
    return 256 + sum(column.nbytes for column in columns_of(about, 1, 0).values())


def _whole(steps: list[tuple[Array, Array, Array, float]], last: Array, terminated: bool) -> Episode:
    """Return an episode's steps and its last observation as arrays; nothing is barred where nobody acts any more."""
    seen, masks, actions, rewards = zip(*steps, strict=True)
    return Episode(
        np.stack([*seen, last]),
        np.stack([*masks, np.ones_like(masks[0])]),
        np.stack(actions),
        np.array(rewards, np.float32),
        terminated,
    )
