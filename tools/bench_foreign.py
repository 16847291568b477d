"""Environments of other libraries: steps a second here against vector environments of others, in pairs.

    python tools/bench_foreign.py [--envs gymnasium:CartPole-v1 ...] [--num-envs 16] [--seconds 1] [--pairs 5] [--own-time]

Others are Gymnasium's and SB3's, EnvPool where it is installed, and for PettingZoo's games SuperSuit's.  All step the same
number of environments by the same actions drawn beforehand, and only steps of episodes count: where an environment begins
anew in the step after its end, that step is none.  Ours begin every episode from a seed of its own, as a level's that can
be had again; so does Gymnasium's "seeded", and the others none.  Every ratio is the median of pairs measured one after the
other, ours first in every second one.

With --own-time only what steps in this process is measured, by the processor's time that it took: for busy machines.
"""

import argparse
import importlib
import importlib.util
import itertools
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gymnasium
import numpy as np

from puffer_arena import emulate, make
from puffer_arena.machine.cores import usable_cores

ENVS = (
    "gymnasium:CartPole-v1",
    "gymnasium:LunarLander-v3",
    "minigrid:MiniGrid-DoorKey-8x8-v0",
    "ale:Pong-v5",
    "pettingzoo:pistonball_v6",
)
DRAWN = 64  # actions that come again


@dataclass
class Contender:
    """Who steps rows.

    Attributes:
        step: takes actions.
        actions: that come again.
        count: steps of environments in one of these.
        close: ends it.
        idle: the step after an episode's end only resets, and does not count.
    """

    step: Callable[[Any], Any]
    actions: list[Any]
    count: int
    close: Callable[[], None]
    idle: bool = False

    def measure(self, seconds: float, clock: Callable[[], float]) -> float:
        """Return steps a second."""
        calls, done, begun = 0, 0, clock()
        while clock() - begun < seconds:
            given = self.step(self.actions[calls % DRAWN])
            calls += 1
            done += self.count - (int((given[2] | given[3]).sum()) if self.idle else 0)
        return done / (clock() - begun)


def ours(env: str, num_envs: int, alone: bool) -> dict[str, Contender]:
    """Return this package's, by name."""
    found, workers = {}, max(usable_cores(), 2)
    rng = np.random.default_rng(0)
    for name, threads in (("ours, this process", 1), (f"ours, {workers} workers", workers))[: 1 if alone else 2]:
        batch = make(env, num_envs, threads=threads)
        actions = [batch.sample_actions(rng) for _ in range(DRAWN)]
        found[name] = Contender(batch.step, actions, num_envs, batch.close)
    return found


def gymnasiums(env: str, num_envs: int, actions: list[Any], alone: bool) -> dict[str, Contender]:
    """Return Gymnasium's and SB3's, by name, for an environment of Gymnasium's."""
    plain = plain_id(env)

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

    found = {}
    for name, made in (("SyncVectorEnv", make_one), ("SyncVectorEnv, seeded", make_seeded)):
        theirs: Any = gymnasium.vector.SyncVectorEnv([made] * num_envs)
        theirs.reset(seed=0)
        found[name] = Contender(theirs.step, actions, num_envs, theirs.close, idle=True)
    if alone:
        return found
    texts = env.startswith("minigrid:")  # whose space of texts neither shared memory nor SB3 takes
    theirs = gymnasium.vector.AsyncVectorEnv([make_one] * num_envs, shared_memory=not texts)
    theirs.reset(seed=0)
    found["AsyncVectorEnv"] = Contender(theirs.step, actions, num_envs, theirs.close, idle=True)
    if not texts:
        from stable_baselines3.common.vec_env import SubprocVecEnv

        sb3 = SubprocVecEnv([make_one] * num_envs)
        sb3.reset()
        found["SB3's SubprocVecEnv"] = Contender(sb3.step, actions, num_envs, sb3.close)
    return found


