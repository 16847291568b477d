"""CartPole: push a cart left or right so that the pole on it stays up.

Actions       Discrete(2): PUSH_LEFT, PUSH_RIGHT, a force of fixed size on the cart.
Observation   float32 (4,): cart position m, its velocity m/s, pole angle rad (0 is up), its velocity rad/s.
Reward        1 for every step, the last one included.
Termination   the cart or the pole passes its limit.  Truncation: max_steps.
Parameters    gravity, cart_mass, pole_mass, pole_length, push, tau, position_limit, angle_limit, start, max_steps.
Source        Barto, Sutton, Anderson 1983, "Neuronlike adaptive elements that can solve difficult learning
              control problems"; equations and constants as Gymnasium's CartPole-v1 has them.
"""

import math
from dataclasses import dataclass

import numpy as np

from puffer_arena.core import (
    Array,
    Box,
    Canvas,
    Discrete,
    Env,
    Header,
    Memory,
    bands,
    f64,
    jit,
    orb,
    param,
    small_cosine,
    small_sine,
    streak,
    uniform,
)
from puffer_arena.core.tiles import grain

PUSH_LEFT, PUSH_RIGHT = range(2)
CART_WIDTH, CART_HEIGHT = 0.6, 0.32  # drawn size, metres


@dataclass(frozen=True)
class Params:
    gravity: float = param(9.8, 0.5, 30.0, "m/s²")
    cart_mass: float = param(1.0, 0.1, 10.0, "kg")
    pole_mass: float = param(0.1, 0.01, 2.0, "kg")
    pole_length: float = param(0.5, 0.1, 2.0, "metres from the hinge to the pole's centre of mass")
    push: float = param(10.0, 1.0, 50.0, "newtons of one push")
    tau: float = param(0.02, 0.005, 0.05, "seconds of one step")
    position_limit: float = param(2.4, 0.5, 10.0, "metres from the middle of the track")
    angle_limit: float = param(12 * 2 * math.pi / 360, 0.05, 0.8, "radians from upright")
    start: float = param(0.05, 0.0, 0.2, "largest absolute value of each number at the start")
    max_steps: int = param(500, 10, 100_000, "steps before the episode is truncated")


HELD, FELL, LEFT_TRACK = range(3)  # endings


class State(Header):
    x: float = f64()  # metres
    x_dot: float = f64()
    theta: float = f64()  # radians from upright, clockwise
    theta_dot: float = f64()


@jit
def reset(s: State, p: Params) -> None:
    s.x = uniform(s, -p.start, p.start)
    s.x_dot = uniform(s, -p.start, p.start)
    s.theta = uniform(s, -p.start, p.start)
    s.theta_dot = uniform(s, -p.start, p.start)


@jit
def step(s: State, p: Params, action: int) -> tuple[float, bool, bool]:
    force = p.push if action == PUSH_RIGHT else -p.push
    sin, cos = small_sine(s.theta), small_cosine(s.theta)  # |theta| <= angle_limit, or the episode had ended
    inverse_mass, moment = 1.0 / (p.cart_mass + p.pole_mass), p.pole_mass * p.pole_length

    pushed = (force + moment * (s.theta_dot * s.theta_dot) * sin) * inverse_mass
    inertia = p.pole_length * (4 / 3 - p.pole_mass * (cos * cos) * inverse_mass)
    theta_acc = (p.gravity * sin - cos * pushed) / inertia
    x_acc = pushed - moment * theta_acc * cos * inverse_mass

    s.x += p.tau * s.x_dot
    s.x_dot += p.tau * x_acc
    s.theta += p.tau * s.theta_dot
    s.theta_dot += p.tau * theta_acc

    fell = (abs(s.x) > p.position_limit) | (abs(s.theta) > p.angle_limit)  # one branch instead of two
    return 1.0, fell, s.step_count >= p.max_steps and not fell


@jit
def ending(s: State, p: Params) -> int:
    if abs(s.x) > p.position_limit:
        return LEFT_TRACK
    return FELL if abs(s.theta) > p.angle_limit else HELD


@jit
def observe(s: State, p: Params, obs: Array) -> None:
    obs[0] = s.x
    obs[1] = s.x_dot
    obs[2] = s.theta
    obs[3] = s.theta_dot


@jit
def balance(s: State, p: Params, memory: Memory) -> int:
    """Push under the falling pole, leaning a little towards the middle."""
    lean = s.theta + 0.5 * s.theta_dot + 0.02 * s.x + 0.05 * s.x_dot
    return PUSH_RIGHT if lean > 0 else PUSH_LEFT


