"""Stuck: a solo game whose step never ends once its parameter says so, for tests of what ends a process then."""

from dataclasses import dataclass

from puffer_arena.core import Array, Box, Discrete, Env, Header, i32, jit, param


@dataclass(frozen=True)
class Params:
    stuck: int = param(0, 0, 1)


class State(Header):
    waiting: int = i32()
    turns: int = i32()


@jit
def reset(s: State, p: Params) -> None:
    s.waiting, s.turns = 0, 0


@jit
def step(s: State, p: Params, action: int) -> tuple[float, bool, bool]:
    s.turns = action
    if p.stuck == 1:
        s.waiting = 1
        while p.stuck == 1:
            s.turns += 1
    return 1.0, s.step_count >= 10, False


@jit
def observe(s: State, p: Params, obs: Array) -> None:
    obs[0] = s.turns


def draw(s: State, p: Params, canvas) -> None:
    canvas.view(1, 1)


ENV = Env(
    params=Params,
    state=State,
    observation=Box(-10, 10, (1,)),
    action=Discrete(2),
    reset=reset,
    step=step,
    observe=observe,
    draw=draw,
)
