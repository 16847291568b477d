"""Calling Chipmunk's C functions from compiled code, by the addresses that pymunk's extension exports.

Bodies' numbers are read and forces written where `motion_offset` finds them in memory: calling Chipmunk's getters
and setters for each would take as long as its step.

Everything passed is a pointer, an int or a double.  The one exception, `cpSegmentShapeSetEndpoints`, takes two
vectors by value: as four doubles in registers on the x86-64 and AArch64 conventions, as two pointers on Windows;
`find_problem` tries it before anything relies on it.  Addresses travel as data, never as constants, so compiled
code can be kept on disk.
"""

import functools
import sys
from typing import Any

import numpy as np
import pymunk
from pymunk._chipmunk import ffi, lib

from puffer_arena.core.compile import bind, compile_function, jit, load_numba
from puffer_arena.core.fields import Array

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
    "cpSpaceEachCachedArbiter",
    "pmSpaceArbiterIteratorFuncBatched",
    "cpArbiterGetShapes",
    "cpArbiterGetCount",
    "cpShapeGetSensor",
    "cpShapeGetBody",
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
    EACH_ARBITER,
    GET_ARBITER,
    GET_SHAPES,
    GET_COUNT,
    GET_SENSOR,
    GET_BODY,
) = range(len(NAMES))
REAL = 8  # bytes of a double, and of a word


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


@functools.cache
def primitives() -> dict[str, Any]:
    """Define the compiled primitives: memory at an address, and calls through one."""
    types: Any = load_numba().types
    from llvmlite import ir
    from numba.extending import intrinsic

    word, real = ir.IntType(64), ir.DoubleType()
    i64, f64 = types.int64, types.float64

    def native_call(returned: Any, native: list[Any], builder: Any, function: Any, values: list[Any]) -> Any:
        pointer = builder.inttoptr(function, ir.FunctionType(returned, native).as_pointer())
        return builder.call(pointer, values)

    def c_call(*arguments: Any, returned: int = 0) -> Any:
        """Return an intrinsic call(function, arguments) of a C function that returns nothing, or an int of some bits."""

        @intrinsic
        def call(context: Any, function: Any, given: Any) -> Any:
            def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
                native = [real if kind is f64 else word for kind in arguments]
                parts = [builder.extract_value(values[1], k) for k in range(len(native))]
                kind = ir.IntType(returned) if returned else ir.VoidType()
                result = native_call(kind, native, builder, values[0], parts)
                return (
                    builder.zext(result, word)
                    if 0 < returned < 64
                    else result
                    if returned
                    else context.get_dummy_value()
                )

            result_type = i64 if returned else types.void
            return result_type(i64, types.Tuple(arguments)), generate

        return call

    @intrinsic
    def call_segment(context: Any, function: Any, shape: Any, ends: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            ends = [builder.extract_value(values[2], k) for k in range(4)]
            if sys.platform == "win32":
                pair = ir.ArrayType(real, 2)
                pointers = []
                for k in (0, 2):
                    vector = builder.insert_value(
                        builder.insert_value(ir.Constant(pair, None), ends[k], 0), ends[k + 1], 1
                    )
                    slot = builder.alloca(pair)
                    builder.store(vector, slot)
                    pointers.append(builder.ptrtoint(slot, word))
                native_call(ir.VoidType(), [word] * 3, builder, values[0], [values[1], *pointers])
            else:
                native_call(ir.VoidType(), [word, *[real] * 4], builder, values[0], [values[1], *ends])
            return context.get_dummy_value()

        return types.void(i64, i64, types.UniTuple(f64, 4)), generate

    def memory(builder: Any, base: Any, index: Any, kind: Any) -> Any:
        at = builder.add(base, builder.mul(index, ir.Constant(word, 8)))
        return builder.inttoptr(at, kind.as_pointer())

    def reader(kind: Any, result: Any) -> Any:
        @intrinsic
        def read(context: Any, base: Any, index: Any) -> Any:
            def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
                return builder.load(memory(builder, values[0], values[1], kind))

            return result(i64, i64), generate

        return read

    def writer(kind: Any, given: Any) -> Any:
        @intrinsic
        def write(context: Any, base: Any, index: Any, value: Any) -> Any:
            def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
                builder.store(values[2], memory(builder, values[0], values[1], kind))
                return context.get_dummy_value()

            return types.void(i64, i64, given), generate

        return write

    @intrinsic
    def store_i32(context: Any, base: Any, value: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            small = ir.IntType(32)
            builder.store(builder.trunc(values[1], small), builder.inttoptr(values[0], small.as_pointer()))
            return context.get_dummy_value()

        return types.void(i64, i64), generate

    @intrinsic
    def fetch(context: Any, at: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            pointer, number = ir.IntType(8).as_pointer(), ir.IntType(32)
            kind = ir.FunctionType(ir.VoidType(), [pointer, number, number, number])
            prefetch = builder.module.declare_intrinsic("llvm.prefetch", [pointer], kind)
            to_write, keep, data = number(1), number(3), number(1)
            builder.call(prefetch, [builder.inttoptr(values[0], pointer), to_write, keep, data])
            return context.get_dummy_value()

        return types.void(i64), generate

    return {
        "fetch": fetch,
        "load": reader(word, i64),
        "store": writer(word, i64),
        "load_real": reader(real, f64),
        "store_real": writer(real, f64),
        "store_i32": store_i32,
        "call_pp": c_call(i64, i64),
        "call_ppp": c_call(i64, i64, i64),
        "call_pf": c_call(i64, f64),
        "count_of": c_call(i64, returned=32),
        "flag_of": c_call(i64, returned=8),
        "pointer_of": c_call(i64, returned=64),
        "call_segment": call_segment,
    }


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
    probe = compile_function(bind(_probe, "probe", **primitives()), "the pymunk engine")
    probe(table[SET_ENDPOINTS], address(segment._shape))
    if (tuple(segment.a), tuple(segment.b)) != ((1.5, -2.5), (3.5, 4.5)):
        return "this platform passes vectors to C functions in another way than compiled physics expects"
    return None


def _unbound(*_: Any) -> Any:
    raise AssertionError("a template was called before it was bound")


call_segment = _unbound


@jit
def _probe(function: int, shape: int) -> None:
    call_segment(function, shape, (1.5, -2.5, 3.5, 4.5))
