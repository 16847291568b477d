"""The kernels of environments whose bodies an engine moves: act and judge around the engine's step.

A step has three parts.  `start` lets `act` write forces; the engine moves the bodies of the rows whose stage is
MOVES; `finish` lets `judge` read the new poses, ends and begins episodes, and leaves stage ENTERS where the engine
must take a row's bodies over from the beginning.  An engine in compiled code runs all of it as one kernel
(`step_world`); any other is called between the parts.
"""

from typing import Any, NamedTuple

import numpy as np

from puffer_arena.core.bodies import clear_forces_function, place_function
from puffer_arena.core.compile import bind, jit
from puffer_arena.core.fields import Array
from puffer_arena.core.kernel import (
    NEXT_STEP,
    SAME_STEP_FINAL,
    Buffers,
    Span,
    begin_several,
    begin_solo,
    clear_function,
    look_chosen,
    look_several,
    look_solo,
    settle_several,
    tally_function,
)

RESTS, MOVES, ENTERS = range(3)  # stages: nothing to do; forces are written; the row begins anew
FINE, BAD_FORCE, BAD_POSE, LOST = range(4)  # faults; LOST: a body left the world or the range of numbers
BLOCK = 16  # rows handled by one call: it counts references to all arrays
FARTHEST = 1e6  # a body beyond it, in metres, has left the world
FASTEST = 1e9  # m/s or rad/s
STRONGEST = 1e15  # newtons or newton metres


class WorldRows(NamedTuple):
    """The rows of a batch (see `kernel.Rows`), and what binds each to its scene."""

    states: Any
    params: Any
    following: Any
    levels: Any
    plan: Any
    finished: Any
    totals: Any
    scenes: Any  # records: link (the engine's own), stage, fault
    built: Any  # records: the physics fields as `build` made them


def _unbound(*_: Any) -> Any:
    raise AssertionError("a template was called before bind_world_kernels")


act = judge = observe = mask_actions = tally = clear = _unbound
begin = place = clear_forces = finish = move = enter = expect = _unbound


@jit
def begin_world(s: Any, p: Any, scene: Any, built: Any, level: int, split: int, num_levels: int) -> None:
    """Begin an episode with the bodies where `build` put them, unless `reset` says otherwise."""
    place(s, built)
    begin(s, p, level, split, num_levels)
    scene.stage = ENTERS


@jit
def start(span: Span, rows: WorldRows, actions: Array) -> None:
    """Let `act` write forces in the rows of `span` that play."""
    for i in range(span[0], span[1]):
        s = rows.states[i]
        if s.ended:
            rows.scenes[i].stage = RESTS
        else:
            s.step_count += 1
            clear_forces(s)
            act(s, rows.params[i], actions[i])
            rows.scenes[i].stage = MOVES


@jit
def finish_solo(span: Span, rows: WorldRows, out: Buffers, mode: int) -> None:
    """Judge the rows of `span` that moved; those whose episode ends go on as `mode` says."""
    for i in range(span[0], span[1]):
        s, p, scene = rows.states[i], rows.params[i], rows.scenes[i]
        if scene.stage == RESTS:
            out.rewards[i] = 0.0
            out.terminated[i] = False
            out.truncated[i] = False
            if mode == NEXT_STEP:
                rows.params[i] = rows.following[i]
                begin_world(s, p, scene, rows.built[i], rows.levels[i], rows.plan[0], rows.plan[1])
        else:
            scene.stage = RESTS
            reward, terminated, truncated = judge(s, p)
            truncated = truncated or scene.fault == LOST
            s.episode_return += reward
            out.rewards[i] = reward
            out.terminated[i] = terminated
            out.truncated[i] = truncated
            if terminated or truncated:
                s.ended = 1
                tally(s, rows.finished[i], rows.totals[i])
                if mode <= SAME_STEP_FINAL:
                    if truncated or mode == SAME_STEP_FINAL:
                        observe(s, p, out.final_obs[i])
                    rows.params[i] = rows.following[i]
                    begin_world(s, p, scene, rows.built[i], rows.levels[i], rows.plan[0], rows.plan[1])
        observe(s, p, out.obs[i])
        out.action_mask[i, :] = True
        mask_actions(s, p, out.action_mask[i])


