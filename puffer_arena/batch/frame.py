"""Some rows at one moment: what the live wire carries, a replay stores and a window draws."""

from dataclasses import dataclass

from puffer_arena.core.fields import Array


@dataclass(frozen=True)
class Frame:
    """Some rows at one moment."""

    steps: int  # environment steps of the run so far; in a replay of each row
    rows: Array  # (k,) which rows of the batch these are
    states: Array  # (k,) structured, the rows themselves
    params: Array  # (k,) structured, the parameters in force
    probs: Array | None = None  # (k, agents or 1, choices) float32: action probabilities
    values: Array | None = None  # (k, agents or 1) float32: the critic's estimates
