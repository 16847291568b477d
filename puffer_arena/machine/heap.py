"""What the C library does with memory that was freed."""

import ctypes
import platform

TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3  # of glibc's mallopt, malloc.h
KEPT = 2**29  # bytes of freed memory that stay with the process
LARGE = 2**28  # bytes from which on a block is the system's own all the same


def keep_freed_memory() -> None:
    """Have large blocks that were freed handed out again; where the C library is not glibc nothing changes.

    By default it gives every block of some megabytes back to the system, and asks for it anew at the next minibatch: a
    page fault for each 4 KiB, which takes a good part of the time in which convolutions learn.
    """
    if platform.libc_ver()[0] == "glibc":
        library = ctypes.CDLL(None)
        library.mallopt(MMAP_THRESHOLD, LARGE)
        library.mallopt(TRIM_THRESHOLD, KEPT)
