"""Between a batch and a curriculum: notes which episodes end, and hands their rows the next tasks.

    director = Director(batch, load_curriculum(batch.env, "uniform", {"density": "0.1:0.6"}), seed=0)
    director.begin()                  # all rows begin anew
    batch.step(actions)
    director.follow(batch.began)      # after every step

A row's next task is written while its present episode is played, so a reset inside a kernel waits for nobody.
"""

import contextlib
import inspect
import traceback
from collections.abc import Iterator
from typing import Any

import numpy as np

from puffer_arena.batch.batch import Batch
from puffer_arena.core.fields import Array
from puffer_arena.curriculum.curriculum import Curriculum, Ended, Tasks, mean_return, successes
from puffer_arena.curriculum.ledger import Ledger
from puffer_arena.errors import ArenaError, ParameterError, TrainingError, shown
from puffer_arena.machine.loops import kernel


@kernel
def add_up(
    advantages: Any, values: Any, acting: Any, owners: Any, ends: Any, ended: Any, sums: Any, found: Any
) -> None:
    """Add up the steps of every row's present episode; where one ends, its sums go to `found` and begin anew.

    Args:
        advantages, values, acting: (time, streams).
        owners: the row of each stream, (streams,).
        ends, ended: step and row of each end, by step, (ends,).
        sums: |advantage|, positive advantage, value and steps of every row so far, (4, rows).
        found: those of the episodes that ended, (4, ends).
    """
    k = 0
    for t in range(advantages.shape[0]):
        for i in range(advantages.shape[1]):
            if acting[t, i]:
                row, advantage = owners[i], advantages[t, i]
                sums[0, row] += abs(advantage)
                sums[1, row] += max(advantage, 0.0)
                sums[2, row] += values[t, i]
                sums[3, row] += 1.0
        while k < len(ends) and ends[k] == t:
            for j in range(sums.shape[0]):
                found[j, k] = sums[j, ended[k]]
                sums[j, ended[k]] = 0.0
            k += 1


