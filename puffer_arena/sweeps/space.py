"""What a sweep searches: settings by name, each with the values that it may take."""

import dataclasses
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from puffer_arena.errors import ParameterError, UnknownName, shown, suggest
from puffer_arena.settings import names
from puffer_arena.trainers.config import Config, config_type

FORMS = "write LOW:HIGH, LOW:HIGH:log, values with commas between them, or nothing for the setting's own range"
WIDEST = 5.0  # times its usual value, up and down, that a setting's own range is cut to where it reaches further
USUAL = ("optimizer.learning_rate", "gamma", "gae_lambda", "entropy_coef", "clip", "horizon", "minibatches")


@dataclass(frozen=True)
class Range:
    """The values that a setting may take: from `low` to `high`, or one of `values`."""

    low: Any = 0.0
    high: Any = 0.0
    log: bool = False
    values: tuple[Any, ...] = ()

    def draw(self, trial: Any, name: str) -> Any:
        """Let a trial of Optuna choose a value."""
        if self.values:
            return trial.suggest_categorical(name, self.values)
        if isinstance(self.low, int):
            return trial.suggest_int(name, self.low, self.high, log=self.log)
        return trial.suggest_float(name, self.low, self.high, log=self.log)

    def __str__(self) -> str:
        if self.values:
            return ",".join(map(str, self.values))
        return f"{self.low:g}:{self.high:g}{':log' if self.log else ''}"


def read_space(config: Config, given: Mapping[str, Any]) -> dict[str, Range]:
    """Return what a sweep searches around a config.

    Args:
        config: whose settings; it says what their usual values are.
        given: dotted name -> "1e-4:1e-2:log", a list of values, or "" for the setting's own range; none for the usual ones.

    Raises:
        UnknownName: a setting that does not exist.
        ParameterError: values that it cannot take, or a setting without a range of its own.
    """
    fields = dict(_fields(config_type(config.algorithm)))
    if not given:
        section = type(config.method).__module__.rpartition(".")[2]
        own = [
            name for name in fields if name in USUAL or (name.rpartition(".")[2] in USUAL and "optimizer" not in name)
        ]
        given = {name: "" for name in own if _value(config, name) > 0}  # what is off stays so unless it is asked for
        if not given:
            raise ParameterError(f"algorithm '{section}' has none of the usual settings to search; name them: --search")
    found = {}
    for name, text in given.items():
        if name not in fields:
            raise UnknownName(f"unknown setting '{name}'; {suggest(name, list(names(config_type(config.algorithm))))}")
        kind, meta = fields[name]
        found[name] = _range(name, kind, meta, text, _value(config, name))
    return found


def _fields(kind: Any, prefix: str = "") -> Iterator[tuple[str, tuple[Any, Mapping[str, Any]]]]:
    hints = typing.get_type_hints(kind)
    for each in dataclasses.fields(kind):
        if dataclasses.is_dataclass(hints[each.name]):
            yield from _fields(hints[each.name], f"{prefix}{each.name}.")
        else:
            yield prefix + each.name, (hints[each.name], each.metadata)


def _value(config: Any, name: str) -> Any:
    for part in name.split("."):
        config = getattr(config, part)
    return config


def _range(name: str, kind: Any, meta: Mapping[str, Any], given: Any, usual: Any) -> Range:
    if given == "":
        return _own(name, kind, meta, usual)
    if isinstance(given, list | tuple):
        return Range(values=tuple(given))
    parts = str(given).split(":")
    if len(parts) == 1:
        return Range(values=tuple(_read(name, kind, word) for word in parts[0].split(",")))
    if len(parts) > 3 or (len(parts) == 3 and parts[2] != "log") or kind not in (int, float):
        raise ParameterError(f"'{name}' = {shown(given)}: {FORMS}")
    low, high = (_read(name, kind, word) for word in parts[:2])
    log = len(parts) == 3
    if not (meta.get("low", low) <= low <= high <= meta.get("high", high)) or (log and low <= 0):
        allowed = f"within {meta['low']:g} to {meta['high']:g}" if "low" in meta else "from the lower to the higher"
        raise ParameterError(f"'{name}' = {shown(given)} must lie {allowed}{', above 0' if log else ''}")
    return Range(low, high, log)


def _own(name: str, kind: Any, meta: Mapping[str, Any], usual: Any) -> Range:
    """Return a setting's own range; one that reaches over many decades is cut to those around its usual value."""
    if "choices" in meta:
        return Range(values=tuple(meta["choices"]))
    if kind is bool:
        return Range(values=(False, True))
    if "low" not in meta or kind not in (int, float):
        raise ParameterError(f"'{name}' has no range of its own: {FORMS}")
    if kind is float and meta["high"] == 1.0 and 0.5 < usual < 1.0:  # discounts: what is left to 1 is what matters
        return Range(max(meta["low"], 1.0 - 10.0 * (1.0 - usual)), 1.0 - (1.0 - usual) / 10.0)
    if usual <= 0:
        return Range(kind(meta["low"]), kind(meta["high"]))
    low = max(meta["low"], usual / WIDEST)
    high = min(meta["high"], usual * WIDEST)
    if kind is int:
        return Range(max(int(usual // 4), int(meta["low"]), 1), min(int(usual * 4), int(meta["high"])), True)
    return Range(float(low), float(high), low > 0)


def _read(name: str, kind: Any, word: str) -> Any:
    text = word.strip()
    if kind is str:
        return text
    if kind is bool and text.lower() in ("true", "false"):
        return text.lower() == "true"
    try:
        return int(text) if kind is int else float(text)
    except ValueError:
        raise ParameterError(f"'{name}': {shown(word)} is no {getattr(kind, '__name__', kind)}; {FORMS}") from None


def as_toml(settings: Mapping[str, Any]) -> str:
    """Return settings by dotted names as TOML, groups in tables."""
    groups: dict[str, list[str]] = {}
    for name, value in settings.items():
        group, _, last = name.rpartition(".")
        text = (
            str(value).lower() if isinstance(value, bool) else f'"{value}"' if isinstance(value, str) else repr(value)
        )
        groups.setdefault(group, []).append(f"{last} = {text}")
    lines = groups.pop("", [])
    for group, entries in sorted(groups.items()):
        lines += ["", f"[{group}]", *entries] if lines else [f"[{group}]", *entries]
    return "\n".join(lines) + "\n"
