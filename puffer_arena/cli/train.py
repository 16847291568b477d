"""`train`: let an agent learn an environment, with a dashboard, a window and a run folder."""

import dataclasses
import os
import socket
import subprocess
import sys
import time
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import tyro

from puffer_arena.cli.dashboard import Lasting, Progress, format_count, format_seconds, format_value, make_display
from puffer_arena.cli.options import annotated, as_annotated, parse, read_pairs, split_pairs
from puffer_arena.cli.output import command_line
from puffer_arena.cli.recording import Record, RunRecorder, read_seconds
from puffer_arena.cli.steering import (
    Change,
    SteeringLog,
    SteeringPlan,
    carry_out,
    describe,
    read_steering,
    steps_after,
)
from puffer_arena.curriculum.choose import name_curriculum, read_table
from puffer_arena.errors import MissingExtra, ParameterError, WorkerError, require
from puffer_arena.levels.drawn import as_table, read_level
from puffer_arena.live.commands import MAX_ROWS
from puffer_arena.players.evaluate import evaluate
from puffer_arena.players.intervals import interval
from puffer_arena.players.names import find_player, run_named
from puffer_arena.players.player import versus
from puffer_arena.players.tournament import results_of
from puffer_arena.registry import choose_env, is_foreign, load_env
from puffer_arena.settings import plain
from puffer_arena.trainers.algorithms import load_algorithm
from puffer_arena.trainers.config import Config, check_fit, config_type, from_dict, load_config, pool_names
from puffer_arena.trainers.runs.find import find_policy, find_run, naming, portable

UNSAVED, INTERRUPTED = 1, 130
EXPLOIT_GAMES = 200


@dataclass(frozen=True)
class Live:
    """Where windows attach."""

    host: str = "127.0.0.1"  # the interface to listen on; a window elsewhere needs the key that is printed then
    port: int = 0  # 0 for a free one
    off: bool = False  # do not let windows attach


@dataclass
class Options:
    """Let an agent learn an environment.

    Settings come from the defaults, then the environment's own tuned config, then --config, then this command line.
    Ctrl-C saves; --resume goes on exactly where a run stopped.

    Examples:
        python -m puffer_arena train snake --watch
        python -m puffer_arena train snake --param rows=8 --param cols=8 --optimizer.learning-rate 1e-3
        python -m puffer_arena train maze --steps 20_000_000 --config my_settings.toml
        python -m puffer_arena train maze --curriculum sfl --curriculum.ranges walls=0:1
        python -m puffer_arena train snake --record --record.every 1min
        python -m puffer_arena train striker --opponent.pool self,bot:footballer
        python -m puffer_arena train striker --exploit run:newest
        python -m puffer_arena train my_env.py --watch
        python -m puffer_arena train snake --algorithm examples/my_algorithm.py
        python -m puffer_arena train lander --offline landings --algorithm iql
        python -m puffer_arena train --resume newest
        python -m puffer_arena train my_env.py --resume newest
    """

    environment: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="ENV")] = ""
    """An id of `list`, a dotted module, or a path to a .py file; with --resume needed only for what `list` lacks."""
    algorithm: str = "ppo"
    """How the policy learns: a name, or the path of a .py file with an ALGORITHM."""
    watch: bool = False
    """Open a window on the training."""
    exploit: str = ""
    """Learn against this player alone, named as in `eval`, and tell at the end how far it can be exploited."""
    resume: str = ""
    """Go on with a run: its folder, its name, or `newest`."""
    steps: int = 0
    """Short for --total-steps."""
    config: str = ""
    """A TOML file of settings."""
    param: tyro.conf.UseAppendAction[tuple[str, ...]] = ()
    """A parameter of the environment as name=value; may be repeated."""
    curriculum: str = ""
    """Who chooses what episodes are: uniform, lessons, plr, accel, sfl, states, alp, a .toml file, or a .py file with a CURRICULUM."""
    curriculum_ranges: Annotated[
        tyro.conf.UseAppendAction[tuple[str, ...]], tyro.conf.arg(name="curriculum.ranges", metavar="NAME=RANGE")
    ] = ()
    """What a parameter is drawn from: density=0.1:0.6, gravity=1:20:log or size=5,7,9; may be repeated."""
    curriculum_settings: Annotated[
        tyro.conf.UseAppendAction[tuple[str, ...]], tyro.conf.arg(name="curriculum.settings", metavar="NAME=VALUE")
    ] = ()
    """A setting of the curriculum, such as capacity=500; may be repeated."""
    curriculum_levels: Annotated[
        tyro.conf.UseAppendAction[tuple[str, ...]], tyro.conf.arg(name="curriculum.levels", metavar="FILE")
    ] = ()
    """A level that somebody has drawn (`edit`), to be mixed in; may be repeated."""
    curriculum_weight: Annotated[float, tyro.conf.arg(name="curriculum.weight")] = 0.0
    """The share of episodes that begin at drawn levels; 0.2 by default."""
    name: str = ""
    """The run's name; made of the environment and the time by default."""
    runs_dir: str = "runs"
    """Where run folders are."""
    live: Live = field(default_factory=Live)
    record: Record = field(default_factory=Record)
    """Replays of some environments, into the run's folder: --record, --record.rows, --record.every."""
    steering: str = ""
    """A run's steering.jsonl: what people changed in it is changed again, after the same steps."""
    preset: str = ""
    """Settings that suit any environment: `samples` learns from few steps."""
    nodes: int = 1
    """Processes that train together, each on a part of the environments; several machines: torchrun -m puffer_arena train."""
    track: tyro.conf.UseAppendAction[tuple[str, ...]] = ()
    """A tracker that follows the run beside TensorBoard, wandb or trackio; may be repeated."""


