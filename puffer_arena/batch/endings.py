"""How an episode ended, in words for people: by the game's own rule, or by what every game tells."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from puffer_arena.batch.batch import Batch
from puffer_arena.core.env import Env

SAID_SECONDS = 1.5


@dataclass(frozen=True)
class Ending:
    """How an episode ended.

    Attributes:
        outcome: "won" where it reached what the game asks for, "lost" where it did not, "draw", "time" where it was
            cut off, or "over" where nobody says what a success is.
        words: what happened: "landed", "crashed: too fast", "red won 3 : 1", "caught by chaser 2".
    """

    outcome: str
    words: str


def describe_ending(env: Env, last: Any, truncated: bool) -> Ending:
    """Return how an episode ended.

    Args:
        env: the game.
        last: the episode, a record of `Batch.finished`.
        truncated: whether it was cut off.
    """
    outcome, words = _describe(env, last, truncated)
    if env.ending is not None:
        number, code = divmod(max(int(last["ending"]), 0), len(env.endings))
        words = env.endings[code].format(number)
    return Ending(outcome, words)


def _describe(env: Env, last: Any, truncated: bool) -> tuple[str, str]:
    """Return outcome and words as counters have them."""
    if env.scores:
        points = {role: float(last[counter]) for role, counter in env.scores.items()}
        best = max(points, key=lambda role: points[role])
        figures = sorted(points.values(), reverse=True)
        if len(figures) > 1 and figures[0] == figures[1]:
            return "draw", "a draw"
        told = " : ".join(f"{value:g}" for value in figures)
        return "over", f"{best} won" if max(figures) <= 1 else f"{best} won {told}"
    if env.success and last[env.success] > 0:
        return "won", env.success.replace("_", " ")
    if truncated:
        return "time", "time is up"
    if env.success:
        return "lost", f"not {env.success.replace('_', ' ')}"
    return "over", "over"


class Lately:
    """What is to be said of a batch's episodes that ended a moment ago."""

    def __init__(self) -> None:
        self._said: dict[int, tuple[Ending, float]] = {}  # row -> ending, and when

    def note(self, batch: Batch, now: float) -> None:
        """Take in a step of the batch, which begins ended rows anew."""
        for i in np.flatnonzero(batch.began.reshape(batch.num_envs, -1).any(axis=1)).tolist():
            truncated = not np.any(batch.terminated[i])
            self._said[i] = describe_ending(batch.env, batch.finished[i], truncated), now
        if self._said:
            self._said = {i: said for i, said in self._said.items() if now - said[1] < SAID_SECONDS}

    @property
    def endings(self) -> dict[int, Ending]:
        """Row -> ending."""
        return {i: ending for i, (ending, _) in self._said.items()}
