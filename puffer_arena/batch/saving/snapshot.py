"""One row as bytes: a header that names environment, version and layout, its state and parameters, then its past.

Between them lies what its bots keep, with a digest of who they are: where other bots are now, theirs begin anew.
"""

import hashlib
import zlib
from typing import Any

import numpy as np

from puffer_arena.core.bodies import check_physics
from puffer_arena.core.env import Env
from puffer_arena.core.fields import Array, check_finite, check_rows
from puffer_arena.core.params import check_together
from puffer_arena.errors import FileError, ParameterError
from puffer_arena.kernels.tables import Rows

MAGIC = b"PARENA2\n"
COUNTS = ("episodes", "episode_length", "seats")
PARTS = ("states", "params", "following", "levels")
DIGEST = 16  # bytes
SIZE = 4  # bytes of a length


def layout(env: Env, rows: Rows) -> bytes:
    """Return 16 bytes that differ between environments, versions and shapes."""
    return _digest(env.name, env.version, [str(getattr(rows, part).dtype.descr) for part in PARTS])


def bots_layout(env: Env, rows: Rows) -> bytes:
    """Return 16 bytes that differ between bots, and between what they keep."""
    return _digest(list(env.bots), str(rows.memories.dtype.descr), rows.memories.shape[1:])


def _digest(*described: Any) -> bytes:
    return hashlib.sha256(repr(described).encode()).digest()[:DIGEST]


def pack(env: Env, rows: Rows, i: int, past: bytes = b"") -> bytes:
    """Return row `i` as bytes, with what its engine needs to go on exactly."""
    memories: bytes = rows.memories[i].tobytes()
    kept = bots_layout(env, rows) + len(memories).to_bytes(SIZE, "little") + memories
    body = b"".join(getattr(rows, part)[i : i + 1].tobytes() for part in PARTS) + kept + past
    return MAGIC + layout(env, rows) + zlib.crc32(body).to_bytes(4, "little") + body


def unpack(env: Env, values: Any, rows: Rows, data: Any) -> tuple[dict[str, Array], bytes]:
    """Return the records of a snapshot, each of one row, and the past that it was given.

    Raises:
        FileError: damaged, or of another environment, version or shape.
    """
    sizes = [getattr(rows, part).dtype.itemsize for part in PARTS]
    head = len(MAGIC) + DIGEST
    if not isinstance(data, bytes) or len(data) < head or not data.startswith(MAGIC):
        raise FileError("this is no snapshot: it must be the bytes that Batch.snapshot returned")
    if data[len(MAGIC) : head] != layout(env, rows):
        raise FileError(
            f"the snapshot is of another environment, version or size than '{env.name}' version {env.version} "
            "with these parameters; make the batch as the one it came from"
        )
    body = data[head + 4 :]
    at = sum(sizes) + DIGEST + SIZE
    end = at + int.from_bytes(body[at - SIZE : at], "little")
    fits = len(body) >= max(at, end) if env.engine else len(body) == max(at, end)
    if not fits or zlib.crc32(body).to_bytes(4, "little") != data[head : head + 4]:
        raise FileError("the snapshot is damaged: its checksum does not fit its bytes")
    memories = np.zeros_like(rows.memories[:1])
    if body[at - SIZE - DIGEST : at - SIZE] == bots_layout(env, rows) and end - at == memories.nbytes:
        memories = np.frombuffer(body[at:end], memories.dtype).reshape(memories.shape)
    at, parts = 0, {"memories": memories}
    for part, size in zip(PARTS, sizes, strict=True):
        parts[part] = np.frombuffer(body[at : at + size], getattr(rows, part).dtype)
        at += size
    check_parts(env, values, **parts)
    return parts, body[end:]


def check_parts(
    env: Env,
    values: Any,
    states: Array,
    params: Array,
    following: Array | None = None,
    levels: Array | None = None,
    memories: Array | None = None,
    plan: Array | None = None,
    **statistics: Array,
) -> None:
    """Check rows from outside (a snapshot, a checkpoint, a frame) before any rule runs on them or draws them.

    Args:
        env: their environment.
        values: the Params of the batch they go to.
        states, params, following, levels, memories, plan: as in `Rows`; what did not come is None.
        statistics: the other arrays of `Rows`.

    Raises:
        FileError: a number lies outside what is allowed.
    """
    check_states(env, values, states)
    if levels is not None and not ((levels >= -1) & (levels < 1 << 32)).all():
        raise FileError(f"a level lies outside -1 to {(1 << 32) - 1}")
    if memories is not None:
        check_rows(memories, env.bot_memory, values)
    for records in (params, following):
        if records is not None:
            check_params(env, values, records)
    for records in statistics.values():
        check_statistics(records)
    if plan is not None and not (0 <= plan[0] <= 1 and 0 <= plan[1] < 1 << 31):
        raise FileError(f"a plan of levels is {plan.tolist()}; allowed: 0 or 1, and 0 to {(1 << 31) - 1}")


def check_statistics(records: Array) -> None:
    """Check statistics of episodes from outside, records that may hold others.

    Raises:
        FileError: a count is negative, or a number is not finite.
    """
    for name in records.dtype.names or ():
        if records.dtype[name].names:
            check_statistics(records[name])
        elif name in COUNTS and (records[name] < 0).any():
            raise FileError(f"statistics hold {records[name].min()} as '{name}'; it is at least 0")
    check_finite(records)


def check_states(env: Env, values: Any, states: Array) -> None:
    """Check states from outside.

    Raises:
        FileError: a field lies outside what is allowed.
    """
    check_rows(states, env.state, values)
    check_physics(states, env.state)


def check_params(env: Env, values: Any, records: Array) -> None:
    """Check parameter records from outside.

    Raises:
        FileError: one lies outside its range, or contradicts another.
    """
    for name, parameter in env.parameters.items() if len(records) else ():
        high = getattr(values, name) if name in env.dimensions else None
        for extreme in (records[name].min(), records[name].max()):
            try:
                parameter.check_number(extreme, high)
            except ParameterError as error:
                raise FileError(str(error)) from None
    try:
        check_together(env.params, records)
    except ParameterError as error:
        raise FileError(str(error)) from None
