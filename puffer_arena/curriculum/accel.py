"""Levels that grow harder by small edits: what is worth playing again is changed a little and kept beside it.

`accel`: Parker-Holder et al. 2022, arXiv 2203.01302, for every game that declares what of its levels may be edited.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from puffer_arena.batch.batch import Batch
from puffer_arena.batch.make import make
from puffer_arena.batch.saving.kept import OWN, Kept
from puffer_arena.batch.saving.past import raw
from puffer_arena.core.env import Env
from puffer_arena.core.fields import Array
from puffer_arena.curriculum.curriculum import Ended, Ranked, Tasks
from puffer_arena.curriculum.levels import LevelReplay
from puffer_arena.curriculum.spread import Spread
from puffer_arena.curriculum.starts import KEY
from puffer_arena.levels.drawn import editor_of
from puffer_arena.levels.edits import vary
from puffer_arena.settings import setting


class Accel(LevelReplay):
    """Prioritized level replay whose kept levels are edited, by what the game's editor can change.

    The paper plays an edited level once before it is kept.  Here it has its parent's score until it was played, so that
    no step is played that is not learned from.
    """

    @dataclass(frozen=True)
    class Settings(LevelReplay.Settings):
        """Those of plr, and of the edits."""

        replay: float = setting(0.8, 0.0, 1.0, "share of episodes on kept levels, once half of the places are taken")
        edits: int = setting(2, 0, 1000, "kept levels that are edited after a rollout")
        changes: int = setting(
            3, 1, 1000, "cells painted or things moved in an edit, fewer where no valid level is found"
        )

    def __init__(self, env: Env, ranges: Mapping[str, Spread], settings: Any) -> None:
        editor_of(env)
        super().__init__(env, ranges, settings)
        self.keeps = settings.capacity
        self._due, self._made = np.zeros(1, np.int64), np.zeros(1, np.int64)

    def begin(self, batch: Batch) -> None:
        super().begin(batch)
        self._scratch = make(batch.env_id, **asdict(batch.param_values))

    def next(self, count: int, rng: np.random.Generator) -> Tasks:
        for _ in range(int(self._due[0])):
            self._edit(rng)
        self._due[0] = 0
        return super().next(count, rng)

    def _again(self, places: Array, again: Array, fresh: Mapping[str, Array]) -> Tasks:
        tasks = super()._again(places, again, fresh)
        edited = again & self.starts.filled[places]
        assert tasks.levels is not None  # those of a buffer
        levels = np.where(edited, -1, tasks.levels)
        return Tasks(tasks.params, levels, np.where(edited, self.starts.serials[places], -1), tasks.weights)

    def _edit(self, rng: np.random.Generator) -> None:
        """Put an edit of a kept level, drawn by its priority, in the place of the level with the lowest score."""
        filled = self.buffer.filled
        if not filled.any():
            return
        chances = self._chances()
        parent = int(np.searchsorted(chances, rng.random() * chances[-1], side="right"))
        place, score = int(np.argmin(np.where(filled, self.buffer["score"], -np.inf))), self.buffer["score"][parent]
        if place == parent:
            return
        self._write(parent)
        if not vary(self._scratch, rng, self.settings.changes):
            return
        rows = self._scratch.rows
        serial = self.starts.put(place, Kept(rows.states[:1], rows.params[:1]), 0)
        self.buffer.keep(place, KEY + serial, rows.params[0], score=score, played=self._clock[0])
        self._made += 1

    def _write(self, place: int) -> None:
        """Let the row in which levels are edited show a kept level, at whose beginning `vary` puts it."""
        rows = self._scratch.table.rows
        if self.starts.filled[place]:
            own = rows.states[list(OWN)][0].copy()
            for ours, kept in zip((rows.states, rows.params), self.starts.bytes, strict=True):
                raw(ours)[0] = kept[place]
            rows.states[list(OWN)][0] = own
            return
        for name, column in self.buffer.params.items():
            rows.following[name][0] = column[place]
        rows.levels[0] = self.buffer.levels[place]
        self._scratch.reset()

    def _find(self, episodes: Ended) -> Array:
        return np.where(episodes.starts >= 0, self.starts.find(episodes.starts), super()._find(episodes))

    def _keep(self, places: Array, levels: Array, params: Array, **columns: Array) -> None:
        super()._keep(places, levels, params, **columns)
        self.starts.serials[places] = -1

    def ranked(self, count: int) -> list[Ranked]:
        places = self.starts.find
        return [
            replace(one, level=-1, place=int(places(np.array([one.key - KEY]))[0])) if one.key >= KEY else one
            for one in super().ranked(count)
        ]

    def drop(self, key: int) -> bool:
        self.starts.serials[self.starts.serials == key - KEY] = -1
        return super().drop(key)

    def ended(self, episodes: Ended) -> None:
        super().ended(episodes)
        self._due[0] = self.settings.edits

    def state(self) -> dict[str, Array]:
        return {**super().state(), "due": self._due, "made": self._made}

    def metrics(self) -> dict[str, float]:
        return {**super().metrics(), "edited": float(self.starts.filled.sum()), "edits": float(self._made[0])}
