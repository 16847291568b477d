"""`train`: let an agent learn an environment, with a dashboard, a window and a run folder."""

import contextlib
import socket
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Annotated, Any

import tyro

from puffer_arena.cli.dashboard import Lasting, Progress, format_count, format_seconds, format_value, make_display
from puffer_arena.cli.options import parse, read_pairs
from puffer_arena.cli.runs import command_line, find_run, naming, portable
from puffer_arena.core.errors import MissingExtra, ParameterError, WorkerError, require
from puffer_arena.core.registry import choose_env, load_env
from puffer_arena.trainers.config import Config, check_fit, from_dict, load_config, to_dict

UNSAVED, INTERRUPTED = 1, 130


@dataclass(frozen=True)
class Live:
    """Where windows attach."""

    host: str = "127.0.0.1"  # the interface to listen on; a window elsewhere needs the key that is printed then
    port: int = 0  # 0 for a free one
    off: bool = False  # do not let windows attach


@dataclass(frozen=True)
class Settings(Config):
    """The settings of the run, but for what has options of its own."""

    env: tyro.conf.Suppress[str] = ""
    params: tyro.conf.Suppress[dict[str, Any]] = field(default_factory=dict)


@dataclass
class Options:
    """Let an agent learn an environment.

    Settings come from the defaults, then the environment's own tuned config, then --config, then this command line.
    Ctrl-C saves; --resume goes on exactly where a run stopped.

    Examples:
        python -m puffer_arena train snake --watch
        python -m puffer_arena train snake --param rows=8 --param cols=8 --optimizer.learning-rate 1e-3
        python -m puffer_arena train maze --steps 20_000_000 --config my_settings.toml
        python -m puffer_arena train striker --opponent.bot footballer --opponent.share 0.5
        python -m puffer_arena train my_env.py --watch
        python -m puffer_arena train --resume newest
        python -m puffer_arena train my_env.py --resume newest
    """

    environment: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="ENV")] = ""
    """An id of `list`, a dotted module, or a path to a .py file; with --resume needed only for what `list` lacks."""
    watch: bool = False
    """Open a window on the training."""
    resume: str = ""
    """Go on with a run: its folder, its name, or `newest`."""
    steps: int = 0
    """Short for --total-steps."""
    config: str = ""
    """A TOML file of settings."""
    param: tyro.conf.UseAppendAction[tuple[str, ...]] = ()
    """A parameter of the environment as name=value; may be repeated."""
    name: str = ""
    """The run's name; made of the environment and the time by default."""
    runs_dir: str = "runs"
    """Where run folders are."""
    live: Live = field(default_factory=Live)
    settings: Annotated[Settings, tyro.conf.arg(name="")] = field(default_factory=Settings, metadata={"flat": True})


def parse_arguments(arguments: Sequence[str]) -> Options:
    """Read the command line twice: first for the environment, then with that environment's defaults.

    Raises:
        ArenaError: see `load_config` and `options.parse`.
    """
    helpless = [argument for argument in arguments if argument not in ("-h", "--help")]
    first = parse(Options, "train", helpless)
    if not first.environment and not first.resume:
        if len(helpless) < len(arguments):
            return parse(Options, "train", arguments)  # prints the help text
        raise ParameterError("train needs an environment, such as: python -m puffer_arena train snake --watch")
    base = base_config(first)
    # Not what `first` holds: a flag that is set already would only be known as its opposite, --no-watch.
    return parse(Options, "train", arguments, Options(settings=Settings(**vars(base))))


def base_config(options: Options) -> Config:
    """Return the config that the command line changes.

    Raises:
        ArenaError: an unknown environment, run, file or setting.
    """
    if not options.resume:
        return load_config(options.environment, options.config or None)
    if options.config:
        raise ParameterError("--resume goes on with the run's own config; leave --config out")
    from puffer_arena.trainers.run import Run

    folder = find_run(options.resume, options.runs_dir, saved=True)
    config = Run.open(folder).config
    return replace(config, env=choose_env(config.env, "", options.environment, f"run '{folder}'"))


def final_config(options: Options) -> Config:
    """Return the config with everything from the command line in it.

    Raises:
        UnknownName, ParameterError: an unknown parameter, or a value out of range.
    """
    settings = to_dict(options.settings)
    settings["params"] = {**settings["params"], **read_pairs(options.param, "--param")}
    settings["env"] = portable(settings["env"] or options.environment)
    if options.steps:
        settings["total_steps"] = options.steps
    config = from_dict(settings)
    check_fit(config)
    return config


