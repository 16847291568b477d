"""A bot's own random numbers: the same bits on every platform, one stream an actor.

Source: Steele, Lea and Flood 2014, "Fast splittable pseudorandom number generators" (SplitMix64): draw k of a stream is
a pure function of its key and k, so actors need not wait for each other, and a stream is saved as one number.  Normal
numbers are made of additions, products, quotients and roots alone, which round alike everywhere.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

MASK = (1 << 64) - 1
GAMMA = 0x9E3779B97F4A7C15
FIRST, SECOND = 0xBF58476D1CE4E5B9, 0x94D049BB133111EB
TWO_TO_MINUS_53 = 2.0**-53
LN_2, SQRT_HALF = 0.6931471805599453, 0.7071067811865476
FEW = 16  # numbers up to which arrays are slower than a loop
# Wichura 1988, algorithm AS 241 (PPND16): the normal distribution's quantiles, to 1e-16; numerator, then denominator.
CENTRE = (
    (3.3871328727963666080, 1.3314166789178437745e2, 1.9715909503065514427e3, 1.3731693765509461125e4,
     4.5921953931549871457e4, 6.7265770927008700853e4, 3.3430575583588128105e4, 2.5090809287301226727e3),
    (1.0, 4.2313330701600911252e1, 6.8718700749205790830e2, 5.3941960214247511077e3, 2.1213794301586595867e4,
     3.9307895800092710610e4, 2.8729085735721942674e4, 5.2264952788528545610e3),
)  # fmt: skip
MIDDLE = (
    (1.42343711074968357734, 4.63033784615654529590, 5.76949722146069140550, 3.64784832476320460504,
     1.27045825245236838258, 2.41780725177450611770e-1, 2.27238449892691845833e-2, 7.74545014278341407640e-4),
    (1.0, 2.05319162663775882187, 1.67638483018380384940, 6.89767334985100004550e-1, 1.48103976427480074590e-1,
     1.51986665636164571966e-2, 5.47593808499534494600e-4, 1.05075007164441684324e-9),
)  # fmt: skip
TAIL = (
    (6.65790464350110377720, 5.46378491116411436990, 1.78482653991729133580, 2.96560571828504891230e-1,
     2.65321895265761230930e-2, 1.24266094738807843860e-3, 2.71155556874348757815e-5, 2.01033439929228813265e-7),
    (1.0, 5.99832206555887937690e-1, 1.36929880922735805310e-1, 1.48753612908506148525e-2,
     7.86869131145613259100e-4, 1.84631831751005468180e-5, 1.42151175831644588870e-7, 2.04426310338993978564e-15),
)  # fmt: skip


def key_of(seed: int, actor: int) -> int:
    """Return the key of an actor's stream."""
    return mix((mix(seed) + actor * GAMMA) & MASK)


def mix(word: int) -> int:
    """Return 64 bits that depend on every bit of `word`."""
    word &= MASK
    word = ((word ^ (word >> 30)) * FIRST) & MASK
    word = ((word ^ (word >> 27)) * SECOND) & MASK
    return word ^ (word >> 31)


def uniform(key: int, count: int) -> float:
    """Return draw `count` of a stream, in [0, 1)."""
    return (mix((key + (count + 1) * GAMMA) & MASK) >> 11) * TWO_TO_MINUS_53


def uniforms(keys: NDArray[Any], counts: NDArray[Any], draws: int) -> NDArray[Any]:
    """Return draws counts[i], counts[i] + 1, ... of stream i, (streams, draws); the same numbers as `uniform`'s."""
    steps = (np.arange(1, draws + 1) + counts[:, None]).astype(np.uint64)
    steps *= np.uint64(GAMMA)
    steps += keys[:, None]
    spare = steps >> np.uint64(30)
    steps ^= spare
    steps *= np.uint64(FIRST)
    np.right_shift(steps, np.uint64(27), out=spare)
    steps ^= spare
    steps *= np.uint64(SECOND)
    np.right_shift(steps, np.uint64(31), out=spare)
    steps ^= spare
    steps >>= np.uint64(11)
    drawn: NDArray[Any] = steps * TWO_TO_MINUS_53
    return drawn


def normal(u: float) -> float:
    """Return the number that a standard normal one stays below with probability `u`; finite for every draw."""
    centred = u - 0.5
    if abs(centred) <= 0.425:
        return float(centred * _ratio(CENTRE, 0.180625 - centred * centred))
    beyond = max(u if centred < 0 else 1.0 - u, 0.5 * TWO_TO_MINUS_53)
    part, power = math.frexp(beyond)
    small = part < SQRT_HALF
    root = math.sqrt(-_log(2.0 * part if small else part, power - small))
    size = float(_ratio(MIDDLE, root - 1.6) if root <= 5.0 else _ratio(TAIL, root - 5.0))
    return -size if centred < 0 else size


def normals(u: NDArray[Any]) -> NDArray[Any]:
    """Return `normal` of every element."""
    if u.size <= FEW:
        return np.array([normal(x) for x in u.reshape(-1).tolist()]).reshape(u.shape)
    centred = u - 0.5
    found: NDArray[Any] = centred * _ratio(CENTRE, 0.180625 - centred * centred)
    far = np.abs(centred) > 0.425
    beyond = np.maximum(np.where(centred < 0, u, 1.0 - u)[far], 0.5 * TWO_TO_MINUS_53)
    part, power = np.frexp(beyond)
    small = part < SQRT_HALF
    root = np.sqrt(-_log(np.where(small, 2.0 * part, part), power - small))
    size = np.where(root <= 5.0, _ratio(MIDDLE, root - 1.6), _ratio(TAIL, root - 5.0))
    found[far] = np.where(centred[far] < 0, -size, size)
    return found


def _ratio(terms: tuple[tuple[float, ...], tuple[float, ...]], x: Any) -> Any:
    """Return one polynomial in x over another."""
    above, below = terms[0][-1], terms[1][-1]
    for a, b in zip(reversed(terms[0][:-1]), reversed(terms[1][:-1]), strict=True):
        above, below = above * x + a, below * x + b
    return above / below


def _log(part: Any, power: Any) -> Any:
    """Return the natural logarithm of part * 2**power by its series: libraries' own differ in the last digit."""
    s = (part - 1.0) / (part + 1.0)
    square = s * s
    total = 1.0 / 23
    for k in range(21, 0, -2):
        total = total * square + 1.0 / k
    return 2.0 * s * total + power * LN_2
