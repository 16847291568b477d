"""Finding environments by id: a module of `puffer_arena.envs`, a dotted module, or a file.

There is no table: `snake` is `puffer_arena.envs.snake`, `my_package.my_env` is that module, and
`./my_env.py` is that file.  `gymnasium:CartPole-v1` is another library's (see `foreign.open`).  Each ends in `ENV = Env(...)`.  A file that was edited is read again, and so is one whose
data were: what it reads from its own folder while it is imported (levels, tables).  Other modules stay what they were
when Python first imported them.

An id may end in `:pixels=64`: then agents see the game as a picture (`core.pictures.drawing`); and in `:frames=4`: then
they see their last four observations at once (`core.frames`).

Files and messages name environments too.  What stands there is never imported, unless it is the id of one that comes
with the package: a person names any other (`choose_env`).
"""

import contextlib
import hashlib
import importlib
import importlib.util
import os
import pkgutil
import re
import sys
import traceback
from collections.abc import Iterable, Iterator
from pathlib import Path, PureWindowsPath
from types import CodeType, ModuleType
from typing import Any

from puffer_arena.core.env import Env
from puffer_arena.core.pictures.pixels import see_pixels
from puffer_arena.errors import DefinitionError, FileError, ParameterError, SpaceError, UnknownName, UnnamedEnv, suggest

LIBRARIES = (
    "gymnasium",
    "gymnasium-vector",
    "minigrid",
    "ale",
    "pettingzoo",
    "remote",
    "emulated",
    "ray",
)  # before an id's colon
ON_RAY = "ray:"  # before the id of another library's environment, which actors on a Ray cluster are to step
FOREIGN = "puffer_arena.foreign.open"  # what opens their environments
CODE = {".py", ".pyc", ".so", ".pyd", ".dll"}  # what Python itself opens for an import
OPTIONS = {"pixels": see_pixels, "frames": Env.with_frames}  # how agents see a game, in the order in which ids say so
OPTION = re.compile(rf":({'|'.join(OPTIONS)})=([^:]*)")
DRAWN = ":drawn"  # after the id of another library's environment, whose rows are to hold the pictures that it draws
_read: dict[str, str] = {}  # digests of the files that modules were read from here, their data included
_data: dict[str, tuple[Path, ...]] = {}  # the data that each of those modules read
_watching: list[set[str]] = []  # where the names of files that are opened are noted, while modules are imported
_hooked: list[bool] = []  # the audit hook, once there is one: Python keeps it for good


def list_envs() -> list[str]:
    """Return the ids of the environments that come with the package, sorted."""
    package = importlib.import_module("puffer_arena.envs")
    return sorted(found.name for found in pkgutil.iter_modules(package.__path__) if not found.name.startswith("_"))


def load_env(env_id: str) -> Env:
    """Import an environment.

    Raises:
        UnknownName: nothing answers to `env_id`.
        DefinitionError: the module has no `ENV`, or is not Python.
    """
    if not isinstance(env_id, str):
        raise UnknownName(
            f"an environment is named by its id, a dotted module or a .py file, as text, not by {type(env_id).__name__}; "
            "for my_game.ENV give 'my_game' or './my_game.py'"
        )
    if is_foreign(env_id):
        found: Env = importlib.import_module(FOREIGN).open_env(env_id)
        return found
    game, options = split_id(env_id)
    module = _import(game)
    env = getattr(module, "ENV", None)
    if not isinstance(env, Env):
        raise DefinitionError(f"environment '{env_id}': the module must end with ENV = Env(...)")
    if "_source" not in env.__dict__:  # kept with the environment, as cached_property does
        env.__dict__["_source"] = _read.get(module.__name__) or _digest_module(module)
    for option, value in options.items():
        env = _seen(env, option, value)
    return env


def split_id(env_id: str) -> tuple[str, dict[str, str]]:
    """Return the game's own id, and how agents see it: option -> value, as the id tells.

    Raises:
        UnknownName: what stands behind the first option is none.
    """
    first = OPTION.search(env_id)
    if first is None:
        return env_id, {}
    rest = env_id[first.start() :]
    if OPTION.sub("", rest):
        raise UnknownName(f"unknown environment '{env_id}'; {_stands_behind(env_id[: first.start()])}")
    given = dict(OPTION.findall(rest))
    return env_id[: first.start()], {name: given[name] for name in OPTIONS if name in given}


def _stands_behind(game: str) -> str:
    return f"behind a game's id stand {' and '.join(OPTIONS)}, as in '{game}:pixels=64:frames=4'"


def join_id(game: str, options: dict[str, Any]) -> str:
    """Return the id that `split_id` takes apart."""
    return game + "".join(f":{name}={options[name]}" for name in OPTIONS if name in options)


def _digest_module(module: ModuleType) -> str:
    """Return a word for the source of a module, or of all in the folder that it is; "" where there is none."""
    file = Path(getattr(module, "__file__", None) or "")
    files = sorted(file.parent.glob("*.py")) if hasattr(module, "__path__") else [file]
    return _digest(b"".join(part.read_bytes() for part in files)) if file.is_file() else ""


