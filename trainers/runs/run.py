"""A run's folder, and the loop that trains into it.

    runs/<id>/  config.json  lock  metrics.jsonl  checkpoints/<steps>.safetensors  tensorboard/

Nothing that goes wrong with the folder ends a run: it is said once and training goes on.  A folder that is deleted
meanwhile is made again, with all that belongs into it, by the next checkpoint.
"""

import contextlib
import json
import re
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from puffer_arena.batch.workers.watchdog import watchdog
from puffer_arena.errors import ArenaError, FileError, ParameterError, TrainingError, UnknownName
from puffer_arena.machine.files import write_bytes
from puffer_arena.registry import env_name, is_edited
from puffer_arena.trainers.algorithms import check_named
from puffer_arena.trainers.algorithms.algorithm import Algorithm
from puffer_arena.trainers.config import Config, from_dict, to_dict
from puffer_arena.trainers.networks.policy import MakeEncoder
from puffer_arena.trainers.runs.checkpoint import continued, load_checkpoint, make_restored, save_checkpoint
from puffer_arena.trainers.runs.log import Lock, MetricsFile, TensorBoard, find_checkpoints
from puffer_arena.trainers.runs.tensorfile import read_bytes
from puffer_arena.trainers.runs.trackers import Tracker
from puffer_arena.trainers.trainer import make_trainer

FIRST_CHECKPOINT_SECONDS = 10.0
FOLDER = "the run folder"
STOPPED_BY = {"SIGINT": "by Ctrl-C", "SIGTERM": "by a request to terminate", "SIGHUP": "by its terminal's end"}
RESERVED = ("newest",)  # what stands for runs on the command line
MAX_NAME = 100  # characters; file systems take 255 bytes
# What a write that was killed leaves behind, in the folder itself and among the checkpoints.
LEFTOVER = re.compile(r"\..+\.\d+\.tmp|\.live\.json\.\d+")


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


@dataclass
class Callbacks:
    """What a caller of `train` may hook in."""

    on_start: Callable[[Algorithm], None] | None = None
    on_step: Callable[[Algorithm, int], None] | None = None  # after every step of a rollout; must be cheap
    on_update: Callable[[Algorithm, dict[str, float]], None] | None = None
    on_warning: Callable[[str], None] = field(default=_say)
    on_save: Callable[[Algorithm], None] | None = None  # after every checkpoint that is on the disk


class Run:
    """A run's folder; `warn` is told, once for each kind of trouble, what could not be written."""

    def __init__(self, folder: str | Path, warn: Callable[[str], None] = _say) -> None:
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
        warn: Callable[[str], None] = _say,
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


def train(
    config: Config,
    run: Run,
    callbacks: Callbacks | None = None,
    resume: bool = False,
    make_encoder: MakeEncoder | None = None,
) -> Algorithm:
    """Train until all steps are done, somebody calls `trainer.stop()`, or Ctrl-C; the last state is saved.

    Whether it is on the disk tells `run.saved_updates`: it equals `trainer.updates` then.

    Args:
        resume: go on from the run's newest checkpoint; where none was saved yet, begin anew.
        make_encoder: see `Algorithm`.

    Raises:
        TrainingError: the network or a loss is not finite, the run is of another config, or another process trains it.
        FileError: the checkpoint to resume from is damaged.
    """
    with run.lock, watchdog():
        return _train(config, run, callbacks or Callbacks(), resume, make_encoder)


def _train(config: Config, run: Run, callbacks: Callbacks, resume: bool, make_encoder: MakeEncoder | None) -> Algorithm:
    run.warn = callbacks.on_warning
    run.clear_leftovers()
    if resume and not run.checkpoints():
        run.warn(f"nothing of run '{run.folder}' was saved before it ended: it begins anew")
        continued(run.config, config, f"run '{run.folder}'")
        run.resume_log(0)
        resume = False
    trainer = resume_trainer(config, run, make_encoder) if resume else _begin(config, run, make_encoder)
    run._attempt("config.json", lambda: run.write_config(trainer.config))
    for tracker in run._trackers:
        tracker.begin(to_dict(trainer.config))
    if callbacks.on_start is not None:
        callbacks.on_start(trainer)
    begun_at = trainer.updates
    next_save = time.monotonic() + min(FIRST_CHECKPOINT_SECONDS, 60 * config.checkpoint_minutes)
    with _interruptible(trainer, run):
        while not trainer.finished:
            metrics = trainer.update(callbacks.on_step)
            run.log(metrics)
            if callbacks.on_update is not None:
                callbacks.on_update(trainer, metrics)
            if trainer.failure is not None:
                _save(run, trainer, callbacks)
                run.close()
                raise trainer.failure
            if _decide(trainer, run.save_requested or time.monotonic() >= next_save):
                run.save_requested = False
                next_save = time.monotonic() + 60 * config.checkpoint_minutes
                _save(run, trainer, callbacks)
        if trainer.updates not in (begun_at, run.saved_updates) and not _save(run, trainer, callbacks):
            run.warn(f"the last state, after {trainer.steps} steps, is NOT saved: it cannot be written")
    run.close(config.env)
    return trainer