def envpools(env: str, num_envs: int, actions: list[Any]) -> dict[str, Contender]:
    """Return EnvPool's environment of that name, which is one of its own in C++, by itself and as rows of ours."""
    if importlib.util.find_spec("envpool") is None or env.startswith("pettingzoo:"):
        return {}
    import envpool

    plain = plain_id(env).removeprefix("ALE/")
    if plain not in envpool.list_all_envs():
        return {}

    def make_pool(count: int) -> Any:
        return envpool.make_gymnasium(plain, num_envs=count, num_threads=usable_cores())

    pool = make_pool(num_envs)
    pool.reset()
    batch = make(emulate(make_pool, f"{plain} of EnvPool"), num_envs)
    acts = [each[:, None] for each in actions]
    return {
        "EnvPool": Contender(pool.step, actions, num_envs, pool.close, idle=True),
        "EnvPool as ours": Contender(count_idle(batch), acts, num_envs, batch.close, idle=True),
    }


def count_idle(batch: Any) -> Callable[[Any], Any]:
    """Return a step whose ends are those that a native vector environment begins anew after."""

    def step(actions: Any) -> Any:
        given = batch.step(actions)
        return given.obs, given.rewards, given.terminated, given.truncated

    return step


def supersuits(env: str, num_envs: int, alone: bool) -> dict[str, Contender]:
    """Return SuperSuit's vector environments of a parallel game of PettingZoo's, in this process and in others."""
    import supersuit

    game = importlib.import_module(f"pettingzoo.butterfly.{env.partition(':')[2]}")
    found = {}
    workers = max(usable_cores(), 2)
    for name, cpus in (("SuperSuit", 0), (f"SuperSuit, {workers} processes", workers))[: 1 if alone else 2]:
        one = supersuit.pettingzoo_env_to_vec_env_v1(game.parallel_env())
        theirs = supersuit.concat_vec_envs_v1(one, num_envs, num_cpus=cpus)
        theirs.reset(seed=0)
        space = theirs.action_space
        actions = [np.stack([space.sample() for _ in range(theirs.num_envs)]) for _ in range(DRAWN)]
        found[name] = Contender(theirs.step, actions, num_envs, theirs.close)
    return found


def plain_id(env: str) -> str:
    """Return what Gymnasium calls an environment."""
    scheme, _, plain = env.partition(":")
    return f"ALE/{plain}" if scheme == "ale" else plain


def contenders(env: str, num_envs: int, alone: bool) -> dict[str, Contender]:
    """Return who steps an environment, by name; `alone`: in this process and no other thread."""
    found = ours(env, num_envs, alone)
    if env.startswith("pettingzoo:"):
        return found | supersuits(env, num_envs, alone)
    actions = next(iter(found.values())).actions
    found |= gymnasiums(env, num_envs, actions, alone)
    return found if alone else found | envpools(env, num_envs, actions)


def report(rounds: list[dict[str, float]]) -> None:
    """Print a line for everybody, and how many times as fast the faster of ours is."""
    medians = {name: statistics.median(each[name] for each in rounds) for name in rounds[0]}
    best = max((name for name in medians if name.startswith("ours")), key=lambda name: medians[name])
    for name, speed in medians.items():
        ratios = sorted(each[best] / each[name] for each in rounds)
        against = f"   {best} is {statistics.median(ratios):5.2f} times as fast ({ratios[0]:.2f} to {ratios[-1]:.2f})"
        print(f"{name:>24} {speed:>12,.0f} steps/s{'' if name == best else against}", flush=True)


def main() -> None:
    """Print a table for each environment."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--envs", nargs="*", default=ENVS)
    parser.add_argument("--num-envs", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--own-time", action="store_true", help="of this process, and of what steps in it alone")
    options = parser.parse_args()
    clock = time.process_time if options.own_time else time.perf_counter
    for env in options.envs:
        found = contenders(env, options.num_envs, options.own_time)
        for each in found.values():
            each.measure(0.2, clock)
        rounds = []
        for k in range(options.pairs):
            order = list(found) if k % 2 else list(reversed(found))
            rounds.append({name: found[name].measure(options.seconds, clock) for name in order})
        print(f"\n{env}, {options.num_envs} environments, {usable_cores()} cores, median of {options.pairs}")
        report(rounds)
        for each in found.values():
            each.close()


if __name__ == "__main__":
    main()
