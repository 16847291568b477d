"""Opponents: who steers the agents that the policy does not, while it learns.

In the first rows of the batch an opponent takes the other side; in the rest the policy plays itself and learns
from both sides.  Only agents that the policy steers have streams in the rollout.
"""

from typing import Any

import numpy as np

from puffer_arena.batch.batch import Batch
from puffer_arena.batch.seats import outcomes, seats
from puffer_arena.core.actions import blank_actions
from puffer_arena.core.fields import Array
from puffer_arena.kernels.tables import Buffers, Written
from puffer_arena.players.names import find_player
from puffer_arena.trainers.config import Opponent


class Shown(Written):
    """A batch whose last step was written into other buffers than its own: what players look at."""

    def __init__(self, batch: Batch) -> None:
        self.batch, self.buffers = batch, batch.buffers

    def __getattr__(self, name: str) -> Any:
        return getattr(self.batch, name)


class OtherSide:
    """An opponent that does not learn, on the other side of some rows.

    Attributes:
        learners: the agents that the policy steers, bool (num_envs, agents).
    """

    def __init__(self, batch: Batch, config: Opponent) -> None:
        self.batch = batch
        self.player = find_player(config.bot, batch.env_id).prepare(batch)
        self.shown: Any = Shown(batch)
        self.rows = round(config.share * batch.num_envs)
        self.learners = np.ones((batch.num_envs, batch.num_agents), np.bool_)
        self.learners[: self.rows] = seats(batch, config.role)[: self.rows]
        self._streams = np.flatnonzero(self.learners)
        self._actions = blank_actions(batch.action, batch.rewards.shape)

    def join(self, actions: Array) -> Array:
        """Return everybody's actions, as `Batch.step` takes them, from those of the policy's streams."""
        self._actions[...] = self.player.choose(self.shown, ~self.learners)
        everybody = self._actions.reshape(self.learners.size, -1)
        everybody[self._streams] = actions.reshape(len(actions), -1)
        return self._actions

    def look(self, buffers: Buffers) -> None:
        """See what a step has written, and forget where an episode begins."""
        self.shown.buffers = buffers
        self.player.forget(self.shown.began)

    def metrics(self) -> dict[str, float]:
        """Return how many of the bot's rows the policy won and lost when they last ended an episode."""
        ended = np.flatnonzero(self.batch.finished["episodes"][: self.rows])
        outcome = outcomes(self.batch, self.batch.finished[ended], self.learners[ended])
        if outcome is None or not len(ended):
            return {}
        return {"won": float((outcome > 0).mean()), "lost": float((outcome < 0).mean())}
