"""Compiled: numbers of a scene that the rules changed are given to Chipmunk."""

import math

from puffer_arena.engines.pymunk.calls import REINDEX, SET_OFFSET
from puffer_arena.engines.pymunk.tuned import CIRCLE, FIXED, POLYGON, REAL, VECTOR
from puffer_arena.engines.pymunk.words import (
    BASES,
    CALLS,
    NUM_TUNERS,
    SCALED,
    SPACE,
    TUNED,
    TUNED_NUMBERS,
    TUNED_RECORDS,
    TUNER_BASE,
    TUNER_COUNT,
    TUNER_HOW,
    TUNER_LIMIT,
    TUNER_OBJECT,
    TUNER_SETTER,
    TUNER_WORDS,
    TUNERS,
)
from puffer_arena.kernels.tables import FAULTS, FINE, UNTUNED
from puffer_arena.kernels.world import STRONGEST
from puffer_arena.machine.calls import (
    REAL as BYTES,
)
from puffer_arena.machine.calls import (
    call_pf,
    call_pp,
    call_ppp,
    call_segment,
    call_vector,
    load,
    load_real,
    store_real,
)
from puffer_arena.machine.compile import jit


@jit
def tune(row: int, link: int, inside: bool) -> int:
    """Give Chipmunk the numbers that changed, and return the row's fault; `inside` where shapes are in the space."""
    fault, tuners, places, tuned = FINE, load(link, TUNERS), load(link, TUNED_RECORDS), load(link, TUNED)
    for k in range(load(link, NUM_TUNERS)):
        tuner, given, at = tuners + TUNER_WORDS * BYTES * k, tuned + 2 * BYTES * k, row + load(places, k)
        a, b = load_real(at, 0), (load_real(at, 1) if load(tuner, TUNER_HOW) >= VECTOR else 0.0)
        if a != load_real(given, 0) or b != load_real(given, 1):
            if is_allowed(tuner, load(tuner, TUNER_HOW), a, b):
                store_real(given, 0, a)
                store_real(given, 1, b)
                set_numbers(tuner, link, a, b, inside)
            else:
                fault = UNTUNED + FAULTS * load(load(link, TUNED_NUMBERS), k)
    return fault


@jit
def set_numbers(tuner: int, link: int, a: float, b: float, inside: bool) -> None:
    """Give Chipmunk a tuner's numbers."""
    target, setter, how = load(tuner, TUNER_OBJECT), load(tuner, TUNER_SETTER), load(tuner, TUNER_HOW)
    if how == REAL:
        call_pf(setter, (target, a))
    elif how == VECTOR:
        call_vector(setter, target, (a, b))
    elif how != FIXED:
        resize(tuner, link, a, b)
        if inside:
            call_pp(load(load(link, CALLS), REINDEX), (load(link, SPACE), target))


@jit
def is_allowed(tuner: int, how: int, a: float, b: float) -> bool:
    """Tell whether the engine takes a tuner's numbers."""
    limit = load_real(tuner, TUNER_LIMIT)
    if how == FIXED:
        return a == 0.0
    fits = abs(a) < STRONGEST and a > limit
    if how >= VECTOR:
        fits = fits and abs(b) < STRONGEST and b > limit
    return fits and (how != CIRCLE or a == b)


@jit
def resize(tuner: int, link: int, a: float, b: float) -> None:
    """Give a shape its geometry as built, scaled by `a` along x and `b` along y."""
    shape, setter = load(tuner, TUNER_OBJECT), load(tuner, TUNER_SETTER)
    base = load(link, BASES) + BYTES * load(tuner, TUNER_BASE)
    how = load(tuner, TUNER_HOW)
    if how == CIRCLE:
        call_pf(setter, (shape, a * load_real(base, 0)))
        call_vector(load(load(link, CALLS), SET_OFFSET), shape, (a * load_real(base, 1), a * load_real(base, 2)))
    elif how == POLYGON:
        corners, scaled = load(tuner, TUNER_COUNT), load(link, SCALED)
        for j in range(corners):
            store_real(scaled, 2 * j, a * load_real(base, 2 * j))
            store_real(scaled, 2 * j + 1, b * load_real(base, 2 * j + 1))
        call_ppp(setter, (shape, corners, scaled))
    else:
        start = a * load_real(base, 0), b * load_real(base, 1)
        end = a * load_real(base, 2), b * load_real(base, 3)
        call_segment(setter, shape, (start[0], start[1], end[0], end[1]))


@jit
def forget_tuned(link: int) -> None:
    """Have all numbers given anew."""
    for k in range(load(link, NUM_TUNERS)):
        store_real(load(link, TUNED), 2 * k, math.nan)
