"""What curricula cost and what they bring: python tools/bench_curriculum.py cost | learn | walker | sparse

    python tools/bench_curriculum.py learn --methods uniform sfl --seeds 3
    python tools/bench_curriculum.py sparse --methods none

`cost` trains `maze` with 4096 rows without a curriculum and with each, update by update in turn, and prints steps/s as a
share of those without, medians, and the share of the run's processor time that the curriculum takes.  `learn` trains
with each for the same environment steps, a small network with minGRU on one core, and prints success on 2000 hard
held-out levels, with the interval of each seed, and on the tenth of them with the longest ways; `walker` does so on a
course with stumps.  `sparse` trains on one level of `maze`, 64 steps long, that pays at its goal alone, with states to
go on from, with surprising ones alone (ranked), and without any, and prints how often its goal is reached.
"""

import argparse
import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from measure import machine

from puffer_arena.curriculum import CURRICULA, Curriculum, Tasks
from puffer_arena.curriculum.choose import name_curriculum
from puffer_arena.curriculum.states import States
from puffer_arena.players.evaluate import evaluate
from puffer_arena.players.intervals import interval
from puffer_arena.trainers.algorithms.algorithm import Algorithm
from puffer_arena.trainers.config import load_config
from puffer_arena.trainers.playing import actor_player
from puffer_arena.trainers.trainer import make_trainer

EPISODES = 2000
PLAIN = {"network.memory": "none", "network.hidden": (64, 64)}  # a network that learns little, and fast
SMALL = {"network.memory": "mingru", "network.memory_size": 64, "network.hidden": (64,), "threads": 1}


@dataclass(frozen=True)
class Course:
    """What is learned: a game, what curricula choose from, what is asked for, and the counter of who succeeded."""

    env: str
    ranges: Mapping[str, str]
    hard: Mapping[str, float]
    success: str
    methods: tuple[str, ...]
    steps: int
    settings: Mapping[str, Any] = field(default_factory=dict)
    hardness: str = ""  # a counter that is known when a level begins: the higher the harder
    lessons: Sequence[Mapping[str, Any]] = ()

    def make(self, method: str, seed: int, **overrides: Any) -> Algorithm:
        """Make a run's trainer; without a curriculum it learns from the hard levels alone."""
        table: dict[str, Any] = {"method": method, "ranges": dict(self.ranges)}
        if method == "lessons":
            table = {"method": method, "lessons": [dict(lesson) for lesson in self.lessons]}
        given = {"seed": seed, "params": dict(self.hard), "curriculum": {} if method == "none" else table, **overrides}
        return make_trainer(load_config(self.env, overrides=given))


MAZE = Course(
    "maze",
    ranges={"walls": "0:1", "distance": "5:60"},
    hard={"walls": 1.0, "distance": 60},
    success="reached",
    methods=("none", *(name for name in CURRICULA if name not in ("fixed", "lessons"))),
    steps=6_000_000,
    settings=SMALL,
    hardness="length",
)
WALKER = Course(
    "walker",
    ranges={"obstacles": "0:0.5", "stump": "0:1"},
    hard={"obstacles": 0.5, "stump": 1.0, "pit": 0.0},
    success="crossed",
    methods=("none", "uniform", "lessons", "alp"),
    steps=2_000_000,
    settings={"threads": 1, "network.hidden": (64, 64)},
    lessons=[
        {
            "name": "flat",
            "ranges": {"obstacles": 0.0},
            "until": {"measure": "success", "at_least": 0.6, "episodes": 300},
        },
        {
            "name": "low",
            "ranges": {"obstacles": "0:0.35", "stump": "0:0.3"},
            "until": {"measure": "success", "at_least": 0.6, "episodes": 300},
        },
        {"name": "high", "ranges": {"obstacles": "0.1:0.5", "stump": "0.2:1"}},
    ],
)


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


def cost(methods: Sequence[str], rounds: int) -> None:
    """Print the price of some methods; none is always among them."""
    methods = list(dict.fromkeys(("none", *methods)))
    trainers: dict[str, Any] = {method: MAZE.make(method, 0, num_envs=4096, **PLAIN) for method in methods}
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


