"""The tables of a block that only some scenes fill: tuners, rays, one-way shapes and lists of contacts."""

import itertools
from typing import Any

import numpy as np
from pymunk._chipmunk import ffi, lib

from puffer_arena.engines.pymunk.calls import address, motion_offset, symbol
from puffer_arena.engines.pymunk.scene import ONE_WAY, Scene
from puffer_arena.engines.pymunk.tuned import CIRCLE, EDGE, POLYGON, Tuner
from puffer_arena.engines.pymunk.words import (
    BASES,
    ENTRIES,
    ENTRY_WORDS,
    HIT,
    LIST_STARTS,
    LISTED,
    LISTS,
    NUM_LISTED,
    NUM_LISTS,
    NUM_ONE_WAYS,
    NUM_RAYS,
    NUM_TUNERS,
    ONE_WAY_NORMALS,
    ONE_WAYS,
    RAY_ORIGINS,
    RAYS,
    SCALED,
    TUNED,
    TUNED_NUMBERS,
    TUNED_RECORDS,
    TUNER_WORDS,
    TUNERS,
)
from puffer_arena.machine.calls import REAL

RESIZERS = {
    CIRCLE: "cpCircleShapeSetRadius",
    POLYGON: "cpPolyShapeSetVertsRaw",
    EDGE: "cpSegmentShapeSetEndpoints",
}


def feature_tables(scene: Scene) -> tuple[dict[int, Any], dict[int, int]]:
    """Return a block's tables, and words that are numbers."""
    offset = motion_offset()
    assert offset is not None  # find_problem checked it
    placed = [(*place, tuner) for place, each in zip(scene.tuned, scene.tuners, strict=True) for tuner in each]
    tuners = [tuner for _, _, tuner in placed]
    bases = list(itertools.accumulate((len(tuner.base) for tuner in tuners), initial=0))
    listed = [(address(shape._shape), k) for k, shapes in enumerate(scene.contacts) for shape in shapes]
    starts = list(itertools.accumulate(scene.list_sizes, initial=0))
    tables: dict[int, Any] = {
        TUNERS: [word for tuner, base in zip(tuners, bases, strict=False) for word in tuner_words(tuner, base)],
        TUNED: np.zeros(2 * len(tuners)),
        TUNED_RECORDS: [at + tuner.offset for at, _, tuner in placed],
        TUNED_NUMBERS: [first + tuner.offset // REAL for _, first, tuner in placed],
        BASES: np.array([number for tuner in tuners for number in tuner.base], np.float64),
        SCALED: np.zeros(max((len(tuner.base) for tuner in tuners), default=0)),
        RAYS: [0 if body is None else address(body._body) for body in scene.rays],
        RAY_ORIGINS: [0 if body is None else address(body._body) + offset for body in scene.rays],
        HIT: [0, 0, 0],
        ONE_WAYS: [address(shape._shape) for shape in scene.one_ways],
        ONE_WAY_NORMALS: np.zeros(2 * len(scene.one_ways)),
        LISTED: [pointer for pointer, _ in listed],
        LISTS: [k for _, k in listed],
        LIST_STARTS: starts,
        ENTRIES: np.zeros(ENTRY_WORDS * starts[-1], np.int64),
    }
    numbers = {
        NUM_TUNERS: len(tuners),
        NUM_RAYS: len(scene.rays),
        NUM_ONE_WAYS: len(scene.one_ways),
        NUM_LISTED: len(listed),
        NUM_LISTS: len(scene.contacts),
    }
    return tables, numbers


def tuner_words(tuner: Tuner, base: int) -> list[int]:
    """Return the words of one tuner; `base` is its place in BASES."""
    pointer = getattr(tuner.handle, "_shape", None) or getattr(tuner.handle, "_constraint", None) or tuner.handle._body
    setter = RESIZERS.get(tuner.how, tuner.setter)
    limit = int(np.array([tuner.limit]).view(np.int64)[0])
    words = [address(pointer), symbol(setter) if setter else 0, tuner.how, limit, base, len(tuner.base) // 2]
    assert len(words) == TUNER_WORDS
    return words


def bind_one_ways(scene: Scene, decide: int, block: int) -> None:
    """Have Chipmunk call the compiled function at `decide` about the contacts of one-way shapes."""
    for shape in scene.one_ways:
        shape.collision_type = ONE_WAY
    if scene.one_ways:
        wildcard = int(ffi.cast("uintptr_t", ~0))
        handler = lib.cpSpaceAddCollisionHandler(scene.space._space, ONE_WAY, wildcard)
        handler.preSolveFunc = ffi.cast("cpCollisionPreSolveFunc", decide)
        handler.userData = ffi.cast("void *", block)
