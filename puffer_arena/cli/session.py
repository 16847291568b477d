"""One call of `train` while it runs: display, publisher, recorder and window around the training loop."""

import socket
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from puffer_arena.batch.seats import legs
from puffer_arena.cli.dashboard import Lasting, Progress, format_count, format_seconds, format_value, make_display
from puffer_arena.cli.output import command_line
from puffer_arena.cli.recording import RunRecorder
from puffer_arena.cli.steering import Change, SteeringLog, SteeringPlan, carry_out, describe, steps_after
from puffer_arena.errors import ArenaError, MissingExtra, WorkerError
from puffer_arena.players.evaluate import evaluate
from puffer_arena.players.intervals import interval
from puffer_arena.players.names import find_player
from puffer_arena.players.player import versus
from puffer_arena.players.tournament import results_of
from puffer_arena.registry import load_env
from puffer_arena.replay.reader import Replay
from puffer_arena.trainers.config import SELF, Config, pool_names
from puffer_arena.trainers.runs.find import naming

UNSAVED, INTERRUPTED = 1, 130
EXPLOIT_GAMES = 200
FILMED_STEPS, FILMED_WIDTH = 300, 320  # of a video for trackers, which training waits for


class Session:
    """One call of `train`: display, publisher and window around the training loop."""

    def __init__(self, options: Any, config: Config, place: Any, changes: Sequence[Change] = ()) -> None:
        self.options, self.config, self.place = options, config, place
        self.changes, self.plan = changes, SteeringPlan(())
        self.log: SteeringLog | None = None
        env = load_env(config.env)
        self.can_be_watched = env.can_be_watched
        self.progress = Progress(f"{env.name}   {place.folder}", config.total_steps, env.counters)
        self.display = Lasting(make_display(self.progress), place.folder)
        self.broadcast: Any = None
        self.recorder: RunRecorder | None = None
        self.window: Any = None
        self.begun, self.steps_before = time.monotonic(), 0

    def train(self) -> int:
        """Train to the end or to Ctrl-C."""
        from puffer_arena.trainers.runs.train import Callbacks, train

        callbacks = Callbacks(self.on_start, self.on_step, self.on_update, self.display.say, self.on_save)
        reason = ""
        try:
            with self.display:
                trainer = train(self.config, self.place, callbacks, resume=bool(self.options.resume))
        except WorkerError as error:
            reason = str(error)
            if self.place.checkpoints():
                raise WorkerError(f"{error}\ngo on from the last checkpoint: {self.going_on()}") from None
            raise
        except BaseException as error:
            reason = str(error) or type(error).__name__
            raise
        finally:
            if self.recorder is not None:
                self.recorder.close()
            if self.broadcast is not None:
                self.broadcast.close(reason or self.place.stopped_by)
        complete = trainer.steps >= self.config.total_steps
        saved = trainer.updates in (0, self.place.saved_updates)
        self.conclude(trainer, complete, saved)
        trainer.close()
        if not saved:
            return UNSAVED
        return 0 if complete else INTERRUPTED

    def on_start(self, trainer: Any) -> None:
        """Open the publisher and the window once the trainer is there.

        Raises:
            TrainingError: the port is in use.
        """
        self.begun, self.steps_before = time.monotonic(), trainer.steps
        self.config = trainer.config
        self.progress.total_steps = self.config.total_steps
        self.log = SteeringLog(self.place.folder, trainer.steps)
        self.plan = SteeringPlan(self.changes, trainer.steps)
        self.recorder = RunRecorder(
            trainer, self.place.folder, self.options.record, self.display.say, done=self.on_recorded
        )
        live = self.options.live
        if live.off:
            if self.options.watch:
                self.display.say("no window: --live.off keeps windows out; training goes on without")
            return
        from puffer_arena.cli.broadcast import Broadcast, open_window

        try:
            self.broadcast = Broadcast(
                trainer,
                self.place,
                live.host,
                live.port,
                self.log,
                self.on_command,
                self.on_change,
                self.recorder.toggle,
            )
        except MissingExtra as error:
            if self.options.watch:
                self.display.say(f"no window: {error}; training goes on without")
            return
        if live.host not in ("127.0.0.1", "localhost", "::1"):
            windows = self.broadcast.publisher.windows
            host = socket.gethostname() if live.host in ("0.0.0.0", "::", "*") else live.host
            self.display.say(
                "windows elsewhere: "
                + command_line(
                    "watch", "--address", f"tcp://{host}:{windows.port}", "--key", windows.key, "--env", self.config.env
                )
            )
        if self.options.watch:
            self.window = open_window(self.place.folder, self.config.env)
            if isinstance(self.window, str):
                self.display.say(f"no window: {self.window}; training goes on without")
                self.window = None

    def on_step(self, trainer: Any, t: int) -> None:
        """Record, make the changes that are due, and serve the windows."""
        for change in self.plan.due(steps_after(trainer, t)):
            note, before = carry_out(trainer, change.command)
            if self.log is not None:
                self.log.note(replace(change, before=before))
            self.on_change(change)
            self.display.say(f"after {format_count(change.steps)} steps: {note}")
        if self.recorder is not None:
            self.recorder.on_step(trainer, t)
        if self.broadcast is not None:
            self.broadcast.on_step(trainer, t)

    def on_recorded(self, path: Path) -> None:
        """Show a recording's beginning at the trackers, as a GIF beside it."""
        if not self.options.track:
            return
        from puffer_arena.render.export.pictures import Part, write_gif

        film = path.with_suffix(".gif")
        try:
            with Replay(path, self.config.env) as replay:
                if replay.steps:
                    write_gif(replay, film, Part(last=min(replay.steps, FILMED_STEPS), width=FILMED_WIDTH))
        except ArenaError as error:
            self.display.say(f"trackers get no video: {error}")
            return
        self.place.show(film, int(self.progress.steps))

    def on_change(self, change: Change) -> None:
        """Note a change in recordings, and keep a curriculum with a checkpoint of its own."""
        if self.recorder is not None:
            after = describe(change.after) if change.name == "curriculum" else change.after
            self.recorder.on_change(change.name, after)
        if change.name == "curriculum":
            self.place.save_requested = True

    def on_command(self) -> None:
        """Show at once that a window has paused training: no update may come for long."""
        self.progress.note = self.broadcast.describe()
        self.display.refresh(last=self.broadcast.publisher.paused)

    def on_update(self, trainer: Any, metrics: dict[str, float]) -> None:
        """Show an update and send it to the windows."""
        self.progress.take(metrics)
        if self.recorder is not None:
            self.recorder.on_update(metrics)
        if self.broadcast is not None:
            self.broadcast.on_update(metrics)
            self.progress.note = self.broadcast.describe()
        if self.window is not None and (reason := self.window.failure()):
            self.display.say(f"no window: {reason}; training goes on without")
            self.window = None
        self.display.refresh()

    def on_save(self, trainer: Any) -> None:
        """Note it in recordings, and let windows find the run again where its folder was deleted."""
        if self.recorder is not None:
            self.recorder.on_save(trainer)
        if self.broadcast is not None:
            self.broadcast.announce()

    def going_on(self) -> str:
        """Return the command that goes on with the run."""
        own = ("--algorithm", self.config.algorithm) if self.config.algorithm.endswith(".py") else ()
        return command_line("train", *naming(self.config.env), "--resume", self.place.folder, *own)

    def conclude(self, trainer: Any, complete: bool, saved: bool) -> None:
        """Say what happened and what can be done next."""
        seconds = time.monotonic() - self.begun
        values, folder = self.progress.values, self.place.folder
        rate = (trainer.steps - self.steps_before) / max(seconds, 1e-9)
        if self.options.exploit or (self.options.resume and is_exploiter(trainer)):
            self.display.say(exploitability(trainer))
        score = f", mean return {format_value(values['episode_return'])}" if "episode_return" in values else ""
        what = "finished" if complete else "stopped"
        self.display.say(
            f"{what} after {format_count(trainer.steps)} steps in {format_seconds(seconds)} "
            f"({format_count(rate)} steps/s){score}"
        )
        self.display.say(f"  folder:   {folder}")
        kept = self.place.checkpoints()
        if not saved:
            last = f"the last checkpoint is of step {int(kept[-1].stem):,}" if kept else "there is no checkpoint"
            self.display.say(f"  saved:    NOT the last state, which could not be written; {last}")
        if kept and not (complete and saved):
            self.display.say(f"  go on:    {self.going_on()}")
        if kept:
            named = ("--env", *naming(self.config.env)) if naming(self.config.env) else ()
            if self.options.record.on:
                self.display.say(f"  replay:   {command_line('replay', folder, *named)}")
            if self.can_be_watched:
                self.display.say(f"  look:     {command_line('watch', folder, *named)}")
            self.display.say(f"  measure:  {command_line('eval', self.config.env, folder)}")


