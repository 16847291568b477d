"""What a trainer and its windows say to each other.

A window sends the run's key and a command as JSON.  A trainer answers with its kind, a JSON header and raw arrays:

    hello    header: who is training what;         body: the metrics so far, as JSON
    status   header: training or paused, a note
    metrics  header: count, steps, values
    frame    header: steps;                        body: rows, states, params, probs, values
    policy   header: steps;                        body: safetensors

Everything that comes in is bounded and checked here, on both sides; nothing is ever unpickled.
"""

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from puffer_arena.core.errors import FileError, ParameterError, UnknownName, suggest
from puffer_arena.core.fields import Array

PROTOCOL = 1
KEY_BYTES = 32  # hexadecimal digits
MAX_COMMAND = 8_192  # bytes of JSON
MAX_HEADER = 65_536
MAX_HISTORY = 8_000_000
MAX_BODY = 256_000_000  # a policy
MAX_ROWS = 64  # rows that can be watched at once
MODES = ("time-lapse", "smooth")
STREAMS = ("frame", "policy")


@dataclass(frozen=True)
class Frame:
    """Some rows at one moment; the window's own Frame, field by field."""

    steps: int
    rows: Array
    states: Array
    params: Array
    probs: Array | None = None
    values: Array | None = None


@dataclass(frozen=True)
class Command:
    """One thing a window asks for."""

    name: str
    arguments: dict[str, Any] = field(default_factory=dict)


def _number(low: float, high: float) -> Callable[[Any], bool]:
    def fits(value: Any) -> bool:
        return not isinstance(value, bool) and isinstance(value, int | float) and low <= value <= high

    return fits


def _name(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) <= 100


def _setting(value: Any) -> bool:
    return isinstance(value, bool) or (isinstance(value, int | float) and abs(value) < 2**53)  # false for NaN


def _indices(value: Any) -> bool:
    whole = isinstance(value, list) and all(type(i) is int and 0 <= i < 2**31 for i in value)
    return whole and 0 < len(value) <= MAX_ROWS


def _streams(value: Any) -> bool:
    return isinstance(value, list) and len(value) <= len(STREAMS) and all(name in STREAMS for name in value)


# command -> argument -> (what is allowed in words, the check)
COMMANDS: dict[str, dict[str, tuple[str, Callable[[Any], bool]]]] = {
    "pause": {},
    "resume": {},
    "step": {},
    "save": {},
    "speed": {"value": ("a number from 0 to 1000", _number(0, 1000))},
    "rows": {"indices": (f"1 to {MAX_ROWS} row numbers", _indices)},
    "param": {"name": ("a parameter's name", _name), "value": ("a number, true or false", _setting)},
    "learning_rate": {"value": ("a number above 0, at most 1", _number(1e-12, 1))},
    "mode": {"name": (f"one of {', '.join(MODES)}", lambda name: name in MODES)},
    # between the programs, not for people:
    "here": {
        "streams": ("a list of streams", _streams),
        "frame_seconds": ("a number from 0 to 10", _number(0, 10)),
    },
    "hello": {},
    "leave": {},
}


def check_command(name: Any, arguments: dict[str, Any]) -> Command:
    """Return the command.

    Raises:
        UnknownName: no such command or argument.
        ParameterError: an argument is missing or not allowed.
    """
    if not isinstance(name, str) or name not in COMMANDS:
        raise UnknownName(f"unknown command {str(name)[:40]!r}; {suggest(str(name)[:40], COMMANDS)}")
    expected = COMMANDS[name]
    if unknown := sorted(set(arguments) - set(expected)):
        raise UnknownName(f"'{name}' takes no '{unknown[0][:40]}'; {suggest(unknown[0][:40], expected)}")
    for argument, (allowed, fits) in expected.items():
        if argument not in arguments:
            raise ParameterError(f"'{name}' needs '{argument}': {allowed}")
        if not fits(arguments[argument]):
            raise ParameterError(f"'{name}': {argument} = {str(arguments[argument])[:40]}; allowed: {allowed}")
    return Command(name, arguments)


