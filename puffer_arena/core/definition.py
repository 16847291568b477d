"""What the definition of an environment must be, checked when it is made: one error names its place and remedy."""

import dataclasses
import inspect
import keyword
import math
from collections.abc import Mapping
from types import FunctionType
from typing import Any

from puffer_arena.core.actions import check_kind, check_part_name, choice_sizes, lies_in, values_of
from puffer_arena.core.bodies import PhysicsField, physics_fields
from puffer_arena.core.composites import leaves
from puffer_arena.core.editor import Editor
from puffer_arena.core.fields import (
    MEMORY_HEADER,
    Field,
    Memory,
    header_fields,
    state_fields,
)
from puffer_arena.core.frames import MOST_FRAMES, stacked
from puffer_arena.core.keys import allowed_bindings, check_key_name, find_binding
from puffer_arena.core.params import declared_parameters
from puffer_arena.core.roles import Roles, each_space, space_of
from puffer_arena.core.spaces import Discrete, Space
from puffer_arena.errors import ActionError, ArenaError, DefinitionError, SpaceError, shown, suggest
from puffer_arena.machine.compile import is_jit

ENGINES = {
    "pymunk": (
        *("body2d", "joint2d", "touch2d", "segment2d", "ray2d", "contact2d"),
        *("one_way2d", "mass2d", "shape2d", "frame2d"),
    ),
    "panda3d": ("body3d", "touch3d", "ray3d", "contact3d", "joint3d", "wheel3d"),
}
# Names by which batches, episodes, infos and rollouts hold other things than signals.
KEPT_NAMES = frozenset(
    {entry[0] for entry in header_fields(1)}
    | {"obs", "rewards", "reward", "terminated", "truncated", "final_obs", "action_mask", "signals", "params", "view"}
    | {"statistics", "episodes", "episode_length", "length", "seats", "actions"}
    | {"value", "target", "advantage", "ratio"}
)
SOUNDS = ("pickup", "over", "goal", "hit", "blast", "loss", "success")  # the louder is heard where two come together
MAPPINGS = {  # fields that are dicts, and what they hold
    "agents": "role -> how many",
    "bots": "name -> rule",
    "keys": "key -> action, or role -> such a dict",
    "scores": "role -> counter",
    "sounds": "counter -> sound",
    "casual": "parameter -> value",
}
OPTIONAL = ("observe_state", "action_mask", "turn", "ending", "move_goal")  # rules that a game may do without


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
    check_idle(env)
    check_keys(env)
    if several := sorted(name for name in env.dimensions if env.parameters[name].size):
        raise env.error("params", f"'{several[0]}' is an array, and sizes memory; give the size a parameter of its own")


def check_frames(env: Any) -> None:
    """Check that observations can be stacked as `frames` asks."""
    if isinstance(env.frames, bool) or not isinstance(env.frames, int) or not 1 <= env.frames <= MOST_FRAMES:
        raise env.error("frames", f"is {env.frames!r}; it must be a whole number from 1 to {MOST_FRAMES}")
    if env.frames > 1:
        try:
            stacked(env.observation, env.frames)
        except SpaceError as error:
            raise env.error("frames", str(error)) from None
        for name in ("frame", "frames"):
            if name in state_fields(env.state):
                raise env.error("frames", f"State.{name}: the name is kept for the stack; choose another")


def check_counters(env: Any) -> None:
    """Check that counters are single numbers of State, and that success and scores are counters."""
    for counter in env.counters:
        if counter in ("episodes", "params", "ending"):
            raise env.error("counters", f"'{counter}' has a meaning of its own in `Batch.finished`; choose another")
        declared = state_fields(env.state).get(counter)
        if declared is None or declared.shape or isinstance(declared, PhysicsField):
            numbers = {k: v for k, v in state_fields(env.state).items() if not isinstance(v, PhysicsField)}
            valid = [name for name, value in numbers.items() if not value.shape]
            raise env.error("counters", f"'{counter}' is not a single number of State; {suggest(counter, valid)}")
    if env.success and env.success not in env.counters:
        raise env.error("success", f"'{env.success}' must be one of counters; {suggest(env.success, env.counters)}")
    limit = declared_parameters(env.params).get(env.time_limit)
    if env.time_limit != "max_steps" and (limit is None or limit.kind is not int or limit.size):
        raise env.error("time_limit", f"'{env.time_limit}' must be a parameter that is one whole number")
    if (env.ending is None) != (not env.endings):
        raise env.error("endings", "and the rule 'ending' belong together: words, and which of them it was")
    for counter, sound in env.sounds.items():
        if counter not in env.counters or sound not in (*SOUNDS, ""):
            raise env.error("sounds", f"'{counter}': '{sound}' must be one of counters and one of {SOUNDS}, or ''")
    for role, counter in env.scores.items():
        if role not in env.agents or counter not in env.counters:
            raise env.error("scores", f"'{role}': '{counter}' must be a role of agents and one of counters")


