"""Finding what is wrong with an environment before, or instead of, a compiler's traceback.

The rules are first read (`source`) and played for a few steps in plain Python, where a wrong shape fails at its own
line; only then are they compiled, which checks nothing at run time.  The same play shows what no single step does: a
field that `reset` forgets, an element that `observe` leaves out, a rule that writes what it may only read.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from puffer_arena.authoring.bounds import check_bounds
from puffer_arena.authoring.chance import IN_BUILD, check_chance
from puffer_arena.authoring.explain import ending_rule, explain, place_of
from puffer_arena.authoring.source import check_source, rule_of
from puffer_arena.authoring.writes import check_writes
from puffer_arena.core.action_checks import check_actions
from puffer_arena.core.actions import draw_actions, role_actions
from puffer_arena.core.composites import Dict, Tuple
from puffer_arena.core.env import Env
from puffer_arena.core.fields import Array, in_cells, state_fields
from puffer_arena.core.pilot import Pilot
from puffer_arena.core.roles import Roles, space_of
from puffer_arena.core.spaces import Box, Discrete, Space
from puffer_arena.errors import ActionError, shown
from puffer_arena.kernels.acting import bind_pilot

CHECKED_STEPS = 3
SAME_LEVEL = "set every field in reset, and take random numbers from randint, uniform or normal"
OWN_STREAM = "; a bot draws from a stream of its own: randint(memory, n)"
TOLD = 8  # things that a pilot is told
GARBAGE = (0x55, 0xAA, 0)  # bytes that observations are filled with, to see what is left of them; padding stays zero


def check_definition(env: Env, make_batch: Callable[[], Any]) -> None:
    """Read the rules of `env` and play a few steps in plain Python with its default parameters, once a process.

    Args:
        env: the environment, without a stack of frames.
        make_batch: makes a batch of it with one row that runs in plain Python.

    Raises:
        DefinitionError: a rule names what does not exist, indexes with a number that nothing bounds, fails, yields an observation outside its space or a reward that
            is no number, or breaks a promise: that a level plays the same again, that observations are written in full,
            that what looks at a row leaves it as it is.
    """
    if "_checked" in env.__dict__:  # kept with the environment, as cached_property does
        return
    try:
        check_source(env)
        check_writes(env)
        check_bounds(env)
        check_chance(env)
        batch = make_batch()
    except Exception as error:  # what `build` does happens outside of the kernels, which explain their errors
        raise explain(env, error) or error from None
    if env.engine and batch.worlds.rows.built.tobytes() != make_batch().worlds.rows.built.tobytes():
        raise place_of(env, env.build, f"builds another scene the second time; {IN_BUILD}")
    params, began = batch.rows.params.copy(), batch.rows.states.copy()
    played = _play(batch)
    before = batch.rows.states.copy()
    _check_observation(batch, env.observe, batch.obs, batch.observation)
    _check_unchanged(batch, before, env.observe)
    if env.observe_state is not None:
        _check_observation(batch, env.observe_state, batch.global_state, batch.state_space)
        _check_unchanged(batch, before, env.observe_state)
    if env.turn is not None:
        given = env.turn(batch.state(0), batch.state_params(0))
        if isinstance(given, bool) or not isinstance(given, int):
            raise place_of(
                env, env.turn, f"gave {given!r}; it must be a whole number, that of the agent whose turn it is"
            )
        _check_unchanged(batch, before, env.turn)
    for bot in env.bots:
        _check_bot(batch, bot)
        _check_unchanged(batch, before, env.bots[bot])
    if env.pilot is not None:
        _check_pilot(batch, env.pilot)
        _check_unchanged(batch, before, env.pilot.rule)
    for name in env.parameters:
        if (batch.rows.params[name] != params[name]).any():
            raise env.error(
                "rules", f"one writes p.{name}; parameters are for reading, copy it into State to change it"
            )
    _check_ending(batch)
    _check_goal(batch, began)
    batch.reset(0)
    forgotten = _differing(env, began, batch.rows.states)
    if _play(batch) != played:
        if forgotten:
            names = ", ".join(f"State.{name}" for name in forgotten)
            raise place_of(env, env.reset, f"begins the same level with another {names} than before; {SAME_LEVEL}")
        raise env.error("rules", f"the same level plays differently the second time; {SAME_LEVEL}")
    env.__dict__["_checked"] = True


def _play(batch: Any) -> list[bytes]:
    """Play a few steps of random actions, check what comes out, and return it."""
    rng, played = np.random.default_rng(0), []
    for _ in range(CHECKED_STEPS):
        _check_outputs(batch)
        played.append(batch.obs.tobytes())
        batch.step(batch.sample_actions(rng))
        played += [batch.rewards.tobytes(), batch.terminated.tobytes()]
    _check_outputs(batch)
    return [*played, batch.obs.tobytes()]


def _differing(env: Env, before: Array, after: Array) -> list[str]:
    """Return the fields of State in which two rows differ."""
    return [name for name in state_fields(env.state) if before[name].tobytes() != after[name].tobytes()]


def _check_unchanged(batch: Any, before: Array, rule: Any) -> None:
    """Check that a rule that may only read has not written."""
    written = _differing(batch.env, before, batch.rows.states)
    if written:
        raise place_of(batch.env, rule, f"writes State.{written[0]}, which it may only read")
    if (batch.rows.states["rng_count"] != before["rng_count"]).any():
        raise place_of(batch.env, rule, f"draws a random number from the row, which it may only read{OWN_STREAM}")


def _check_ending(batch: Any) -> None:
    """Check that the rule for endings gives the number of one, and leaves the row as it is."""
    env, before = batch.env, batch.rows.states.copy()
    if env.ending is None:
        return
    given = env.ending(batch.state(0), batch.state_params(0))
    if not isinstance(given, bool | int | np.bool_ | np.integer):
        raise place_of(env, env.ending, f"gave {shown(given)}; it must be a whole number, that of one of endings")
    _check_unchanged(batch, before, env.ending)


def _check_goal(batch: Any, began: Array) -> None:
    """Check that the rule for goals moves the row's, to where the row is now or to where it began, and no more."""
    env, before = batch.env, batch.rows.states.copy()
    if env.move_goal is None:
        return
    moved = False
    for later in (before, began):
        batch.rows.states[...] = before
        batch.move_goals(later.copy())
        moved |= bool(_differing(env, before, batch.rows.states))
        if (batch.rows.states["rng_count"] != before["rng_count"]).any():
            raise place_of(env, env.move_goal, "draws a random number; the goal is what 'later' has reached")
    if not moved:
        raise place_of(env, env.move_goal, "changes nothing in State; it must write the goal that 'later' has reached")


