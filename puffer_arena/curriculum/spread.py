"""What a parameter is drawn from: a range, a logarithmic range, or some values."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from puffer_arena.core.fields import Array
from puffer_arena.core.params import STORAGE, Parameter
from puffer_arena.errors import ParameterError, shown

FORMS = "write it as LOW:HIGH, LOW:HIGH:log, or as values with commas between them"


@dataclass(frozen=True)
class Spread:
    """Where values of one parameter come from; those of an array are drawn one by one.

    Args:
        parameter: whose values.
        low, high: the range, both included.
        log: whether the logarithm is drawn, so that every decade is as likely.
        values: some values in place of a range.
    """

    parameter: Parameter
    low: float
    high: float
    log: bool = False
    values: tuple[Any, ...] = ()

    def draw(self, count: int, rng: np.random.Generator) -> Array:
        """Return values, (count, *shape of the parameter), of its storage type."""
        return self.at(rng.random((count, *self.parameter.shape)))

    def at(self, parts: Array) -> Array:
        """Return the values at parts of the way from the lowest to the highest, each in [0, 1)."""
        kind = STORAGE[self.parameter.kind]
        if self.values:
            known: Array = np.asarray(self.values, kind)
            return np.take(known, (parts * len(self.values)).astype(np.int64))
        if self.parameter.kind is int and not self.log:
            return np.asarray(self.low + np.floor(parts * (self.high - self.low + 1)), kind)
        low, high = (np.log(self.low), np.log(self.high)) if self.log else (self.low, self.high)
        values = low + parts * (high - low)
        values = np.exp(values) if self.log else values
        values = np.rint(values) if self.parameter.kind is int else values
        return np.asarray(np.clip(values, self.low, self.high), kind)

    def part(self, values: Array) -> Array:
        """Return how far values are from the lowest to the highest, each in [0, 1): the inverse of `at`."""
        numbers = np.asarray(values, np.float64)
        if self.values:
            known = np.asarray(self.values, np.float64)
            return np.asarray((np.argmin(np.abs(numbers[:, None] - known), axis=1) + 0.5) / len(known))
        if self.parameter.kind is int and not self.log:
            found = (numbers - self.low + 0.5) / (self.high - self.low + 1)
        elif self.log:
            found = np.log(np.maximum(numbers, 1e-300) / self.low) / max(np.log(self.high / self.low), 1e-12)
        else:
            found = (numbers - self.low) / max(self.high - self.low, 1e-12)
        return np.asarray(np.clip(found, 0.0, np.nextafter(1.0, 0.0)))

    def holds(self, values: Array) -> Array:
        """Return which values, (count, *shape of the parameter), may come from here, bool (count,)."""
        if self.values:
            held = np.isin(values, np.asarray(self.values, STORAGE[self.parameter.kind]))
        else:
            held = np.asarray((values >= self.low) & (values <= self.high))
        return np.asarray(held.all(axis=1) if self.parameter.size else held)

    def __str__(self) -> str:
        if self.values:
            return ",".join(map(str, self.values))
        return f"{self.low:g}:{self.high:g}" + (":log" if self.log else "")


def read_spread(parameter: Parameter, given: Any) -> Spread:
    """Return what `given` means: a text such as "0.1:0.6", "1:100:log" or "2,3,5", a number, or a list of values.

    Raises:
        ParameterError: it means nothing, or reaches beyond the parameter's own range.
    """
    name = parameter.name
    if isinstance(given, str):
        parts = given.split(":")
        if len(parts) in (2, 3) and parts[2:] in ([], ["log"]):
            return _range(parameter, given, parts)
        given = [_number(parameter, word) for word in given.split(",")]
    values = given if isinstance(given, list | tuple) else [given]
    if not values or len(values) > 1000:
        raise ParameterError(f"range of '{name}' has {len(values)} values; it takes 1 to 1000")
    checked = tuple(parameter.check_number(value) for value in values)
    return Spread(parameter, float(min(checked)), float(max(checked)), values=checked)


def _range(parameter: Parameter, given: str, parts: list[str]) -> Spread:
    name = parameter.name
    if parameter.kind is bool:
        raise ParameterError(f"range of '{name}' = {shown(given)}: it is true or false; write for example false,true")
    low, high = (parameter.check_number(_number(parameter, word)) for word in parts[:2])
    if low > high:
        raise ParameterError(f"range of '{name}' = {shown(given)}: its low end is above its high end")
    if len(parts) == 3 and low <= 0:
        raise ParameterError(f"range of '{name}' = {shown(given)}: a logarithmic range begins above 0")
    return Spread(parameter, float(low), float(high), len(parts) == 3)


def _number(parameter: Parameter, word: str) -> Any:
    text = word.strip().replace("_", "")
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    raise ParameterError(f"range of '{parameter.name}': {shown(word)} is no number; {FORMS}")
