"""Where a policy comes from: the command that trains one alike, and what else is told of its run."""

import shlex
from collections.abc import Mapping
from typing import Any

from puffer_arena.core.params import pair_text
from puffer_arena.errors import ArenaError, FileError
from puffer_arena.trainers.config import Config, from_dict, load_config, to_dict

FREE_SETTINGS = ("env", "threads", "device", "precision", "compile", "gradients", "checkpoint_minutes")
CURRICULUM_PAIRS = ("ranges", "settings")  # tables that the command line takes in pairs


def origin_of(about: Mapping[str, Any], env: str, name: str) -> dict[str, Any]:
    """Return where a checkpoint's policy comes from: command, algorithm, seed, steps, seconds, changed settings.

    Args:
        about: what stands in the checkpoint.
        env: the id of its environment.
        name: of the checkpoint, for errors.

    Raises:
        FileError: the checkpoint does not tell.
    """
    try:
        config = from_dict({**about["config"], "env": env})
        steps, seconds, words = int(about["steps"]), float(about["seconds"]), words_of(config)
    except (ArenaError, AttributeError, KeyError, TypeError, ValueError) as error:  # of tables that are none, too
        raise FileError(f"{name} is damaged: {error}") from None
    return {
        "command": shlex.join(["python", "-m", "puffer_arena", "train", env, *words]),
        "algorithm": config.algorithm,
        "seed": config.seed,
        "steps": steps,
        "seconds": round(seconds, 1),
        "settings": _flat(_changed(config)),
    }


def words_of(config: Config) -> list[str]:
    """Return the arguments of `train ENV` that make a config, apart from what only the machine is concerned with.

    A curriculum's lessons and levels are not among them: the command line takes these from files.
    """
    changed, table = _changed(config), config.curriculum
    named = ["--algorithm", config.algorithm] if config.algorithm != load_config(config.env).algorithm else []
    if changed.pop("curriculum", None) is not None:
        named += setting_words("curriculum.method", table.get("method"))
        for part in CURRICULUM_PAIRS:
            named += _pairs(f"--curriculum.{part}", table.get(part, {}))
        named += ["--curriculum.weight", str(table["weight"])] if "weight" in table else []
    named += [word for key, value in _flat(changed).items() for word in setting_words(key, value)]
    return named + _pairs("--param", config.params)


def setting_words(key: str, value: Any) -> list[str]:
    """Return a setting as `train` takes it: "ppo.normalize_rewards", False is --ppo.no-normalize-rewards."""
    if key == "curriculum.method":
        return ["--curriculum", str(value or "fixed")]
    table, dot, name = key.replace("_", "-").rpartition(".")
    if isinstance(value, bool):
        return [f"--{table}{dot}{'' if value else 'no-'}{name}"]
    return [f"--{table}{dot}{name}", *map(str, value if isinstance(value, list | tuple) else (value,))]


def _pairs(option: str, values: Mapping[str, Any]) -> list[str]:
    return [word for pair in values.items() for word in (option, pair_text(*pair))]


def _changed(config: Config) -> dict[str, Any]:
    """Return the settings that are not those of the environment's tuned config, as a table of tables."""
    now = to_dict(load_config(config.env, algorithm=config.algorithm))
    changed: dict[str, Any] = {}
    for key, value in to_dict(config).items():
        if key in (*FREE_SETTINGS, "params") or now.get(key) == value:
            continue
        if isinstance(value, Mapping) and key != "curriculum":
            changed[key] = {name: each for name, each in value.items() if now.get(key, {}).get(name) != each}
        else:
            changed[key] = value
    return changed


def _flat(settings: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in settings.items():
        found |= _flat(value, f"{prefix}{key}.") if isinstance(value, Mapping) else {f"{prefix}{key}": value}
    return found