def options_type(algorithm: str) -> Any:
    """Return `Options` with the settings of a run by an algorithm, each an option of its own."""
    kind = annotated(config_type(algorithm), hidden=("env", "params", "algorithm", "curriculum"))
    flat = field(default_factory=kind, metadata={"flat": True})
    settings = ("settings", Annotated[kind, tyro.conf.arg(name="")], flat)
    made = dataclasses.make_dataclass("Options", [settings], bases=(Options,))
    made.__doc__ = Options.__doc__
    return made


def parse_arguments(arguments: Sequence[str]) -> Any:
    """Read the command line twice: first for the environment, then with that environment's defaults.

    Raises:
        ArenaError: see `load_config` and `options.parse`.
    """
    arguments = ["--record.on" if argument == "--record" else argument for argument in arguments]
    named = find_value(arguments, "--algorithm")
    algorithm = load_algorithm(named) if named else "ppo"
    helpless = [argument for argument in arguments if argument not in ("-h", "--help")]
    first = parse(options_type(algorithm), "train", helpless)
    if not first.environment and not first.resume:
        if len(helpless) < len(arguments):
            return parse(options_type(algorithm), "train", arguments)  # prints the help text
        raise ParameterError("train needs an environment, such as: python -m puffer_arena train snake --watch")
    base = base_config(first, algorithm if named else "")
    kind = options_type(base.algorithm)
    settings = typing.get_type_hints(kind)["settings"]
    # Not what `first` holds: a flag that is set already would only be known as its opposite, --no-watch.
    return parse(kind, "train", arguments, kind(settings=as_annotated(settings, base)))


def find_value(arguments: Sequence[str], option: str) -> str:
    """Return what follows an option among arguments; "" where it is not there."""
    for k, argument in enumerate(arguments):
        if argument.startswith(f"{option}="):
            return argument.partition("=")[2]
        if argument == option and k + 1 < len(arguments):
            return arguments[k + 1]
    return ""


