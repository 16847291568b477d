"""The kernels of environments whose bodies an engine moves: act and judge around the engine's step.

A step has three parts.  `start` lets `act` write forces; the engine moves the bodies of the rows whose stage is
MOVES; the step kernel of `step.py` lets `judge` read the new poses, ends and begins episodes, and leaves stage ENTERS where
the engine must take a row's bodies over from the beginning.  With an engine in compiled code, `step_blocks` does all
three, some rows at a time; any other engine is called between them.
"""

from typing import Any

import numpy as np

from puffer_arena.core.bodies import clear_forces_function
from puffer_arena.core.fields import Array
from puffer_arena.kernels.binding import bind_kernels
from puffer_arena.kernels.signals import signal_functions
from puffer_arena.kernels.step import Span
from puffer_arena.kernels.tables import ENTERS, MOVES, RESTS, Buffers, WorldRows
from puffer_arena.machine.compile import bind, jit, unbound

BLOCK = 16  # rows whose bodies move before any is judged: rules and engine would take turns in the instruction cache
FARTHEST = 1e6  # a body beyond it, in metres, has left the world
FASTEST = 1e9  # m/s or rad/s
STRONGEST = 1e15  # newtons or newton metres


act = clear_forces = clear_signals = move = enter = expect = finish = unbound
SIGNALS = False  # as in the step kernel


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
            if SIGNALS:
                clear_signals(s)
            act(s, rows.params[i], actions[i])
            rows.scenes[i].stage = MOVES


@jit
def start_and_move(span: Span, rows: WorldRows, actions: Array, end: int) -> None:
    """Let `act` write forces in the rows of `span` and move their bodies; `end` is where the thread's rows end."""
    start(span, rows, actions)
    for i in range(span[0], span[1]):
        if i + 1 < end:
            expect(rows.scenes[i + 1], rows.scenes[min(i + 2, end - 1)])
        if rows.scenes[i].stage == MOVES:
            move(rows.states[i], rows.scenes[i])


@jit
def enter_span(span: Span, rows: WorldRows) -> None:
    """Let the engine take over the rows of `span` whose stage is ENTERS."""
    for i in range(span[0], span[1]):
        if rows.scenes[i].stage == ENTERS:
            enter(rows.states[i], rows.scenes[i])


@jit
def step_blocks(span: Span, rows: WorldRows, actions: Array, out: Buffers, mode: int) -> None:
    """Move and judge the rows of `span`, some at a time, with an engine in compiled code."""
    first: Any = np.int64(span[0])  # unsigned ends would make sums floats
    end: Any = np.int64(span[1])
    for low in range(first, end, BLOCK):
        high: Any = min(low + BLOCK, end)
        start_and_move((low, high), rows, actions, end)
        finish((np.uint64(low), np.uint64(high)), rows, actions, out, mode)
        enter_span((low, high), rows)


def bind_world_kernels(
    name: str,
    state: type,
    several: bool,
    rules: dict[str, Any],
    obs_dtype: Any,
    signals: tuple[str, ...] = (),
    sizes: tuple[int, ...] = (),
) -> dict[str, Any]:
    """Bind one environment's `rules` (reset, act, judge, observe, mask_actions, place, tally) into kernels.

    `signals` and `sizes` are as for `bind_kernels`.

    Returns:
        The uncompiled kernels "look", "start" and "step"; with the engine's parts among the rules "look",
        "step" and "enter", with the engine in them: move(s, scene) and enter(s, scene) for one row, and
        expect(scene, after), told of the next two scenes to move so that it can fetch their memory.
    """
    kernels = bind_kernels(name, several, rules, obs_dtype, signals, sizes, engine=True)
    bound = {**rules, "clear_forces": clear_forces_function(state), "SIGNALS": bool(signals)}
    bound["clear_signals"] = signal_functions(signals, several)["clear_signals"]
    bound["start"] = bind(start, name, **bound)
    if "move" not in rules:
        return {**kernels, "start": bound["start"]}
    bound["start_and_move"] = bind(start_and_move, name, **bound)
    bound["enter_span"] = bind(enter_span, name, **bound)
    return {
        "look": kernels["look"],
        "step": bind(step_blocks, name, **bound, finish=kernels["step"]),
        "enter": bound["enter_span"],
    }
