"""The errors puffer_arena raises on purpose, all below one root.

    ArenaError
    ├── UnknownName (ValueError)      an environment, bot, key or setting that does not exist
    │   └── UnknownKeyword (TypeError)  the same, given as a keyword argument
    ├── DefinitionError (TypeError)   an environment that is written wrongly
    ├── ParameterError (ValueError)   a parameter outside its declared range or of the wrong type
    │   └── UnnamedEnv                an environment that a file names and a person has not
    ├── ActionError (ValueError)      actions of the wrong shape, dtype or value
    ├── SpaceError (ValueError)       a value that does not lie in its space
    ├── FileError (ValueError)        a file from outside that is damaged, foreign or of another version
    ├── TrainingError (RuntimeError)  a run that cannot go on: a NaN, an unusable run folder
    ├── PhysicsError (RuntimeError)   forces or poses that no engine can work with
    ├── DisplayError (RuntimeError)   no renderer works on this machine
    ├── DeviceError (RuntimeError)    a GPU that is not there, or cannot be used
    ├── OutputError (OSError)         a standard output that cannot be written
    ├── WorkerError (RuntimeError)    a worker process that died or failed
    ├── BusyError (RuntimeError)      a batch that another thread is stepping
    ├── ClosedError (RuntimeError)    a batch that has been closed
    └── MissingExtra (ImportError)    an optional dependency that is not installed

Each message says what was wrong, the value, what is allowed and what to do.
"""

import difflib
import importlib
import re
from collections.abc import Iterable
from types import ModuleType

SUGGESTED_FROM = 0.6  # likeness from which a valid name may be what was meant
INITIALS = 0.95  # likeness of a name and its initials; a name itself is nearer
MAX_SHOWN = 500  # characters of a text from outside


class ArenaError(Exception):
    """Root of everything this package raises on purpose."""


class UnknownName(ArenaError, ValueError):
    """A name that nothing answers to."""


class UnknownKeyword(UnknownName, TypeError):
    """A keyword argument that nothing answers to: callers of Python expect a TypeError."""


class DefinitionError(ArenaError, TypeError):
    """An environment whose definition does not hold together."""


class ParameterError(ArenaError, ValueError):
    """A parameter outside its declared range, or of the wrong type."""


class UnnamedEnv(ParameterError):
    """An environment that a file or message names, and that nobody but a person may have imported.

    Attributes:
        recorded: the id in the file, from outside and unchecked.
    """

    def __init__(self, text: str, recorded: str) -> None:
        super().__init__(text)
        self.recorded = recorded


class ActionError(ArenaError, ValueError):
    """Actions of the wrong shape, dtype or value; nothing was stepped."""


class SpaceError(ArenaError, ValueError):
    """A value that does not lie in its space."""


class FileError(ArenaError, ValueError):
    """A file from outside that is damaged, foreign or of another version.

    Its message is one line whatever the file holds: it may quote other errors, and they the file's own names.
    """

    def __init__(self, text: str) -> None:
        super().__init__(printable(text, len(text)))


class TrainingError(ArenaError, RuntimeError):
    """A training run that cannot go on."""


class PhysicsError(ArenaError, RuntimeError):
    """Forces or poses, written by the rules, that no engine can work with."""


class DisplayError(ArenaError, RuntimeError):
    """No way to draw on this machine."""


class DeviceError(ArenaError, RuntimeError):
    """A GPU that is not there, or cannot be used."""


class OutputError(ArenaError, OSError):
    """A standard output that cannot be written."""


class WorkerError(ArenaError, RuntimeError):
    """A worker process that died, or failed by an error that is not one of ours."""


class BusyError(ArenaError, RuntimeError):
    """A batch that another thread is stepping; nothing was stepped."""


class ClosedError(ArenaError, RuntimeError):
    """A batch that has been closed."""


class MissingExtra(ArenaError, ImportError):
    """An optional dependency that is not installed."""


def shown(value: object) -> str:
    """Return a value as text that fits a message."""
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # a whole number of thousands of digits, or a nest too deep
        return f"{type(value).__name__} too large to show"
    return text if len(text) <= 100 else f"{text[:100]}..."


def printable(text: object, limit: int = MAX_SHOWN) -> str:
    """Return a text from outside as a terminal may have it: cut short, and what moves a cursor written out."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in str(text)[:limit])


def suggest(name: str, valid: Iterable[str]) -> str:
    """Return a hint after an unknown name: the closest valid one, or the list of them."""
    valid = sorted(valid)
    close = max(valid, key=lambda known: (_likeness(name, known), known), default="")
    if close and _likeness(name, close)[0] >= SUGGESTED_FROM:
        return f"did you mean '{close}'?"
    return f"valid are: {', '.join(valid)}" if valid else "there are none"


def _likeness(name: str, known: str) -> tuple[float, float]:
    """Return how alike the last parts of two dotted names are, from 0 to 1, and then the whole names.

    The initials of several words mean all of them: `lr` is `learning_rate`.
    """
    name, known = (re.sub("[-_]+", "-", text.lower()) for text in (name, known))
    whole = difflib.SequenceMatcher(None, known, name).ratio()
    asked, offered = (text.rpartition(".")[2].strip("-") for text in (name, known))
    words = offered.split("-")
    if len(words) > 1 and asked == "".join(word[:1] for word in words):
        return INITIALS, whole
    return difflib.SequenceMatcher(None, offered, asked).ratio(), whole


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
