"""Compare learning methods by what their policies reach: python tools/bench_methods.py [STUDY ...] [--seeds 5] [--variants NAME ...]

Every variant of a study trains with the environment's tuned network and optimizer for the same environment steps.  Now
and then its policy plays episodes of its own to their ends; printed are the steps until their mean return reaches the
goal, and the best mean: the median over seeds, with the least and the greatest.  Beside them stands what that is to the
study's first variant, seed by seed, with an interval that holds the median in 95 of 100 resamplings of the seeds.  Where
a study is about costs, what the policy has at the end is printed: return and cost of an episode.
"""

import argparse
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from measure import machine

from puffer_arena.players.evaluate import evaluate
from puffer_arena.trainers.config import load_config
from puffer_arena.trainers.playing import actor_player
from puffer_arena.trainers.trainer import make_trainer

LOOKS = 25  # evaluations a run, at most
EPISODES = 100
RESAMPLED = 2000  # times that seeds are drawn again for an interval
Variants = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Study:
    """What is trained, for how long, what counts as solved, and the settings that are compared."""

    env: str
    steps: int
    goal: float
    variants: Variants
    params: dict[str, Any] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)  # of all variants
    costs: bool = False
    looks: int = LOOKS


def groups(horizon: int) -> Variants:
    """Return PPO and the methods that judge episodes by their group; `horizon` is as long as an episode may be."""
    shared = {"algorithm": "grpo", "num_envs": 128, "grpo.horizon": horizon, "grpo.minibatches": 16}
    return {
        "ppo": {},
        "dapo, groups of one state": shared,
        "dapo, groups of a batch": {**shared, "grpo.same": False},
        "grpo": {**shared, "grpo.clip_high": 0.2, "grpo.average": "episode", "grpo.dynamic": False},
        "dr. grpo": {**shared, "grpo.clip_high": 0.2, "grpo.scale": "none", "grpo.dynamic": False},
    }


def prices(*fixed: float) -> Variants:
    """Return safe_ppo, unconstrained, with fixed prices of costs, and with its two controllers."""
    none = {"safe_ppo.k_p": 0.0, "safe_ppo.k_i": 0.0, "safe_ppo.k_d": 0.0}
    return {
        "unconstrained ppo": none,
        **{f"fixed price {price:g}": {**none, "safe_ppo.multiplier": price} for price in fixed},
        "safe_ppo, ascent": {"safe_ppo.k_p": 0.0, "safe_ppo.k_d": 0.0},
        "safe_ppo, PID": {},
    }


