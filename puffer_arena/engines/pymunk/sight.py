"""Compiled: rays that are cast after a step, and what they meet first."""

import sys
from typing import Any

from puffer_arena.engines.pymunk.calls import GET_BODY, GET_SENSOR, SEGMENT_QUERY
from puffer_arena.engines.pymunk.records import MOTION_X, MOTION_Y
from puffer_arena.engines.pymunk.touches import number_of
from puffer_arena.engines.pymunk.words import (
    CALLS,
    HIT,
    HIT_BODY,
    HIT_FRACTION,
    HIT_OTHER,
    MEET,
    NUM_RAYS,
    RAY_ORIGINS,
    RAY_RECORDS,
    RAYS,
    SPACE,
)
from puffer_arena.kernels.tables import BAD_POSE, FINE
from puffer_arena.kernels.world import FARTHEST
from puffer_arena.machine.calls import call_query, flag_of, load, load_real, pointer_of, store, store_real
from puffer_arena.machine.compile import jit

AX, AY, BX, BY, FRACTION, OTHER = range(6)  # words of a Ray2D


@jit
def check_rays(row: int, link: int) -> int:
    """Return the fault of rays that end outside the world."""
    for k in range(load(link, NUM_RAYS)):
        for j in range(FRACTION):
            if not abs(load_real(row + load(load(link, RAY_RECORDS), k), j)) < FARTHEST:
                return BAD_POSE
    return FINE


@jit
def cast_rays(row: int, link: int) -> None:
    """Write into the row what its rays meet."""
    calls, hit = load(link, CALLS), load(link, HIT)
    for k in range(load(link, NUM_RAYS)):
        ray, origin = row + load(load(link, RAY_RECORDS), k), load(load(link, RAY_ORIGINS), k)
        x, y = 0.0, 0.0
        if origin != 0:
            x, y = load_real(origin, MOTION_X), load_real(origin, MOTION_Y)
        ax, ay = x + load_real(ray, AX), y + load_real(ray, AY)
        bx, by = x + load_real(ray, BX), y + load_real(ray, BY)
        store(hit, HIT_BODY, load(load(link, RAYS), k))
        store_real(hit, HIT_FRACTION, 1.0)
        store(hit, HIT_OTHER, -1)
        if ax != bx or ay != by:
            call_query(load(calls, SEGMENT_QUERY), load(link, SPACE), (ax, ay, bx, by), (load(link, MEET), link))
        store_real(ray, FRACTION, load_real(hit, HIT_FRACTION))
        store(ray, OTHER, load(hit, HIT_OTHER))


@jit
def meet(shape: int, x: float, y: float, nx: float, ny: float, fraction: float, link: int) -> int:
    """Note a shape that a ray meets, if nothing nearer was met: Chipmunk calls this for each."""
    return note_hit(shape, fraction, link)


@jit
def meet_by_pointers(shape: int, point: int, normal: int, fraction: float, link: int) -> int:
    """`meet` where vectors are passed as pointers."""
    return note_hit(shape, fraction, link)


@jit
def note_hit(shape: int, fraction: float, link: int) -> int:
    """Note a shape that a ray meets; the body that the ray starts from and sensors are not met."""
    calls, hit = load(link, CALLS), load(link, HIT)
    body = pointer_of(load(calls, GET_BODY), (shape,))
    if body == load(hit, HIT_BODY) or flag_of(load(calls, GET_SENSOR), (shape,)) != 0:
        return 0
    other, nearest = number_of(body, link), load_real(hit, HIT_FRACTION)
    if fraction < nearest or (fraction == nearest and other > load(hit, HIT_OTHER)):
        store_real(hit, HIT_FRACTION, fraction)
        store(hit, HIT_OTHER, other)
    return 0


MEETING_BY_VALUE: tuple[Any, str] = (meet, "int64(int64, float64, float64, float64, float64, float64, int64)")
MEETING: tuple[Any, str] = (
    (meet_by_pointers, "int64(int64, int64, int64, float64, int64)") if sys.platform == "win32" else MEETING_BY_VALUE
)
