"""Turret: turn towards the target, and fire.

Actions       Dict: turn, Box(-1, 1, (1,)), to the left in parts of `turn_rate`; fire, Discrete(2), barred while loading.
Observation   float32 (3,): sine and cosine of the angle from the barrel to the target, and 1 when loaded.
Reward        1 for a hit, -reward_miss for a miss, else 0.
Termination   `shots` have been fired.  Truncation: max_steps.
Parameters    shots, turn_rate, width, reload, reward_miss, max_steps.
Source        own.
"""

import math
from dataclasses import dataclass
from typing import Any

from puffer_arena.core import Array, Box, Canvas, Dict, Discrete, Env, Header, f64, i32, jit, param, uniform

HOLD, FIRE = range(2)


@dataclass(frozen=True)
class Params:
    shots: int = param(10, 1, 100, "shots in an episode")
    turn_rate: float = param(0.5, 0.05, 3.0, "radians that the turret turns in a step at most")
    width: float = param(0.2, 0.02, 1.0, "radians to either side of the target's middle that still hit it")
    reload: int = param(2, 0, 20, "steps after a shot until the next")
    reward_miss: float = param(0.5, 0.0, 10.0, "cost of a miss")
    max_steps: int = param(80, 10, 10_000, "steps before the episode is truncated")


class State(Header):
    barrel: float = f64()  # radians, counted to the left
    target: float = f64()
    loading: int = i32()  # steps until the next shot
    fired: int = i32()
    hits: int = i32()


@jit
def aside(s: State) -> float:
    """Return how far the target is to the left of the barrel, in -pi to pi."""
    turned = s.target - s.barrel
    return math.atan2(math.sin(turned), math.cos(turned))


@jit
def reset(s: State, p: Params) -> None:
    s.barrel = uniform(s, -math.pi, math.pi)
    s.target = uniform(s, -math.pi, math.pi)
    s.loading = s.fired = s.hits = 0


@jit
def step(s: State, p: Params, action: Any) -> tuple[float, bool, bool]:
    s.barrel += p.turn_rate * action.turn[0]
    reward = 0.0
    if s.loading > 0:
        s.loading -= 1
    elif action.fire == FIRE:
        s.loading = p.reload
        s.fired += 1
        reward = -p.reward_miss
        if abs(aside(s)) <= p.width:
            s.hits += 1
            s.target = uniform(s, -math.pi, math.pi)
            reward = 1.0
    return reward, s.fired >= p.shots, s.step_count >= p.max_steps


@jit
def observe(s: State, p: Params, obs: Array) -> None:
    obs[0] = math.sin(aside(s))
    obs[1] = math.cos(aside(s))
    obs[2] = 1.0 if s.loading == 0 else 0.0


@jit
def hold_fire(s: State, p: Params, mask: Any) -> None:
    mask.fire[FIRE] = s.loading == 0


@jit
def aim(s: State, p: Params, memory: Any, action: Any) -> None:
    turn = min(max(aside(s) / p.turn_rate, -1.0), 1.0)
    action.turn[0] = turn
    action.fire = FIRE if s.loading == 0 and abs(aside(s) - turn * p.turn_rate) <= p.width else HOLD


def draw(s: State, p: Params, canvas: Canvas) -> None:
    canvas.view(2.4, 2.4, left=-1.2, low=-1.2, up=True)
    canvas.ring(0, 0, 1.0, "line", width=0.02)
    for edge in (-p.width, p.width):
        canvas.line([(0, 0), (math.cos(s.target + edge), math.sin(s.target + edge))], "rose", width=0.01, alpha=0.4)
    canvas.circle(math.cos(s.target), math.sin(s.target), 0.1, "rose")
    canvas.line([(0, 0), (0.4 * math.cos(s.barrel), 0.4 * math.sin(s.barrel))], "amber", width=0.1)
    canvas.circle(0, 0, 0.2, "amber" if s.loading == 0 else "wall")
    canvas.status(f"{s.hits} hits in {s.fired} of {p.shots} shots")


ENV = Env(
    params=Params,
    state=State,
    observation=Box(-1, 1, (3,), labels=("sine", "cosine", "loaded")),
    action=Dict({"turn": Box(-1, 1, (1,), labels=("turn",)), "fire": Discrete(2, ("hold", "fire"))}),
    reset=reset,
    step=step,
    observe=observe,
    draw=draw,
    action_mask=hold_fire,
    bots={"aim": aim},
    keys={"left": ("turn", 0, 1.0), "right": ("turn", 0, -1.0), "space": ("fire", FIRE)},
    idle={"turn": (0.0,), "fire": HOLD},
    counters=("hits", "fired"),
)
