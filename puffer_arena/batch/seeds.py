"""Seeds and levels as people give them, and the random streams that they begin."""

from typing import Any

import numpy as np

from puffer_arena.core.fields import Array
from puffer_arena.core.random import MASK, philox
from puffer_arena.errors import ParameterError


def check_seed(seed: Any) -> int:
    """Return a seed that somebody gave as one of 64 bits; longer ones are hashed, as Gymnasium hashes all.

    Raises:
        ParameterError: no whole number, or a negative one.
    """
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0:
        raise ParameterError(f"seed = {seed!r}; it must be a whole number of at least 0, or None")
    whole = int(seed)
    return whole if whole < 1 << 64 else int(np.random.SeedSequence(whole).generate_state(1, np.uint64)[0])


def row_keys(seed: Any, num_envs: int) -> Array:
    """Return the key of every row's stream of levels, int64 (num_envs,).

    Raises:
        ParameterError: see `check_seed`.
    """
    whole = check_seed(seed)
    keys = philox(philox(whole & MASK, whole >> 32), np.arange(num_envs))
    return np.asarray(keys)


def check_levels(levels: Any) -> Array:
    """Return numbers of levels, -1 to draw one.

    Raises:
        ParameterError: they are none.
    """
    numbers = np.asarray(levels)
    if numbers.dtype.kind not in "iu" or (numbers.size and (numbers.min() < -1 or numbers.max() > MASK)):
        raise ParameterError(f"levels are whole numbers from -1 to {MASK}")
    return numbers
