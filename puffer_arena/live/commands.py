"""What a window may ask for, and the JSON it comes as: bounded and checked here, for everybody who reads it."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from puffer_arena.errors import FileError, ParameterError, UnknownName, printable, suggest

MAX_COMMAND = 30_000  # bytes of JSON
MAX_TABLE = 24_000  # of a curriculum's table, as JSON
MAX_HEADER = 131_072
MAX_ROWS = 64  # rows that can be watched at once
MODES = ("time-lapse", "smooth")
STREAMS = ("frame", "policy")


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
    return isinstance(value, str) and len(value) <= 100 and value.isidentifier()


def _setting(value: Any) -> bool:
    if isinstance(value, list):
        return bool(value) and all(not isinstance(number, list) and _setting(number) for number in value)
    return isinstance(value, bool) or (isinstance(value, int | float) and abs(value) < 2**53)  # false for NaN


def _table(value: Any) -> bool:
    return isinstance(value, dict) and len(json.dumps(value)) <= MAX_TABLE


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
    "view_pause": {},  # of the policy that plays in the window, not of training
    "view_resume": {},
    "view_step": {},
    "save": {},
    "record": {},  # some rows into a replay of the run, or stop that
    "speed": {"value": ("a number from 0 to 1000", _number(0, 1000))},
    "rows": {"indices": (f"1 to {MAX_ROWS} row numbers", _indices)},
    "param": {"name": ("a parameter's name", _name), "value": ("a number, true or false, or a list of them", _setting)},
    "curriculum": {"table": (f"a table of at most {MAX_TABLE} bytes", _table)},
    "drop": {"key": ("a whole number of at least 0", lambda key: type(key) is int and 0 <= key < 2**62)},
    "level": {  # a drawn one, into the curriculum
        "level": (f"a table of at most {MAX_TABLE} bytes", _table),
        "weight": ("a number above 0, at most 1", _number(1e-6, 1)),
    },
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
        raise UnknownName(f"unknown command '{printable(name, 40)}'; {suggest(str(name)[:40], COMMANDS)}")
    expected = COMMANDS[name]
    if unknown := sorted(set(arguments) - set(expected)):
        raise UnknownName(f"'{name}' takes no '{printable(unknown[0], 40)}'; {suggest(unknown[0][:40], expected)}")
    for argument, (allowed, fits) in expected.items():
        if argument not in arguments:
            raise ParameterError(f"'{name}' needs '{argument}': {allowed}")
        if not fits(arguments[argument]):
            raise ParameterError(f"'{name}': {argument} = {printable(arguments[argument], 40)}; allowed: {allowed}")
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
    values = _decode(data, limit)
    if not isinstance(values, dict):
        raise FileError("a header that is not a JSON object")
    return values


def decode_list(data: bytes, limit: int) -> list[dict[str, Any]]:
    """Read a JSON list of objects from outside.

    Raises:
        FileError: too long, or not such a list.
    """
    values = _decode(data, limit)
    if not isinstance(values, list) or not all(isinstance(value, dict) for value in values):
        raise FileError("a list that is not one of JSON objects")
    return values


def read_count(header: dict[str, Any], name: str) -> int:
    """Return a whole number of a header from outside.

    Raises:
        FileError: it is not there, negative, or larger than anything that is counted.
    """
    value = header.get(name)
    if type(value) is not int or not 0 <= value < 2**63:
        raise FileError(f"a header whose '{name}' is {printable(value, 40)}; it is a whole number from 0 to 2^63 - 1")
    return value


def _decode(data: bytes, limit: int) -> Any:
    if len(data) > limit:
        raise FileError(f"JSON of {len(data)} bytes; at most {limit} are read")
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        raise FileError("a header that is not JSON") from None
