"""An engine spread over processes: for engines whose calls threads cannot run side by side.

The rows lie in memory that all processes see.  The calling process takes the first span of rows itself; worker
processes take the others, with the same engine and hence the same bytes.
"""

from typing import Any

import numpy as np

from puffer_arena.batch.rows import rows_layout
from puffer_arena.batch.workers.interrupts import uninterrupted
from puffer_arena.batch.workers.processes import Workers
from puffer_arena.batch.workers.shared import Layout, SharedArrays
from puffer_arena.core.bodies import physics_dtype
from puffer_arena.core.env import Env
from puffer_arena.core.fields import Array
from puffer_arena.engines import Engine, open_engine
from puffer_arena.errors import WorkerError
from puffer_arena.kernels.tables import Rows, WorldRows
from puffer_arena.registry import load_env, source_digest

SHARED = ("states", "params", "following")
BINDING = tuple(name for name in WorldRows._fields if name not in Rows._fields)
SCENE = np.dtype([("link", np.int64), ("stage", np.int32), ("fault", np.int32)], align=True)


def shared_layout(env: Env, values: Any, num_envs: int) -> Layout:
    """Return the arrays that the processes of a batch share."""
    rows = rows_layout(env, values, num_envs)
    return {name: rows[name] for name in SHARED} | binding_layout(env, rows["states"][1], num_envs)


def binding_layout(env: Env, row: np.dtype[Any], num_envs: int) -> dict[str, tuple[tuple[int, ...], np.dtype[Any]]]:
    """Return the arrays that bind rows to their scenes (see `tables.WorldRows`)."""
    return {"scenes": ((num_envs,), SCENE), "built": ((num_envs,), physics_dtype(env.state, row))}


def share_rows(env: Env, values: Any, rows: Rows) -> tuple[SharedArrays, WorldRows]:
    """Move rows into shared memory, with scenes beside them."""
    memory = SharedArrays(shared_layout(env, values, len(rows.states)))
    for name in SHARED:
        memory[name][:] = getattr(rows, name)
    moved = rows._replace(**{name: memory[name] for name in SHARED})
    return memory, WorldRows(**moved._asdict(), **{name: memory[name] for name in BINDING})


class Arenas:
    """Engines in several processes that look like one (see `engines.Engine`).

    Args:
        env: the environment.
        env_id: by which the workers load it.
        rows: of the batch, in `memory`.
        values: the Params that sized the rows.
        memory: from `share_rows`.
        spans: of rows, one for each process; the first is this one's.
    """

    def __init__(
        self, env: Env, env_id: str, rows: WorldRows, values: Any, memory: SharedArrays, spans: list[tuple[int, int]]
    ) -> None:
        self._rows, self._seen = rows, rows.following.tobytes()
        params = {name: getattr(values, name) for name in env.parameters}
        common = {"env_id": env_id, "source": source_digest(env), "params": params, "num_envs": len(rows.states)}
        self._own = Part(env, rows, values, spans[0])
        self._workers = Workers(
            "puffer_arena.batch.workers.arenas:open_part",
            [{**common, "span": span} for span in spans[1:]],
            memory,
            [f"rows {low} to {high - 1}" for low, high in spans[1:]],
            quick=("move", "enter"),
        )
        memory.release()

    def check_process(self) -> None:
        """Refuse a fork, whose kernels would write into rows that its parent shares (see `Workers`)."""
        self._workers.check_process()

    def prepare(self) -> None:
        following = self._rows.following.tobytes()
        if following != self._seen:
            self._everywhere("prepare")
            self._seen = following

    def fit(self, i: int) -> None:
        self._everywhere("fit", i)

    def mend(self, i: int) -> None:
        self._everywhere("mend", i)

    def move(self) -> None:
        self._everywhere("move")

    def enter(self) -> None:
        self._everywhere("enter")

    def close(self) -> None:
        self._workers.close()
        self._own.close()

    def _everywhere(self, method: str, *arguments: Any) -> None:
        """Call a method for all spans at once; an interrupt waits, for workers cannot be called by half."""
        with uninterrupted():
            self._workers.start(method, *arguments)
            try:
                getattr(self._own, method)(*arguments)
            finally:
                self._workers.join()


class Part:
    """The engine of one span of rows."""

    def __init__(self, env: Env, rows: WorldRows, values: Any, span: tuple[int, int]) -> None:
        self._low, self._high = span
        own: dict[str, Array] = {name: getattr(rows, name)[slice(*span)] for name in SHARED + BINDING}
        self._engine: Engine = open_engine(env, rows._replace(**own), values)

    def prepare(self) -> None:
        self._engine.prepare()

    def fit(self, i: int) -> None:
        if self._low <= i < self._high:
            self._engine.fit(i - self._low)

    def mend(self, i: int) -> None:
        if self._low <= i < self._high:
            self._engine.mend(i - self._low)

    def move(self) -> None:
        self._engine.move()

    def enter(self) -> None:
        self._engine.enter()

    def close(self) -> None:
        self._engine.close()


def open_part(setup: Any, attach: Any) -> Part:
    """Make a worker's object (see `processes.Workers`)."""
    env = load_env(setup["env_id"])
    if source_digest(env) != setup["source"]:
        raise WorkerError(f"environment '{env.name}' has been edited since it was imported; import it anew")
    values = env.build_params(setup["params"])
    memory: SharedArrays = attach(shared_layout(env, values, setup["num_envs"]))
    arrays = {name: memory[name] for name in SHARED + BINDING}
    rows = WorldRows(**dict.fromkeys(WorldRows._fields) | arrays)  # engines look at nothing else
    return Part(env, rows, values, tuple(setup["span"]))
