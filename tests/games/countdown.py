"""Countdown: a solo game whose every number can be derived by hand, for tests of the batch.

Each step subtracts the action from `left`; at 0 or below the episode terminates with reward 10, and after
`limit` steps it is truncated.  Otherwise the reward is the step count.
"""

from dataclasses import dataclass

from puffer_arena.core import Array, Box, Env, Header, Memory, MultiDiscrete, i32, jit, param, randint


@dataclass(frozen=True)
class Params:
    start: int = param(5, 1, 100)
    limit: int = param(8, 1, 100)
    shift: int = param(0, 0, 50, at_reset=True)
    width: int = param(4, 2, 6)


class State(Header):
    left: int = i32()
    used: int = i32()
    luck: int = i32("width")


@jit
def reset(s: State, p: Params) -> None:
    s.left, s.used = p.start + p.shift, 0
    for k in range(len(s.luck)):
        s.luck[k] = randint(s, 1000)


@jit
def step(s: State, p: Params, action: Array) -> tuple[float, bool, bool]:
    s.left -= action[0]
    s.used += action[1]
    if s.left <= 0:
        return 10.0, True, False
    return float(s.step_count), False, s.step_count >= p.limit


@jit
def observe(s: State, p: Params, obs: Array) -> None:
    obs[0], obs[1] = s.left, s.luck[0]


@jit
def mask(s: State, p: Params, allowed: Array) -> None:
    allowed[0] = s.left > 2  # with 2 or less left one must subtract


@jit
def hasty(s: State, p: Params, memory: Memory, action: Array) -> None:
    action[0], action[1] = 2, 1


def draw(s: State, p: Params, canvas) -> None:
    canvas.view(1, 1)


ENV = Env(
    params=Params,
    state=State,
    observation=Box(-10, 1000, (2,)),
    action=MultiDiscrete((3, 2)),
    reset=reset,
    step=step,
    observe=observe,
    draw=draw,
    action_mask=mask,
    bots={"hasty": hasty},
    counters=("used",),
)