def learn(course: Course, methods: Sequence[str], seeds: int, steps: int) -> None:
    """Print what each method's policies reach on levels that nobody has trained on."""
    print(f"{course.env}, {steps:,} steps, {seeds} seeds")
    means: dict[str, list[float]] = {}
    for method in methods:
        for seed in range(seeds):
            trainer = course.make(method, seed, total_steps=steps, **course.settings)
            while not trainer.finished:
                trainer.update()
            sample = evaluate(course.env, actor_player(trainer.actor()), EPISODES, params=dict(course.hard), seed=99)
            trainer.close()
            found = np.asarray(sample.columns[course.success], np.float64)
            means.setdefault(method, []).append(float(found.mean()))
            said = f"{method:<8} seed {seed}: success {found.mean():.3f} [{interval(found).low:.3f}, {interval(found).high:.3f}]"
            if course.hardness:
                longest = np.argsort(-np.asarray(sample.columns[course.hardness]), kind="stable")[: EPISODES // 10]
                said += f", {found[longest].mean():.3f} on the tenth with the longest ways"
            print(said, flush=True)
    for method, each in means.items():
        print(f"{method:<8} {spread(each)}; more than {methods[0]} by {spread(np.subtract(each, means[methods[0]]))}")


def spread(values: Sequence[float] | np.ndarray[Any, Any]) -> str:
    """Return the mean over seeds with its interval."""
    bounds = interval(np.asarray(values, np.float64), rate=False)
    return f"{np.mean(values):.3f} [{bounds.low:.3f}, {bounds.high:.3f}]"


LONG_WAY = 15  # a level of maze, of 13 cells along a side and with all its walls
SPARSE_STEPS = {"states": 12_000_000, "ranked": 12_000_000, "none": 50_000_000}
SPARSE = {"size": 13, "walls": 1.0, "distance": 2000, "max_steps": 100}
LOOKING = {  # for both: who is to find something looks around
    "num_envs": 256,
    "threads": 1,
    "ppo.entropy_coef": 0.15,
    "ppo.entropy_coef_final": 0.02,
}


class OneLevel(Curriculum):
    """Plays one level, and nothing else."""

    def next(self, count: int, rng: np.random.Generator) -> Tasks:
        return Tasks({}, np.full(count, LONG_WAY))


class OneLevelAndStates(States):
    """Plays one level, and goes on from its states."""

    def next(self, count: int, rng: np.random.Generator) -> Tasks:
        return replace(super().next(count, rng), levels=np.full(count, LONG_WAY))


def sparse(methods: Sequence[str], seeds: int, most: int | None) -> None:
    """Print how often a goal is reached that no episode from the level's beginning comes to by chance."""
    states = {"every": 128, "share": 0.9, "alpha": 0.6, "latest": 0.5}
    ranked = {**states, "latest": 0.0}
    for name, kind, settings in (
        ("states", OneLevelAndStates, states),
        ("ranked", OneLevelAndStates, ranked),
        ("none", OneLevel, {}),
    ):
        if name not in methods:
            continue
        steps = most or SPARSE_STEPS[name]
        for seed in range(seeds):
            table = {"method": name_curriculum(kind), "settings": settings}
            given = {"seed": seed, "params": SPARSE, "curriculum": table, "total_steps": steps, **LOOKING, **PLAIN}
            trainer = make_trainer(load_config("maze", overrides=given))
            first = dict.fromkeys(("success", "success_from_kept"), 0)  # steps until a goal was reached
            while not trainer.finished:
                metrics = trainer.update()
                for measure, when in first.items():
                    if not when and metrics.get(f"curriculum/{measure}", 0.0) > 0.0:
                        first[measure] = trainer.steps
            trainer.close()
            told = ", ".join(
                f"{measure} {metrics.get(f'curriculum/{measure}', 0.0):.3f}"
                + (f" (first after {when / 1e6:.2f} M)" if when else " (never)")
                for measure, when in first.items()
            )
            print(f"{name:<8} seed {seed}, {steps / 1e6:.1f} M steps: {told}", flush=True)


def main() -> None:
    """Measure what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("cost", "learn", "walker", "sparse"))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--steps", type=int, help="of the environment, for each run")
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--methods", nargs="+", choices=[*MAZE.methods, "lessons", "ranked"])
    options = parser.parse_args()
    course = WALKER if options.what == "walker" else MAZE
    methods = options.methods or course.methods
    print(machine())
    if options.what == "cost":
        cost(methods, options.rounds)
    elif options.what == "sparse":
        sparse(options.methods or list(SPARSE_STEPS), options.seeds, options.steps)
    else:
        learn(course, methods, options.seeds, options.steps or course.steps)


if __name__ == "__main__":
    main()
