"""Arrays at addresses that are multiples of 64 bytes.

Matrix libraries add up in another order for other alignments, so a run repeats bit for bit only when its arrays
lie the same way each time; numpy promises 16 bytes.
"""

import math
from typing import Any

import numpy as np

from puffer_arena.core.fields import Array

ALIGNMENT = 64  # bytes: a cache line, and the widest vector register


def aligned_zeros(shape: tuple[int, ...], dtype: Any) -> Array:
    """Return an aligned array of zeros.

    Opponents ask for thousands in an update: numpy's own products of shapes and views of addresses would cost ten
    times as much as the array.
    """
    kind = np.dtype(dtype)
    block = np.zeros(math.prod(shape) * kind.itemsize + ALIGNMENT, np.uint8)
    skip = -block.__array_interface__["data"][0] % ALIGNMENT
    return np.ndarray(shape, kind, block, skip)


def aligned_copy(array: Array) -> Array:
    """Return an aligned, contiguous copy."""
    copy = aligned_zeros(array.shape, array.dtype)
    copy[...] = array
    return copy


def aligned_rows(array: Array, rows: Array) -> Array:
    """Return an aligned copy of some rows of an array."""
    copy = aligned_zeros((len(rows), *array.shape[1:]), array.dtype)
    return array.take(rows, axis=0, out=copy, mode="clip")  # numpy would copy once more to raise what cannot be here
