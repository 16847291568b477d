"""`eval --grid`: success over one or two parameters, on training and on held-out levels, as a table and a picture."""

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from puffer_arena.batch.settings import SPLITS
from puffer_arena.core.env import Env
from puffer_arena.curriculum.curriculum import successes
from puffer_arena.curriculum.spread import Spread, read_spread
from puffer_arena.errors import ParameterError, UnknownName, suggest
from puffer_arena.players.evaluate import Sample
from puffer_arena.players.intervals import wilson

MOST_POINTS = 400


@dataclass(frozen=True)
class Axis:
    """A parameter and the values at which it is measured."""

    name: str
    values: tuple[Any, ...]


@dataclass(frozen=True)
class Rate:
    """A share of successes with its 95% interval (Wilson)."""

    mean: float
    low: float
    high: float


def read_axes(env: Env, given: Sequence[str]) -> list[Axis]:
    """Return the axes that NAME=LOW:HIGH:COUNT, or NAME=VALUE,VALUE, mean.

    Raises:
        ParameterError, UnknownName: they mean nothing, or too many points.
    """
    axes = []
    for text in given:
        name, equals, values = text.partition("=")
        name = name.strip().replace("-", "_")
        if not (name and equals and values):
            raise ParameterError(f"--grid {text!r} is not NAME=LOW:HIGH:COUNT; write for example --grid walls=0:1:5")
        if name not in env.parameters:
            raise UnknownName(f"--grid: unknown parameter '{name}'; {suggest(name, env.parameters)}")
        if env.parameters[name].size:
            raise ParameterError(
                f"--grid: '{name}' is an array of {env.parameters[name].size} numbers; it takes single ones"
            )
        bounds, _, count = values.rpartition(":")
        if ":" in values and not (":" in bounds and count.isdigit() and 2 <= int(count) <= MOST_POINTS):
            raise ParameterError(f"--grid {text!r}: end the range with how many points, such as {name}=0:1:5")
        spread = read_spread(env.parameters[name], bounds if ":" in values else values)
        axes.append(Axis(name, _points(spread, int(count) if ":" in values else 0)))
    if not 1 <= len(axes) <= 2 or len({axis.name for axis in axes}) < len(axes):
        raise ParameterError("--grid takes one or two different parameters")
    if (points := int(np.prod([len(axis.values) for axis in axes]))) > MOST_POINTS:
        raise ParameterError(f"--grid has {points} points; at most {MOST_POINTS}")
    return axes


def _points(spread: Spread, count: int) -> tuple[Any, ...]:
    """Return values from the lowest to the highest, as far apart as they can be."""
    if spread.values:
        return spread.values
    space = np.geomspace if spread.log else np.linspace
    points = space(spread.low, spread.high, count)
    kind = spread.parameter.kind
    return tuple(dict.fromkeys(kind(round(value)) if kind is int else kind(value) for value in points.tolist()))


def measure(
    env: Env, axes: Sequence[Axis], play: Callable[[str, Mapping[str, Any]], Sample]
) -> dict[str, list[list[Rate]]]:
    """Measure success at every point: split -> rows of the first parameter, columns of the second."""
    second = axes[1].values if len(axes) == 2 else (None,)
    found: dict[str, list[list[Rate]]] = {}
    for split, value in itertools.product(SPLITS, axes[0].values):
        line = []
        for other in second:
            point = {axes[0].name: value} | ({axes[1].name: other} if len(axes) == 2 else {})
            sample = play(split, point)
            reached = successes(env, sample.columns, _returns(sample))
            line.append(Rate(float(reached.mean()), *wilson(int(reached.sum()), len(reached))))
        found.setdefault(split, []).append(line)
    return found


def _returns(sample: Sample) -> Any:
    """Return one return an episode, or of the first role that has one for each."""
    named = [column for name, column in sample.columns.items() if name == "return" or name.startswith("return of ")]
    return next((column for column in named if len(column) == sample.episodes), np.zeros(sample.episodes))


def table(axes: Sequence[Axis], rates: Mapping[str, list[list[Rate]]], titles: Mapping[str, str]) -> str:
    """Return the figures as text."""
    first = axes[0]
    if len(axes) == 1:
        heads = [first.name, *(titles[split] for split in rates)]
        rows = [
            [
                _text(value),
                *(f"{line[k][0].mean:.2f} [{line[k][0].low:.2f}, {line[k][0].high:.2f}]" for line in rates.values()),
            ]
            for k, value in enumerate(first.values)
        ]
        return "success\n" + _aligned([heads, *rows])
    parts = []
    for split, lines in rates.items():
        heads = [f"{first.name} \\ {axes[1].name}", *map(_text, axes[1].values)]
        rows = [
            [_text(value), *(f"{rate.mean:.2f}" for rate in line)]
            for value, line in zip(first.values, lines, strict=True)
        ]
        parts.append(f"success, {titles[split]}\n" + _aligned([heads, *rows]))
    return "\n\n".join(parts)


def _text(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _aligned(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
    return "\n".join("  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)


def draw(
    path: Path, title: str, axes: Sequence[Axis], rates: Mapping[str, list[list[Rate]]], titles: Mapping[str, str]
) -> None:
    """Write the figures as a PNG: curves with their intervals over one parameter, heat maps over two.

    Raises:
        ParameterError: the file cannot be written.
        MissingExtra: pygame is not installed.
    """
    from puffer_arena.render.draw.chart import curves, heat_maps, save_png

    names = [titles[split] for split in rates]
    labels = [[_text(value) for value in axis.values] for axis in axes]
    if len(axes) == 1:
        lines = [[(line[0].mean, line[0].low, line[0].high) for line in rows] for rows in rates.values()]
        canvas = curves(title, axes[0].name, labels[0], names, lines)
    else:
        maps = [[[rate.mean for rate in line] for line in rows] for rows in rates.values()]
        canvas = heat_maps(title, (axes[0].name, axes[1].name), labels, names, maps)
    try:
        save_png(canvas, path)
    except OSError as error:
        raise ParameterError(f"picture '{path}' cannot be written: {error.strerror or error}") from None
