"""Intervals of means: how often they hold the truth, and samples that say little."""

import numpy as np
import pytest

from puffer_arena.errors import ParameterError
from puffer_arena.players.intervals import interval

# Of so many samples; a coverage of 0.95 is measured to within 0.011 (one standard error).
SAMPLES = 400


def coverage(draw, truth, count) -> float:
    rng = np.random.default_rng(1)
    bounds = [interval(draw(rng, count), seed=k) for k in range(SAMPLES)]
    return sum(one.low <= truth <= one.high for one in bounds) / SAMPLES


@pytest.mark.parametrize(("rate", "count"), [(0.99, 100), (0.01, 100), (0.5, 100), (0.9, 30), (0.02, 20)])
def test_rates_lie_in_their_intervals(rate, count):
    # Wilson's own coverage at p = 0.99, n = 100 is P(98 or more succeed) = 0.921; the percentile bootstrap's is 0.62.
    assert 0.89 <= coverage(lambda rng, n: rng.random(n) < rate, rate, count) <= 1


@pytest.mark.parametrize(
    ("draw", "truth", "count"),
    [
        (lambda rng, n: rng.normal(3, 2, n), 3.0, 20),
        (lambda rng, n: rng.normal(3, 2, n), 3.0, 5),
        (lambda rng, n: rng.uniform(0, 1, n), 0.5, 3),
        (lambda rng, n: rng.exponential(1, n), 1.0, 20),
        (lambda rng, n: rng.lognormal(0, 1, n), np.exp(0.5), 50),
        (lambda rng, n: -100 * rng.exponential(1, n), -100.0, 50),
        (lambda rng, n: rng.poisson(0.1, n), 0.1, 100),  # many samples of which hold two values only
        (lambda rng, n: np.where(rng.random(n) < 0.95, 500, rng.integers(0, 500, n)), 487.475, 100),  # cut off above
    ],
    ids=["normal", "five seeds", "three seeds", "exponential", "lognormal", "losses", "rare events", "cut off"],
)
def test_means_lie_in_their_intervals(draw, truth, count):
    assert 0.9 <= coverage(draw, truth, count) <= 1


def test_a_rate_of_one_is_no_certainty():
    all_succeeded = interval(np.ones(100))
    assert all_succeeded.low == pytest.approx(1 / (1 + 1.959964**2 / 100))  # Wilson's lower bound for x = n
    assert (all_succeeded.high, all_succeeded.kind) == (1.0, "Wilson")
    none_did = interval(np.zeros(100))
    assert (none_did.low, none_did.high) == (0.0, pytest.approx(1 - all_succeeded.low))


def test_wilson_agrees_with_published_numbers():
    # Newcombe 1998, Statistics in Medicine 17, table I: 81 of 263 and 15 of 148.
    for successes, trials, low, high in ((81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605)):
        found = interval(np.arange(trials) < successes)
        assert (found.low, found.high) == (pytest.approx(low, abs=5e-5), pytest.approx(high, abs=5e-5))


def test_two_values_of_any_size_are_a_rate_between_them():
    rate = interval(np.arange(40) < 30)
    wins = interval(np.where(np.arange(40) < 30, 1.0, -1.0))
    assert wins.kind == "Wilson"
    assert (wins.low, wins.high) == (pytest.approx(2 * rate.low - 1), pytest.approx(2 * rate.high - 1))


@pytest.mark.parametrize(
    "values",
    [
        [7.5],
        [500] * 9,
        [1, 2],
        [0, 0.5, 1],
        [5] * 50 + [6, 7],
        [1e-300, 2e-300, 3e-300],
        [1e9, 1e9 + 1, 1e9 + 3],
        [0],
        [1],
    ],
    ids=str,
)
def test_samples_that_say_little_get_finite_bounds_around_their_mean(values):
    found = interval(np.array(values))
    assert np.isfinite([found.low, found.high]).all()
    assert found.low <= np.mean(values) <= found.high


def test_a_mean_a_seed_has_students_interval():
    # Student 1908, Biometrika 6, section IX: ten patients' hours of sleep gained; here its first five, by hand.
    hours = [0.7, -1.6, -0.2, -1.2, -0.1]
    mean, error = -0.48, np.sqrt(sum((hour + 0.48) ** 2 for hour in hours) / 4 / 5)
    found = interval(np.array(hours), rate=False)
    assert found.kind == "Student"
    assert (found.low, found.high) == (pytest.approx(mean - 2.776 * error), pytest.approx(mean + 2.776 * error))
    assert interval(np.array([1.0, 2.0]), rate=False).kind == "Student"  # two seeds are no rate


def test_values_that_are_all_equal_say_so():
    assert interval(np.full(20, 500.0)) == (500.0, 500.0, "all equal")
    assert interval(np.ones(20), rate=False) == (1.0, 1.0, "all equal")


def test_the_same_sample_has_the_same_interval_in_any_unit():
    sample = np.random.default_rng(5).exponential(1, 30)
    plain, scaled = interval(sample), interval(1000 * sample - 3)
    assert (scaled.low, scaled.high) == (pytest.approx(1000 * plain.low - 3), pytest.approx(1000 * plain.high - 3))


@pytest.mark.parametrize("values", [[], [1.0, np.nan], [np.inf, 0.0]], ids=str)
def test_numbers_without_a_mean_are_refused(values):
    with pytest.raises(ParameterError, match="finite numbers"):
        interval(np.array(values))
