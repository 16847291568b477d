"""Generators of random numbers as Gymnasium makes them of an episode's seed, to the bit, in a quarter of its time.

`Env.reset(seed=...)` asks `gymnasium.utils.seeding.np_random`, which has NumPy's SeedSequence hash the seed: that takes as
long as two steps of CartPole.  Here the same hash is compiled and made for many seeds at once, and what makes the generator
looks like a SeedSequence.  An environment gets the numbers that it would get anywhere, and may spawn or copy its generator.

Source: O'Neill 2015, "Developing a seed_seq Alternative"; numpy/random/bit_generator.pyx, whose stream NumPy keeps (NEP 19).
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from gymnasium.utils import seeding
from numpy.random import PCG64, Generator, SeedSequence
from numpy.random.bit_generator import ISpawnableSeedSequence

from puffer_arena.core.fields import Array
from puffer_arena.core.random import MASK
from puffer_arena.machine.compile import compile_shared, entry_point, jit

THEIRS = seeding.np_random
TRIED = 12345  # a seed by which the two ways are compared
POOL, WORDS = 4, 8  # 32-bit words that the hash holds, and that a PCG64 is seeded with


def powers(first: int, factor: int, count: int) -> tuple[int, ...]:
    """Return `first` times the powers of a factor, 32 bits each, with a sign: times 32 bits they stay within 63."""
    found = [first]
    for _ in range(count):
        found.append(found[-1] * factor & MASK)
    return tuple(value - (1 << 32) if value >> 31 else value for value in found)


INTO = powers(0x43B0D7E5, 0x931E8875, POOL * POOL)  # INIT_A and MULT_A
OUT = powers(0x8B51F9DD, 0x58F38DED, WORDS)  # INIT_B and MULT_B
MIX_LEFT, MIX_RIGHT = 0xCA01F9DD - (1 << 32), 0x4973F715


@jit
def hashed(value: int, before: int, after: int) -> int:
    """Return 32 bits of 32 bits, by two numbers of `INTO` or `OUT` that follow one another."""
    value = ((value ^ (before & MASK)) * after) & MASK
    return value ^ (value >> 16)


@jit
def mix(left: int, right: int) -> int:
    """Return 32 bits of two."""
    value = (((left * MIX_LEFT) & MASK) - ((right * MIX_RIGHT) & MASK)) & MASK
    return value ^ (value >> 16)


@jit
def seed_words(seeds: Any, pool: Any, words: Any) -> None:
    """Write what SeedSequence(seed).generate_state(8) gives for many seeds.

    Args:
        seeds: below 2^32, int64 (n,).
        pool: to work with, int64 (4,).
        words: uint32 (n or more, 8).
    """
    for i in range(len(seeds)):
        for k in range(POOL):
            pool[k] = hashed(seeds[i] if k == 0 else 0, INTO[k], INTO[k + 1])
        used = POOL
        for source in range(POOL):
            for target in range(POOL):
                if source != target:
                    pool[target] = mix(pool[target], hashed(pool[source], INTO[used], INTO[used + 1]))
                    used += 1
        for k in range(WORDS):
            words[i, k] = hashed(pool[k % POOL], OUT[k], OUT[k + 1])


class Hashed(ISpawnableSeedSequence):
    """The SeedSequence of a seed, with the words that a PCG64 asks for made before."""

    def __init__(self, seed: int, words: Array) -> None:
        self._seed = seed
        self._words: Array | None = words  # until the generator is made: others are written there then
        self._whole: SeedSequence | None = None

    def generate_state(self, n_words: int, dtype: Any = np.uint32) -> Array:
        """See `SeedSequence.generate_state`."""
        words, self._words = self._words, None
        if words is None or n_words != len(words) or dtype is not np.uint64:
            return self.whole.generate_state(n_words, dtype)
        return words

    def spawn(self, n_children: int) -> Any:
        """See `SeedSequence.spawn`, of whose kind the children are."""
        return self.whole.spawn(n_children)

    @property
    def whole(self) -> SeedSequence:
        """NumPy's own, which counts the children."""
        if self._whole is None:
            self._whole = SeedSequence(self._seed)
        return self._whole

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):  # of one that is being copied, and has nothing yet
            raise AttributeError(name)
        return getattr(self.whole, name)


class Seeder:
    """Resets environments to seeds, with generators whose words are made for many of them at once.

    Where Gymnasium makes generators in another way than it did when this was written, it goes on doing so.

    Args:
        most: seeds at once.
    """

    def __init__(self, most: int) -> None:
        self._pool = np.zeros(POOL, np.int64)
        self._words = np.zeros((most, WORDS), np.uint32)
        self._pairs = self._words.view(np.uint64)
        self._code = entry_point(compile_shared(seed_words), np.zeros(1, np.int64), self._pool, self._words)
        self._seed, self._k = TRIED, 0
        self.prepare(np.array([TRIED]))
        self._exact = are_alike(THEIRS(TRIED), self._make(TRIED))

    def prepare(self, seeds: Array) -> None:
        """Make the words of seeds, int64 (n,); those of 2^32 and more are left to NumPy."""
        self._code(seeds, self._pool, self._words)

    def reset(self, reset: Callable[..., Any], seed: int, k: int) -> Any:
        """Call an environment's reset(seed=seed) with the k-th seed; meanwhile Gymnasium makes its generator here."""
        # Gymnasium's function may be somebody else's by now, or another thread's for this moment.
        if not self._exact or seed >> 32 or seeding.np_random is not THEIRS:
            return reset(seed=seed)
        self._seed, self._k = seed, k
        seeding.np_random = self._make
        try:
            return reset(seed=seed)
        finally:
            seeding.np_random = THEIRS

    def _make(self, seed: int | None = None) -> tuple[Any, Any]:
        """See `gymnasium.utils.seeding.np_random`."""
        if seed != self._seed or type(seed) is not int:
            return THEIRS(seed)
        return Generator(PCG64(Hashed(seed, self._pairs[self._k]))), seed


def are_alike(one: Any, other: Any) -> bool:
    """Tell whether two pairs of a generator and a seed are of the same kinds and hold the same."""
    kinds = [(type(made), type(made.bit_generator), type(seed)) for made, seed in (one, other)]
    return kinds[0] == kinds[1] and one[0].bit_generator.state == other[0].bit_generator.state and one[1] == other[1]
