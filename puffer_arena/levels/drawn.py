"""A drawn level: a level of the game's own, by its number, with cells painted and things moved.

    level = read_level("levels/hard.toml")
    with make(level.game, compiled=False, **level.params) as batch:
        draw_level(batch, level)          # row 0 begins there

In a file a grid is lines of letters, so that a person can read and write it.  Files come from anybody: sizes and numbers
are checked before anything is written into a row, and the row's bounds before a rule sees it.
"""

import dataclasses
import json
import math
import tomllib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from puffer_arena.batch.batch import Batch
from puffer_arena.batch.make import make
from puffer_arena.batch.saving.kept import Kept
from puffer_arena.batch.saving.past import raw
from puffer_arena.batch.saving.snapshot import check_states
from puffer_arena.core.editor import Cells, Editor, Things
from puffer_arena.core.env import Env
from puffer_arena.core.fields import Array, Row
from puffer_arena.errors import FileError, ParameterError, UnknownName, shown, suggest
from puffer_arena.machine.files import write_bytes
from puffer_arena.registry import list_envs, load_env

MOST_BYTES = 200_000  # of a file
MOST_LEVEL = 2**32
PARTS = ("game", "version", "level", "params", "cells", "things")


@dataclass(frozen=True)
class Level:
    """What a person has drawn.

    Args:
        game: the environment's name.
        version: of its rules.
        level: the number of the level that it began as.
        params: the game's parameters.
        cells: lines of letters, from the top; empty for those of the level.
        things: name -> places, [x, y] each.
    """

    game: str
    version: int
    level: int = 0
    params: Mapping[str, Any] = field(default_factory=dict)
    cells: tuple[str, ...] = ()
    things: Mapping[str, list[list[float]]] = field(default_factory=dict)


def editor_of(env: Env) -> Editor:
    """Return what may be edited of a game.

    Raises:
        ParameterError: nothing.
    """
    if env.editor is None:
        known = [name for name in list_envs() if load_env(name).editor is not None]
        raise ParameterError(
            f"environment '{env.name}' declares no Env.editor, so its levels cannot be drawn; those of these games can: "
            f"{', '.join(known)}"
        )
    return env.editor


# -- files ------------------------------------------------------------------------------------------