class Director:
    """Carries out a curriculum in a batch.

    Args:
        batch: whose episodes.
        curriculum: who chooses.
        seed: of its chance.
    """

    def __init__(self, batch: Batch, curriculum: Curriculum, seed: int = 0) -> None:
        self.batch, self.curriculum, self._seed = batch, curriculum, seed & (2**64 - 1)
        self._draws = np.zeros(1, np.int64)  # of tasks so far: the stream's counter
        self._pending: list[tuple[int, Array, Array]] = []  # step, rows and records of episodes that ended
        # Of the present episodes, for their scores: |advantage|, positive advantage, value, steps.
        self._sums = np.zeros((4, batch.num_envs))
        self._success = np.zeros(1)  # of the episodes last told of
        self.ledger = Ledger(batch)
        self.episodes = 0

    def begin(self) -> None:
        """Begin new episodes everywhere, of tasks from the curriculum."""
        everybody = np.arange(self.batch.num_envs)
        self._assign(everybody)
        self.batch.reset()
        self._assign(everybody)

    def change(self, curriculum: Curriculum) -> None:
        """Go on with another curriculum, from every row's next episode on.

        Raises:
            TrainingError: it cannot give tasks; the present one stays.
        """
        before, draws = self.curriculum, int(self._draws[0])
        self.curriculum = curriculum
        try:
            self._assign(np.arange(self.batch.num_envs))
        except ArenaError:
            self.curriculum, self._draws[0] = before, draws
            raise

    def follow(self, began: Array, t: int = 0) -> None:
        """Take in a step.

        Args:
            began: the batch's, as the step wrote it.
            t: which step of the rollout it was.
        """
        rows = np.flatnonzero(began if began.ndim == 1 else began[:, 0])
        if len(rows):
            self._pending.append((t, rows, self.batch.finished[rows]))
            self._assign(rows)

    def report(self) -> Ended | None:
        """Tell the curriculum of the episodes that ended since the last report, without scores."""
        return self._tell({})

    def learned(
        self, advantages: Array, values: Array, acting: Array, owners: Array, scale: float = 1.0
    ) -> Ended | None:
        """Tell the curriculum of the episodes that ended in a rollout, with what the learner made of them.

        Args:
            advantages, values: of every step, (time, streams).
            acting: which steps count, bool (time, streams).
            owners: the row that each stream belongs to, (streams,).
            scale: what rewards were divided by.
        """
        steps = np.concatenate([np.full(len(rows), t) for t, rows, _ in self._pending] or [np.zeros(0, np.int64)])
        rows = np.concatenate([rows for _, rows, _ in self._pending] or [np.zeros(0, np.int64)])
        sums = np.zeros((len(self._sums), len(rows)))
        taken = (np.ascontiguousarray(advantages, np.float32), np.ascontiguousarray(values, np.float32))
        add_up(*taken, np.ascontiguousarray(acting), owners, steps, rows, self._sums, sums)
        means = sums[:3] / np.maximum(sums[3], 1.0)
        return self._tell(dict(zip(("advantage", "surprise", "value"), means, strict=True)), scale)

    def metrics(self) -> dict[str, float]:
        """Return the share of successes, the means of the parameters that are moved, and the curriculum's own numbers."""
        params = self.batch.rows.params
        found = {"success": float(self._success[0])}
        found |= {name: float(params[name].mean()) for name in self.curriculum.ranges}
        return {f"curriculum/{name}": value for name, value in (found | self.curriculum.metrics()).items()}

    def state(self) -> dict[str, Array]:
        """Return the arrays that the next tasks depend on; a checkpoint is read back into them."""
        own = {"draws": self._draws, "sums": self._sums, "success": self._success}
        return own | {f"own.{name}": array for name, array in self.curriculum.state().items()}

    def _tell(self, scores: dict[str, Array], scale: float = 1.0) -> Ended | None:
        if not self._pending:
            return None
        records = np.concatenate([found for _, _, found in self._pending])
        returns = mean_return(records)
        if scores:
            scores["scaled"] = returns / max(scale, 1e-12)
        rows = np.concatenate([rows for _, rows, _ in self._pending])
        ended = Ended(rows, records, returns, successes(self.batch.env, records, returns), scores)
        self._pending.clear()
        self.episodes += len(ended)
        self._success[0] = ended.success.mean()
        self.ledger.note(ended)
        with self._naming():
            self.curriculum.ended(ended)
        return ended

    def _assign(self, rows: Array) -> None:
        """Write the next task of some rows.

        Raises:
            TrainingError: the curriculum raised, or returned what no row can have.
        """
        self._draws += 1
        rng = np.random.Generator(np.random.Philox(key=self._seed, counter=[0, 0, 0, int(self._draws[0])]))
        with self._naming():
            tasks = self.curriculum.next(len(rows), rng)
            if not isinstance(tasks, Tasks):
                raise ParameterError(f"next() returned {shown(tasks)}; it must return Tasks")
            for name, values in ({"levels": tasks.levels} | dict(tasks.params)).items():
                if values is not None and np.shape(values) not in ((), rows.shape):
                    raise ParameterError(f"next() gave {name} of shape {np.shape(values)}; it must be {rows.shape}")
            self.batch.assign(rows, tasks.params, tasks.levels)

    @contextlib.contextmanager
    def _naming(self) -> Iterator[None]:
        """Name the curriculum, and its line, in what it raises.

        Raises:
            TrainingError: something went wrong inside.
        """
        try:
            yield
        except Exception as error:
            frames = traceback.extract_tb(error.__traceback__)
            mine = [frame for frame in frames if frame.filename == inspect.getfile(type(self.curriculum))]
            where = f" ({mine[-1].filename}, line {mine[-1].lineno})" if mine else ""
            kind = "" if isinstance(error, ArenaError) else f"{type(error).__name__}: "
            raise TrainingError(f"curriculum {type(self.curriculum).__name__}{where}: {kind}{error}") from error
