"""A replay's header: of which game, with which parameters, who played, on what kind of machine."""

import functools
import importlib.metadata
import json
import math
import platform
import typing
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

import numpy as np

from puffer_arena.batch.batch import Batch
from puffer_arena.batch.settings import AUTORESET
from puffer_arena.core.env import Env
from puffer_arena.core.params import params_record
from puffer_arena.errors import ArenaError, FileError, printable
from puffer_arena.live.commands import MAX_ROWS, decode_header
from puffer_arena.machine.compile import machine
from puffer_arena.registry import source_digest

FORMAT = 1  # raised with every change that older readers cannot read
MAX_ENTRY = 1 << 20  # bytes of one row's state, parameters or actions
MAX_HEADER = 1 << 20


@dataclass
class Header:
    """What a replay says of itself before its first step.

    Attributes:
        env, version, rules: the game's id, its version, and the digest of its source.
        params: of the batch that was recorded, which size its rows.
        rows, num_envs: which rows of how many.
        seeds: the keys of the rows' random streams.
        agents: ids; none for a solo game.
        players: who steered: agent, role or "all" -> name.
        plan: split (0 training, 1 held out) and number of levels, as `Rows.plan` begins.
        autoreset: how the batch went on after an episode.
        steps_per_second: natural speed.
        states, actions, parameters: the records' layouts, as NumPy describes them.
        action_shape: of one row's actions.
        every: states of every step are stored (1), or key frames alone (0).
        versions, machine: what it was played by, on what kind of processor.
        parent: the replay that this one is a branch of: its file, step and row; none for most.
    """

    env: str
    version: int
    rules: str
    params: dict[str, Any]
    rows: list[int]
    num_envs: int
    seeds: list[int]
    agents: list[str]
    players: dict[str, str]
    plan: list[int]
    autoreset: str
    steps_per_second: float
    states: Any
    actions: Any
    parameters: Any
    action_shape: list[int]
    every: int
    versions: dict[str, str]
    machine: str
    parent: dict[str, Any] = field(default_factory=dict)
    format: int = FORMAT

    @property
    def action_dtype(self) -> "np.dtype[Any]":
        """What one component of an action is stored as."""
        return read_dtype(self.actions)


def describe(
    batch: Batch, rows: list[int], players: Mapping[str, str], every: int, parent: Mapping[str, Any]
) -> Header:
    """Return the header for some rows of a batch."""
    env, held = batch.env, batch.rows
    return Header(
        env=batch.env_id,
        version=env.version,
        rules=source_digest(env),
        params=asdict(batch.param_values),
        rows=rows,
        num_envs=batch.num_envs,
        seeds=held.states["row_key"][rows].tolist(),
        agents=list(batch.agent_ids),
        players=dict(players),
        plan=held.plan[:2].tolist(),
        autoreset=next(name for name, mode in AUTORESET.items() if mode == batch.autoreset),
        steps_per_second=env.steps_per_second,
        states=plain_dtype(held.states.dtype),
        actions=plain_dtype(batch.actions.dtype),
        parameters=plain_dtype(held.params.dtype),
        action_shape=list(batch.actions.shape[1:]),
        every=every,
        versions=versions(env),
        machine=processor(),
        parent=dict(parent),
    )


def versions(env: Env) -> dict[str, str]:
    """Return the versions of what plays a game."""
    names = ["puffer-arena", "numpy", "numba", *([env.engine] if env.engine else [])]
    return {name: importlib.metadata.version(name) for name in names}


@functools.cache
def processor() -> str:
    """Return the kind of processor: the same kind plays to the same bits."""
    parts = [word for word in machine().split(" ")[1:2] if word]
    return " ".join([platform.machine(), *parts])


def plain_dtype(dtype: "np.dtype[Any]") -> Any:
    """Return a layout as JSON has it."""
    return json.loads(json.dumps(dtype.descr if dtype.names else dtype.str))