def base_config(options: Any, algorithm: str) -> Config:
    """Return the config that the command line changes.

    Raises:
        ArenaError: an unknown environment, run, file or setting.
    """
    if not options.resume:
        file = options.config or None
        given: dict[str, Any] = exploiting(options) if options.exploit else {}
        if options.settings.offline:
            given["offline"] = options.settings.offline
        return load_config(options.environment, file, given, preset=options.preset, algorithm=algorithm)
    if options.config or options.preset or options.exploit:
        raise ParameterError("--resume goes on with the run's own config; leave --config, --preset and --exploit out")
    from puffer_arena.trainers.runs.run import Run

    folder = find_run(options.resume, options.runs_dir, saved=True)
    config = Run.open(folder).config
    return replace(config, env=choose_env(config.env, "", options.environment, f"run '{folder}'"))


def exploiting(options: Any) -> dict[str, Any]:
    """Return the settings of a run that learns to beat a player, in the game that this one learned.

    Raises:
        ArenaError: see `find_player`.
    """
    require("torch", "train")
    named = options.exploit
    if run_named(named) is not None:
        named = str(find_policy(named, options.runs_dir))  # a run goes on; its policy of now is what is met
    player = find_player(named, options.environment, options.runs_dir)
    return {"params": player.params, "opponent": {"pool": named, "share": 1.0, "role": "", "separate": False}}


def final_config(options: Any) -> Config:
    """Return the config with everything from the command line in it.

    Raises:
        UnknownName, ParameterError: an unknown parameter, or a value out of range.
    """
    settings = plain(options.settings)
    settings["params"] = {**settings["params"], **read_pairs(options.param, "--param")}
    settings["env"] = portable(settings["env"] or options.environment)
    if options.steps:
        settings["total_steps"] = options.steps
    settings["curriculum"] = curriculum_table(options, settings["curriculum"])
    settings["opponent"]["pool"] = ",".join(
        str(find_run(known, options.runs_dir, saved=True))
        if (known := run_named(name)) is not None and not options.resume
        else name
        for name in pool_names(settings["opponent"]["pool"])
    )
    config = from_dict(settings)
    check_fit(config)
    return config


def curriculum_table(options: Any, table: Mapping[str, Any]) -> dict[str, Any]:
    """Return the curriculum's table, with what the command line changes.

    Raises:
        ParameterError, FileError, DefinitionError: a file that cannot be read, or a pair that is none.
    """
    given = options.curriculum
    if given.endswith(".toml"):
        made = read_table(Path(given))
    else:
        method = name_curriculum(given) if given else table.get("method")
        made = dict(table) if method == table.get("method") else {"method": method}
    ranges = split_pairs(options.curriculum_ranges, "--curriculum.ranges")
    settings = read_pairs(options.curriculum_settings, "--curriculum.settings")
    for part, values in (("ranges", ranges), ("settings", settings)):
        if values:
            made[part] = {**made.get(part, {}), **values}
    if options.curriculum_levels:
        env = load_env(options.settings.env or options.environment)
        drawn = [as_table(read_level(path, env)) for path in options.curriculum_levels]
        made["levels"] = [*made.get("levels", []), *drawn]
    if options.curriculum_weight:
        made["weight"] = options.curriculum_weight
    return made


def run(options: Any) -> int:
    """Train, and say at the end what to do with the run."""
    require("torch", "train")
    from puffer_arena.trainers.nodes import join, leave, wanted_nodes
    from puffer_arena.trainers.runs.run import Run, follow
    from puffer_arena.trainers.runs.trackers import check_tracker

    if not 0 <= options.live.port <= 65535:
        raise ParameterError(f"--live.port is {options.live.port}; a port is a number from 0 (any free one) to 65535")
    read_seconds(options.record.every)
    if not 1 <= options.record.rows <= MAX_ROWS:
        raise ParameterError(f"--record.rows is {options.record.rows}; from 1 to {MAX_ROWS} environments are recorded")
    for name in options.track:
        check_tracker(name)
    if options.nodes < 1:
        raise ParameterError(f"--nodes is {options.nodes}; it is at least 1")
    config = final_config(options)
    if options.nodes > 1 and wanted_nodes() == 1:
        return launch(options.nodes, sys.argv[1:])
    if wanted_nodes() > 1:
        nodes = join()
        try:
            if nodes.rank > 0:
                place = Run(
                    find_run(options.resume, options.runs_dir, saved=True) if options.resume else options.runs_dir
                )
                follow(config, place, bool(options.resume))
                return 0
            return begin(options, config)
        finally:
            leave()
    return begin(options, config)


