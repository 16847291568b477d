"""What compiled code needs to know of Chipmunk: the addresses that pymunk's extension exports, and where bodies' numbers lie.

They are read and forces written where `motion_offset` finds them in memory: calling Chipmunk's getters and setters for
each would take as long as its step.  Addresses travel as data, never as constants, so compiled code can be kept on disk.
`find_problem` tries all that is taken for granted before anything relies on it.
"""

import functools
from typing import Any

import numpy as np
import pymunk
from pymunk._chipmunk import ffi, lib

from puffer_arena.core.fields import Array
from puffer_arena.machine.calls import call_segment
from puffer_arena.machine.compile import compile_function, jit

NAMES = (
    "cpSpaceStep",
    "cpSpaceEachBody",
    "pmSpaceBodySetIteratorFuncBatched",
    "cpSpaceRemoveShape",
    "cpSpaceAddShape",
    "cpSpaceSetShapeIDCounter",
    "cpBodyUpdatePosition",
    "cpConstraintSetMaxForce",
    "cpSegmentShapeSetEndpoints",
    "cpSpaceReindexShape",
    "cpSpaceEachCachedArbiter",
    "pmSpaceArbiterIteratorFuncBatched",
    "cpArbiterGetShapes",
    "cpArbiterGetCount",
    "cpShapeGetSensor",
    "cpShapeGetBody",
    "cpCircleShapeSetOffset",
    "cpSpaceSegmentQuery",
    "cpArbiterIsFirstContact",
    "cpArbiterGetProcessCollision",
    "cpArbiterSetProcessCollision",
)
(
    STEP,
    EACH_BODY,
    SET,
    REMOVE_SHAPE,
    ADD_SHAPE,
    SET_ID,
    UPDATE_POSITION,
    SET_MAX_FORCE,
    SET_ENDPOINTS,
    REINDEX,
    EACH_ARBITER,
    GET_ARBITER,
    GET_SHAPES,
    GET_COUNT,
    GET_SENSOR,
    GET_BODY,
    SET_OFFSET,
    SEGMENT_QUERY,
    FIRST_CONTACT,
    GET_PROCESS,
    SET_PROCESS,
) = range(len(NAMES))


def address(pointer: Any) -> int:
    """Return a cffi pointer as a number."""
    return int(ffi.cast("uintptr_t", pointer))


def symbol(name: str) -> int:
    """Return the address of an exported function.

    Raises:
        AttributeError: this build of pymunk does not export it.
    """
    return address(ffi.addressof(lib, name))


@functools.cache
def call_table() -> Array:
    """Return the addresses of `NAMES`, in order."""
    return np.array([symbol(name) for name in NAMES], np.int64)


MOTION = ("x", "y", "vx", "vy", "fx", "fy", "angle", "spin", "torque")  # a body's doubles, as they lie in its memory
SEARCHED = 24  # doubles from a body's beginning on


@functools.cache
def motion_offset() -> int | None:
    """Return at which byte of a body `MOTION` begins, found by looking for values that were set; None if nowhere."""
    offsets = []
    for scale in (1.0, -3.7):
        body, values = pymunk.Body(3, 5), [scale * (1.25 + k) for k in range(len(MOTION))]
        body.position, body.velocity, body.force = values[0:2], values[2:4], values[4:6]  # type: ignore[assignment]  # pymunk takes any pair
        body.angle, body.angular_velocity, body.torque = values[6:]
        memory = np.frombuffer(ffi.buffer(ffi.cast("char *", body._body), 8 * SEARCHED), np.float64)
        offsets += [8 * k for k in range(SEARCHED - len(values)) if memory[k : k + len(values)].tolist() == values]
    return offsets[0] if len(offsets) == 2 and offsets[0] == offsets[1] else None


@functools.cache
def find_problem() -> str | None:
    """Return why the native functions cannot be used here, or None."""
    if not pymunk.version.startswith("7.3."):
        return f"compiled physics is written for pymunk 7.3 and this is {pymunk.version}"
    if ffi.sizeof("cpFloat") != 8 or ffi.sizeof("void *") != 8:
        return "compiled physics needs a 64-bit platform"
    try:
        table = call_table()
    except (AttributeError, TypeError, ffi.error) as error:
        return f"this build of pymunk does not export what compiled physics calls ({error})"
    if motion_offset() is None:
        return "this build of pymunk lays bodies out in memory in another way than compiled physics expects"
    space = pymunk.Space()
    segment = pymunk.Segment(space.static_body, (0, 0), (1, 0), 0.5)
    space.add(segment)
    probe = compile_function(_probe, "the pymunk engine")
    probe(table[SET_ENDPOINTS], address(segment._shape))
    if (tuple(segment.a), tuple(segment.b)) != ((1.5, -2.5), (3.5, 4.5)):
        return "this platform passes vectors to C functions in another way than compiled physics expects"
    return None


@jit
def _probe(function: int, shape: int) -> None:
    call_segment(function, shape, (1.5, -2.5, 3.5, 4.5))
