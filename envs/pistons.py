"""Pistons: together roll a ball to the left wall, each by moving one piston up and down.

Everybody sees the pistons beside the own one, and the ball when it is near.

Actions       Box(-1, 1, (1,)): speed upwards, in parts of `speed`.
Observation   float32 (12,): height of the own piston, of two to the left and two to the right (-1 where there is
              none), place in the row; then whether the ball is in sight, where it is, its velocity and spin.
Reward        reward_progress a metre that the ball moves left: to all alike the part 1 - local, to those under the
              ball the part local; reward_time a step; 1 for the wall.
Termination   the ball touches the left wall.  Truncation: max_steps.
Parameters    pistons, travel, speed, ball, bounce, friction, sight, local, reward_progress, reward_time, max_steps.
Source        after "pistonball" (Terry et al. 2021, PettingZoo, arXiv:2009.14471), from state.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from puffer_arena.core import (
    Array,
    Body2D,
    Box,
    Canvas,
    Dict,
    Env,
    Header,
    Memory,
    bands,
    body2d,
    f64,
    glow,
    i32,
    jit,
    orb,
    param,
    segment2d,
    uniform,
)

TIME_STEP = 1 / 20
GRAVITY = 9.81  # m/s²
LENGTH = 4.0  # of a piston, m; it is 1 m wide
CEILING = 9.0  # m above the lowest stroke
MASS = 1.0  # of the ball, kg
AT_WALL, TIME_UP = range(2)  # endings


@dataclass(frozen=True)
class Params:
    pistons: int = param(20, 4, 40, "in the row", at_reset=True)
    travel: float = param(2.0, 1.0, 3.0, "stroke of a piston, m")
    speed: float = param(2.0, 0.5, 4.0, "of a piston, m/s")
    ball: float = param(1.0, 0.6, 1.4, "radius of the ball, m", at_reset=True)
    bounce: float = param(0.5, 0.0, 0.9, "elasticity", at_reset=True)
    friction: float = param(0.3, 0.0, 1.0, "between ball and pistons", at_reset=True)
    sight: float = param(4.0, 1.5, 40.0, "metres to either side in which a piston sees the ball")
    local: float = param(0.5, 0.0, 1.0, "part of the reward that only pistons under the ball get")
    reward_progress: float = param(0.1, 0.0, 1.0, "for a metre to the left")
    reward_time: float = param(-0.002, -0.1, 0.0, "for a step")
    max_steps: int = param(300, 30, 10_000, "steps before the episode is truncated")


class State(Header):
    pistons: Array = body2d("pistons")
    ball: Body2D = body2d()
    walls: Array = segment2d(3)  # left, right, above
    before: float = f64()  # x of the ball
    done: float = f64()  # part of the way, 0 to 1
    finished: int = i32()  # 1 when the ball is at the wall


def build(world: Any, p: Params) -> dict[str, Any]:
    import pymunk

    world.gravity = 0, -GRAVITY
    walls = [pymunk.Segment(world.static_body, (k, 0), (k + 1, 0), 0.2) for k in range(3)]
    pistons = [pymunk.Body(body_type=pymunk.Body.KINEMATIC) for _ in range(p.pistons)]
    blocks = [pymunk.Poly.create_box(piston, (1.0, LENGTH)) for piston in pistons]
    ball = pymunk.Body(MASS, pymunk.moment_for_circle(MASS, 0, p.ball))
    disc = pymunk.Circle(ball, p.ball)
    for shape in (*walls, *blocks):
        shape.filter = pymunk.ShapeFilter(group=1)  # they do not meet one another
    for shape in (*walls, *blocks, disc):
        shape.elasticity, shape.friction = (
            math.sqrt(p.bounce),
            math.sqrt(p.friction),
        )  # a bounce has the product of both
    world.add(*walls, *pistons, *blocks, ball, disc)
    return {"pistons": pistons, "ball": ball, "walls": walls}


@jit
def top(s: State, k: int) -> float:
    """Return how far piston `k` is up, m."""
    height: float = s.pistons[k].y + LENGTH / 2
    return height


@jit
def reset(s: State, p: Params) -> None:
    count = p.pistons
    for k in range(len(s.pistons)):
        s.alive[k] = 1 if k < count else 0
        s.pistons[k].x = k + 0.5
        s.pistons[k].y = (uniform(s, 0.0, 0.6 * p.travel) if k < count else -20.0) - LENGTH / 2
    low, high, far = -LENGTH, CEILING + 0.2, count + 0.2
    for k, (ax, ay, bx, by) in enumerate(((-0.2, low, -0.2, high), (far, low, far, high), (-0.2, high, far, high))):
        s.walls[k].ax, s.walls[k].ay, s.walls[k].bx, s.walls[k].by = ax, ay, bx, by
    s.ball.x, s.ball.y = count - p.ball - uniform(s, 0.1, 1.0), p.travel + 1.5 * p.ball + uniform(s, 0.0, 1.0)
    s.ball.vx, s.ball.spin = uniform(s, -0.5, 0.5), uniform(s, -2.0, 2.0)
    s.before, s.done, s.finished = s.ball.x, 0.0, 0


@jit
def act(s: State, p: Params, actions: Array) -> None:
    for k in range(p.pistons):
        height = top(s, k)
        aim = min(max(height + actions[k, 0] * p.speed * TIME_STEP, 0.0), p.travel)
        s.pistons[k].vy = min(max((aim - height) / TIME_STEP, -p.speed), p.speed)


@jit
def judge(s: State, p: Params, rewards: Array, terminated: Array) -> bool:
    progress = p.reward_progress * (s.before - s.ball.x)
    finished = s.ball.x - p.ball < 0.05
    s.before, s.finished = s.ball.x, int(finished)
    s.done = min(1.0, max(s.done, 1.0 - (s.ball.x - p.ball) / (p.pistons - 2.0 * p.ball)))
    for k in range(len(s.pistons)):
        is_under = abs(s.pistons[k].x - s.ball.x) < p.ball + 0.5
        rewards[k] = progress * (1.0 - p.local + (p.local if is_under else 0.0)) + p.reward_time + finished
        terminated[k] = finished and s.alive[k] != 0
    return s.step_count >= p.max_steps


@jit
def ending(s: State, p: Params) -> int:
    return AT_WALL if s.finished else TIME_UP + 2 * int(100.0 * s.done)


@jit
def observe(s: State, p: Params, agent: int, obs: Array) -> None:
    obs[0] = top(s, agent)
    for j in range(4):
        k = agent + (-2, -1, 1, 2)[j]
        obs[1 + j] = top(s, k) if 0 <= k < p.pistons else -1.0
    dx = s.ball.x - s.pistons[agent].x
    obs[5] = agent / p.pistons
    obs[6:12] = 0.0
    if abs(dx) <= p.sight:
        obs[6], obs[7], obs[8] = 1.0, 0.5 * dx, 0.5 * (s.ball.y - p.ball)
        obs[9], obs[10], obs[11] = 0.3 * s.ball.vx, 0.3 * s.ball.vy, 0.3 * s.ball.spin


@jit
def observe_state(s: State, p: Params, obs: Any) -> None:
    for k in range(p.pistons):
        obs.heights[k] = top(s, k)
    obs.ball[0], obs.ball[1] = s.ball.x / p.pistons, 0.5 * (s.ball.y - p.ball)
    obs.ball[2], obs.ball[3], obs.ball[4] = 0.3 * s.ball.vx, 0.3 * s.ball.vy, 0.3 * s.ball.spin
    obs.ball[5] = min(1.0, s.step_count / p.max_steps)


@jit
def slope(s: State, p: Params, agent: int, memory: Memory, action: Array) -> None:
    """Make a slope that falls to the left under the ball and travels along with it."""
    behind = s.pistons[agent].x - s.ball.x
    aim = p.travel * min(1.0, max(0.0, 0.35 + 0.35 * behind / p.ball))
    action[0] = min(1.0, max(-1.0, 6.0 * (aim - top(s, agent))))


def draw(s: State, p: Params, canvas: Canvas) -> None:
    wide = p.pistons + 2.0
    high = max(0.5625 * wide, CEILING + 1.0)
    low = -0.25 * high
    canvas.view(wide, high, left=-1.0, low=low, up=True, bleed=True)
    bands(canvas, -wide, 0.0, 3 * wide, CEILING, ("line", "raised", "panel"), steps=5)
    canvas.rect(-wide, low - high, 3 * wide, high - low, "background")
    for k in range(6):  # the machine hall's windows
        x = (k - 0.4) * wide / 5
        canvas.polygon([(x, CEILING), (x + 1.6, CEILING), (x - 1.4, 0), (x - 5.0, 0)], "sky", alpha=0.06)
        canvas.rect(x - 0.4, CEILING - 2.4, 1.6, 1.6, "sky", radius=0.15, alpha=0.3)
        canvas.line([(x + 0.4, CEILING - 2.4), (x + 0.4, CEILING - 0.8)], "panel", width=0.1)
    canvas.rect(-wide, CEILING, 3 * wide, high, "line")
    canvas.rect(-wide, CEILING, 3 * wide, 0.16, "wall")
    canvas.rect(p.pistons, low - high, wide, 3 * high, "line")
    canvas.rect(p.pistons, low - high, 0.12, 3 * high, "wall")
    glow(canvas, 0.0, CEILING / 2, CEILING / 2, "lime", strength=0.15 + 0.5 * s.finished)
    canvas.rect(-wide, low - high, wide, 3 * high, "line")
    canvas.rect(-0.16, 0.0, 0.16, CEILING, "lime")
    for k in range(p.pistons):
        draw_piston(s, p, k, low, canvas)
    x, y, r = s.ball.x, s.ball.y, p.ball
    orb(canvas, x, y, r, "amber")
    for k in range(3):  # a seam that shows how it rolls
        angle = s.ball.angle + k * 2 * math.pi / 3
        tip = x + 0.78 * r * math.cos(angle), y + 0.78 * r * math.sin(angle)
        canvas.line([(x, y), tip], "orange", width=0.13 * r)
        canvas.circle(*tip, 0.13 * r, "orange")
    canvas.circle(x, y, 0.22 * r, "orange")
    canvas.status("at the wall" if s.finished else f"{100 * s.done:.0f} % of the way, {s.step_count * TIME_STEP:.1f} s")


def draw_piston(s: State, p: Params, k: int, low: float, canvas: Canvas) -> None:
    x, y = float(k), top(s, k)
    near = max(0.0, 1.0 - abs(x + 0.5 - s.ball.x) / 3.0)
    canvas.rect(x + 0.3, low - 20.0, 0.4, y - low + 20.0, "muted")
    canvas.rect(x + 0.3, low - 20.0, 0.12, y - low + 20.0, "white", alpha=0.25)
    canvas.rect(x + 0.1, low - 20.0, 0.8, 20.0 - 0.3, "panel")  # the cylinder
    canvas.rect(x + 0.1, low - 20.0, 0.16, 20.0 - 0.3, "wall")
    canvas.rect(x + 0.02, y - 0.8, 0.96, 0.8, "violet", radius=0.1)
    canvas.rect(x + 0.02, y - 0.8, 0.96, 0.34, "shadow", radius=0.1, alpha=0.3)
    canvas.rect(x + 0.08, y - 0.18, 0.84, 0.12, "white", radius=0.05, alpha=0.35 + 0.4 * near)
    canvas.agent(k, x + 0.5, y - 0.3, 0.5)


LABELS = (
    *("height", "left 2", "left 1", "right 1", "right 2", "place"),
    *("in sight", "ball x", "ball y", "velocity x", "velocity y", "spin"),
)

ENV = Env(
    params=Params,
    state=State,
    observation=Box(-np.inf, np.inf, (12,), labels=LABELS),
    action=Box(-1.0, 1.0, (1,), labels=("up",)),
    reset=reset,
    observe=observe,
    global_state=Dict(
        {
            "heights": Box(-np.inf, np.inf, ("pistons",)),
            "ball": Box(-np.inf, np.inf, (6,), labels=("x", "y", "velocity x", "velocity y", "spin", "time")),
        }
    ),
    observe_state=observe_state,
    draw=draw,
    agents={"piston": "pistons"},
    engine="pymunk",
    build=build,
    act=act,
    judge=judge,
    time_step=TIME_STEP,
    substeps=2,
    bots={"slope": slope},
    keys={"up": (0, 1.0), "down": (0, -1.0)},
    idle=(0.0,),
    counters=("done", "finished"),
    success="finished",
    ending=ending,
    endings=("the ball is at the wall", "time is up after {} % of the way"),
    solved=2.5,
)
