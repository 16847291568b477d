"""Compare learning methods by what their policies reach: python tools/bench_methods.py [cartpole ...] [--seeds 5]

Every variant trains with the environment's tuned network and optimizer for the same environment steps.  Now and then its
policy plays episodes of its own to their ends; printed are the steps until their mean return reaches the goal, and
the best mean: the median over seeds, with the least and the greatest.
"""

import argparse
import statistics
import time
from dataclasses import dataclass
from typing import Any

from measure import machine

from puffer_arena.players.evaluate import evaluate
from puffer_arena.trainers.config import load_config
from puffer_arena.trainers.playing import actor_player
from puffer_arena.trainers.trainer import make_trainer

LOOKS = 25  # evaluations a run
EPISODES = 100
GROUPS: dict[str, Any] = {"algorithm": "grpo", "num_envs": 128}


@dataclass(frozen=True)
class Task:
    """What is trained, for how long, and what counts as solved."""

    steps: int
    goal: float
    horizon: int  # of groups: as long as an episode may be
    params: dict[str, Any]


TASKS = {
    "cartpole": Task(2_000_000, 475.0, 500, {}),
    "maze": Task(4_000_000, 0.85, 64, {"size": 7, "distance": 6, "max_steps": 60}),
    "snake": Task(4_000_000, 10.0, 256, {"rows": 7, "cols": 7}),
}
VARIANTS: dict[str, dict[str, Any]] = {
    "ppo": {},
    "dapo, groups of one state": GROUPS,
    "dapo, groups of a batch": {**GROUPS, "grpo.same": False},
    "grpo": {**GROUPS, "grpo.clip_high": 0.2, "grpo.average": "episode", "grpo.dynamic": False},
    "dr. grpo": {**GROUPS, "grpo.clip_high": 0.2, "grpo.scale": "none", "grpo.dynamic": False},
}


def train(env_id: str, seed: int, variant: dict[str, Any]) -> tuple[float, float, float]:
    """Return the steps until solved (infinite if it was not), the best mean return and the seconds of training."""
    task = TASKS[env_id]
    settings = {"seed": seed, "total_steps": task.steps, "network.memory": "none", **variant}
    if variant.get("algorithm") == "grpo":
        settings |= {"grpo.horizon": task.horizon, "grpo.minibatches": 16}
    given = {name: value for name, value in settings.items() if name != "algorithm"}
    config = load_config(env_id, overrides={**given, "params": task.params}, algorithm=settings.get("algorithm", "ppo"))
    trainer = make_trainer(config)
    best, solved, next_look, seconds = float("-inf"), float("inf"), 0.0, 0.0
    while not trainer.finished and best < task.goal:
        begun = time.perf_counter()
        trainer.update()
        seconds += time.perf_counter() - begun
        if trainer.steps >= next_look or trainer.finished:
            next_look = trainer.steps + task.steps / LOOKS
            played = evaluate(env_id, actor_player(trainer.actor()), EPISODES, split="train", params=task.params)
            best = max(best, float(played.columns["return"].mean()))
            if best >= task.goal:
                solved = trainer.steps
    trainer.close()
    return solved, best, seconds


def main() -> None:
    """Print one line for each environment and variant."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("envs", nargs="*", default=["cartpole"], choices=[*TASKS], metavar="ENV")
    parser.add_argument("--seeds", type=int, default=5)
    options = parser.parse_args()
    print(machine())
    for env_id in options.envs:
        for name, variant in VARIANTS.items():
            runs = [train(env_id, seed, variant) for seed in range(options.seeds)]
            steps, best, seconds = zip(*runs, strict=True)
            solved = sum(each < float("inf") for each in steps)
            print(
                f"{env_id:<9} {name:<26} {solved} of {len(runs)} solved, after {statistics.median(steps) / 1e6:.2f} M steps "
                f"({min(steps) / 1e6:.2f} to {max(steps) / 1e6:.2f}); best {statistics.median(best):.3g} "
                f"({min(best):.3g} to {max(best):.3g}); {statistics.median(seconds):.0f} s",
                flush=True,
            )


if __name__ == "__main__":
    main()
