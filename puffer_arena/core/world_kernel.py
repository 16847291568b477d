"""The kernels of environments whose bodies an engine moves: act and judge around the engine's step.

A step has three parts.  `start` lets `act` write forces; the engine moves the bodies of the rows whose stage is
MOVES; `finish` lets `judge` read the new poses, ends and begins episodes, and leaves stage ENTERS where the engine
must take a row's bodies over from the beginning.  With an engine in compiled code, `finish` does the other parts too,
some rows at a time; any other engine is called between them.
"""

from typing import Any

import numpy as np

from puffer_arena.core.bodies import clear_forces_function
from puffer_arena.core.compile import bind, jit
from puffer_arena.core.fields import Array
from puffer_arena.core.kernel import (
    NEXT_STEP,
    SAME_STEP_FINAL,
    Span,
    begin_several,
    begin_solo,
    clear_function,
    look_chosen,
    look_several,
    look_solo,
    settle_several,
)
from puffer_arena.core.tables import Buffers, WorldRows

RESTS, MOVES, ENTERS = range(3)  # stages: nothing to do; forces are written; the row begins anew
FINE, BAD_FORCE, BAD_POSE, LOST = range(4)  # faults; LOST: a body left the world or the range of numbers
BLOCK = 16  # rows whose bodies move before any is judged: rules and engine would take turns in the instruction cache
FARTHEST = 1e6  # a body beyond it, in metres, has left the world
FASTEST = 1e9  # m/s or rad/s
STRONGEST = 1e15  # newtons or newton metres


def _unbound(*_: Any) -> Any:
    raise AssertionError("a template was called before bind_world_kernels")


act = judge = observe = mask_actions = tally = clear = _unbound
begin = place = clear_forces = move = enter = expect = advance = follow = _unbound


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
def start_and_move(span: Span, rows: WorldRows, actions: Array, end: int) -> None:
    """Stand for `advance` where the engine is compiled too."""
    start(span, rows, actions)
    for i in range(span[0], span[1]):
        if i + 1 < end:
            expect(rows.scenes[i + 1], rows.scenes[min(i + 2, end - 1)])
        if rows.scenes[i].stage == MOVES:
            move(rows.states[i], rows.scenes[i])


@jit
def enter_span(span: Span, rows: WorldRows) -> None:
    """Let the engine take over the rows of `span` whose stage is ENTERS; stand for `follow` where it is compiled too."""
    for i in range(span[0], span[1]):
        if rows.scenes[i].stage == ENTERS:
            enter(rows.states[i], rows.scenes[i])


@jit
def is_moved(span: Span, rows: WorldRows, actions: Array, end: int) -> None:
    """Stand for `advance` where the engine has moved the rows before."""


@jit
def is_entered(span: Span, rows: WorldRows) -> None:
    """Stand for `follow` where the engine takes the rows over afterwards."""


@jit
def finish_solo(span: Span, rows: WorldRows, actions: Array, out: Buffers, mode: int) -> None:
    """Judge the rows of `span` once they have moved; those whose episode ends go on as `mode` says."""
    first: Any = np.int64(span[0])  # unsigned ends would make sums floats
    end: Any = np.int64(span[1])
    for low in range(first, end, BLOCK):
        high: Any = min(low + BLOCK, end)
        advance((low, high), rows, actions, end)
        for i in range(low, high):
            s, p, scene = rows.states[i], rows.params[i], rows.scenes[i]
            if scene.stage == RESTS:
                out.rewards[i] = 0.0
                out.terminated[i] = False
                out.truncated[i] = False
                anew = mode == NEXT_STEP
            else:
                scene.stage = RESTS
                reward, terminated, truncated = judge(s, p)
                truncated = truncated or scene.fault == LOST
                s.episode_return += reward
                out.rewards[i] = reward
                out.terminated[i] = terminated
                out.truncated[i] = truncated
                anew = (terminated or truncated) and mode <= SAME_STEP_FINAL
                if terminated or truncated:
                    s.ended = 1
                    tally(s, rows.episodes[i])
                    if anew and (truncated or mode == SAME_STEP_FINAL):
                        observe(s, p, out.final_obs[i])
            if anew:
                rows.episodes[i].started = rows.params[i] = rows.following[i]
                begin_world(s, p, scene, rows.built[i], rows.levels[i], rows.plan[0], rows.plan[1])
            out.began[i] = anew
            observe(s, p, out.obs[i])
            out.action_mask[i, :] = True
            mask_actions(s, p, out.action_mask[i])
        follow((low, high), rows)


