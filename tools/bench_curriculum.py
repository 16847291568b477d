"""What curricula cost and what they bring: python tools/bench_curriculum.py cost | learn [--methods states]

`cost` trains `maze` with 4096 rows without a curriculum and with each, update by update in turn, and prints steps/s as a
share of those without, medians, and the share of the run's processor time that the curriculum takes.  `learn` trains
with each for the same environment steps and prints success on 2000 hard held-out levels, with the interval of each
seed, and on the tenth of them with the longest ways.
"""

import argparse
import statistics
import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from measure import machine

from puffer_arena.curriculum import CURRICULA
from puffer_arena.players.evaluate import evaluate
from puffer_arena.players.intervals import interval
from puffer_arena.trainers.algorithms.algorithm import Algorithm
from puffer_arena.trainers.config import load_config
from puffer_arena.trainers.playing import actor_player
from puffer_arena.trainers.trainer import make_trainer

ENV = "maze"
RANGES = {"walls": "0:1", "distance": "5:60"}
HARD = {"walls": 1.0, "distance": 60}
METHODS = ("none", *(name for name in CURRICULA if name != "lessons"))
EPISODES = 2000


def make(method: str, seed: int, **overrides: Any) -> Algorithm:
    """Make a run's trainer; without a curriculum it learns from the hard levels alone."""
    table = {} if method == "none" else {"method": method, "ranges": RANGES}
    given = {"seed": seed, "params": HARD, "curriculum": table, **overrides}
    return make_trainer(load_config(ENV, overrides=given))


def timed(owner: Any, name: str, spent: list[float]) -> None:
    """Add to `spent` the processor time that a method takes from now on."""
    method = getattr(owner, name)

    def run(*given: Any, **options: Any) -> Any:
        begun = time.thread_time()
        try:
            return method(*given, **options)
        finally:
            spent[0] += time.thread_time() - begun

    setattr(owner, name, run)


PLAIN = {"network.memory": "none", "network.hidden": (64, 64)}  # a network that learns little, and fast


def cost(methods: Sequence[str], rounds: int) -> None:
    """Print the price of some methods; none is always among them."""
    methods = list(dict.fromkeys(("none", *methods)))
    trainers: dict[str, Any] = {method: make(method, 0, num_envs=4096, **PLAIN) for method in methods}
    rates: dict[str, list[float]] = {method: [] for method in methods}
    spent: dict[str, list[float]] = {method: [0.0] for method in methods}
    whole = dict.fromkeys(methods, 0.0)
    for k in range(rounds + 2):
        for method, trainer in trainers.items():
            if k == 2 and trainer.director is not None:  # the first rounds warm up
                timed(trainer.director, "follow", spent[method])
                timed(trainer, "_teach", spent[method])
            before, begun, used = trainer.steps, time.perf_counter(), time.process_time()
            trainer.update()
            if k >= 2:
                rates[method].append((trainer.steps - before) / (time.perf_counter() - begun))
                whole[method] += time.process_time() - used
    for method in methods:
        shares = [rate / none for rate, none in zip(rates[method], rates["none"], strict=True)]
        print(
            f"{method:<8} {statistics.median(rates[method]) / 1e3:6.0f} k steps/s, {statistics.median(shares):6.1%} of none "
            f"({min(shares):.1%} to {max(shares):.1%}); {spent[method][0] / whole[method]:.1%} of its processor time",
            flush=True,
        )


def learn(methods: Sequence[str], seeds: int, steps: int, overrides: Mapping[str, Any]) -> None:
    """Print what each method's policies reach on levels that nobody has trained on."""
    reached: dict[str, list[np.ndarray[Any, Any]]] = {}
    for method in methods:
        for seed in range(seeds):
            trainer = make(method, seed, total_steps=steps, **overrides)
            while not trainer.finished:
                trainer.update()
            sample = evaluate(ENV, actor_player(trainer.actor()), EPISODES, params=HARD, seed=99)
            trainer.close()
            reached.setdefault(method, []).append(np.asarray(sample.columns["reached"], np.float64))
            mean, bounds = float(reached[method][-1].mean()), interval(reached[method][-1])
            longest = np.argsort(-np.asarray(sample.columns["length"]), kind="stable")[: EPISODES // 10]
            print(
                f"{method:<8} seed {seed}: success {mean:.3f} [{bounds.low:.3f}, {bounds.high:.3f}], "
                f"{reached[method][-1][longest].mean():.3f} on the tenth with the longest ways",
                flush=True,
            )
        means = np.array([found.mean() for found in reached[method]])
        print(f"{method:<8} mean {means.mean():.3f}, least {means.min():.3f}, greatest {means.max():.3f}", flush=True)


def main() -> None:
    """Measure what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("cost", "learn"))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=20_000_000)
    parser.add_argument("--plain", action="store_true", help="learn with a small network without memory")
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=METHODS)
    options = parser.parse_args()
    print(machine())
    if options.what == "cost":
        cost(options.methods, options.rounds)
    else:
        learn(options.methods, options.seeds, options.steps, PLAIN if options.plain else {})


if __name__ == "__main__":
    main()
