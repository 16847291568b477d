"""Checkpoints: everything that the next update depends on, in one file."""

import dataclasses
import math
from pathlib import Path
from typing import Any

from puffer_arena.batch.rows import allocate_rows
from puffer_arena.batch.saving.snapshot import PARTS, layout
from puffer_arena.errors import ArenaError, FileError, TrainingError
from puffer_arena.machine.files import write_bytes
from puffer_arena.registry import choose_env, is_same_env, load_env
from puffer_arena.trainers.actor import CHECKPOINT_KIND, CHECKPOINT_VERSION, check_sizes
from puffer_arena.trainers.algorithms import check_named, find_algorithm
from puffer_arena.trainers.algorithms.algorithm import Algorithm
from puffer_arena.trainers.config import Config, from_dict, to_dict
from puffer_arena.trainers.networks.policy import MakeEncoder, Policy, find_central
from puffer_arena.trainers.networks.roles import build_policy_of
from puffer_arena.trainers.runs.tensorfile import pack, read_bytes, unpack
from puffer_arena.trainers.trainer import make_trainer

# Settings that may differ between a run and its continuation; with other threads, device or precision it goes on
# correctly but no longer bit for bit.
FREE = ("total_steps", "offline", "checkpoint_minutes", "keep_checkpoints", "threads", "device", "precision", "compile")

DESCRIPTION: dict[str, Any] = {
    "config": dict,
    "env": dict,
    "layout": str,
    "steps": int,
    "updates": int,
    "seconds": int | float,
    "learning_rate": int | float,
}
MAX_NUMBER = 2**62
Stored = tuple[dict[str, Any], dict[str, Any], Config]  # tensors, description and config


def save_checkpoint(path: str | Path, trainer: Algorithm) -> None:
    """Write a checkpoint; a crash meanwhile leaves the old file.

    Raises:
        OSError: the disk is full or the folder cannot be written; the old file is as it was.
        TrainingError: a weight is not finite; the old file is as it was.
    """
    tensors, about = trainer.state()
    for name, value in trainer.policy.named_parameters():
        if not value.isfinite().all():
            raise TrainingError(f"weight '{name}' is not finite, so no checkpoint is written; resume from the last one")
    write_bytes(Path(path), pack(CHECKPOINT_KIND, CHECKPOINT_VERSION, tensors, about))


def load_checkpoint(path: str | Path) -> Stored:
    """Return a checkpoint's tensors, its description and its config.

    Raises:
        FileError: truncated, damaged, no checkpoint, or from a newer version.
        ParameterError: its algorithm is a file that nobody has named.
    """
    _, tensors, about = unpack(read_bytes(path), {CHECKPOINT_KIND: CHECKPOINT_VERSION}, f"checkpoint '{path}'")
    missing = [key for key, kind in DESCRIPTION.items() if not _is_a(kind, about.get(key))]
    if missing or "generator" not in tensors:
        raise FileError(f"checkpoint '{path}' is damaged: it lacks {', '.join(missing) or 'the generator'}")
    learned = about["updates"] and about.get("learned", True) is not False  # some play for a while before they learn
    if learned and not any(key.startswith("optimizer/") for key in tensors):
        raise FileError(f"checkpoint '{path}' is damaged: it lacks the optimizer's state")
    check_named(about["config"], f"checkpoint '{path}'")
    try:
        config = from_dict(about["config"])
    except (ArenaError, TypeError, AttributeError) as error:
        raise FileError(f"checkpoint '{path}' is damaged: {error}") from None
    return tensors, about, config


def _is_a(kind: Any, value: Any) -> bool:
    """Tell whether a value from outside is of a kind, and a number one to count with."""
    if isinstance(value, bool) or not isinstance(value, kind):
        return False
    return not isinstance(value, int | float) or (value <= MAX_NUMBER and math.isfinite(value))


def restore_trainer(path: str | Path, config: Config | None = None, env: str = "") -> Algorithm:
    """Make the trainer that a checkpoint was saved from.

    Args:
        config: what the caller means to train; it may differ in the settings named in FREE only.  Those "auto" there
            stay as the checkpoint has them.
        env: without `config`, the id of the environment; needed unless that comes with puffer_arena, for nothing that
            a file names is imported.

    Raises:
        FileError: the file is damaged or does not fit its environment.
        TrainingError: it is of another environment or config than `config`.
        ParameterError: it is of another environment than `env`, or of one that has to be named.
    """
    return make_restored(path, load_checkpoint(path), config, env)


