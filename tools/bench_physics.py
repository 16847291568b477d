"""Print how fast physics steps, with its references in the same run: python tools/bench_physics.py [NAME ...]

The engine on twelve discs against a bare compiled loop of Chipmunk's own step and against plain pymunk, on one and two
cores; a car on grooves, springs and motors against the bare loop; then the games against Gymnasium's Box2D ones, in
batches of 256 rows; and one kart on Bullet's wheels.  Rounds of the candidates take turns, so that a busy machine slows
all alike; figures are medians with their spread, ratios medians of the rounds' ratios.
"""

import argparse
import functools
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
from measure import Timed, controls, describe, interleave, machine, rate, ratio, report, report_gain

from puffer_arena import make
from puffer_arena.core.fields import Array
from puffer_arena.engines.pymunk.calls import STEP, address, call_table
from puffer_arena.errors import ArenaError, suggest
from puffer_arena.machine.calls import call_pf
from puffer_arena.machine.compile import compile_function, jit
from puffer_arena.registry import load_env
from tests.games.discs import build

DISCS = "tests.games.discs"
EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
CLIMBER = str(EXAMPLES / "climber.py")
FILES = {"vehicle": str(EXAMPLES / "kart.py")}  # games that are no built-in ones
Clock = Callable[[], float]
ROWS, STEPS = 256, 200  # of batches; steps of them in one round, between two scatterings
MANY = 1024  # rows whose scenes no cache holds
ROUNDS = 9
GAMES = {  # with the steps a second wanted on one core; another library's environment of the kind, and how many times that
    "lander": ({}, 250e3, "LunarLander-v3", 8),
    "walker": ({}, 100e3, "BipedalWalker-v3", 8),
    "striker": ({"team": 2}, 150e3, None, 0),
    "sumo": ({"wrestlers": 4}, 250e3, None, 0),
    "pistons": ({}, 60e3, "pistonball_v6", 200),
    "volley": ({}, 200e3, None, 0),
    "racer": ({"cars": 1}, 100e3, "CarRacing-v3", 200),
    "swarm": ({}, 100e3, None, 0),
    "kart": ({"cars": 4}, 8e3, None, 0),
    "hideseek": ({}, 6e3, None, 0),
    "vehicle": ({}, 10e3, None, 0),  # one kart on Bullet's wheels
}
SLOW_STEPS = 50  # in one round of those that draw pictures
NAMES = ("engine", "climber", *GAMES)


@jit
def bare_steps(function: int, spaces: Array, seconds: float) -> None:
    """Step spaces and nothing else: what no engine on Chipmunk can beat."""
    for i in range(len(spaces)):
        call_pf(function, (spaces[i], seconds))


def stepping(
    env_id: str, threads: int = 1, rows: int = ROWS, anew: bool = False, clock: Clock = time.perf_counter, **params: Any
) -> Timed:
    """Return a timed run of a batch with actions drawn beforehand, observations and resets included.

    With `anew`, every run begins with a reset that is not timed, as `scatter` does for bare spaces.
    """
    batch = make(env_id, num_envs=rows, seed=0, threads=threads, **params)
    rng = np.random.default_rng(0)
    actions = [batch.sample_actions(rng) for _ in range(16)]

    def work() -> None:
        for k in range(STEPS):
            batch.step(actions[k % len(actions)])

    def run() -> float:
        if anew:
            batch.reset(seed=0)
        return rate(work, rows * STEPS, clock)

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


def plain(num: int) -> Timed:
    """Return a timed run of pymunk as its manual uses it: forces in and poses out by attributes."""
    spaces, batch = spaces_of_discs(num), make(DISCS, num_envs=num, seed=0)

    def work() -> None:
        for _ in range(STEPS):
            for space in spaces:
                for body in space.bodies:
                    body.force = (0, 0)
                space.step(1 / 60)
                [(b.position, b.velocity, b.angle, b.angular_velocity) for b in space.bodies]

    def run() -> float:
        scatter(spaces, batch)
        return rate(work, STEPS * num)

    return run


def bare(num: int) -> Timed:
    """Return a timed run of the compiled loop of `cpSpaceStep`."""
    loop = compile_function(bare_steps, "bench")
    spaces, batch = spaces_of_discs(num), make(DISCS, num_envs=num, seed=0)
    pointers = np.array([address(space._space) for space in spaces], np.int64)

    def work() -> None:
        for _ in range(STEPS):
            loop(call_table()[STEP], pointers, 1 / 60)

    def run() -> float:
        scatter(spaces, batch)
        return rate(work, STEPS * num)

    return run