def _check_bot(batch: Any, bot: str) -> None:
    """Check that a bot fills in whole actions, which lie in their space."""
    env, memories = batch.env, batch.rows.memories.copy()
    out, filled = batch.actions.copy(), []
    for garbage in (0,) if isinstance(batch.action, Discrete) else GARBAGE:
        out.view(np.uint8)[:] = garbage
        batch.rows.memories[...] = memories  # so that the bot does the same again
        filled.append(batch.act(bot, out=out).copy())
    for role in env.agents or (None,):
        rule, space = rule_of(env.bots[bot], role), space_of(batch.action, role)
        given = [_chosen(batch, actions, role) for actions in filled]
        if any(each.tobytes() != given[0].tobytes() for each in given):
            raise place_of(
                env, rule, f"bot '{bot}' leaves a part of its action as it was; it must fill in every element"
            )
        try:
            check_actions(env.name, space, given[0], given[0].copy())
        except ActionError as error:
            raise place_of(env, rule, f"bot '{bot}' gives what is no action: {error}") from None


def _check_pilot(batch: Any, pilot: Pilot) -> None:
    """Check that a pilot, told this and that, fills in whole actions, which lie in their space."""
    env, memory = batch.env, batch.env.memory_dtype(batch.param_values)
    fly, single = bind_pilot(env, memory), isinstance(pilot.wanted, Discrete)
    told = draw_actions(
        pilot.wanted, (TOLD, *pilot.wanted.dtype.shape), np.zeros((TOLD, 0), np.bool_), np.random.default_rng(0)
    )
    out = batch.actions.reshape(-1, *batch.action.dtype.shape).copy()
    for wanted in told:
        filled = []
        for garbage in (0,) if isinstance(batch.action, Discrete) else GARBAGE:
            out.view(np.uint8)[:] = garbage
            row = [in_cells(part)[0] for part in (batch.rows.states, batch.rows.params, np.zeros(1, memory))]
            fly(row[0], row[1], 0, int(wanted) if single else in_cells(wanted), row[2], in_cells(out))
            filled.append(out[:1].copy())
        if any(each.tobytes() != filled[0].tobytes() for each in filled):
            raise place_of(env, pilot.rule, "leaves a part of its action as it was; it must fill in every element")
        try:
            check_actions(env.name, batch.action, filled[0], filled[0].copy())
        except ActionError as error:
            raise place_of(env, pilot.rule, f"gives what is no action: {error}") from None


