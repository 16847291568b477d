"""Kill a process before each step that it does on the disk, start it again, and tell what comes of it.

python killed.py TASK FOLDER [EVERY]: prints a line for each stage, or every so many, `STAGE what it was about to do: what
came of it`.  A stage is a file opened for writing, brought to the disk, renamed or removed.  Each runs in a fork, which has
all that is imported.
"""

import hashlib
import os
import signal
import sys
from collections.abc import Callable
from contextlib import redirect_stdout, suppress
from pathlib import Path
from typing import Any

os.environ["OMP_NUM_THREADS"] = "1"  # threads do not live on in a fork

import numpy as np

from puffer_arena import load_bot, make
from puffer_arena.cli.people import add_round, read_legs, read_rounds
from puffer_arena.datasets import read_dataset, write_dataset
from puffer_arena.datasets import record as record_episodes
from puffer_arena.errors import FileError
from puffer_arena.players import chance
from puffer_arena.replay.reader import Replay
from puffer_arena.replay.writer import Writer

SETTINGS = {"num_envs": 2, "threads": 1, "ppo.horizon": 8, "ppo.minibatches": 1, "network.hidden": (4,)}
UPDATE, UPDATES = 16, 3
NEVER = 1 << 30
CORPUS = Path(__file__).parent / "corpus"


def train(folder: Path) -> str:
    """Train, or go on where a run has begun; return a digest of what was learned."""
    import puffer_arena
    from puffer_arena.trainers.runs.checkpoint import load_checkpoint

    kept = folder / "run"
    begun = (kept / "config.json").exists()
    given = {**SETTINGS, "checkpoint_minutes": 0.0}
    puffer_arena.train("cartpole", total_steps=UPDATE * UPDATES, settings=given, folder=kept, resume=begun)
    newest = max((kept / "checkpoints").glob("*.safetensors"))
    assert not list(kept.rglob(".*tmp"))  # what the killed process left beside has been cleared
    tensors, _, _ = load_checkpoint(newest)
    learned = b"".join(tensors[name].numpy().tobytes() for name in sorted(tensors) if name.startswith("policy/"))
    return f"{newest.stem} steps, {hashlib.sha256(learned).hexdigest()[:12]}"


def record(folder: Path) -> str:
    """Record; what an earlier try has left is opened first."""
    with suppress(FileError, FileNotFoundError), Replay(folder / "0.mcap") as before:
        before.frame(before.steps)
    path = folder / f"{len(list(folder.glob('*.mcap')))}.mcap"
    with make("cartpole", 2, seed=1, compiled=False) as batch, Writer(batch, path) as writer:
        for t in range(12):
            batch.step(np.full(2, t % 2))
            if t % 4 == 3:
                writer.flush()
    with Replay(path) as replay:
        return f"{replay.steps} steps"


def export(folder: Path) -> str:
    """Write a bot into the place of another: what stands there is one of them, whole."""
    from puffer_arena.__main__ import main as command_line

    path = folder / "a.bot"
    if path.exists():
        load_bot(path).check()
    else:
        path.write_bytes((CORPUS / "bot" / "sound").read_bytes())
    learned = folder.parent / "learned"
    if not learned.exists():
        train(learned)
    assert command_line(["export", str(learned / "run"), "-o", str(path), "--episodes", "0"]) == 0
    return f"{hashlib.sha256(path.read_bytes()).hexdigest()[:12]}, parity {load_bot(path).check() < 1e-5}"


def dataset(folder: Path) -> str:
    """Write a dataset, where there is none: a folder that is there is whole."""
    path = folder / "data"
    if not path.exists():
        write_dataset(record_episodes("cartpole", [chance(1)], 2), path)
    return f"{hashlib.sha256(read_dataset(path, 'cartpole').observations.tobytes()).hexdigest()[:12]}"


def rounds(folder: Path) -> str:
    """Keep three rounds that somebody played, one after the other, from the first that is missing on."""
    path = folder / "rounds.json"
    for k in range(len(read_rounds(path).get("tag", [])), 3):
        add_round(path, "tag", ["human", "arena:tag"], [1.0, 2.0 + k], {("arena:tag", 1): float(k)})
    return str([places for _, places in read_rounds(path)["tag"]] + [*read_legs(path)["tag"].values()])


TASKS: dict[str, Callable[[Path], str]] = {
    "train": train,
    "record": record,
    "export": export,
    "dataset": dataset,
    "rounds": rounds,
}


def kill_at(stage: int) -> Callable[[str], None]:
    """Have this process killed before its step on the disk with a number; returns what to call before each."""
    steps = 0

    def step(what: str) -> None:
        nonlocal steps
        steps += 1
        if steps == stage:
            os.write(2, f"{what}\n".encode())
            os.kill(os.getpid(), signal.SIGKILL)

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open" and isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR):
            step(f"open {Path(str(arguments[0])).name}")
        elif event in ("os.rename", "os.remove"):
            step(f"{event} {Path(str(arguments[0])).name}")

    sys.addaudithook(hook)
    sync = os.fsync
    os.fsync = lambda handle: (step("fsync"), sync(handle))[1]  # type: ignore[assignment]
    return step


def in_fork(task: str, folder: Path, stage: int) -> tuple[int, str]:
    """Do a task in a fork; return its exit status and what it said."""
    reading, writing = os.pipe()
    pid = os.fork()
    if not pid:
        os.dup2(writing, 2)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        kill_at(stage)
        said = TASKS[task](folder)
        os.write(2, f"= {said}".encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, encoding="utf-8", errors="replace") as file:
        said = file.read()
    return os.waitpid(pid, 0)[1], said.strip().splitlines()[-1].removeprefix("= ") if said.strip() else ""


def main(task: str, place: str, every: str = "1") -> None:
    with open(os.devnull, "w") as nowhere, redirect_stdout(nowhere):
        wanted = TASKS[task](new_folder(place, 0))  # and imports and compiles what the forks need
    stage = 1 - int(every)
    while True:
        stage += int(every)
        folder = new_folder(place, stage)
        code, at = in_fork(task, folder, stage)
        if code == 0:
            break
        assert os.WIFSIGNALED(code) and os.WTERMSIG(code) == signal.SIGKILL, at
        code, said = in_fork(task, folder, NEVER)
        print(f"{stage} {at}: {'recovered' if (code, said) == (0, wanted) else said}", flush=True)


def new_folder(place: str, stage: int) -> Path:
    folder = Path(place) / str(stage)
    folder.mkdir(parents=True)
    return folder


if __name__ == "__main__":
    main(*sys.argv[1:])
