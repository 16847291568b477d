"""What a training run is made of: defaults, then the environment's TOML, then what the caller overrides.

    config = load_config("snake", overrides={"ppo.gamma": 0.98, "params.rows": 9})

Unknown settings are errors.  Values of "auto" are resolved by the trainer, and the resolved config is what a run
folder keeps.
"""

import dataclasses
import sys
import tomllib
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

from puffer_arena.batch.seats import check_role
from puffer_arena.core.errors import ParameterError, UnknownName, shown, suggest
from puffer_arena.core.registry import load_env


@dataclass(frozen=True)
class Ppo:
    """Rollout, advantage and objective."""

    horizon: int = 32  # steps of every environment per rollout
    epochs: int = 1  # passes over a rollout
    minibatches: int = 4  # optimizer steps per epoch
    gamma: float = 0.99  # discount
    gae_lambda: float = 0.95  # trace decay of GAE and V-trace
    advantage: str = "gae"  # gae, vtrace
    objective: str = "clip"  # clip (PPO), importance (the plain policy gradient, ratio cut at rho_clip)
    clip: float = 0.2  # how far the probability ratio may move from 1
    value_coef: float = 0.5  # weight of the value loss
    value_clip: float = 0.0  # how far a value may move in one update; 0 for no limit
    entropy_coef: float = 0.01  # weight of the entropy bonus
    entropy_final: float = -1.0  # its weight at the end, reached in a straight line; below 0: no change
    max_grad_norm: float = 0.5  # longest gradient
    normalize_advantages: bool = True  # to mean 0 and deviation 1 over the rollout
    rho_clip: float = 1.0  # V-trace: cut of the importance weight in the value error
    c_clip: float = 1.0  # V-trace: cut of the importance weight in the trace


@dataclass(frozen=True)
class Network:
    """The policy's network; its inputs and outputs follow from the spaces."""

    hidden: tuple[int, ...] = (128, 128)  # widths of the hidden layers
    images: str = "auto"  # grids and pictures: mlp, cnn, or auto (pictures cnn, cell codes mlp)
    channels: tuple[int, ...] = (16, 32)  # of the convolutions
    memory: str = "none"  # none, gru, lstm: a recurrent layer after the hidden layers
    memory_size: int = 64  # width of the recurrent layer


@dataclass(frozen=True)
class Optimizer:
    """How gradients move the weights."""

    name: str = "adam"  # adam, or muon (hidden matrices by Muon, all else by Adam)
    learning_rate: float = 1e-3  # of Adam, at the start
    muon_learning_rate: float = 0.01  # of Muon, at the start
    schedule: str = "linear"  # of the learning rates: constant, linear, cosine
    final_fraction: float = 0.1  # what is left of the learning rates at the end
    beta1: float = 0.9  # Adam's decay of the mean
    beta2: float = 0.99  # Adam's decay of the square
    epsilon: float = 1e-5  # Adam's smallest divisor
    momentum: float = 0.95  # Muon's
    weight_decay: float = 0.0  # pull of the weights towards 0, per learning rate


@dataclass(frozen=True)
class Opponent:
    """Who steers the other side where agents are of several roles; without a bot the policy plays itself."""

    bot: str = ""  # a scripted bot of the environment
    share: float = 0.5  # of the environments where it plays; in the rest the policy plays itself
    role: str = ""  # the policy's role against it; empty for each role in turn, environment by environment


@dataclass(frozen=True)
class Config:
    """All settings of a training run."""

    env: str = ""  # an id of `list`, a dotted module, or a path to a .py file
    seed: int = 0  # of the environments, the weights and the actions
    num_envs: int = 4096  # environments stepped together; fewer where an engine moves bodies
    threads: int = 0  # threads that step and learn; 0 for one per core, at most 8
    total_steps: int = 50_000_000  # environment steps of the whole run
    params: dict[str, Any] = field(default_factory=dict)  # the environment's parameters
    device: str = "cpu"  # of the network: cpu, cuda, or auto
    precision: str = "auto"  # of matrix products: float32, bfloat16, or auto (see precision.py)
    compile: str = "auto"  # torch.compile the network: on, off, or auto (off on a CPU)
    gradients: str = "auto"  # fused (kernels, for plain networks on a CPU), autograd, or auto (fused where it fits)
    checkpoint_minutes: float = 1.0  # between checkpoints
    keep_checkpoints: int = 2  # how many a run keeps
    ppo: Ppo = field(default_factory=Ppo)
    network: Network = field(default_factory=Network)
    optimizer: Optimizer = field(default_factory=Optimizer)
    opponent: Opponent = field(default_factory=Opponent)

    def __post_init__(self) -> None:
        check_config(self)


