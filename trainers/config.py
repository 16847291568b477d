"""What a training run is made of: defaults, then the environment's TOML, then what the caller overrides.

    config = load_config("snake", overrides={"ppo.gamma": 0.98, "params.rows": 9})

A config has one section for its algorithm, with the algorithm's own settings.  Values of "auto" are
resolved when training begins, and the resolved config is what a run folder keeps.
"""

import dataclasses
import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any, cast

from puffer_arena.batch.seats import check_role
from puffer_arena.curriculum.choose import load_curriculum, method_of
from puffer_arena.datasets.file import read_params
from puffer_arena.errors import ParameterError, UnknownName, suggest
from puffer_arena.players.names import find_player
from puffer_arena.registry import env_name, is_foreign, load_env, split_id
from puffer_arena.settings import (
    build,
    check,
    choice,
    flag,
    parse_toml,
    plain,
    section,
    setting,
    table,
    text,
    widths,
)
from puffer_arena.trainers.algorithms import find_algorithm, list_algorithms, named_file

SELF = "self"  # in a pool: snapshots of the policy that learns


FOREIGN_STEPS = 1_000_000  # of a run in an environment of another library, which step some thousand times a second


@dataclass(frozen=True)
class Network:
    """The policy's network; its inputs and outputs follow from the spaces."""

    hidden: tuple[int, ...] = widths((128, 128), "widths of the hidden layers")
    critic: str = choice(
        "shared",
        ("shared", "separate", "state"),
        "the value's network: the policy's, one of its own, or one of its own that sees the global state, too",
    )
    critic_hidden: tuple[int, ...] = widths((), "widths of a separate critic; empty for the policy's", empty=True)
    roles: str = choice(
        "shared",
        ("shared", "separate"),
        "where roles have spaces of their own: hidden layers and memory for all, or none",
    )
    images: str = choice(
        "auto", ("auto", "mlp", "cnn"), "grids and pictures; auto: convolutions for pictures, none for cell codes"
    )
    entities: str = choice(
        "pool", ("pool", "attention"), "over Entities: mean and maximum, behind self-attention or not"
    )
    channels: tuple[int, ...] = widths((16, 32), "channels of the convolutions")
    memory: str = choice(
        "none",
        ("none", "gru", "lstm", "mingru", "transformer", "rssm"),
        "a recurrent layer after the hidden layers; transformer: of algorithm dt, rssm: of dreamer",
    )
    memory_size: int = setting(64, 1, 2**14, "width of the recurrent layer, of a transformer, or of an RSSM's h")
    context: int = setting(20, 2, 1024, "steps that a transformer looks back over, the present one among them")
    layers: int = setting(2, 1, 64, "of a transformer")
    heads: int = setting(4, 1, 256, "of a transformer's attention; they divide its width")
    latents: int = setting(8, 1, 256, "choices that an RSSM's z is made of")
    classes: int = setting(8, 2, 256, "of each of them")
    blocks: str = choice(
        "plain",
        ("plain", "normed", "residual"),
        "hidden layers: plain ReLU, with a layer norm before it, or residual blocks of equal width",
    )
    head: str = choice(
        "auto",
        ("auto", "squashed", "greedy"),
        "auto: by the action space; squashed: Box actions by tanh, spread by what is seen; greedy: values of choices",
    )
    value_bins: int = setting(0, 0, 1001, "give each value as a distribution over so many bins, HL-Gauss; 0: a number")
    value_reach: float = setting(10.0, 1e-3, 1e6, "the bins lie from minus this to this; it must fit the returns")
    normalize: bool = flag(False, "bring observed quantities to mean 0 and deviation 1, by running statistics")


@dataclass(frozen=True)
class Optimizer:
    """How gradients move the weights."""

    name: str = choice("adam", ("adam", "muon"), "muon: hidden matrices by Muon, all else by Adam")
    learning_rate: float = setting(1e-3, 0.0, 10.0, "of Adam, at the start")
    muon_learning_rate: float = setting(0.01, 0.0, 10.0, "of Muon, at the start")
    schedule: str = choice("linear", ("constant", "linear", "cosine"), "of the learning rates")
    final_fraction: float = setting(0.1, 0.0, 1.0, "what is left of the learning rates at the end")
    beta1: float = setting(0.9, 0.0, 0.99999, "Adam's decay of the mean")
    beta2: float = setting(0.99, 0.0, 0.99999, "Adam's decay of the square")
    epsilon: float = setting(1e-5, 1e-12, 1.0, "Adam's smallest divisor")
    momentum: float = setting(0.95, 0.0, 0.99999, "Muon's")
    weight_decay: float = setting(0.0, 0.0, 10.0, "pull of the weights towards 0, per learning rate")
    relative: bool = flag(False, "let Adam count its steps anew in every rollout (Adam-Rel), keeping its means")
    max_grad_norm: float = setting(0.5, 1e-9, 1e9, "longest gradient")


