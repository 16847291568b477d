"""Where episodes begin: at a level of the game's own, at a row that the curriculum keeps, or at a level that was drawn."""

from collections.abc import Sequence

import numpy as np

from puffer_arena.batch.batch import Batch
from puffer_arena.batch.saving.past import raw
from puffer_arena.core.fields import Array
from puffer_arena.curriculum.curriculum import Curriculum
from puffer_arena.curriculum.hand import AT_LEVEL, DRAWN, Block, Places
from puffer_arena.curriculum.starts import Starts
from puffer_arena.errors import FileError
from puffer_arena.kernels.tables import Buffers
from puffer_arena.levels import Level
from puffer_arena.levels.drawn import rows_of


class Entrances:
    """Every row's next episode, and its present one.

    Attributes:
        waiting, present: AT_LEVEL, the serial number of a kept row, or DRAWN less the number of a drawn level.
        weights: how much is learned from the present episodes, (num_envs,).
        entering: see `Places`.
        places: these arrays, and what else a task writes.
        drawn: the drawn levels.
        share: of the episodes, that begin at drawn levels.
    """

    def __init__(self, batch: Batch) -> None:
        count = batch.num_envs
        self._batch, rows = batch, batch.table.rows
        self.waiting, self.present = np.full(count, AT_LEVEL), np.full(count, AT_LEVEL)
        self.next_weights, self.weights = np.ones(count), np.ones(count)
        self.entering = np.zeros(1 + count, np.int64)
        own = self.waiting, self.present, self.next_weights, self.weights, self.entering
        self.places = Places(raw(rows.following), rows.levels, *own)
        self.drawn, self.share = Starts(batch, 0), 0.0

    def draw(self, levels: Sequence[Level], share: float) -> None:
        """Let a share of the episodes begin at drawn levels, from every row's next task on.

        Raises:
            FileError: a level does not fit, or is not valid; all stays as it was.
        """
        drawn = Starts(self._batch, len(levels))
        if levels:
            kept = rows_of(self._batch, levels)
            for k in range(len(levels)):
                drawn.put(k, kept, k)
        self.drawn, self.share = drawn, share if levels else 0.0
        self.waiting[self.waiting <= DRAWN] = AT_LEVEL

    def mix(self, block: Block, rng: np.random.Generator) -> None:
        """Let a share of the tasks that were drawn begin at drawn levels."""
        if self.share:
            some = np.flatnonzero(rng.random(int(block.marks[1])) < self.share)
            block.starts[some] = DRAWN - rng.integers(len(self.drawn.serials), size=len(some))
            block.weights[some] = 1.0

    def enter(self, rows: Array, curriculum: Curriculum, out: Buffers) -> None:
        """Let the episodes that have just begun in some rows begin where they are to, as `present` says."""
        if self.share:
            begun = self.present[rows]
            drawn = rows[begun <= DRAWN]
            if len(drawn):
                self.drawn.enter(drawn, DRAWN - self.present[drawn], out)
        if not curriculum.keeps:
            gone = rows[self.present[rows] > AT_LEVEL]
            self.present[gone], self.weights[gone] = AT_LEVEL, 1.0
            return
        found, places = curriculum.starts.find_entering(rows, self.present, self.weights)
        if len(found):
            curriculum.starts.enter(found, places, out)

    def state(self) -> dict[str, Array]:
        """Return the arrays that the next episodes depend on."""
        return {
            "waiting": self.waiting,
            "present": self.present,
            "next_weights": self.next_weights,
            "weights": self.weights,
        }

    def check(self, what: str) -> None:
        """Check what a checkpoint wrote into the arrays.

        Raises:
            FileError: a level that was not drawn, or a weight that cannot be.
        """
        least = DRAWN - len(self.drawn.serials)
        if (self.waiting <= least).any():
            raise FileError(
                f"{what} is damaged: its episodes begin at level {DRAWN - self.waiting.min()} of those drawn"
            )
        for weights in (self.next_weights, self.weights):
            if not (np.isfinite(weights).all() and (weights >= 0.0).all()):
                raise FileError(f"{what} is damaged: weights of episodes are not numbers of at least 0")
