"""Catch: move the basket under the falling fruit.

Actions       Discrete(3): STAY, LEFT, RIGHT.
Observation   float32 (3,): basket column, fruit column, fruit row, each in [0, 1].
Reward        1 for a fruit caught, -1 for one missed, else 0.
Termination   `fruits` have fallen.
Parameters    width, height, fruits.
Source        Mnih et al. 2014, "Recurrent models of visual attention".
"""

from dataclasses import dataclass

from puffer_arena.core import Array, Box, Canvas, Discrete, Env, Header, Memory, i32, jit, param, randint

STAY, LEFT, RIGHT = range(3)


@dataclass(frozen=True)
class Params:
    width: int = param(7, 3, 20, "columns")
    height: int = param(8, 4, 20, "rows")
    fruits: int = param(10, 1, 100, "fruits in an episode")


class State(Header):
    basket: int = i32()
    col: int = i32()
    row: int = i32()
    caught: int = i32()
    fallen: int = i32()


@jit
def reset(s: State, p: Params) -> None:
    s.basket, s.caught, s.fallen = p.width // 2, 0, 0
    s.row, s.col = 0, randint(s, p.width)


@jit
def step(s: State, p: Params, action: int) -> tuple[float, bool, bool]:
    s.basket = min(max(s.basket + (0, -1, 1)[action], 0), p.width - 1)
    s.row += 1
    if s.row < p.height - 1:
        return 0.0, False, False
    hit = s.col == s.basket
    s.caught += hit
    s.fallen += 1
    s.row, s.col = 0, randint(s, p.width)
    return 1.0 if hit else -1.0, s.fallen >= p.fruits, False


@jit
def observe(s: State, p: Params, obs: Array) -> None:
    obs[0] = s.basket / (p.width - 1)
    obs[1] = s.col / (p.width - 1)
    obs[2] = s.row / (p.height - 1)


@jit
def follow(s: State, p: Params, memory: Memory) -> int:
    return STAY if s.col == s.basket else LEFT if s.col < s.basket else RIGHT


def draw(s: State, p: Params, canvas: Canvas) -> None:
    canvas.view(p.width, p.height)
    canvas.circle(s.col + 0.5, s.row + 0.5, 0.35, "rose")
    canvas.rect(s.basket + 0.05, p.height - 0.5, 0.9, 0.4, "amber", radius=0.15)
    canvas.status(f"{s.caught} of {s.fallen} caught")


ENV = Env(
    params=Params, state=State, observation=Box(0, 1, (3,)), action=Discrete(3, ("stay", "left", "right")),
    reset=reset, step=step, observe=observe, draw=draw, bots={"follow": follow},
    keys={"left": LEFT, "right": RIGHT}, idle=STAY, counters=("caught",),
)  # fmt: skip
