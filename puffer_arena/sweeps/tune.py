"""Finding how many environments, threads and which precision train fastest on this machine, setting by setting."""

import dataclasses
import time
from collections.abc import Callable, Iterator
from typing import Any

from puffer_arena.errors import ArenaError
from puffer_arena.machine.cores import usable_cores
from puffer_arena.trainers.config import Config
from puffer_arena.trainers.precision import prefers_bfloat16
from puffer_arena.trainers.trainer import make_trainer

FACTORS = (0.25, 0.5, 2.0, 4.0)  # of the number of environments
NAMES = ("threads", "precision", "num_envs")
ALTERNATIONS = 3  # of the first and the last settings at the end: what was gained is a ratio of pairs
Measured = tuple[dict[str, Any], float]  # settings and steps a second

_clock = time.perf_counter


def measure(config: Config, seconds: float) -> float:
    """Return environment steps a second of training with a config, its first update left out."""
    trainer = make_trainer(config)
    try:
        trainer.update()
        begun, steps = _clock(), trainer.steps
        while (spent := _clock() - begun) < seconds:
            trainer.update()
        return (trainer.steps - steps) / spent
    finally:
        trainer.close()


def candidates(config: Config, name: str) -> Iterator[Any]:
    """Yield other values of a setting that may be faster."""
    now = getattr(config, name)
    if name == "threads":
        yield from (count for count in range(1, usable_cores() + 1) if count != now)
    elif name == "precision":
        yield from ({"float32", "bfloat16"} - {now} if prefers_bfloat16(config.device, 128) else ())
    else:
        yield from (count for factor in FACTORS if (count := max(1, int(now * factor))) != now)


def tune(
    config: Config, seconds: float, told: Callable[[dict[str, Any], float], None]
) -> tuple[dict[str, Any], float, float]:
    """Return the settings that train fastest, how many times as fast as `config`, and the steps a second of them.

    Args:
        config: with every "auto" resolved.
        seconds: for all measurements together, about.
        told: called with every measurement.
    """
    best = {name: getattr(config, name) for name in NAMES}
    # One of some eight measurements, and of six in pairs at the end; what is compiled once comes on top.
    each = max(seconds / 20, 0.05)
    speed = measure(config, each)
    until = _clock() + seconds
    told(best, speed)
    for name in NAMES:
        for value in candidates(dataclasses.replace(config, **best), name):
            if _clock() > until - 2 * ALTERNATIONS * each:
                break
            tried = {**best, name: value}
            try:
                found = measure(dataclasses.replace(config, **tried), each)
            except (ArenaError, MemoryError):  # too many rows for this machine, or for their engine
                continue
            told(tried, found)
            if found > speed:
                best, speed = tried, found
    if best == {name: getattr(config, name) for name in NAMES}:
        return best, 1.0, speed
    ratios = []
    for _ in range(ALTERNATIONS):
        before = measure(config, each)
        after = measure(dataclasses.replace(config, **best), each)
        ratios.append(after / before)
    return best, sorted(ratios)[len(ratios) // 2], after