def run(options: Options) -> int:
    """Train, and say at the end what to do with the run."""
    require("torch", "train")
    from puffer_arena.trainers.run import Run

    if not 0 <= options.live.port <= 65535:
        raise ParameterError(f"--live.port is {options.live.port}; a port is a number from 0 (any free one) to 65535")
    config = final_config(options)
    if options.resume:
        folder = find_run(options.resume, options.runs_dir, saved=True)
        place = Run.open(folder)
    else:
        place = Run.create(config, options.runs_dir, options.name or None)
    session = Session(options, config, place)
    return session.train()


class Session:
    """One call of `train`: display, publisher and window around the training loop."""

    def __init__(self, options: Options, config: Config, place: Any) -> None:
        self.options, self.config, self.place = options, config, place
        env = load_env(config.env)
        self.progress = Progress(f"{env.name}   {place.folder}", config.total_steps, env.counters)
        self.display = Lasting(make_display(self.progress), place.folder)
        self.broadcast: Any = None
        self.window: Any = None
        self.begun, self.steps_before = time.monotonic(), 0

    def train(self) -> int:
        """Train to the end or to Ctrl-C."""
        from puffer_arena.trainers.run import Callbacks, train

        callbacks = Callbacks(self.on_start, self.on_step, self.on_update, self.display.say, self.on_save)
        try:
            with self.display:
                trainer = train(self.config, self.place, callbacks, resume=bool(self.options.resume))
        except WorkerError as error:
            if self.place.checkpoints():
                raise WorkerError(f"{error}\ngo on from the last checkpoint: {self.going_on()}") from None
            raise
        finally:
            if self.broadcast is not None:
                self.broadcast.close()
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
        live = self.options.live
        if live.off:
            if self.options.watch:
                self.display.say("no window: --live.off keeps windows out; training goes on without")
            return
        from puffer_arena.cli.broadcast import Broadcast, open_window

        try:
            self.broadcast = Broadcast(trainer, self.place, live.host, live.port, self.on_command)
        except MissingExtra as error:
            if self.options.watch:
                self.display.say(f"no window: {error}; training goes on without")
            return
        if live.host not in ("127.0.0.1", "localhost", "::1"):
            windows = self.broadcast.publisher.windows
            host = socket.gethostname() if live.host in ("0.0.0.0", "::", "*") else live.host
            self.display.say(
                f"windows elsewhere: python -m puffer_arena watch --address tcp://{host}:{windows.port} "
                f"--key {windows.key} --env {self.config.env}"
            )
        if self.options.watch:
            self.window = open_window(self.place.folder, self.config.env)
            if isinstance(self.window, str):
                self.display.say(f"no window: {self.window}; training goes on without")
                self.window = None

    def on_step(self, trainer: Any, t: int) -> None:
        """Serve the windows."""
        if self.broadcast is not None:
            self.broadcast.on_step(trainer, t)

    def on_command(self) -> None:
        """Show at once that a window has paused training: no update may come for long."""
        self.progress.note = self.broadcast.describe()
        self.display.refresh(last=self.broadcast.publisher.paused)

    def on_update(self, trainer: Any, metrics: dict[str, float]) -> None:
        """Show an update and send it to the windows."""
        self.progress.take(metrics)
        if self.broadcast is not None:
            self.broadcast.on_update(metrics)
            self.progress.note = self.broadcast.describe()
        if self.window is not None and (reason := self.window.failure()):
            self.display.say(f"no window: {reason}; training goes on without")
            self.window = None
        self.display.refresh()

    def on_save(self, trainer: Any) -> None:
        """Let windows find the run again where its folder was deleted."""
        if self.broadcast is not None:
            self.broadcast.announce()

    def going_on(self) -> str:
        """Return the command that goes on with the run."""
        return command_line("train", *naming(self.config.env), "--resume", self.place.folder)

    def conclude(self, trainer: Any, complete: bool, saved: bool) -> None:
        """Say what happened and what can be done next."""
        seconds = time.monotonic() - self.begun
        values, folder = self.progress.values, self.place.folder
        rate = (trainer.steps - self.steps_before) / max(seconds, 1e-9)
        score = f", mean return {format_value(values['episode_return'])}" if "episode_return" in values else ""
        what = "finished" if complete else "stopped"
        print(
            f"{what} after {format_count(trainer.steps)} steps in {format_seconds(seconds)} "
            f"({format_count(rate)} steps/s){score}; run folder: {folder}"
        )
        kept = self.place.checkpoints()
        if not saved:
            last = f"the last checkpoint is of step {int(kept[-1].stem):,}" if kept else "there is no checkpoint"
            print(f"  saved:    NOT the last state, which could not be written; {last}")
        if kept and not (complete and saved):
            print(f"  go on:    {self.going_on()}")
        if kept:
            named = ("--env", *naming(self.config.env)) if naming(self.config.env) else ()
            print(f"  look:     {command_line('watch', folder, *named)}")
            print(f"  measure:  {command_line('eval', self.config.env, '--checkpoint', folder)}")
        with contextlib.suppress(OSError):
            sys.stdout.flush()
