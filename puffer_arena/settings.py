"""Settings: dataclass fields that carry their range, or their choices, and one line about themselves.

    @dataclass(frozen=True)
    class Settings:
        horizon: int = setting(32, 1, 4096, "steps of every environment per rollout")
        advantage: str = choice("gae", ("gae", "vtrace"), "how advantages are estimated")

The command line, configs on disk and documentation derive from these.  Unknown settings are errors.
"""

import dataclasses
import sys
import tomllib
import types
import typing
from collections.abc import Iterator, Mapping
from dataclasses import field
from typing import Any

from puffer_arena.errors import ParameterError, UnknownName, shown, suggest

MAX_WIDTH = 2**14
MAX_LAYERS = 32


def setting(default: Any, low: float, high: float, doc: str) -> Any:
    """Declare a number with its inclusive range."""
    return field(default=default, metadata={"doc": doc, "low": low, "high": high})


def choice(default: str, choices: tuple[str, ...], doc: str) -> Any:
    """Declare a name that is one of several."""
    return field(default=default, metadata={"doc": doc, "choices": choices})


def flag(default: bool, doc: str) -> Any:
    """Declare something that is on or off."""
    return field(default=default, metadata={"doc": doc})


def text(default: str, doc: str) -> Any:
    """Declare a text."""
    return field(default=default, metadata={"doc": doc})


def widths(default: tuple[int, ...], doc: str, empty: bool = False) -> Any:
    """Declare the widths of some layers; none at all only where `empty` allows it."""
    return field(default=default, metadata={"doc": doc, "layers": 0 if empty else 1})


def table(doc: str) -> Any:
    """Declare a table of names and values that something else checks."""
    return field(default_factory=dict, metadata={"doc": doc})


def section(kind: type) -> Any:
    """Declare a group of settings with a dataclass of its own."""
    return field(default_factory=kind)


def names(kind: Any, prefix: str = "") -> Iterator[str]:
    """Yield the dotted name of every setting."""
    hints = typing.get_type_hints(kind)
    for each in dataclasses.fields(kind):
        if dataclasses.is_dataclass(hints[each.name]):
            yield from names(hints[each.name], f"{prefix}{each.name}.")
        else:
            yield prefix + each.name


def describe(kind: Any, prefix: str = "") -> Iterator[tuple[str, Any, str, str]]:
    """Yield name, default, what is allowed and documentation of every setting."""
    hints = typing.get_type_hints(kind)
    for each in dataclasses.fields(kind):
        if dataclasses.is_dataclass(hints[each.name]):
            yield from describe(hints[each.name], f"{prefix}{each.name}.")
            continue
        default = each.default_factory() if callable(each.default_factory) else each.default
        yield prefix + each.name, default, allowed(each), each.metadata.get("doc", "")


def allowed(each: "dataclasses.Field[Any]") -> str:
    """Return what a setting may be, in words."""
    meta = each.metadata
    if "choices" in meta:
        return ", ".join(meta["choices"])
    if "low" in meta:
        return f"{meta['low']:g} to {meta['high']:g}"
    if "layers" in meta:
        return f"widths from 1 to {MAX_WIDTH}"
    return ""


def build(kind: Any, values: Any, prefix: str = "", root: Any = None) -> Any:
    """Return the dataclass `kind` made of nested settings; text is read as TOML.

    Raises:
        UnknownName: a setting or choice that does not exist.
        ParameterError: a value of the wrong type or out of range.
    """
    if not isinstance(values, Mapping):
        raise ParameterError(f"settings {prefix or 'of a run'} must be a table, not {shown(values)}")
    root = kind if root is None else root
    hints = typing.get_type_hints(kind)
    fields = {each.name: each for each in dataclasses.fields(kind)}
    made = {}
    for name, value in values.items():
        if name not in fields:
            groups = [each for each in fields if dataclasses.is_dataclass(hints[each])]
            known = groups if isinstance(value, Mapping) else names(root)
            raise UnknownName(f"unknown setting '{prefix}{name}'; {suggest(prefix + name, known)}")
        if dataclasses.is_dataclass(hints[name]):
            same = isinstance(value, hints[name])
            made[name] = value if same else build(hints[name], value, f"{prefix}{name}.", root)
        else:
            made[name] = _convert(prefix + name, hints[name], value)
    result = kind(**made)
    check(result, prefix)
    return result


def check(settings: Any, prefix: str = "") -> None:
    """Check the choices and ranges of a dataclass of settings, groups within it included.

    Raises:
        UnknownName: a choice that does not exist.
        ParameterError: a number out of range.
    """
    for each in dataclasses.fields(settings):
        name, value, meta = prefix + each.name, getattr(settings, each.name), each.metadata
        if dataclasses.is_dataclass(value):
            check(value, f"{name}.")
        elif "choices" in meta and value not in meta["choices"]:
            raise UnknownName(f"setting '{name}' = '{value}' is unknown; {suggest(value, meta['choices'])}")
        elif "low" in meta and not meta["low"] <= value <= meta["high"]:
            raise ParameterError(
                f"setting '{name}' = {shown(value)} is out of range; allowed: {meta['low']} to {meta['high']}"
            )
        elif "layers" in meta and not (
            meta["layers"] <= len(value) <= MAX_LAYERS and all(1 <= width <= MAX_WIDTH for width in value)
        ):
            least = "at least one width" if meta["layers"] else "widths"
            raise ParameterError(f"setting '{name}' = {value}: give {least}, each from 1 to {MAX_WIDTH}")


def plain(settings: Any) -> dict[str, Any]:
    """Return settings as nested dictionaries of plain values, fit for JSON."""
    values: dict[str, Any] = {}
    for each in dataclasses.fields(settings):
        value = getattr(settings, each.name)
        if dataclasses.is_dataclass(value):
            value = plain(value)
        elif isinstance(value, tuple):
            value = list(value)
        elif isinstance(value, Mapping):
            value = dict(value)
        values[each.name] = value
    return values


def _convert(name: str, kind: Any, value: Any) -> Any:
    """Return `value` as the setting's type."""
    if isinstance(value, kind if isinstance(kind, type) and not isinstance(kind, types.GenericAlias) else ()):
        if not (isinstance(value, bool) and kind is not bool):
            return value
    elif isinstance(value, str):
        return _convert(name, kind, parse_toml(f"value = {value}", f"setting '{name}'")["value"])
    elif kind is float and isinstance(value, int) and not isinstance(value, bool) and abs(value) <= sys.float_info.max:
        return float(value)
    elif typing.get_origin(kind) is tuple and isinstance(value, list | tuple):
        return tuple(_convert(name, int, element) for element in value)
    elif typing.get_origin(kind) is dict and isinstance(value, Mapping):
        return {key: _plain_text(item) for key, item in value.items()}
    kinds = getattr(kind, "__name__", str(kind)) if not typing.get_origin(kind) else str(kind)
    raise ParameterError(f"setting '{name}' = {shown(value)} is of the wrong type; allowed: {kinds}")


def _plain_text(value: Any) -> Any:
    """Read text from a command line as the number or truth value it spells."""
    if not isinstance(value, str):
        return value
    try:
        return tomllib.loads(f"value = {value}")["value"]
    except (ValueError, RecursionError):
        return value


def parse_toml(source: str, what: str) -> dict[str, Any]:
    """Read TOML.

    Raises:
        ParameterError: it is none.
    """
    try:
        return tomllib.loads(source)
    except (ValueError, RecursionError) as error:  # of TOML, or of whole numbers with thousands of digits
        raise ParameterError(f"{what} is no TOML: {error}") from None
