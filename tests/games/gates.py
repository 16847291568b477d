"""Gates: a solo game with a nested observation and a mask over a single choice, for tests of the adapters.

Of three gates one is shut, and moves round with each step; walking into it ends the game with reward -1, through another
earns the gate's number.  The episode is truncated after `limit` steps.
"""

from dataclasses import dataclass

import numpy as np

from puffer_arena.core import (
    Array,
    Box,
    Dict,
    Discrete,
    Env,
    Header,
    MultiBinary,
    Tuple,
    f64,
    i32,
    jit,
    param,
    randint,
    uniform,
)


@dataclass(frozen=True)
class Params:
    limit: int = param(6, 1, 100)
    noise: float = param(0.5, 0.0, 1.0)


class State(Header):
    shut: int = i32(below=3)
    passed: int = i32()
    reading: float = f64()


@jit
def reset(s: State, p: Params) -> None:
    s.shut, s.passed = randint(s, 3), 0
    s.reading = uniform(s, 0.0, p.noise)


@jit
def step(s: State, p: Params, action: int) -> tuple[float, bool, bool]:
    if action == s.shut:
        return -1.0, True, False
    s.passed += 1
    s.shut = (s.shut + 1) % 3
    s.reading = uniform(s, 0.0, p.noise)
    return float(action), False, s.step_count >= p.limit


@jit
def observe(s: State, p: Params, obs: Dict) -> None:
    obs.shut[0] = s.shut
    obs.sight.part_0[:] = 0.0
    obs.sight.part_0[0, 0] = s.reading
    obs.sight.part_0[1, 1] = s.step_count
    for k in range(3):
        obs.sight.part_1[k] = k == s.shut


@jit
def mask(s: State, p: Params, allowed: Array) -> None:
    allowed[s.shut] = False


def draw(s: State, p: Params, canvas) -> None:
    canvas.view(3, 1)
    for k in range(3):
        canvas.rect(k + 0.1, 0.1, 0.8, 0.8, "wall" if k == s.shut else "floor")


ENV = Env(
    params=Params,
    state=State,
    observation=Dict({"sight": Tuple((Box(0, 100, (2, 2), np.float64), MultiBinary(3))), "shut": Discrete(3)}),
    action=Discrete(3),
    reset=reset,
    step=step,
    observe=observe,
    draw=draw,
    action_mask=mask,
    counters=("passed",),
)
