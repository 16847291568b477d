"""The pymunk engine: which of its two ways a batch's rows are stepped.

In compiled code through the functions that pymunk's own extension exports (`pymunk_native`), or in Python through
pymunk's public API (`pymunk_public`): the same bits, slower.  The second way serves interpreted batches, and
platforms or versions where a symbol is missing, which is said once.  PUFFER_ARENA_PYMUNK=public asks for it.
"""

import functools
import os
from typing import Any

from puffer_arena.core.env import Env
from puffer_arena.errors import MissingExtra, require
from puffer_arena.kernels.tables import WorldRows
from puffer_arena.machine.notices import say_once

OLDEST = (7, 0)


def compiled_parts() -> dict[str, Any]:
    """Return the engine's parts of kernels, or nothing without the native functions."""
    check_version()
    if os.environ.get("PUFFER_ARENA_PYMUNK") == "public":
        return {}
    from puffer_arena.engines.pymunk.calls import find_problem
    from puffer_arena.engines.pymunk.moves import KERNEL_PARTS

    problem = find_problem()
    if problem:
        say_once(f"{problem}; physics runs through pymunk's public API, which is slower")
        return {}
    return KERNEL_PARTS


def open_engine(env: Env, rows: WorldRows, values: Any, enter: Any) -> Any:
    """Return the engine of a batch's rows."""
    check_version()
    if enter is not None:
        from puffer_arena.engines.pymunk.native import NativeEngine

        return NativeEngine(env, rows, values, enter)
    from puffer_arena.engines.pymunk.public import PublicEngine

    return PublicEngine(env, rows, values)


@functools.cache
def check_version() -> None:
    """Import pymunk.

    Raises:
        MissingExtra: it is not installed, or older than what this engine is written for.
    """
    pymunk = require("pymunk", "physics")
    version = tuple(int(part) for part in pymunk.version.split(".")[:2])
    if version < OLDEST:
        raise MissingExtra(f"pymunk {pymunk.version} is too old; install 7.3 with: pip install 'puffer-arena[physics]'")
