"""Opponents: who steers the agents that the policy does not, while it learns.

In the first rows of the batch a scripted bot takes the other side; in the rest the policy plays itself and learns
from both sides.  Only agents that the policy steers have streams in the rollout.
"""

import numpy as np

from puffer_arena.batch.batch import Batch
from puffer_arena.batch.seats import outcomes, seats
from puffer_arena.core.actions import blank_actions
from puffer_arena.core.fields import Array
from puffer_arena.trainers.config import Opponent


class ScriptedOpponent:
    """A scripted bot on the other side of some rows.

    Attributes:
        learners: the agents that the policy steers, bool (num_envs, agents).
    """

    def __init__(self, batch: Batch, config: Opponent) -> None:
        self.batch, self.bot = batch, config.bot
        self.rows = round(config.share * batch.num_envs)
        self.learners = np.ones((batch.num_envs, batch.num_agents), np.bool_)
        self.learners[: self.rows] = seats(batch, config.role)[: self.rows]
        self._streams = np.flatnonzero(self.learners)
        self._actions = blank_actions(batch.action, batch.rewards.shape)

    def join(self, actions: Array) -> Array:
        """Return everybody's actions, as `Batch.step` takes them, from those of the policy's streams."""
        self.batch.act(self.bot, self._actions, ~self.learners)
        everybody = self._actions.reshape(self.learners.size, -1)
        everybody[self._streams] = actions.reshape(len(actions), -1)
        return self._actions

    def metrics(self) -> dict[str, float]:
        """Return how many of the bot's rows the policy won and lost when they last ended an episode."""
        ended = np.flatnonzero(self.batch.finished["episodes"][: self.rows])
        outcome = outcomes(self.batch, self.batch.finished[ended], self.learners[ended])
        if outcome is None or not len(ended):
            return {}
        return {"won": float((outcome > 0).mean()), "lost": float((outcome < 0).mean())}
