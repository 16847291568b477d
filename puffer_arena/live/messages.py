"""What a trainer sends to its windows: a kind, a JSON header and raw arrays.

    hello    header: who is training what;  bodies: the metrics so far as JSON, and the points since then
    status   header: training or paused, a note, the parameters in force
    metrics  header: count, steps, values
    frame    header: steps;                 bodies: rows, states, params, probs, values
    policy   header: steps;                 body: safetensors

A window checks all of it before it is used, rows as those of a snapshot; nothing is ever unpickled.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from puffer_arena.batch.frame import Frame
from puffer_arena.batch.saving.snapshot import check_params, check_states
from puffer_arena.core.env import Env
from puffer_arena.core.fields import Array
from puffer_arena.core.params import params_record
from puffer_arena.curriculum.gallery import Shown
from puffer_arena.curriculum.gallery import read as read_gallery
from puffer_arena.errors import FileError, printable
from puffer_arena.live.commands import MAX_ROWS, decode_header, encode_header, read_count

PROTOCOL = 2
MAX_HISTORY = 8_000_000  # bytes of metrics
MAX_BODY = 256_000_000  # a policy
MAX_BINS = 64  # of one parameter


@dataclass(frozen=True)
class Steering:
    """What a trainer tells of its curriculum and of what people have changed.

    Args:
        curriculum: its table; empty where there is none.
        bins: parameter -> low, high, and per bin "next", "seen" and "won"; see `curriculum.ledger`.
        levels: the best of the curriculum's buffer.
        changes: the newest, oldest first: (steps, name, before, after).
    """

    curriculum: dict[str, Any] = field(default_factory=dict)
    bins: dict[str, dict[str, Any]] = field(default_factory=dict)
    changes: tuple[tuple[int, str, Any, Any], ...] = ()
    levels: tuple[Shown, ...] = ()


def read_steering(given: Any, env: Env) -> Steering:
    """Read it from outside.

    Raises:
        FileError: it is something else.
    """
    given = given if isinstance(given, dict) else {}
    table, bins, changes = given.get("curriculum", {}), given.get("bins", {}), given.get("changes", [])
    if not (isinstance(table, dict) and isinstance(bins, dict) and isinstance(changes, list)):
        raise FileError("steering that is no table, bins and changes")
    for name, parts in bins.items():
        if name not in env.parameters or not isinstance(parts, dict):
            raise FileError(f"bins of '{printable(name, 40)}', which is no parameter")
        counts = [parts.get(part) for part in ("next", "seen", "won")]
        whole = all(isinstance(row, list) and 0 < len(row) <= MAX_BINS and all(map(_is_number, row)) for row in counts)
        if not whole or len({len(row) for row in counts if row}) > 1:
            raise FileError(f"bins of '{name}' that are no equal lists of numbers")
        if not (_is_number(parts.get("low")) and _is_number(parts.get("high")) and parts["low"] < parts["high"]):
            raise FileError(f"bins of '{name}' without a range")
    for change in changes:
        if not (
            isinstance(change, list) and len(change) == 4 and type(change[0]) is int and isinstance(change[1], str)
        ):
            raise FileError("a change that is no steps, name, before and after")
    told = tuple((steps, printable(name, 100), before, after) for steps, name, before, after in changes)
    return Steering(table, bins, told, read_gallery(given.get("levels", [])))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def encode_frame(frame: Frame) -> list[bytes]:
    """Return a frame as header and raw arrays."""
    missing = np.zeros(0, np.float32)
    probs = missing if frame.probs is None else np.ascontiguousarray(frame.probs, np.float32)
    values = missing if frame.values is None else np.ascontiguousarray(frame.values, np.float32)
    header = encode_header({"steps": frame.steps, "probs": list(probs.shape), "values": list(values.shape)})
    arrays = (frame.rows.astype(np.int64), frame.states, frame.params, probs, values)
    return [header, *(array.tobytes() for array in arrays)]


def decode_frame(parts: Sequence[bytes], env: Env, values: Any, num_envs: int) -> Frame:
    """Read a frame from outside.

    Args:
        parts: the message behind its kind.
        env: the environment here.
        values: the Params that size its rows.
        num_envs: rows there are.

    Raises:
        FileError: its sizes do not fit, or a row holds what no row can.
    """
    if len(parts) != 6:
        raise FileError(f"a frame of {len(parts)} parts; it has 6")
    header = decode_header(parts[0])
    count, rest = divmod(len(parts[1]), 8)
    if rest or not 0 < count <= MAX_ROWS:
        raise FileError(f"a frame of {len(parts[1])} bytes of row numbers; at most {MAX_ROWS} rows are watched")
    rows = np.frombuffer(parts[1], np.int64)
    if not ((rows >= 0) & (rows < num_envs)).all():
        raise FileError(f"a frame of rows {rows.min()} to {rows.max()}; there are 0 to {num_envs - 1}")
    steps = read_count(header, "steps")
    states = _read_records("states", parts[2], env.row_dtype(values), count)
    params = _read_records("params", parts[3], params_record(values).dtype, count)
    check_states(env, values, states)
    check_params(env, values, params)
    probs = _read_floats(parts[4], header.get("probs"), count, 3)
    critic = _read_floats(parts[5], header.get("values"), count, 2)
    for what, numbers in (("episode_return", states["episode_return"]), ("probs", probs), ("values", critic)):
        if numbers is not None and not np.isfinite(numbers).all():
            raise FileError(f"a frame with numbers in {what} that are not finite")
    return Frame(steps, rows, states, params, probs, critic)


def _read_records(what: str, data: bytes, dtype: np.dtype[Any], count: int) -> Array:
    """Return `count` records."""
    if len(data) != count * dtype.itemsize:
        raise FileError(f"a frame with {len(data)} bytes of {what}; {count} rows take {count * dtype.itemsize}")
    return np.frombuffer(data, dtype)


def _read_floats(data: bytes, shape: Any, count: int, axes: int) -> Array | None:
    """Return float32 numbers of shape (count, ...), or None when there are none."""
    if not data:
        return None
    whole = isinstance(shape, list) and all(type(size) is int and 0 < size < 2**16 for size in shape)
    if not whole or len(shape) != axes or shape[0] != count or math.prod(shape) * 4 != len(data):
        raise FileError(f"a frame with {len(data)} bytes for numbers of shape {printable(shape, 40)}")
    return np.frombuffer(data, np.float32).reshape(shape)
