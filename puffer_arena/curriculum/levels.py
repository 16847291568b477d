"""Levels worth playing again: prioritized level replay, and sampling for learnability.

A buffer keeps levels with the parameters they were played with.  `plr`: Jiang et al. 2021, arXiv 2010.03934, its
scores and staleness; MaxMC, and `robust`, from Jiang et al. 2021, arXiv 2110.02439.  `sfl`: Rutherford et al. 2024,
arXiv 2408.15099.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from puffer_arena.core.env import Env
from puffer_arena.core.fields import Array
from puffer_arena.core.random import HELD_OUT_BIT
from puffer_arena.curriculum.curriculum import Curriculum, Ended, Ranked, Tasks
from puffer_arena.curriculum.spread import Spread
from puffer_arena.settings import choice, flag, setting


class Buffer:
    """Levels with parameters and a score each, in arrays that keep their size.

    Args:
        capacity: levels at most.
        ranges: the parameters that are kept with them.
        columns: further numbers of each level.
    """

    def __init__(self, capacity: int, ranges: Mapping[str, Spread], columns: tuple[str, ...] = ()) -> None:
        self.levels = np.full(capacity, -1, np.int64)  # -1: free
        self.params = {name: np.zeros(capacity, spread.parameter.storage) for name, spread in ranges.items()}
        self.columns = {name: np.zeros(capacity) for name in ("score", *columns)}

    def __getitem__(self, name: str) -> Array:
        return self.columns[name]

    @property
    def filled(self) -> Array:
        """Which places are taken, bool (capacity,)."""
        return self.levels >= 0

    def find(self, levels: Array) -> Array:
        """Return the places of levels, -1 for those that are not here."""
        order = np.argsort(self.levels, kind="stable")
        place = order[np.minimum(np.searchsorted(self.levels, levels, sorter=order), len(order) - 1)]
        return np.where(self.levels[place] == levels, place, -1)

    def keep(self, place: int | Array, level: int | Array, params: Any, **columns: float | Array) -> None:
        """Put a level into a place, or several into as many."""
        self.levels[place] = level
        for name, column in self.params.items():
            column[place] = params[name]
        for name, column in self.columns.items():
            column[place] = columns.get(name, 0.0)

    def ranked(self, count: int) -> list[Ranked]:
        """Return the levels with the highest scores."""
        best = np.argsort(np.where(self.filled, -self["score"], np.inf), kind="stable")[:count]
        return [
            Ranked(
                int(self.levels[place]),
                float(self["score"][place]),
                int(self.levels[place]),
                {name: column[place].tolist() for name, column in self.params.items()},
            )
            for place in best
            if self.levels[place] >= 0
        ]

    def drop(self, level: int) -> bool:
        """Free the place of a level; tell whether it was there."""
        there = self.levels == level
        self.levels[there] = -1
        for column in self.columns.values():
            column[there] = 0.0
        return bool(there.any())

    def tasks(self, places: Array, again: Array, fresh: Mapping[str, Array]) -> Tasks:
        """Return tasks: the levels at `places` where `again`, else new ones with the parameters `fresh`."""
        levels = np.where(again, self.levels[places], -1)
        params = {name: np.array(drawn) for name, drawn in fresh.items()}
        for name, drawn in params.items():
            drawn[again] = self.params[name][places[again]]
        return Tasks(params, levels)

    def state(self) -> dict[str, Array]:
        """Return all its arrays."""
        params = {f"param.{name}": column for name, column in self.params.items()}
        return {"levels": self.levels, **params, **self.columns}


class LevelReplay(Curriculum):
    """Prioritized level replay: plays a part of the episodes on levels that promise most, the rest on new ones."""

    @dataclass(frozen=True)
    class Settings:
        """As in the paper, where not said otherwise."""

        capacity: int = setting(1000, 1, 1_000_000, "levels kept")
        replay: float = setting(0.5, 0.0, 1.0, "share of episodes on kept levels, once half of the places are taken")
        score: str = choice(
            "surprise", ("surprise", "regret", "advantage"), "positive value loss, MaxMC, or |advantage|"
        )
        temperature: float = setting(0.3, 0.01, 100.0, "of priorities by rank; small: the best levels only")
        staleness: float = setting(0.3, 0.0, 1.0, "share of the priority that goes by how long ago a level was played")
        robust: bool = flag(False, "learn from kept levels only; new ones are played to be judged")

    needs_scores: ClassVar[bool] = True

    def __init__(self, env: Env, ranges: Mapping[str, Spread], settings: Any) -> None:
        super().__init__(env, ranges, settings)
        self.buffer = Buffer(settings.capacity, ranges, ("played", "best"))
        self.weighs = settings.robust
        self._by_rank = np.arange(1.0, settings.capacity + 1.0) ** (-1.0 / settings.temperature)
        self._clock = np.zeros(1)
        self._known: tuple[tuple[float, bytes], Array] | None = None  # the chances, and what they were made of

    def next(self, count: int, rng: np.random.Generator) -> Tasks:
        filled = self.buffer.filled
        again = rng.random(count) < self.settings.replay
        if 2 * filled.sum() < len(filled):
            again[:] = False
        places = np.zeros(count, np.int64)
        if again.any():
            chances = self._chances()
            places = np.searchsorted(chances, rng.random(count) * chances[-1], side="right")
        return self._again(places, again, self.draw(count, rng))

    def _again(self, places: Array, again: Array, fresh: Mapping[str, Array]) -> Tasks:
        """Return tasks: kept levels by their places where `again`, else new ones with the parameters `fresh`."""
        tasks = self.buffer.tasks(places, again, fresh)
        return Tasks(tasks.params, tasks.levels, None, again.astype(np.float64)) if self.weighs else tasks

    def _chances(self) -> Array:
        """Return the priorities added up; they are the same until the next report."""
        key = float(self._clock[0]), self.buffer["score"].tobytes()
        if self._known is None or self._known[0] != key:
            self._known = key, np.cumsum(self.priorities())
        return self._known[1]

    def priorities(self) -> Array:
        """Return how likely each place is played next."""
        filled, s = self.buffer.filled, self.settings
        best, count = np.argsort(np.where(filled, -self.buffer["score"], np.inf), kind="stable"), int(filled.sum())
        weights = np.zeros(len(filled))
        weights[best[:count]] = self._by_rank[:count]
        stale = np.where(filled, self._clock[0] - self.buffer["played"], 0.0)
        total, oldest = weights.sum(), stale.sum()
        mixed = (1.0 - s.staleness) * weights / total
        mixed += s.staleness * (stale / oldest if oldest > 0 else weights / total)
        return np.asarray(mixed / mixed.sum())

    def ended(self, episodes: Ended) -> None:
        self._clock += 1.0
        levels, places = episodes.records["level"], self._find(episodes)
        scores = self._score(episodes, places)
        known = places >= 0
        self.buffer["score"][places[known]] = scores[known]  # where a level was played twice, of the last
        self.buffer["played"][places[known]] = self._clock[0]
        if "scaled" in episodes.scores:
            np.maximum.at(self.buffer["best"], places[known], episodes.scores["scaled"][known])
        fresh = np.flatnonzero((places < 0) & (levels < HELD_OUT_BIT) & (episodes.starts < 0))
        _, first = np.unique(levels[fresh], return_index=True)
        fresh = fresh[np.sort(first)]
        self._insert(episodes, fresh[np.argsort(-scores[fresh], kind="stable")], scores)

    def _insert(self, episodes: Ended, fresh: Array, scores: Array) -> None:
        """Keep new levels where places are free, and in place of levels with lower scores; best ones first."""
        kept = np.where(self.buffer.filled, self.buffer["score"], -np.inf)
        room = np.argsort(kept, kind="stable")[: len(fresh)]
        better = scores[fresh[: len(room)]] > kept[room]  # first all that are, since the one falls and the other rises
        places, chosen = room[better], fresh[: len(room)][better]
        best = episodes.scores["scaled"][chosen] if "scaled" in episodes.scores else np.zeros(len(chosen))
        columns = {"score": scores[chosen], "played": np.full(len(chosen), self._clock[0]), "best": best}
        records = episodes.records[chosen]
        self._keep(places, records["level"], records["params"], **columns)

    def _find(self, episodes: Ended) -> Array:
        """Return where the levels of episodes are kept, -1 for those that are not."""
        return self.buffer.find(episodes.records["level"])

    def _keep(self, places: Array, levels: Array, params: Array, **columns: Array) -> None:
        """Put levels of the game's own into places."""
        self.buffer.keep(places, levels, params, **columns)

    def ranked(self, count: int) -> list[Ranked]:
        return self.buffer.ranked(count)

    def drop(self, key: int) -> bool:
        self._known = None
        return self.buffer.drop(key)

    def _score(self, episodes: Ended, places: Array) -> Array:
        found = episodes.scores
        if not found:  # nobody learns: what surprises is unknown
            return np.zeros(len(episodes))
        if self.settings.score != "regret":
            return np.asarray(found[self.settings.score])
        best = np.where(places >= 0, self.buffer["best"][places], -np.inf)
        return np.asarray(np.maximum(best, found["scaled"]) - found["value"])

    def state(self) -> dict[str, Array]:
        return {"clock": self._clock, **self.buffer.state()}

    def metrics(self) -> dict[str, float]:
        filled = self.buffer.filled
        return {
            "levels": float(filled.sum()),
            "score": float(self.buffer["score"][filled].mean()) if filled.any() else 0.0,
        }


