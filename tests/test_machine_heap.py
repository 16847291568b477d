"""Tests of what the C library does with freed memory."""

import ctypes
import importlib
import platform
from typing import Any

from puffer_arena.machine.heap import keep_freed_memory

SIZE = 2**26
PAGES = SIZE // 4096


def faults_of(times: int) -> int:
    """Return how many page faults it costs to take, fill and free a large block so often."""
    resource: Any = importlib.import_module("resource")  # where there is glibc there is this
    library: Any = ctypes.CDLL(None)
    library.malloc.restype, library.free.argtypes = ctypes.c_void_p, (ctypes.c_void_p,)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(times):
        block = library.malloc(ctypes.c_size_t(SIZE))
        ctypes.memset(block, 1, SIZE)
        library.free(block)
    return int(resource.getrusage(resource.RUSAGE_SELF).ru_minflt) - before


def test_large_blocks_come_from_what_was_freed() -> None:
    keep_freed_memory()
    keep_freed_memory()
    if platform.libc_ver()[0] == "glibc":
        assert faults_of(8) < 2 * PAGES
