"""Algorithms, one file each; the file's name is the algorithm's."""

import functools
import importlib
import pkgutil
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from puffer_arena.errors import DefinitionError, ParameterError, UnknownName, shown, suggest
from puffer_arena.registry import import_class

if TYPE_CHECKING:
    from puffer_arena.trainers.algorithms.algorithm import Algorithm

PARTS = (
    "algorithm",
    "on_policy",
    "two_critics",
    "bonus",
    "off_policy",
    "offline",
    "replayed",
)  # what algorithms are made of
_named: dict[str, "type[Algorithm]"] = {}  # what a person has named: files by their resolved path, classes by theirs


@functools.cache
def list_algorithms() -> list[str]:
    """Return the names of the algorithms that come with puffer_arena."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__) if module.name not in PARTS)


def find_algorithm(name: str) -> "type[Algorithm]":
    """Return the class of an algorithm: one of `list_algorithms`, or a file that `load_algorithm` has loaded.

    Configs and checkpoints name their algorithm, and come from anywhere: no file is imported here.

    Raises:
        UnknownName: neither.
    """
    found = _named.get(named_file(name) if name.endswith(".py") else name)
    if found is not None:
        return found
    if name.endswith(".py"):
        raise UnknownName(
            f"algorithm '{name}' is a file, which is only read where a person names it: --algorithm {name}"
        )
    if name not in list_algorithms():
        raise UnknownName(f"unknown algorithm '{name}'; {suggest(name, list_algorithms())}")
    module = importlib.import_module(f"{__name__}.{name}")
    algorithm: type[Algorithm] = module.ALGORITHM
    return algorithm


def named_file(name: str) -> str:
    """Return the path by which a person named an algorithm's file; one of its name elsewhere, where it was moved."""
    path = Path(name).resolve()
    moved = [known for known in _named if known.endswith(".py") and Path(known).name == path.name]
    return str(path) if str(path) in _named or len(moved) != 1 else moved[0]


def check_named(settings: Any, what: str, resume: str = "RUN") -> None:
    """Check that the algorithm of a config from a file was named by a person, where it is a file itself.

    Args:
        settings: the config as it was read.
        what: the run or checkpoint, for the error.
        resume: what to resume.

    Raises:
        ParameterError: it was not; it says what to type.
    """
    name = settings.get("algorithm") if isinstance(settings, Mapping) else None
    if not isinstance(name, str):
        return
    if ":" in name and not name.endswith(".py") and name not in _named:
        raise ParameterError(
            f"{what} was trained by a class or a loss of your own, {shown(name)}; go on with it from Python, where it is: "
            "puffer_arena.train(..., algorithm= or loss= as before, folder=..., resume=True)"
        )
    if name.endswith(".py") and named_file(name) not in _named:
        raise ParameterError(
            f"{what} was trained by an algorithm of your own, {shown(name)}; no file of a run chooses what is imported, "
            f"so name it: train --resume {shlex.quote(resume)} --algorithm {shlex.quote(Path(name).name)}, with its path "
            "(algorithm= in Python)"
        )


def load_algorithm(named: "str | type[Algorithm]") -> str:
    """Take the algorithm that a person names, by its name, its file or its class, and return what configs call it.

    Raises:
        UnknownName: there is none of this name.
        FileError: a file that is not there or cannot be imported.
        DefinitionError: a file without an algorithm.
    """
    from puffer_arena.trainers.algorithms.algorithm import Algorithm

    if isinstance(named, type):
        if not issubclass(named, Algorithm):
            raise DefinitionError(f"algorithm {named.__name__} is no subclass of Algorithm")
        name = f"{named.__module__}:{named.__qualname__}"
        _named[name] = named
        return name
    name = named
    if not name.endswith(".py"):
        find_algorithm(name)
        return name
    path, found = import_class(name, "algorithm", "ALGORITHM", Algorithm, list_algorithms())
    _named[path] = found
    return path


def with_loss(name: str, loss: Any) -> str:
    """Take a variant of an algorithm that trains another loss, and return what configs call it."""
    base = find_algorithm(name)
    kind = type(
        f"{base.__name__}_{loss.__name__}", (base,), {"losses": lambda _: [loss], "__module__": loss.__module__}
    )
    return load_algorithm(kind)
