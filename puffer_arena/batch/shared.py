"""Arrays in memory that several processes see.

The memory has no name in the file system: Linux gives an anonymous file, macOS an unlinked one, both handed on as a
descriptor, and Windows a mapping that lives as long as its handles.  So nothing is left behind however the processes end.
"""

import hashlib
import itertools
import mmap
import os
import sys
import tempfile
from collections.abc import Mapping
from typing import Any

import numpy as np

from puffer_arena.core.fields import Array

Layout = Mapping[str, tuple[tuple[int, ...], np.dtype[Any]]]
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
        self.address = _create(size) if address is None else address
        self._owner = address is None
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
