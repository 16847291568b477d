"""Engines that move the bodies of a batch's rows, behind the same few verbs."""

import importlib
from typing import Any, Protocol

from puffer_arena.core.env import Env
from puffer_arena.kernels.tables import WorldRows

MODULES = {"pymunk": "puffer_arena.engines.pymunk.choose", "panda3d": "puffer_arena.engines.bullet.engine"}
PROCESSES = {"panda3d"}  # engines whose calls hold one lock: they need a process where others need a thread


class Engine(Protocol):
    """What moves the bodies of one batch; it reads and writes the rows' physics fields in place.

    `rows.scenes` says what is due: see `kernels/world.py`.  A row whose forces or poses are no usable numbers gets a
    fault and is left where it was.
    """

    def prepare(self) -> None:
        """Build the scenes that the next resets need: parameters may have changed since the last call."""

    def fit(self, i: int) -> None:
        """Make row `i`'s scene the one of the parameters now in force: its row came from outside."""

    def move(self) -> None:
        """Advance the rows whose stage is MOVES by one step."""

    def enter(self) -> None:
        """Take over the rows whose stage is ENTERS: same row, same future, whatever was there before."""

    def mend(self, i: int) -> None:
        """Make the scene of row `i` anew from its row: a body was lost."""

    def close(self) -> None:
        """Free the scenes."""


def needs_processes(env: Env) -> bool:
    """Tell whether rows stepped side by side need processes of their own."""
    return env.engine in PROCESSES


def compiled_parts(env: Env) -> dict[str, Any]:
    """Return the engine's parts of kernels (see `bind_world_kernels`), or nothing where it needs Python.

    Raises:
        MissingExtra: the engine is not installed.
    """
    parts: dict[str, Any] = importlib.import_module(MODULES[str(env.engine)]).compiled_parts()
    return parts


def open_engine(env: Env, rows: WorldRows, values: Any, enter: Any = None) -> Engine:
    """Return the engine of a batch's rows.

    Args:
        env: the environment.
        rows: of the batch; `scenes` is filled in.
        values: the Params that sized the rows.
        enter: where kernels with `compiled_parts` step these rows, the one that takes them over: enter(span, rows).

    Raises:
        MissingExtra: the engine is not installed.
        DefinitionError: `build` does not fit the State.
    """
    engine: Engine = importlib.import_module(MODULES[str(env.engine)]).open_engine(env, rows, values, enter)
    return engine
