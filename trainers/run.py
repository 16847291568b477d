"""A run's folder, and the loop that trains into it.

    runs/<id>/  config.json  lock  metrics.jsonl  checkpoints/<steps>.safetensors  tensorboard/

Nothing that goes wrong with the folder ends a run: it is said once and training goes on.
"""

import contextlib
import json
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from puffer_arena.core.errors import FileError, TrainingError, UnknownName
from puffer_arena.trainers.algorithms.algorithm import Algorithm
from puffer_arena.trainers.checkpoint import continued, restore_trainer, save_checkpoint
from puffer_arena.trainers.config import Config, from_dict, to_dict
from puffer_arena.trainers.runlog import MetricsFile, TensorBoard, find_checkpoints, held
from puffer_arena.trainers.tensorfile import write_bytes
from puffer_arena.trainers.trainer import make_trainer

FIRST_CHECKPOINT_SECONDS = 10.0
FOLDER = "the run folder"


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


@dataclass
class Callbacks:
    """What a caller of `train` may hook in."""

    on_start: Callable[[Algorithm], None] | None = None
    on_step: Callable[[Algorithm, int], None] | None = None  # after every step of a rollout; must be cheap
    on_update: Callable[[Algorithm, dict[str, float]], None] | None = None
    on_warning: Callable[[str], None] = field(default=_say)


class Run:
    """A run's folder; `warn` is told, once for each kind of trouble, what could not be written."""

    def __init__(self, folder: str | Path, warn: Callable[[str], None] = _say) -> None:
        self.folder, self.warn = Path(folder), warn
        self._metrics = MetricsFile(self.folder / "metrics.jsonl")
        self._tensorboard = TensorBoard(self.folder / "tensorboard")
        self._troubled: set[str] = set()
        self.save_requested = False

    @classmethod
    def create(
        cls,
        config: Config,
        root: str | Path = "runs",
        run_id: str | None = None,
        warn: Callable[[str], None] = _say,
    ) -> "Run":
        """Make a new folder below `root`; one that cannot be made is said and the run goes on without.

        Raises:
            TrainingError: `run_id` is there already.
        """
        name = run_id or f"{Path(config.env).stem}-{time.strftime('%Y%m%d-%H%M%S')}"
        folder = Path(root) / name
        for again in range(2, 1000):
            if not folder.exists():
                break
            if run_id is not None:
                raise TrainingError(f"run folder '{folder}' is there already; resume it or choose another name")
            folder = Path(root) / f"{name}-{again}"
        run = cls(folder, warn)
        run._attempt(FOLDER, lambda: (folder / "checkpoints").mkdir(parents=True))
        run._attempt("config.json", lambda: run.write_config(config))
        return run

    @classmethod
    def open(cls, folder: str | Path, warn: Callable[[str], None] = _say) -> "Run":
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
        """
        path = self.folder / "config.json"
        try:
            return from_dict(json.loads(path.read_text("utf-8")))
        except (OSError, ValueError, TypeError) as error:
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

    def save(self, trainer: Algorithm) -> bool:
        """Write a checkpoint and drop the oldest beyond `keep_checkpoints`; tell whether it is on the disk."""

        def write() -> None:
            folder = self.folder / "checkpoints"
            folder.mkdir(parents=True, exist_ok=True)
            save_checkpoint(folder / f"{trainer.steps:015d}.safetensors", trainer)

        if not self._attempt("checkpoints", write):
            return False
        for old in self.checkpoints()[: -trainer.config.keep_checkpoints]:
            self._attempt("old checkpoints", old.unlink)
        return True

    def log(self, metrics: dict[str, float]) -> None:
        """Write one update's metrics."""
        self._attempt("metrics.jsonl", lambda: self._metrics.write(metrics))
        if self._tensorboard.due():
            self._attempt("TensorBoard's events", lambda: self._tensorboard.write(metrics))

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

    def discard(self) -> None:
        """Remove the folder of a run that never began."""
        with contextlib.suppress(OSError):  # the folder stays where anything else lies in it
            (self.folder / "checkpoints").rmdir()
            if {path.name for path in self.folder.iterdir()} == {"config.json", "lock"}:
                for name in ("config.json", "lock"):
                    (self.folder / name).unlink()
                self.folder.rmdir()

    def close(self) -> None:
        """Close what is open."""
        self._tensorboard.close()


