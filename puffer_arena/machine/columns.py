"""Columns on the stack, and lanes: records whose fields are elements of columns.

Rows lie in memory one after the other, so one field of consecutive rows does not.  Processors compute with 4 or 8
numbers at once when these lie side by side, as they do in a column.
"""

import functools
import importlib
import math
from typing import Any, NamedTuple

from puffer_arena.machine.compile import load_numba

LANES = 128  # length of a column; a block of so many rows and their columns stay in the processor's first cache


class Primitives(NamedTuple):
    """What Python has no words for."""

    columns: Any  # columns(records): new columns, one for each single number of the records, as their first lane
    lane: Any  # lane(first, j): lane `j`, which reads and writes like a record
    copied: Any  # copied(record): a copy on the stack, which nothing else can change
    alike: Any  # alike(a, b): whether two records have the same bytes


@functools.cache
def primitives() -> Primitives:
    """Define the compiled primitives."""
    cgutils, imputils = (getattr(load_numba().core, module) for module in ("cgutils", "imputils"))
    templates: Any = importlib.import_module("numba.core.typing.templates")
    from llvmlite import ir
    from numba import types
    from numba.extending import intrinsic, models, register_model

    class Lane(types.Type):
        """Element `index` of every column; reads and writes like a record."""

        def __init__(self, record: Any) -> None:
            self.record = record
            self.names = [name for name, _ in record.members if isinstance(record.typeof(name), types.Number)]
            super().__init__(f"Lane({record})")

    @register_model(Lane)
    class LaneModel(models.StructModel):
        def __init__(self, manager: Any, lane: Any) -> None:
            numbers = [(name, lane.record.typeof(name)) for name in lane.names]
            pointers = [(name, types.CPointer(kind)) for name, kind in numbers]  # type: ignore[no-untyped-call]  # of Numba
            super().__init__(manager, lane, [("index", types.intp), *pointers])  # type: ignore[no-untyped-call]  # as above

    @templates.infer_getattr
    class LaneFields(templates.AttributeTemplate):  # type: ignore[misc]  # Numba has no types here
        key = Lane

        def generic_resolve(self, lane: Any, name: str) -> Any:
            return lane.record.typeof(name) if name in lane.names else None

    def element(context: Any, builder: Any, kind: Any, value: Any, name: str) -> Any:
        lane = cgutils.create_struct_proxy(kind)(context, builder, value)
        return builder.gep(getattr(lane, name), [lane.index], inbounds=True)

    def read(context: Any, builder: Any, kind: Any, value: Any, name: str) -> Any:
        return builder.load(element(context, builder, kind, value, name))

    def write(context: Any, builder: Any, signature: Any, arguments: Any, name: str) -> None:
        kind, given = signature.args
        stored = context.cast(builder, arguments[1], given, kind.record.typeof(name))
        builder.store(stored, element(context, builder, kind, arguments[0], name))

    imputils.lower_getattr_generic(Lane)(read)
    imputils.lower_setattr_generic(Lane)(write)

    @intrinsic
    def columns(context: Any, records: Any) -> Any:
        kind = Lane(records.dtype)

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            lane = cgutils.create_struct_proxy(kind)(context, builder)
            for name in kind.names:
                stored = context.get_data_type(kind.record.typeof(name))
                column = cgutils.alloca_once(builder, ir.ArrayType(stored, LANES))
                column.align = 64
                setattr(lane, name, builder.bitcast(column, stored.as_pointer()))
            lane.index = context.get_constant(types.intp, 0)
            return lane._getvalue()

        return kind(records), generate

    @intrinsic
    def lane(context: Any, first: Any, index: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            moved = cgutils.create_struct_proxy(first)(context, builder, arguments[0])
            moved.index = arguments[1]
            return moved._getvalue()

        return first(first, types.intp), generate

    @intrinsic
    def copied(context: Any, record: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            copy = cgutils.alloca_once(builder, ir.ArrayType(ir.IntType(8), record.size))
            copy.align = 8
            cgutils.raw_memcpy(builder, copy, arguments[0], context.get_constant(types.intp, record.size), 1)
            return builder.bitcast(copy, arguments[0].type)

        return record(record), generate

    @intrinsic
    def alike(context: Any, a: Any, b: Any) -> Any:
        width = math.gcd(a.size, 8)
        words = ir.VectorType(ir.IntType(8 * width), a.size // width)

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            pair = [builder.load(builder.bitcast(record, words.as_pointer()), align=1) for record in arguments]
            equal = builder.icmp_unsigned("==", *pair)
            return builder.icmp_unsigned(
                "==", builder.bitcast(equal, ir.IntType(words.count)), ir.IntType(words.count)(-1)
            )

        return types.boolean(a, b), generate

    return Primitives(columns, lane, copied, alike)