def is_exploiter(trainer: Any) -> bool:
    """Tell whether a run learns against one player alone, as --exploit has it, who is still there."""
    settings = trainer.config.opponent
    alone = settings.share == 1.0 and settings.pool != SELF and pool_names(settings.pool) == [settings.pool]
    if not alone or settings.separate:
        return False
    return [member.name for member in trainer.opponent.pool.members] == [settings.pool]


def exploitability(trainer: Any) -> str:
    """Play what was learned against whom it was learned to beat, on held-out levels, and say how that went."""
    from puffer_arena.trainers.actor import Actor
    from puffer_arena.trainers.playing import actor_player

    config = trainer.config
    kept = next((member.data for member in trainer.opponent.pool.members if member.data), b"")  # its file may be gone
    other = actor_player(Actor.load(kept, config.env)) if kept else find_player(config.opponent.pool, config.env)
    pair = versus(actor_player(trainer.actor()), other, config.opponent.role)
    role, env = config.opponent.role, load_env(config.env)
    each = legs(env, role)
    sample = evaluate(config.env, pair, EXPLOIT_GAMES * each, params=config.params, side=role)
    results = np.array(results_of(sample, each), np.float64)
    low, high, _ = interval(results)
    return (
        f"exploitability of {config.opponent.pool}: at least {max(results.mean(), 0.0):.3f} "
        f"[{max(low, 0.0):.3f}, {max(high, 0.0):.3f}], the mean result of {len(results)} held-out games against it "
        "(1 for a win, -1 for a defeat; 0 is what nobody can beat)"
    )