class Learnable(Curriculum):
    """Sampling for learnability: levels that are solved sometimes, by p (1 - p), beside random ones.

    The paper judges new levels in rollouts of their own.  Here the random half of the episodes does: it is drawn from a
    pool of candidates until each was played `trials` times; then the most learnable ones are kept and the pool is new.
    No step is played that is not learned from.
    """

    @dataclass(frozen=True)
    class Settings:
        """Of the pool and of what is kept."""

        candidates: int = setting(1000, 2, 1_000_000, "levels judged at a time")
        trials: int = setting(4, 2, 1000, "episodes in which each is judged")
        capacity: int = setting(100, 1, 1_000_000, "the most learnable of them, which are kept")
        share: float = setting(0.5, 0.0, 1.0, "of the episodes, on kept levels")

    def __init__(self, env: Env, ranges: Mapping[str, Spread], settings: Any) -> None:
        super().__init__(env, ranges, settings)
        self.pool = Buffer(settings.candidates, ranges, ("played", "solved"))
        self._turn = np.zeros(1, np.int64)  # candidates given so far
        self.kept = Buffer(min(settings.capacity, settings.candidates), ranges)

    def next(self, count: int, rng: np.random.Generator) -> Tasks:
        if not self.pool.filled.any():
            self._renew(rng)
        again = (rng.random(count) < self.settings.share) & self.kept.filled.any()
        chosen = np.zeros(count, np.int64)
        if again.any():
            chosen = rng.integers(int(self.kept.filled.sum()), size=count)  # what is kept lies in front
        judged = self._give(count - int(again.sum()))
        places = np.zeros(count, np.int64)
        places[~again] = judged
        levels = np.where(again, self.kept.levels[chosen], self.pool.levels[places])
        params = {
            name: np.where(again, self.kept.params[name][chosen], self.pool.params[name][places])
            for name in self.ranges
        }
        return Tasks(params, levels)

    def _renew(self, rng: np.random.Generator) -> None:
        """Draw another pool."""
        size = len(self.pool.levels)
        self.pool.levels[:] = rng.integers(HELD_OUT_BIT, size=size)
        for name, values in self.draw(size, rng).items():
            self.pool.params[name][:] = values
        for column in self.pool.columns.values():
            column[:] = 0.0

    def _give(self, count: int) -> Array:
        """Return candidates to be judged, each in its turn."""
        places = (self._turn[0] + np.arange(count)) % len(self.pool.levels)
        self._turn += count
        return np.asarray(places)

    def ended(self, episodes: Ended) -> None:
        places = self.pool.find(episodes.records["level"])
        known = places >= 0
        np.add.at(self.pool["played"], places[known], 1.0)
        np.add.at(self.pool["solved"], places[known], episodes.success[known])
        played = self.pool["played"]
        if (played >= self.settings.trials).mean() < 0.9:  # few long episodes hold nobody up
            return
        rate = self.pool["solved"] / np.maximum(played, 1.0)
        score = np.where(played >= 2.0, rate * (1.0 - rate), 0.0)
        best = np.argsort(-score, kind="stable")[: len(self.kept.levels)]
        best = best[score[best] > 0.0]
        if len(best):
            self.kept.levels[:] = -1
            self.kept.levels[: len(best)] = self.pool.levels[best]
            self.kept["score"][: len(best)] = score[best]
            for name in self.ranges:
                self.kept.params[name][: len(best)] = self.pool.params[name][best]
        self.pool.levels[:] = -1  # drawn anew when the next episodes begin

    def ranked(self, count: int) -> list[Ranked]:
        return self.kept.ranked(count)

    def drop(self, key: int) -> bool:
        dropped, last = self.kept.drop(key), int(self.kept.filled.sum())
        if dropped and last and self.kept.levels[last] >= 0:  # what is kept lies in front
            (free,) = np.flatnonzero(~self.kept.filled[:last])
            params = {name: column[last].copy() for name, column in self.kept.params.items()}
            self.kept.keep(int(free), int(self.kept.levels[last]), params, score=self.kept["score"][last])
            self.kept.drop(int(self.kept.levels[last]))
        return dropped

    def state(self) -> dict[str, Array]:
        parts = {"pool": self.pool.state(), "kept": self.kept.state()}
        kept = {f"{part}.{name}": array for part, arrays in parts.items() for name, array in arrays.items()}
        return {"turn": self._turn, **kept}

    def metrics(self) -> dict[str, float]:
        filled = self.kept.filled
        return {
            "levels": float(filled.sum()),
            "learnability": float(self.kept["score"][filled].mean()) if filled.any() else 0.0,
            "judged": float((self.pool["played"] >= self.settings.trials).mean()),
        }
