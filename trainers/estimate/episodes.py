"""Sums of a column over whole episodes, of the streams that the policy steers alone."""

from typing import Any

import numpy as np

from puffer_arena.core.fields import Array
from puffer_arena.machine.loops import kernel
from puffer_arena.trainers.data.rollout import Rollout


class EpisodeSums:
    """Adds up a column episode by episode, over the borders of rollouts; `state` is what a checkpoint keeps.

    Attributes:
        sums: of every stream's running episode, (streams,).
        took_part: whether its agent has acted in it, (streams,).
    """

    def __init__(self, streams: int) -> None:
        self.sums = np.zeros(streams)
        self.took_part = np.zeros(streams, np.bool_)

    def add(self, rollout: Rollout, column: str) -> tuple[float, int]:
        """Take in a rollout's column; return the mean over the episodes that ended in it, 0 of none, and their number."""
        ended = np.zeros(2)
        add_episodes(rollout.columns[column], rollout.acting, rollout.began, self.sums, self.took_part, ended)
        return float(ended[0] / max(ended[1], 1.0)), int(ended[1])

    def state(self) -> dict[str, Array]:
        """Return the arrays that go on in the next rollout."""
        return {"sums": self.sums, "took_part": self.took_part}


@kernel
def add_episodes(column: Any, acting: Any, began: Any, sums: Any, took_part: Any, ended: Any) -> None:
    """Add a column to the running sums; where an episode ends its sum goes to `ended`: their total, their number."""
    for t in range(column.shape[0]):
        for i in range(column.shape[1]):
            if acting[t, i]:
                sums[i] += column[t, i]
                took_part[i] = True
            if began[t + 1, i]:
                if took_part[i]:
                    ended[0] += sums[i]
                    ended[1] += 1.0
                sums[i], took_part[i] = 0.0, False