def _seen(env: Env, option: str, value: str) -> Env:
    """Return the environment that is seen as an option of its id asks."""
    seen = OPTIONS[option](env, int(value) if value.isascii() and value.isdigit() else value)
    seen.__dict__["_source"] = f"{source_digest(env)}:{option}={value}"
    return seen


def with_options(env_id: str, params: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return an id, and parameters of which options went into the id, where the game has none of that name."""
    if params.keys().isdisjoint(OPTIONS) or is_foreign(env_id):
        return env_id, params
    game, options = split_id(env_id)
    own = load_env(game).parameters
    given = {name: value for name, value in params.items() if name in OPTIONS and name not in own}
    rest = {name: value for name, value in params.items() if name not in given}
    return join_id(game, {**options, **given}), rest


def is_foreign(env_id: str) -> bool:
    """Tell whether an id names an environment of another library, such as gymnasium:CartPole-v1."""
    return env_id.partition(":")[0] in LIBRARIES and ":" in env_id


def drawn_id(env_id: str) -> str:
    """Return the id of an environment whose rows can be drawn: that of another library's with the pictures it draws."""
    return f"{env_id.removesuffix(DRAWN)}{DRAWN}" if is_foreign(env_id) else env_id


def source_digest(env: Env) -> str:
    """Return a word for the source that `load_env` found an environment in: processes compare theirs by it."""
    return str(env.__dict__["_source"])


def env_name(env_id: str) -> str:
    """Return the name of the environment that an id means, without importing anything."""
    if is_foreign(env_id):
        return env_id.removeprefix(ON_RAY).removesuffix(DRAWN)
    game, options = split_id(env_id)
    last = PureWindowsPath(game).name  # knows both kinds of separators
    name = last.removesuffix(".py") if last.endswith(".py") else last.rpartition(".")[2]
    return join_id(name, options)


def is_same_env(recorded: str, rules: str, named: str) -> bool:
    """Tell whether a file and a person mean the same environment: by its name, or by its rules' digest.

    Args:
        recorded: the id in the file.
        rules: `source_digest` of that environment; "" where the file has none.
        named: the id that the person gave.
    """
    return env_name(recorded) == env_name(named) or (bool(rules) and rules == source_digest(load_env(named)))


def is_edited(rules: str, named: str) -> bool:
    """Tell whether an environment's source has changed since a file noted its digest."""
    return bool(rules) and rules != source_digest(load_env(named))


def choose_env(recorded: str, rules: str, named: str, what: str) -> str:
    """Return the id to import for an environment that a file or message is of.

    Args:
        recorded, rules, named: see `is_same_env`; `named` is "" where the person named none.
        what: what to call the file or message in errors.

    Raises:
        ParameterError: the person named another environment.
        UnnamedEnv: they named none, and the package has none of that name.
        UnknownName: nothing answers to `named`.
    """
    if named:
        if not is_same_env(recorded, rules, named):
            raise ParameterError(f"{what} is of environment {recorded[:200]!r}, not {named!r}")
        return named
    if split_id(recorded)[0] in list_envs():
        return recorded
    raise UnnamedEnv(
        f"{what} is of environment {recorded[:200]!r}, which does not come with puffer_arena, and what a file or message "
        "names is never imported; name the environment yourself, as `env` in Python",
        recorded,
    )


def _import(env_id: str) -> ModuleType:
    """Import the file or module that an id means."""
    try:
        return _load_file(Path(env_id)) if env_id.endswith(".py") else _load_module(env_id)
    except SyntaxError as error:
        where = f"{error.filename or env_id}, line {error.lineno}" if error.lineno else str(error.filename or env_id)
        shown = f"\n    {error.text.strip()[:100]}" if error.text else ""
        raise DefinitionError(f"environment '{env_id}' is not Python ({where}): {error.msg}{shown}") from None
    except SpaceError as error:
        raise _at_its_line(env_id, error) or error from None


def _at_its_line(env_id: str, error: SpaceError) -> DefinitionError | None:
    """Return what is wrong with a space that a file makes, at the file's line; None where another makes it."""
    own = str(Path(env_id).resolve())
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if frame.filename == own:
            where = f"({own}, line {frame.lineno}): {frame.line}"
            return DefinitionError(f"environment '{env_name(env_id)}' {where}\n    {error}")
    return None


def _load_module(env_id: str) -> ModuleType:
    if env_id.startswith(".") or "/" in env_id or "\\" in env_id:
        raise UnknownName(f"unknown environment '{env_id}'; a file's name ends in .py")
    if "." in env_id:
        module_name = env_id
    elif env_id in list_envs():
        module_name = f"puffer_arena.envs.{env_id}"
    else:
        library, colon, name = env_id.partition(":")
        if library in list_envs():
            hint = _stands_behind(library)
        else:
            hint = suggest(*((library, LIBRARIES) if colon and name else (env_id, list_envs())))
        raise UnknownName(f"unknown environment '{env_id}'; {hint} (python -m puffer_arena list)")
    try:
        return importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is None or not (module_name == error.name or module_name.startswith(f"{error.name}.")):
            raise
        raise UnknownName(f"unknown environment '{env_id}': there is no module '{error.name}'") from None


def _load_file(path: Path) -> ModuleType:
    """Import the file, unless that was done and it has not changed since."""
    path, source = _read_file(path)
    is_imported = getattr(sys.modules.get(path.stem), "__file__", None) == str(path)
    # A name of its own: a game in torch.py must not be what others import as torch.
    stem = os.fsencode(path.stem).decode("utf-8", "replace")  # a file's name may be no text, a module's has to be
    name = path.stem if is_imported else f"puffer_arena_file_{_digest(os.fsencode(path))}.{stem}"
    before = sys.modules.get(name)
    digest = _digest_all(source, _data.get(name, ()))
    if before is not None and _read.setdefault(name, digest) == digest:
        return before
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None  # a file that ends in .py always has one
    sys.modules[name] = module = importlib.util.module_from_spec(spec)
    try:  # not from Python's own cache, which tells edits by the second
        with _opened() as names:
            exec(_compile(source, path), vars(module))
    except BaseException:
        del sys.modules[name]
        if before is not None:
            sys.modules[name] = before
        raise
    _data[name] = _data_files(path, names)
    _read[name] = _digest_all(source, _data[name])
    return module


@contextlib.contextmanager
def _opened() -> Iterator[set[str]]:
    """Yield a set that takes the names of the files that this process opens for reading meanwhile."""
    if not _hooked:
        _hooked.append(True)
        sys.addaudithook(_note)
    names: set[str] = set()
    _watching.append(names)
    try:
        yield names
    finally:
        _watching.remove(names)


def _note(event: str, arguments: tuple[Any, ...]) -> None:
    if _watching and event == "open" and isinstance(arguments[0], str | bytes):
        writes = arguments[2] & (os.O_WRONLY | os.O_RDWR) if isinstance(arguments[2], int) else False
        for names in () if writes else _watching:
            names.add(os.fsdecode(arguments[0]))


def _data_files(game: Path, names: set[str]) -> tuple[Path, ...]:
    """Return which of the files that a game opened while it was imported are its data: those in its folder or below."""
    found = {Path(name).resolve() for name in names if "\0" not in name}
    return tuple(
        sorted(path for path in found if path.suffix not in CODE and game.parent in path.parents and path.is_file())
    )


def _digest_all(source: bytes, data: tuple[Path, ...]) -> str:
    """Return a word for a game's source and the data that it read."""
    for path in data:
        try:
            source += path.read_bytes()
        except OSError:  # it is gone: read the game again, which says so
            source += b"\0"
    return _digest(source)


def _read_file(path: Path) -> tuple[Path, bytes]:
    """Return where a file lies and what is in it.

    Raises:
        UnknownName: there is no such file, or nobody could write its name down: checkpoints and logs are UTF-8.
    """
    try:
        path = path.resolve()
        source = path.read_bytes() if path.is_file() else None
    except (OSError, ValueError) as error:  # a name that is too long, or has a NUL in it
        reason = getattr(error, "strerror", None) or error
        raise UnknownName(f"environment {str(path)!r} cannot be read: {reason}") from None
    if source is None:
        raise UnknownName(f"unknown environment '{path}': there is no such file")
    try:
        str(path).encode()
    except UnicodeEncodeError:
        raise UnknownName(f"the name of {str(path)!r} is not UTF-8; rename the file or its folder") from None
    return path, source


def _compile(source: bytes, path: Path) -> CodeType:
    try:
        return compile(source, str(path), "exec", dont_inherit=True)
    except (MemoryError, RecursionError):  # of Python's parser
        raise SyntaxError("an expression is nested too deeply", (str(path), None, None, None)) from None


def _digest(source: bytes) -> str:
    return hashlib.sha256(source).hexdigest()[:16]


def import_class(named: str, what: str, attribute: str, base: type[Any], known: Iterable[str]) -> tuple[str, type[Any]]:
    """Import the class that a person's file ends with, and return the file's resolved path and the class.

    Args:
        named: a path to a .py file, as a person has typed it.
        what: what it holds, for messages.
        attribute: the name under which it does.
        base: what it is a subclass of.
        known: names that would do as well.

    Raises:
        FileError: the file is not there.
        DefinitionError: it cannot be imported, or holds no such class.
    """
    path = Path(named).resolve()
    if not path.is_file():
        raise FileError(f"{what} '{named}' is not there; give the path of a .py file, or one of {list(known)}")
    # Kernels of such a file are kept on disk with the name of their module, which must be this one again.
    name = f"puffer_arena_{what}_{_digest(os.fsencode(path))[:12]}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None  # of a .py file there is always one
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:  # whatever the file raises is its author's to see
        del sys.modules[name]
        raise DefinitionError(f"{what} '{named}' cannot be imported: {type(error).__name__}: {error}") from error
    found = getattr(module, attribute, None)
    if not (isinstance(found, type) and issubclass(found, base)):
        article = "an" if base.__name__[0] in "AEIOU" else "a"
        raise DefinitionError(
            f"{what} '{named}' has no {attribute}; end it with {attribute} = YourClass, {article} {base.__name__}"
        )
    return str(path), found
