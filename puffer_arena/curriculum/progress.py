"""Learning progress over parameters: what is drawn most is where success changes most.

The space of the ranges is cut into cells, each with a fast and a slow mean of the returns; their difference is the
absolute learning progress (Oudeyer et al. 2007; Portelas et al. 2019, arXiv 1910.07224, fit Gaussians instead).
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from puffer_arena.core.env import Env
from puffer_arena.core.fields import Array
from puffer_arena.curriculum.curriculum import Curriculum, Ended, Tasks
from puffer_arena.curriculum.spread import Spread
from puffer_arena.errors import ParameterError
from puffer_arena.machine.loops import kernel
from puffer_arena.settings import setting

MOST_CELLS = 100_000


@kernel
def follow(cells: Any, values: Any, seen: Any, mean: Any, weight: float) -> None:
    """Move the means of cells towards values, (k,) both; one that was seen `seen` times before takes its first for whole.

    The weight of a value is at least one over how many the cell has seen with it.
    """
    more = np.zeros(len(mean))
    for k in range(len(cells)):
        cell = cells[k]
        more[cell] += 1.0
        mean[cell] += max(weight, 1.0 / (seen[cell] + more[cell])) * (values[k] - mean[cell])


class Progress(Curriculum):
    """Draws cells by their absolute learning progress, and some at random."""

    @dataclass(frozen=True)
    class Settings:
        """Of cells and means."""

        bins: int = setting(10, 2, 1000, "parts into which each range is cut")
        explore: float = setting(0.2, 0.0, 1.0, "share of episodes drawn from all of the ranges")
        fast: float = setting(0.1, 1e-4, 1.0, "weight of an episode in a cell's fast mean")
        slow: float = setting(0.02, 1e-5, 1.0, "and in its slow mean")

    def __init__(self, env: Env, ranges: Mapping[str, Spread], settings: Any) -> None:
        super().__init__(env, ranges, settings)
        if not ranges:
            raise ParameterError("alp needs ranges: --curriculum.ranges PARAMETER=LOW:HIGH")
        if several := [name for name, spread in ranges.items() if spread.parameter.size]:
            raise ParameterError(
                f"alp: '{several[0]}' is an array, whose numbers would each need cells; use uniform or plr"
            )
        # A pinned parameter has one cell.
        self._shape = tuple(1 if spread.low == spread.high else settings.bins for spread in ranges.values())
        cells = math.prod(self._shape)
        if cells > MOST_CELLS:
            raise ParameterError(
                f"alp: {settings.bins} bins for each range, {len(ranges)} in all, make {cells} cells; at most {MOST_CELLS}"
            )
        self._fast, self._slow, self._seen = np.zeros(cells), np.zeros(cells), np.zeros(cells)

    def next(self, count: int, rng: np.random.Generator) -> Tasks:
        reached = np.cumsum(np.abs(self._fast - self._slow))
        parts = rng.random((count, len(self.ranges)))
        if reached[-1] > 0.0:
            cells = np.searchsorted(reached, rng.random(count) * reached[-1], side="right")
            within = (np.stack(np.unravel_index(cells, self._shape), axis=1) + parts) / self._shape
            parts = np.where(rng.random((count, 1)) < self.settings.explore, parts, within)
        return Tasks({name: spread.at(parts[:, k]) for k, (name, spread) in enumerate(self.ranges.items())})

    def ended(self, episodes: Ended) -> None:
        params = episodes.records["params"]
        parts = [spread.part(params[name]) for name, spread in self.ranges.items()]
        places = tuple((part * bins).astype(np.int64) for part, bins in zip(parts, self._shape, strict=True))
        cells = np.ravel_multi_index(places, self._shape)
        means = (self._fast, self.settings.fast), (self._slow, self.settings.slow)
        for mean, weight in means:
            follow(cells, episodes.returns, self._seen, mean, weight)
        np.add.at(self._seen, cells, 1.0)

    def state(self) -> dict[str, Array]:
        return {"fast": self._fast, "slow": self._slow, "seen": self._seen}

    def metrics(self) -> dict[str, float]:
        return {"progress": float(np.abs(self._fast - self._slow).mean())}
