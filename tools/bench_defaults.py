"""Measure which settings suit a game that nobody has tuned: python tools/bench_defaults.py [ENV ...]

Every variant trains with the settings that a game of one's own gets (no tuned file of ours), several seeds
each; printed are the environment steps until the mean return of recent episodes reaches what `ENV.solved`
says, and the best mean where it does not.
"""

import statistics
import sys

from measure import machine

from puffer_arena.registry import load_env
from puffer_arena.trainers.config import from_dict
from puffer_arena.trainers.trainer import make_trainer

SEEDS = range(3)
STEPS = 3_000_000
RECENT = 200  # episodes
VARIANTS: dict[str, dict[str, dict[str, object]]] = {
    "plain": {},
    "rewards normalized": {"ppo": {"normalize_rewards": True}},
    "both normalized": {"ppo": {"normalize_rewards": True}, "network": {"normalize": True}},
    "separate critic": {"network": {"critic": "separate"}},
    "value_coef 0.05": {"ppo": {"value_coef": 0.05}},
}


def steps_to(env_id: str, seed: int, variant: dict[str, dict[str, object]]) -> tuple[int, float]:
    """Return the steps until solved (or STEPS), and the best mean return."""
    env = load_env(env_id)
    assert env.solved is not None
    settings = {"env": env_id, "seed": seed, "num_envs": env.usual_rows // 4, "total_steps": STEPS, **variant}
    trainer = make_trainer(from_dict(settings))
    recent: list[tuple[float, float]] = []
    best = float("-inf")
    while not trainer.finished and best < env.solved:
        metrics = trainer.update()
        if "episode_return" in metrics:
            recent.append((metrics["episode_return"], metrics["episodes"]))
            while sum(count for _, count in recent[1:]) >= RECENT:
                recent.pop(0)
            count = sum(count for _, count in recent)
            if count >= RECENT:
                best = max(best, sum(value * each for value, each in recent) / count)
    trainer.close()
    return trainer.steps, best


def main(envs: list[str]) -> None:
    """Print one line for each environment and variant."""
    print(machine())
    for env_id in envs:
        for name, variant in VARIANTS.items():
            runs = [steps_to(env_id, seed, variant) for seed in SEEDS]
            solved = sum(best >= (load_env(env_id).solved or 0.0) for _, best in runs)
            steps = statistics.median(steps for steps, _ in runs)
            means = ", ".join(f"{best:.3g}" for _, best in runs)
            print(
                f"{env_id:<10} {name:<20} {steps / 1e6:5.2f} M steps, {solved} of {len(runs)} solved ({means})",
                flush=True,
            )


if __name__ == "__main__":
    main(sys.argv[1:] or ["cartpole", "lander", "snake"])
