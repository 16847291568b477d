"""How large a batch may be: estimated and refused before anything is allocated."""

import functools
import os
from pathlib import Path
from typing import Any

import numpy as np

from puffer_arena.batch.buffers import buffer_layout
from puffer_arena.batch.rows import rows_layout
from puffer_arena.core.actions import action_dtype
from puffer_arena.core.env import Env
from puffer_arena.core.spaces import Space
from puffer_arena.errors import ParameterError

MOST_THREADS = 1024
SCENE_BYTES = {None: 0, "pymunk": 8 << 10, "panda3d": 4 << 20}  # of one row's scene, at the least
CGROUPS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")
UNKNOWN = 1 << 40  # bytes, where the system does not say


@functools.cache
def memory_bytes() -> int:
    """Return how much memory this process could have, however much of it is in use."""
    known = [UNKNOWN]
    if hasattr(os, "sysconf"):
        known.append(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    for file in map(Path, CGROUPS):  # of a container
        if file.is_file() and (said := file.read_text().strip()).isdigit():
            known.append(int(said))
    return min(known)


def row_bytes(env: Env, values: Any, spaces: tuple[Space | None, ...], num_choices: int) -> int:
    """Return about how many bytes one row of a batch takes, with its buffers and its scene."""
    num_agents = len(env.agent_ids(values))
    observation, action, state = (*spaces, None)[:3]
    assert observation is not None and action is not None  # only the global state may be missing
    layouts = [
        *buffer_layout(observation, 1, num_agents, num_choices, len(env.signals), state).values(),
        *rows_layout(env, values, 1).values(),
    ]
    held = sum(dtype.itemsize * int(np.prod(shape, dtype=object)) for shape, dtype in layouts)
    actions = max(num_agents, 1) * action_dtype(action).itemsize
    return held + actions + SCENE_BYTES[env.engine]


def check_size(
    env: Env,
    values: Any,
    spaces: tuple[Space | None, ...],
    num_choices: int,
    num_envs: int,
    known: int | None = None,
    where: str = "memory",
) -> None:
    """Check that a batch's rows fit into memory.

    Args:
        env: the environment.
        values: the Params that size a row.
        spaces: observation and action, and the global state where it is observed, with their dimensions looked up.
        num_choices: as in `Batch`.
        num_envs: rows.
        known: bytes of memory; those that this process could have by default.
        where: they are, for the message.

    Raises:
        ParameterError: they do not; it says how many do.
    """
    each, limit = row_bytes(env, values, spaces, num_choices), known or memory_bytes()
    if each * num_envs <= limit:
        return
    most = limit // each
    sizes = ", ".join(sorted(env.dimensions))
    remedy = f"num_envs may be 1 to {most:,}" if most else "not even one row fits"
    smaller = f"; smaller values of {sizes} take less" if sizes else ""
    raise ParameterError(
        f"environment '{env.name}': num_envs = {num_envs} takes about {readable_size(each * num_envs)} of {where}, {readable_size(each)} a "
        f"row, and there are {readable_size(limit)}; with these parameters {remedy}{smaller}"
    )


def readable_size(count: int) -> str:
    """Return a number of bytes for people."""
    for unit, size in (("TB", 10**12), ("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if count >= size:
            return f"{count / size:,.1f} {unit}"
    return f"{count} bytes"