CHOICES = {
    "device": ("cpu", "cuda", "auto"),
    "precision": ("float32", "bfloat16", "auto"),
    "compile": ("on", "off", "auto"),
    "gradients": ("fused", "autograd", "auto"),
    "ppo.advantage": ("gae", "vtrace"),
    "ppo.objective": ("clip", "importance"),
    "network.images": ("auto", "mlp", "cnn"),
    "network.memory": ("none", "gru", "lstm"),
    "optimizer.name": ("adam", "muon"),
    "optimizer.schedule": ("constant", "linear", "cosine"),
}
# Inclusive ranges; a setting that is not named here may be any number of its type.
RANGES: dict[str, tuple[float, float]] = {
    "num_envs": (1, 2**24),
    "threads": (0, 256),
    "total_steps": (1, 2**62),
    "seed": (0, 2**63 - 1),
    "checkpoint_minutes": (0.0, 1e6),
    "keep_checkpoints": (1, 1000),
    "ppo.horizon": (1, 4096),
    "ppo.epochs": (1, 100),
    "ppo.minibatches": (1, 4096),
    "ppo.gamma": (0.0, 1.0),
    "ppo.gae_lambda": (0.0, 1.0),
    "ppo.clip": (0.0, 10.0),
    "ppo.value_coef": (0.0, 1e3),
    "ppo.value_clip": (0.0, 1e6),
    "ppo.entropy_coef": (0.0, 10.0),
    "ppo.entropy_final": (-1.0, 10.0),
    "ppo.max_grad_norm": (1e-9, 1e9),
    "ppo.rho_clip": (0.0, 1e6),
    "ppo.c_clip": (0.0, 1e6),
    "network.memory_size": (1, 2**14),
    "optimizer.learning_rate": (0.0, 10.0),
    "optimizer.muon_learning_rate": (0.0, 10.0),
    "optimizer.final_fraction": (0.0, 1.0),
    "optimizer.beta1": (0.0, 0.99999),
    "optimizer.beta2": (0.0, 0.99999),
    "optimizer.epsilon": (1e-12, 1.0),
    "optimizer.momentum": (0.0, 0.99999),
    "optimizer.weight_decay": (0.0, 10.0),
    "opponent.share": (0.0, 1.0),
}


def load_config(env_id: str, file: str | Path | None = None, overrides: Mapping[str, Any] | None = None) -> Config:
    """Return the config of a run: defaults, the environment's tuned TOML, `file`, then `overrides`.

    Args:
        env_id: as `make` takes it.
        file: a TOML file of settings.
        overrides: dotted name -> value, such as {"ppo.gamma": 0.99}; text is read as TOML.

    Raises:
        UnknownName: an environment, setting or choice that does not exist.
        ParameterError: a value of the wrong type or out of range, or a file that cannot be read.
    """
    env = load_env(env_id)
    settings: dict[str, Any] = {"num_envs": env.usual_rows}
    tuned = tuned_config(env_id)
    if tuned:
        _merge(settings, _parse_toml(tuned, f"the config of '{env.name}'"))
    if file is not None:
        _merge(settings, _read_file(Path(file)))
    for name, value in (overrides or {}).items():
        nested: dict[str, Any] = {}
        *parents, last = name.split(".")
        place = nested
        for parent in parents:
            place = place.setdefault(parent, {})
        place[last] = value
        _merge(settings, nested)
    settings["env"] = env_id
    config = from_dict(settings)
    check_fit(config)
    return config


def check_fit(config: Config) -> None:
    """Check the settings that name something of the environment.

    Raises:
        UnknownName: a parameter, bot or role that the environment does not have.
        ParameterError: a parameter out of range, or an opponent where there are no two sides.
    """
    env = load_env(config.env)
    env.build_params(config.params)
    if config.opponent.bot:
        env.find_bot(config.opponent.bot)
        check_role(env, config.opponent.role)


def tuned_config(env_id: str) -> str:
    """Return the text of an environment's tuned TOML: ours by name, a file's beside it; empty if there is none."""
    if env_id.endswith(".py"):
        beside = Path(env_id).with_suffix(".toml")
        return beside.read_text("utf-8") if beside.is_file() else ""
    found = resources.files("puffer_arena.assets") / "configs" / f"{env_id}.toml"
    return found.read_text("utf-8") if found.is_file() else ""