@dataclass(frozen=True)
class Opponent:
    """Who steers the other sides where agents play each other; without a pool the policy plays itself."""

    pool: str = text(
        "", "any of self (its own past), random, bot:NAME, arena:NAME@LEVEL, run:NAME and files of bots or policies"
    )
    share: float = setting(0.5, 0.0, 1.0, "of the environments where they play; in the rest the policy plays itself")
    role: str = text("", "the policy's role against them; empty for each role in turn, environment by environment")
    separate: bool = flag(False, "a policy for each of two roles, each of which learns against the other")
    draw: str = choice(
        "pfsp", ("latest", "uniform", "pfsp", "ladder"), "who is met next: see docs/league.md; pfsp by win rates"
    )
    weight: str = choice("hard", ("hard", "even"), "pfsp by (1 - x)^power or x (1 - x) of the policy's win rate x")
    power: float = setting(2.0, 0.0, 100.0, "of pfsp's weight 'hard'")
    keep: int = setting(8, 1, 100, "snapshots of the policy at most; those that span the ratings best stay")
    snapshot_rate: float = setting(0.7, 0.0, 1.0, "mean points per game against the pool that make a snapshot due")
    snapshot_steps: int = setting(2_000_000, 0, 2**62, "steps since the last that make one due; 0: only the rate does")


@dataclass(frozen=True)
class Config:
    """All settings of a training run; the section of its algorithm is added by `config_type`."""

    env: str = text("", "an id of `list`, a dotted module, or a path to a .py file")
    algorithm: str = text("ppo", "how the policy learns: a name, or a path to a .py file")
    seed: int = setting(0, 0, 2**63 - 1, "of environments, weights and actions; other `threads`, another run")
    num_envs: int = setting(4096, 1, 2**24, "environments stepped together; fewer where an engine moves bodies")
    threads: int = setting(0, 0, 256, "threads that step and learn; 0 for one per core, at most 8")
    total_steps: int = setting(50_000_000, 1, 2**62, "environment steps of the whole run")
    params: dict[str, Any] = table("the environment's parameters")
    offline: str = text("", "a dataset, made by record-dataset, for algorithms that learn without playing")
    device: str = choice("cpu", ("cpu", "cuda", "mps", "auto"), "of the network; mps: of Apple's own")
    precision: str = choice("auto", ("float32", "bfloat16", "auto"), "of matrix products")
    compile: str = choice("auto", ("on", "off", "auto"), "torch.compile the network; auto: off on a CPU")
    gradients: str = choice("auto", ("fused", "autograd", "auto"), "kernels where they fit, or torch's autograd")
    checkpoint_minutes: float = setting(1.0, 0.0, 1e6, "between checkpoints")
    keep_checkpoints: int = setting(2, 1, 1000, "how many a run keeps")
    network: Network = section(Network)
    optimizer: Optimizer = section(Optimizer)
    opponent: Opponent = section(Opponent)
    curriculum: dict[str, Any] = table("who chooses parameters and levels: method, ranges, settings, lessons")

    def __post_init__(self) -> None:
        check(self)

    @property
    def method(self) -> Any:
        """The settings of the algorithm."""
        return getattr(self, find_algorithm(self.algorithm).section)


def config_type(algorithm: str) -> type[Config]:
    """Return the class of configs with the settings of an algorithm.

    Raises:
        UnknownName: there is no such algorithm.
    """
    return _config_type(find_algorithm(algorithm))


@functools.cache
def _config_type(found: Any) -> type[Config]:  # by class: a file or class that was edited keeps its name
    fields = [(found.section, found.settings, section(found.settings))]
    return cast(type[Config], dataclasses.make_dataclass("Config", fields, bases=(Config,), frozen=True))


