"""Print what windows cost a training run: steps per second without a publisher, with one, and with a window attached.

    python tools/bench_live.py [--env snake] [--rounds 15] [--seconds 1.0]

One trainer runs all three in turn, in short slices whose order changes, so that they meet the same weights,
caches and noise; the figures are medians of the ratios within a round.  The window is a process of its own that
takes in every frame and draws nothing: what drawing costs is the price of a second program on the same cores.

The last column is free of other programs' noise: the processor time that the training loop spent on serving
windows, as a share of the wall clock.
"""

import argparse
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from puffer_arena.cli.broadcast import Broadcast
from puffer_arena.live.address import read_address
from puffer_arena.live.subscriber import Subscriber
from puffer_arena.trainers.config import load_config
from puffer_arena.trainers.run import Run
from puffer_arena.trainers.trainer import Trainer


def main() -> None:
    parser = argparse.ArgumentParser(description="What an attached and an unattached publisher cost a training run.")
    parser.add_argument("--env", default="snake")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--seconds", type=float, default=1.0, help="length of one slice")
    parser.add_argument("--mode", default="time-lapse", choices=("time-lapse", "smooth"))
    parser.add_argument("--window", default="", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.window:
        attach(Path(options.window), options.mode)
        return
    with tempfile.TemporaryDirectory() as folder:
        measure(options, Path(folder))


def attach(folder: Path, mode: str) -> None:
    """Take in all that the trainer sends, until it ends."""
    address = read_address(folder)
    assert address is not None
    source = Subscriber(address, folder, load_actor=(lambda policy, batch: None) if mode == "smooth" else None)  # type: ignore[arg-type, return-value]  # nothing plays here
    source.mode = mode
    while source.status not in ("finished", "lost"):
        source.poll()
        time.sleep(1 / 60)
    source.close()


def measure(options: argparse.Namespace, folder: Path) -> None:
    """Measure and print."""
    config = load_config(options.env, overrides={"total_steps": 10**12})
    trainer = Trainer(config)
    run = Run.create(trainer.config, folder, "run")
    for _ in range(5):  # compile and warm up
        trainer.update()
    rates: dict[str, list[float]] = {"no publisher": [], "unattached": [], "attached": []}
    shares: dict[str, list[float]] = {kind: [] for kind in rates}
    for _ in range(options.rounds):
        for kind in random.sample(list(rates), len(rates)):
            rate, share = measure_slice(kind, trainer, run, options)
            rates[kind].append(rate)
            shares[kind].append(share)
    print(f"{options.env}, {options.rounds} rounds of {options.seconds:g} s slices, {options.mode}")
    base = rates["no publisher"]
    print(f"  {'no publisher':<13} {statistics.median(base):>10,.0f} steps/s")
    for kind in ("unattached", "attached"):
        ratios = sorted(a / b for a, b in zip(rates[kind], base, strict=True))
        low, high = ratios[len(ratios) // 4], ratios[-1 - len(ratios) // 4]
        cost = 1 - statistics.median(ratios)
        print(
            f"  {kind:<13} {statistics.median(rates[kind]):>10,.0f} steps/s   costs {cost:+.2%} "
            f"(middle half of the rounds: {1 - high:+.2%} to {1 - low:+.2%})   "
            f"serving took {statistics.median(shares[kind]):.3%} of the time"
        )


def measure_slice(kind: str, trainer: Trainer, run: Run, options: argparse.Namespace) -> tuple[float, float]:
    """Train for some seconds; return steps per second and the share of the time that serving windows took."""
    if kind == "no publisher":
        return train(trainer, None, options.seconds)
    broadcast = Broadcast(trainer, run, "127.0.0.1", 0)
    window = None
    if kind == "attached":
        command = [sys.executable, __file__, "--window", str(run.folder), "--mode", options.mode]
        window = subprocess.Popen(command)
        while not broadcast.publisher.windows:  # it has to start and to find the trainer
            train(trainer, broadcast, 0.0)
    try:
        train(trainer, broadcast, 0.1)
        return train(trainer, broadcast, options.seconds)
    finally:
        broadcast.close()
        if window is not None:
            window.wait(30)


def train(trainer: Trainer, broadcast: Broadcast | None, seconds: float) -> tuple[float, float]:
    """Train for at least so long; return steps per second and the share of the time spent on windows."""
    served = 0.0

    def on_step(trainer: Trainer, t: int) -> None:
        nonlocal served
        begun = time.thread_time()
        if broadcast is not None:
            broadcast.on_step(trainer, t)
        served += time.thread_time() - begun

    steps, begun = trainer.steps, time.perf_counter()
    while True:
        metrics = trainer.update(on_step)
        before = time.thread_time()
        if broadcast is not None:
            broadcast.on_update(metrics)
        served += time.thread_time() - before
        now = time.perf_counter()
        if now - begun >= seconds:
            return (trainer.steps - steps) / (now - begun), served / (now - begun)


if __name__ == "__main__":
    main()
