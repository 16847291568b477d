"""What a curriculum is: it hears which episodes ended, and says what the next ones are.

    class Harder(Curriculum):
        def next(self, count, rng):
            return Tasks({"density": rng.uniform(0.0, self.reach[0], count)})

        def ended(self, episodes):
            if episodes.success.mean() > 0.9:
                self.reach[0] = min(self.reach[0] + 0.01, 0.6)

All that a curriculum learns lies in arrays that never change their size, which `state` returns: they go into
checkpoints, so a resumed run goes on exactly.  Chance comes from `rng` alone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from puffer_arena.batch.batch import Batch
from puffer_arena.batch.rows import took_part
from puffer_arena.batch.saving.kept import Kept
from puffer_arena.core.env import Env
from puffer_arena.core.fields import Array
from puffer_arena.curriculum.spread import Spread
from puffer_arena.curriculum.starts import Starts
from puffer_arena.levels import Level


@dataclass(frozen=True)
class Tasks:
    """What some episodes are, one entry each.

    Args:
        params: parameter -> values (count,); a parameter that is not named keeps what its row has.
        levels: numbers of levels, int64 (count,), -1 to draw one; None draws all of them.
        starts: serial numbers of rows in `Curriculum.starts` at which the episodes begin, int64 (count,), -1 for those
            that begin at their level; None for all of them.
        weights: how much is learned from their steps, float (count,), 0 for not at all; None for 1.
    """

    params: Mapping[str, Array] = field(default_factory=dict)
    levels: Array | None = None
    starts: Array | None = None
    weights: Array | None = None


@dataclass(frozen=True)
class Ended:
    """Episodes that ended, in the order of their ends.

    Args:
        rows: whose they were, int64 (count,).
        records: `Batch.finished` of them, (count,): level, params, episode_length, episode_return and the counters.
        returns: float64 (count,); with several agents the mean over those who took part.
        success: by the environment's own measure (`Env.success`), 0.0 or 1.0 (count,).
        scores: what the learner made of them, float64 (count,) each; empty where nobody learns.
            advantage   mean |advantage|
            surprise    mean positive advantage (Jiang et al. 2021, arXiv 2010.03934: positive value loss)
            value       mean value of its states
            scaled      the return in the value's units
        starts: serial numbers of the rows that they began at, int64 (count,), -1 for those that began at a level.
    """

    rows: Array
    records: Array
    returns: Array
    success: Array
    scores: Mapping[str, Array] = field(default_factory=dict)
    starts: Array = field(default_factory=lambda: np.full(1, -1))

    def __post_init__(self) -> None:
        object.__setattr__(self, "starts", np.broadcast_to(self.starts, len(self.rows)))

    def __len__(self) -> int:
        return len(self.rows)

    def take(self, chosen: Array) -> "Ended":
        """Return some of them."""
        scores = {name: score[chosen] for name, score in self.scores.items()}
        of = self.rows[chosen], self.records[chosen], self.returns[chosen], self.success[chosen]
        return Ended(*of, scores, self.starts[chosen])


@dataclass(frozen=True)
class Ranked:
    """A level, or a row in mid-episode, that a curriculum plays again.

    Args:
        key: by which `Curriculum.drop` knows it.
        score: the higher, the likelier.
        level: its number, where it is one of the game's own.
        params: parameter -> value, where the curriculum chose them.
        place: in `Curriculum.starts`, -1 for a level of the game's own.
    """

    key: int
    score: float
    level: int = -1
    params: Mapping[str, Any] = field(default_factory=dict)
    place: int = -1


class Curriculum:
    """Chooses tasks; the base class leaves everything as it is.

    Args:
        env: the environment.
        ranges: parameter -> what it may be drawn from.
        settings: of class `Settings`.

    Attributes:
        Settings: a frozen dataclass of `settings.setting` fields.
        needs_scores: whether `Ended.scores` is read.
        weighs: whether `Tasks.weights` are given.
        keeps: whole rows that it keeps at most, in `starts`; what a kept row is, is up to the curriculum.
        deepest: see `Starts`.
        every: of so many steps one is shown to `seen`, as a whole row; 0 for none.
        starts: the rows that it keeps, where it keeps any; there from `begin` on.
        drawn, weight: levels that people have drawn, and the share of episodes that begin there, whatever it chooses.
    """

    @dataclass(frozen=True)
    class Settings:
        """None."""

    needs_scores: ClassVar[bool] = False
    weighs = False
    keeps = deepest = every = 0
    starts: Starts
    drawn: Sequence[Level] = ()
    weight = 0.0

    def __init__(self, env: Env, ranges: Mapping[str, Spread], settings: Any) -> None:
        self.env, self.ranges, self.settings = env, dict(ranges), settings

    def begin(self, batch: Batch) -> None:
        """Take notice of the batch whose tasks it will give, before it gives any."""
        if self.keeps:
            self.starts = Starts(batch, self.keeps, self.deepest)

    def next(self, count: int, rng: np.random.Generator) -> Tasks:
        """Return the tasks of the next `count` episodes."""
        return Tasks()

    def ended(self, episodes: Ended) -> None:
        """Take in what became of episodes, once a rollout."""

    def seen(self, rows: Kept, scores: Array) -> None:
        """Take in rows in mid-episode, with the mean |advantage| of their agents there, float (k,)."""

    def state(self) -> dict[str, Array]:
        """Return the arrays that hold what was learned; a checkpoint is read back into them."""
        return {}

    def ranked(self, count: int) -> list[Ranked]:
        """Return what it would rather play again than anything else, at most so many, the best first."""
        return []

    def drop(self, key: int) -> bool:
        """Throw out what `ranked` has named; tell whether it was still there."""
        return False

    def metrics(self) -> dict[str, float]:
        """Return numbers for the log."""
        return {}

    def highest(self) -> dict[str, float]:
        """Return the largest value that it may ever choose of each parameter: memory has to have room for it."""
        return {name: spread.high for name, spread in self.ranges.items()}

    def draw(self, count: int, rng: np.random.Generator) -> dict[str, Array]:
        """Draw every parameter with a range from all of it: name -> (count, *its shape)."""
        return {name: spread.draw(count, rng) for name, spread in self.ranges.items()}


def successes(env: Env, records: Array | Mapping[str, Array], returns: Array) -> Array:
    """Return which episodes reached what the environment asks for (`Env.success`), 0.0 or 1.0."""
    if env.success:
        reached = np.asarray(records[env.success]) > 0
    else:
        reached = returns > 0 if env.solved is None else returns >= env.solved
    return np.asarray(reached, np.float64)


def mean_return(records: Array) -> Array:
    """Return one return an episode, float64 (count,)."""
    returns = records["episode_return"]
    if returns.ndim == 1:
        return np.asarray(returns, np.float64)
    counted = took_part(returns)
    return np.asarray((returns * counted).sum(1) / np.maximum(counted.sum(1), 1))
