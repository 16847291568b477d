"""Arrays in memory that several processes see.

The memory has no name in the file system: Linux gives an anonymous file, macOS an unlinked one, both handed on as a
descriptor, and Windows a mapping that lives as long as its handles.  So nothing is left behind however the processes end.
"""

import contextlib
import hashlib
import itertools
import mmap
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from puffer_arena.core.fields import Array

Layout = Mapping[str, tuple[tuple[int, ...], np.dtype[Any]]]
STANDARD_ERROR = 2  # the last of the standard streams' descriptors
ALIGNMENT = 64  # bytes: a cache line, so that no two arrays share one
_numbers = itertools.count()


class SharedArrays:
    """Named arrays in one block of shared memory, zeros at first.

    Args:
        layout: shape and dtype of every array.
        address: where another process made the block (its `address`), to see the same one.
    """

    def __init__(self, layout: Layout, address: str | None = None) -> None:
        self.layout = layout
        offsets, size = {}, 0
        for name, (shape, dtype) in layout.items():
            offsets[name] = size
            size += -(-int(np.prod(shape)) * dtype.itemsize // ALIGNMENT) * ALIGNMENT
        size = max(size, ALIGNMENT)
        self._owner = address is None
        with above_standard():
            self.address = _create(size) if address is None else address
            block = _map(self.address, size)
        self.arrays: dict[str, Array] = {
            name: np.ndarray(shape, dtype, block, offsets[name]) for name, (shape, dtype) in layout.items()
        }

    @property
    def descriptors(self) -> tuple[int, ...]:
        """The file descriptors a child process must inherit to see the memory."""
        return () if sys.platform == "win32" else (int(self.address),)

    def __getitem__(self, name: str) -> Array:
        return self.arrays[name]

    def release(self) -> None:
        """Let go of the descriptor once every process has mapped the memory; the arrays stay."""
        if self._owner and sys.platform != "win32" and self.address:
            os.close(int(self.address))
        self.address = ""


def digest(layout: Layout) -> str:
    """Return a word that differs between layouts: processes compare theirs by it."""
    described = [(name, shape, repr(dtype)) for name, (shape, dtype) in layout.items()]
    return hashlib.sha256(repr(described).encode()).hexdigest()[:16]


@contextlib.contextmanager
def above_standard() -> Iterator[None]:
    """Keep file descriptors that are made meanwhile off the numbers of standard streams, where these are closed.

    A child's own streams would take their place, and what anybody writes to a stream of that number would go there.
    """
    held = [os.open(os.devnull, os.O_RDWR)]
    try:
        while held[-1] <= STANDARD_ERROR:
            held.append(os.open(os.devnull, os.O_RDWR))
        os.close(held.pop())
        yield
    finally:
        for descriptor in held:
            os.close(descriptor)


def _create(size: int) -> str:
    """Reserve memory and return its address: a descriptor, or the name of a mapping on Windows."""
    if sys.platform == "win32":
        return f"puffer-arena-{os.getpid()}-{next(_numbers)}"
    if sys.platform == "linux":
        descriptor = os.memfd_create("puffer-arena")
    else:
        descriptor, path = tempfile.mkstemp(prefix="puffer-arena-")
        os.unlink(path)
    os.ftruncate(descriptor, size)
    return str(descriptor)


def _map(address: str, size: int) -> mmap.mmap:
    if sys.platform == "win32":
        return mmap.mmap(-1, size, tagname=address)
    return mmap.mmap(int(address), size)
