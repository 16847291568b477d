"""Target: steer a sliding disc to one goal after another.

Actions       Box(-1, 1, (2,)): thrust along x and y, in parts of `thrust`.
Observation   float32 (4,): goal minus disc along x and y, velocity along x and y.
Reward        the distance gained on the goal, and reward_goal for reaching it.
Termination   goals reached `goals` times.  Truncation: max_steps.
Parameters    goals, reach, thrust, drag, reward_goal, max_steps.
Source        own; a continuous check that a learner works, after "target" of PufferLib's Ocean.
"""

import math
from dataclasses import dataclass

import numpy as np

from puffer_arena.core import (
    Array,
    Box,
    Canvas,
    Env,
    Header,
    Memory,
    f64,
    glow,
    i32,
    jit,
    orb,
    param,
    streak,
    uniform,
)

TAU = 0.1  # seconds of one step
HALF = 1.0  # the arena is the square [-HALF, HALF]²
ALL, TIME_UP = range(2)  # endings


@dataclass(frozen=True)
class Params:
    goals: int = param(3, 1, 20, "goals to reach", at_reset=True)
    reach: float = param(0.12, 0.02, 0.5, "distance at which a goal counts as reached")
    thrust: float = param(4.0, 0.5, 20.0, "acceleration at full thrust, 1/s²")
    drag: float = param(2.0, 0.0, 8.0, "share of the velocity lost each second")
    reward_goal: float = param(1.0, 0.0, 10.0, "for a goal reached")
    max_steps: int = param(100, 10, 10_000, "steps before the episode is truncated")


class State(Header):
    x: float = f64()
    y: float = f64()
    x_dot: float = f64()  # 1/s
    y_dot: float = f64()
    goal_x: float = f64()
    goal_y: float = f64()
    score: int = i32()  # goals reached


@jit
def distance(s: State) -> float:
    """Return how far the goal is."""
    dx, dy = s.goal_x - s.x, s.goal_y - s.y
    return math.sqrt(dx * dx + dy * dy)


@jit
def place_goal(s: State) -> None:
    s.goal_x = uniform(s, -0.9 * HALF, 0.9 * HALF)
    s.goal_y = uniform(s, -0.9 * HALF, 0.9 * HALF)


@jit
def reset(s: State, p: Params) -> None:
    s.x = uniform(s, -0.9 * HALF, 0.9 * HALF)
    s.y = uniform(s, -0.9 * HALF, 0.9 * HALF)
    s.x_dot, s.y_dot, s.score = 0.0, 0.0, 0
    place_goal(s)


@jit
def step(s: State, p: Params, action: Array) -> tuple[float, bool, bool]:
    before = distance(s)
    keep = 1.0 - p.drag * TAU
    s.x_dot = s.x_dot * keep + p.thrust * action[0] * TAU
    s.y_dot = s.y_dot * keep + p.thrust * action[1] * TAU
    s.x += s.x_dot * TAU
    s.y += s.y_dot * TAU
    if abs(s.x) > HALF:  # the wall takes all the speed towards it
        s.x, s.x_dot = math.copysign(HALF, s.x), 0.0
    if abs(s.y) > HALF:
        s.y, s.y_dot = math.copysign(HALF, s.y), 0.0

    after = distance(s)
    reward = before - after
    if after <= p.reach:
        s.score += 1
        reward += p.reward_goal
        place_goal(s)
    reached_all = s.score >= p.goals
    return reward, reached_all, not reached_all and s.step_count >= p.max_steps


@jit
def ending(s: State, p: Params) -> int:
    return ALL if s.score >= p.goals else TIME_UP + 2 * s.score


@jit
def observe(s: State, p: Params, obs: Array) -> None:
    obs[0] = s.goal_x - s.x
    obs[1] = s.goal_y - s.y
    obs[2] = s.x_dot
    obs[3] = s.y_dot


@jit
def move_goal(s: State, p: Params, later: State) -> None:
    """Put the goal where the disc is later on."""
    s.goal_x, s.goal_y = later.x, later.y


@jit
def steer(s: State, p: Params, memory: Memory, action: Array) -> None:
    """Thrust towards where the disc would stop short of the goal: a spring and a damper."""
    action[0] = min(1.0, max(-1.0, 4.0 * (s.goal_x - s.x) - 1.5 * s.x_dot))
    action[1] = min(1.0, max(-1.0, 4.0 * (s.goal_y - s.y) - 1.5 * s.y_dot))


def draw(s: State, p: Params, canvas: Canvas) -> None:
    side = 2 * HALF + 0.3
    canvas.view(side, side, left=-side / 2, low=-side / 2, up=True, bleed=True)
    canvas.rect(-4.0, -4.0, 8.0, 8.0, "slate")
    for k in range(-20, 21):  # the floor around the rink
        canvas.line([(-4.0, 0.2 * k), (4.0, 0.2 * k)], "shadow", width=0.008, alpha=0.3)
    out = HALF + 0.1
    canvas.rect(-out - 0.04, -out - 0.06, 2 * out + 0.08, 2 * out + 0.08, "shadow", radius=0.2, alpha=0.5)
    canvas.rect(-out - 0.02, -out - 0.02, 2 * out + 0.04, 2 * out + 0.04, "sand", radius=0.16)
    canvas.rect(-out + 0.02, -out + 0.02, 2 * out - 0.04, 2 * out - 0.04, "deep", radius=0.12)
    for k in range(8):  # scratches of skates
        x, y = 0.55 * math.sin(2.4 * k), 0.6 * math.cos(3.7 * k)
        canvas.line([(x - 0.25, y - 0.1), (x, y + 0.02 * k), (x + 0.3, y + 0.1)], "white", width=0.01, alpha=0.12)
    canvas.ring(0.0, 0.0, 0.35, "white", width=0.02, alpha=0.25)
    canvas.line([(-out, 0.0), (out, 0.0)], "white", width=0.02, alpha=0.25)
    canvas.line([(s.x, s.y), (s.goal_x, s.goal_y)], "white", width=0.012, alpha=0.25)
    glow(canvas, s.goal_x, s.goal_y, 2.2 * p.reach, "rose")
    canvas.circle(s.goal_x, s.goal_y, p.reach, "rose", alpha=0.25)
    canvas.ring(s.goal_x, s.goal_y, p.reach, "rose", width=0.02)
    canvas.circle(s.goal_x, s.goal_y, 0.025, "rose")
    streak(canvas, s.x, s.y, s.x_dot, s.y_dot, 0.1, "amber", seconds=0.2)
    orb(canvas, s.x, s.y, 0.08, "amber")
    canvas.agent(0, s.x, s.y, 0.07)
    canvas.status(f"{s.score} of {p.goals} goals")


ENV = Env(
    params=Params,
    state=State,
    observation=Box(-np.inf, np.inf, (4,), labels=("goal x", "goal y", "velocity x", "velocity y")),
    action=Box(-1.0, 1.0, (2,), labels=("thrust x", "thrust y")),
    reset=reset,
    step=step,
    observe=observe,
    draw=draw,
    move_goal=move_goal,
    bots={"steer": steer},
    keys={"left": (0, -1.0), "right": (0, 1.0), "down": (1, -1.0), "up": (1, 1.0)},
    idle=(0.0, 0.0),
    counters=("score",),
    ending=ending,
    endings=("reached every goal", "time is up: {} reached"),
    steps_per_second=1.0 / TAU,
    solved=5.0,
)
