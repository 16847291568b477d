"""What an environment is made of: one error names what is missing, misspelt or contradicts another, and the remedy."""

import dataclasses
import inspect
import keyword
import math
from collections.abc import Mapping
from types import FunctionType
from typing import Any

from puffer_arena.core.bodies import physics_fields
from puffer_arena.core.definition.counts import check_counters, check_signals
from puffer_arena.core.definition.physics import check_engine
from puffer_arena.core.definition.rules import OPTIONAL, check_rules
from puffer_arena.core.definition.spaces import (
    check_click,
    check_frames,
    check_idle,
    check_keys,
    check_pilot,
    check_spaces,
    take_roles,
)
from puffer_arena.core.editor import Editor
from puffer_arena.core.fields import MEMORY_HEADER, Field, Memory, header_fields, state_fields
from puffer_arena.core.params import declared_parameters
from puffer_arena.errors import ArenaError, DefinitionError, shown, suggest

MAPPINGS = {  # fields that are dicts, and what they hold
    "agents": "role -> how many",
    "bots": "name -> rule",
    "keys": "key -> action, or role -> such a dict",
    "scores": "role -> counter",
    "sounds": "counter -> sound",
    "casual": "parameter -> value",
}


def check_keywords(kind: type, given: Mapping[str, Any]) -> None:
    """Check that an Env is given all that it needs, and nothing else.

    Raises:
        DefinitionError: a keyword is misspelt, or one is missing.
    """
    fields = {field.name: field for field in dataclasses.fields(kind)}
    rules = [value.__module__ for value in given.values() if isinstance(value, FunctionType)]
    where = f"environment '{rules[0].rpartition('.')[2]}': Env" if rules else "Env"
    for name in given:
        if name not in fields:
            raise DefinitionError(f"{where}: got an unexpected keyword argument '{name}'; {suggest(name, fields)}")
    nothing = dataclasses.MISSING
    needed = [name for name, field in fields.items() if field.default is field.default_factory is nothing]
    if given and (missing := [name for name in needed if name not in given]):
        raise DefinitionError(f"{where}: {missing[0]} is missing; give {missing[0]}=...")


def check_parts(env: Any) -> None:
    """Check what can be told of an Env before anything runs; spaces by role become `Roles`, and a pace is chosen.

    Raises:
        DefinitionError: a part is missing, contradicts another, or is of the wrong kind.
    """
    try:
        declared_parameters(env.params)
    except DefinitionError as error:
        raise DefinitionError(f"environment '{env.name}': {error}") from None
    check_kinds(env)
    check_signals(env)
    check_state(env)
    check_engine(env)
    check_editor(env)
    take_roles(env)
    check_spaces(env)
    check_frames(env)
    try:
        env.build_params(dict(env.casual))
    except ArenaError as error:
        raise env.error("casual", str(error)) from None
    if not env.steps_per_second:
        object.__setattr__(env, "steps_per_second", 1.0 / env.time_step if env.engine else 10.0)
    for role in ("reset", *(("act", "judge") if env.engine else ("step",)), "observe", *OPTIONAL):
        check_rules(env, role, getattr(env, role))
    for name, bot in env.bots.items():
        check_rules(env, f"bot '{name}'", bot)
    check_counters(env)
    if env.move_goal is not None and (env.agents or env.engine):
        raise env.error("move_goal", "is for games of one agent whose bodies no engine moves; leave it out")
    check_turn(env)
    check_pilot(env)
    if env.pilot is not None:
        check_rules(env, "pilot", env.pilot.rule)
    check_idle(env)
    check_keys(env)
    check_click(env)
    if several := sorted(name for name in env.dimensions if env.parameters[name].size):
        raise env.error("params", f"'{several[0]}' is an array, and sizes memory; give the size a parameter of its own")


