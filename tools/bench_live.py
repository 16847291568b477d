"""Print what windows cost a training run: steps per second without a publisher, with one, and with a window attached.

    python tools/bench_live.py [--env snake] [--rounds 15] [--seconds 6.0]
    python tools/bench_live.py --curriculum sfl

With a curriculum, or `--curriculum none`, `maze` is trained with 4096 rows as `bench_curriculum.py cost` trains it; the
window shows the curriculum's distribution and levels.

One trainer runs all three in turn, in short slices whose order changes, so that they meet the same weights,
caches and noise; the figures are medians of the ratios within a round.  The window is the real one, `watch` in a
process of its own; while it is not its turn it is stopped.  Without a display it opens under Xvfb, where Mesa draws
on the processor: a graphics card makes drawing cheaper than that.

Two more columns are free of other programs' noise: the processor time that the training loop spent on serving
windows, as a share of the wall clock, and what the window's process used, as a share of all cores.
"""

import argparse
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench_curriculum import MAZE, PLAIN
from screenshots import screenless

from puffer_arena.cli.broadcast import Broadcast
from puffer_arena.cli.steering import SteeringLog
from puffer_arena.machine.cores import usable_cores
from puffer_arena.trainers.algorithms.algorithm import Algorithm
from puffer_arena.trainers.config import load_config
from puffer_arena.trainers.runs.run import Run
from puffer_arena.trainers.trainer import make_trainer

KINDS = ("no publisher", "unattached", "attached")
SETTLING = 1.5  # seconds of training before a slice counts: a window that comes back draws at once and often
PATIENCE = 120.0  # seconds for a window to appear


@dataclass
class Slice:
    """What was measured while training for some seconds."""

    rate: float  # steps per second
    served: float  # processor time that the training loop spent on windows, share of the wall clock
    drawn: float = 0.0  # processor time of the window's process, share of all cores


def main() -> None:
    parser = argparse.ArgumentParser(description="What an attached and an unattached publisher cost a training run.")
    parser.add_argument("--env", default="snake")
    parser.add_argument("--curriculum", default="", metavar="METHOD", help="train maze with it")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--seconds", type=float, default=6.0, help="length of one slice")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, display() as environment:
        measure(options, Path(folder), environment)


@contextmanager
def display() -> Iterator[dict[str, str]]:
    """Yield the environment of a program with a window: on the display there is, or under Xvfb."""
    if os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"):
        yield dict(os.environ)
        return
    with screenless() as environment:
        yield environment


class WatchingWindow:
    """The window on a run in a process of its own, which stands still but for its turns."""

    def __init__(self, run: Run, environment: dict[str, str]) -> None:
        command = [sys.executable, "-m", "puffer_arena", "watch", str(run.folder)]
        self.process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, start_new_session=True)

    def wake(self) -> None:
        """Let it go on."""
        self.process.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        """Hold it."""
        self.process.send_signal(signal.SIGSTOP)

    def seconds(self) -> float:
        """Return the processor time it has used; 0 where the system does not tell."""
        try:
            fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            return 0.0
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def close(self) -> None:
        """End it."""
        self.process.kill()
        self.process.wait()


def measure(options: argparse.Namespace, folder: Path, environment: dict[str, str]) -> None:
    """Measure and print."""
    endless = {"total_steps": 10**12}
    if options.curriculum:
        trainer = MAZE.make(options.curriculum, 0, num_envs=4096, **PLAIN, **endless)
    else:
        trainer = make_trainer(load_config(options.env, overrides=endless))
    run = Run.create(trainer.config, folder, "run")
    for _ in range(5):  # compile and warm up
        trainer.update()
    window = open_window(trainer, run, environment)
    slices: dict[str, list[Slice]] = {kind: [] for kind in KINDS}
    try:
        for _ in range(options.rounds):
            for kind in random.sample(KINDS, len(KINDS)):
                slices[kind].append(measure_slice(kind, trainer, run, window, options.seconds))
    finally:
        window.close()
    print_figures(options, slices)


def print_figures(options: argparse.Namespace, slices: dict[str, list[Slice]]) -> None:
    named = f"maze with curriculum {options.curriculum}" if options.curriculum else options.env
    print(f"{named}, {options.rounds} rounds of {options.seconds:g} s slices")
    base = [one.rate for one in slices[KINDS[0]]]
    print(f"  {KINDS[0]:<13} {statistics.median(base):>10,.0f} steps/s")
    for kind in KINDS[1:]:
        rates = [one.rate for one in slices[kind]]
        ratios = sorted(a / b for a, b in zip(rates, base, strict=True))
        low, high = ratios[len(ratios) // 4], ratios[-1 - len(ratios) // 4]
        print(
            f"  {kind:<13} {statistics.median(rates):>10,.0f} steps/s   costs {1 - statistics.median(ratios):+.2%} "
            f"(middle half of the rounds: {1 - high:+.2%} to {1 - low:+.2%})   "
            f"serving took {statistics.median(one.served for one in slices[kind]):.2%} of the time, "
            f"the window {statistics.median(one.drawn for one in slices[kind]):.2%} of the cores"
        )


def open_window(trainer: Algorithm, run: Run, environment: dict[str, str]) -> WatchingWindow:
    """Open a window on the trainer, wait until it is there and hold it."""
    broadcast = Broadcast(trainer, run, "127.0.0.1", 0, SteeringLog(run.folder, 0))
    window = WatchingWindow(run, environment)
    await_window(trainer, broadcast, window)
    train(trainer, broadcast, 5.0)  # it draws its first frames
    window.stop()
    broadcast.close()
    return window


def await_window(trainer: Algorithm, broadcast: Broadcast, window: WatchingWindow) -> None:
    """Train until the window has found the trainer."""
    deadline = time.monotonic() + PATIENCE
    while not broadcast.publisher.windows:
        train(trainer, broadcast, 0.0)
        if time.monotonic() > deadline or window.process.poll() is not None:
            sys.exit(f"the window did not attach within {PATIENCE:g} s")


def measure_slice(kind: str, trainer: Algorithm, run: Run, window: WatchingWindow, seconds: float) -> Slice:
    """Train for some seconds in one of the KINDS of company."""
    if kind == "no publisher":
        train(trainer, None, SETTLING)
        return train(trainer, None, seconds)
    broadcast = Broadcast(trainer, run, "127.0.0.1", 0, SteeringLog(run.folder, 0))
    try:
        if kind == "attached":
            window.wake()
            await_window(trainer, broadcast, window)  # it looks for a trainer that has come back once a second
        train(trainer, broadcast, SETTLING)
        used, begun = window.seconds(), time.perf_counter()
        measured = train(trainer, broadcast, seconds)
        cores = usable_cores()
        measured.drawn = (window.seconds() - used) / (time.perf_counter() - begun) / cores
        return measured
    finally:
        if kind == "attached":
            window.stop()
        broadcast.close()


def train(trainer: Algorithm, broadcast: Broadcast | None, seconds: float) -> Slice:
    """Train for at least so long."""
    served = 0.0

    def on_step(trainer: Algorithm, t: int) -> None:
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
            return Slice((trainer.steps - steps) / (now - begun), served / (now - begun))


if __name__ == "__main__":
    main()
