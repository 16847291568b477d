"""Bandit: pull the arm that pays best for the sign above it.

The pairing of signs and arms never changes, so it can be learned; with `signs` 1 it is the plain bandit.

Actions       Discrete(8): the arm to pull.
Observation   Discrete(8): the sign.
Reward        1 from the sign's arm, 0 from another, with normal noise of size `noise` added.
Termination   none.  Truncation: `pulls` pulls.
Parameters    signs, noise, pulls.
Source        Robbins 1952, "Some aspects of the sequential design of experiments".
"""

from dataclasses import dataclass

from puffer_arena.core import Array, Canvas, Discrete, Env, Header, Memory, i32, jit, normal, param, randint
from puffer_arena.core.tiles import tabletop

ARMS = 8
PAYING = (5, 2, 7, 0, 3, 6, 1, 4)  # the arm that pays, by sign
COLORS = ("rose", "orange", "amber", "lime", "leaf", "teal", "sky", "violet")


@dataclass(frozen=True)
class Params:
    signs: int = param(8, 1, 8, "how many signs occur", at_reset=True)
    noise: float = param(0.1, 0.0, 2.0, "standard deviation of the reward")
    pulls: int = param(16, 1, 1000, "pulls of an episode")


class State(Header):
    sign: int = i32(below=ARMS)
    arm: int = i32()  # pulled last, -1 before
    hits: int = i32()  # pulls of the paying arm


@jit
def reset(s: State, p: Params) -> None:
    s.sign = randint(s, p.signs)
    s.arm, s.hits = -1, 0


@jit
def step(s: State, p: Params, action: int) -> tuple[float, bool, bool]:
    s.arm = action
    hit = 1 if action == PAYING[s.sign] else 0
    s.hits += hit
    s.sign = randint(s, p.signs)
    reward = float(hit)
    if p.noise > 0.0:
        reward += p.noise * normal(s)
    return reward, False, s.step_count >= p.pulls


@jit
def ending(s: State, p: Params) -> int:
    return s.hits


@jit
def observe(s: State, p: Params, obs: Array) -> None:
    obs[0] = s.sign


@jit
def best(s: State, p: Params, memory: Memory) -> int:
    """Pull the paying arm."""
    return PAYING[s.sign]


def click(s: State, p: Params, x: float, y: float) -> int | None:
    """Return the arm at (x, y)."""
    arm = round(x - 1.0)
    return arm if 0 <= arm < ARMS and abs(x - 1.0 - arm) <= 0.36 and 2.35 <= y <= 4.75 else None


def draw(s: State, p: Params, canvas: Canvas) -> None:
    canvas.view(9.0, 5.4, bleed=True)
    tabletop(canvas, 9.0, 5.4)
    canvas.rect(0.2, 0.32, 8.6, 5.04, "shadow", radius=0.3, alpha=0.6)
    canvas.rect(0.2, 0.2, 8.6, 5.0, "floor", radius=0.3)
    canvas.rect(3.3, 0.55, 2.4, 1.35, "raised", radius=0.25)
    canvas.circle(4.5, 1.22, 0.45, COLORS[s.sign])
    canvas.text(4.5, 1.22, str(s.sign + 1), "ink", size=0.5)
    for arm in range(ARMS):
        x, pulled = 1.0 + arm, arm == s.arm
        canvas.rect(x - 0.36, 2.35, 0.72, 2.4, "panel", radius=0.2)
        canvas.rect(x - 0.07, 2.6, 0.14, 1.5, "line", radius=0.07)
        canvas.circle(x, 3.95 if pulled else 2.75, 0.24, "accent" if pulled else "muted")
        canvas.text(x, 4.45, str(arm + 1), "text" if pulled else "muted", size=0.34)
    canvas.status(f"{s.hits} of {s.step_count} pulls paid")


ENV = Env(
    params=Params,
    state=State,
    observation=Discrete(8),
    action=Discrete(ARMS),
    reset=reset,
    step=step,
    observe=observe,
    draw=draw,
    bots={"best": best},
    keys={str(arm + 1): arm for arm in range(ARMS)},
    click=click,
    counters=("hits",),
    ending=ending,
    endings=("pulls that paid: {}",),
    steps_per_second=2.0,
    solved=15.0,
)
