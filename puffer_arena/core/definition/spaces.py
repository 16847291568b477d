"""What agents see and do, by role or alike, and the keys, clicks and idle actions of people."""

import inspect
from collections.abc import Mapping
from typing import Any

from puffer_arena.core.actions import check_kind, check_part_name, choice_sizes, lies_in, values_of
from puffer_arena.core.composites import leaves
from puffer_arena.core.fields import state_fields
from puffer_arena.core.frames import MOST_FRAMES, stacked
from puffer_arena.core.keys import allowed_bindings, check_key_name, find_binding
from puffer_arena.core.pilot import Pilot
from puffer_arena.core.roles import Roles, each_space, space_of
from puffer_arena.core.spaces import Box, Discrete, MultiBinary, MultiDiscrete, Space
from puffer_arena.errors import ActionError, SpaceError, shown, suggest
from puffer_arena.machine.compile import is_jit


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


def check_pilot(env: Any) -> None:
    """Check that what keys tell a pilot is one array of a fixed shape, or one choice."""
    if env.pilot is None:
        return
    if not isinstance(env.pilot, Pilot):
        raise env.error("pilot", f"is {shown(env.pilot)}; give Pilot(wanted, rule), from puffer_arena.core")
    if isinstance(env.action, Roles):
        raise env.error(
            "pilot", "is for games whose agents all have one action; here each role has its own: leave it out"
        )
    wanted = env.pilot.wanted
    if not isinstance(wanted, Box | Discrete | MultiDiscrete | MultiBinary):
        raise env.error("pilot", f"is told {shown(wanted)}; give a space, such as Box(-1, 1, (2,))")
    if any(isinstance(size, str) for size in getattr(wanted, "shape", ())):
        raise env.error(
            "pilot", f"is told {wanted}, but people have as many keys in every game; give numbers for its shape"
        )


def check_idle(env: Any) -> None:
    """Check that what is done without keys has the shape of an action."""
    if env.idle is None:
        return
    if isinstance(env.action, Roles):
        if not isinstance(env.idle, Mapping):
            raise env.error("idle", f"is {shown(env.idle)}; give one for every role, as action is")
        check_every_role(env, "idle", env.idle, "action")
    for role in env.agents or [None]:
        space, given = env.keyed(env.action, role), env.idle_of(role)
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
        space = env.keyed(env.action, role)
        for key, given in env.keys_of(role).items():
            if wrong := check_key_name(key):
                raise env.error("keys", wrong)
            if find_binding(space, given) is None:
                of = f" of '{role}'" if by_role else ""
                raise env.error("keys", f"'{key}'{of} is {given!r}; allowed: {allowed_bindings(space)}")


def check_click(env: Any) -> None:
    """Check that clicks can be asked about, and stand for choices of a picture from above."""
    if env.click is None:
        return
    wanted = ["s", "p", *(["agent"] if env.agents else []), "x", "y"]
    if not callable(env.click) or is_jit(env.click) or list(inspect.signature(env.click).parameters) != wanted:
        raise env.error("click", f"must be a plain function, not @jit, that takes ({', '.join(wanted)})")
    if env.engine == "panda3d":
        raise env.error("click", "is of pictures of a plane, and 'panda3d' shows a world in space; leave it out")
    for role in env.agents or [None]:
        if not isinstance(space := env.keyed(env.action, role), Discrete):
            raise env.error("click", f"stands for one choice of a Discrete, and the action is {space}; leave it out")
