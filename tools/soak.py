"""Train for a long time under everything that comes and goes, and say whether anything grows.

    python tools/soak.py                        # 24 hours
    python tools/soak.py --minutes 2            # a look

One process trains without an end.  Round after round, windows attach to it, look, steer and leave; and batches are made,
stepped on threads and by worker processes, reset, restored and closed here.  After each round the memory, open files,
threads and children of both processes and the entries of /dev/shm are noted.  What the middle third of the rounds needed
is compared with what the last third did: the exit code is 1 where anything grew.  Linux alone tells of all this.
"""

import argparse
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from puffer_arena import make
from puffer_arena.live.address import read_address
from puffer_arena.live.subscriber import Subscriber

TRAIN = ("snake", "--num-envs", "64", "--threads", "1", "--ppo.horizon", "16", "--network.hidden", "32")
BATCHES = (("snake", 1), ("lander", 2), ("marble", 2))  # rules alone; pymunk on threads; Bullet in processes
PATIENCE = 120.0  # seconds for a window to be served
FEWEST = 6  # rounds that can be compared
KINDS = ("memory", "files", "threads", "children")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=24 * 60.0)
    parser.add_argument("--windows", type=int, default=2, help="attached in each round")
    parser.add_argument("--pause", type=float, default=0.0, help="seconds between rounds")
    parser.add_argument("--growth", type=float, default=16.0, help="MB that memory may grow by, of each process")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, open(Path(folder) / "log", "w+") as log:
        run = ["-m", "puffer_arena", "train", *TRAIN, "--total-steps", "1_000_000_000_000", "--name", "soak"]
        with subprocess.Popen([sys.executable, *run], cwd=folder, stdout=log, stderr=log) as trainer:
            try:
                return soak(options, trainer, Path(folder) / "runs" / "soak")
            finally:
                trainer.send_signal(signal.SIGINT)
                trainer.wait()
                print((Path(folder) / "log").read_text("utf-8").strip().splitlines()[-1])


def soak(options: argparse.Namespace, trainer: "subprocess.Popen[bytes]", run: Path) -> int:
    """Play rounds until the time is over; return the exit code."""
    while not (run / "live.json").exists():
        if trainer.poll() is not None:
            raise SystemExit(f"training ended: {(run.parents[1] / 'log').read_text('utf-8')}")
        time.sleep(0.1)
    noted: list[dict[str, int]] = []
    end = time.monotonic() + 60 * options.minutes
    while time.monotonic() < end or len(noted) < FEWEST:
        steps = attach(run, options.windows)
        use_batches()
        noted.append(measure({"trainer": trainer.pid, "windows": os.getpid()}))
        if len(noted) & (len(noted) - 1) == 0:  # ever more seldom
            print(f"round {len(noted)}, {steps} steps: {shown(noted[-1])}", flush=True)
        time.sleep(options.pause)
    return compare(noted, options.growth)


def attach(run: Path, count: int) -> int:
    """Attach windows, look at a frame in each, steer, and leave; return the steps trained so far."""
    address = read_address(run)
    assert address is not None
    windows = [Subscriber(address, run) for _ in range(count)]
    deadline = time.monotonic() + PATIENCE
    while any(window.frame is None or window.frame.probs is None for window in windows):
        if time.monotonic() > deadline:
            raise SystemExit(f"a window was not served: {[(w.status, w.note) for w in windows]}")
        for window in windows:
            window.poll()
        time.sleep(0.005)
    windows[0].send("param", name="max_hunger", value=150 + int(time.time()) % 100)
    steps = max(window.frame.steps for window in windows if window.frame)
    for window in windows:
        window.close()
    return int(steps)


def use_batches() -> None:
    """Make batches of each kind, step, reset and restore them, and close them."""
    for name, threads in BATCHES:
        with make(name, 8, seed=1, threads=threads) as batch:
            kept = batch.snapshot(0)
            rng = np.random.default_rng(0)
            for _ in range(16):
                batch.step(batch.sample_actions(rng))
            batch.restore(0, kept)
            batch.reset()


def measure(processes: dict[str, int]) -> dict[str, int]:
    """Return what processes need now: `name kind` -> bytes or a number."""
    noted = {"/dev/shm entries": len(os.listdir("/dev/shm"))}
    for name, pid in processes.items():
        folder = Path(f"/proc/{pid}")
        tasks = list((folder / "task").iterdir())
        children = [child for task in tasks for child in (task / "children").read_text().split()]
        memory = int((folder / "statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
        values = (memory, len(os.listdir(folder / "fd")), len(tasks), len(children))
        noted |= {f"{name} {kind}": value for kind, value in zip(KINDS, values, strict=True)}
    return noted


def shown(noted: dict[str, int]) -> str:
    return ", ".join(f"{name} {said(name, value)}" for name, value in noted.items())


def said(name: str, value: float) -> str:
    return f"{value / 1e6:.1f} MB" if name.endswith("memory") else f"{value:.0f}"


def compare(noted: list[dict[str, int]], growth: float) -> int:
    """Print what the middle and the last third of the rounds needed, and return 1 where anything grew."""
    third, grew = len(noted) // 3, False
    print(f"{len(noted)} rounds; median of the middle and of the last third:")
    for name in noted[0]:
        middle = statistics.median(each[name] for each in noted[third : 2 * third])
        last = statistics.median(each[name] for each in noted[2 * third :])
        more = last - middle > (growth * 1e6 if name.endswith("memory") else 0)
        grew |= more
        print(f"  {name:<18} {said(name, middle):>10} {said(name, last):>10}  {'GROWS' if more else 'flat'}")
    return int(grew)


if __name__ == "__main__":
    sys.exit(main())
