"""Blocks: arrays that a kernel is given at every call, written down once and handed on as one address.

Numba looks at every argument of a call anew, and counts a reference to it.  For the two dozen arrays of a batch that took as
long as stepping a hundred rows of cartpole; the address of a block is one number.
"""

import functools
import importlib
from typing import Any

import numpy as np

from puffer_arena.machine.compile import load_numba

KNOWN = 1024  # arrays of a rollout's steps, which come again


class Blocks:
    """Blocks of two tuples of arrays: some that stay, and others that change from call to call.

    Args:
        staying: of the first tuple, all contiguous; neither they nor their memory may be replaced.

    Attributes:
        staying: as given.
    """

    def __init__(self, staying: Any) -> None:
        self.staying = staying
        self._known: dict[int, tuple[int, Any, Any]] = {}  # by the id of the changing ones, which are kept with it

    def address(self, changing: Any) -> int:
        """Return the address of the block with `changing`, a tuple of contiguous arrays.

        It is good until KNOWN others were asked for; that of the first for as long as this object lives.
        """
        known = self._known.get(id(changing))
        return known[0] if known else self._write(changing)

    def kind(self, changing: Any) -> Any:
        """Return the block's type as `unpacker` takes it."""
        return kind_of((self.staying, changing))

    def _write(self, changing: Any) -> int:
        if len(self._known) >= KNOWN:
            first = next(iter(self._known.items()))  # which threads are made with, and read whenever they wake
            self._known = dict([first])
        block = write_block((self.staying, changing))
        address = int(block.ctypes.data)
        self._known[id(changing)] = address, changing, block
        return address


def kind_of(parts: tuple[Any, ...]) -> Any:
    """Return the type of the block of some tuples of arrays, as `unpacker` takes it."""
    return load_numba().typeof(parts)


def write_block(parts: tuple[Any, ...]) -> Any:
    """Return the block of some tuples of contiguous arrays, which it does not keep alive: int64 (words,)."""
    words = [word for part in parts for array in part for word in (array.ctypes.data, *array.shape)]
    return np.array(words, np.int64)


@functools.cache
def unpacker(kind: Any) -> Any:
    """Return the compiled primitive unpack(block), which gives the tuples that lie in a block of this type."""
    numba = load_numba()
    from llvmlite import ir
    from numba.extending import intrinsic

    arrays: Any = importlib.import_module("numba.np.arrayobj")
    types, word = numba.types, ir.IntType(64)

    @intrinsic
    def unpack(context: Any, block: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            pointer = builder.inttoptr(arguments[0], word.as_pointer())
            taken = 0

            def take() -> Any:
                nonlocal taken
                taken += 1
                return builder.load(builder.gep(pointer, [word(taken - 1)]))

            def view(array: Any) -> Any:
                made = context.make_array(array)(context, builder)
                data = builder.inttoptr(take(), made.data.type)
                shape = [take() for _ in range(array.ndim)]
                itemsize = context.get_constant(types.intp, context.get_abi_sizeof(context.get_data_type(array.dtype)))
                strides = [itemsize]
                for size in shape[:0:-1]:
                    strides.insert(0, builder.mul(strides[0], size))
                arrays.populate_array(
                    made, data, shape, strides, itemsize, None
                )  # nobody counts references to these views
                return made._getvalue()

            parts = [context.make_tuple(builder, part, [view(array) for array in part]) for part in kind]
            return context.make_tuple(builder, kind, parts)

        return kind(types.int64), generate

    return unpack
