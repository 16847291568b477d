"""Columns: what a rollout holds of every step, named and shaped in one place each."""

from typing import Any, NamedTuple

import numpy as np


class Column(NamedTuple):
    """One array of a rollout, (horizon, streams, *shape), or (horizon + 1, streams, *shape) if it looks ahead."""

    name: str
    dtype: Any = np.float32
    shape: tuple[int, ...] = ()
    ahead: bool = False  # holds one step more: where the next rollout goes on, so that no step is lost


def value_columns(values: tuple[str, ...]) -> tuple[Column, ...]:
    """Return the columns of a policy's values: as they were when it acted, and of observations that ended episodes."""
    old = [Column(f"old_{name}", ahead=True) for name in values]
    return (*old, *(Column(f"final_{name}") for name in values))
