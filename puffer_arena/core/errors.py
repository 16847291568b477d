"""The errors puffer_arena raises on purpose, all below one root.

    ArenaError
    ├── UnknownName (ValueError)      an environment, bot, key or setting that does not exist
    ├── DefinitionError (TypeError)   an environment that is written wrongly
    ├── ParameterError (ValueError)   a parameter outside its declared range or of the wrong type
    ├── ActionError (ValueError)      actions of the wrong shape, dtype or value
    ├── SpaceError (ValueError)       a value that does not lie in its space
    ├── FileError (ValueError)        a file from outside that is damaged, foreign or of another version
    ├── TrainingError (RuntimeError)  a run that cannot go on: a NaN, an unusable run folder
    ├── PhysicsError (RuntimeError)   forces or poses that no engine can work with
    ├── DisplayError (RuntimeError)   no renderer works on this machine
    ├── WorkerError (RuntimeError)    a worker process that died or failed
    ├── BusyError (RuntimeError)      a batch that another thread is stepping
    └── MissingExtra (ImportError)    an optional dependency that is not installed

Each message says what was wrong, the value, what is allowed and what to do.
"""

import difflib
import importlib
from collections.abc import Iterable
from types import ModuleType


class ArenaError(Exception):
    """Root of everything this package raises on purpose."""


class UnknownName(ArenaError, ValueError):
    """A name that nothing answers to."""


class DefinitionError(ArenaError, TypeError):
    """An environment whose definition does not hold together."""


class ParameterError(ArenaError, ValueError):
    """A parameter outside its declared range, or of the wrong type."""


class ActionError(ArenaError, ValueError):
    """Actions of the wrong shape, dtype or value; nothing was stepped."""


class SpaceError(ArenaError, ValueError):
    """A value that does not lie in its space."""


class FileError(ArenaError, ValueError):
    """A file from outside that is damaged, foreign or of another version."""


class TrainingError(ArenaError, RuntimeError):
    """A training run that cannot go on."""


class PhysicsError(ArenaError, RuntimeError):
    """Forces or poses, written by the rules, that no engine can work with."""


class DisplayError(ArenaError, RuntimeError):
    """No way to draw on this machine."""


class WorkerError(ArenaError, RuntimeError):
    """A worker process that died, or failed by an error that is not one of ours."""


class BusyError(ArenaError, RuntimeError):
    """A batch that another thread is stepping; nothing was stepped."""


class MissingExtra(ArenaError, ImportError):
    """An optional dependency that is not installed."""


def shown(value: object) -> str:
    """Return a value as text that fits a message."""
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # a whole number of thousands of digits, or a nest too deep
        return f"{type(value).__name__} too large to show"
    return text if len(text) <= 100 else f"{text[:100]}..."


def suggest(name: str, valid: Iterable[str]) -> str:
    """Return a hint after an unknown name: the closest valid one, or the list of them."""
    valid = sorted(valid)
    close = difflib.get_close_matches(name, valid, n=1)
    if close:
        return f"did you mean '{close[0]}'?"
    return f"valid are: {', '.join(valid)}" if valid else "there are none"


def require(module: str, extra: str) -> ModuleType:
    """Import an optional dependency, or say which command installs it.

    Raises:
        MissingExtra: `module` is not installed.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or not module.startswith(error.name.split(".")[0]):
            raise
        raise MissingExtra(
            f"'{error.name}' is not installed; install it with: pip install 'puffer-arena[{extra}]'"
        ) from error
