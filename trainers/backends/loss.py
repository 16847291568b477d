"""Losses: functions of what the network made of a row, written twice where they should be fast.

A loss takes `row`, whose attributes are tensors (rows,): `log_prob` and `entropy` of the action taken,
each value by its name, and the columns that the algorithm declares.  It returns what each row adds to
the loss, and statistics by name.  That is enough to train by autograd, where `row` also has the `outputs`
that the head reads, (rows, width), and the `actions` taken, (rows, components).

A slope is the same for a single row in plain Python, compiled like an environment's rules: it reads the
same names from `row`, and writes `d_log_prob`, `d_entropy` and `d_<value>`, the derivatives of the row's
loss, and the statistics.  `@slope_of(loss, ...)` registers it for that loss and no other.

    def reinforce(row, p):
        return -row.log_prob * row.advantage, {"entropy": row.entropy}

    @slope_of(reinforce, "entropy")
    def reinforce_slope(row, p):
        row.d_log_prob = -row.advantage  # the other slopes stay 0, and the entropy stands in the row
"""

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from puffer_arena.core.fields import Array
from puffer_arena.errors import DefinitionError
from puffer_arena.machine.compile import jit

Loss = Callable[[Any, Any], tuple[Tensor, dict[str, Tensor]]]
Slope = Callable[[Any, Any], None]


@dataclass(frozen=True)
class RegisteredSlope:
    """A slope, and the statistics that it writes."""

    function: Slope
    statistics: tuple[str, ...]


_slopes: dict[Any, RegisteredSlope] = {}


def slope_of(loss: Loss, *statistics: str) -> Callable[[Slope], Slope]:
    """Register the decorated function as the slope of `loss`; `statistics` are what both report."""

    def register(function: Slope) -> Slope:
        marked = jit(function)
        _slopes[loss] = RegisteredSlope(marked, statistics)
        return marked

    return register


def find_slope(loss: Loss) -> RegisteredSlope | None:
    """Return the slope that was registered for this very loss, or None."""
    return _slopes.get(loss)


def numbers_of(settings: Any) -> Array:
    """Return the numbers among settings as a record, which compiled code reads as `p.name`; shape (1,)."""
    found = {
        each.name: float(getattr(settings, each.name))
        for each in dataclasses.fields(settings)
        if isinstance(getattr(settings, each.name), int | float)
    }
    record = np.zeros(1, [(name, np.float64) for name in found])
    for name, value in found.items():
        record[name] = value
    return record


def row_dtype(inputs: tuple[str, ...], values: tuple[str, ...], statistics: tuple[str, ...]) -> np.dtype[Any]:
    """Return the record that a slope reads and writes, one number a name."""
    slopes = [f"d_{name}" for name in ("log_prob", "entropy", *values)]
    names = ["weight", "log_prob", "entropy", *values, *inputs, *slopes, *statistics]
    names = list(dict.fromkeys(names))  # a statistic may be an input, such as the entropy
    return np.dtype([(name, np.float64) for name in names])


def check_slope(
    loss: Loss, settings: Any, columns: Mapping[str, Array], values: tuple[str, ...] = ("value",), step: float = 1e-6
) -> float:
    """Compare a loss's slope with finite differences of the loss, row by row, in float64.

    Args:
        columns: log_prob, entropy, every value and every column that the loss reads, each (rows,).

    Returns:
        The largest difference between the two, of a derivative or of a statistic.

    Raises:
        DefinitionError: no slope is registered for this loss.
    """
    slope = find_slope(loss)
    if slope is None:
        raise DefinitionError(f"loss '{loss.__name__}' has no slope; put @slope_of({loss.__name__}) above one")
    given = {name: torch.from_numpy(np.asarray(array, np.float64)) for name, array in columns.items()}
    rows = len(next(iter(given.values())))
    inputs = tuple(name for name in columns if name not in ("log_prob", "entropy", *values))
    table = np.zeros(rows, row_dtype(inputs, values, slope.statistics))
    for name, tensor in given.items():
        table[name] = tensor.numpy()
    p = _Record(numbers_of(settings)[0])
    for i in range(rows):
        slope.function(_Record(table[i]), p)
    worst = 0.0
    for name in ("log_prob", "entropy", *values):
        above, below = (
            loss(SimpleNamespace(**{**given, name: given[name] + sign * step}), settings)[0] for sign in (1, -1)
        )
        wanted = ((above - below) / (2 * step)).numpy()
        worst = max(worst, float(np.abs(wanted - table[f"d_{name}"]).max()))
    statistics = loss(SimpleNamespace(**given), settings)[1]
    if set(statistics) != set(slope.statistics):
        raise DefinitionError(f"loss '{loss.__name__}' reports {sorted(statistics)}, its slope {slope.statistics}")
    for name, tensor in statistics.items():
        worst = max(worst, float(np.abs(tensor.double().numpy() - table[name]).max()))
    return worst


class _Record:
    """A numpy record whose fields are attributes and Python numbers."""

    def __init__(self, record: Any) -> None:
        self.__dict__["record"] = record

    def __getattr__(self, name: str) -> float:
        return float(self.__dict__["record"][name])

    def __setattr__(self, name: str, value: float) -> None:
        self.__dict__["record"][name] = value