def check_signals(env: Any) -> None:
    """Check that signals have names of their own."""
    for signal in env.signals:
        if not signal.isidentifier() or keyword.iskeyword(signal):
            raise env.error("signals", f"{signal!r} is no name; it must be one as in signals=('cost',)")
        if signal in (*KEPT_NAMES, *env.counters) or signal.startswith(("_", "old_", "final_", "episode_")):
            raise env.error("signals", f"'{signal}' has a meaning already; choose another name")
        for name in (signal, f"episode_{signal}"):
            if name in state_fields(env.state):
                raise env.error(
                    "signals",
                    f"State.{name} has storage already; every row holds '{signal}' and its sum by themselves: leave "
                    f"State.{name} out, or only annotate it: {name}: float",
                )
    if len(set(env.signals)) < len(env.signals):
        raise env.error("signals", f"{env.signals} names one twice")
    if env.cost_limit is not None:
        if "cost" not in env.signals:
            raise env.error("cost_limit", "bounds the signal 'cost', which is missing; give signals=('cost',)")
        limit = env.cost_limit
        if isinstance(limit, bool) or not (isinstance(limit, int | float) and 0.0 <= limit < math.inf):
            raise env.error("cost_limit", f"is {limit!r}; it must be a number of at least 0")


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


def take_roles(env: Any) -> None:
    """Make `Roles` of spaces that are given by role; who acts by role also sees by role."""
    for where in ("observation", "action"):
        given: Any = getattr(env, where)
        if isinstance(given, Mapping | Roles):
            spaces = given.spaces if isinstance(given, Roles) else given
            check_every_role(env, where, spaces, "space")
            for role, space in spaces.items():
                if not isinstance(space, Space) or isinstance(space, Roles):
                    raise env.error(where, f"of '{role}' is {shown(space)}; give a space, such as Box(0, 1, (4,))")
            ordered = {role: spaces[role] for role in env.agents}
            object.__setattr__(env, where, Roles(ordered, dict(env.agents)))
    if isinstance(env.action, Roles) and not isinstance(env.observation, Roles):
        seen = dict.fromkeys(env.agents, env.observation)
        object.__setattr__(env, "observation", Roles(seen, dict(env.agents)))


def check_every_role(env: Any, where: str, given: Mapping[str, Any], what: str) -> None:
    """Check that something given by role is given for every role, and for no other."""
    if not env.agents:
        raise env.error(where, f"is given for roles {list(given)}, but there is one agent; give one {what}")
    if missing := [role for role in env.agents if role not in given]:
        raise env.error(where, f"has no {what} for role '{missing[0]}'; give one for every role of agents")
    if unknown := [role for role in given if role not in env.agents]:
        raise env.error(
            where,
            f"has a {what} for '{unknown[0]}', which is no role of agents; {suggest(str(unknown[0]), env.agents)}",
        )


def check_spaces(env: Any) -> None:
    """Check that rules can read and write what the spaces say."""
    if (env.global_state is None) != (env.observe_state is None):
        missing = "observe_state" if env.observe_state is None else "global_state"
        what = "a rule observe_state(s, p, obs)" if env.observe_state is None else "a space, such as Box(0, 1, (4,))"
        raise env.error(missing, f"is missing: global_state and observe_state come together; give {what}")
    seen = [("observation", space) for space in each_space(env.observation)]
    if env.global_state is not None:
        seen.append(("global_state", env.global_state))
    for where, space in seen:
        if not isinstance(space, Space) or (where == "global_state" and isinstance(space, Roles)):
            raise env.error(where, f"is {shown(space)}; give a space, such as Box(0, 1, (4,))")
        for path, _ in leaves(space):
            for wrong in filter(None, map(check_part_name, path)):
                raise env.error(where, wrong)
    for space in each_space(env.action):
        if wrong := check_kind(space):
            raise env.error("action", wrong)
    if env.action_mask is not None:
        masked = list(env.action_mask) if isinstance(env.action_mask, Mapping) else [None]
        for role in [role for role in masked if role is None or role in env.agents]:
            if not choice_sizes(space := space_of(env.action, role)):
                raise env.error("action_mask", f"only Discrete and MultiDiscrete actions have masks, not {space}")


def check_idle(env: Any) -> None:
    """Check that what is done without keys has the shape of an action."""
    if env.idle is None:
        return
    if isinstance(env.action, Roles):
        if not isinstance(env.idle, Mapping):
            raise env.error("idle", f"is {shown(env.idle)}; give one for every role, as action is")
        check_every_role(env, "idle", env.idle, "action")
    for role in env.agents or [None]:
        space, given = space_of(env.action, role), env.idle_of(role)
        of = f"of '{role}' " if isinstance(env.action, Roles) else ""
        if given is None:
            continue
        try:
            values = values_of(space, given)
        except ActionError as error:
            raise env.error("idle", f"{of}{error}") from None
        for path, leaf in leaves(space):
            if not lies_in(leaf, values[path]):
                part = f"{'.'.join(path)} = " if path else "is "
                raise env.error("idle", f"{of}{part}{shown(values[path])}, which does not lie in {leaf}")


