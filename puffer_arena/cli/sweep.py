"""`sweep`: look for settings that learn better, by training with many."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro

from puffer_arena.cli.options import read_pairs, split_pairs
from puffer_arena.cli.output import show
from puffer_arena.cli.trials import Board, draw, report
from puffer_arena.errors import ParameterError, UnknownName, require, suggest
from puffer_arena.machine.files import write_bytes
from puffer_arena.registry import env_name, load_env
from puffer_arena.settings import parse_toml
from puffer_arena.sweeps.space import as_toml, read_space
from puffer_arena.sweeps.study import OBJECTIVES, SAMPLERS, Plan, best_trials, sweep


@dataclass
class Options:
    """Look for settings that learn better: many runs, each with settings that Optuna chooses by what the others gave.

    Every trial is a process of its own; all are kept in an SQLite file, with which the same command goes on.

    Examples:
        python -m puffer_arena sweep snake --trials 20 --steps 5_000_000
        python -m puffer_arena sweep snake --search optimizer.learning_rate=1e-4:1e-2:log --search ppo.horizon=16,32,64
        python -m puffer_arena sweep maze --objectives score,seconds --workers 2 --apply best.toml --picture front.png
        python -m puffer_arena sweep gymnasium:CartPole-v1 --space space.toml
    """

    env: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="ENV")]
    """An id of `list`, a dotted module, a path to a .py file, or another library's, such as gymnasium:CartPole-v1."""
    trials: int = 20
    """Runs to add."""
    steps: int = 1_000_000
    """Environment steps of a run; with the objective `seconds` the most, and fewer are tried."""
    workers: int = 1
    """Runs at a time."""
    search: tyro.conf.UseAppendAction[tuple[str, ...]] = ()
    """A setting to search: NAME for its own range, NAME=LOW:HIGH, NAME=LOW:HIGH:log or NAME=VALUE,VALUE; may be repeated.
    The usual ones without."""
    space: str = ""
    """A TOML file with a table [search] of such settings; "" as a value is the setting's own range."""
    set: tyro.conf.UseAppendAction[tuple[str, ...]] = ()
    """A setting of every run as NAME=VALUE; may be repeated."""
    param: tyro.conf.UseAppendAction[tuple[str, ...]] = ()
    """A parameter of the environment as name=value; may be repeated."""
    config: str = ""
    """A TOML file of settings, for every run."""
    preset: str = ""
    """Settings that suit any environment, for every run."""
    algorithm: str = ""
    """How the policy learns."""
    objectives: str = "score"
    """score, or score,seconds for the front of runs that no other one beats in both."""
    score: str = "episode_return"
    """The metric that counts, over the last fifth of a run: episode_return or a counter of the environment."""
    sampler: str = "tpe"
    """Who chooses: tpe, gp or random."""
    seed: int = 0
    """Of the choices."""
    prune: bool = True
    """End runs early that fall behind; with one objective."""
    storage: str = ""
    """The SQLite file; sweeps/ENV.db by default."""
    name: str = "sweep"
    """Of the study in that file."""
    picture: str = ""
    """Draw the runs by seconds and score, with those that no other beats, and what mattered, into this PNG."""
    apply: str = ""
    """Write the best settings into this TOML file, for train --config."""


def run(options: Options) -> int:
    """Sweep, and print the best trials."""
    require("torch", "train")
    require("optuna", "sweep")
    if options.trials < 0 or options.workers < 1 or options.steps < 1:
        raise ParameterError("--trials is at least 0, --workers and --steps at least 1")
    objectives = tuple(part.strip() for part in options.objectives.split(","))
    if objectives not in OBJECTIVES:
        raise UnknownName(f"--objectives is '{options.objectives}'; it is score, or score,seconds")
    if options.sampler not in SAMPLERS:
        raise UnknownName(f"unknown sampler '{options.sampler}'; {suggest(options.sampler, SAMPLERS)}")
    plan = make_plan(options, objectives)
    with Board(plan) as board:
        plan.told = board.tell
        study = sweep(plan, options.trials, options.workers)
    show(report(study, plan))
    if options.picture:
        draw(study, plan, Path(options.picture))
        show(f"drew {options.picture}")
    if options.apply:
        front = best_trials(study)
        if not front:
            raise ParameterError("no trial has been completed, so there is nothing to apply")
        write_bytes(Path(options.apply), as_toml({**plan.order["overrides"], **front[0].params}).encode())
        show(f"wrote {options.apply}; train {options.env} --config {options.apply}")
    return 0


def make_plan(options: Options, objectives: tuple[str, ...]) -> Plan:
    """Return what the sweep does.

    Raises:
        ArenaError: an unknown environment or setting, or values that it cannot take.
    """
    from puffer_arena.trainers.config import load_config

    load_env(options.env)
    if options.env.startswith("emulated:"):
        raise ParameterError("a sweep trains in processes of their own; name the environment by its library's id")
    file = options.config or None
    overrides = {name: read_value(text) for name, text in split_pairs(options.set, "--set").items()}
    overrides |= {f"params.{name}": value for name, value in read_pairs(options.param, "--param").items()}
    config = load_config(options.env, file, overrides, options.preset, options.algorithm)
    given: dict[str, Any] = {}
    if options.space:
        try:
            table = parse_toml(Path(options.space).read_text("utf-8"), f"'{options.space}'").get("search")
        except (OSError, UnicodeDecodeError) as error:
            raise ParameterError(f"'{options.space}' cannot be read: {error}") from None
        if not isinstance(table, dict):
            raise ParameterError(f"'{options.space}' has no table [search] of settings")
        given |= dict(_flat(table))
    given |= {name: "" for name in options.search if "=" not in name}  # the setting's own range
    given |= split_pairs([pair for pair in options.search if "=" in pair], "--search")
    order = {
        "env": options.env,
        "file": file,
        "preset": options.preset,
        "algorithm": options.algorithm,
        "overrides": overrides,
        "score": options.score,
    }
    storage = Path(options.storage or f"sweeps/{env_name(options.env).replace(':', '-').replace('/', '-')}.db")
    return Plan(
        order,
        read_space(config, given),
        storage,
        options.name,
        objectives,
        options.steps,
        options.sampler,
        options.seed,
        options.prune,
    )


def read_value(text: str) -> Any:
    """Return the number, flag or list that a text spells, or the text."""
    try:
        return parse_toml(f"value = {text}", "it")["value"]
    except ParameterError:
        return text


def _flat(table: dict[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for name, value in table.items():
        found += _flat(value, f"{prefix}{name}.") if isinstance(value, dict) else [(prefix + name, value)]
    return found
