"""The compiled primitives of the native engine: memory at an address, and calls through one.

Everything passed is a pointer, an int or a double, or else a structure of two words by value, a vector or a filter: in
two registers on the x86-64 and AArch64 conventions, as a pointer on Windows (`_by_value`).
"""

import importlib
import sys
from collections.abc import Callable
from typing import Any

from puffer_arena.machine.compile import load_numba

numba: Any = load_numba()  # before anything else imports it: it says where compiled code is kept

from llvmlite import ir  # noqa: E402

REAL = 8  # bytes of a double, and of a word
extending: Any = importlib.import_module("numba.extending")
WORD, DOUBLE = ir.IntType(64), ir.DoubleType()
i64, f64, void = numba.types.int64, numba.types.float64, numba.types.void


def intrinsic(function: Callable[..., Any]) -> Any:
    """Make a primitive of what writes its machine code."""
    return extending.intrinsic(function)


def _call(returned: Any, native: list[Any], builder: Any, function: Any, values: list[Any]) -> Any:
    pointer = builder.inttoptr(function, ir.FunctionType(returned, native).as_pointer())
    return builder.call(pointer, values)


def _c_call(*arguments: Any, returned: int = 0) -> Any:
    """Return an intrinsic call(function, arguments) of a C function that returns nothing, or an int of some bits."""

    @intrinsic
    def call(context: Any, function: Any, given: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            native = [DOUBLE if kind is f64 else WORD for kind in arguments]
            parts = [builder.extract_value(values[1], k) for k in range(len(native))]
            kind = ir.IntType(returned) if returned else ir.VoidType()
            result = _call(kind, native, builder, values[0], parts)
            if not returned:
                return context.get_dummy_value()
            return builder.zext(result, WORD) if returned < 64 else result

        result_type = i64 if returned else void
        return result_type(i64, numba.types.Tuple(arguments)), generate

    return call


@intrinsic
def call_segment(context: Any, function: Any, shape: Any, ends: Any) -> Any:
    """Call a C function of a pointer and two vectors."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        ends = [builder.extract_value(values[2], k) for k in range(4)]
        _call(ir.VoidType(), *_by_value(builder, values[0], [values[1], ends[:2], ends[2:]]))
        return context.get_dummy_value()

    return void(i64, i64, numba.types.UniTuple(f64, 4)), generate


@intrinsic
def call_vector(context: Any, function: Any, pointer: Any, vector: Any) -> Any:
    """Call a C function of a pointer and a vector."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        parts = [builder.extract_value(values[2], k) for k in range(2)]
        _call(ir.VoidType(), *_by_value(builder, values[0], [values[1], parts]))
        return context.get_dummy_value()

    return void(i64, i64, numba.types.UniTuple(f64, 2)), generate


@intrinsic
def call_query(context: Any, function: Any, space: Any, ends: Any, callback: Any) -> Any:
    """Call `cpSpaceSegmentQuery` for a ray without thickness that no shape's filter rejects.

    Args of the intrinsic: the function, the space, the ray's ends (4 doubles), (callback, what it is given).
    """

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        ends = [builder.extract_value(values[2], k) for k in range(4)]
        callback = [builder.extract_value(values[3], k) for k in range(2)]
        everything = [WORD(0), WORD(-1)]  # a cpShapeFilter: no group; all categories and all masks
        given = [values[1], ends[:2], ends[2:], DOUBLE(0.0), everything, *callback]
        _call(ir.VoidType(), *_by_value(builder, values[0], given))
        return context.get_dummy_value()

    return void(i64, i64, numba.types.UniTuple(f64, 4), numba.types.UniTuple(i64, 2)), generate


def _by_value(builder: Any, function: Any, given: list[Any]) -> tuple[list[Any], Any, Any, list[Any]]:
    """Return what `_call` takes after the result's type for arguments of which some, pairs, are structures by value."""
    values: list[Any] = []
    for argument in given:
        if not isinstance(argument, list):
            values.append(argument)
        elif sys.platform == "win32":
            pair = ir.ArrayType(argument[0].type, 2)
            filled = builder.insert_value(builder.insert_value(ir.Constant(pair, None), argument[0], 0), argument[1], 1)
            slot = builder.alloca(pair)
            builder.store(filled, slot)
            values.append(builder.ptrtoint(slot, WORD))
        else:
            values += argument
    return [value.type for value in values], builder, function, values


def _memory(builder: Any, base: Any, index: Any, kind: Any) -> Any:
    at = builder.add(base, builder.mul(index, ir.Constant(WORD, REAL)))
    return builder.inttoptr(at, kind.as_pointer())


def _reader(kind: Any, result: Any) -> Any:
    @intrinsic
    def read(context: Any, base: Any, index: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            return builder.load(_memory(builder, values[0], values[1], kind))

        return result(i64, i64), generate

    return read


def _writer(kind: Any, given: Any) -> Any:
    @intrinsic
    def write(context: Any, base: Any, index: Any, value: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            builder.store(values[2], _memory(builder, values[0], values[1], kind))
            return context.get_dummy_value()

        return void(i64, i64, given), generate

    return write


@intrinsic
def store_i32(context: Any, base: Any, value: Any) -> Any:
    """Write an int of 32 bits."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        small = ir.IntType(32)
        builder.store(builder.trunc(values[1], small), builder.inttoptr(values[0], small.as_pointer()))
        return context.get_dummy_value()

    return void(i64, i64), generate


@intrinsic
def fetch(context: Any, at: Any) -> Any:
    """Have a cache line brought near."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        pointer, number = ir.IntType(8).as_pointer(), ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [pointer, number, number, number])
        prefetch = builder.module.declare_intrinsic("llvm.prefetch", [pointer], kind)
        to_write, keep, data = number(1), number(3), number(1)
        builder.call(prefetch, [builder.inttoptr(values[0], pointer), to_write, keep, data])
        return context.get_dummy_value()

    return void(i64), generate


@intrinsic
def address_of(context: Any, record: Any) -> Any:
    """Return where a record lies."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return builder.ptrtoint(values[0], WORD)

    return i64(record), generate


load, store = _reader(WORD, i64), _writer(WORD, i64)
load_real, store_real = _reader(DOUBLE, f64), _writer(DOUBLE, f64)
call_pp, call_ppp, call_pf = _c_call(i64, i64), _c_call(i64, i64, i64), _c_call(i64, f64)
count_of, flag_of = _c_call(i64, returned=32), _c_call(i64, returned=8)
pointer_of, fault_of = _c_call(i64, returned=64), _c_call(i64, i64, returned=64)
