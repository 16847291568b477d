"""Sketch: a game whose drawing has all that a picture is painted of, and what has to be left out of it.

Actions       Discrete(2): STAY, GO.
Observation   float32 (1,): how far the dot is.
Reward        0.
Termination   none.  Truncation: 20 steps.
Parameters    size.
Source        own.
"""

from dataclasses import dataclass

from puffer_arena.core import Array, Box, Canvas, Discrete, Env, Header, Memory, f64, jit, param

COLORS = ("rose", "amber", "leaf")
SHAPE = ((0.0, 0.0), (2.0, 0.5), (1.0, 2.0))


@dataclass(frozen=True)
class Params:
    size: float = param(10.0, 4.0, 20.0, "width and height of the plane")


class State(Header):
    x: float = f64()
    y: float = f64(2)


@jit
def reset(s: State, p: Params) -> None:
    s.x, s.y[0], s.y[1] = 3.0, 4.0, 6.0


@jit
def step(s: State, p: Params, action: int) -> tuple[float, bool, bool]:
    s.x = min(s.x + action * 0.5, p.size)
    return 0.0, False, s.step_count >= 20


@jit
def observe(s: State, p: Params, obs: Array) -> None:
    obs[0] = s.x / p.size


@jit
def go(s: State, p: Params, memory: Memory) -> int:
    return 1


def words(s: State) -> str:
    return f"{s.x:.2f} of it"


def both(s: State) -> list[tuple[float, float]]:
    return [(y + 1.0, y) for y in s.y]


def mark(canvas: Canvas, x: float, *, color: str = "sky", wide: float = 0.4) -> None:
    """Draw a mark, by names that have to be given."""
    canvas.ring(x, 8.0, 0.8, color, width=wide)


def draw(s: State, p: Params, canvas: Canvas) -> None:
    canvas.view(p.size, p.size, up=True)
    canvas.rect(0.5, 0.5, p.size - 1, p.size - 1, "panel", radius=0.8)
    label = words(s)
    canvas.text(1.0, 1.0, label)
    for k, color in enumerate(COLORS):
        canvas.circle(2.0 + 2 * k, 2, 0.7, color, alpha=1.0 if k else 0.5)
    x = 1.0
    canvas.polygon([(s.x + x, 4.0 + y) for x, y in SHAPE], "white", alpha=0.7)
    canvas.line([(x, 1.0), *both(s), (s.x, 9.0)], "teal", width=0.3)
    canvas.line([*both(s), (9.0, 9.0)] if s.x > 3 else [(9.0, 1.0), (9.5, 5.0)], "violet", width=0.2, alpha=0.5)
    canvas.circle(*SHAPE[2], 0.4, "amber")
    mark(canvas, s.x, wide=0.3)
    mark(canvas, 7.0, color="rose" if s.x < 5 else "leaf")
    canvas.status(f"at {label}")


ENV = Env(
    params=Params,
    state=State,
    observation=Box(0.0, 5.0, (1,)),
    action=Discrete(2, ("stay", "go")),
    reset=reset,
    step=step,
    observe=observe,
    draw=draw,
    bots={"go": go},
    keys={"space": 1},
    idle=0,
)
