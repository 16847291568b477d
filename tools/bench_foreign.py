"""Environments of other libraries: steps a second here against Gymnasium's and SB3's vector environments, in pairs.

    python tools/bench_foreign.py [--envs gymnasium:CartPole-v1 ...] [--num-envs 16] [--seconds 1] [--pairs 5]

All step the same number of environments by the same actions drawn beforehand, and only steps of episodes count: where an
environment begins anew in the step after its end, that step is none.  Ours begin every episode from a seed of its own,
as a level's that can be had again; so does Gymnasium's "seeded", and the others none.  Every ratio is the median of pairs measured one after
the other, ours first in every second one.
"""

import argparse
import itertools
import statistics
import time
from collections.abc import Callable
from typing import Any

import gymnasium
import numpy as np

from puffer_arena import make
from puffer_arena.machine.cores import usable_cores

ENVS = ("gymnasium:CartPole-v1", "gymnasium:LunarLander-v3", "minigrid:MiniGrid-DoorKey-8x8-v0", "ale:Pong-v5")
Measure = Callable[[float], float]
DRAWN = 64  # actions that come again


def stepper(step: Callable[[Any], Any], actions: list[Any], num_envs: int, idle: bool = False) -> Measure:
    """Return what measures steps a second; with `idle`, the step after an episode's end only resets, and does not count."""

    def measure(seconds: float) -> float:
        calls, done, begun = 0, 0, time.perf_counter()
        while time.perf_counter() - begun < seconds:
            given = step(actions[calls % DRAWN])
            calls += 1
            done += num_envs - (int((given[2] | given[3]).sum()) if idle else 0)
        return done / (time.perf_counter() - begun)

    return measure


def contenders(env: str, num_envs: int) -> tuple[dict[str, Measure], list[Callable[[], None]]]:
    """Return who steps an environment, by name, and what closes them."""
    found: dict[str, Measure] = {}
    closing: list[Callable[[], None]] = []
    rng = np.random.default_rng(0)
    for name, threads in (
        ("ours, this process", 1),
        (f"ours, {max(usable_cores(), 2)} workers", max(usable_cores(), 2)),
    ):
        batch = make(env, num_envs, threads=threads)
        actions = [batch.sample_actions(rng) for _ in range(DRAWN)]
        found[name] = stepper(batch.step, actions, num_envs)
        closing.append(batch.close)
    plain = env.partition(":")[2] if not env.startswith("ale:") else f"ALE/{env.partition(':')[2]}"

    def make_one() -> Any:
        import gymnasium

        if env.startswith("ale:"):
            import ale_py

            gymnasium.register_envs(ale_py)
        if env.startswith("minigrid:"):
            import minigrid  # noqa: F401  registers its environments

        return gymnasium.make(plain)

    def make_seeded() -> Any:
        env, seeds = make_one(), itertools.count()
        reset = env.reset
        env.reset = lambda **options: reset(**options | {"seed": next(seeds)})
        return env

    texts = env.startswith("minigrid:")  # whose space of texts neither shared memory nor SB3 takes
    for name, theirs in (
        ("SyncVectorEnv", gymnasium.vector.SyncVectorEnv([make_one] * num_envs)),
        ("SyncVectorEnv, seeded", gymnasium.vector.SyncVectorEnv([make_seeded] * num_envs)),
        ("AsyncVectorEnv", gymnasium.vector.AsyncVectorEnv([make_one] * num_envs, shared_memory=not texts)),
    ):
        theirs.reset(seed=0)
        found[name] = stepper(theirs.step, actions, num_envs, idle=True)
        closing.append(theirs.close)
    if not texts:
        from stable_baselines3.common.vec_env import SubprocVecEnv

        sb3 = SubprocVecEnv([make_one] * num_envs)
        sb3.reset()
        found["SB3's SubprocVecEnv"] = stepper(sb3.step, actions, num_envs)
        closing.append(sb3.close)
    return found, closing


def main() -> None:
    """Print a table for each environment."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--envs", nargs="*", default=ENVS)
    parser.add_argument("--num-envs", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--pairs", type=int, default=5)
    options = parser.parse_args()
    for env in options.envs:
        found, closing = contenders(env, options.num_envs)
        for measure in found.values():
            measure(0.2)
        rounds = []
        for k in range(options.pairs):
            order = list(found) if k % 2 else list(reversed(found))
            rounds.append({name: found[name](options.seconds) for name in order})
        medians = {name: statistics.median(each[name] for each in rounds) for name in found}
        ours = max((name for name in found if name.startswith("ours")), key=lambda name: medians[name])
        print(f"\n{env}, {options.num_envs} environments, {usable_cores()} cores, median of {options.pairs}")
        for name, speed in medians.items():
            ratios = sorted(each[ours] / each[name] for each in rounds)
            against = (
                ""
                if name == ours
                else (
                    f"   {ours} is {statistics.median(ratios):5.2f} times as fast ({ratios[0]:.2f} to {ratios[-1]:.2f})"
                )
            )
            print(f"{name:>22} {speed:>12,.0f} steps/s{against}")
        for close in closing:
            close()


if __name__ == "__main__":
    main()
