"""Terrain: a walk over ground whose heights are one parameter of eight numbers."""

from dataclasses import dataclass

from puffer_arena.core import Array, Box, Discrete, Env, Header, Memory, f64, i32, jit, param, randint


@dataclass(frozen=True)
class Params:
    heights: tuple[float, ...] = param((0.0, 0.1, 0.3, 0.2, 0.0, -0.1, 0.2, 1.0), -2.0, 2.0, "of the ground, m")
    boggy: tuple[int, ...] = param((0,) * 8, 0, 1, "where one stays put", at_reset=True)
    limit: int = param(20, 1, 100, "steps of an episode")


class State(Header):
    at: int = i32(below=8)
    climbed: float = f64()


@jit
def reset(s: State, p: Params) -> None:
    s.at, s.climbed = randint(s, 7), 0.0


@jit
def step(s: State, p: Params, action: int) -> tuple[float, bool, bool]:
    here = min(max(s.at, 0), 7)
    to = min(max(here + (1 if action == 1 else -1), 0), 7)
    if p.boggy[here]:
        to = here
    gain = p.heights[to] - p.heights[here]
    s.at = to
    s.climbed += max(gain, 0.0)
    return gain, to == 7, s.step_count >= p.limit


@jit
def observe(s: State, p: Params, obs: Array) -> None:
    obs[0] = s.at
    for k in range(8):
        obs[1 + k] = p.heights[k]


@jit
def up(s: State, p: Params, memory: Memory) -> int:
    return 1


def draw(s: State, p: Params, canvas) -> None:
    canvas.view(8, 4)
    canvas.rect(s.at, 1.5 + p.heights[s.at], 1, 1, "accent")
    canvas.status(f"at {s.at}")


ENV = Env(
    params=Params,
    state=State,
    observation=Box(-10, 10, (9,)),
    action=Discrete(2),
    reset=reset,
    step=step,
    observe=observe,
    draw=draw,
    bots={"up": up},
)
