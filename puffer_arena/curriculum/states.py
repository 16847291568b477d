"""States worth going on from: episodes begin again in mid-episode, where the learner was most surprised.

A buffer of whole rows, drawn by priority |advantage| ** alpha with importance weights (N P) ** -beta, as Schaul et al.
2015, arXiv 1511.05952, replay transitions.  Where nothing surprises yet, because no reward was ever met, a part of the
places may hold the states seen last, drawn alike: what begins there comes farther than what begins at a level, and its
states are the next to begin at.  Beginning from states that were reached before: Salimans and Chen 2018, arXiv
1812.03381; Ecoffet et al. 2021, arXiv 2004.12919.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from puffer_arena.batch.batch import Batch
from puffer_arena.batch.saving.kept import Kept
from puffer_arena.core.env import Env
from puffer_arena.core.fields import Array
from puffer_arena.curriculum.curriculum import Curriculum, Ended, Ranked, Tasks
from puffer_arena.curriculum.spread import Spread
from puffer_arena.curriculum.starts import KEY
from puffer_arena.machine.loops import kernel
from puffer_arena.settings import setting


@kernel
def choose_places(
    given: Array, holds: Array, scores: Array, filled: Array, latest: int, turn: Array, places: Array, chosen: Array
) -> int:
    """Give states places, one after another, and write their scores there.

    Args:
        given: scores of the states, (k,).
        holds: which of them there is room for, (k,).
        scores, filled: of the places, (capacity,).
        latest: how many places, the first ones, are for the states seen last.
        turn: which of those is the oldest, (1,).
        places, chosen: where this writes which state goes where, (2 k,).

    Returns:
        How many entries of `places` and `chosen` there are.
    """
    count, weakest = 0, -1  # the place with the lowest score, once all are taken and until that score changes
    for k in range(len(given)):
        if not holds[k]:
            continue
        if latest > 0:
            place = turn[0] % latest
            turn[0] = place + 1
            scores[place], filled[place] = given[k], True
            places[count], chosen[count] = place, k
            count += 1
        if latest == len(scores):
            continue
        if weakest < 0:
            weakest = latest
            for place in range(latest, len(scores)):
                if not filled[place]:
                    weakest = place
                    break
                if scores[place] < scores[weakest]:
                    weakest = place
        if not filled[weakest] or given[k] > scores[weakest]:
            scores[weakest], filled[weakest] = given[k], True
            places[count], chosen[count] = weakest, k
            count, weakest = count + 1, -1
    return count


class States(Curriculum):
    """Begins a share of the episodes in mid-episode, at kept states with high |advantage|."""

    @dataclass(frozen=True)
    class Settings:
        """Of the buffer and of what is drawn from it."""

        capacity: int = setting(1000, 1, 100_000, "states kept")
        share: float = setting(0.5, 0.0, 1.0, "of the episodes, that begin at a kept state")
        every: int = setting(1024, 1, 10**9, "steps, of which one is judged for the buffer")
        alpha: float = setting(0.6, 0.0, 10.0, "power of |advantage| in the priority; 0: all alike")
        beta: float = setting(0.4, 0.0, 1.0, "power of the importance weights; 0: none")
        latest: float = setting(
            0.0, 0.0, 1.0, "of the places, and of what is drawn: the states seen last, whatever their |advantage|"
        )
        fade: float = setting(0.99, 0.0, 1.0, "what is left of a priority after a rollout in which it was not renewed")
        deepest: int = setting(
            500, 1, 100_000, "steps into an episode, in physics: their states are reached by playing"
        )

    needs_scores: ClassVar[bool] = True
    weighs = True

    def __init__(self, env: Env, ranges: Mapping[str, Spread], settings: Any) -> None:
        super().__init__(env, ranges, settings)
        self.keeps, self.deepest, self.every = settings.capacity, settings.deepest, settings.every

    def begin(self, batch: Batch) -> None:
        batch.env.check_own("a curriculum of states")
        super().begin(batch)
        self._scores = np.zeros(self.keeps)
        self._latest = round(self.settings.latest * self.keeps)  # places, the first ones
        self._turn = np.zeros(1, np.int64)  # which of the latest is the oldest
        self._known: tuple[Array, Array] | None = None  # chances added up, and weights; until a score changes

    def next(self, count: int, rng: np.random.Generator) -> Tasks:
        params = self.draw(count, rng)
        again = (rng.random(count) < self.settings.share) & self.starts.filled.any()
        serials, weights = np.full(count, -1), np.ones(count)
        if again.any():
            chances, held = self._chances()
            places = np.searchsorted(chances, rng.random(int(again.sum())) * chances[-1], side="right")
            serials[again], weights[again] = self.starts.serials[places], held[places]
        return Tasks(params, None, serials, weights)

    def _chances(self) -> tuple[Array, Array]:
        """Return the chances added up, and every state's importance weight, 1 for the rarest."""
        if self._known is None:
            filled, s = self.starts.filled, self.settings
            first = np.arange(self.keeps) < self._latest
            latest, ranked = filled & first, filled & ~first
            priorities = np.where(ranked, np.maximum(self._scores, 1e-6) ** s.alpha, 0.0)
            share = s.latest if latest.any() and ranked.any() else float(latest.any())
            chances = share * latest / max(latest.sum(), 1) + (1.0 - share) * priorities / max(priorities.sum(), 1e-300)
            weights = np.where(filled, filled.sum() * chances, 1.0) ** -s.beta
            self._known = np.cumsum(chances), weights / weights[filled].max()
        return self._known

    def seen(self, rows: Kept, scores: Array) -> None:
        """Keep states in free places, in place of those with lower priorities, and among the latest."""
        self._known = None
        holds = np.array([self.starts.holds(rows, k) for k in range(len(scores))]) if self.starts.exact else scores >= 0
        places, chosen = np.zeros((2, 2 * len(scores)), np.int64)
        given, filled = np.asarray(scores, np.float64), self.starts.filled
        count = choose_places(given, holds, self._scores, filled, self._latest, self._turn, places, chosen)
        places, chosen = places[:count], chosen[:count]
        if self.starts.exact:
            for place, k in zip(places.tolist(), chosen.tolist(), strict=True):
                self.starts.put(place, rows, k)
        else:
            self.starts.put_all(places, rows, chosen)

    def ended(self, episodes: Ended) -> None:
        """Renew the priorities of the states that episodes began at: the mean |advantage| from there on."""
        self._known = None
        self._scores *= self.settings.fade
        if "advantage" in episodes.scores:
            places = self.starts.find(episodes.starts)
            self._scores[places[places >= 0]] = episodes.scores["advantage"][places >= 0]

    def ranked(self, count: int) -> list[Ranked]:
        filled, scores = self.starts.filled, self._scores
        best = np.argsort(np.where(filled, -scores, np.inf), kind="stable")[: min(count, int(filled.sum()))]
        return [Ranked(KEY + int(self.starts.serials[k]), float(scores[k]), place=int(k)) for k in best]

    def drop(self, key: int) -> bool:
        there = self.starts.serials == key - KEY
        self.starts.serials[there], self._scores[there], self._known = -1, 0.0, None
        return bool(there.any())

    def state(self) -> dict[str, Array]:
        return {"scores": self._scores, "turn": self._turn}

    def metrics(self) -> dict[str, float]:
        filled = self.starts.filled
        if not filled.any():
            return {"states": 0.0}
        depth = self.starts.states["step_count"][filled].mean()
        return {"states": float(filled.sum()), "score": float(self._scores[filled].mean()), "depth": float(depth)}