def check_keys(env: Any) -> None:
    """Check that every key stands for an action."""
    by_role = any(isinstance(value, Mapping) for value in env.keys.values())
    if by_role and env.keys.keys() != env.agents.keys():
        raise env.error("keys", f"are those of {list(env.keys)}; give keys for every role of {list(env.agents)}")
    for role in env.agents or [None]:
        space = space_of(env.action, role)
        for key, given in env.keys_of(role).items():
            if wrong := check_key_name(key):
                raise env.error("keys", wrong)
            if find_binding(space, given) is None:
                of = f" of '{role}'" if by_role else ""
                raise env.error("keys", f"'{key}'{of} is {given!r}; allowed: {allowed_bindings(space)}")


def check_engine(env: Any) -> None:
    """Check that the definition is either one of rules only or one of physics."""
    declared = physics_fields(env.state)
    if env.engine is None:
        if env.step is None or declared:
            missing = f"State.{next(iter(declared))} is physics" if declared else "there is no step"
            raise env.error("step", f"{missing}; give step=..., or engine=..., build=..., act=... and judge=...")
        return
    if env.engine not in ENGINES:
        raise env.error("engine", f"unknown engine '{env.engine}'; {suggest(env.engine, ENGINES)}")
    for role, rule, takes in (("draw3d", env.draw3d, "canvas"), ("camera", env.camera, "view")):
        if rule is not None and (is_jit(rule) or len(inspect.signature(rule).parameters) != 3):
            raise env.error(role, f"must be a plain function, not @jit, that takes (s, p, {takes})")
        if rule is not None and env.engine != "panda3d":
            raise env.error(role, "is of worlds in space; 'pymunk' has draw alone")
    if env.step is not None:
        raise env.error("step", "a physics environment has act and judge instead; leave step out")
    if env.build is None or is_jit(env.build) or list(inspect.signature(env.build).parameters) != ["world", "p"]:
        raise env.error("build", "must be a plain function, not @jit, that takes (world, p)")
    wrong = [name for name, field in declared.items() if field.kind not in ENGINES[env.engine]]
    if wrong or not physics_fields(env.state, ENGINES[env.engine][0]):
        at = f"State.{wrong[0]} is none" if wrong else "State declares none"
        raise env.error("engine", f"{at}; '{env.engine}' moves {', '.join(ENGINES[env.engine])}")
    if not (isinstance(env.substeps, int) and env.substeps >= 1 and 1e-6 <= env.time_step <= 1.0):
        raise env.error(
            "time_step",
            f"time_step = {env.time_step}, substeps = {env.substeps}; allowed: 1e-6 to 1 second, in 1 or more",
        )


def check_rules(env: Any, what: str, given: Any) -> None:
    """Check a rule, or those of the roles."""
    if not isinstance(given, Mapping):
        check_rule(env, what, given)
        return
    if not isinstance(env.observation if what != "action_mask" else env.action, Roles):
        of = "action" if what == "action_mask" else "observation"
        raise env.error(what, f"is given by role, but all roles have one {of}; give it by role too, or one rule")
    if what == "action_mask":  # a role without a rule has no mask
        given = {**dict.fromkeys(env.agents), **given}
    check_every_role(env, what, given, "rule")
    for role, rule in given.items():
        check_rule(env, what, rule, role)


def check_rule(env: Any, role: str, rule: Any, of: str | None = None) -> None:
    if rule is None and role in OPTIONAL:
        return
    if rule is None:
        raise env.error(role, f"is missing; give {role}=..., a function marked @jit")
    if not callable(rule):
        raise env.error(role, f"is {shown(rule)}; give a function marked @jit")
    if not is_jit(rule):
        raise env.error(role, f"is not marked for compiling; put @jit above 'def {getattr(rule, '__name__', rule)}'")
    several = bool(env.agents)
    vector = not isinstance(space_of(env.action, of), Discrete)
    expected = {
        "reset": ["s", "p"],
        "turn": ["s", "p"],
        "ending": ["s", "p"],
        "step": ["s", "p", "actions", "rewards", "terminated"] if several else ["s", "p", "action"],
        "act": ["s", "p", "actions"] if several else ["s", "p", "action"],
        "judge": ["s", "p", "rewards", "terminated"] if several else ["s", "p"],
        "observe": ["s", "p", "agent", "obs"] if several else ["s", "p", "obs"],
        "observe_state": ["s", "p", "obs"],
        "move_goal": ["s", "p", "later"],
        "action_mask": ["s", "p", "agent", "mask"] if several else ["s", "p", "mask"],
    }.get(role, ["s", "p", *(["agent"] if several else []), "memory", *(["action"] if vector else [])])
    given = list(inspect.signature(rule).parameters)
    if len(given) != len(expected):
        raise env.error(role, f"takes ({', '.join(given)}); it must take ({', '.join(expected)})")
