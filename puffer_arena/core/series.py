"""Sine and cosine of small angles as series: rules that call no library step several rows at once (`lanes`).

Both are Taylor's series, grouped for few steps in a row, and give the same bits on every machine.
"""

from puffer_arena.machine.compile import jit


@jit
def small_sine(angle: float) -> float:
    """Return sin(angle) for |angle| <= 0.8 to 1e-11."""
    q = angle * angle
    low = (1.0 - q * (1 / 6)) + q * q * (1 / 120 - q * (1 / 5040))
    return angle * (low + (q * q) * (q * q) * (1 / 362880 - q * (1 / 39916800)))


@jit
def small_cosine(angle: float) -> float:
    """Return cos(angle) for |angle| <= 0.8 to 1e-12."""
    q = angle * angle
    low = (1.0 - q * (1 / 2)) + q * q * (1 / 24 - q * (1 / 720))
    high = (1 / 40320 - q * (1 / 3628800)) + q * q * (1 / 479001600)
    return low + (q * q) * (q * q) * high
