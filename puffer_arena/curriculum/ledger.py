"""What became of the values that a curriculum chose: for people to see, never for the curriculum itself."""

from typing import Any

import numpy as np

from puffer_arena.batch.batch import Batch
from puffer_arena.core.fields import Array
from puffer_arena.core.params import Parameter
from puffer_arena.curriculum.curriculum import Ended
from puffer_arena.machine.loops import kernel

BINS = 16  # of a parameter's range
WIDE = 200.0  # times the low end: a range is shown by its logarithm
HALF_LIFE = 4096.0  # episodes after which one counts half


@kernel
def count_bins(values: Array, success: Array, edges: Array, fade: float, seen: Array, won: Array) -> None:
    """Add episodes to the bins of a parameter, the last of which holds its high end, after what was there has faded."""
    bins = len(seen)
    for place in range(bins):
        seen[place] *= fade
        won[place] *= fade
    for k in range(len(values)):
        if not edges[0] <= values[k] <= edges[bins]:
            continue
        low, high = 0, bins - 1  # the last bin whose edge is not above the value
        while low < high:
            middle = (low + high + 1) // 2
            if edges[middle] <= values[k]:
                low = middle
            else:
                high = middle - 1
        seen[low] += 1.0
        won[low] += success[k]


class Ledger:
    """Visits and successes along the range of every parameter that has one, the newest episodes counting most."""

    def __init__(self, batch: Batch) -> None:
        self.batch = batch
        self.edges = {
            name: edges_of(parameter, getattr(batch.param_values, name) if name in batch.env.dimensions else None)
            for name, parameter in batch.env.parameters.items()
            if parameter.ranged and not parameter.size and parameter.kind is not bool
        }
        self.seen = {name: np.zeros(len(edges) - 1) for name, edges in self.edges.items()}
        self.won = {name: np.zeros(len(edges) - 1) for name, edges in self.edges.items()}

    def note(self, ended: Ended) -> None:
        """Take in episodes."""
        fade = 0.5 ** (len(ended) / HALF_LIFE)
        for name, edges in self.edges.items():
            values = np.asarray(ended.records["params"][name], np.float64)
            count_bins(values, ended.success, edges, fade, self.seen[name], self.won[name])

    def describe(self) -> dict[str, dict[str, Any]]:
        """Return for each parameter its range, and per bin how many rows play there next, visits and successes."""
        following: Array = self.batch.rows.following
        return {
            name: {
                "low": float(edges[0]),
                "high": float(edges[-1]),
                "next": np.histogram(np.asarray(following[name], np.float64), edges)[0].tolist(),
                "seen": [round(float(count), 2) for count in self.seen[name]],
                "won": [round(float(count), 2) for count in self.won[name]],
            }
            for name, edges in self.edges.items()
        }


def is_wide(low: float, high: float) -> bool:
    """Tell whether a range is shown by its logarithm."""
    return 0.0 < low * WIDE <= high


def edges_of(parameter: Parameter, top: Any = None) -> Array:
    """Return the edges of a parameter's bins, up to `top` where memory was made for no more."""
    low, high = float(parameter.low), float(parameter.high if top is None else top)
    if parameter.kind is int and high - low < BINS:
        return np.arange(low, high + 2) - 0.5
    if is_wide(low, high):
        return np.geomspace(low, high, BINS + 1)
    return np.linspace(low, max(high, low + 1e-9), BINS + 1)
