"""Stepping the first rows that are ready, instead of waiting for the slowest (Weng et al. 2022, EnvPool).

    desk = FirstCome(make("gymnasium:LunarLander-v3", 64, threads=4), least=32)
    desk.send(np.arange(64), actions)
    while True:
        rows, step = desk.receive()             # of at least 32 rows
        desk.send(rows, policy(step.obs))

Rows come by workers: a batch of 64 in 4 of them comes 16 at a time.
"""

import numpy as np

from puffer_arena.batch.batch import Batch
from puffer_arena.core.action_checks import check_actions
from puffer_arena.core.fields import Array
from puffer_arena.errors import ParameterError
from puffer_arena.kernels.tables import Step


class FirstCome:
    """A batch of another library's environments, in worker processes, of which some rows are stepped at a time.

    Args:
        batch: made with `threads` of 2 or more; it is stepped by nothing else meanwhile.
        least: rows that `receive` waits for.

    Raises:
        ParameterError: the batch has no worker processes, or fewer rows.
    """

    def __init__(self, batch: Batch, least: int) -> None:
        if batch.env.stepped_by is None or not batch.stepper.pool.pids:
            raise ParameterError(
                "first come, first served is for environments of other libraries in workers: threads=2 or more"
            )
        if not 1 <= least <= batch.num_envs:
            raise ParameterError(f"least = {least}; the batch has 1 to {batch.num_envs} rows to wait for")
        self.batch, self.least, self._stepper = batch, least, batch.stepper
        self._away: list[int] = []  # workers that step

    def send(self, rows: Array, actions: Array) -> None:
        """Have some rows step: all of every worker that one of them is of.

        Args:
            rows: their numbers, (k,).
            actions: for them, (k[, agents], *shape).

        Raises:
            ParameterError: part of a worker's rows, or rows that step already.
            ActionError: see `Batch.step`.
        """
        batch = self.batch
        workers = [k for k, (low, high) in enumerate(self._stepper.pool.spans) if ((rows >= low) & (rows < high)).any()]
        whole = sum(high - low for low, high in (self._stepper.pool.spans[k] for k in workers))
        if whole != len(rows) or len(set(rows.tolist())) != whole or set(workers) & set(self._away):
            raise ParameterError(f"rows {rows.tolist()[:20]} must be all those of some workers that do not step now")
        everybody = batch.actions.copy()
        everybody[rows] = actions
        with self._stepper.alone:
            self._stepper.send(workers, check_actions(batch.env.name, batch.action, everybody, batch.actions))
        self._away += workers

    def receive(self) -> tuple[Array, Step]:
        """Wait for the first rows that are ready, and return their numbers and what became of them, copies.

        Raises:
            ParameterError: fewer rows step than are waited for.
            ArenaError: see `Batch.step`.
        """
        spans, pool = self._stepper.pool.spans, self._stepper.pool
        sizes = {k: spans[k][1] - spans[k][0] for k in self._away}
        if sum(sizes.values()) < self.least:
            raise ParameterError(f"{sum(sizes.values())} rows step; {self.least} are waited for: send more")
        ready: list[int] = []
        with self._stepper.alone:
            while sum(sizes[k] for k in ready) < self.least:
                ready += pool.ready([k for k in self._away if k not in ready])
            self._stepper.receive(ready)
        self._away = [k for k in self._away if k not in ready]
        rows = np.concatenate([np.arange(*spans[k]) for k in sorted(ready)])
        return rows, Step(*(self._stepper.desk[name][rows] for name in Step._fields))