def train(config: Config, run: Run, callbacks: Callbacks | None = None, resume: bool = False) -> Algorithm:
    """Train until all steps are done, somebody calls `trainer.stop()`, or Ctrl-C; the last state is saved.

    Args:
        resume: go on from the run's newest checkpoint.

    Raises:
        TrainingError: the network or a loss is not finite, the run is of another config, or another process trains it.
        FileError: the checkpoint to resume from is damaged.
    """
    with held(run.folder):
        return _train(config, run, callbacks or Callbacks(), resume)


def _train(config: Config, run: Run, callbacks: Callbacks, resume: bool) -> Algorithm:
    run.warn = callbacks.on_warning
    trainer = resume_trainer(config, run) if resume else _begin(config, run)
    run._attempt("config.json", lambda: run.write_config(trainer.config))
    if callbacks.on_start is not None:
        callbacks.on_start(trainer)
    saved_at = trainer.updates
    next_save = time.monotonic() + min(FIRST_CHECKPOINT_SECONDS, 60 * config.checkpoint_minutes)
    with _interruptible(trainer):
        while not trainer.finished:
            metrics = trainer.update(callbacks.on_step)
            run.log(metrics)
            if callbacks.on_update is not None:
                callbacks.on_update(trainer, metrics)
            if run.save_requested or time.monotonic() >= next_save:
                run.save_requested = False
                next_save = time.monotonic() + 60 * config.checkpoint_minutes
                saved_at = trainer.updates if run.save(trainer) else saved_at
        if trainer.updates != saved_at:
            run.save(trainer)
    run.close()
    return trainer


def _begin(config: Config, run: Run) -> Algorithm:
    """Make a new run's trainer; the folder of one that cannot begin goes, or it would be the newest run."""
    try:
        return make_trainer(config)
    except BaseException:
        run.discard()
        raise


def resume_trainer(config: Config | None, run: Run) -> Algorithm:
    """Restore a run's newest checkpoint.

    Raises:
        TrainingError: the run has no checkpoint, or is of another environment or config.
        FileError: the checkpoint is damaged; the message names an older one that is not.
    """
    continued(run.config, config, f"run '{run.folder}'")
    found = run.checkpoints()
    if not found:
        raise TrainingError(f"run '{run.folder}' has no checkpoint to resume from; start a new run")
    try:
        trainer = restore_trainer(found[-1], config)
    except FileError as error:
        hint = f"; delete it to resume from '{found[-2].name}'" if len(found) > 1 else ""
        raise FileError(f"{error}{hint}") from None
    if trainer.inexact_rows:
        run.warn(
            f"{trainer.inexact_rows} of {trainer.config.num_envs} rows cannot be played up to where they were, as on "
            "another kind of processor or another version of their engine: they go on from there, but not to the bit"
        )
    run.resume_log(trainer.updates)
    return trainer


@contextlib.contextmanager
def _interruptible(trainer: Algorithm) -> Iterator[None]:
    """Let Ctrl-C, a termination request or the terminal's end stop the run after the present update.

    A second Ctrl-C ends it at once.  The terminal's end stays ignored where `nohup` had it so.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def ask(number: int, frame: Any) -> None:
        trainer.stop()
        signal.signal(signal.SIGINT, signal.default_int_handler)

    asking = [signal.SIGINT, signal.SIGTERM]
    if sys.platform != "win32" and signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:
        asking.append(signal.SIGHUP)
    old = {number: signal.signal(number, ask) for number in asking}
    try:
        yield
    finally:
        for number, handler in old.items():
            signal.signal(number, handler)
