"""Checkpoints: everything that the next update depends on, in one file."""

from pathlib import Path
from typing import Any

from puffer_arena.core.errors import ArenaError, FileError, TrainingError
from puffer_arena.trainers.actor import CHECKPOINT_KIND, CHECKPOINT_VERSION
from puffer_arena.trainers.algorithms.algorithm import Algorithm
from puffer_arena.trainers.config import Config, from_dict, to_dict
from puffer_arena.trainers.tensorfile import pack, read_bytes, unpack, write_bytes
from puffer_arena.trainers.trainer import make_trainer

# Settings that may differ between a run and its continuation; with other threads, device or precision it goes on
# correctly but no longer bit for bit.
FREE = ("total_steps", "checkpoint_minutes", "keep_checkpoints", "threads", "device", "precision", "compile")

DESCRIPTION: dict[str, Any] = {
    "config": dict,
    "env": dict,
    "layout": str,
    "steps": int,
    "updates": int,
    "seconds": int | float,
    "learning_rate": int | float,
}


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


def load_checkpoint(path: str | Path) -> tuple[dict[str, Any], dict[str, Any], Config]:
    """Return a checkpoint's tensors, its description and its config.

    Raises:
        FileError: truncated, damaged, no checkpoint, or from a newer version.
    """
    _, tensors, about = unpack(read_bytes(path), {CHECKPOINT_KIND: CHECKPOINT_VERSION}, f"checkpoint '{path}'")
    missing = [key for key, kind in DESCRIPTION.items() if not isinstance(about.get(key), kind)]
    if missing or "generator" not in tensors:
        raise FileError(f"checkpoint '{path}' is damaged: it lacks {', '.join(missing) or 'the generator'}")
    try:
        config = from_dict(about["config"])
    except (ArenaError, TypeError, AttributeError) as error:
        raise FileError(f"checkpoint '{path}' is damaged: {error}") from None
    return tensors, about, config


def restore_trainer(path: str | Path, config: Config | None = None) -> Algorithm:
    """Make the trainer that a checkpoint was saved from.

    Args:
        config: what the caller means to train; it may differ in the settings named in FREE only.  Those "auto" there
            stay as the checkpoint has them.

    Raises:
        FileError: the file is damaged or does not fit its environment.
        TrainingError: it is of another environment or config than `config`.
    """
    tensors, about, saved = load_checkpoint(path)
    trainer = make_trainer(continued(saved, config, f"checkpoint '{path}'"))
    try:
        trainer.load_state(tensors, about, f"checkpoint '{path}'")
    except ArenaError:
        trainer.close()
        raise
    return trainer


def continued(saved: Config, wanted: Config | None, name: str) -> Config:
    """Return the config with which a run goes on.

    Raises:
        TrainingError: `wanted` is of another environment, or differs in a setting that a run may not change.
    """
    if wanted is None:
        return saved
    if saved.env != wanted.env:
        raise TrainingError(
            f"{name} is of environment '{saved.env}', not '{wanted.env}'; resume it with '{saved.env}' or start anew"
        )
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
