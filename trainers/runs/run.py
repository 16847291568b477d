"""A run's folder.

    runs/<id>/  config.json  lock  metrics.jsonl  checkpoints/<steps>.safetensors  tensorboard/

Nothing that goes wrong with the folder ends a run: it is said once and training goes on.  A folder that is deleted
meanwhile is made again, with all that belongs into it, by the next checkpoint.
"""

import contextlib
import json
import re
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from puffer_arena.errors import ArenaError, FileError, ParameterError, TrainingError, UnknownName
from puffer_arena.machine.files import write_bytes
from puffer_arena.registry import env_name
from puffer_arena.trainers.algorithms import check_named
from puffer_arena.trainers.algorithms.algorithm import Algorithm
from puffer_arena.trainers.config import Config, from_dict, to_dict
from puffer_arena.trainers.runs.checkpoint import save_checkpoint
from puffer_arena.trainers.runs.log import Lock, MetricsFile, TensorBoard, find_checkpoints
from puffer_arena.trainers.runs.tensorfile import read_bytes
from puffer_arena.trainers.runs.trackers import Tracker

FOLDER = "the run folder"
RESERVED = ("newest",)  # what stands for runs on the command line
MAX_NAME = 100  # characters; file systems take 255 bytes
# What a write that was killed leaves behind, in the folder itself and among the checkpoints.
LEFTOVER = re.compile(r"\..+\.\d+\.tmp|\.live\.json\.\d+")


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


