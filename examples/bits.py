"""Bits: flip one bit a step until a row of them matches another.

Actions       Discrete(40): which bit flips; those beyond `bits` are barred by the mask.
Observation   float32 (80,): the bits, then those wanted: 1 and -1, and 0 beyond `bits`.
Reward        0 for the step after which all match, else -1.
Termination   all match.  Truncation: as many steps as there are bits.
Parameters    bits.
Source        Andrychowicz et al. 2017, arXiv 1707.01495, section 3.1: where chance finds nothing to learn from.
"""

import math
from dataclasses import dataclass

from puffer_arena.core import Array, Box, Canvas, Discrete, Env, Header, Memory, i8, i32, jit, param, randint

MOST = 40


@dataclass(frozen=True)
class Params:
    bits: int = param(20, 1, MOST, "bits in the row", at_reset=True)


class State(Header):
    now: Array = i8(MOST)  # 1 and -1
    wanted: Array = i8(MOST)
    matched: int = i32()  # 1 when all do


@jit
def reset(s: State, p: Params) -> None:
    s.matched = 0
    for k in range(MOST):
        s.now[k] = 2 * randint(s, 2) - 1 if k < p.bits else 0
        s.wanted[k] = 2 * randint(s, 2) - 1 if k < p.bits else 0


@jit
def match(s: State) -> bool:
    for k in range(MOST):  # noqa: SIM110 (Numba knows no generators)
        if s.now[k] != s.wanted[k]:
            return False
    return True


@jit
def step(s: State, p: Params, action: int) -> tuple[float, bool, bool]:
    s.now[action] = -s.now[action]
    same = match(s)
    s.matched = 1 if same else 0
    return 0.0 if same else -1.0, same, not same and s.step_count >= p.bits


@jit
def observe(s: State, p: Params, obs: Array) -> None:
    for k in range(MOST):
        obs[k], obs[MOST + k] = s.now[k], s.wanted[k]


@jit
def move_goal(s: State, p: Params, later: State) -> None:
    """Want what the bits are later on."""
    s.wanted[:] = later.now


@jit
def compare(s: State, p: Params, memory: Memory) -> int:
    """Flip the first bit that differs."""
    for k in range(MOST):
        if s.now[k] != s.wanted[k]:
            return k
    return 0


@jit
def allowed(s: State, p: Params, mask: Array) -> None:
    mask[p.bits :] = False


def draw(s: State, p: Params, canvas: Canvas) -> None:
    cols = math.ceil(math.sqrt(p.bits))
    rows = -(-p.bits // cols)
    canvas.view(cols, rows)
    for k in range(p.bits):
        x, y = k % cols, k // cols
        canvas.rect(x + 0.06, y + 0.06, 0.88, 0.88, "sky" if s.wanted[k] > 0 else "floor", radius=0.2)
        canvas.circle(x + 0.5, y + 0.5, 0.24, "amber" if s.now[k] > 0 else "slate")
    canvas.status(f"{sum(s.now[k] == s.wanted[k] for k in range(p.bits))} of {p.bits} match")


ENV = Env(
    params=Params, state=State, action=Discrete(MOST), observation=Box(-1, 1, (2 * MOST,)),
    reset=reset, step=step, observe=observe, action_mask=allowed, draw=draw, move_goal=move_goal,
    bots={"compare": compare}, keys={str(k + 1): k for k in range(9)},
    success="matched", counters=("matched",),
)  # fmt: skip
