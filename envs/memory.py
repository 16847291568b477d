"""Memory: see a cue for one moment, wait, and name it when asked.

No single observation holds the answer: a policy needs recurrence, or a stack of at least delay + 1 frames.
Without either the best mean return is 1 / symbols; with `delay` 0 the cue is still in sight when asked.

Actions       Discrete(4): the answer; it counts only when asked.
Observation   Dict: "cue" Discrete(5), 0 for a blank and 1..4 for the answers 0..3; "asked" MultiBinary(1);
              "clock" float32 (1,), the part of the delay that is over.
Reward        1 for the right answer when asked, else 0.
Termination   the answer.  No truncation.
Parameters    symbols, delay.
Source        own; after Bakker 2002, "Reinforcement learning with long short-term memory" (T-maze).
"""

from dataclasses import dataclass
from typing import Any

from puffer_arena.core import Box, Canvas, Dict, Discrete, Env, Header, Memory, MultiBinary, i32, jit, param, randint
from puffer_arena.core.tiles import tabletop

COLORS = ("rose", "amber", "leaf", "sky")
GLYPHS = ("A", "B", "C", "D")
RIGHT, WRONG = range(2)  # endings


@dataclass(frozen=True)
class Params:
    symbols: int = param(4, 2, 4, "how many of the answers occur", at_reset=True)
    delay: int = param(3, 0, 100, "steps between the first sight of the cue and the question", at_reset=True)


class State(Header):
    cue: int = i32(below=4)  # the right answer, 0 .. symbols-1
    answer: int = i32()  # the answer given, -1 before
    right: int = i32()  # 1 after a right answer


@jit
def reset(s: State, p: Params) -> None:
    s.cue = randint(s, p.symbols)
    s.answer, s.right = -1, 0


@jit
def asks(s: State, p: Params) -> bool:
    """Tell whether the next action is the answer."""
    return s.step_count >= p.delay


@jit
def step(s: State, p: Params, action: int) -> tuple[float, bool, bool]:
    if s.step_count <= p.delay:
        return 0.0, False, False
    s.answer = action
    s.right = 1 if action == s.cue else 0
    return float(s.right), True, False


@jit
def ending(s: State, p: Params) -> int:
    return RIGHT if s.right else WRONG


@jit
def observe(s: State, p: Params, obs: Any) -> None:
    obs.cue[0] = s.cue + 1 if s.step_count == 0 else 0
    obs.asked[0] = 1 if asks(s, p) else 0
    obs.clock[0] = min(1.0, s.step_count / max(p.delay, 1))


@jit
def recall(s: State, p: Params, memory: Memory) -> int:
    """Give the right answer, read from the state."""
    return s.cue


def click(s: State, p: Params, x: float, y: float) -> int | None:
    """Return the answer at (x, y)."""
    answer = round((x - 1.05) / 1.3)
    within = 0 <= answer < len(GLYPHS) and abs(x - 1.05 - 1.3 * answer) <= 0.45 and 3.0 <= y <= 3.72
    return answer if within else None


def draw(s: State, p: Params, canvas: Canvas) -> None:
    canvas.view(6.0, 4.6, bleed=True)
    tabletop(canvas, 6.0, 4.6)
    canvas.rect(0.1, 0.18, 5.8, 4.42, "shadow", radius=0.25, alpha=0.6)
    canvas.rect(0.1, 0.1, 5.8, 4.4, "floor", radius=0.25)
    asked = asks(s, p)
    if s.step_count == 0:
        canvas.circle(3.0, 1.7, 0.95, COLORS[s.cue])
        canvas.text(3.0, 1.7, GLYPHS[s.cue], "ink", size=0.9)
    else:
        canvas.ring(3.0, 1.7, 0.93, "accent" if asked else "line", width=0.07)
        canvas.text(3.0, 1.7, "?" if asked else "wait", "text" if asked else "muted", size=0.9 if asked else 0.42)
    for k in range(4):
        x = 1.05 + 1.3 * k
        lit = asked and k < p.symbols
        canvas.rect(x - 0.45, 3.0, 0.9, 0.72, COLORS[k] if lit else "line", radius=0.15)
        canvas.text(x, 3.36, GLYPHS[k], "ink" if lit else "muted", size=0.42)
    left = max(p.delay - s.step_count, 0)
    canvas.rect(0.6, 4.0, 4.8, 0.1, "line", radius=0.05)
    over = 4.8 * (1 - left / max(p.delay, 1))
    if over > 0.1:
        canvas.rect(0.6, 4.0, over, 0.1, "accent", radius=0.05)
    canvas.status("which was it?" if asked else f"remember: asked in {left} steps")


ENV = Env(
    params=Params,
    state=State,
    observation=Dict({"cue": Discrete(5), "asked": MultiBinary(1), "clock": Box(0.0, 1.0, (1,), labels=("waited",))}),
    action=Discrete(4, GLYPHS),
    reset=reset,
    step=step,
    observe=observe,
    draw=draw,
    bots={"recall": recall},
    keys={"left": 0, "down": 1, "up": 2, "right": 3, "a": 0, "b": 1, "c": 2, "d": 3},
    click=click,
    idle=0,
    counters=("right",),
    success="right",
    ending=ending,
    endings=("remembered", "it was another one"),
    steps_per_second=1.0,
    solved=0.95,
)