def _chosen(batch: Any, actions: Array, role: str | None) -> Array:
    """Return the actions of a role's agents that act, (agents, *shape)."""
    if role is None:
        return actions
    if isinstance(batch.action, Roles):
        own, acts = role_actions(batch.action, actions, role), batch.acting[:, batch.action.spans[role]]
    else:
        own, acts = actions, batch.acting & [batch.env.role_of(agent) == role for agent in batch.agent_ids]
    return np.asarray(own[acts])


def _check_observation(batch: Any, rule: Any, obs: Array, space: Space) -> None:
    """Check that a rule writes every element of `obs`: batches observe into memory that has been used."""
    seen = []
    for garbage in GARBAGE:
        obs.view(np.uint8)[:] = garbage
        batch.look(np.ones(1, np.bool_))
        seen.append(obs.copy())
    left = np.argwhere(seen[0] != seen[1])
    if not len(left):
        return
    env, at = batch.env, tuple(int(k) for k in left[0][obs.ndim - space.dtype.ndim :])
    if isinstance(rule, Mapping):
        rule = rule[env.role_of(batch.agent_ids[left[0][1]])]
    if len(left) == seen[0].size:
        raise place_of(env, rule, "writes nothing into obs; fill it in place, as in obs[:] = ... or obs[0] = ...")
    labels = space.labels if isinstance(space, Box) else ()
    label = f" ({labels[at[0]]})" if len(at) == 1 and at[0] < len(labels) else ""
    element = f"obs[{', '.join(map(str, at))}]{label}" if at else "a part of obs"
    raise place_of(env, rule, f"does not write {element}; every element must be written at every look")


def _check_outputs(batch: Any) -> None:
    env, obs = batch.env, batch.obs[0]
    for one in obs if batch.num_agents else [obs]:
        value, space, observe = batch.observation.load(one), batch.observation, env.observe
        if isinstance(space, Roles):
            role, value = value
            space, observe = space.spaces[role], rule_of(observe, role)
        if not space.contains(value):
            raise place_of(env, observe, f"wrote {_outside(space, value, 'obs')}")
    if env.observe_state is not None:
        value = batch.state_space.load(batch.global_state[0])
        if not batch.state_space.contains(value):
            raise place_of(env, env.observe_state, f"wrote {_outside(batch.state_space, value, 'obs')}")
    given = {"reward": batch.rewards, **{f"signal '{name}'": batch.signal(name) for name in env.signals}}
    for what, numbers in given.items():
        if not np.isfinite(numbers).all():
            rule, _ = ending_rule(env)
            agent = int(np.flatnonzero(~np.isfinite(numbers[0]))[0])
            whose = f" to {batch.agent_ids[agent]}" if batch.num_agents else ""
            kind = what.partition(" ")[0]
            reason = f"gave the {what} {numbers.flat[agent]}{whose}; {kind}s must be finite numbers"
            raise place_of(env, rule, reason)


def _outside(space: Space, value: Any, name: str) -> str:
    """Describe the first number of `value` that does not lie in `space`."""
    if isinstance(space, Dict | Tuple):
        parts = space.spaces.items() if isinstance(space, Dict) else enumerate(space.spaces)
        for part, inner in parts:
            if not inner.contains(value[part]):
                return _outside(inner, value[part], f"{name}.{part if isinstance(part, str) else f'part_{part}'}")
    if not isinstance(space, Box):
        return f"{name} = {value!r}, which does not lie in {space}"
    low, high = space.bounds
    wrong = np.argwhere(~((value >= low) & (value <= high)))
    at = tuple(int(k) for k in wrong[0])
    element = f"{name}[{', '.join(map(str, at))}]" if at else name
    label = f" ({space.labels[at[0]]})" if len(at) == 1 and at[0] < len(space.labels) else ""
    others = f", nor do {len(wrong) - 1} others" if len(wrong) > 1 else ""
    return f"{element} = {value[at]}{label}, which does not lie in [{low[at]}, {high[at]}]{others}"
