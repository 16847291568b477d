"""Roam: two agents on a line, whose bots count their steps and turn by chance, for tests of what bots keep.

An agent moves by its action, -1, 0 or 1; the episode is truncated after `limit` steps.  The rules themselves draw a
number in every step, which shows whose stream it comes from.
"""

from dataclasses import dataclass

import numpy as np

from puffer_arena.core import Array, Box, Env, Header, Memory, MultiDiscrete, f64, i32, jit, param, randint, uniform


@dataclass(frozen=True)
class Params:
    limit: int = param(9, 1, 100)
    places: int = param(3, 1, 5)


class State(Header):
    x: Array = i32(2)
    drawn: int = i32()


class Way(Memory):
    steps: int = i32()
    last: int = i32(below=3)
    seen: Array = f64("places")  # where it has been, the newest first


@jit
def reset(s: State, p: Params) -> None:
    s.x[0], s.x[1], s.drawn = 0, 0, randint(s, 1000)


@jit
def step(s: State, p: Params, actions: Array, rewards: Array, terminated: Array) -> bool:
    s.drawn = randint(s, 1000)
    for agent in range(2):
        s.x[agent] += actions[agent, 0] - 1
        rewards[agent] = 0.01 * s.drawn
    return s.step_count >= p.limit


@jit
def observe(s: State, p: Params, agent: int, obs: Array) -> None:
    obs[0], obs[1] = s.x[agent], s.step_count


@jit
def roam(s: State, p: Params, agent: int, way: Way, action: Array) -> None:
    """Go on, and turn with a chance that grows with the steps taken."""
    for k in range(len(way.seen) - 1, 0, -1):
        way.seen[k] = way.seen[k - 1]
    way.seen[0] = s.x[agent]
    way.steps += 1
    if uniform(way, 0.0, 1.0) < 0.1 * way.steps:
        way.last = randint(way, 3)
    action[0] = way.last


def draw(s: State, p: Params, canvas) -> None:
    canvas.view(1, 1)


ENV = Env(
    params=Params,
    state=State,
    observation=Box(-1000, 1000, (2,), np.float32),
    action=MultiDiscrete((3,)),
    reset=reset,
    step=step,
    observe=observe,
    draw=draw,
    agents={"one": 2},
    bots={"roam": roam, "again": roam},
    bot_memory=Way,
)
