"""Convoy: guards look around and fire, a van changes lanes; the two roles see and do different things.

Actions       guard: Dict: turn, Box(-1, 1, (2,)), where it looks; fire, Discrete(2), barred after a shot.  van: Discrete(3).
Observation   guard: Dict: heading, Box (2,); loaded, Discrete(2).  van: uint8 (3,), 1 where it drives.
Reward        guard: 1 for a shot.  van: the number of its lane.
Termination   a guard: looking all the way along the first axis.  Truncation: limit.
Parameters    guards, vans, lanes, limit.
Source        own.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from puffer_arena.core import Array, Box, Canvas, Dict, Discrete, Env, Header, f64, i32, jit, param


@dataclass(frozen=True)
class Params:
    guards: int = param(2, 1, 4)
    vans: int = param(1, 1, 4)
    lanes: int = param(3, 2, 8)
    limit: int = param(20, 1, 1000)


class State(Header):
    heading: Array = f64("guards", 2)
    loaded: Array = i32("guards")
    lane: Array = i32("vans", below="lanes")


@jit
def reset(s: State, p: Params) -> None:
    s.heading[:] = 0.0
    s.loaded[:] = 1
    s.lane[:] = 0
    for k in range(p.guards, len(s.loaded)):
        s.alive[k] = 0


@jit
def step(s: State, p: Params, actions: Any, rewards: Array, terminated: Array) -> bool:
    for k in range(len(actions.guard)):
        for axis in range(2):
            s.heading[k, axis] = actions.guard[k].turn[axis]
        rewards[k] = 1.0 if actions.guard[k].fire == 1 else 0.0
        s.loaded[k] = 0 if actions.guard[k].fire == 1 else 1
        terminated[k] = s.heading[k, 0] >= 1.0
    for k in range(len(actions.van)):
        s.lane[k] = actions.van[k]
        rewards[len(s.loaded) + k] = actions.van[k]
    return s.step_count >= p.limit


@jit
def observe_guard(s: State, p: Params, agent: int, obs: Any) -> None:
    for axis in range(2):
        obs.heading[axis] = s.heading[agent, axis]
    obs.loaded[0] = s.loaded[agent]


@jit
def observe_van(s: State, p: Params, agent: int, obs: Array) -> None:
    for lane in range(len(obs)):
        obs[lane] = 1 if lane == s.lane[agent - len(s.loaded)] else 0


@jit
def hold_fire(s: State, p: Params, agent: int, mask: Any) -> None:
    mask.fire[1] = s.loaded[agent] == 1


@jit
def guard(s: State, p: Params, agent: int, memory: Any, action: Any) -> None:
    action.turn[0] = -0.5
    action.turn[1] = 0.25
    action.fire = 1 if s.loaded[agent] == 1 else 0


@jit
def drive(s: State, p: Params, agent: int, memory: Any) -> int:
    return min(s.lane[agent - len(s.loaded)] + 1, 2)


def draw(s: State, p: Params, canvas: Canvas) -> None:
    canvas.view(p.lanes, 2.0)
    for lane in range(p.lanes):
        canvas.rect(lane + 0.04, 0.04, 0.92, 0.92, "floor", radius=0.08)
    for k in range(len(s.lane)):
        canvas.rect(s.lane[k] + 0.25, 0.2, 0.5, 0.6, "amber", radius=0.1)
        canvas.agent(len(s.loaded) + k, s.lane[k] + 0.5, 0.5, 0.3)
    for k in range(len(s.loaded)):
        x, color = (k + 0.5) * p.lanes / len(s.loaded), "sky" if s.loaded[k] else "wall"
        turn_x, turn_y = s.heading[k]
        if s.alive[k]:
            canvas.line([(x, 1.5), (x + 0.4 * turn_x, 1.5 + 0.4 * turn_y)], color, width=0.1)
            canvas.circle(x, 1.5, 0.2, color)
            canvas.agent(k, x, 1.5, 0.2)
    canvas.status(f"step {s.step_count} of {p.limit}")


ENV = Env(
    params=Params,
    state=State,
    observation={
        "guard": Dict({"heading": Box(-1, 1, (2,)), "loaded": Discrete(2)}),
        "van": Box(0, 1, ("lanes",), np.uint8),
    },
    action={
        "guard": Dict({"turn": Box(-1, 1, (2,)), "fire": Discrete(2)}),
        "van": Discrete(3, ("left", "middle", "right")),
    },
    reset=reset,
    step=step,
    observe={"guard": observe_guard, "van": observe_van},
    draw=draw,
    agents={"guard": "guards", "van": "vans"},
    action_mask={"guard": hold_fire},
    bots={"steady": {"guard": guard, "van": drive}},
    keys={
        "guard": {"left": ("turn", 0, -1.0), "right": ("turn", 0, 0.5), "space": ("fire", 1)},
        "van": {"left": 0, "up": 1, "right": 2},
    },
    idle={"guard": {"turn": (0.0, 0.0), "fire": 0}, "van": 1},
)
