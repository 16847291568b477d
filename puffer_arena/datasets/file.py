"""A dataset on the disk: a folder with one JSON file and one file of plain numbers for each column.

    DIR/  dataset.json  observations  masks  actions  rewards  lengths  terminated

dataset.json says which game, version and spaces, who played, how many steps and episodes, and each column's SHA-256.
Columns are the arrays' bytes and nothing else: their types and shapes follow from the game's own spaces, so a file
can neither choose them nor be executed.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from puffer_arena.batch.limits import memory_bytes, readable_size
from puffer_arena.datasets.dataset import Column, Dataset, columns_of, same_game
from puffer_arena.errors import FileError, ParameterError
from puffer_arena.machine.files import write_bytes

KIND, VERSION = "puffer_arena dataset", 1
ABOUT = "dataset.json"
MOST_ABOUT = 1 << 20  # bytes of dataset.json
MOST_STEPS = 1 << 40


def write_dataset(dataset: Dataset, folder: str | Path) -> None:
    """Write a dataset into a folder that is not there yet; a crash meanwhile leaves no such folder.

    Raises:
        ParameterError: the folder exists.
        OSError: it cannot be written.
    """
    folder = Path(folder)
    if folder.exists():
        raise ParameterError(f"'{folder}' exists; name a folder that does not")
    beside = folder.with_name(f".{folder.name}.{os.getpid()}.tmp")
    beside.mkdir(parents=True)
    try:
        digests = {}
        for name in columns_of(dataset.about, dataset.steps, dataset.episodes):
            data = np.ascontiguousarray(getattr(dataset, name)).tobytes()
            digests[name] = hashlib.sha256(data).hexdigest()
            write_bytes(beside / name, data)
        about = {
            "kind": KIND,
            "version": VERSION,
            **dataset.about.noted(),
            "steps": dataset.steps,
            "episodes": dataset.episodes,
            "sha256": digests,
        }
        write_bytes(beside / ABOUT, json.dumps(about, indent=2).encode())
        os.replace(beside, folder)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def read_about(folder: str | Path) -> dict[str, Any]:
    """Return what a dataset says about itself, believed in nothing yet.

    Raises:
        FileError: there is none, or it is damaged or from a newer version.
    """
    path = Path(folder) / ABOUT
    try:
        with path.open("rb") as file:
            text = file.read(MOST_ABOUT + 1)
    except OSError as error:
        raise FileError(
            f"'{folder}' is no dataset: '{ABOUT}' in it cannot be read ({error.strerror}); record one with: "
            "python -m puffer_arena record-dataset"
        ) from None
    if len(text) > MOST_ABOUT:
        raise FileError(f"'{path}' has more than {MOST_ABOUT} bytes, so it is none of ours")
    try:
        about = json.loads(text)
        fits = isinstance(about, dict) and about["kind"] == KIND and isinstance(about["version"], int)
    except (ValueError, KeyError, RecursionError):
        fits = False
    if not fits:
        raise FileError(f"'{path}' is damaged or no dataset of puffer_arena")
    if about["version"] > VERSION:
        raise FileError(
            f"'{folder}' has version {about['version']}; this puffer_arena reads up to {VERSION}: update it"
        )
    return dict(about)


def read_params(folder: str | Path, env: str) -> dict[str, Any]:
    """Return the parameters of a game that a dataset was played with.

    Raises:
        FileError: it is of another game, version or spaces, or see `read_about`.
    """
    return dict(same_game(read_about(folder), env, f"dataset '{folder}'").params)


def read_dataset(folder: str | Path, env: str, known: int | None = None) -> Dataset:
    """Read a dataset of a game whole.

    Args:
        folder: where it lies.
        env: the game, as a person named it: nothing that a file names is imported.
        known: bytes of memory; those that this process could have by default.

    Raises:
        FileError: it is of another game, version or spaces, empty, damaged, or from a newer version.
        ParameterError: it does not fit into memory; nothing has been allocated.
    """
    about, name = read_about(folder), f"dataset '{folder}'"
    made = same_game(about, env, name)
    steps, episodes, digests = (about.get(key, 0) for key in ("steps", "episodes", "sha256"))
    counts = all(isinstance(count, int) and not isinstance(count, bool) for count in (steps, episodes))
    if not counts or not isinstance(digests, dict) or not 0 <= episodes <= steps <= MOST_STEPS:
        raise FileError(f"{name} is damaged: it says that it has {steps!r} steps in {episodes!r} episodes")
    if not episodes:
        raise FileError(f"{name} is empty: it holds no episode")
    columns = columns_of(made, steps, episodes)
    need, there = sum(column.nbytes for column in columns.values()), known or memory_bytes()
    if need > there:
        raise ParameterError(
            f"{name} takes {readable_size(need)} of memory, and there are {readable_size(there)}; record a smaller one"
        )
    for column_name, column in columns.items():
        _check_size(Path(folder) / column_name, column, name)
    arrays = {key: _read(Path(folder) / key, column, digests, name) for key, column in columns.items()}
    if arrays["masks"].view(np.uint8).max(initial=0) > 1 or arrays["terminated"].view(np.uint8).max(initial=0) > 1:
        raise FileError(f"{name} is damaged: a flag is neither 0 nor 1")
    dataset = Dataset(made, **arrays)
    dataset.check(name)
    return dataset


def _check_size(path: Path, column: Column, name: str) -> None:
    """Compare a file's size with its column's, before anything is allocated."""
    try:
        size = os.stat(path).st_size
    except OSError as error:
        raise FileError(f"{name} is damaged: '{path.name}' cannot be read ({error.strerror})") from None
    if size != column.nbytes:
        raise FileError(f"{name} is damaged: '{path.name}' has {size} bytes, not {column.nbytes}")


def _read(path: Path, column: Column, digests: Mapping[str, Any], name: str) -> Any:
    try:
        data = np.fromfile(path, np.uint8, column.nbytes)
    except OSError as error:
        raise FileError(f"{name}: '{path.name}' cannot be read ({error.strerror})") from None
    if data.nbytes != column.nbytes or hashlib.sha256(data.data).hexdigest() != digests.get(path.name):
        raise FileError(f"{name} is damaged: the checksum of '{path.name}' does not fit its content")
    return data.view(column.dtype).reshape(column.shape)
