"""Memory as compiled code sees it: addresses, words that threads share, records copied whole."""

import functools
import platform
from typing import Any, NamedTuple

from puffer_arena.machine.compile import load_numba

# What tells a processor that a loop only waits.
HINTS = {
    "x86_64": ("llvm.x86.sse2.pause", ()),
    "AMD64": ("llvm.x86.sse2.pause", ()),
    "aarch64": ("llvm.aarch64.hint", (1,)),
    "arm64": ("llvm.aarch64.hint", (1,)),
    "ARM64": ("llvm.aarch64.hint", (1,)),
}


class Primitives(NamedTuple):
    """What Python has no words for.  `words` is an array of int64."""

    address: Any  # address(array): where its data begin
    rebase: Any  # rebase(array, address): an array like `array` whose data begin at `address`
    load: Any  # load(words, index): read after what the writer wrote before
    store: Any  # store(words, index, value): write after all that was written before
    take: Any  # take(words, index): add 1 to a word, and return what it was
    exchange: Any  # exchange(words, value): set the first word, and return what it was
    compare_exchange: (
        Any  # compare_exchange(words, expected, value): set it if it is as expected, and tell whether it was
    )
    relax: Any  # relax(): tell the processor that this loop only waits
    place: Any  # place(s, built): copy the fields of record `built` into those of the same names in `s`
    call_code: Any  # call_code(code, block, low, high, actions, mode): call the `step_span` whose code begins there


@functools.cache
def primitives() -> Primitives:
    """Define the compiled primitives."""
    cgutils: Any = load_numba().core.cgutils
    from llvmlite import ir
    from numba import types
    from numba.extending import intrinsic

    def begin(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return context.make_array(signature.args[0])(context, builder, arguments[0]).data

    def word(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.gep(begin(context, builder, signature, arguments), [arguments[1]])

    @intrinsic
    def address(context: Any, array: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            return builder.ptrtoint(begin(context, builder, signature, arguments), context.get_value_type(types.int64))

        return types.int64(array), generate

    @intrinsic
    def rebase(context: Any, array: Any, address: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            kind = context.make_array(signature.args[0])
            source, moved = kind(context, builder, arguments[0]), kind(context, builder)
            for name in ("nitems", "itemsize", "shape", "strides"):
                setattr(moved, name, getattr(source, name))
            moved.data = builder.inttoptr(arguments[1], source.data.type)
            moved.meminfo = cgutils.get_null_value(source.meminfo.type)
            moved.parent = cgutils.get_null_value(source.parent.type)
            return moved._getvalue()

        return array(array, types.int64), generate

    @intrinsic
    def load(context: Any, words: Any, index: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            return builder.load_atomic(word(context, builder, signature, arguments), "acquire", 8)

        return types.int64(words, types.intp), generate

    @intrinsic
    def store(context: Any, words: Any, index: Any, value: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            builder.store_atomic(arguments[2], word(context, builder, signature, arguments), "release", 8)
            return context.get_dummy_value()

        return types.void(words, types.intp, types.int64), generate

    @intrinsic
    def take(context: Any, words: Any, index: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            place = word(context, builder, signature, arguments)
            return builder.atomic_rmw("add", place, context.get_constant(types.int64, 1), "acq_rel")

        return types.int64(words, types.intp), generate

    @intrinsic
    def exchange(context: Any, words: Any, value: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            return builder.atomic_rmw("xchg", begin(context, builder, signature, arguments), arguments[1], "seq_cst")

        return types.int64(words, types.int64), generate

    @intrinsic
    def compare_exchange(context: Any, words: Any, expected: Any, value: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            place = begin(context, builder, signature, arguments)
            pair = builder.cmpxchg(place, arguments[1], arguments[2], "seq_cst", "seq_cst")
            return builder.extract_value(pair, 1)

        return types.boolean(words, types.int64, types.int64), generate

    @intrinsic
    def relax(context: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            name, given = HINTS.get(platform.machine(), ("", ()))
            if name:
                kind = ir.FunctionType(ir.VoidType(), [ir.IntType(32)] * len(given))
                hint = cgutils.get_or_insert_function(builder.module, kind, name)
                builder.call(hint, [ir.Constant(ir.IntType(32), number) for number in given])
            return context.get_dummy_value()

        return types.void(), generate

    @intrinsic
    def place(context: Any, s: Any, built: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            for name, _ in built.members:
                kind = built.typeof(name)
                size = kind.size * getattr(kind, "nitems", 1)  # of one record, or of an array of them
                to, at = (
                    cgutils.pointer_add(builder, record, of.offset(name))
                    for record, of in zip(arguments, (s, built), strict=True)
                )
                cgutils.raw_memcpy(builder, to, at, context.get_constant(types.intp, size), 1)
            return context.get_dummy_value()

        return types.void(s, built), generate

    @intrinsic
    def call_code(context: Any, code: Any, block: Any, low: Any, high: Any, actions: Any, mode: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            kinds, convention = signature.args[1:], context.call_conv
            kind = convention.get_function_type(types.none, kinds)
            function = builder.inttoptr(arguments[0], kind.as_pointer())
            status, _ = convention.call_function(builder, function, types.none, kinds, arguments[1:])
            with cgutils.if_unlikely(builder, status.is_error):
                convention.return_status_propagate(builder, status)
            return context.get_dummy_value()

        number = types.int64
        return types.none(number, number, number, number, actions, number), generate

    return Primitives(address, rebase, load, store, take, exchange, compare_exchange, relax, place, call_code)
