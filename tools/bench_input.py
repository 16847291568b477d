"""Measure how soon the window answers a person while a trainer takes all cores.

    python tools/bench_input.py [--env snake] [--count 60] [--size 1366x768]

`train` runs in a process of its own, as a person starts it, and `watch` beside it, under Xvfb.  Real input events
(xdotool) move the mouse onto a button and off it, press H, which opens the keys and closes them, and click on *Pause*
and *Resume*.  The screen's memory is watched for the answer: the button's glow, the keys over everything, and the word
beside the run's name: first "pausing", which is the window's, and then what the trainer answered.

F takes the watched environment over, and Esc goes back: until the first frame of the branch, which the person's next
key steers, at first beside the trainer in `watch` and then in `replay`, near a recording's end.  The first time, in
which a game's code is compiled while the window says so, stands apart.
"""

import argparse
import contextlib
import mmap
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import numpy as np
from screenshots import save, screenless

from puffer_arena.core.fields import Array
from puffer_arena.live.address import read_address
from puffer_arena.registry import load_env
from puffer_arena.render.draw.palette import color

PATIENCE = 300.0  # seconds for trainer and window to appear
ANSWER = 20.0  # seconds until an event counts as not answered
LOOK = 0.001  # seconds between looks at the screen
SETTLING = 5.0  # seconds of training before the first event: a window that has just come draws at once and often
BUTTON = (54, 295)  # pixels from the panel's left and the window's top to the button that pauses
KINDS = ("the mouse on a button", "a key", "a button pressed", "pause, said by the window", "pause, by the trainer")
TAKING = ("taking over in watch", "taking over in replay")
WANTED, WANTED_TAKING = 100.0, 200.0  # milliseconds
NICENESS = -15


class Screen:
    """The X server's screen, read from its memory, with one xdotool that stays open for events."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        with (folder / "Xvfb_screen0").open("rb") as file:
            self._memory = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)
        header = np.frombuffer(self._memory, ">u4", 25)  # XWD's: https://www.x.org/archive/X11R7.5/doc/xwd
        offset, width, height, line = int(header[0] + 12 * header[19]), *(int(header[k]) for k in (4, 5, 12))
        pixels = np.frombuffer(self._memory, np.uint8, height * line, offset).reshape(height, line // 4, 4)
        self._pixels = pixels[:, :width, :3]
        self._hands = subprocess.Popen(["xdotool", "-"], stdin=subprocess.PIPE, env=environment, text=True)

    def cut(self, box: tuple[int, int, int, int]) -> Array:
        """Return a copy of a part of the screen."""
        left, top, right, bottom = box
        return self._pixels[top:bottom, left:right].copy()

    def save(self, path: Path) -> None:
        """Write the whole screen as a PNG."""
        save(self._pixels[:, :, ::-1], path)

    def do(self, line: str) -> None:
        """Make an event."""
        pipe: IO[str] | None = self._hands.stdin
        assert pipe is not None  # asked for above
        pipe.write(line + "\n")
        pipe.flush()

    def time(self, line: str, box: tuple[int, int, int, int], patience: float = ANSWER) -> float:
        """Make an event and return the milliseconds until a part of the screen has changed; infinite without."""
        before, begun = self.cut(box), time.perf_counter()
        self.do(line)
        while (took := time.perf_counter() - begun) < patience:
            if not np.array_equal(self.cut(box), before):
                return 1000 * took
            time.sleep(LOOK)
        return float("inf")

    def settle(self, box: tuple[int, int, int, int]) -> None:
        """Wait until a part of the screen stays as it is for a second; `changed` is when it did so last."""
        before, self.changed = self.cut(box), time.perf_counter()
        while time.perf_counter() < self.changed + 1.0:
            time.sleep(LOOK)
            if not np.array_equal(now := self.cut(box), before):
                before, self.changed = now, time.perf_counter()

    def close(self) -> None:
        """Let go of the events."""
        self._hands.terminate()
        self._hands.wait()


@contextmanager
def started(command: list[str], environment: dict[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program in a session of its own, as a terminal of its own would."""
    with log.open("wb") as file:  # in its folder, so that branches are recorded there
        process = subprocess.Popen(
            command, env=environment, stdout=file, stderr=file, start_new_session=True, cwd=log.parent
        )
    try:
        yield process
    finally:
        process.terminate()
        process.wait()


