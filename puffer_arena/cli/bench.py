"""`bench`: how fast an environment steps, and how fast it trains."""

import contextlib
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Annotated

import numpy as np
import tyro

from puffer_arena.batch.batch import Batch
from puffer_arena.batch.make import make
from puffer_arena.cli.options import read_pairs
from puffer_arena.cli.output import Waiting, show
from puffer_arena.errors import ParameterError
from puffer_arena.machine.cores import usable_cores
from puffer_arena.registry import load_env


@dataclass
class Options:
    """Measure an environment's steps per second: observations and resets included, random actions drawn beforehand.

    Examples:
        python -m puffer_arena bench snake
        python -m puffer_arena bench tag --num-envs 8192 --threads 4
        python -m puffer_arena bench snake --train
    """

    env: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="ENV")]
    """An id of `list`, a dotted module, or a path to a .py file."""
    num_envs: int = 0
    """Environments stepped together; 0 for as many as suit its kind."""
    threads: int = 0
    """Threads of the second measurement; 0 for one per core that this process may use."""
    seconds: float = 1.0
    """Length of one measurement."""
    repeats: int = 5
    """Measurements, of which the median counts."""
    train: bool = False
    """Also measure training, with the environment's own config."""
    param: tyro.conf.UseAppendAction[tuple[str, ...]] = ()
    """A parameter of the environment as name=value; may be repeated."""


def run(options: Options) -> int:
    """Print the measurements, one line each."""
    if options.repeats < 1 or not 0.01 <= options.seconds <= 3600:
        raise ParameterError("--repeats is at least 1 and --seconds from 0.01 to 3600")
    threads = options.threads or usable_cores()
    options = replace(options, num_envs=options.num_envs or load_env(options.env).usual_rows)
    params = read_pairs(options.param, "--param")
    with contextlib.ExitStack() as stack:
        batches = {
            n: stack.enter_context(make(options.env, num_envs=options.num_envs, threads=n, **params))
            for n in sorted({1, threads})
        }
        show(f"{options.env}: {options.num_envs} environments, median of {options.repeats}, least to greatest")
        samples = measure_envs(options, batches)
        agents = batches[1].num_agents
    if agents > 1:
        show(f"  (a step moves all {agents} agents)")
    one = statistics.median(samples[1])
    for count, rates in samples.items():
        ratio = f"   {statistics.median(rates) / one:.2f}x" if count > 1 else ""
        show(f"  {count} thread{'s' if count > 1 else ' '}  {format_rates(rates)}{ratio}")
    if options.train:
        show(f"  training   {format_rates(measure_training(options))}")
    return 0


def format_rates(rates: list[float]) -> str:
    """Return a median with its spread."""
    return f"{statistics.median(rates):>13,.0f} steps/s   ({min(rates):,.0f} to {max(rates):,.0f})"


def measure_envs(options: Options, batches: dict[int, Batch]) -> dict[int, list[float]]:
    """Return steps per second by number of threads; the measurements take turns, so that all meet the same noise."""
    rng = np.random.default_rng(0)
    first = next(iter(batches.values()))
    actions = [first.sample_actions(rng) for _ in range(32)]
    rates: dict[int, list[float]] = {n: [] for n in batches}

    def stepper(batch: Batch) -> Callable[[int], object]:
        return lambda k: batch.step(actions[k % len(actions)])

    for batch in batches.values():  # compile and warm up
        count_calls(stepper(batch), min(options.seconds, 0.2))
    with Waiting() as waiting:
        for k in range(options.repeats):
            for n, batch in batches.items():
                if waiting.due():
                    waiting.tell(f"measurement {k + 1} of {options.repeats}, threads: {n}")
                calls, seconds = count_calls(stepper(batch), options.seconds)
                rates[n].append(calls * options.num_envs / seconds)
    return rates


def count_calls(call: Callable[[int], object], seconds: float) -> tuple[int, float]:
    """Call for about so many seconds; return the number of calls and the seconds taken."""
    calls, begun = 0, time.perf_counter()
    while True:
        for _ in range(8):
            call(calls)
            calls += 1
        taken = time.perf_counter() - begun
        if taken >= seconds:
            return calls, taken


def measure_training(options: Options) -> list[float]:
    """Return the trainer's steps per second, collecting and learning together."""
    from puffer_arena.errors import require

    require("torch", "train")
    from puffer_arena.trainers.config import load_config
    from puffer_arena.trainers.trainer import make_trainer

    overrides = {f"params.{name}": value for name, value in read_pairs(options.param, "--param").items()}
    trainer = make_trainer(load_config(options.env, overrides=overrides))
    for _ in range(3):  # compile and warm up
        trainer.update()
    rates = []
    for _ in range(options.repeats):
        steps, begun = trainer.steps, time.perf_counter()
        while time.perf_counter() - begun < options.seconds:
            trainer.update()
        rates.append((trainer.steps - steps) / (time.perf_counter() - begun))
    return rates
