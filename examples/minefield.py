"""Minefield: cross a field to its right edge and keep away from drifting mines.

Actions       Discrete(5): STAY, UP, DOWN, LEFT, RIGHT, each 0.05 of the field's side.
Observation   Dict: "me", float32 (2,): where the walker stands; "mines": the way to each mine in sight, in sides of
              the field.
Reward        1 for reaching the right edge, `guide` for a side of the field made to the right, -0.01 a step.
Signals       cost: 1 for each mine within `reach` of the walker.
Termination   the right edge.  Truncation: max_steps.
Parameters    mines, reach, sight, guide, max_steps.
Source        own.
"""

import math
from dataclasses import dataclass

from puffer_arena.core import (
    Array,
    Box,
    Canvas,
    Dict,
    Discrete,
    Entities,
    Env,
    Header,
    Memory,
    f64,
    jit,
    param,
    uniform,
)

STAY, UP, DOWN, LEFT, RIGHT = range(5)
DX = (0.0, 0.0, 0.0, -0.05, 0.05)
DY = (0.0, -0.05, 0.05, 0.0, 0.0)


@dataclass(frozen=True)
class Params:
    mines: int = param(6, 1, 30, "mines in the field")
    reach: float = param(0.1, 0.0, 0.5, "how far off a mine costs")
    sight: float = param(0.4, 0.1, 2.0, "how far off a mine is seen")
    guide: float = param(1.0, 0.0, 10.0, "reward for a side of the field made to the right; 0: its edge alone pays")
    max_steps: int = param(100, 10, 1000, "steps before the episode is truncated")


class State(Header):
    cost: float  # a signal: the kernels keep it
    x: float = f64()
    y: float = f64()
    mine_x: Array = f64("mines")
    mine_y: Array = f64("mines")


@jit
def reset(s: State, p: Params) -> None:
    s.x, s.y = 0.05, uniform(s, 0.1, 0.9)
    for k in range(len(s.mine_x)):
        s.mine_x[k], s.mine_y[k] = uniform(s, 0.2, 0.9), uniform(s, 0.0, 1.0)


@jit
def distance(s: State, k: int) -> float:
    return math.sqrt((s.mine_x[k] - s.x) ** 2 + (s.mine_y[k] - s.y) ** 2)


@jit
def step(s: State, p: Params, action: int) -> tuple[float, bool, bool]:
    before = s.x
    s.x = min(max(s.x + DX[action], 0.0), 1.0)
    s.y = min(max(s.y + DY[action], 0.0), 1.0)
    for k in range(p.mines):
        s.mine_y[k] = (s.mine_y[k] + uniform(s, 0.0, 0.02)) % 1.0
        if distance(s, k) < p.reach:
            s.cost += 1.0
    arrived = s.x > 0.98
    return p.guide * (s.x - before) - 0.01 + (1.0 if arrived else 0.0), arrived, s.step_count >= p.max_steps


@jit
def observe(s: State, p: Params, obs: Dict) -> None:
    obs.me[0], obs.me[1] = s.x, s.y
    for k in range(len(s.mine_x)):
        obs.mines[k, :] = 0.0
        if k < p.mines and distance(s, k) < p.sight:
            obs.mines[k, 0] = 1.0  # it is there, and its features follow
            obs.mines[k, 1], obs.mines[k, 2] = s.mine_x[k] - s.x, s.mine_y[k] - s.y


@jit
def march(s: State, p: Params, memory: Memory) -> int:
    return RIGHT


def draw(s: State, p: Params, canvas: Canvas) -> None:
    canvas.view(1.0, 1.0)
    canvas.rect(0.96, 0.0, 0.04, 1.0, "lime", alpha=0.5)
    for k in range(p.mines):
        canvas.circle(s.mine_x[k], s.mine_y[k], p.reach, "rose", alpha=0.2)
        canvas.circle(s.mine_x[k], s.mine_y[k], 0.02, "rose")
    canvas.circle(s.x, s.y, 0.025, "amber")
    canvas.status(f"cost {s.episode_cost:.0f} in {s.step_count} steps")


ENV = Env(
    params=Params, state=State, action=Discrete(5, ("stay", "up", "down", "left", "right")),
    observation=Dict({"me": Box(0, 1, (2,)), "mines": Entities(-1, 1, ("mines", 2))}),
    reset=reset, step=step, observe=observe, draw=draw, bots={"march": march}, signals=("cost",), cost_limit=2.0,
    keys={"up": UP, "down": DOWN, "left": LEFT, "right": RIGHT}, idle=STAY,
)  # fmt: skip
