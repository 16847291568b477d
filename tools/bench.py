"""Measure stepping and start-up, each against its reference in the same run: python tools/bench.py [--rounds N] [--part PART] [--own-time]

Batches of 4096 rows; resets and observations included; random actions drawn outside the timing.
"""

import argparse
import importlib
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from measure import controls, describe, interleave, machine, rate, ratio, report, report_gain

import puffer_arena

NUM_ENVS = 4096
CLOCK = time.process_time if "--own-time" in sys.argv else time.perf_counter  # what one thread's steps are timed by
# Physics has benches of its own; 4096 worlds of an engine would not fit into memory.
RULES_ONLY = [name for name in puffer_arena.list_envs() if not puffer_arena.load_env(name).engine]
NOT_INSTALLED = "import sys; sys.meta_path[:] = [f for f in sys.meta_path if getattr(f, '__name__', '') != 'Usher']"
# Python keeps what it made of our modules, as an installation does.
AS_INSTALLED = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
STARTS = 5  # of a fresh interpreter
COLD_STARTS = 3  # of every environment, without kernels on the disk, or fewer rounds
GAMES = Path(__file__).parent.parent / "tests" / "games"
SMALLEST = [str(GAMES / "discs.py"), str(GAMES / "pile.py")]  # one of each engine, which is compiled once a machine


def stepper(env_id: str, threads: int = 1, seconds: float = 0.5) -> Callable[[], float]:
    """Return a timed run of one of our environments; it returns steps a second."""
    batch = puffer_arena.make(env_id, NUM_ENVS, threads=threads)
    rng = np.random.default_rng(0)
    actions = [batch.sample_actions(rng) for _ in range(64)]

    def work(rounds: int) -> None:
        for _ in range(rounds):
            for action in actions:
                batch.step(action)

    work(2)
    clock = CLOCK if threads == 1 else time.perf_counter
    per_round = rate(lambda: work(4), 4, clock)
    rounds = max(1, int(seconds * per_round))
    return lambda: rate(lambda: work(rounds), rounds * len(actions) * NUM_ENVS * max(batch.num_agents, 1), clock)


def plies(env_id: str, seconds: float = 0.5) -> Callable[[], float]:
    """Return a timed run of a game of turns, without moves that are barred: the same games from their beginning."""
    batch, rng, actions = puffer_arena.make(env_id, NUM_ENVS), np.random.default_rng(0), []
    for _ in range(64):
        actions.append(batch.sample_actions(rng))
        batch.step(actions[-1])

    def work() -> None:
        batch.reset(0)
        for action in actions:
            batch.step(action)

    rounds = max(1, int(seconds * rate(work, 1, CLOCK)))
    return lambda: rate(lambda: [work() for _ in range(rounds)], rounds * len(actions) * NUM_ENVS, CLOCK)


def pettingzoo_connect_four() -> Callable[[], float]:
    """Return a timed run of PettingZoo's own game of connect four, without moves that are barred."""
    from pettingzoo.classic import connect_four_v3

    env, rng, games = connect_four_v3.raw_env(), np.random.default_rng(0), []
    for _ in range(20):
        env.reset()
        games.append([])
        while not any(env.terminations.values()):
            games[-1].append(int(rng.choice(np.flatnonzero(env.last()[0]["action_mask"]))))
            env.step(games[-1][-1])

    def work() -> None:
        for game in games:
            env.reset()
            for action in game:
                env.step(action)
                if env.agents:
                    env.last()

    return lambda: rate(work, sum(map(len, games)), CLOCK)


def vector_environment(env_id: str, num_envs: int) -> Callable[[], float]:
    """Return a timed run of a CartPole as Gymnasium's `make_vec` makes it, its own "CartPole-v1" or ours."""
    import gymnasium

    envs = gymnasium.make_vec(env_id, num_envs, vectorization_mode="vector_entry_point")
    envs.reset(seed=0)
    actions = np.random.default_rng(0).integers(2, size=(64, num_envs))

    def work() -> None:
        for action in actions:
            envs.step(action)

    return lambda: rate(work, actions.size, CLOCK)


