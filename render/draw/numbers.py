"""Numbers as people read them: 12.4 M, 0.031, 2 h 05 min; and round places for an axis's ticks."""

import math


def format_count(value: float) -> str:
    """Write a count in three or four figures: 950, 12.4 k, 1.25 M."""
    for limit, unit in ((1e12, " T"), (1e9, " G"), (1e6, " M"), (1e3, " k")):
        if abs(value) >= limit * 0.9995:
            figure = value / limit
            return f"{figure:.{2 if abs(figure) < 9.995 else 1 if abs(figure) < 99.95 else 0}f}{unit}"
    return f"{value:.0f}"


def format_value(value: float) -> str:
    """Write a measured value in about three figures."""
    size = abs(value)
    if not math.isfinite(value):
        return "n/a"
    if size >= 1000:
        return format_count(value)
    if size >= 100:
        return f"{value:.0f}"
    if size >= 10:
        return f"{value:.1f}"
    if size >= 0.0005 or size == 0:
        return f"{value:.2f}" if size >= 0.01 or size == 0 else f"{value:.3f}"
    return f"{value:.0e}".replace("e-0", "e-")


def format_score(value: float) -> str:
    """Write what a game counts: whole numbers in full, others as measured values."""
    return f"{value:.0f}" if math.isfinite(value) and value == int(value) else format_value(value)


def format_tick(value: float) -> str:
    """Write a round number: a count without needless zeros."""
    figure, unit, letter = format_count(value).partition(" ")
    return (figure.rstrip("0").rstrip(".") if "." in figure else figure) + unit + letter


def nice_ticks(low: float, high: float, most: int) -> list[float]:
    """Return at most `most` round numbers between `low` and `high`, evenly spaced."""
    span = high - low
    if not (math.isfinite(span) and span > 0 and most > 0):
        return []
    power = 10.0 ** math.floor(math.log10(span / most))
    for factor in (1, 2, 5, 10, 20, 50):
        step = factor * power
        first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
        if last - first + 1 <= most:
            return [k * step for k in range(first, last + 1)]
    return []