DQN = {
    "algorithm": "dqn", "num_envs": 16, "total_steps": 100_000, "network.hidden": (64, 64),
    "optimizer.name": "adam", "optimizer.learning_rate": 5e-4, "optimizer.max_grad_norm": 10.0,
}  # fmt: skip
REPPO = {"algorithm": "reppo", "num_envs": 128, "optimizer.name": "adam", "optimizer.learning_rate": 0.001}
OPTIONS: Variants = {  # of PPO, each by itself; the tuned configs have muon and rewards as they are
    "ppo": {},
    "stagger": {"ppo.stagger": 200},
    "adam-rel": {"optimizer.relative": True},
    "kl stop": {"ppo.epochs": 4, "ppo.target_kl": 0.02},
    "minibatch advantages": {"ppo.normalize_advantages": "minibatch"},
    "raw advantages": {"ppo.normalize_advantages": "none"},
    "normalized rewards": {"ppo.normalize_rewards": True},
    "prioritized streams": {"ppo.priority": 0.8},
    "adam": {"optimizer.name": "adam"},
    "observations": {"network.normalize": True},
    "hl-gauss": {"network.value_bins": 51, "network.value_reach": 5.0},
    "separate critic": {"network.critic": "separate"},
    "normalized values": {"ppo.normalize_values": True},
    "normed layers": {"network.blocks": "normed"},
    "residual blocks": {"network.blocks": "residual"},
    "four frames": {"frames": 4},  # at once
}
SQUASHED: Variants = {"squashed": {"network.head": "squashed"}}
MINEFIELD = {
    "algorithm": "safe_ppo", "num_envs": 256, "network.hidden": (64, 64), "safe_ppo.horizon": 64,
    "safe_ppo.minibatches": 8, "safe_ppo.epochs": 2, "safe_ppo.entropy_coef": 0.05,
}  # fmt: skip
PQN = {
    "algorithm": "pqn", "num_envs": 64, "network.hidden": (128, 128), "pqn.horizon": 64, "pqn.q_lambda": 0.95,
    "optimizer.name": "adam", "optimizer.learning_rate": 2.5e-4, "optimizer.max_grad_norm": 10.0,
}  # fmt: skip
FEW: Variants = {
    "ppo, preset samples": {
        "num_envs": 16, "ppo.horizon": 256, "ppo.epochs": 4, "ppo.minibatches": 8, "ppo.normalize_rewards": True,
        "ppo.target_kl": 0.05, "network.critic": "separate",
    },
    "pqn": PQN,
    "dreamer": {"algorithm": "dreamer", "network.memory": "rssm", "total_steps": 100_000},
}  # fmt: skip
FEW_WITH_MASKS = {name: FEW[name] for name in FEW if name != "pqn"}
FEW_IN_MAZES = {"ppo, tuned": {"network.memory": "mingru"}, **FEW_WITH_MASKS}
FEW_IN_PICTURES = {"ppo, defaults": {"network.memory": "mingru"}, **FEW_WITH_MASKS}
SMALL_MAZE = {"size": 5, "distance": 4, "max_steps": 40}
SAC = {
    "algorithm": "sac", "num_envs": 16, "total_steps": 60_000, "optimizer.name": "adam",
    "optimizer.learning_rate": 0.001, "optimizer.max_grad_norm": 10.0,
}  # fmt: skip
SPARSE = {
    "algorithm": "dqn", "num_envs": 16, "dqn.gamma": 0.9, "dqn.warmup": 500, "dqn.batch": 128, "dqn.epsilon_final": 0.1,
    "dqn.exploration": 0.5, "dqn.normalize_rewards": False, "optimizer.name": "adam",
    "optimizer.learning_rate": 0.001, "optimizer.max_grad_norm": 10.0, "network.hidden": (64, 64),
}  # fmt: skip
BITS = {
    **SPARSE, "dqn.gamma": 0.98, "network.hidden": (256,), "dqn.epsilon_final": 0.05, "dqn.exploration": 0.2,
}  # fmt: skip
STUDIES = {
    "cartpole": Study("cartpole", 2_000_000, 475.0, {**groups(500), "pqn": PQN, "dqn": DQN}),
    "maze": Study("maze", 4_000_000, 0.85, groups(64), {"size": 7, "distance": 6, "max_steps": 60}),
    "snake": Study("snake", 4_000_000, 10.0, groups(256), {"rows": 7, "cols": 7}),
    "sparse-maze": Study(
        "maze",
        24_000,
        0.2,
        {"dqn": SPARSE, "dqn, hindsight": {**SPARSE, "dqn.hindsight": 0.8}, "ppo": {"num_envs": 64}},
        {"size": 9, "sight": 13, "walls": 0.0, "distance": 12, "max_steps": 16},
        looks=8,
    ),
    "bits": Study(
        "examples/bits.py",
        20_000,
        -9.0,
        {"dqn": BITS, "dqn, hindsight": {**BITS, "dqn.hindsight": 0.8}},
        {"bits": 15},
        looks=10,
    ),
    "target": Study("target", 400_000, 5.0, {"ppo": {}, "reppo": REPPO, "sac": SAC}),
    "lander_continuous": Study("lander_continuous", 2_000_000, 15.0, {"ppo": {}, "reppo": REPPO, **SQUASHED}),
    "walker": Study("walker", 2_000_000, 6.0, {"ppo": {}, "reppo": REPPO, **SQUASHED}),
    "marble": Study("marble", 2_000_000, 5.0, {"ppo": {}, **SQUASHED}),
    "options-cartpole": Study("cartpole", 2_000_000, 475.0, OPTIONS, settings={"ppo.normalize_rewards": False}),
    "options-snake": Study("snake", 4_000_000, 10.0, OPTIONS, {"rows": 7, "cols": 7}),
    "options-target": Study("target", 400_000, 5.0, {**OPTIONS, **SQUASHED}),
    "options-maze": Study("maze", 4_000_000, 0.85, OPTIONS, {"size": 7, "distance": 6, "max_steps": 60}),
    "few-steps-cartpole": Study("cartpole", 400_000, 475.0, FEW, looks=100),
    "few-steps-maze": Study("maze", 400_000, 0.85, FEW_IN_MAZES, SMALL_MAZE, looks=200),
    "few-steps-pixels": Study(
        "maze:pixels=20", 400_000, 0.85, FEW_IN_PICTURES, SMALL_MAZE, {"network.images": "mlp"}, looks=200
    ),
    "minefield": Study(
        "examples/minefield.py", 2_000_000, float("inf"), prices(1.0, 10.0), settings=MINEFIELD, costs=True
    ),
    "marble-costs": Study(
        "marble",
        2_000_000,
        float("inf"),
        prices(1.0),
        {"gap": 0.2, "drop": 0.2, "wind": 0.1},
        {"algorithm": "safe_ppo", "safe_ppo.cost_limit": 10.0, "safe_ppo.normalize_rewards": True},
        costs=True,
    ),
    "far-edge": Study(
        "examples/minefield.py",
        1_000_000,
        0.7,
        {name: {"algorithm": name} for name in ("ppo", "rnd", "icm")},
        {"guide": 0.0, "mines": 1},
        {"num_envs": 512, "network.hidden": (64, 64)},
    ),
}