def encode_command(name: str, /, **arguments: Any) -> bytes:
    """Return a command as the wire takes it.

    Raises:
        UnknownName, ParameterError: as `check_command`.
    """
    check_command(name, arguments)
    return json.dumps({"command": name, **arguments}).encode()


def decode_command(data: bytes) -> Command:
    """Read a command from outside.

    Raises:
        FileError: not a command at all.
        UnknownName, ParameterError: as `check_command`.
    """
    if len(data) > MAX_COMMAND:
        raise FileError(f"a command of {len(data)} bytes; at most {MAX_COMMAND} are read")
    message = decode_header(data)
    return check_command(message.pop("command", None), message)


def encode_header(values: dict[str, Any]) -> bytes:
    """Return a JSON header."""
    return json.dumps(values, separators=(",", ":")).encode()


def decode_header(data: bytes, limit: int = MAX_HEADER) -> dict[str, Any]:
    """Read a JSON object from outside.

    Raises:
        FileError: too long, or not a JSON object.
    """
    if len(data) > limit:
        raise FileError(f"a header of {len(data)} bytes; at most {limit} are read")
    try:
        values = json.loads(data)
    except (ValueError, RecursionError):
        raise FileError("a header that is not JSON") from None
    if not isinstance(values, dict):
        raise FileError("a header that is not a JSON object")
    return values


def encode_frame(frame: Frame) -> list[bytes]:
    """Return a frame as header and raw arrays."""
    missing = np.zeros(0, np.float32)
    probs = missing if frame.probs is None else np.ascontiguousarray(frame.probs, np.float32)
    values = missing if frame.values is None else np.ascontiguousarray(frame.values, np.float32)
    header = encode_header({"steps": frame.steps, "probs": list(probs.shape), "values": list(values.shape)})
    arrays = (frame.rows.astype(np.int64), frame.states, frame.params, probs, values)
    return [header, *(array.tobytes() for array in arrays)]


def decode_frame(parts: Sequence[bytes], states: np.dtype[Any], params: np.dtype[Any]) -> Frame:
    """Read a frame from outside; `states` and `params` are what this side's environment says of a row.

    Raises:
        FileError: its sizes do not fit.
    """
    if len(parts) != 6:
        raise FileError(f"a frame of {len(parts)} parts; it has 6")
    header = decode_header(parts[0])
    count, rest = divmod(len(parts[1]), 8)
    if rest or not 0 < count <= MAX_ROWS:
        raise FileError(f"a frame of {len(parts[1])} bytes of row numbers; at most {MAX_ROWS} rows are watched")
    steps = header.get("steps")
    if type(steps) is not int or steps < 0:
        raise FileError("a frame without its steps")
    for what, data, dtype in (("states", parts[2], states), ("params", parts[3], params)):
        if len(data) != count * dtype.itemsize:
            raise FileError(f"a frame with {len(data)} bytes of {what}; {count} rows take {count * dtype.itemsize}")
    return Frame(
        steps,
        np.frombuffer(parts[1], np.int64),
        np.frombuffer(parts[2], states),
        np.frombuffer(parts[3], params),
        _read_floats(parts[4], header.get("probs"), count, 3),
        _read_floats(parts[5], header.get("values"), count, 2),
    )


def _read_floats(data: bytes, shape: Any, count: int, axes: int) -> Array | None:
    """Return float32 numbers of shape (count, ...), or None when there are none."""
    if not data:
        return None
    whole = isinstance(shape, list) and all(type(size) is int and 0 < size < 2**16 for size in shape)
    if not whole or len(shape) != axes or shape[0] != count or math.prod(shape) * 4 != len(data):
        raise FileError(f"a frame with {len(data)} bytes for numbers of shape {str(shape)[:40]}")
    return np.frombuffer(data, np.float32).reshape(shape)