def one_environment(env_id: str, module: str = "gymnasium") -> Callable[[], float]:
    """Return a timed run of one environment as Gymnasium makes it, with random actions of its first three.

    Args:
        env_id: by which Gymnasium knows it, once it is registered.
        module: whose import registers it.
    """
    import gymnasium

    importlib.import_module(module)
    env = gymnasium.make(env_id)
    env.reset(seed=0)
    actions = np.random.default_rng(0).integers(min(3, env.action_space.n), size=2000)

    def work() -> None:
        for action in actions:
            _, _, terminated, truncated, _ = env.step(action)
            if terminated or truncated:
                env.reset()

    return lambda: rate(work, actions.size, CLOCK)


def startup(code: list[str]) -> float:
    """Return the seconds that a fresh interpreter takes."""
    start = time.perf_counter()
    subprocess.run([sys.executable, *code], check=True, capture_output=True, env=AS_INSTALLED)
    return time.perf_counter() - start


def first_step(env_id: str, cache: str) -> float:
    """Return the seconds from a bare interpreter with Numba to the first step of an environment."""
    code = (
        f"import time, numba, sys; clock = time.{CLOCK.__name__}; start = clock(); import puffer_arena;"
        "batch = puffer_arena.make(sys.argv[1], 64); batch.step(batch.actions); print(clock() - start)"
    )
    environment = {**AS_INSTALLED, "PUFFER_ARENA_CACHE": cache}
    run = subprocess.run(
        [sys.executable, "-c", code, env_id], check=True, capture_output=True, text=True, env=environment
    )
    return float(run.stdout)


def one_line() -> float:
    """Return the seconds that Numba takes to compile its first function, of one line: how fast this machine compiles."""
    code = "import time, numba; start = time.perf_counter(); numba.njit(lambda x: x + 1)(1); print(time.perf_counter() - start)"
    return float(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout)


def first_steps(rounds: int) -> None:
    """Report how long the first step takes in a fresh process, the slowest environment of each kind: medians."""
    compiled: dict[str, list[float]] = {name: [] for name in puffer_arena.list_envs()}
    loaded: dict[str, list[float]] = {name: [] for name in compiled}
    physics = sorted(set(compiled) - set(RULES_ONLY))
    both: dict[str, list[float]] = {name: [] for name in physics}
    plain = []
    with tempfile.TemporaryDirectory() as cache:
        first_step(SMALLEST[0], cache)  # our modules
    for _ in range(min(rounds, COLD_STARTS)):
        plain.append(one_line())
        for name, values in both.items():
            with tempfile.TemporaryDirectory() as cache:
                values.append(first_step(name, cache))
        with tempfile.TemporaryDirectory() as cache:
            for game in SMALLEST:
                first_step(game, cache)
            for seconds in (compiled, loaded):
                for name, values in seconds.items():
                    values.append(first_step(name, cache))
    for of, names, seconds, limit in (
        ("without physics, compiled for the first time", RULES_ONLY, compiled, 3.0),
        ("with physics, compiled for the first time", physics, compiled, 3.0),
        ("with physics, compiled with its engine", physics, both, 3.0),
        ("without physics, from the disk cache", RULES_ONLY, loaded, 0.5),
        ("with physics, from the disk cache", physics, loaded, 0.5),
    ):
        median, slowest = max((statistics.median(seconds[name]), name) for name in names)
        report(f"first step {of}", f"{median:.2f} s ({slowest})", f"<= {limit:g} s", median <= limit)
    report("a function of one line, compiled by Numba alone", f"{statistics.median(plain):.2f} s")


