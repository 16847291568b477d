"""Print how fast physics steps, with its references in the same run: python tools/bench_physics.py [names]

The engine on twelve discs against a bare compiled loop of Chipmunk's own step and against plain pymunk, on one and two
cores; then the games against Gymnasium's Box2D ones.  Every figure is the median of `ROUNDS` rounds that take turns.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # the scene of twelve discs lies with the tests

import gymnasium
import numpy as np
import pymunk

from puffer_arena import make
from puffer_arena.core.compile import bind, compile_function, jit
from puffer_arena.core.errors import ArenaError
from puffer_arena.core.fields import Array
from puffer_arena.engines.chipmunk_calls import STEP, address, call_table, primitives
from tests.games.discs import build

DISCS = "tests.games.discs"
ROWS, ROUNDS, SECONDS = 256, 5, 0.3
STEPS = 200  # between two looks at the clock, and of a scene between two scatterings
GAMES = {"lander": "LunarLander-v3", "walker": "BipedalWalker-v3", "striker": None}
Run = Callable[[], tuple[int, float]]  # does some steps and returns how many, and the seconds they took


def rate(run: Run, seconds: float = SECONDS) -> float:
    """Return steps per second of one round."""
    passed, steps = 0.0, 0
    while passed < seconds:
        done, took = run()
        passed, steps = passed + took, steps + done
    return steps / passed


def medians(runs: dict[str, Run]) -> dict[str, float]:
    """Return the median rates of runs that take turns, so that a busy machine slows them alike."""
    for run in runs.values():
        run()
    rounds = [{name: rate(run) for name, run in runs.items()} for _ in range(ROUNDS)]
    for name in runs:
        spread = [one[name] for one in rounds]
        print(f"  {name:34} {statistics.median(spread):>12,.0f}   ({min(spread):,.0f} to {max(spread):,.0f})")
    return {name: statistics.median(one[name] for one in rounds) for name in runs}


call_pf: Any = None


@jit
def bare_steps(function: int, spaces: Array, seconds: float) -> None:
    """Step spaces and nothing else: what no engine on Chipmunk can beat."""
    for i in range(len(spaces)):
        call_pf(function, (spaces[i], seconds))


def stepping(env_id: str, threads: int = 1, rows: int = ROWS, anew: bool = False, **params: Any) -> Run:
    """Return a run that steps a batch with actions drawn beforehand, observations and resets included.

    With `anew`, every run begins with a reset that is not timed, as `scatter` does for bare spaces.
    """
    batch = make(env_id, num_envs=rows, seed=0, threads=threads, **params)
    rng = np.random.default_rng(0)
    actions = [batch.sample_actions(rng) for _ in range(16)]

    def run() -> tuple[int, float]:
        if anew:
            batch.reset(seed=0)
        start = time.perf_counter()
        for k in range(STEPS):
            batch.step(actions[k % len(actions)])
        return rows * STEPS, time.perf_counter() - start

    return run


def spaces_of_discs(num: int) -> list[pymunk.Space]:
    """Return spaces of twelve discs."""
    spaces = [pymunk.Space() for _ in range(num)]
    for space in spaces:
        build(space, type("Params", (), {"discs": 12, "elasticity": 0.95}))
    return spaces


def scatter(spaces: list[pymunk.Space], batch: Any) -> None:
    """Put the discs where the rows of a batch that was just reset have them."""
    for space, row in zip(spaces, batch.rows.states["discs"], strict=False):
        for body, disc in zip(space.bodies, row, strict=True):
            body.position, body.velocity = (disc["x"], disc["y"]), (disc["vx"], disc["vy"])


def plain(num: int) -> Run:
    """Return a run of pymunk as its manual uses it: forces in and poses out by attributes."""
    spaces, batch = spaces_of_discs(num), make(DISCS, num_envs=num, seed=0)

    def run() -> tuple[int, float]:
        scatter(spaces, batch)
        start = time.perf_counter()
        for _ in range(STEPS):
            for space in spaces:
                for body in space.bodies:
                    body.force = (0, 0)
                space.step(1 / 60)
                [(b.position, b.velocity, b.angle, b.angular_velocity) for b in space.bodies]
        return STEPS * num, time.perf_counter() - start

    return run


def bare(num: int) -> Run:
    """Return a run of the compiled loop of `cpSpaceStep`."""
    loop = compile_function(bind(bare_steps, "bench", call_pf=primitives()["call_pf"]), "bench")
    spaces, batch = spaces_of_discs(num), make(DISCS, num_envs=num, seed=0)
    pointers = np.array([address(space._space) for space in spaces], np.int64)

    def run() -> tuple[int, float]:
        scatter(spaces, batch)
        start = time.perf_counter()
        for _ in range(STEPS):
            loop(call_table()[STEP], pointers, 1 / 60)
        return STEPS * num, time.perf_counter() - start

    return run


def bench_engine() -> None:
    """Twelve discs: the engine against what it calls, and against pymunk as people use it."""
    print("twelve discs, space-steps/s (engine: forces in, poses out, observations)")
    found = medians(
        {
            "bare loop of cpSpaceStep": bare(ROWS),
            "engine, one thread": stepping(DISCS, anew=True),
            "engine, two threads": stepping(DISCS, threads=2, anew=True),
            "plain pymunk": plain(16),
        }
    )
    one = found["engine, one thread"]
    print(f"  of the bare loop {one / found['bare loop of cpSpaceStep']:.0%} (asked: 80%)", end=";  ")
    print(f"plain pymunk x {one / found['plain pymunk']:.1f} (asked: 12)", end=";  ")
    print(f"two threads x {found['engine, two threads'] / one:.2f} (asked: 1.7)")


def foreign(env_id: str) -> Run:
    """Return a run of a Gymnasium environment with random actions, resets included."""
    env = gymnasium.make(env_id)
    env.reset(seed=0)
    env.action_space.seed(0)

    def run() -> tuple[int, float]:
        start = time.perf_counter()
        for _ in range(STEPS):
            _, _, terminated, truncated, _ = env.step(env.action_space.sample())
            if terminated or truncated:
                env.reset()
        return STEPS, time.perf_counter() - start

    return run


def bench_game(name: str) -> None:
    """One game on one and two cores, against Gymnasium's where there is one."""
    params = {"team": 2} if name == "striker" else {}
    runs = {"one thread": stepping(name, rows=1024, **params), "two threads": stepping(name, 2, 1024, **params)}
    env = make(name).env
    print(
        f"{name} {params or ''}, steps/s, random actions, {env.substeps} substeps of {env.time_step / env.substeps:.4f} s"
    )
    reference = GAMES[name]
    if reference:
        try:
            runs[f"Gymnasium {reference}"] = foreign(reference)
        except gymnasium.error.DependencyNotInstalled:
            print(f"  {reference} needs: pip install box2d==2.3.10")
    found = medians(runs)
    one = found["one thread"]
    print(f"  two threads x {found['two threads'] / one:.2f}", end="")
    print(f";  {reference} x {one / found[f'Gymnasium {reference}']:.0f} (asked: 8)" if len(found) > 2 else "")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", default=["engine", *GAMES], help="engine, or games; all by default")
    try:
        for name in parser.parse_args().names:
            bench_engine() if name == "engine" else bench_game(name)
    except ArenaError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
