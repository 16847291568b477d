"""Finding run folders by what a person types: nothing for the newest, a name, or a path."""

from collections.abc import Sequence
from pathlib import Path

from puffer_arena.errors import ParameterError, UnknownName, suggest
from puffer_arena.players.names import run_named
from puffer_arena.registry import list_envs, split_id
from puffer_arena.trainers.runs.log import find_checkpoints

EARLIER = (0.1, 0.33)  # after which parts of a training a policy is of use as a weaker opponent


def find_run(name: str, runs_dir: str, saved: bool = False) -> Path:
    """Return a run's folder.

    Args:
        name: a folder, a name below `runs_dir`, or "" or "newest" for the run that was written to last.
        saved: the newest is looked for among runs with a checkpoint, if there are any.

    Raises:
        UnknownName: there is no such run.
    """
    runs = {path.parent.name: path.parent for path in Path(runs_dir).glob("*/config.json")}
    if name in ("", "newest"):
        if not runs:
            raise UnknownName(f"there are no runs in '{runs_dir}'; start one with: python -m puffer_arena train snake")
        with_checkpoints = [folder for folder in runs.values() if saved and find_checkpoints(folder)]
        return max(with_checkpoints or runs.values(), key=last_written)
    for folder in (Path(name), Path(runs_dir) / name):
        if (folder / "config.json").is_file():
            return folder
    if Path(name).is_dir():
        raise UnknownName(f"'{name}' is no run folder: it has no config.json")
    hint = suggest(name, runs) if runs else f"there are none in '{runs_dir}'"
    raise UnknownName(f"unknown run '{name}'; {hint} (--runs-dir says where runs are)")


def find_checkpoint(name: str, runs_dir: str) -> Path:
    """Return the newest checkpoint of a run, as `find_run` takes it.

    Raises:
        UnknownName: there is no such run.
        ParameterError: the run has no checkpoint.
    """
    folder = find_run(name, runs_dir, saved=True)
    found = find_checkpoints(folder)
    if not found:
        raise ParameterError(f"run '{folder}' has no checkpoint yet")
    return found[-1]


def find_policy(name: str, runs_dir: str) -> Path:
    """Return a file with a policy: `name` itself, or the newest checkpoint of the run that it means (`run_named`).

    Raises:
        UnknownName, ParameterError: see `find_checkpoint`; or there is no such file.
    """
    if Path(name).is_file():
        return Path(name)
    if (run := run_named(name)) is None:
        raise UnknownName(f"'{name}' is no file or run's folder; a run is named run:NAME, such as run:newest")
    return find_checkpoint(run, runs_dir)


def find_earlier(checkpoint: Path, parts: Sequence[float] = EARLIER) -> list[Path]:
    """Return the checkpoints that a run kept from about some parts of the way to one of its own, each once; none elsewhere.

    Args:
        checkpoint: a file in a run's folder.
        parts: of its steps, ascending.
    """
    steps = {path: int(path.stem) for path in find_checkpoints(checkpoint.parent.parent)}
    if checkpoint not in steps:
        return []
    before = [path for path in steps if steps[path] < steps[checkpoint]]
    nearest = (min(before, key=lambda path: abs(steps[path] - part * steps[checkpoint])) for part in parts if before)
    return list(dict.fromkeys(nearest))


def portable(env_id: str) -> str:
    """Return an id that means the same from another working directory."""
    return str(Path(env_id).resolve()) if env_id.endswith(".py") else env_id


def naming(env_id: str) -> tuple[str, ...]:
    """Return what a follow-up command needs to name a run's environment: nothing for one of puffer_arena's own."""
    return () if split_id(env_id)[0] in list_envs() else (env_id,)


def last_written(folder: Path) -> float:
    """Return when the run last wrote metrics, a checkpoint or its config, in seconds since the epoch."""
    names = ("live.json", "metrics.jsonl", "config.json", "checkpoints")
    return max(((folder / name).stat().st_mtime for name in names if (folder / name).exists()), default=0.0)