GROUPS = ("options", "few-steps")  # of studies, whose names begin so


@dataclass(frozen=True)
class Run:
    """What one training came to; `solved` is infinite where it was not."""

    solved: float
    best: float
    last: float
    cost: float
    seconds: float


def train(study: Study, seed: int, variant: dict[str, Any]) -> Run:
    """Train once."""
    settings = {"seed": seed, "total_steps": study.steps, "network.memory": "none", **study.settings, **variant}
    algorithm, frames = settings.pop("algorithm", "ppo"), settings.pop("frames", 1)
    env = study.env if frames == 1 else f"{study.env}:frames={frames}"
    config = load_config(env, overrides={**settings, "params": study.params}, algorithm=algorithm)
    trainer = make_trainer(config)
    best, solved, next_look, seconds, last, cost = float("-inf"), float("inf"), 0.0, 0.0, 0.0, float("nan")
    while not trainer.finished and best < study.goal:
        begun = time.perf_counter()
        trainer.update()
        seconds += time.perf_counter() - begun
        if trainer.steps >= next_look or trainer.finished:
            next_look = trainer.steps + study.steps / study.looks
            played = evaluate(env, actor_player(trainer.actor()), EPISODES, split="train", params=study.params)
            last = float(played.columns["return"].mean())
            best = max(best, last)
            if study.costs:
                cost = float(played.columns["cost"].mean())
            if best >= study.goal:
                solved = trainer.steps
    trainer.close()
    return Run(solved, best, last, cost, seconds)


def spread(numbers: Sequence[float], unit: float = 1.0) -> str:
    """Return the median of some numbers, with the least and the greatest."""
    shown = [each / unit for each in (statistics.median(numbers), min(numbers), max(numbers))]
    return "{:.3g} ({:.3g} to {:.3g})".format(*shown)


def said(study: Study, runs: list[Run]) -> str:
    """Return what the runs of a variant came to."""
    seconds = f"{statistics.median(run.seconds for run in runs):.0f} s"
    if study.costs:
        return f"return {spread([run.last for run in runs])}, cost {spread([run.cost for run in runs])} at the end; {seconds}"
    solved = sum(run.solved < float("inf") for run in runs)
    steps = spread([run.solved for run in runs], 1e6)
    return (
        f"{solved} of {len(runs)} solved, after {steps} M steps; best {spread([run.best for run in runs])}; {seconds}"
    )


def beside(plain: list[Run], runs: list[Run]) -> str:
    """Return what runs came to, compared with those of the first variant with the same seeds.

    Steps to the goal by their ratio, or where one of them never reached it the best means by their difference.
    """
    if runs is plain:
        return ""
    reached = all(run.solved < float("inf") for run in (*plain, *runs))
    pairs = list(zip(plain, runs, strict=True))
    found = np.array([b.solved / a.solved if reached else b.best - a.best for a, b in pairs])
    drawn = np.random.default_rng(0).integers(len(found), size=(RESAMPLED, len(found)))
    low, high = np.quantile(np.median(found[drawn], axis=1), [0.025, 0.975])
    what = "steps x" if reached else "best "
    return f"; {what}{np.median(found):{'.2f' if reached else '+.3g'}} [{low:.2f}, {high:.2f}]"


def main() -> None:
    """Print one line for each study and variant."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("studies", nargs="*", default=["cartpole"], choices=[*STUDIES, *GROUPS], metavar="STUDY")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument(
        "--variants", nargs="*", metavar="VARIANT", help="of each study, besides its first; all by default"
    )
    options = parser.parse_args()
    print(machine())
    named = [name for each in options.studies for name in STUDIES if name == each or name.startswith(f"{each}-")]
    for name in named:
        study = STUDIES[name]
        plain: list[Run] = []
        for variant, settings in study.variants.items():
            if plain and options.variants is not None and variant not in options.variants:
                continue
            runs = [train(study, seed, settings) for seed in range(options.seeds)]
            plain = plain or runs
            compared = "" if study.costs else beside(plain, runs)
            print(f"{name:<16} {variant:<26} {said(study, runs)}{compared}", flush=True)


if __name__ == "__main__":
    main()
