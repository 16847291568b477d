"""Who steps the rows of another library's environments: this process, workers that share its memory, or actors of Ray.

A worker takes a span of rows.  On this machine nothing but the order to step goes from process to process: actions and
what comes of them lie in memory that all see.  One that dies or hangs is named with its last words and begun anew, a few
times; the episodes of its rows are cut off there.
"""

import base64
import sys
import time
from collections.abc import Sequence
from typing import Any

import cloudpickle
import numpy as np

from puffer_arena.batch.buffers import Layout
from puffer_arena.batch.workers.interrupts import uninterrupted
from puffer_arena.batch.workers.processes import Workers
from puffer_arena.batch.workers.shared import SharedArrays
from puffer_arena.batch.workers.spans import split
from puffer_arena.errors import DefinitionError, WorkerError
from puffer_arena.foreign.cluster import Actors
from puffer_arena.foreign.origin import maker
from puffer_arena.foreign.part import BEGINS, PARTS, STEPS, SoloPart
from puffer_arena.foreign.seeds import Seeder
from puffer_arena.foreign.shape import VECTOR, Shape
from puffer_arena.foreign.vector import VectorPart

FACTORY = "puffer_arena.foreign.worker:open_part"  # by name: that opens environments, which have pools


class Pool:
    """Steps rows by parts.

    Args:
        env: a ForeignEnv.
        values: its parameters.
        shape: of its environments with these.
        layout: of the desk.
        num_envs: rows.
        workers: processes or actors; 0 for none but this one.

    Attributes:
        desk: the arrays by which everybody speaks.
        spans: of rows, one for each worker; one for all without.
        part: what this process steps; None with workers.
        workers: the others that step; None without.
    """

    def __init__(self, env: Any, values: Any, shape: Shape, layout: Layout, num_envs: int, workers: int) -> None:
        self.name, self._restarts = env.name, env.origin.restarts
        self._timeout, self._several = env.origin.timeout, shape.several
        self.spans = split(num_envs, max(workers, 1))
        self.workers: Workers | Actors | None = None
        self.part: Any = None
        if not workers:
            self.desk: Any = {name: np.zeros(size, dtype) for name, (size, dtype) in layout.items()}
            kind: Any = VectorPart if shape.kind == VECTOR else PARTS[shape.kind]
            self.part = kind(env.name, maker(env.origin, values), shape, self.desk, self.spans[0])
            if isinstance(self.part, SoloPart):  # a worker goes without: Numba would take each a second and 50 MB
                self.part.seeder = Seeder(num_envs)
            return
        common = {
            "env_id": env.origin.env_id,
            "make": _as_text(env),
            "params": {name: getattr(values, name) for name in env.parameters},
            "counters": dict(shape.counters),
            "masks": shape.masks,
            "described": shape.described(),
            "num_envs": num_envs,
        }
        setups = [{**common, "span": span} for span in self.spans]
        names = [f"rows {low} to {high - 1} of '{env.name}'" for low, high in self.spans]
        if env.origin.on_ray:
            self.desk = {name: np.zeros(size, dtype) for name, (size, dtype) in layout.items()}
            self.workers = Actors(FACTORY, setups, self.desk, names)
            return
        memory = SharedArrays(layout)
        self.desk = memory.arrays
        self.workers = Workers(FACTORY, setups, memory, names, quick=("move",), replaced=True)

    @property
    def pids(self) -> list[int]:
        """The processes of the workers."""
        return [] if self.workers is None else self.workers.pids

    def move(self) -> None:
        """Have every row do what it is to do.

        Raises:
            WorkerError: an environment raised, or workers died or hang more often than is allowed.
            ArenaError: an environment gave what its spaces do not say.
        """
        if self.workers is None:
            self.part.move()
            return
        with uninterrupted():
            everybody = range(len(self.spans))
            self.send(everybody)
            self.receive(everybody)

    def send(self, some: Sequence[int]) -> None:
        """Have some workers move their rows."""
        assert self.workers is not None  # only who has workers sends
        self.workers.check_process()
        for k in some:
            self.workers.call_one(k, "move")

    def receive(self, some: Sequence[int]) -> None:
        """Wait for the workers that were sent for; see `move`."""
        assert self.workers is not None
        failed: Exception | None = None
        for k in some:
            try:
                if fate := self.workers.wait_for(k, self._timeout):
                    self._mend(k, fate)
            except Exception as error:  # the others' answers are to be taken all the same
                failed = failed or error
        if failed is not None:
            raise failed

    def ready(self, among: Sequence[int]) -> list[int]:
        """Wait for the first of the workers sent for, and return those that are done."""
        assert self.workers is not None
        until = time.monotonic() + self._timeout
        while time.monotonic() < until:
            if found := self.workers.wait_for_any(among, self._timeout):
                return found
        return list(among)  # `receive` says who is late

    def _mend(self, k: int, fate: str) -> None:
        """Begin a worker anew, and the rows of it; their episodes are cut off where they were."""
        assert self.workers is not None
        span = slice(*self.spans[k])
        desk = self.desk
        going = desk["todo"][span] == STEPS
        last, playing = desk["obs"][span].copy(), desk["alive"][span].copy()
        while fate:
            if not self._restarts:
                self.close()
                raise WorkerError(f"{fate}\nand workers have been begun anew as often as is allowed")
            self._restarts -= 1
            print(f"{fate}\nit is begun anew, and the episodes of its rows are cut off", file=sys.stderr)
            desk["todo"][span] = BEGINS
            fate = self.workers.replace(k)
            if not fate:
                self.workers.call_one(k, "move")
                fate = self.workers.wait_for(k, self._timeout)
        desk["final_obs"][span], desk["ended"][span] = last, going
        desk["truncated"][span] = going[:, None] & playing if self._several else going

    def close(self) -> None:
        """End the processes, and close the environments of this one."""
        if self.workers is None:
            self.part.close()
        else:
            self.workers.close()


def _as_text(env: Any) -> str:
    """Return the function that makes environments, for other processes; "" where an id says it all.

    Raises:
        DefinitionError: it cannot leave this process.
    """
    if not env.origin.env_id.startswith("emulated:"):
        return ""
    try:
        return base64.b64encode(cloudpickle.dumps(env.origin.make)).decode()
    except Exception as error:
        raise DefinitionError(
            f"environment '{env.name}': the function that makes it cannot be given to worker processes ({error}); make what "
            "it holds inside of it, or step in this process alone with threads=1"
        ) from None
