"""Hindsight: steps that were drawn from a replay buffer, as they would have been with another goal.

Andrychowicz et al. 2017, arXiv 1707.01495, with goals of the strategy "future": what a later state of the same episode
had come to is taken for what was to be reached.  Rows are data, so nothing has to be told of rewards: the game itself
plays the step again, from the state before it with its goal moved by the rule `Env.move_goal`.
"""

from typing import Any

import numpy as np
import torch

from puffer_arena.batch.make import make
from puffer_arena.batch.saving.snapshot import check_parts
from puffer_arena.core.fields import Array
from puffer_arena.errors import TrainingError
from puffer_arena.registry import load_env
from puffer_arena.trainers.config import Config
from puffer_arena.trainers.data.replay import ReplayBuffer
from puffer_arena.trainers.networks.heads import Head

KEPT = ("states", "params")  # columns of the buffer: the rows before every step


class Hindsight:
    """A batch in which steps are played again.

    Args:
        config: of the run.
        steps: that are drawn at once.
        head: of the policy, which knows the environment's actions.

    Raises:
        TrainingError: the game has no rule to move its goals.
    """

    def __init__(self, config: Config, steps: int, head: Head) -> None:
        env = load_env(config.env)
        if env.move_goal is None:
            raise TrainingError(
                f"hindsight moves the goals of a game, and '{env.name}' has no rule for that: add move_goal(s, p, later) to "
                f"its Env, as envs/maze does, or leave {config.algorithm}.hindsight at 0"
            )
        self.head = head
        self.batch = make(config.env, steps, config.seed, autoreset="disabled", **config.params)

    @property
    def columns(self) -> dict[str, tuple[Any, tuple[int, ...]]]:
        """What a replay buffer must keep besides."""
        return {name: (getattr(self.batch.rows, name).dtype, ()) for name in KEPT}

    def move(
        self, found: dict[str, Array], buffer: ReplayBuffer, step: Array, row: Array, chosen: Array, u: Array
    ) -> None:
        """Play the chosen ones of drawn steps again, each with a goal from later in its episode.

        Args:
            found: columns of the steps and of those after them, (2, steps, ...); rewritten.
            buffer: where they come from.
            step, row: their numbers and rows, (steps,).
            chosen: bool (steps,); the last step of an episode stays as it was.
            u: numbers in [0, 1) that choose the later states.
        """
        left = buffer.episode_end(step, row) - step - 1
        chosen = chosen & (left > 0)
        later = step + np.where(chosen, 1 + np.floor(u * np.maximum(left, 1)).astype(np.int64), 0)
        rows, kept = self.batch.rows, buffer.columns
        for name in KEPT:
            getattr(rows, name)[:] = kept[name][step % buffer.length, row]
        self.batch.move_goals(kept["states"][later % buffer.length, row])
        self._note(found, 0, chosen)
        actions = self.head.to_env(found["actions"][0])
        result = self.batch.step(actions.reshape(self.batch.actions.shape))
        self._note(found, 1, chosen)
        found["rewards"][0, chosen] = result.rewards[chosen]
        found["terminated"][0, chosen] = result.terminated[chosen]

    def _note(self, found: dict[str, Array], k: int, chosen: Array) -> None:
        """Take over what the batch shows."""
        found["obs"][k, chosen] = self.batch.obs[chosen]
        if "mask" in found:
            found["mask"][k, chosen] = self.batch.action_mask[chosen]

    def check(self, buffer: ReplayBuffer) -> None:
        """Check rows that came from a file, before any rule runs on them.

        Raises:
            FileError: a number lies outside what is allowed.
        """
        for state, params in zip(*(buffer.columns[name][: buffer.held] for name in KEPT), strict=True):
            check_parts(self.batch.env, self.batch.param_values, state, params)

    def close(self) -> None:
        """End the batch."""
        self.batch.close()


def draw_chosen(count: int, share: float, generator: torch.Generator) -> tuple[Array, Array]:
    """Return which of `count` steps get another goal, bool (count,), and numbers in [0, 1) that choose it."""
    drawn = torch.rand((2, count), generator=generator).numpy()
    return drawn[0] < share, drawn[1]
