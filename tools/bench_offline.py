"""Compare offline methods on datasets of different players: python tools/bench_offline.py [lander maze ...] [--seeds 1]

Five datasets a game, of as many episodes each: `random` play; the game's bot as `expert`; `medium`, the bot with two
actions in five drawn at random; `human`, the bot that repeats its last action in two steps of five and slips in one of
ten; `mixed`, a third each of random, medium and expert.  What a method learned plays held-out levels to their ends.
Scores are normalized: 0 is the mean return of random play, 100 the bot's.  Last comes what a decision transformer
gains that learned from `mixed` and is told different returns.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from measure import machine

from puffer_arena.batch.batch import Batch
from puffer_arena.core.fields import Array
from puffer_arena.core.spaces import Box
from puffer_arena.datasets.file import write_dataset
from puffer_arena.datasets.recording import record
from puffer_arena.players.evaluate import evaluate
from puffer_arena.players.player import Acting, Player, chance, scripted
from puffer_arena.registry import load_env
from puffer_arena.trainers.config import load_config
from puffer_arena.trainers.playing import actor_player
from puffer_arena.trainers.trainer import make_trainer

GAMES: dict[str, tuple[str, dict[str, Any]]] = {
    "lander": ("autopilot", {}),
    "lander_continuous": ("autopilot", {}),
    "target": ("steer", {}),
    "maze": ("shortest", {"size": 7, "distance": 6, "max_steps": 60}),
}
METHODS: dict[str, tuple[str, dict[str, Any]]] = {
    "BC": ("bc", {}),
    "10 %-BC": ("bc", {"bc.top": 0.1}),
    "IQL": ("iql", {}),
    "ReBRAC": ("rebrac", {}),
    "DT": ("dt", {}),
}
DATASETS = ("random", "medium", "expert", "mixed", "human")
ASKED = (0.0, 25.0, 50.0, 75.0, 100.0, 125.0)  # returns that a transformer is told, normalized


def noisy(player: Player, slips: float, repeats: float, seed: int) -> Player:
    """Return a player who now and then does anything, or what it did last."""
    rng = np.random.default_rng(seed)

    def prepare(batch: Batch) -> Acting:
        theirs = player.prepare(batch)
        last: list[Array] = []

        def act(batch: Batch, which: Array | None = None) -> Array:
            actions = np.array(theirs.choose(batch, which))
            drawn = rng.random(batch.num_envs)
            if last:
                again = drawn < repeats
                actions[again] = last[0][again]
            slipped = drawn > 1.0 - slips
            actions[slipped] = batch.sample_actions(rng)[slipped]
            last[:] = [actions.copy()]
            return actions

        return Acting(act, theirs.forget)

    return Player(f"{player.name} with slips", prepare, player.params)


def players(bot: str) -> dict[str, list[Player]]:
    """Return who plays for each dataset."""
    expert, medium, anybody = scripted(bot), noisy(scripted(bot), 0.4, 0.0, 11), chance(12)
    return {
        "random": [anybody],
        "medium": [medium],
        "expert": [expert],
        "mixed": [anybody, medium, expert],
        "human": [noisy(scripted(bot), 0.1, 0.4, 13)],
    }


def learn(env: str, method: str, folder: Path, seed: int, samples: int) -> Any:
    """Return a trainer that has learned from as many steps as are asked for, each drawn at random."""
    algorithm, settings = METHODS[method]
    given = {"offline": str(folder), "seed": seed, "num_envs": 1, "total_steps": samples, f"{algorithm}.play": 0}
    given |= {f"{algorithm}.minibatches": 25, **settings}
    trainer = make_trainer(load_config(env, overrides=given, algorithm=algorithm))
    while not trainer.finished:
        trainer.update()
    return trainer


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("envs", nargs="*", default=["lander", "maze"], choices=[*GAMES], metavar="ENV")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--episodes", type=int, default=300, help="of each dataset")
    parser.add_argument("--samples", type=int, default=1_000_000, help="steps that each method learns from")
    parser.add_argument("--played", type=int, default=100, help="episodes that measure what was learned")
    parser.add_argument("--datasets", nargs="*", default=[*DATASETS], choices=DATASETS, metavar="DATASET")
    parser.add_argument("--methods", nargs="*", default=[*METHODS], choices=[*METHODS], metavar="METHOD")
    options = parser.parse_args()
    print(machine())
    for env in options.envs:
        compare(env, options)


def compare(env: str, options: argparse.Namespace) -> None:
    """Print the tables of one game."""
    bot, params = GAMES[env]

    def mean(player: Player) -> float:
        return evaluate(env, player, options.played, params=params, seed=7).means["return"]

    low, high = mean(chance(5)), mean(scripted(bot))
    print(f"\n{env}: random play {low:.3g} is 0, bot {bot} {high:.3g} is 100; {options.samples:,} samples each")
    methods = [name for name in options.methods if name != "ReBRAC" or isinstance(load_env(env).action, Box)]
    print(f"{'dataset':<9}{'its mean':>10}" + "".join(f"{name:>16}" for name in methods), flush=True)

    def score(value: float) -> float:
        return 100.0 * (value - low) / (high - low)

    with tempfile.TemporaryDirectory() as place:
        spent, told = dict.fromkeys(methods, 0.0), list[float]()
        for name, who in players(bot).items():
            if name not in options.datasets:
                continue
            folder = Path(place) / name
            data = record(env, who, options.episodes, params=params)
            write_dataset(data, folder)
            print(f"{name:<9}{score(float(data.returns.mean())):>10.1f}", end="", flush=True)
            for method in methods:
                found = []
                for seed in range(options.seeds):
                    begun = time.process_time()
                    trainer = learn(env, method, folder, seed, options.samples)
                    spent[method] += time.process_time() - begun
                    found.append(score(mean(actor_player(trainer.actor()))))
                    if (name, method, seed) == ("mixed", "DT", 0):
                        told = ask(trainer, mean, low, high)
                    trainer.close()
                spread = f" ±{statistics.stdev(found):.0f}" if options.seeds > 1 else ""
                print(f"{statistics.mean(found):>{16 - len(spread)}.1f}{spread}", end="", flush=True)
            print(flush=True)
        print(
            f"{'seconds':<19}"
            + "".join(f"{spent[name] / len(options.datasets) / options.seeds:>16.0f}" for name in methods),
            flush=True,
        )
        if told:
            print("\nDT from mixed: return asked for, and gained")
        for asked, gained in zip(ASKED, told, strict=False):
            print(f"{asked:>7.0f}{gained:>9.1f}", flush=True)


def ask(trainer: Any, mean: Callable[[Player], float], low: float, high: float) -> list[float]:
    """Return what a decision transformer gains that is told each of the returns ASKED, normalized as they are."""
    gained = []
    for asked in ASKED:
        trainer.policy.target.fill_(low + (high - low) * asked / 100.0)
        gained.append(100.0 * (mean(actor_player(trainer.actor())) - low) / (high - low))
    return gained


if __name__ == "__main__":
    main()