@jit
def finish_several(span: Span, rows: WorldRows, actions: Array, out: Buffers, mode: int) -> None:
    """Judge the rows of `span` once they have moved; those whose episode ends go on as `mode` says."""
    first: Any = np.int64(span[0])  # unsigned ends would make sums floats
    end: Any = np.int64(span[1])
    for low in range(first, end, BLOCK):
        high: Any = min(low + BLOCK, end)
        advance((low, high), rows, actions, end)
        for i in range(low, high):
            s, p, scene = rows.states[i], rows.params[i], rows.scenes[i]
            out.rewards[i, :] = 0.0
            out.terminated[i, :] = False
            out.truncated[i, :] = False
            if scene.stage == RESTS:
                anew = mode == NEXT_STEP
            else:
                scene.stage = RESTS
                over = judge(s, p, out.rewards[i], out.terminated[i])
                over = over or scene.fault == LOST
                anew = settle_several(s, out.rewards[i], out.terminated[i], out.truncated[i], over)
                if anew:
                    s.ended = 1
                    tally(s, rows.episodes[i])
                    anew = mode <= SAME_STEP_FINAL
                if anew:
                    for agent in range(len(s.alive)):
                        if out.truncated[i, agent] or (mode == SAME_STEP_FINAL and out.terminated[i, agent]):
                            observe(s, p, agent, out.final_obs[i, agent])
            if anew:
                rows.episodes[i].started = rows.params[i] = rows.following[i]
                begin_world(s, p, scene, rows.built[i], rows.levels[i], rows.plan[0], rows.plan[1])
            for agent in range(len(s.alive)):
                out.began[i, agent] = anew
            look_several(s, p, out.obs[i], out.action_mask[i], out.alive[i])
        follow((low, high), rows)


def bind_world_kernels(name: str, state: type, several: bool, rules: dict[str, Any], obs_dtype: Any) -> dict[str, Any]:
    """Bind one environment's `rules` (reset, act, judge, observe, mask_actions, place), with its `tally`, into kernels.

    Returns:
        The uncompiled kernels "look", "start" and "finish"; with the engine's parts among the rules "look",
        "step" and "enter", with the engine in them: move(s, scene) and enter(s, scene) for one row, and
        expect(scene, after), told of the next two scenes to move so that it can fetch their memory.
    """
    bound = {**rules, "clear_forces": clear_forces_function(state)}
    if several:
        bound["clear"] = clear_function(obs_dtype)
        bound["look_several"] = bind(look_several, name, **bound)
        bound["begin"] = bound["begin_several"] = bind(begin_several, name, **bound)
        finish, look = finish_several, look_chosen
    else:
        bound["begin"] = bound["begin_solo"] = bind(begin_solo, name, **bound)
        finish, look = finish_solo, look_solo
    bound["begin_world"] = bind(begin_world, name, **bound)
    if "move" in rules:
        bound["start"] = bind(start, name, **bound)
        bound |= {"advance": bind(start_and_move, name, **bound), "follow": bind(enter_span, name, **bound)}
        templates = {"look": look, "step": finish, "enter": enter_span}
    else:
        bound |= {"advance": is_moved, "follow": is_entered}
        templates = {"look": look, "start": start, "finish": finish}
    return {role: bind(template, name, **bound) for role, template in templates.items()}