def _decide(trainer: Algorithm, saves: bool) -> bool:
    """Have all processes of a run stop, save and learn as the first one does; tell whether it saves."""
    if trainer.nodes.size == 1:
        return saves
    stops, saved, rate = trainer.nodes.decide([trainer.finished, saves, trainer.learning_rate])
    trainer.learning_rate = rate
    if stops:
        trainer.stop()
    return bool(saved)


def follow(config: Config, run: Run, resume: bool = False, make_encoder: MakeEncoder | None = None) -> None:
    """Train beside the first process of a run, which keeps its folder, until that one has done.

    Raises:
        ArenaError: see `train`.
    """
    for number in (signal.SIGINT, signal.SIGTERM):  # the first process says when to stop
        signal.signal(number, signal.SIG_IGN)
    if resume and run.checkpoints():
        path = _newest(run)
        trainer = make_restored(path, load_checkpoint(path), config, make_encoder=make_encoder)
    else:
        trainer = make_trainer(config, make_encoder)
    begun_at = saved_at = trainer.updates
    while not trainer.finished:
        trainer.update()
        if _decide(trainer, False):
            trainer.state()  # its part of the checkpoint
            saved_at = trainer.updates
    if trainer.updates not in (begun_at, saved_at):
        trainer.state()
    trainer.close()


def _newest(run: Run) -> Path:
    """Return a run's newest checkpoint.

    Raises:
        TrainingError: there is none.
    """
    found = run.checkpoints()
    if not found:
        raise TrainingError(f"run '{run.folder}' has no checkpoint to resume from; start a new run")
    return found[-1]


def _save(run: Run, trainer: Algorithm, callbacks: Callbacks) -> bool:
    """Write a checkpoint; tell whether it is on the disk."""
    saved = run.save(trainer)
    if saved and callbacks.on_save is not None:
        callbacks.on_save(trainer)
    return saved


def _begin(config: Config, run: Run, make_encoder: MakeEncoder | None) -> Algorithm:
    """Make a new run's trainer; the folder of one that cannot begin goes, or it would be the newest run."""
    try:
        return make_trainer(config, make_encoder)
    except BaseException:
        run.discard()
        raise


def resume_trainer(config: Config | None, run: Run, make_encoder: MakeEncoder | None = None) -> Algorithm:
    """Restore a run's newest checkpoint.

    Raises:
        TrainingError: the run has no checkpoint, or is of another environment or config.
        FileError: the checkpoint is damaged; the message names an older one that is not.
        ParameterError: without `config`, the environment is none of puffer_arena's own.
    """
    continued(run.config, config, f"run '{run.folder}'")
    newest = _newest(run)
    try:
        stored = load_checkpoint(newest)
    except FileError as error:
        older = next((path.name for path in reversed(run.checkpoints()[:-1]) if _can_be_read(path)), None)
        hint = f"; move it out of the folder to resume from '{older}'" if older else ""
        raise FileError(f"{error}{hint}") from None
    trainer = make_restored(newest, stored, config, make_encoder=make_encoder)
    run.saved_updates = trainer.updates
    rules = str(stored[1]["env"].get("rules", ""))
    if is_edited(rules, trainer.config.env):
        run.warn(f"the source of environment '{env_name(trainer.config.env)}' has changed since the checkpoint")
    if trainer.inexact_rows and trainer.batch.env.stepped_by is not None:
        run.warn(f"'{env_name(trainer.config.env)}' keeps its state to itself: all rows begin new episodes")
    elif trainer.inexact_rows:
        run.warn(
            f"{trainer.inexact_rows} of {trainer.config.num_envs} rows cannot be played up to where they were, as on "
            "another kind of processor or another version of their engine: they go on from there, but not to the bit"
        )
    run.resume_log(trainer.updates)
    return trainer


def _can_be_read(path: Path) -> bool:
    with contextlib.suppress(FileError):
        load_checkpoint(path)
        return True
    return False


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


@contextlib.contextmanager
def _interruptible(trainer: Algorithm, run: Run) -> Iterator[None]:
    """Let Ctrl-C, a termination request or the terminal's end stop the run after the present update.

    A second Ctrl-C ends it at once.  The terminal's end stays ignored where `nohup` had it so.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def ask(number: int, frame: Any) -> None:
        run.stopped_by = STOPPED_BY.get(signal.Signals(number).name, "")
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