def read_dtype(described: Any) -> "np.dtype[Any]":
    """Return a layout from outside.

    Raises:
        FileError: it is none, of other things than numbers, or too large.
    """

    def tuples(value: Any) -> Any:
        if isinstance(value, str):
            return value
        entries = []
        for name, kind, *shape in value:
            entries.append((str(name), tuples(kind), *(tuple(int(size) for size in part) for part in shape)))
        return entries

    try:
        dtype: np.dtype[Any] = np.dtype(tuples(described))
    except (TypeError, ValueError, RecursionError, OverflowError):
        raise FileError(f"a replay's header describes no record: {printable(described, 60)}") from None
    if dtype.hasobject or not 0 < dtype.itemsize <= MAX_ENTRY:
        raise FileError(f"a replay's header describes records of {dtype.itemsize} bytes; at most {MAX_ENTRY}")
    return dtype


def encode(header: Header) -> str:
    """Return a header as text."""
    return json.dumps(asdict(header), separators=(",", ":"))


def decode(data: str) -> Header:
    """Read a header from outside.

    Raises:
        FileError: it is none, or of a newer format.
    """
    values = decode_header(data.encode(), MAX_HEADER)
    newest = values.get("format")
    if type(newest) is not int or newest < 1:
        raise FileError("a replay's header has no format")
    if newest > FORMAT:
        raise FileError(f"the replay is of format {newest}; this version of puffer_arena reads up to {FORMAT}")
    names = {entry.name for entry in fields(Header)}
    if missing := names - values.keys():
        raise FileError(f"a replay's header without '{min(missing)}'")
    for entry in fields(Header):
        kind: Any = entry.type
        wanted = (str, list) if kind is Any else (int, float) if kind is float else typing.get_origin(kind) or kind
        if not isinstance(values[entry.name], wanted) or isinstance(values[entry.name], bool):
            raise FileError(f"a replay's header whose '{entry.name}' is {printable(values[entry.name], 40)}")
    header = Header(**{name: values[name] for name in names})
    _check(header)
    return header


def _check(header: Header) -> None:
    """Check what numbers of a header are used for."""

    def whole(numbers: list[Any], low: int, high: int) -> bool:
        return all(type(number) is int and low <= number < high for number in numbers)

    checks = {
        "rows": 0 < len(header.rows) <= MAX_ROWS and whole(header.rows, 0, 1 << 40),
        "num_envs": 0 < header.num_envs < 1 << 40,
        "version": 0 <= header.version < 1 << 31,
        "seeds": len(header.seeds) == len(header.rows) and whole(header.seeds, 0, 1 << 64),
        "agents": len(header.agents) <= 1 << 16 and all(isinstance(name, str) for name in header.agents),
        "plan": len(header.plan) == 2 and whole(header.plan, 0, 1 << 31) and header.plan[0] < 2,
        "autoreset": header.autoreset in AUTORESET,
        "steps_per_second": math.isfinite(header.steps_per_second) and 1e-3 <= header.steps_per_second <= 1e6,
        "action_shape": len(header.action_shape) < 16 and whole(header.action_shape, 1, 1 << 20),
        "every": header.every in (0, 1),
    }
    for name, fits in checks.items():
        if not fits:
            raise FileError(f"a replay's header whose '{name}' is {printable(getattr(header, name), 40)}")
    size = math.prod(header.action_shape) * header.action_dtype.itemsize
    if size > MAX_ENTRY or header.action_dtype.kind not in "iufbV":
        raise FileError(f"a replay's header with actions of {size} bytes")


def check_layout(header: Header, env: Env, values: Any) -> None:
    """Check that the states and parameters of a replay are laid out as a game's are now.

    Raises:
        FileError: they are not.
    """
    found = {"states": env.row_dtype(values), "parameters": params_record(values).dtype}
    for name, dtype in found.items():
        if getattr(header, name) != plain_dtype(dtype):
            raise FileError(
                f"the replay is of '{env.name}' version {header.version}, whose {name} were laid out in another way than "
                f"those of version {env.version} here; it cannot be shown by this version of the game"
            )
    if header.agents != list(env.agent_ids(values)):
        raise FileError(f"the replay has agents that '{env.name}' has not here")


def sized(header: Header, env: Env) -> Any:
    """Return the Params that sized the recorded rows.

    Raises:
        FileError: the game does not take them.
    """
    try:
        return env.build_params(header.params)
    except (ArenaError, TypeError) as error:
        raise FileError(f"the replay's parameters are none of '{env.name}': {error}") from None
