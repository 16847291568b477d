"""One trial of a sweep, in a process of its own: it trains, and says as lines of JSON how it goes."""

import json
import sys
from collections.abc import Mapping
from typing import Any

from puffer_arena.errors import ArenaError
from puffer_arena.registry import load_env
from puffer_arena.trainers.config import load_config
from puffer_arena.trainers.trainer import make_trainer

REPORTS = 20  # of a trial, evenly over its steps
COUNTED = 4  # of the last reports, whose episodes make its score


def main() -> None:
    """Train what the first line of the standard input says; see `run`."""
    order = json.loads(sys.stdin.readline())
    try:
        run(order)
    except (ArenaError, MemoryError) as error:
        say(failed=f"{type(error).__name__}: {error}")


def run(order: Mapping[str, Any]) -> None:
    """Train, and say score and seconds so far.

    Args:
        order: env, file, preset, algorithm, overrides, and score, the metric that counts.
    """
    load_env(order["env"])
    config = load_config(order["env"], order["file"], order["overrides"], order["preset"], order["algorithm"])
    trainer = make_trainer(config)
    try:
        seen: list[tuple[float, float]] = []
        sums, due = [0.0, 0.0], config.total_steps / REPORTS
        while not trainer.finished:
            metrics = trainer.update()
            if metrics.get("episodes") and order["score"] in metrics:
                sums[0] += metrics[order["score"]] * metrics["episodes"]
                sums[1] += metrics["episodes"]
            if trainer.steps >= due or trainer.finished:
                due += config.total_steps / REPORTS
                seen.append((sums[0], sums[1]))
                sums = [0.0, 0.0]
                total, count = (sum(part) for part in zip(*seen[-COUNTED:], strict=True))
                say(steps=trainer.steps, score=total / count if count else None, seconds=trainer.seconds)
    finally:
        trainer.close()


def say(**values: Any) -> None:
    """Write a line for the sweep."""
    print(json.dumps(values), flush=True)
