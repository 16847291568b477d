"""Curricula by name, and the tables that describe one: on the command line, in a TOML file, in a run's config."""

import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from puffer_arena.core.env import Env
from puffer_arena.curriculum.accel import Accel
from puffer_arena.curriculum.curriculum import Curriculum
from puffer_arena.curriculum.lessons import Lessons
from puffer_arena.curriculum.levels import Learnable, LevelReplay
from puffer_arena.curriculum.progress import Progress
from puffer_arena.curriculum.spread import read_spread
from puffer_arena.curriculum.states import States
from puffer_arena.curriculum.uniform import Fixed, Uniform
from puffer_arena.errors import DefinitionError, ParameterError, UnknownName, shown, suggest
from puffer_arena.levels import Level
from puffer_arena.levels.drawn import check_level, editor_of
from puffer_arena.registry import import_class
from puffer_arena.settings import build

CURRICULA: dict[str, type[Curriculum]] = {
    "fixed": Fixed,
    "uniform": Uniform,
    "lessons": Lessons,
    "plr": LevelReplay,
    "accel": Accel,
    "sfl": Learnable,
    "states": States,
    "alp": Progress,
}
_named: dict[str, type[Curriculum]] = {}  # files that a person has named, by their resolved path
PARTS = ("method", "ranges", "settings", "lessons", "ladders", "levels", "weight")
MOST_LEVELS = 200  # that are drawn
MOST_BYTES = 1_000_000  # of a TOML file


def read_table(path: Path) -> dict[str, Any]:
    """Return the table of a TOML file.

    Raises:
        ParameterError: it cannot be read, or is none.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
        if len(data) > MOST_BYTES:
            raise ParameterError(f"curriculum '{path}' is larger than {MOST_BYTES:,} bytes")
        return tomllib.loads(data.decode())
    except (OSError, ValueError, RecursionError) as error:  # of TOML, of text, or of numbers with thousands of digits
        raise ParameterError(f"curriculum '{path}' cannot be read: {error}") from None


def write_table(table: Mapping[str, Any]) -> str:
    """Return a curriculum's table as TOML, as `read_table` reads it."""
    lines = [f"{name} = {_toml(value)}" for name, value in table.items() if not isinstance(value, Mapping)]
    for name, value in table.items():
        if isinstance(value, Mapping) and value:
            lines += ["", f"[{name}]", *(f"{key} = {_toml(part)}" for key, part in value.items())]
    return "\n".join(lines).strip() + "\n"


def _toml(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{name} = {_toml(part)}" for name, part in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return json.dumps(value) if isinstance(value, str | bool) else repr(value)


def find_curriculum(name: str) -> type[Curriculum]:
    """Return a curriculum's class: one of `CURRICULA`, or of a file that `name_curriculum` has loaded.

    Raises:
        UnknownName: neither.
    """
    found = CURRICULA.get(name) or _named.get(name)
    if found is None and name.endswith(".py"):
        raise UnknownName(
            f"curriculum '{name}' is a file, which is only read where a person names it: --curriculum {name}"
        )
    if found is None:
        raise UnknownName(f"unknown curriculum {shown(name)}; {suggest(name, CURRICULA)}")
    return found


def name_curriculum(named: "str | type[Curriculum]") -> str:
    """Take the curriculum that a person names, by its name, its file or its class, and return what configs call it.

    Raises:
        UnknownName: there is none of this name.
        FileError: the file is not there.
        DefinitionError: a file that cannot be imported, or without a curriculum.
    """
    if isinstance(named, type):
        if not issubclass(named, Curriculum):
            raise DefinitionError(f"curriculum {named.__name__} is no subclass of Curriculum")
        name = f"{named.__module__}:{named.__qualname__}"
        _named[name] = named
        return name
    if not named.endswith(".py"):
        find_curriculum(named)
        return named
    path, kind = import_class(named, "curriculum", "CURRICULUM", Curriculum, CURRICULA)
    _named[path] = kind
    return path


def load_curriculum(env: Env, given: str | Mapping[str, Any], ranges: Mapping[str, Any] | None = None) -> Curriculum:
    """Make a curriculum.

    Args:
        env: of this environment.
        given: a name of `CURRICULA`, or a table: method, ranges, settings, and what the method asks for.
        ranges: parameter -> range (see `spread.read_spread`), over those of the table.

    Raises:
        UnknownName: no such curriculum, parameter or setting.
        ParameterError: a range or setting that cannot be.
    """
    table: Mapping[str, Any] = {"method": given} if isinstance(given, str) else given
    for name in table:
        if name not in PARTS:
            raise UnknownName(f"curriculum: unknown part '{name}'; {suggest(str(name), PARTS)}")
    method = method_of(table)
    kind = find_curriculum(str(method))
    spreads = {}
    for name, value in {**_table("ranges", table), **(ranges or {})}.items():
        if name not in env.parameters:
            raise UnknownName(f"curriculum: unknown parameter '{name}'; {suggest(str(name), env.parameters)}")
        spreads[name] = read_spread(env.parameters[name], value)
    drawn, weight = _levels(env, table)
    if kind is Uniform and not spreads and not drawn:
        movable = [name for name, parameter in env.parameters.items() if parameter.ranged]
        raise ParameterError(
            f"curriculum '{method}' needs ranges, such as --curriculum.ranges {(movable or ['NAME'])[0]}=LOW:HIGH"
        )
    made = kind(env, spreads, build(kind.Settings, _table("settings", table), "curriculum."))
    made.drawn, made.weight = drawn, weight
    extra = [name for name in ("lessons", "ladders") if name in table]
    if isinstance(made, Lessons):
        made.read(table)
    elif extra:
        raise ParameterError(f"curriculum '{method}' takes no {extra[0]}; they belong to method = \"lessons\"")
    return made


def method_of(table: Mapping[str, Any]) -> Any:
    """Return the method that a table names, or that its parts belong to."""
    return table.get("method", "lessons" if "lessons" in table or "ladders" in table else "uniform")


def _levels(env: Env, table: Mapping[str, Any]) -> tuple[tuple[Level, ...], float]:
    """Return the drawn levels of a table, and the share of episodes that begin there.

    Raises:
        ParameterError: no share, or too many levels.
        FileError: one is no level of this game.
    """
    given, weight = table.get("levels", []), table.get("weight", 0.2)
    if not isinstance(given, list | tuple) or len(given) > MOST_LEVELS:
        raise ParameterError(f"curriculum: levels must be a list of at most {MOST_LEVELS} drawn levels")
    if isinstance(weight, bool) or not isinstance(weight, int | float) or not 0.0 < weight <= 1.0:
        raise ParameterError(f"curriculum: weight = {shown(weight)}; it is above 0, at most 1")
    if given:
        editor_of(env)
    return tuple(check_level(one, f"level {k + 1} of the curriculum", env) for k, one in enumerate(given)), float(
        weight
    )


def _table(name: str, table: Mapping[str, Any]) -> Mapping[str, Any]:
    found = table.get(name, {})
    if not isinstance(found, Mapping):
        raise ParameterError(f"curriculum: {name} must be a table, not {shown(found)}")
    return found