def await_run(run: Path, trainer: subprocess.Popen[bytes]) -> None:
    """Wait until the trainer can be watched, and has learned for the first time."""
    deadline = time.monotonic() + PATIENCE
    while not (run.is_dir() and read_address(run) and (run / "metrics.jsonl").exists()):
        if trainer.poll() is not None or time.monotonic() > deadline:
            sys.exit("the trainer did not begin")
        time.sleep(0.2)


def find_window(pid: int, environment: dict[str, str]) -> tuple[int, int, int, int]:
    """Wait for the window, give it the keyboard and return its place on the screen: left, top, width, height."""
    found = tell(environment, "search", "--sync", "--onlyvisible", "--pid", str(pid)).split()[-1]
    tell(environment, "windowmap", "--sync", found)  # it cannot have the keyboard before it is there
    while subprocess.run(
        ["xdotool", "windowfocus", "--sync", found], env=environment, stderr=subprocess.DEVNULL
    ).returncode:
        time.sleep(1.0)  # it is not to be seen yet
    told = dict(line.split("=") for line in tell(environment, "getwindowgeometry", "--shell", found).split())
    return int(told["X"]), int(told["Y"]), int(told["WIDTH"]), int(told["HEIGHT"])


def tell(environment: dict[str, str], *arguments: str) -> str:
    """Run xdotool and return what it says."""
    command = ["xdotool", *arguments]
    return subprocess.run(command, env=environment, check=True, capture_output=True, text=True, timeout=PATIENCE).stdout


def await_picture(screen: Screen, word: tuple[int, int, int, int]) -> None:
    """Wait until the window shows the training: beside the run's name it says so, in a colour of its own."""
    deadline, lime = time.monotonic() + PATIENCE, np.array(color("lime")[::-1], np.uint8)
    while not (screen.cut(word) == lime).all(axis=2).any():
        if time.monotonic() > deadline:
            sys.exit("the window did not show the training")
        time.sleep(0.2)
    time.sleep(SETTLING)


def measure(screen: Screen, window: tuple[int, int, int, int], count: int) -> dict[str, list[float]]:
    """Make events one after the other, at odd times, and return what each took, in milliseconds, by kind."""
    left, top, width, height = window
    word = word_box(window)
    await_picture(screen, word)
    x, y = left + panel_left(width) + BUTTON[0], top + BUTTON[1]
    button = x - 20, y - 8, x - 8, y + 8
    corner = left + 2, top + height // 2, left + 6, top + height // 2 + 40
    times: dict[str, list[float]] = {kind: [] for kind in KINDS}
    for _ in range(count):
        for line in (f"mousemove {x} {y}", f"mousemove {x} {top + height - 4}"):
            times[KINDS[0]].append(screen.time(line, button))
            rest()
        for _ in range(2):
            times[KINDS[1]].append(screen.time("key h", corner))
            rest()
    screen.do(f"mousemove {x} {y}")
    for _ in range(count):
        rest()
        times[KINDS[2]].append(screen.time("mousedown 1", button))
        before = time.perf_counter()
        times[KINDS[3]].append(screen.time("mouseup 1", word))
        screen.settle(word)
        times[KINDS[4]].append(1000 * (screen.changed - before))
    return times


def measure_taking(screen: Screen, window: tuple[int, int, int, int], count: int) -> tuple[float, list[float]]:
    """Take over and go back, again and again; return what it took the first time and later, in milliseconds."""
    word = word_box(window)
    before, took = screen.cut(word), []
    for k in range(count + 1):
        took.append(screen.time("key f", word, ANSWER if k else PATIENCE))
        rest()
        screen.do("key Escape")
        deadline = time.monotonic() + ANSWER
        while not np.array_equal(screen.cut(word), before):
            if time.monotonic() > deadline:
                sys.exit("the window did not come back from a branch")
            time.sleep(LOOK)
        rest()
    return took[0], took[1:]


