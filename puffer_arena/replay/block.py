"""A block: some steps of a replay's rows, column by column, as bytes that compress well.

A column is what one step wrote, (steps, bytes).  States and parameters are stored as what changed since the step
before, and the bytes of a column lie by their place in the record first and by time second: what hardly changes
becomes long runs of zeros.  Before them stands what was true before the first step, so that each block is a key frame.
"""

import json
import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from puffer_arena.core.fields import Array
from puffer_arena.errors import FileError
from puffer_arena.live.commands import decode_header, read_count
from puffer_arena.replay.header import Header

MAX_STEPS = 1 << 14  # of a block
MAX_BYTES = 1 << 20  # of a block as the writer makes it, unless one step takes more
TERMINATED, TRUNCATED = 1, 2


@dataclass
class Shape:
    """What sizes a block's columns.

    Attributes:
        rows: k.
        agents: seats of a row, 1 for a solo game.
        state, params, action: bytes of one row's.
        every: whether the states of every step are stored.
    """

    rows: int
    agents: int
    state: int
    params: int
    action: int
    every: bool

    @property
    def step(self) -> int:
        """Bytes of one step, without thoughts."""
        row = self.action + self.params + 5 * self.agents + 4 + self.state * self.every
        return self.rows * row


@dataclass
class Block:
    """Steps `first` to `first + steps` of the rows; k rows, n steps.

    Attributes:
        first: number of its first step.
        states: as bytes, uint8 (n + 1 or 1, k, bytes): before each step and after the last, or before the first alone.
        params: in force, as bytes, (n + 1, k, bytes).
        actions: as bytes, (n, k, bytes).
        rewards: float32 (n, k, agents).
        ends: bits TERMINATED and TRUNCATED, uint8 (n, k, agents).
        hashes: rolling, of every row's states after the step, uint32 (n, k).
        values: float32 (n, k, agents) with NaN where nobody thought, or None.
        probs: float32 (n, k, agents, choices), likewise.
    """

    first: int
    states: Array
    params: Array
    actions: Array
    rewards: Array
    ends: Array
    hashes: Array
    values: Array | None = None
    probs: Array | None = None

    @property
    def steps(self) -> int:
        """How many steps it holds."""
        return len(self.actions)

    @property
    def nbytes(self) -> int:
        """Memory that its arrays take."""
        arrays = (self.states, self.params, self.actions, self.rewards, self.probs, self.values)
        return sum(array.nbytes for array in arrays if array is not None)


def shape_of(header: Header, state: int, params: int) -> Shape:
    """Return what sizes the blocks of a replay whose rows have states and parameters of so many bytes."""
    action = math.prod(header.action_shape) * header.action_dtype.itemsize
    return Shape(len(header.rows), max(len(header.agents), 1), state, params, action, bool(header.every))


def encode(block: Block) -> bytes:
    """Return a block as bytes."""
    n = block.steps
    choices = 0 if block.probs is None else block.probs.shape[-1]
    head: dict[str, Any] = {"first": block.first, "steps": n, "values": block.values is not None, "choices": choices}
    columns = [block.actions, block.rewards, block.ends, block.hashes, changes(block.params)]
    if len(block.states) > 1:
        columns.append(changes(block.states))
    columns += [part for part in (block.values, block.probs) if part is not None]
    written = json.dumps(head).encode()
    parts = [len(written).to_bytes(4, "little"), written, block.states[0].tobytes(), block.params[0].tobytes()]
    for column in columns:
        flat = np.ascontiguousarray(column).view(np.uint8).reshape(n, -1)
        parts.append(np.ascontiguousarray(flat.T).tobytes())
    return b"".join(parts)


def decode(data: bytes, shape: Shape, what: str) -> Block:
    """Read a block from outside.

    Raises:
        FileError: its sizes do not fit.
    """
    length = int.from_bytes(data[:4], "little")
    head = decode_header(data[4 : 4 + min(length, 4096)])
    first, n, choices = (read_count(head, name) for name in ("first", "steps", "choices"))
    if not 0 < n <= MAX_STEPS or choices > 1 << 16:
        raise FileError(f"{what} is damaged: a block of {n} steps")
    k, agents = shape.rows, shape.agents
    sizes = {
        "states": k * shape.state,
        "params": k * shape.params,
        "actions": n * k * shape.action,
        "rewards": n * k * agents * 4,
        "ends": n * k * agents,
        "hashes": n * k * 4,
        "params changed": n * k * shape.params,
        "states changed": n * k * shape.state * shape.every,
        "values": n * k * agents * 4 if head.get("values") is True else 0,
        "probs": n * k * agents * choices * 4,
    }
    if 4 + length + sum(sizes.values()) != len(data):
        raise FileError(f"{what} is damaged: a block of {len(data)} bytes, which do not fit its {n} steps")
    parts, at = {}, 4 + length
    for name, size in sizes.items():
        parts[name] = np.frombuffer(data, np.uint8, size, at)
        at += size

    def column(name: str, kind: Any, *each: int) -> Array:
        flat = np.ascontiguousarray(parts[name].reshape(-1, n).T)
        return np.asarray(flat.reshape(-1).view(kind).reshape(n, *each))

    states = parts["states"].reshape(1, k, shape.state)
    if shape.every:
        states = restored(states, column("states changed", np.uint8, k, shape.state))
    thought = {
        "values": column("values", np.float32, k, agents) if sizes["values"] else None,
        "probs": column("probs", np.float32, k, agents, choices) if choices else None,
    }
    return Block(
        first,
        states,
        restored(parts["params"].reshape(1, k, shape.params), column("params changed", np.uint8, k, shape.params)),
        column("actions", np.uint8, k, shape.action),
        column("rewards", np.float32, k, agents),
        column("ends", np.uint8, k, agents),
        column("hashes", np.uint32, k),
        **thought,
    )


def changes(records: Array) -> Array:
    """Return which bits differ from the entry before, for all entries but the first."""
    return np.asarray(records[1:] ^ records[:-1])


def restored(first: Array, changed: Array) -> Array:
    """Return what `changes` was made of."""
    records = np.concatenate([first, changed])
    flat = records.reshape(len(records), -1)
    wide: Array = flat.view(np.uint64) if flat.shape[1] % 8 == 0 else flat
    np.bitwise_xor.accumulate(wide, axis=0, out=wide)
    return records