def launch(nodes: int, arguments: Sequence[str]) -> int:
    """Run the same command in several processes on this machine, by torch's own launcher, and return its exit code."""
    own = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={nodes}", "-m", "puffer_arena"]
    with subprocess.Popen([sys.executable, *own, *arguments], env={**os.environ, "OMP_NUM_THREADS": "1"}) as process:
        while True:
            try:
                return process.wait()
            except KeyboardInterrupt:  # the processes hear it, too, and save
                continue


def begin(options: Any, config: Config) -> int:
    """Open the run's folder and train."""
    from puffer_arena.trainers.runs.run import Run

    changes = read_steering(Path(options.steering)) if options.steering else []
    if options.resume:
        folder = find_run(options.resume, options.runs_dir, saved=True)
        place = Run.open(folder)
    else:
        place = Run.create(config, options.runs_dir, options.name or None)
    place.track(options.track)
    session = Session(options, config, place, changes)
    return session.train()


class Session:
    """One call of `train`: display, publisher and window around the training loop."""

    def __init__(self, options: Any, config: Config, place: Any, changes: Sequence[Change] = ()) -> None:
        self.options, self.config, self.place = options, config, place
        self.changes, self.plan = changes, SteeringPlan(())
        self.log: SteeringLog | None = None
        env = load_env(config.env)
        self.progress = Progress(f"{env.name}   {place.folder}", config.total_steps, env.counters)
        self.display = Lasting(make_display(self.progress), place.folder)
        self.broadcast: Any = None
        self.recorder: RunRecorder | None = None
        self.window: Any = None
        self.begun, self.steps_before = time.monotonic(), 0

    def train(self) -> int:
        """Train to the end or to Ctrl-C."""
        from puffer_arena.trainers.runs.run import Callbacks, train

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
        self.recorder = RunRecorder(trainer, self.place.folder, self.options.record, self.display.say)
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
        if self.options.exploit:
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
            if not is_foreign(self.config.env):  # which nothing here knows how to draw
                self.display.say(f"  look:     {command_line('watch', folder, *named)}")
            self.display.say(f"  measure:  {command_line('eval', self.config.env, folder)}")


def exploitability(trainer: Any) -> str:
    """Play what was learned against whom it was learned to beat, on held-out levels, and say how that went."""
    from puffer_arena.trainers.actor import Actor
    from puffer_arena.trainers.playing import actor_player

    config = trainer.config
    kept = next((member.data for member in trainer.opponent.pool.members if member.data), b"")  # its file may be gone
    other = actor_player(Actor.load(kept, config.env)) if kept else find_player(config.opponent.pool, config.env)
    pair = versus(actor_player(trainer.actor()), other, config.opponent.role)
    sample = evaluate(config.env, pair, EXPLOIT_GAMES, params=config.params, side=config.opponent.role)
    results = np.array(results_of(sample), np.float64)
    low, high, _ = interval(results)
    return (
        f"exploitability of {config.opponent.pool}: at least {max(results.mean(), 0.0):.3f} "
        f"[{max(low, 0.0):.3f}, {max(high, 0.0):.3f}], the mean result of {len(results)} held-out games against it "
        "(1 for a win, -1 for a defeat; 0 is what nobody can beat)"
    )
