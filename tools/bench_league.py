"""What opponents cost: python tools/bench_league.py cost [--env tag] [--members 8] [--rounds 8]

`cost` trains with the same settings by pure self-play and against a pool of snapshots, update by update in turn, and
prints steps/s against the pool as a share of those of self-play, medians of pairs: where the pool has the other side in half of
the environments, as is the default, and in all of them.
"""

import argparse
import statistics
from typing import Any

from measure import machine, report

from puffer_arena.trainers.algorithms.algorithm import Algorithm
from puffer_arena.trainers.config import load_config
from puffer_arena.trainers.trainer import make_trainer

WANTED = 0.75  # of self-play's steps/s


def make(env: str, members: int, share: float, **overrides: Any) -> Algorithm:
    """Make a run's trainer, its pool full of snapshots; without members it plays itself."""
    pool = {"opponent.pool": "self" if members else "", "opponent.keep": max(members, 1), "opponent.share": share}
    pool |= {"opponent.draw": "uniform", "opponent.snapshot_rate": 1.0, "opponent.snapshot_steps": 0}
    trainer: Any = make_trainer(load_config(env, overrides={**pool, **overrides}))
    for k in range(members):
        trainer.opponent.pool.steps = k
        trainer.opponent.snapshot()
    return trainer  # type: ignore[no-any-return]  # an Algorithm, whose pool was filled above


def cost(env: str, members: int, rounds: int) -> None:
    """Print the price of a pool."""
    trainers = {"self-play": make(env, 0, 0.5), "half": make(env, members, 0.5), "all": make(env, members, 1.0)}
    rates: dict[str, list[float]] = {name: [] for name in trainers}
    for k in range(rounds + 2):
        for name, trainer in trainers.items():
            rate = trainer.update()["steps_per_second"]
            if k >= 2:  # compiled, and episodes end
                rates[name].append(rate)
    alone = rates.pop("self-play")
    print(f"{env}: {statistics.median(alone):,.0f} steps/s by self-play; {machine()}")
    for name, found in rates.items():
        shares = [a / b for a, b in zip(found, alone, strict=True)]
        middle = statistics.median(shares)
        spread = f"{middle:.2f} ({min(shares):.2f}-{max(shares):.2f}) of self-play's steps/s"
        report(f"{members} opponents in {name} of the environments", spread, f">= {WANTED}", middle >= WANTED)
    for trainer in trainers.values():
        trainer.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    parser.add_argument("what", choices=["cost"])
    parser.add_argument("--env", default="tag")
    parser.add_argument("--members", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=8)
    given = parser.parse_args()
    cost(given.env, given.members, given.rounds)


if __name__ == "__main__":
    main()