class Run:
    """A run's folder; `warn` is told, once for each kind of trouble, what could not be written."""

    def __init__(self, folder: str | Path, warn: Callable[[str], None] = say) -> None:
        self.folder, self.warn = Path(folder), warn
        self._metrics = MetricsFile(self.folder / "metrics.jsonl")
        self._tensorboard = TensorBoard(self.folder / "tensorboard")
        self._trackers: list[Tracker] = []
        self._troubled: set[str] = set()
        self.lock = Lock(self.folder)
        self.save_requested = False
        self._written: Config | None = None  # the config that is in the folder, as far as this process has written it
        self.saved_updates = -1  # of the newest checkpoint that this process wrote or read
        self.stopped_by = ""  # who asked training to stop before its end, in words

    @classmethod
    def create(
        cls,
        config: Config,
        root: str | Path = "runs",
        run_id: str | None = None,
        warn: Callable[[str], None] = say,
    ) -> "Run":
        """Make a new folder below `root`; one that cannot be made is said and the run goes on without.

        Raises:
            ParameterError: `run_id` is no name for a folder below `root`.
            TrainingError: `run_id` is there already.
        """
        if run_id is not None:
            check_run_name(run_id)
        name = run_id or f"{re.sub(r'[:/=]', '-', env_name(config.env))[:MAX_NAME]}-{time.strftime('%Y%m%d-%H%M%S')}"
        folder = Path(root) / name
        for again in range(2, 1000):
            if not folder.exists() or (run_id is not None and not has_begun(folder)):
                break
            if run_id is not None:
                raise TrainingError(f"run folder '{folder}' is there already; resume it or choose another name")
            folder = Path(root) / f"{name}-{again}"
        run = cls(folder, warn)
        run._attempt(FOLDER, lambda: (folder / "checkpoints").mkdir(parents=True, exist_ok=True))
        run._attempt("config.json", lambda: run.write_config(config))
        return run

    @classmethod
    def open(cls, folder: str | Path, warn: Callable[[str], None] = say) -> "Run":
        """Open a run's folder.

        Raises:
            UnknownName: there is no such run.
        """
        if not (Path(folder) / "config.json").is_file():
            raise UnknownName(f"'{folder}' is no run folder: it has no config.json")
        return cls(folder, warn)

    @property
    def config(self) -> Config:
        """The resolved config.

        Raises:
            FileError: config.json is damaged.
            ParameterError: its algorithm is a file that nobody has named.
        """
        path = self.folder / "config.json"
        try:
            settings = json.loads(read_bytes(path))
        except (ValueError, RecursionError) as error:
            raise FileError(f"'{path}' is damaged: {error}") from None
        check_named(settings, f"run '{self.folder}'", str(self.folder))
        try:
            return from_dict(settings)
        except (ArenaError, ValueError, TypeError, RecursionError) as error:
            raise FileError(f"'{path}' is damaged: {error}") from None

    def checkpoints(self) -> list[Path]:
        """Return the checkpoints, oldest first."""
        return find_checkpoints(self.folder)

    def write_config(self, config: Config) -> None:
        """Write config.json.

        Raises:
            OSError: the folder cannot be written.
        """
        write_bytes(self.folder / "config.json", json.dumps(to_dict(config), indent=2).encode())
        self._written = config

    def begin(self, config: Config) -> None:
        """Write config.json, if that can be, and tell trackers what the run is."""
        self._attempt("config.json", lambda: self.write_config(config))
        for tracker in self._trackers:
            tracker.begin(to_dict(config))

    def save(self, trainer: Algorithm) -> bool:
        """Write a checkpoint and drop the oldest beyond `keep_checkpoints`; tell whether it is on the disk."""

        def write() -> None:
            folder = self.folder / "checkpoints"
            folder.mkdir(parents=True, exist_ok=True)
            self.lock.renew()
            save_checkpoint(folder / f"{trainer.steps:015d}.safetensors", trainer)
            if trainer.config is not self._written or not (self.folder / "config.json").exists():
                self.write_config(trainer.config)  # a person may have changed the curriculum

        if not self._attempt("checkpoints", write):
            return False
        self.saved_updates = trainer.updates
        for old in self.checkpoints()[: -trainer.config.keep_checkpoints]:
            self._attempt("old checkpoints", old.unlink)
        return True

    def log(self, metrics: dict[str, float]) -> None:
        """Write one update's metrics."""
        self._attempt("metrics.jsonl", lambda: self._metrics.write(metrics))
        if self._tensorboard.due():
            self._attempt("TensorBoard's events", lambda: self._tensorboard.write(metrics))
        for tracker in self._trackers:
            tracker.write(metrics)

    def track(self, names: Iterable[str]) -> None:
        """Have some trackers, by their names in `trackers.TRACKERS`, follow the run.

        Raises:
            UnknownName: no such tracker.
        """
        self._trackers = [Tracker(name, self.folder, lambda text: self.warn(text)) for name in names]

    def resume_log(self, updates: int) -> None:
        """Drop metrics that a resumed run will write again."""
        self._attempt("metrics.jsonl", lambda: self._metrics.cut_after(updates))

    def _attempt(self, what: str, action: Callable[[], Any]) -> bool:
        """Do something with the folder; say the first failure and the first success after it."""
        try:
            action()
        except OSError as error:
            # One word about a folder that is not there stands for all that cannot be put into it.
            said = bool(self._troubled & {what, FOLDER})
            self._troubled.add(what)
            if not said:
                reason = error.strerror or str(error)
                self.warn(f"cannot write {what} in '{self.folder}': {reason}; training goes on without")
            return False
        if what in self._troubled:
            self._troubled -= {what, FOLDER}
            self.warn(f"{what} can be written again")
        return True

    def clear_leftovers(self) -> None:
        """Remove what killed writes left behind; for who holds the lock."""
        for folder in (self.folder, self.folder / "checkpoints"):
            for path in folder.glob(".*"):
                if LEFTOVER.fullmatch(path.name):
                    with contextlib.suppress(OSError):  # it takes some room, no more
                        path.unlink()

    def discard(self) -> None:
        """Remove the folder of a run that never began."""
        with contextlib.suppress(OSError):  # the folder stays where anything else lies in it
            (self.folder / "checkpoints").rmdir()
            if {path.name for path in self.folder.iterdir()} == {"config.json", "lock"}:
                for name in ("config.json", "lock"):
                    (self.folder / name).unlink()
                self.folder.rmdir()

    def show(self, video: Path, steps: int) -> None:
        """Show a video of episodes where trackers follow the run."""
        for tracker in self._trackers:
            tracker.show(video, steps)

    def close(self, env: str = "") -> None:
        """Close what is open; trackers keep the newest checkpoint, and where the environment is given its bot."""
        self._tensorboard.close()
        newest = next(reversed(self.checkpoints()), None)
        bot = self._write_bot(newest, env) if self._trackers and newest and env else None
        for tracker in self._trackers:
            tracker.close(newest, bot)

    def _write_bot(self, policy: Path, env: str) -> Path | None:
        """Write the bot of a checkpoint into the folder; one that cannot be made is said."""
        from puffer_arena.trainers.export.bot import export_file

        path = self.folder / "policy.bot"
        try:
            data = export_file(policy, env)
        except ArenaError as error:
            self.warn(f"trackers get no bot: {error}")
            return None
        return path if self._attempt("policy.bot", lambda: write_bytes(path, data)) else None


def has_begun(folder: Path) -> bool:
    """Tell whether a folder holds anything of a run: one that was killed before it wrote its config left only folders."""
    return not folder.is_dir() or any(
        path.is_file() and not LEFTOVER.fullmatch(path.name) for path in folder.rglob("*")
    )


def check_run_name(name: str) -> None:
    """Check that a name means a folder of its own below the runs folder, everywhere.

    Raises:
        ParameterError: it does not.
    """
    plain = re.fullmatch(r"[^\W_][\w .+=,@()-]*", name) and not name.endswith((" ", "."))
    if name in RESERVED or not plain or len(name) > MAX_NAME:
        shown = name if len(name) <= 40 else f"{name[:40]}..."
        raise ParameterError(
            f"a run cannot be named {shown!r}; a name is one word or more for a folder below the runs folder: up to "
            f"{MAX_NAME} letters, digits, spaces and _.+=,@()- that begin with a letter or digit, and not 'newest'"
        )
