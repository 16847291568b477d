"""How rows came to be as they are: what brings physics back in mid-episode, to the bit.

An engine remembers more than a row holds: contacts, the impulses in joints.  So a row in mid-episode is brought back
by playing its episode again, from its start with the same actions and parameters.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from puffer_arena.batch.saving.snapshot import check_params, check_states
from puffer_arena.batch.table import Table
from puffer_arena.core.action_checks import check_actions
from puffer_arena.core.actions import action_bounds, action_dtype
from puffer_arena.core.composites import Composite, at, leaves
from puffer_arena.core.fields import Array
from puffer_arena.core.roles import Roles
from puffer_arena.core.spaces import Box, Space
from puffer_arena.errors import ArenaError, FileError


class Past(NamedTuple):
    """The running episodes of some rows.

    starts    the states that they began with, or that were last written from outside, (rows,)
    params    in force then, (rows,)
    steps     taken since, int64 (rows,)
    actions   of all steps of the first row, then of the second, ..., (steps.sum(), *one row's actions)
    changes   records row, step, params: parameters in force from that step on, as bytes, (changes,)
    """

    starts: Array
    params: Array
    steps: Array
    actions: Array
    changes: Array

    def one(self, k: int) -> "Past":
        """Return the episode of the k-th row alone."""
        end = int(self.steps[: k + 1].sum())
        changes = self.changes[self.changes["row"] == k]
        changes["row"] = 0
        span = slice(k, k + 1)
        actions = self.actions[end - int(self.steps[k]) : end]
        return Past(self.starts[span].copy(), self.params[span], self.steps[span], actions, changes)

    def until(self, steps: Array) -> "Past":
        """Return the same episodes up to fewer steps, (rows,)."""
        taken = np.concatenate([np.arange(count) for count in self.steps])
        kept = self.changes["step"] < steps[self.changes["row"]]
        return self._replace(
            steps=steps, actions=self.actions[taken < np.repeat(steps, self.steps)], changes=self.changes[kept]
        )


def past_layout(table: Table) -> dict[str, tuple[tuple[int, ...], np.dtype[Any]]]:
    """Return shape of one entry and dtype of the arrays of a Past."""
    states, params = table.rows.states.dtype, table.rows.params.dtype
    return {
        "starts": ((), states),
        "params": ((), params),
        "steps": ((), np.dtype(np.int64)),
        "actions": (table.actions.shape[1:], action_storage(table.action)),
        "changes": ((), np.dtype([("row", np.int64), ("step", np.int64), ("params", np.uint8, (params.itemsize,))])),
    }


def action_storage(space: Space) -> np.dtype[Any]:
    """Return the smallest dtype that holds every action exactly."""
    if isinstance(space, Composite | Roles):
        return action_dtype(space)
    return np.dtype(np.float64) if isinstance(space, Box) else np.min_scalar_type(int(np.max(action_bounds(space)[1])))


def past_bytes(past: Past) -> bytes:
    """Return the past of one row as bytes."""
    return b"".join(array.tobytes() for array in past)


def split_bytes(table: Table, data: bytes) -> dict[str, bytes]:
    """Return what `past_bytes` joined, for `read_past`."""
    parts: dict[str, bytes] = {}
    at = 0
    for name, (shape, dtype) in past_layout(table).items():
        size = dtype.itemsize * int(np.prod(shape, dtype=int))
        if name == "actions":
            size *= max(int.from_bytes(parts["steps"], "little", signed=True), 0)
        parts[name] = data[at:] if name == "changes" else data[at : at + size]
        at += size
    return parts


def read_past(table: Table, data: Mapping[str, bytes], states: Array) -> Past:
    """Return the past of rows that now hold `states`, from the bytes of its arrays.

    Raises:
        FileError: it is not of these rows, or holds what no episode can.
    """
    arrays = {}
    for name, (shape, dtype) in past_layout(table).items():
        size = dtype.itemsize * int(np.prod(shape, dtype=int))
        if name not in data or len(data[name]) % size:
            raise FileError(f"the recorded {name} of its episodes are missing or cut off")
        arrays[name] = np.frombuffer(data[name], dtype).reshape(-1, *shape)
    past = Past(**arrays)
    if not len(past.starts) == len(past.params) == len(past.steps) == len(states):
        raise FileError(f"the recorded episodes are of {len(past.steps)} rows, not {len(states)}")
    if past.steps.min() < 0 or past.steps.max() > len(past.actions) or past.steps.sum() != len(past.actions):
        raise FileError(f"the recorded episodes have {past.steps.sum()} steps but {len(past.actions)} actions")
    check_states(table.env, table.values, past.starts)
    if (past.starts["step_count"] + past.steps != states["step_count"]).any():
        raise FileError("the recorded episodes do not lead to its rows")
    changes = past.changes
    if not ((changes["row"] >= 0) & (changes["row"] < len(states)) & (changes["step"] >= 0)).all():
        raise FileError("the recorded parameters belong to no row or step")
    for params in (past.params, np.ascontiguousarray(changes["params"]).view(past.params.dtype).reshape(-1)):
        check_params(table.env, table.values, params)
    check_recorded(table, past.actions)
    return past


def check_recorded(table: Table, actions: Array) -> None:
    """Check recorded actions.

    Raises:
        FileError: one lies outside the action space.
    """
    if not actions.size:
        return
    try:
        allowed = check_actions(table.env.name, table.action, actions, np.zeros(actions.shape, table.actions.dtype))
    except ArenaError as error:
        raise FileError(f"of the recorded actions, {error}") from None
    for path, leaf in leaves(table.action):
        if not (at(allowed, path) == at(actions, path)).all():
            low, high = action_bounds(leaf)
            raise FileError(
                f"a recorded action{''.join(f'.{name}' for name in path)} lies outside {np.min(low)} to {np.max(high)}"
            )


def some(rows: Array, which: Array) -> Array:
    """Return copies of some records, (k,), whole: NumPy would copy them field by field."""
    return raw(rows)[which].reshape(-1).view(rows.dtype)


def raw(rows: Array) -> Array:
    """Return records as bytes, shape (rows, bytes): copies of records leave out what lies between their fields."""
    return rows.view(np.uint8).reshape(len(rows), rows.dtype.itemsize)
