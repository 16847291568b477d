"""Random numbers that live in the row: counter-based, the same bits on every runtime.

Source: Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3" (Philox2x32-10).

An episode's stream has the episode's level as its key and counts draws in the row, so a level replays
exactly whatever the row did before.  All words are 32 bits, held in Python's unbounded integers, in arrays of int64 whose
products wrap, or in compiled code's words without a sign: they agree bit for bit.
"""

import math
from typing import Any

from puffer_arena.machine.compile import jit, signed, unsigned

MASK = 0xFFFFFFFF
MULTIPLIER = 0xD256D193
WEYL = 0x9E3779B9
HELD_OUT_BIT = 1 << 31  # levels at or above it are held out; training levels lie below
TWO_TO_MINUS_32 = 1.0 / (1 << 32)


@jit
def philox(key: Any, counter: Any) -> Any:
    """Return 32 random bits, a pure function of two 32-bit words; int64 arrays give arrays."""
    left, right, key = unsigned(counter & MASK), unsigned(0), unsigned(key)
    multiplier, weyl, mask, half = unsigned(MULTIPLIER), unsigned(WEYL), unsigned(MASK), unsigned(32)
    for _ in range(10):
        product = left * multiplier
        left, right = ((product >> half) & mask) ^ key ^ right, product & mask
        key = (key + weyl) & mask
    return signed(left)


@jit
def random_bits(s: Any) -> int:
    """Draw 32 bits from the episode's stream."""
    s.rng_count = (s.rng_count + 1) & MASK
    bits: int = philox(s.level, s.rng_count)
    return bits


@jit
def randint(s: Any, n: int) -> int:
    """Draw a uniform integer in [0, n)."""
    return (random_bits(s) * n) >> 32


@jit
def uniform(s: Any, low: float, high: float) -> float:
    """Draw a uniform float in [low, high)."""
    return low + (high - low) * (random_bits(s) * TWO_TO_MINUS_32)


@jit
def normal(s: Any) -> float:
    """Draw from the standard normal distribution (Box and Muller 1958)."""
    radius = math.sqrt(-2.0 * math.log((random_bits(s) + 1) * TWO_TO_MINUS_32))
    return radius * math.cos(2.0 * math.pi * (random_bits(s) * TWO_TO_MINUS_32))


@jit
def draw_level(row_key: int, episode: int, split: int, num_levels: int) -> int:
    """Return the level of a row's episode, in the training half (`split` 0) or the held-out one.

    With `num_levels` > 0 only that many levels of the half occur.
    """
    level: int = philox(row_key, episode) & (HELD_OUT_BIT - 1)
    if num_levels > 0:
        level = level % num_levels
    return level | (split * HELD_OUT_BIT)