def bench_climber(rounds: int) -> None:
    """A car that climbs: rules, driven joints, rays and observations against `cpSpaceStep` on the very same spaces."""
    batch = make(CLIMBER, num_envs=ROWS, seed=0)
    ahead, env = np.ones_like(batch.actions), batch.env
    loop = compile_function(bare_steps, "bench")
    scenes = [block._kept[0] for block in batch.worlds._engine._blocks]  # no caller should touch them but this
    pointers = np.array([address(scene.space._space) for scene in scenes], np.int64)

    def begin(rays: bool) -> None:
        batch.reset(seed=0)
        if not rays:  # one without length is not cast
            for end in ("ax", "ay", "bx", "by"):
                batch.rows.states["eyes"][end] = 0.0
        batch.step(ahead)  # the motors have their speeds

    def played() -> None:
        for _ in range(STEPS):
            batch.step(ahead)

    def bare() -> None:
        for _ in range(STEPS * env.substeps):
            loop(call_table()[STEP], pointers, env.time_step / env.substeps)

    def timed(work: Any, rays: bool = False) -> Timed:
        def run() -> float:
            begin(rays)
            return rate(work, ROWS * STEPS)

        return run

    found = interleave({"played": timed(played), "rays": timed(played, rays=True), "bare": timed(bare)}, rounds)
    share, seeing = (ratio(found[name], found["bare"]) for name in ("played", "rays"))
    report("climber, steps/s with its two rays", describe(found["rays"]))
    report("grooves, springs, motors: share of a bare loop of cpSpaceStep", f"{share:.0%}", ">= 80%", share >= 0.8)
    report("the same with two rays a step, which are cpSpaceSegmentQuery's", f"{seeing:.0%}")


def bench_engine(rounds: int) -> None:
    """Twelve discs: the engine against what it calls, and against pymunk as people use it."""
    found = interleave(
        {
            "bare": bare(ROWS),
            "one": stepping(DISCS, anew=True),
            "two": stepping(DISCS, threads=2, anew=True),
            **controls(),
            "plain": plain(16),
        },
        rounds,
    )
    share, times = (ratio(found["one"], found[name]) for name in ("bare", "plain"))
    report("twelve discs, forces, poses and observations, steps/s", describe(found["one"]))
    report("share of a bare loop of cpSpaceStep", f"{share:.0%}", ">= 80%", share >= 0.8)
    report("against plain pymunk", f"{times:.1f} x", ">= 12 x", times >= 12)
    report_gain("two threads / one", found["two"], found["one"], found)


def foreign(env_id: str, steps: int) -> Timed:
    """Return a timed run of a Gymnasium environment with random actions, resets included."""
    env = gymnasium.make(env_id)
    env.reset(seed=0)
    env.action_space.seed(0)

    def work() -> None:
        for _ in range(steps):
            _, _, terminated, truncated, _ = env.step(env.action_space.sample())
            if terminated or truncated:
                env.reset()

    return lambda: rate(work, steps)


def pistonball(steps: int) -> Timed:
    """Return a timed run of PettingZoo's pistonball with random actions, resets included."""
    from pettingzoo.butterfly import pistonball_v6

    env = pistonball_v6.parallel_env()
    env.reset(seed=0)

    def work() -> None:
        for _ in range(steps):
            if not env.agents:
                env.reset()
            env.step({agent: env.action_space(agent).sample() for agent in env.agents})

    return lambda: rate(work, steps)


def bench_game(name: str, rounds: int) -> None:
    """One game on one and two cores, against Gymnasium's where there is one."""
    params, wanted, reference, least = GAMES[name]
    env_id = FILES.get(name, name)
    env = load_env(env_id)
    rows, many = (ROWS, MANY) if env.engine != "panda3d" else (32, 128)  # a Bullet world takes 4 MB
    candidates = {f"{n}": stepping(env_id, n, rows, **params) for n in (1, 2)}
    candidates["own"] = stepping(env_id, 1, rows, clock=time.process_time, **params)
    candidates["many"] = stepping(env_id, 1, many, **params)
    if reference:
        try:
            steps = 10 * STEPS if least < 100 else SLOW_STEPS
            candidates[reference] = pistonball(steps) if name == "pistons" else foreign(reference, steps)
        except gymnasium.error.DependencyNotInstalled:
            print(f"      {reference} needs: pip install box2d")
    found = interleave(candidates, rounds)
    title = f"{name}{''.join(f' {key}={value}' for key, value in params.items())}"
    each = f"{1000 * env.time_step / env.substeps:.1f} ms"
    substeps = f"{env.substeps} substeps of {each}" if env.engine else "rules alone"
    enough = statistics.median(found["1"]) >= wanted
    report(f"{title}, steps/s, {substeps}", describe(found["1"]), f">= {wanted / 1e3:.0f} k", enough)
    report(f"{title}, steps/s of the core's own time", describe(found["own"]))
    report(f"{title}, steps/s in a batch of {many} rows", describe(found["many"]))
    report(f"{title}, two threads / one", f"{ratio(found['2'], found['1']):.2f} x")
    if reference in found:
        times = ratio(found["1"], found[reference])
        report(f"{title} / {reference}", f"{times:.0f} x", f">= {least} x", times >= least)


def known(name: str) -> str:
    """Return a name that can be measured."""
    if name not in NAMES:
        raise argparse.ArgumentTypeError(suggest(name, NAMES))
    return name


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", type=known, metavar="NAME", help=f"{', '.join(NAMES)}; all by default")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    options = parser.parse_args()
    print(machine())
    try:
        for name in options.names or NAMES:
            {"engine": bench_engine, "climber": bench_climber}.get(name, functools.partial(bench_game, name))(
                options.rounds
            )
    except ArenaError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