def record(env: str, path: Path) -> None:
    """Record some episodes of a game's bot."""
    bot = f"bot:{next(iter(load_env(env).bots))}"
    command = [sys.executable, "-m", "puffer_arena", "eval", env, bot, "--episodes", "8", "--record", str(path)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def panel_left(width: int) -> int:
    """Return where the side panel's content begins, as `Screen.draw` lays it out at scale 1."""
    return round(width - min(max(width * 0.26, 300), 400, width * 0.45))


def window_box(window: tuple[int, int, int, int]) -> tuple[int, int, int, int]:
    """Return the box of the whole window."""
    left, top, width, height = window
    return left, top, left + width, top + height


def word_box(window: tuple[int, int, int, int]) -> tuple[int, int, int, int]:
    """Return the box of the word that says what the trainer does."""
    left, top, width, _ = window
    return left + width - 120, top + 20, left + width - 20, top + 50


def come_first(*pids: int) -> None:
    """Put trainer, window and screen before other programs of this machine, all alike, and this command before them."""
    try:
        os.setpriority(os.PRIO_PROCESS, 0, NICENESS)
        for pid in (os.getpid(), *pids):  # each in a session of its own, among which Linux shares the processor
            Path(f"/proc/{pid}/autogroup").write_text(str(NICENESS))
    except OSError:
        print("without the right to a higher priority other programs' time is in the figures", file=sys.stderr)


def rest() -> None:
    """Let the window come to rest: a person's next event meets it at any moment of its pace."""
    time.sleep(random.uniform(1.0, 2.0))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--env", default="snake")
    parser.add_argument("--count", type=int, default=15, help="events of each kind, in pairs")
    parser.add_argument("--size", default="1366x768", help="of the screen")
    parser.add_argument("--picture", type=Path, help="where to write the screen as a PNG after measuring")
    options = parser.parse_args()
    width, _, height = options.size.partition("x")
    size = int(width), int(height)
    with contextlib.suppress(PermissionError):  # this command leads its group already
        os.setsid()
    with tempfile.TemporaryDirectory() as name, screenless(size, Path(name)) as environment:
        folder = Path(name)
        command = [sys.executable, "-m", "puffer_arena"]
        train = [
            *command,
            "train",
            options.env,
            "--runs-dir",
            name,
            "--name",
            "run",
            "--total-steps",
            "100_000_000_000",
        ]
        with started(train, environment, folder / "train.log") as trainer:
            await_run(folder / "run", trainer)
            with started([*command, "watch", str(folder / "run")], environment, folder / "watch.log") as watch:
                screen = Screen(folder, environment)
                try:
                    window = find_window(watch.pid, environment)
                    come_first(trainer.pid, watch.pid)
                    times = measure(screen, window, options.count)
                    first, times[TAKING[0]] = measure_taking(screen, window, options.count)
                    compiling = [first]
                    if options.picture:
                        screen.save(options.picture.resolve())
                finally:
                    screen.close()
        record(options.env, folder / "it.mcap")
        with started([*command, "replay", str(folder / "it.mcap")], environment, folder / "replay.log") as replay:
            screen = Screen(folder, environment)
            try:
                window = find_window(replay.pid, environment)
                come_first(replay.pid)
                screen.settle(window_box(window))
                for line in ("key End", "key shift+Left"):
                    screen.do(line)
                    rest()
                first, times[TAKING[1]] = measure_taking(screen, window, options.count)
                compiling.append(first)
            finally:
                screen.close()
    print(f"beside a training of {options.env}, {options.size}, load {os.getloadavg()[0]:.1f}")
    for kind, took in times.items():
        ordered = sorted(took)
        p95 = ordered[min(int(0.95 * len(ordered)), len(ordered) - 1)]
        wanted = WANTED_TAKING if kind in TAKING else WANTED
        print(
            f"  {kind}: median {statistics.median(took):.0f} ms, p95 {p95:.0f} ms of {len(took)} (wanted: {wanted:.0f})"
        )
    print(f"  the first time, with compiling: {', '.join(f'{took:.0f} ms' for took in compiling)}")


if __name__ == "__main__":
    main()
