"""Duel: a game for several agents whose every number can be derived by hand, for tests of the batch.

An agent plays a number; whoever plays 2 leaves with reward -1, and the others get the number they played.  The episode
is truncated after `limit` steps.
"""

from dataclasses import dataclass

import numpy as np

from puffer_arena.core import Array, Box, Dict, Discrete, Env, Header, Memory, Tuple, i32, jit, param


@dataclass(frozen=True)
class Params:
    red: int = param(1, 1, 3)
    blue: int = param(2, 1, 3)
    limit: int = param(4, 1, 100)


class State(Header):
    last: int = i32(6)
    red_of: int = i32("red")
    blue_of: int = i32("blue")


@jit
def reset(s: State, p: Params) -> None:
    for agent in range(len(s.alive)):
        s.last[agent] = 0
    for k in range(p.blue, len(s.blue_of)):
        s.alive[len(s.red_of) + k] = 0


@jit
def step(s: State, p: Params, actions: Array, rewards: Array, terminated: Array) -> bool:
    for agent in range(len(s.alive)):
        if s.alive[agent]:
            s.last[agent] = actions[agent]
            terminated[agent] = actions[agent] == 2
            rewards[agent] = -1.0 if terminated[agent] else actions[agent]
    return s.step_count >= p.limit


@jit
def observe(s: State, p: Params, agent: int, obs: Dict) -> None:
    obs.last[0] = s.last[agent]
    obs.pair.part_0[0] = s.step_count
    obs.pair.part_1[0] = agent


@jit
def careful(s: State, p: Params, agent: int, memory: Memory) -> int:
    return 1


def draw(s: State, p: Params, canvas) -> None:
    canvas.view(1, 1)


ENV = Env(
    params=Params,
    state=State,
    observation=Dict({"last": Discrete(3), "pair": Tuple((Box(0, 100, (1,), np.int32), Discrete(6)))}),
    action=Discrete(3),
    reset=reset,
    step=step,
    observe=observe,
    draw=draw,
    agents={"red": "red", "blue": "blue"},
    bots={"careful": careful},
)