def make_restored(
    path: str | Path,
    stored: Stored,
    config: Config | None = None,
    env: str = "",
    make_encoder: MakeEncoder | None = None,
) -> Algorithm:
    """Make the trainer that a checkpoint was saved from: `restore_trainer`, with what `load_checkpoint` returned."""
    tensors, about, saved = stored
    name, rules = f"checkpoint '{path}'", str(about["env"].get("rules", ""))
    if config is None:
        config = dataclasses.replace(saved, env=choose_env(saved.env, rules, env, name))
    else:
        config = continued(saved, config, name, rules)
    check_stored(tensors, about, config, name, make_encoder)
    trainer = make_trainer(config, make_encoder)
    try:
        trainer.load_state(tensors, about, name)
    except ArenaError:
        trainer.close()
        raise
    return trainer


def check_stored(
    tensors: dict[str, Any],
    about: dict[str, Any],
    config: Config,
    name: str,
    make_encoder: MakeEncoder | None = None,
) -> None:
    """Compare the sizes of what a checkpoint holds with what its config asks for, before anything of that size is made.

    Raises:
        FileError: they differ, or the environment's State is another than it was.
    """
    env = load_env(config.env)
    try:
        values = env.build_params(config.params)
    except ArenaError as error:
        raise FileError(f"{name} does not fit environment '{env.name}': {error}") from None
    row = allocate_rows(env, values, 1)
    if about["layout"] != layout(env, row).hex():
        raise FileError(
            f"{name} is of another State, version or size than '{env.name}' version {env.version} has now; undo what "
            "was changed there to go on with it, or start a new run"
        )
    for part in PARTS:
        stored, wanted = tensors.get(f"rows/{part}"), config.num_envs * getattr(row, part).nbytes
        size = 0 if stored is None else stored.numel() * stored.element_size()
        if size != wanted:
            raise FileError(
                f"{name} is damaged: its '{part}' have {size} bytes, but {config.num_envs} environments have {wanted}"
            )
    weights = {key.removeprefix("policy/"): value for key, value in tensors.items() if key.startswith("policy/")}
    spaces = env.spaces(values)
    values_of = find_algorithm(config.algorithm).values
    central = find_central(env, values, config.network)

    def make() -> Policy:
        return build_policy_of(*spaces, config.network, values=values_of, make_encoder=make_encoder, central=central)

    check_sizes(make, weights, name)


def continued(saved: Config, wanted: Config | None, name: str, rules: str = "") -> Config:
    """Return the config with which a run goes on.

    Args:
        saved: the run's.
        wanted: what the caller means to train; its `env` is what a person named, and may lie elsewhere by now.
        name: the run or file, for errors.
        rules: see `is_same_env`.

    Raises:
        TrainingError: `wanted` is of another environment, or differs in a setting that a run may not change.
    """
    if wanted is None:
        return saved
    if not is_same_env(saved.env, rules, wanted.env):
        raise TrainingError(
            f"{name} is of environment {saved.env[:200]!r}, not '{wanted.env}'; resume it with its own or start anew"
        )
    saved = dataclasses.replace(saved, env=wanted.env)
    old, new = to_dict(saved), to_dict(wanted)
    different = list(differences(old, new))
    if different:
        raise TrainingError(
            f"{name} was made with another config: {'; '.join(different[:5])}. Resume with its own settings, or start "
            f"a new run (free to change: {', '.join(FREE)})"
        )
    for key in FREE:
        if new[key] not in ("auto", 0):
            old[key] = new[key]
    return from_dict(old)


def differences(old: dict[str, Any], new: dict[str, Any], prefix: str = "") -> list[str]:
    """Name the settings that differ and may not."""
    found = []
    for key in sorted(old.keys() | new.keys()):
        a, b = old.get(key), new.get(key)
        if isinstance(a, dict) and isinstance(b, dict):
            found += differences(a, b, f"{prefix}{key}.")
        elif a != b and prefix + key not in FREE:
            found.append(f"{prefix}{key} is {a!r} there and {b!r} here")
    return found