def load_config(
    env_id: str,
    file: str | Path | None = None,
    overrides: Mapping[str, Any] | None = None,
    preset: str = "",
    algorithm: str = "",
    resumes: bool = False,
) -> Config:
    """Return the config of a run: defaults, the environment's tuned TOML, a preset, `file`, then `overrides`.

    What an algorithm asks for in place of what was tuned for PPO (`Algorithm.defaults`), and the parameters that a
    dataset was played with, come after the tuned TOML.

    Args:
        env_id: as `make` takes it.
        file: a TOML file of settings.
        overrides: dotted name -> value, such as {"ppo.gamma": 0.99}; text is read as TOML.
        preset: a name of `list_presets`.
        algorithm: in place of the config's own.
        resumes: see `check_fit`.

    Raises:
        UnknownName: an environment, algorithm, setting, preset or choice that does not exist.
        ParameterError: a value of the wrong type or out of range, or a file that cannot be read.
    """
    env = load_env(env_id)
    given: dict[str, Any] = {}
    if preset:
        _merge(given, _read_preset(preset))
    if file is not None:
        _merge(given, _read_file(Path(file)))
    for name, value in (overrides or {}).items():
        nested: dict[str, Any] = {}
        *parents, last = name.split(".")
        place = nested
        for parent in parents:
            place = place.setdefault(parent, {})
        place[last] = value
        _merge(given, nested)
    settings: dict[str, Any] = {"num_envs": env.usual_rows}
    if env.stepped_by is not None:  # steps of other libraries are dear
        _merge(settings, {**_read_preset("samples"), "total_steps": FOREIGN_STEPS})
    tuned = tuned_config(env_id)
    if tuned:
        _merge(settings, parse_toml(tuned, f"the config of '{env.name}'"))
    _merge(settings, find_algorithm(algorithm or str((settings | given).get("algorithm", "ppo"))).defaults)
    if given.get("offline"):
        _merge(settings, {"params": read_params(str(given["offline"]), env_id)})
    _drop_other_curriculum(settings.get("curriculum", {}), given.get("curriculum", {}))
    _merge(settings, given)
    meant = str(settings.get("env", env_id))
    if env_name(meant) != env_name(env_id):
        raise ParameterError(f"setting 'env' = '{meant}', but '{env_id}' was asked for; leave 'env' out of the config")
    settings["env"] = env_id
    if algorithm:
        settings["algorithm"] = algorithm
    _drop_other_methods(settings)
    config = from_dict(settings)
    check_fit(config, resumes)
    return config


def _drop_other_methods(settings: dict[str, Any]) -> None:
    """Leave out what a TOML says for other algorithms than the chosen one and those that it is made of.

    An algorithm that extends another takes what was tuned for that, where it has the setting and no value of its own.
    """
    chosen = find_algorithm(str(settings.get("algorithm", "ppo")))
    known = {each.name for each in dataclasses.fields(chosen.settings)}
    for parent in chosen.__mro__[1:]:
        base = settings.get(parent.__dict__.get("section", ""))
        if base is not None and parent.__dict__["section"] != chosen.section:
            kept = {name: value for name, value in base.items() if name in known}
            settings[chosen.section] = kept | settings.get(chosen.section, {})
    for name in list_algorithms():
        other = find_algorithm(name).section
        if other != chosen.section:
            settings.pop(other, None)


def _drop_other_curriculum(tuned: dict[str, Any], given: Any) -> None:
    """Leave out what a tuned curriculum says for another method than the one that was asked for."""
    if isinstance(given, dict) and "method" in given and given["method"] != method_of(tuned):
        for part in ("lessons", "ladders", "settings"):
            tuned.pop(part, None)


def list_presets() -> list[str]:
    """Return the names of the presets, which suit any environment."""
    folder = resources.files("puffer_arena.assets") / "presets"
    return sorted(entry.name.removesuffix(".toml") for entry in folder.iterdir() if entry.name.endswith(".toml"))


def _read_preset(name: str) -> dict[str, Any]:
    if name not in list_presets():
        raise UnknownName(f"unknown preset '{name}'; {suggest(name, list_presets())}")
    source = (resources.files("puffer_arena.assets") / "presets" / f"{name}.toml").read_text("utf-8")
    return parse_toml(source, f"preset '{name}'")


