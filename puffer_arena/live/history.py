"""The metrics of a run so far, thinned so that they stay small."""

import contextlib
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from puffer_arena.errors import FileError
from puffer_arena.live.messages import MAX_HISTORY

MAX_POINTS = 1_000  # of one curve; when it is full every second point goes
MAX_CURVES = 200
MAX_LINE = 1_000_000  # bytes of one line of metrics.jsonl

Curve = list[tuple[float, float]]


class History:
    """Curves by name: (steps, value) pairs."""

    def __init__(self) -> None:
        self.curves: dict[str, Curve] = {}

    def add(self, steps: Any, values: Mapping[str, Any]) -> dict[str, float]:
        """Append one point to each curve named, and return those that were kept: finite numbers only."""
        kept: dict[str, float] = {}
        if not _is_finite(steps):
            return kept
        for name, value in values.items():
            if not _is_finite(value):
                continue
            if name not in self.curves and (len(self.curves) >= MAX_CURVES or len(name) > 100):
                continue
            kept[name] = float(value)
            curve = self.curves.setdefault(name, [])
            curve.append((float(steps), float(value)))
            if len(curve) > MAX_POINTS:
                del curve[:-1:2]  # the newest stays
        return kept

    def encode(self) -> bytes:
        """Return all curves as JSON."""
        short = {
            name: [(int(steps), float(f"{value:.6g}")) for steps, value in curve] for name, curve in self.curves.items()
        }
        return json.dumps(short, separators=(",", ":")).encode()

    @classmethod
    def decode(cls, data: bytes) -> "History":
        """Read curves from outside.

        Raises:
            FileError: too long, or not what `encode` writes.
        """
        history = cls()
        if len(data) > MAX_HISTORY:
            raise FileError(f"metrics of {len(data)} bytes; at most {MAX_HISTORY} are read")
        try:
            for name, curve in json.loads(data).items():
                for steps, value in curve:
                    history.add(float(steps), {name: float(value)})
        except (ValueError, TypeError, AttributeError, RecursionError, OverflowError):
            raise FileError("metrics that are not curves of numbers") from None
        return history


def _is_finite(value: Any) -> bool:
    """Tell whether a value is a number that a curve can hold."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and abs(value) <= sys.float_info.max  # false for NaN; whole numbers may be larger than floats go


def read_metrics(path: Path) -> History:
    """Read a run's metrics.jsonl; a line that is damaged, as the last one after a crash, is left out."""
    history = History()
    with contextlib.suppress(OSError), path.open("rb") as file:
        while line := file.readline(MAX_LINE):
            with contextlib.suppress(ValueError, RecursionError):
                values = json.loads(line)
                if isinstance(values, dict):
                    history.add(values.get("steps"), values)
    return history
