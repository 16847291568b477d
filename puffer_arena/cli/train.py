"""`train`: let an agent learn an environment, with a dashboard, a window and a run folder."""

import dataclasses
import os
import subprocess
import sys
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any

import tyro

from puffer_arena.cli.options import annotated, as_annotated, parse, read_pairs, split_pairs
from puffer_arena.cli.recording import Record, read_seconds
from puffer_arena.cli.session import Session
from puffer_arena.cli.steering import read_steering
from puffer_arena.curriculum.choose import name_curriculum, read_table
from puffer_arena.errors import ParameterError, require
from puffer_arena.levels.drawn import as_table, read_level
from puffer_arena.live.commands import MAX_ROWS
from puffer_arena.players.names import find_player, run_named
from puffer_arena.registry import choose_env, load_env
from puffer_arena.settings import plain
from puffer_arena.trainers.algorithms import load_algorithm
from puffer_arena.trainers.config import Config, check_fit, config_type, from_dict, load_config, pool_names
from puffer_arena.trainers.runs.find import find_policy, find_run, portable


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
    check_fit(config, bool(options.resume))
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
    from puffer_arena.trainers.runs.run import Run
    from puffer_arena.trainers.runs.trackers import check_tracker
    from puffer_arena.trainers.runs.train import follow

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