def check_fit(config: Config, resumes: bool = False) -> None:
    """Check the settings that name something of the environment.

    Args:
        resumes: a run goes on, whose checkpoint holds its opponents; files that they once came from may be gone.

    Raises:
        UnknownName: a parameter, bot or role that the environment does not have.
        ParameterError: a parameter out of range, or an opponent where there are no two sides.
    """
    env = load_env(config.env)
    env.build_params(config.params)
    _check_method(config)
    if config.network.critic == "state" and env.observe_state is None:
        raise ParameterError(
            f"network.critic = 'state' reads the global state, which environment '{env.name}' does not give: add "
            "global_state=... and a rule observe_state(s, p, obs) to it, or choose 'separate'"
        )
    if config.curriculum:
        load_curriculum(env, config.curriculum)
    if config.opponent.pool:
        check_role(env, config.opponent.role)
        for name in pool_names(config.opponent.pool):
            if name != SELF and not resumes:
                find_player(name, config.env)


def pool_names(pool: str) -> list[str]:
    """Return who is named in a pool, such as "self,bot:hunt".

    Raises:
        ParameterError: somebody is named twice.
    """
    names = [name.strip() for name in pool.split(",") if name.strip()]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ParameterError(f"opponent.pool = '{pool}' names '{twice[0]}' twice; name everybody once")
    return names


def _check_method(config: Config) -> None:
    """Check what an algorithm takes of the settings that all have.

    Raises:
        ParameterError: a memory that it has no use for, a dataset where it learns by playing, or none where it does not.
    """
    name, found = config.algorithm, find_algorithm(config.algorithm)
    if config.network.memory not in found.memories:
        raise ParameterError(
            f"network.memory = '{config.network.memory}' is not for algorithm '{name}'; it takes {', '.join(found.memories)}"
        )
    if found.offline and not config.offline:
        raise ParameterError(
            f"algorithm '{name}' learns from a dataset; name one with --offline DIR (offline=), and record it with: "
            "python -m puffer_arena record-dataset"
        )
    if config.offline and not found.offline:
        takers = ", ".join(each for each in list_algorithms() if find_algorithm(each).offline)
        raise ParameterError(
            f"algorithm '{name}' learns by playing and takes no dataset; those that take one: {takers}"
        )


def tuned_config(env_id: str) -> str:
    """Return the text of an environment's tuned TOML, empty if there is none.

    It is ours by name, a file's beside it, and for other libraries that of the environment, such as
    gymnasium-LunarLander-v3.toml, or of all that its library has: minigrid.toml.  Frames are learned with the game's own;
    pictures of it ask for another network.
    """
    game, options = split_id(env_id)
    if "pixels" not in options:
        env_id = game
    if env_id.endswith(".py"):
        beside = Path(env_id).with_suffix(".toml")
        return beside.read_text("utf-8") if beside.is_file() else ""
    names = [env_id]
    if is_foreign(env_id):
        names = [re.sub("[:/]", "-", env_name(env_id)), env_name(env_id).partition(":")[0]]
    folder = resources.files("puffer_arena.assets") / "configs"
    found = (folder / f"{name}.toml" for name in names)
    return next((file.read_text("utf-8") for file in found if file.is_file()), "")


def from_dict(settings: Mapping[str, Any]) -> Config:
    """Build a config from nested settings, as `to_dict` gives them.

    Raises:
        UnknownName: a setting or algorithm that does not exist.
        ParameterError: a value of the wrong type or out of range.
    """
    if not isinstance(settings, Mapping):
        raise ParameterError("settings of a run must be a table")
    name = str(settings.get("algorithm", "ppo"))
    kind = config_type(name)
    if name.endswith(".py"):
        settings = {**settings, "algorithm": named_file(name)}
    return cast(Config, build(kind, settings))


def to_dict(config: Config) -> dict[str, Any]:
    """Return the settings as nested dictionaries of plain values, fit for JSON."""
    return plain(config)


def _merge(into: dict[str, Any], new: Mapping[str, Any]) -> None:
    for name, value in new.items():
        if isinstance(value, Mapping) and isinstance(into.get(name), dict):
            _merge(into[name], value)
        else:
            into[name] = dict(value) if isinstance(value, Mapping) else value


def _read_file(path: Path) -> dict[str, Any]:
    try:
        source = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ParameterError(f"config file '{path}' cannot be read: {error}") from None
    return parse_toml(source, f"config file '{path}'")
