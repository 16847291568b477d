"""Policies that do not learn, in front of a batch: all rows of one are one product for each thread."""

import copy
import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np

from puffer_arena.batch.batch import Batch
from puffer_arena.batch.buffers import by_seat
from puffer_arena.batch.workers.spans import split
from puffer_arena.core.actions import blank_actions
from puffer_arena.core.fields import Array
from puffer_arena.errors import TrainingError
from puffer_arena.trainers.backends.choose import choose_backend
from puffer_arena.trainers.config import Config
from puffer_arena.trainers.data.arrays import aligned_copy, aligned_rows, aligned_zeros
from puffer_arena.trainers.networks.policy import Policy
from puffer_arena.trainers.threadpool import ThreadPool

MIN_ROWS = 64  # per thread; fewer cost more to hand over than to compute


def actor_of(policy: Policy) -> Policy:
    """Return a copy of a policy that acts alike and has no critic of its own."""
    alone = copy.deepcopy(policy).eval()
    if alone.critic is not None:
        alone.critic = alone.central = None
        alone.values = ()
    return alone


class Frozen:
    """A policy's copy in front of a batch, as `players.player.Choose`.

    Args:
        policy: as `actor_of` returns it.
        memory: its recurrent state, an array (num_envs * agents, *shape) for each name of its `state_spec`.
        generator: returns whom random numbers are drawn from.
        pool: threads, each part its number.
        config: the run's, for device and precision.
    """

    def __init__(
        self,
        policy: Policy,
        memory: dict[str, Array],
        generator: Callable[[], np.random.Generator],
        pool: ThreadPool,
        config: Config,
    ) -> None:
        self.policy, self.memory, self.generator, self.pool = policy, memory, generator, pool
        alone = dataclasses.replace(config, threads=1, compile="off")
        self.backend = choose_backend(alone, policy, [], 0)

    def __call__(self, batch: Batch, which: Array | None = None) -> Array:
        """Return actions shaped as `Batch.actions`, where agents in `which` act.

        Raises:
            TrainingError: the network gave a number that is not finite.
        """
        acting = batch.acting if which is None else batch.acting & which
        some = np.flatnonzero(acting)
        actions = blank_actions(batch.action, batch.rewards.shape)
        if not len(some):
            return actions
        parts, head, rng = by_seat(batch.buffers, ("obs", "action_mask")), self.policy.head, self.generator()
        noise = head.draw_noise(
            (len(some),),
            lambda shape: rng.random(shape, np.float32),
            lambda shape: rng.standard_normal(shape, np.float32),
        )
        chosen = aligned_zeros((len(some), head.components), head.numbers)
        log_probs = aligned_zeros((len(some),), np.float32)
        spans = split(len(some), len(self.pool.parts), MIN_ROWS)

        def act(thread: int) -> None:
            for a, b in spans[thread :: len(self.pool.parts)]:
                rows = some[a:b]
                state = {name: aligned_rows(part, rows) for name, part in self.memory.items()}
                obs, masks = aligned_rows(parts["obs"], rows), aligned_rows(parts["action_mask"], rows)
                taken, log_prob = aligned_zeros(chosen[a:b].shape, chosen.dtype), aligned_zeros((b - a,), np.float32)
                self.backend.act(obs, state, masks, aligned_copy(noise[a:b]), taken, log_prob)
                chosen[a:b], log_probs[a:b] = taken, log_prob
                for name, part in self.memory.items():
                    part[rows] = state[name]

        self.pool.run(act)
        if not np.isfinite(log_probs.sum()):
            raise TrainingError("its network gives numbers that are not finite")
        flat: Any = actions.reshape(acting.size, -1)
        flat[some] = head.to_env(chosen).reshape(len(some), -1)
        return actions

    def close(self) -> None:
        """End the backend's threads."""
        self.backend.close()
