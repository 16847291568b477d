"""What more machines would bring: sums over processes are timed here, and a model says what becomes of an update on N.

    python tools/bench_nodes.py [--env snake] [--steps 2_000_000]

Measured on this machine: seconds of its core that an update takes in one process, and of all-reduces of one number and of the policy's
gradients by two processes over the loopback, whose difference gives latency and bandwidth. The model is a ring's (Patarasuk
and Yuan 2009), with every machine keeping its num_envs:

    seconds(N) = update + sums * (2 (N - 1) latency + 2 (N - 1) / N * bytes / bandwidth)

One sum is made a minibatch and epoch.  The table has the loopback's figures, and those of a network that is assumed.
"""

import argparse
import subprocess
import sys
import tempfile
import time

import puffer_arena
from puffer_arena.trainers.config import load_config

MACHINES = (1, 2, 4, 8, 16, 32, 64)
NETWORKS = {"10 GbE, 50 us": (50e-6, 1.1e9), "100 GbE, 10 us": (10e-6, 11e9)}  # assumed: latency and bytes a second
ROUNDS = 200
NODE = """
import sys, time, statistics
import torch, torch.distributed as dist
torch.set_num_threads(1)
rank, store, rounds = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
dist.init_process_group("gloo", init_method=f"file://{store}", rank=rank, world_size=2)
for size in map(int, sys.argv[4:]):
    numbers, taken = torch.zeros(size, dtype=torch.float64), []
    for _ in range(rounds):
        dist.barrier()
        begun = time.perf_counter()
        dist.all_reduce(numbers)
        taken.append(time.perf_counter() - begun)
    if rank == 0:
        print(statistics.median(taken))
dist.destroy_process_group()
"""


def time_sums(sizes: list[int]) -> list[float]:
    """Return the median seconds of an all-reduce of so many float64 by two processes."""
    with tempfile.TemporaryDirectory() as folder:
        said = [f"{folder}/store", str(ROUNDS), *map(str, sizes)]
        nodes = [
            subprocess.Popen([sys.executable, "-c", NODE, str(rank), *said], stdout=subprocess.PIPE, text=True)
            for rank in range(2)
        ]
        first, _ = (node.communicate()[0] for node in nodes)
    return [float(line) for line in first.split()]


def main() -> None:
    """Print what was measured, and a line for each number of machines."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--env", default="snake")
    parser.add_argument("--steps", type=lambda text: int(text.replace("_", "")), default=2_000_000)
    options = parser.parse_args()
    config = load_config(options.env, overrides={"threads": 1})
    taken = []
    for steps in (options.steps // 4, options.steps):  # the difference leaves out what a run begins with
        begun = time.process_time()
        trained = puffer_arena.train(options.env, total_steps=steps, settings={"threads": 1})
        taken.append((time.process_time() - begun, trained.steps))
    rows = config.num_envs * config.ppo.horizon
    update = rows * (taken[1][0] - taken[0][0]) / (taken[1][1] - taken[0][1])
    size = 1 + sum(part.numel() for part in trained.actor.policy.parameters())
    one, all_of_them = time_sums([1, size])
    latency, bandwidth = one / 2, 8 * size / max(all_of_them - one, 1e-9)
    sums = config.ppo.epochs * config.ppo.minibatches
    print(f"{options.env}: {rows:,} rows an update, {update:.3f} s in one process; {sums} sums of {8 * size:,} bytes")
    print(f"loopback: {latency * 1e6:,.0f} us a message, {bandwidth / 1e9:.2f} GB/s")
    networks = {"loopback": (latency, bandwidth), **NETWORKS}
    print(f"{'machines':>8} " + " ".join(f"{name:>24}" for name in networks))
    for n in MACHINES:
        shown = []
        for wait, rate in networks.values():
            seconds = update + sums * (2 * (n - 1) * wait + 2 * (n - 1) / n * 8 * size / rate)
            shown.append(f"{n * rows / seconds:>14,.0f}/s ({update / seconds:4.0%})")
        print(f"{n:>8} " + " ".join(f"{each:>24}" for each in shown))


if __name__ == "__main__":
    main()
