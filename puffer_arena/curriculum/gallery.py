"""What a curriculum would play again, as windows are told of it: the best of its buffer, each to be shown and played."""

import base64
import binascii
import math
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from puffer_arena.batch.batch import Batch
from puffer_arena.batch.saving.past import raw
from puffer_arena.batch.saving.snapshot import check_params, check_states
from puffer_arena.core.env import Env
from puffer_arena.core.fields import Array
from puffer_arena.curriculum.curriculum import Curriculum
from puffer_arena.errors import FileError

MOST = 8  # levels that windows are told of
MOST_BYTES = 2_500  # of a row, compressed and as text; larger ones are told without
MOST_KEY = 1 << 62
MOST_LEVEL = (1 << 32) - 1


@dataclass(frozen=True)
class Shown:
    """One of them: a level by its number and parameters, or a whole row.

    Args:
        key, score, level, params: as `Ranked`.
        row: state and parameters, compressed; empty for a level of the game's own.
    """

    key: int
    score: float
    level: int = -1
    params: Mapping[str, Any] = field(default_factory=dict)
    row: bytes = b""


def tell(curriculum: Curriculum) -> list[list[Any]]:
    """Return the best of a curriculum's buffer as plain values, which `read` reads."""
    told = []
    for one in curriculum.ranked(MOST):
        text = ""
        if one.place >= 0:
            place = slice(one.place, one.place + 1)
            row = b"".join(raw(part[place]).tobytes() for part in (curriculum.starts.states, curriculum.starts.params))
            text = base64.b64encode(zlib.compress(row, 9)).decode()
        if len(text) <= MOST_BYTES:
            told.append([one.key, float(f"{one.score:.4g}"), one.level, dict(one.params), text])
    return told


def read(given: Any) -> tuple[Shown, ...]:
    """Read it from outside; rows are checked when they are shown.

    Raises:
        FileError: it is something else.
    """
    if not isinstance(given, list) or len(given) > MOST:
        raise FileError(f"kept levels that are no list of at most {MOST}")
    return tuple(_read(one) for one in given)


def _read(one: Any) -> Shown:
    if not isinstance(one, list) or len(one) != 5:
        raise FileError("a kept level that is no key, score, level, params and row")
    key, score, level, params, text = one
    whole = type(key) is int and type(level) is int and 0 <= key < MOST_KEY and -1 <= level <= MOST_LEVEL
    number = isinstance(score, int | float) and not isinstance(score, bool) and math.isfinite(score)
    if not (whole and number and isinstance(params, dict) and isinstance(text, str) and len(text) <= MOST_BYTES):
        raise FileError("a kept level with numbers that cannot be")
    try:
        return Shown(key, float(score), level, params, base64.b64decode(text, validate=True))
    except binascii.Error:
        raise FileError("a kept level whose row is no text of bytes") from None


def enter(batch: Batch, shown: Shown) -> None:
    """Let row 0 of a batch, which was made as the trainer's, begin there.

    Raises:
        ArenaError: it holds what no row can.
    """
    which = np.arange(batch.num_envs) == 0
    batch.assign([0], shown.params, shown.level)
    batch.reset(which=which)
    if not shown.row:
        return
    states, params = _unpack(batch.env, batch.param_values, batch.rows.states.dtype, batch.rows.params.dtype, shown.row)
    raw(batch.rows.states)[0], raw(batch.rows.params)[0] = raw(states)[0], raw(params)[0]
    batch.adopt(which)
    batch.look(which)


def _unpack(env: Env, values: Any, states: Any, params: Any, data: bytes) -> tuple[Array, Array]:
    size = states.itemsize + params.itemsize
    opened = zlib.decompressobj()
    try:
        row = opened.decompress(data, size + 1)
    except zlib.error:
        row = b""
    if len(row) != size:
        raise FileError(f"a kept row of {len(row)} bytes; it has {size}")
    state = np.frombuffer(row[: states.itemsize], states).copy()
    parameters = np.frombuffer(row[states.itemsize :], params).copy()
    check_states(env, values, state)
    check_params(env, values, parameters)
    return state, parameters
