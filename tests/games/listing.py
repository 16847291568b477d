"""Listing: a solo game that only a CPU can step, as its rule makes a list."""

from dataclasses import dataclass

from puffer_arena.core import Array, Box, Discrete, Env, Header, i32, jit, param


@dataclass(frozen=True)
class Params:
    limit: int = param(5, 1, 100)


class State(Header):
    total: int = i32()


@jit
def reset(s: State, p: Params) -> None:
    s.total = 0


@jit
def step(s: State, p: Params, action: int) -> tuple[float, bool, bool]:
    for step in [1, 2]:
        s.total += step * action
    return float(s.total), False, s.step_count >= p.limit


@jit
def observe(s: State, p: Params, obs: Array) -> None:
    obs[0] = s.total


def draw(s: State, p: Params, canvas) -> None:
    canvas.view(1, 1)


ENV = Env(
    params=Params,
    state=State,
    observation=Box(0.0, 100.0, (1,)),
    action=Discrete(2),
    reset=reset,
    step=step,
    observe=observe,
    draw=draw,
)
