"""Between which bounds a mean lies, with 95% confidence, from a sample of independent numbers.

- Two values only, as of a rate (0 and 1): Wilson's score interval (Wilson 1927, JASA 22, "Probable inference, the law
  of succession, and statistical inference").  It stays honest near 0 and 1, also where all values are the same.
- Fewer than ten others, as one mean a seed: Student's t, for there is too little to resample.
- Any others: the bootstrap-t (Efron and Tibshirani 1993, "An introduction to the bootstrap", section 12.5), which
  follows skewed samples, where the plain percentile bootstrap is too narrow.
- The same value throughout, other than 0 or 1: there is no telling, and the interval is that value.
"""

from typing import NamedTuple

import numpy as np

from puffer_arena.core.fields import Array
from puffer_arena.errors import ParameterError

CONFIDENCE = 0.95
NORMAL_QUANTILE = 1.959963984540054  # of (1 + CONFIDENCE) / 2
RESAMPLES = 2_000
STUDENT = (
    12.706,
    4.303,
    3.182,
    2.776,
    2.571,
    2.447,
    2.365,
    2.306,
)  # the same quantile of t, of 1 to 8 degrees of freedom
CHUNK = 4_000_000  # numbers drawn at once


class Interval(NamedTuple):
    """Bounds, and the name of what made them."""

    low: float
    high: float
    kind: str  # "Wilson", "Student", "bootstrap-t" or "all equal"


def interval(values: Array, rate: bool = True, seed: int = 0) -> Interval:
    """Return the interval of the mean of `values`.

    Args:
        values: independent numbers of any distribution.
        rate: whether numbers that are all 0 or all 1, or few of two values, can be a rate's.
        seed: of the resampling.

    Raises:
        ParameterError: there are no values, or some are not finite.
    """
    values = np.asarray(values, np.float64).reshape(-1)
    if not len(values) or not np.isfinite(values).all():
        raise ParameterError(f"an interval needs finite numbers, at least one; got {len(values)}: {values[:5]}")
    low, high = float(values.min()), float(values.max())
    if low == high:
        if not rate or low not in (0.0, 1.0):
            return Interval(low, high, "all equal")
        low, high = 0.0, 1.0
    share = (values - low) / (high - low)
    few = len(share) <= len(STUDENT) + 1
    if ((share == 0) | (share == 1)).all() and (rate or not few):
        kind, bounds = "Wilson", wilson(int(share.sum()), len(share))
    elif few:
        kind, bounds = "Student", student(share)
    else:
        kind, bounds = "bootstrap-t", bootstrap_t(share, seed)
    below, above = (low + (high - low) * bound for bound in bounds)
    return Interval(below, above, kind)


def wilson(successes: int, trials: int) -> tuple[float, float]:
    """Return Wilson's interval of a rate."""
    z2 = NORMAL_QUANTILE**2
    rate = successes / trials
    middle = (rate + z2 / (2 * trials)) / (1 + z2 / trials)
    spread = np.sqrt(rate * (1 - rate) / trials + z2 / (4 * trials**2)) * NORMAL_QUANTILE / (1 + z2 / trials)
    # At either end the bound is exact; rounding must not leave it a little off.
    low = 0.0 if successes == 0 else float(middle - spread)
    high = 1.0 if successes == trials else float(middle + spread)
    return low, high


def student(values: Array) -> tuple[float, float]:
    """Return the interval by Student's t; there are two values at least, and not too many for the table."""
    reach = STUDENT[len(values) - 2] * values.std(ddof=1) / np.sqrt(len(values))
    return float(values.mean() - reach), float(values.mean() + reach)


def bootstrap_t(values: Array, seed: int = 0) -> tuple[float, float]:
    """Return the interval by resampled t statistics; `values` are not all equal."""
    count, mean, error = len(values), values.mean(), values.std(ddof=1) / np.sqrt(len(values))
    rng = np.random.default_rng(seed)
    centred = (values - mean) / error
    rows = max(CHUNK // count, 1)
    means, errors = np.empty(RESAMPLES), np.empty(RESAMPLES)
    for start in range(0, RESAMPLES, rows):
        part = slice(start, min(start + rows, RESAMPLES))
        drawn = centred[rng.integers(count, size=(part.stop - start, count))]
        means[part], errors[part] = drawn.mean(axis=1), drawn.std(axis=1, ddof=1) / np.sqrt(count)
    known = errors > 1e-9  # a resample of one value, many times, says nothing about its spread:
    t = means[known] / errors[known]
    farthest = np.abs(t).max(initial=NORMAL_QUANTILE)  # it counts as far out as the farthest of the others
    t = np.append(t, np.sign(means[~known]) * farthest)
    tail = (1 - CONFIDENCE) / 2
    least, greatest = np.quantile(t, (tail, 1 - tail))
    return float(mean - greatest * error), float(mean - least * error)
