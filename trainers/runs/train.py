"""The loop that trains into a run's folder: from its start or its newest checkpoint to its end, or until asked to stop."""

import contextlib
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from puffer_arena.batch.workers.watchdog import watchdog
from puffer_arena.errors import FileError, TrainingError
from puffer_arena.registry import env_name, is_edited
from puffer_arena.trainers.algorithms.algorithm import Algorithm
from puffer_arena.trainers.config import Config
from puffer_arena.trainers.networks.policy import MakeEncoder
from puffer_arena.trainers.runs.checkpoint import continued, load_checkpoint, make_restored
from puffer_arena.trainers.runs.run import Run, say
from puffer_arena.trainers.trainer import make_trainer

FIRST_CHECKPOINT_SECONDS = 10.0
STOPPED_BY = {"SIGINT": "by Ctrl-C", "SIGTERM": "by a request to terminate", "SIGHUP": "by its terminal's end"}


@dataclass
class Callbacks:
    """What a caller of `train` may hook in."""

    on_start: Callable[[Algorithm], None] | None = None
    on_step: Callable[[Algorithm, int], None] | None = None  # after every step of a rollout; must be cheap
    on_update: Callable[[Algorithm, dict[str, float]], None] | None = None
    on_warning: Callable[[str], None] = field(default=say)
    on_save: Callable[[Algorithm], None] | None = None  # after every checkpoint that is on the disk


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
    run.begin(trainer.config)
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
