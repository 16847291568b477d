"""Pairing and summing up of timings: what the bench tools share."""

import platform
import random
import statistics
import threading
import time
from collections.abc import Callable, Mapping

import numpy as np

from puffer_arena.core.fields import Array
from puffer_arena.machine.compile import compile_function, jit
from puffer_arena.machine.cores import usable_cores

Timed = Callable[[], float]  # runs once and returns a rate


def rate(work: Callable[[], None], units: float, clock: Callable[[], float] = time.perf_counter) -> float:
    """Run `work` once and return units a second; `time.process_time` leaves out what other processes take."""
    start = clock()
    work()
    return units / (clock() - start)


def interleave(candidates: Mapping[str, Timed], rounds: int) -> dict[str, list[float]]:
    """Run the candidates in turn, `rounds` times, so that the machine's drift meets all of them alike.

    The order changes from round to round: what one leaves in the caches, another finds there.
    """
    for run in candidates.values():
        run()
    results: dict[str, list[float]] = {name: [] for name in candidates}
    order, drawn = list(candidates), random.Random(0)
    for _ in range(rounds):
        drawn.shuffle(order)
        for name in order:
            results[name].append(candidates[name]())
    return results


@jit
def walk(numbers: Array, rounds: int) -> None:
    """Change every number some times, and nothing else."""
    for _ in range(rounds):
        for i in range(len(numbers)):
            numbers[i] = numbers[i] * 0.5 + 1.0


def controls() -> dict[str, Timed]:
    """Return a loop over memory on one core and on two: how much of a second core this machine gives at all.

    Each core has 4 MB, as a batch of physics: beyond its own cache, within the one that all programs share.
    """
    memory, work = np.zeros((2, 500_000)), compile_function(walk, "measure")

    def run(count: int) -> None:
        crew = [threading.Thread(target=work, args=(numbers, 200)) for numbers in memory[:count]]
        for thread in crew:
            thread.start()
        for thread in crew:
            thread.join()

    return {f"control on {count}": lambda count=count: rate(lambda: run(count), count) for count in (1, 2)}


def report_gain(name: str, two: list[float], one: list[float], found: Mapping[str, list[float]]) -> None:
    """Print what a second core brings, beside what it brings to a loop in the same run."""
    gain, control = ratio(two, one), ratio(found["control on 2"], found["control on 1"])
    report(name, f"{gain:.2f} x (a bare loop {control:.2f} x)", ">= 1.7 x", gain >= 1.7)


def describe(values: list[float]) -> str:
    """Return median and spread, as "12.3 M (11.9-12.6)"."""
    middle = statistics.median(values)
    scale, unit = (1e6, " M") if middle >= 1e6 else (1e3, " k") if middle >= 1e3 else (1.0, "")
    return f"{middle / scale:.3g}{unit} ({min(values) / scale:.3g}-{max(values) / scale:.3g})"


def ratio(above: list[float], below: list[float]) -> float:
    """Return the median of the pairwise ratios."""
    return statistics.median(a / b for a, b in zip(above, below, strict=True))


def machine() -> str:
    """Return one line about the machine."""
    return f"{platform.machine()}, {usable_cores()} cores, Python {platform.python_version()}, {platform.system()}"


def report(name: str, value: str, target: str = "", holds: bool = True) -> None:
    """Print one figure, with the figure it should reach where there is one."""
    verdict = ("ok" if holds else "MISS") if target else ""
    print(f"{verdict:<4}  {name:<58} {value:<34} {target and 'wanted'} {target}".rstrip())