def stepping(rounds: int) -> None:
    """Report steps a second."""
    speeds = interleave(
        {
            "snake": stepper("snake"),
            "snake, two threads": stepper("snake", 2),
            **controls(),
            "cartpole": stepper("cartpole"),
            "cartpole, two threads": stepper("cartpole", 2),
            "Gymnasium CartPole, 1024": vector_environment("CartPole-v1", 1024),
            "Gymnasium CartPole, 4096": vector_environment("CartPole-v1", 4096),
            "cartpole by make_vec, 1024": vector_environment("puffer_arena/Cartpole-v0", 1024),
            "cartpole by make_vec, 4096": vector_environment("puffer_arena/Cartpole-v0", 4096),
            "maze": stepper("maze"),
            "MiniGrid-Empty": one_environment("MiniGrid-Empty-8x8-v0", "minigrid"),
            "MiniGrid-DoorKey": one_environment("MiniGrid-DoorKey-8x8-v0", "minigrid"),
            "connect4": plies("connect4"),
            "PettingZoo's connect four": pettingzoo_connect_four(),
            "one cartpole": one_environment("puffer_arena/Cartpole-v0"),
            "one CartPole of Gymnasium": one_environment("CartPole-v1"),
            **{name: stepper(name) for name in sorted(set(RULES_ONLY) - {"snake", "cartpole", "maze", "connect4"})},
        },
        rounds,
    )
    medians = {name: statistics.median(values) for name, values in speeds.items()}
    report("snake, steps/s on one core", describe(speeds["snake"]), ">= 12 M", medians["snake"] >= 12e6)
    report_gain("snake, two threads / one", speeds["snake, two threads"], speeds["snake"], speeds)
    report("cartpole, steps/s on one core", describe(speeds["cartpole"]), ">= 90 M", medians["cartpole"] >= 90e6)
    for threads in ("cartpole", "cartpole, two threads"):
        for rows in (1024, 4096):
            times = ratio(speeds[threads], speeds[f"Gymnasium CartPole, {rows}"])
            report(f"{threads} / Gymnasium's vector CartPole of {rows}", f"{times:.1f} x", ">= 10 x", times >= 10)
    for rows in (1024, 4096):
        times = ratio(speeds[f"cartpole by make_vec, {rows}"], speeds[f"Gymnasium CartPole, {rows}"])
        report(f"cartpole by make_vec / Gymnasium's vector CartPole of {rows}", f"{times:.1f} x", "", True)
    grid = ratio(speeds["maze"], speeds["MiniGrid-Empty"])
    report("maze / MiniGrid-Empty", f"{grid:.0f} x", ">= 300 x", grid >= 300)
    keyed = ratio(speeds["doors"], speeds["MiniGrid-DoorKey"])
    report("doors / MiniGrid-DoorKey", f"{keyed:.0f} x", ">= 300 x", keyed >= 300)
    report("connect4, plies/s on one core", describe(speeds["connect4"]), ">= 2 M", medians["connect4"] >= 2e6)
    turns = ratio(speeds["connect4"], speeds["PettingZoo's connect four"])
    report("connect4 / PettingZoo's connect four, one of it", f"{turns:.0f} x", ">= 100 x", turns >= 100)
    one = ratio(speeds["one cartpole"], speeds["one CartPole of Gymnasium"])
    report(
        "one cartpole by gymnasium.make / Gymnasium's own",
        f"{one:.2f} x ({describe(speeds['one cartpole'])})",
        "",
        True,
    )
    for name in RULES_ONLY:
        if name not in ("snake", "cartpole", "connect4"):
            report(f"{name}, agent steps/s on one core", describe(speeds[name]))


def start_up() -> None:
    """Report how long imports and the command line take."""
    bare = [startup(["-c", "pass"]) for _ in range(STARTS)]
    module = [startup(["-c", "import puffer_arena"]) for _ in range(STARTS)]
    listing = [startup(["-m", "puffer_arena", "list"]) for _ in range(STARTS)]
    imported = statistics.median(a - b for a, b in zip(module, bare, strict=True))
    unknown = [startup(["-c", f"{NOT_INSTALLED}; import gymnasium"]) for _ in range(STARTS)]
    known = [startup(["-c", "import gymnasium"]) for _ in range(STARTS)]
    told = statistics.median(a - b for a, b in zip(known, unknown, strict=True))
    report("import gymnasium, seconds more for knowing the games", f"{told:.3f}")
    report("import puffer_arena, seconds beyond Python's own", f"{imported:.3f}", "< 0.3", imported < 0.3)
    listed = statistics.median(listing)
    report("puffer_arena list, seconds", f"{listed:.2f}", "< 1", listed < 1)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--part", choices=("stepping", "start-up"), help="measure one of the two alone")
    options.add_argument(
        "--own-time",
        action="store_true",
        help="time one thread by the processor's time that it took, on a busy machine",
    )
    given = options.parse_args()
    print(machine())
    if given.part != "start-up":
        stepping(given.rounds)
    if given.part != "stepping":
        first_steps(given.rounds)
        start_up()


if __name__ == "__main__":
    main()