def from_dict(settings: Mapping[str, Any]) -> Config:
    """Build a config from nested settings, as `to_dict` gives them.

    Raises:
        UnknownName: a setting that does not exist.
        ParameterError: a value of the wrong type or out of range.
    """
    return typing.cast(Config, _build(Config, settings, ""))


def to_dict(config: Config) -> dict[str, Any]:
    """Return the settings as nested dictionaries of plain values, fit for JSON."""
    return {
        name: {key: list(v) if isinstance(v, tuple) else v for key, v in value.items()}
        if isinstance(value, dict)
        else value
        for name, value in dataclasses.asdict(config).items()
    }


def _build(kind: Any, settings: Mapping[str, Any], prefix: str) -> Any:
    if not isinstance(settings, Mapping):
        raise ParameterError(f"settings {prefix or 'of a run'} must be a table, not {shown(settings)}")
    hints = typing.get_type_hints(kind)
    values = {}
    for name, value in settings.items():
        if name not in hints:
            raise UnknownName(f"unknown setting '{prefix}{name}'; {suggest(prefix + name, _all_names())}")
        values[name] = _convert(prefix + name, hints[name], value)
    return kind(**values)


def _all_names() -> list[str]:
    """Every dotted setting."""
    groups = {"ppo": Ppo, "network": Network, "optimizer": Optimizer, "opponent": Opponent}
    names = [f.name for f in dataclasses.fields(Config) if f.name not in groups]
    return names + [f"{group}.{f.name}" for group, kind in groups.items() for f in dataclasses.fields(kind)]


def _convert(name: str, kind: Any, value: Any) -> Any:
    """Return `value` as the setting's type."""
    if dataclasses.is_dataclass(kind) and isinstance(value, Mapping):
        return _build(kind, value, f"{name}.")
    if isinstance(value, kind if isinstance(kind, type) and not isinstance(kind, types.GenericAlias) else ()):
        if not (isinstance(value, bool) and kind is not bool):
            return value
    elif isinstance(value, str):
        return _convert(name, kind, _parse_toml(f"value = {value}", f"setting '{name}'")["value"])
    elif kind is float and isinstance(value, int) and not isinstance(value, bool) and abs(value) <= sys.float_info.max:
        return float(value)
    elif typing.get_origin(kind) is tuple and isinstance(value, list | tuple):
        return tuple(_convert(name, int, element) for element in value)
    elif typing.get_origin(kind) is dict and isinstance(value, Mapping):
        return {key: _plain_text(item) for key, item in value.items()}
    allowed = getattr(kind, "__name__", str(kind)) if not typing.get_origin(kind) else str(kind)
    raise ParameterError(f"setting '{name}' = {shown(value)} is of the wrong type; allowed: {allowed}")


def _plain_text(value: Any) -> Any:
    """Read text from a command line as the number or truth value it spells."""
    if not isinstance(value, str):
        return value
    try:
        return tomllib.loads(f"value = {value}")["value"]
    except (ValueError, RecursionError):
        return value


def check_config(config: Config) -> None:
    """Check choices and ranges.

    Raises:
        UnknownName: a choice that does not exist.
        ParameterError: a number out of range.
    """

    def read(name: str) -> Any:
        value: Any = config
        for part in name.split("."):
            value = getattr(value, part)
        return value

    for name, valid in CHOICES.items():
        if read(name) not in valid:
            raise UnknownName(f"setting '{name}' = '{read(name)}' is unknown; {suggest(read(name), valid)}")
    for name, (low, high) in RANGES.items():
        value = read(name)
        if not low <= value <= high:
            raise ParameterError(f"setting '{name}' = {shown(value)} is out of range; allowed: {low} to {high}")
    for name in ("network.hidden", "network.channels"):
        widths = read(name)
        if not widths or not all(1 <= width <= 2**14 for width in widths):
            raise ParameterError(f"setting '{name}' = {widths}: give at least one width, each from 1 to {2**14}")


def _merge(into: dict[str, Any], new: Mapping[str, Any]) -> None:
    for name, value in new.items():
        if isinstance(value, Mapping) and isinstance(into.get(name), dict):
            _merge(into[name], value)
        else:
            into[name] = dict(value) if isinstance(value, Mapping) else value


def _read_file(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ParameterError(f"config file '{path}' cannot be read: {error}") from None
    return _parse_toml(text, f"config file '{path}'")


def _parse_toml(text: str, what: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # of TOML, or of whole numbers with thousands of digits
        raise ParameterError(f"{what} is no TOML: {error}") from None
