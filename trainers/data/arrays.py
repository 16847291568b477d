"""Arrays at addresses that are multiples of 64 bytes.

Matrix libraries add up in another order for other alignments, so a run repeats bit for bit only when its arrays
lie the same way each time; numpy promises 16 bytes.
"""

from typing import Any

import numpy as np

from puffer_arena.core.fields import Array

ALIGNMENT = 64  # bytes: a cache line, and the widest vector register


def aligned_zeros(shape: tuple[int, ...], dtype: Any) -> Array:
    """Return an aligned array of zeros."""
    kind = np.dtype(dtype)
    size = int(np.prod(shape)) * kind.itemsize
    block = np.zeros(size + ALIGNMENT, np.uint8)
    skip = -block.ctypes.data % ALIGNMENT
    array: Array = block[skip : skip + size].view(kind).reshape(shape)
    return array


def aligned_copy(array: Array) -> Array:
    """Return an aligned, contiguous copy."""
    copy = aligned_zeros(array.shape, array.dtype)
    copy[...] = array
    return copy