def read_level(path: str | Path, env: Env | None = None) -> Level:
    """Read a level from a TOML or JSON file.

    Args:
        path: the file.
        env: the game that it must be of; by default one of puffer_arena's own, as the file says.

    Raises:
        FileError: it cannot be read, is no level, or of another game or version.
    """
    path = Path(path)
    what = f"level '{path}'"
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
        if len(data) > MOST_BYTES:
            raise FileError(f"{what} is larger than {MOST_BYTES:,} bytes")
        given = (json.loads if path.suffix == ".json" else tomllib.loads)(data.decode())
    except OSError as error:
        raise FileError(f"{what} cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise FileError(f"{what} is damaged: {error}") from None
    return check_level(given, what, env)


def check_level(given: Any, what: str, env: Env | None = None) -> Level:
    """Return a level from outside.

    Raises:
        FileError: it is none, or of another game or version.
    """
    if not isinstance(given, Mapping):
        raise FileError(f"{what} is no table")
    for name in given:
        if name not in PARTS:
            raise FileError(f"{what}: unknown part {shown(name)}; {suggest(str(name), PARTS)}")
    game, version, number = given.get("game"), given.get("version"), given.get("level", 0)
    if not isinstance(game, str) or type(version) is not int:
        raise FileError(f"{what} does not name its game and version")
    env = env or _own_game(game, what)
    if game != env.name:
        raise FileError(f"{what} is of the game {shown(game)}, not of '{env.name}'")
    if version != env.version:
        raise FileError(f"{what} is of version {version} of '{game}'; here is version {env.version}")
    if type(number) is not int or not 0 <= number < MOST_LEVEL:
        raise FileError(f"{what}: level = {shown(number)}; it is a whole number from 0 to {MOST_LEVEL - 1}")
    params, cells, things = given.get("params", {}), given.get("cells", ""), given.get("things", {})
    if not isinstance(params, Mapping) or not isinstance(cells, str) or not isinstance(things, Mapping):
        raise FileError(f"{what}: params and things are tables, cells is a text of lines")
    try:
        env.build_params(dict(params))
    except (ParameterError, UnknownName) as error:
        raise FileError(f"{what}: {error}") from None
    places = {str(name): _check_places(f"{what}: things '{name}'", rows) for name, rows in things.items()}
    return Level(game, version, number, dict(params), tuple(cells.split()), places)


def write_level(path: str | Path, level: Level) -> None:
    """Write a level, as JSON where the file's name ends so, else as TOML.

    Raises:
        OSError: it cannot be written.
    """
    path = Path(path)
    parts = as_table(level)
    text = json.dumps(parts, indent=1) if path.suffix == ".json" else _as_toml(parts, level.cells)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(path, text.encode())


def _as_toml(parts: Mapping[str, Any], cells: tuple[str, ...]) -> str:
    plain = {name: value for name, value in parts.items() if not isinstance(value, dict) and name != "cells"}
    lines = [f"{name} = {json.dumps(value)}" for name, value in plain.items()]
    if cells:
        lines += ["cells = '''", *cells, "'''"]
    for name in ("params", "things"):
        if parts[name]:
            lines += ["", f"[{name}]", *(f"{key} = {json.dumps(value)}" for key, value in parts[name].items())]
    return "\n".join(lines) + "\n"


def _own_game(game: str, what: str) -> Env:
    if game not in list_envs():
        raise FileError(f"{what} is of {shown(game)}, which is no game that `list` shows; name it: edit GAME FILE")
    return load_env(game)


def _check_places(what: str, rows: Any) -> list[list[float]]:
    numbers = isinstance(rows, list) and len(rows) <= 1000 and all(isinstance(r, list) and len(r) == 2 for r in rows)
    if not numbers or not all(_is_number(number) for row in rows for number in row):
        raise FileError(f"{what} must be places such as [[1, 2], [3, 4]]")
    return [[*row] for row in rows]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


# -- rows -------------------------------------------------------------------------------------------


def draw_level(batch: Batch, level: Level) -> None:
    """Let row 0 of a batch begin at a level, which its memory has room for.

    Raises:
        FileError: it does not fit, breaks a bound, or is not valid by the game's own word; nothing has changed.
    """
    rows, first = batch.table.rows, np.arange(batch.num_envs) == 0
    row = rows.states, rows.params, rows.following, rows.levels
    before = [raw(part[:1]).copy() for part in row]
    try:
        begin_level(batch, level)
        write_state(batch.env, batch.rows.states[:1], batch.rows.params[0], level)
        if reason := finish(batch):
            raise FileError(f"the level is not valid: {reason}")
    except FileError:
        for part, was in zip(row, before, strict=True):
            raw(part[:1])[:] = was
        batch.adopt(first)
        batch.look(first)
        raise
    batch.restore(0, batch.snapshot(0))  # its observation follows


def begin_level(batch: Batch, level: Level) -> None:
    """Let row 0 of a batch begin at the level of the game's own that a drawn one began as.

    Raises:
        FileError: it does not fit.
    """
    try:
        batch.assign([0], level.params, level.level)
    except (ParameterError, UnknownName) as error:
        raise FileError(f"the level does not fit: {error}") from None
    batch.reset(which=np.arange(batch.num_envs) == 0)


def write_state(env: Env, states: Array, params: Any, level: Level) -> None:
    """Write what was drawn into a row, shape (1,), of that level; `finish` checks its bounds before a rule runs.

    Raises:
        FileError: it does not fit.
    """
    editor, s, p = editor_of(env), Row(states[0]), Row(params)
    if level.cells:
        if editor.cells is None:
            raise FileError(f"the level has cells, and '{env.name}' has none to paint")
        editor.cells.put(s, p, codes_of(editor.cells, p, level.cells))
    known = {things.name: things for things in editor.things}
    for name, places in level.things.items():
        if name not in known:
            raise FileError(f"the level has things {shown(name)}; {suggest(name, known)}")
        there = len(known[name].find(s, p))
        if len(places) != there:
            raise FileError(f"the level has {len(places)} things '{name}'; there are {there}")
        for k, (x, y) in enumerate(places):
            check_place(editor, known[name], p, x, y)
            known[name].put(s, p, k, x, y)


def codes_of(cells: Cells, p: Any, lines: tuple[str, ...]) -> list[list[int]]:
    """Return the codes of a grid that was written as letters.

    Raises:
        FileError: it is of another size, or has unknown letters.
    """
    rows, cols = cells.shape(p)
    if len(lines) != rows or any(len(line) != cols for line in lines):
        sizes = sorted({len(line) for line in lines})
        raise FileError(f"the level has {len(lines)} lines of {sizes} cells; it takes {rows} of {cols}")
    letters = {brush.letter: brush.code for brush in cells.brushes}
    for line in lines:
        if unknown := set(line) - set(letters):
            raise FileError(f"the level has a cell {shown(min(unknown))}; there are: {' '.join(letters)}")
    return [[letters[letter] for letter in line] for line in lines]


def check_place(editor: Editor, things: Things, p: Any, x: float, y: float) -> None:
    """Check where a thing is to be.

    Raises:
        FileError: it is outside of where it may be, or no cell.
    """
    if things.area is not None:
        left, low, width, height = things.area(p)
        fits = left <= x <= left + width and low <= y <= low + height
    else:
        assert editor.cells is not None  # its definition was checked
        rows, cols = editor.cells.shape(p)
        fits = x == int(x) and y == int(y) and 0 <= x < cols and 0 <= y < rows
    if not fits:
        raise FileError(f"'{things.name}' cannot be at {x:g}, {y:g}: that is outside of the level, or no cell")


def finish(batch: Batch) -> str:
    """Let the game make what follows from what was drawn in row 0; return why it is not valid, "" where it is.

    Raises:
        FileError: what was drawn breaks a bound; no rule has run.
    """
    env, states = batch.env, batch.rows.states[:1]
    editor_of(env)
    check_states(env, batch.param_values, states)
    reason: str = batch.program.finish_drawn(states, batch.rows.params[:1])
    if not reason:
        check_states(env, batch.param_values, states)
    return reason


def take_level(batch: Batch) -> Level:
    """Return what row 0 shows as a level; the row stands at an episode's beginning."""
    env = batch.env
    editor, (codes, things) = editor_of(env), take_drawn(batch)
    params = {name: batch.rows.params[0][name].tolist() for name in env.parameters}
    cells: tuple[str, ...] = ()
    if editor.cells is not None:
        bare = editor.cells.brushes[0].letter
        letters = defaultdict(lambda: bare, {brush.code: brush.letter for brush in editor.cells.brushes})
        cells = tuple("".join(map(letters.__getitem__, line)) for line in codes)
    return Level(env.name, env.version, int(batch.rows.states["level"][0]), params, cells, things)


def take_drawn(batch: Batch) -> tuple[list[list[int]], dict[str, list[list[float]]]]:
    """Return the codes of the cells in row 0, none where there is nothing to paint, and where its things are."""
    editor, s, p = editor_of(batch.env), Row(batch.rows.states[0]), Row(batch.rows.params[0])
    codes = [] if editor.cells is None else editor.cells.take(s, p)
    return codes, {things.name: [[*place] for place in things.find(s, p)] for things in editor.things}


def rows_of(batch: Batch, levels: Sequence[Level]) -> Kept:
    """Return drawn levels as rows of a batch, one each, where they begin.

    Raises:
        FileError: one does not fit, breaks a bound, or is not valid by the game's own word.
    """
    states, params = np.zeros(len(levels), batch.rows.states.dtype), np.zeros(len(levels), batch.rows.params.dtype)
    made = dataclasses.asdict(batch.param_values)
    with make(batch.env_id, compiled=False, **made) as scratch:
        for k, level in enumerate(levels):
            try:
                draw_level(scratch, level)
            except FileError as error:
                raise FileError(f"drawn level {k + 1}: {error}") from None
            states[k], params[k] = scratch.rows.states[0], scratch.rows.params[0]
    return Kept(states, params)


def as_table(level: Level) -> dict[str, Any]:
    """Return a level as a table of plain values, which `check_level` reads."""
    parts = {"game": level.game, "version": level.version, "level": level.level, "params": dict(level.params)}
    return parts | {
        "cells": "\n".join(level.cells),
        "things": {name: list(map(list, at)) for name, at in level.things.items()},
    }


def snapshot_of(env_id: str, level: Level) -> bytes:
    """Return a drawn level as a snapshot, which `Batch.restore` takes where the parameters are the same.

    Raises:
        FileError: see `draw_level`.
    """
    with make(env_id, compiled=False, **level.params) as batch:
        draw_level(batch, level)
        return batch.snapshot(0)