@jit
def finish_several(span: Span, rows: WorldRows, out: Buffers, mode: int) -> None:
    """Judge the rows of `span` that moved; those whose episode ends go on as `mode` says."""
    for i in range(span[0], span[1]):
        s, p, scene = rows.states[i], rows.params[i], rows.scenes[i]
        out.rewards[i, :] = 0.0
        out.terminated[i, :] = False
        out.truncated[i, :] = False
        if scene.stage == RESTS:
            if mode == NEXT_STEP:
                rows.params[i] = rows.following[i]
                begin_world(s, p, scene, rows.built[i], rows.levels[i], rows.plan[0], rows.plan[1])
        else:
            scene.stage = RESTS
            over = judge(s, p, out.rewards[i], out.terminated[i])
            over = over or scene.fault == LOST
            if settle_several(s, out.rewards[i], out.terminated[i], out.truncated[i], over):
                s.ended = 1
                tally(s, rows.finished[i], rows.totals[i])
                if mode <= SAME_STEP_FINAL:
                    for agent in range(len(s.alive)):
                        if out.truncated[i, agent] or (mode == SAME_STEP_FINAL and out.terminated[i, agent]):
                            observe(s, p, agent, out.final_obs[i, agent])
                    rows.params[i] = rows.following[i]
                    begin_world(s, p, scene, rows.built[i], rows.levels[i], rows.plan[0], rows.plan[1])
        look_several(s, p, out.obs[i], out.action_mask[i], out.alive[i])


@jit
def step_world(span: Span, rows: WorldRows, actions: Array, out: Buffers, mode: int) -> None:
    """Step the rows of `span`, engine included."""
    first: Any = np.int64(span[0])  # unsigned ends would make sums floats
    end: Any = np.int64(span[1])
    for low in range(first, end, BLOCK):
        high: Any = min(low + BLOCK, end)
        start((low, high), rows, actions)
        for i in range(low, high):
            if i + 1 < end:
                expect(rows.scenes[i + 1], rows.scenes[min(i + 2, end - 1)])
            if rows.scenes[i].stage == MOVES:
                move(rows.states[i], rows.scenes[i])
        finish((low, high), rows, out, mode)
        for i in range(low, high):
            if rows.scenes[i].stage == ENTERS:
                enter(rows.states[i], rows.scenes[i])


@jit
def enter_span(span: Span, rows: WorldRows) -> None:
    """Let the engine take over the rows of `span` whose stage is ENTERS."""
    for i in range(span[0], span[1]):
        if rows.scenes[i].stage == ENTERS:
            enter(rows.states[i], rows.scenes[i])


def bind_world_kernels(
    name: str, state: type, several: bool, rules: dict[str, Any], obs_dtype: Any, counters: tuple[str, ...]
) -> dict[str, Any]:
    """Bind one environment's `rules` (reset, act, judge, observe, mask_actions) into kernels.

    Returns:
        The uncompiled kernels "start", "finish" and "look"; with the engine's parts among the rules
        also "step" and "enter", with the engine in them: move(s, scene) and enter(s, scene) for one row, and
        expect(scene, after), told of the next two scenes to move so that it can fetch their memory.
    """
    bound = {
        **rules,
        "tally": tally_function(counters, int(several)),
        "place": place_function(state),
        "clear_forces": clear_forces_function(state),
    }
    if several:
        bound["clear"] = clear_function(obs_dtype)
        bound["look_several"] = bind(look_several, name, **bound)
        bound["begin"] = bound["begin_several"] = bind(begin_several, name, **bound)
        finish, look = finish_several, look_chosen
    else:
        bound["begin"] = bound["begin_solo"] = bind(begin_solo, name, **bound)
        finish, look = finish_solo, look_solo
    bound["begin_world"] = bind(begin_world, name, **bound)
    templates = {"start": start, "finish": finish, "look": look}
    kernels = {role: bind(template, name, **bound) for role, template in templates.items()}
    if "move" in rules:
        fused = {**bound, "start": kernels["start"], "finish": kernels["finish"]}
        kernels["step"] = bind(step_world, name, **fused)
        kernels["enter"] = bind(enter_span, name, **bound)
    return kernels
