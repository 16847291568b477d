"""Measure replays: what recording costs, how large files are, how fast they open, seek, verify and are drawn.

    python tools/bench_replay.py            # all figures, some two minutes
    python tools/bench_replay.py cost       # one of: cost, size, open, verify, window
    python tools/bench_replay.py --own-time # opening, seeking and verifying by the processor's time, beside other programs

Figures that depend on the machine are ratios of two measurements made in turn by this command.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from puffer_arena import make
from puffer_arena.replay.reader import Replay
from puffer_arena.replay.truth import verify
from puffer_arena.replay.writer import Writer

HOUR = 3600
ROWS = 16
PAIRS = 9
CLOCK = time.process_time if "--own-time" in sys.argv else time.perf_counter  # what reading and verifying are timed by


def written(folder: Path, env_id: str, steps: int, rows: int = 1, states: bool = True) -> Path:
    """Record a game played by its bot and return the file."""
    path = folder / f"{env_id}-{steps}-{rows}-{states}.mcap"
    if not path.exists():
        with make(env_id, rows, seed=1) as batch, Writer(batch, path, states=states, clock=lambda: 0.0):
            bot = next(iter(batch.env.bots))
            for _ in range(steps):
                batch.step(batch.act(bot))
    return path


def measure_cost(folder: Path) -> None:
    """Compare training updates that are recorded with others, in turn."""
    from puffer_arena.cli.recording import Record, RunRecorder
    from puffer_arena.trainers.config import load_config
    from puffer_arena.trainers.trainer import make_trainer

    trainer: Any = make_trainer(load_config("snake"))
    recorder = RunRecorder(trainer, folder, Record(on=True, rows=ROWS, every="0s"), print)
    step, times = trainer.batch.step, {False: [], True: []}  # type: ignore[var-annotated]

    def update(recorded: bool) -> float:
        t = [0]

        def stepped(actions: Any, out: Any = None) -> Any:
            made = step(actions, out)
            if recorded:
                recorder.on_step(trainer, t[0])
                t[0] += 1
            return made

        trainer.batch.step = stepped
        begun = time.perf_counter()
        trainer.update()
        return time.perf_counter() - begun

    update(False)
    for _ in range(PAIRS):
        for recorded in (False, True):
            times[recorded].append(update(recorded))
            recorder.close()
    trainer.batch.step = step
    trainer.close()
    ratio = statistics.median(b / a for a, b in zip(times[False], times[True], strict=True))
    print(f"recording {ROWS} rows of snake: a training update takes {ratio:.3f} times as long (wanted: 1.03)")


def measure_size(folder: Path) -> None:
    """Weigh an hour of snake at 60 steps a second."""
    path = written(folder, "snake", 60 * HOUR)
    print(f"an hour of snake at 60 Hz: {path.stat().st_size / 1e6:.1f} MB (wanted: 20)")
    for env_id in ("lander", "walker", "marble"):
        part = written(folder, env_id, 3000)
        with Replay(part) as replay:
            hours = replay.steps / replay.header.steps_per_second / HOUR
        print(f"an hour of {env_id} at its natural speed: {part.stat().st_size / hours / 1e6:.0f} MB")


def measure_open(folder: Path) -> None:
    """Time opening an hour's file, and seeks in it and in physics."""
    path = written(folder, "snake", 60 * HOUR)
    begun = CLOCK()
    Replay(path).close()
    print(f"a file of an hour opens in {CLOCK() - begun:.2f} s (wanted: 1)")
    rng = np.random.default_rng(1)
    for env_id, steps, wanted in (("snake", 60 * HOUR, 50), ("walker", 3000, 50), ("marble", 3000, 200)):
        with Replay(written(folder, env_id, steps)) as replay:
            times = []
            for step in rng.integers(replay.steps + 1, size=100).tolist():
                replay.forget()
                begun = CLOCK()
                replay.frame(step)
                times.append(1000 * (CLOCK() - begun))
        print(
            f"a seek in {env_id}: median {statistics.median(times):.1f} ms, longest {max(times):.1f} (wanted: {wanted})"
        )


def measure_verify(folder: Path) -> None:
    """Time verifying against natural speed."""
    for env_id in ("lander", "snake"):
        path = written(folder, env_id, 6000)
        verify(path)  # compiles
        begun = CLOCK()
        report = verify(path)
        took = CLOCK() - begun
        with Replay(path) as replay:
            played = replay.steps / replay.header.steps_per_second
        print(
            f"verifying {env_id}: {played / took:.0f} times real time, {report.difference or 'the same'} (wanted: 100)"
        )


WINDOW = """
import sys, time
from puffer_arena.render.display import begin_opengl
begin_opengl()
from puffer_arena.render.replay.screen import ReplayScreen
from puffer_arena.render.replay.source import ReplaySource
from puffer_arena.replay.reader import Replay

frames, begun = 0, 0.0

def look(screen):
    global frames, begun
    frames += 1
    if frames == 30:
        screen.replay.send("view_resume")
        begun = time.process_time()
    if frames == 330:
        print(300 / (time.process_time() - begun))
        screen.gui.closing = True
    screen._pace.touch(time.perf_counter())

# Time passes by a sixtieth of a second a frame, as on a machine that keeps up.
screen = ReplayScreen(ReplaySource([Replay(sys.argv[1])], lambda: frames / 60), (1280, 720))
screen.run(look)
screen.close()
"""


def measure_window(folder: Path) -> None:
    """Count frames for a second of processor time, in software, with four rows on screen."""
    for env_id in ("snake", "lander", "tag"):
        path = written(folder, env_id, 1500, 4)
        command = ["xvfb-run", "-a", "-s", "-screen 0 1280x800x24", sys.executable, "-c", WINDOW, str(path)]
        done = subprocess.run(command, capture_output=True, text=True, check=True, env=dict(os.environ))
        print(f"the viewer, 4 rows of {env_id} at 1280x720: {float(done.stdout):.0f} frames/s (wanted: 60)")


MEASURES: dict[str, Callable[[Path], None]] = {
    "cost": measure_cost,
    "size": measure_size,
    "open": measure_open,
    "verify": measure_verify,
    "window": measure_window,
}


def main() -> None:
    """Measure what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("figures", nargs="*", choices=[*MEASURES, []], help="all by default")
    parser.add_argument("--own-time", action="store_true", help="time by the processor's time of this process")
    chosen = parser.parse_args().figures or list(MEASURES)
    with tempfile.TemporaryDirectory() as folder:
        for name in chosen:
            MEASURES[name](Path(folder))


if __name__ == "__main__":
    main()
