"""How pistons looks."""

import math

from puffer_arena.core import Canvas, bands, glow, orb
from puffer_arena.envs.pistons.rules import top
from puffer_arena.envs.pistons.state import CEILING, TIME_STEP, Params, State


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
