"""Compare the steps of two checkouts in alternating runs: python tools/bench_commits.py OLD [GAME ...] [--rounds 4]

OLD is the Python of an environment in which the other checkout is installed, such as one made by

    git worktree add ../old COMMIT && python -m venv ../old-venv && ../old-venv/bin/python -m pip install -e "../old[dev]"

Each run is a process that steps one game on one thread with random actions drawn beforehand, and is timed by the
processor's time that it took.  Printed is how many times the other's steps this checkout makes: the median of the
rounds, with the least and the greatest, and the ratio of the fastest runs.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile

from measure import machine

ROWS = {"lander": 512, "lander_continuous": 512, "striker": 256, "walker": 256, "marble": 256}  # else 4096
GAMES = ("snake", "maze", "tag", "target", "squared", "cartpole", "memory", "bandit", *ROWS)
RUN = """
import statistics, sys, time
import numpy as np
import puffer_arena

game, rows = sys.argv[1], int(sys.argv[2])
batch, rng, rates = puffer_arena.make(game, num_envs=rows, threads=1), np.random.default_rng(0), []
batch.reset(seed=1)
actions = [batch.sample_actions(rng) for _ in range(16)]
for _ in range(2):
    for action in actions:
        batch.step(action)
for _ in range(40):
    begun, count = time.process_time(), 0
    while (taken := time.process_time() - begun) < 0.05:
        for action in actions:
            batch.step(action)
        count += rows * len(actions)
    rates.append(count / taken)
print(statistics.median(rates), max(rates))
"""


def run(python: str, game: str, folder: str) -> tuple[float, float]:
    """Return the median and the greatest rate of a process, in rows stepped a second; it has no checkout at hand."""
    command = [python, "-c", RUN, game, str(ROWS.get(game, 4096))]
    median, most = subprocess.run(command, cwd=folder, check=True, text=True, stdout=subprocess.PIPE).stdout.split()
    return float(median), float(most)


def main() -> None:
    """Print a line for each game."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("old", help="the other checkout's Python")
    parser.add_argument("games", nargs="*", default=GAMES, metavar="GAME")
    parser.add_argument("--rounds", type=int, default=4)
    options = parser.parse_args()
    print(machine())
    with tempfile.TemporaryDirectory() as folder:
        for game in options.games:
            pairs = [(run(options.old, game, folder), run(sys.executable, game, folder)) for _ in range(options.rounds)]
            shares = [new[0] / old[0] for old, new in pairs]
            fastest = max(new[1] for _, new in pairs) / max(old[1] for old, _ in pairs)
            print(
                f"{game:<18} {statistics.median(shares):.3f} ({min(shares):.3f} to {max(shares):.3f}), fastest {fastest:.3f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