def check_kinds(env: Any) -> None:
    """Check that fields which hold several things are dicts and tuples, and that numbers are numbers."""
    for where, holds in MAPPINGS.items():
        if not isinstance(given := getattr(env, where), Mapping):
            raise env.error(where, f"is {shown(given)}; give a dict: {holds}")
    for where in ("counters", "signals", "endings"):
        given = getattr(env, where)
        if isinstance(given, str):
            raise env.error(where, f"is one string; put a comma behind it: {where}=('{given}',)")
        if not isinstance(given, tuple | list) or not all(isinstance(name, str) for name in given):
            raise env.error(where, f"is {shown(given)}; give a tuple of names, such as {where}=('{where[:-1]}',)")
    numbers = {"steps_per_second": 0.0, "time_step": 0.0, "version": 0, "solved": None}
    for where, usual in numbers.items():
        given = getattr(env, where)
        is_number = isinstance(given, int if where == "version" else int | float) and not isinstance(given, bool)
        if given != usual and not (is_number and math.isfinite(given) and (given > 0 or where == "solved")):
            raise env.error(
                where, f"is {shown(given)}; it must be a {'whole ' * (where == 'version')}number, such as 1"
            )
    if not isinstance(env.waits, bool):
        raise env.error("waits", f"is {shown(env.waits)}; it must be True or False")
    if not isinstance(env.editor, Editor | None):
        raise env.error("editor", f"is {shown(env.editor)}; give Editor(...), from puffer_arena.core")
    check_draw(env)
    for role in env.agents if isinstance(env.action, Mapping) else ():
        if not (isinstance(role, str) and role.isidentifier()) or keyword.iskeyword(role):
            raise env.error("agents", f"{role!r} cannot be a role: rules read roles as names, such as actions.guard")


def check_draw(env: Any) -> None:
    """Check that `draw` can be called, and that only a world in space has what draws there."""
    if not callable(env.draw):
        raise env.error("draw", f"is {shown(env.draw)}; give a plain function that takes (s, p, canvas)")
    try:
        inspect.signature(env.draw).bind(None, None, None)
    except TypeError:
        takes = ", ".join(inspect.signature(env.draw).parameters)
        raise env.error("draw", f"takes ({takes}); it must take (s, p, canvas)") from None
    for where in ("draw3d", "camera"):
        if env.engine is None and getattr(env, where) is not None:
            raise env.error(where, "is of worlds in space, which engine='panda3d' moves; leave it out")


def check_editor(env: Any) -> None:
    """Check that what a person may edit is there."""
    editor = env.editor
    if editor is None:
        return
    fields = state_fields(env.state)
    cells = editor.cells
    known = cells is None or (cells.read is not None and cells.write is not None)
    if not known and (cells.field not in fields or len(fields[cells.field].shape) != 2):
        raise env.error("editor", f"cells: State.{cells.field} is no field of rows and columns")
    letters = [brush.letter for brush in editor.cells.brushes] if editor.cells is not None else ["."]
    if not letters or len(set(letters)) < len(letters) or any(len(x) != 1 or x.isspace() for x in letters):
        raise env.error("editor", "every brush needs a letter of its own")
    for things in editor.things:
        if things.area is None and editor.cells is None:
            raise env.error("editor", f"things '{things.name}' need an area, or cells to stand in")


def check_state(env: Any) -> None:
    """Check that what State and the bots' memory annotate has storage."""
    memory: Any = env.bot_memory
    if Memory not in getattr(memory, "__mro__", ()):
        raise env.error("bot_memory", f"is {memory!r}; it must be a class that inherits from Memory")
    if bodies := physics_fields(memory):
        raise env.error("bot_memory", f"{memory.__name__}.{next(iter(bodies))} is physics, which State holds")
    for where, kind, header in (
        ("state", env.state, header_fields(1, turns=True, signals=env.signals)),
        ("bot_memory", memory, MEMORY_HEADER),
    ):
        kept = {entry[0] for entry in header}
        for name, annotation in inspect.get_annotations(kind).items():
            value = vars(kind).get(name)
            if not isinstance(value, Field) and name not in kept and "ClassVar" not in str(annotation):
                given = f"is {value!r}" if name in vars(kind) else "has no value"
                what = "State" if kind is env.state else kind.__name__
                raise env.error(
                    where,
                    f"{what}.{name} {given}; declare its storage: i8, i32, i64 or f64, such as f64() or f64(4)",
                )


def check_turn(env: Any) -> None:
    """Check that a rule for turns comes with agents to take them, and nothing that contradicts it."""
    if env.turn is not None and not env.agents:
        raise env.error(
            "turn", "one agent alone has no turns to take; name its players in agents=..., or leave turn out"
        )
    if env.turn is not None and env.idle is not None:
        raise env.error(
            "idle", f"is {env.idle!r}, but where agents take turns a game waits for the person; leave idle out"
        )
