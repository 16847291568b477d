"""Print how fast worlds in space step, with their references in the same run: python tools/bench_world.py [--rounds N]

marble      a batch played by its bot: rules, observations and resets included, on one core
at rest     the same with marbles that rest on their first plates
bare        `BulletWorld.do_physics` in a loop, and nothing else, on those very worlds: others may lie better in memory
workers     the batch that the bot plays, in two processes and in one
reset       what a new world costs in an old one's place, and all that a row's reset adds to it and to the step after it

Rounds of the candidates take turns, so that a busy machine slows all alike; figures are medians with their spread.
"""

import argparse
import statistics
import time
from typing import Any

import numpy as np
from measure import controls, describe, interleave, machine, rate, ratio, report, report_gain
from panda3d.bullet import BulletWorld

from puffer_arena import make

ROWS, STEPS = 128, 40  # rows of a batch; steps of it in one round
ENDLESS = 100_000


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rounds", type=int, default=15)
    rounds = options.parse_args().rounds
    resting = make("marble", num_envs=ROWS, seed=1, wind=0.0, max_steps=ENDLESS)
    batches = {workers: make("marble", num_envs=ROWS, seed=1, threads=workers) for workers in (1, 2)}
    for batch in batches.values():  # until rows are at different places of their courses
        for _ in range(300):
            batch.step(batch.act("steady"))
    env = resting.env
    print(f"{machine()}; {ROWS} rows, {env.substeps} substeps of {1000 * env.time_step / env.substeps:.2f} ms a step")

    def play(batch: Any) -> float:
        def work() -> None:
            for _ in range(STEPS):
                batch.step(batch.act("steady"))

        return rate(work, ROWS * STEPS)

    def rest() -> float:
        actions = np.zeros_like(resting.actions)

        def work() -> None:
            for _ in range(STEPS):
                resting.step(actions)

        return rate(work, ROWS * STEPS)

    resting.step(np.zeros_like(resting.actions))  # a world is made when its row first moves
    worlds = [arena.world for arena in resting.worlds._engine._arenas]  # a bare loop needs what no caller should touch

    def bare() -> float:
        seconds, substeps = env.time_step / env.substeps, range(env.substeps)

        def work() -> None:
            for _ in range(STEPS):
                for world in worlds:
                    for _part in substeps:
                        world.do_physics(seconds, 0)

        return rate(work, ROWS * STEPS)

    pair = {"one": lambda: play(batches[1]), "two": lambda: play(batches[2])}
    found = interleave({**pair, **controls(), "rest": rest, "bare": bare}, rounds)
    share = ratio(found["rest"], found["bare"])
    speed = statistics.median(found["one"])
    report("marble, steps/s on one core", describe(found["one"]), ">= 40 k", speed >= 40e3)
    report("marble at rest, steps/s", describe(found["rest"]))
    report("bare do_physics on the same bodies, steps/s", describe(found["bare"]))
    report("share of the bare loop", f"{share:.0%}", ">= 70%", share >= 0.7)
    report("marble, steps/s with two workers", describe(found["two"]))
    report_gain("two workers / one", found["two"], found["one"], found)
    world = renew(resting)
    report("a new world with its bodies in an old one's place, us", f"{world:.0f}", "about 100", world <= 110)
    report("a row's reset: that, and the rules and what binds them to it, us", f"{reset(resting):.0f}")
    for batch in (resting, *batches.values()):
        batch.close()


def reset(batch: Any) -> float:
    """Return the microseconds that a row's reset takes, with the world that the step after it makes."""
    actions = np.zeros_like(batch.actions)

    def anew() -> None:
        batch.reset()
        batch.step(actions)

    found = interleave({"anew": lambda: rate(anew, ROWS), "step": lambda: rate(lambda: batch.step(actions), ROWS)}, 20)
    return statistics.median(1e6 / both - 1e6 / one for both, one in zip(found["anew"], found["step"], strict=True))


def renew(batch: Any) -> float:
    """Return the microseconds that the engine itself takes to make one world anew, among as many as a batch has."""
    worlds: list[Any] = [None] * ROWS
    spent = []
    for _ in range(5):
        for i in range(ROWS):
            start = time.perf_counter()
            worlds[i] = None
            world = BulletWorld()
            worlds[i] = world, batch.env.build(world, batch.param_values)
            spent.append(time.perf_counter() - start)
    return statistics.median(spent[ROWS:]) * 1e6


if __name__ == "__main__":
    main()