def draw(s: State, p: Params, canvas: Canvas) -> None:
    span, pole = p.position_limit, 2 * p.pole_length
    width, deck = 2 * span + 1.2, 0.14 + CART_HEIGHT
    canvas.view(
        width, max(0.5 * width, 0.2 * width + deck + pole + 0.4), left=-width / 2, low=-0.2 * width, up=True, bleed=True
    )
    draw_hills(width, canvas)
    for k in range(-40, 41):  # sleepers, beyond what any picture shows
        canvas.rect(0.3 * k - 0.06, -0.2, 0.12, 0.12, "plank")
    canvas.rect(-12.0, -0.09, 24.0, 0.06, "stone")
    for end in (-span, span):
        x = end - 0.06 + math.copysign(0.5 * CART_WIDTH, end)
        for k in range(4):
            canvas.rect(x, -0.09 + 0.11 * k, 0.12, 0.11, "white" if k % 2 else "rose")
    wide = [(s.x, deck)]
    for k in range(9):  # how far the pole may lean
        lean = p.angle_limit * (k - 4) / 4
        wide.append((s.x + (pole + 0.15) * math.sin(lean), deck + (pole + 0.15) * math.cos(lean)))
    canvas.polygon(wide, "white", alpha=0.12)
    streak(canvas, s.x, 0.3, s.x_dot, 0.0, 0.3, "sky", seconds=0.25)
    canvas.rect(s.x - CART_WIDTH / 2 - 0.05, -0.08, CART_WIDTH + 0.1, 0.08, "shadow", radius=0.04, alpha=0.4)
    canvas.rect(s.x - CART_WIDTH / 2, 0.1, CART_WIDTH, CART_HEIGHT, "sky", radius=0.08)
    canvas.rect(s.x - CART_WIDTH / 2, 0.1, CART_WIDTH, 0.12, "shadow", radius=0.08, alpha=0.25)
    canvas.rect(s.x - CART_WIDTH / 2 + 0.05, deck - 0.1, CART_WIDTH - 0.1, 0.04, "white", radius=0.02, alpha=0.35)
    for wheel in (-0.18, 0.18):
        canvas.circle(s.x + wheel, 0.08, 0.12, "ink")
        canvas.circle(s.x + wheel, 0.08, 0.06, "stone")
        spoke = 0.05 * math.cos(s.x / 0.12), 0.05 * math.sin(-s.x / 0.12)
        canvas.line([(s.x + wheel - spoke[0], 0.08 - spoke[1]), (s.x + wheel + spoke[0], 0.08 + spoke[1])],
                    "ink", width=0.03)  # fmt: skip
    tip = (s.x + pole * math.sin(s.theta), deck - 0.04 + pole * math.cos(s.theta))
    canvas.line([(s.x, deck - 0.04), tip], "plank", width=0.13)
    canvas.line([(s.x, deck - 0.04), tip], "amber", width=0.09)
    near = min(1.0, abs(s.theta) / p.angle_limit)
    orb(canvas, tip[0], tip[1], 0.12, "rose" if near > 0.6 else "lime")
    canvas.circle(s.x, deck - 0.04, 0.06, "white")
    canvas.agent(0, s.x, 0.3, 0.4)
    canvas.status(f"{s.step_count} steps up")


def draw_hills(width: float, canvas: Canvas) -> None:
    """Draw an evening and hills, beyond what a picture of any shape shows."""
    bands(canvas, -12.0, -0.2, 24.0, 0.5 * width, ("orange", "violet", "night"), steps=6)
    canvas.rect(-12.0, 0.48 * width, 24.0, 12.0, "night")
    canvas.circle(0.28 * width, 0.13 * width, 0.075 * width, "amber")
    for k in range(-6, 7):
        canvas.circle(0.37 * k * width, -0.5, 0.2 * width + 0.2 * (k * k % 3), "panel", alpha=0.85)
    for k in range(-9, 10):
        canvas.circle(0.25 * k * width + 0.4, -0.7, 0.15 * width + 0.15 * (k * k % 4), "slate")
    canvas.rect(-12.0, -12.0, 24.0, 11.9, "soil")
    canvas.rect(-12.0, -0.34, 24.0, 0.26, "grass")
    for depth in (0.8, 1.5, 2.3, 3.2):  # the deeper, the darker
        canvas.rect(-12.0, -12.0, 24.0, 12.0 - depth, "shadow", alpha=0.12)
    for k in range(72):
        x, y = 0.33 * (k - 36) + 0.04 * grain(k, 1, 8), -0.6 - 0.06 * grain(k, 2, 48)
        if k % 2:
            canvas.rect(x, y, 0.16, 0.05, "plank", radius=0.02, alpha=0.8)
        else:
            canvas.circle(x, y, 0.03 + 0.012 * grain(k, 3, 6), "stone", alpha=0.5)


ENV = Env(
    params=Params,
    state=State,
    observation=Box(-np.inf, np.inf, (4,), labels=("position", "velocity", "angle", "angular velocity")),
    action=Discrete(2, ("left", "right")),
    reset=reset,
    step=step,
    observe=observe,
    draw=draw,
    bots={"balance": balance},
    keys={"left": PUSH_LEFT, "right": PUSH_RIGHT},
    ending=ending,
    endings=("held up to the end", "the pole fell", "left the track"),
    casual={"angle_limit": 0.5, "pole_length": 1.0, "gravity": 6.0},
    steps_per_second=25.0,  # half of real time: at 50 nobody can hold it
    solved=475.0,
)
