"""How volley looks."""

import math

import numpy as np

from puffer_arena.core import Body2D, Canvas, bands, glow, orb, streak
from puffer_arena.core.tiles import grain
from puffer_arena.envs.volley.state import BALL, PLAYER, POST, Params, State


def draw(s: State, p: Params, canvas: Canvas) -> None:
    wide = p.width + 1.0
    high = max(0.5625 * wide, 7.5)
    low = -0.16 * high
    canvas.view(wide, high, left=-wide / 2, low=low, up=True, bleed=True)
    draw_beach(s, p, wide, high, low, canvas)
    for x in np.linspace(0.3, p.net - 0.2, 6):
        canvas.line([(-0.05, x), (0.05, x)], "muted", width=0.04)
    canvas.line([(0, -0.1), (0, p.net - POST)], "text", width=2 * POST)
    canvas.line([(0, p.net - 0.3), (0, p.net - POST)], "rose", width=2 * POST)
    half = len(s.players) // 2
    for k in range(len(s.players)):
        if k % half < p.team:
            draw_player(s, k, canvas, "rose" if k < half else "sky")
    draw_sand(s, p, wide, canvas)
    x, y = s.ball.x, s.ball.y
    streak(canvas, x, y, s.ball.vx, s.ball.vy, 1.6 * BALL, "white", seconds=0.16)
    orb(canvas, x, y, BALL, "white", lift=0.0)
    for k in range(3):
        angle = s.ball.angle + k * 2 * math.pi / 3
        canvas.line(
            [(x, y), (x + 0.85 * BALL * math.cos(angle), y + 0.85 * BALL * math.sin(angle))], "amber", width=0.08
        )
    if s.held:
        canvas.ring(x, y, BALL * (1.2 + 0.08 * s.held), "amber", width=0.06, alpha=0.8)
    canvas.status(f"red {s.left_points} : {s.right_points} blue, first to {p.points}")


def draw_beach(s: State, p: Params, wide: float, high: float, low: float, canvas: Canvas) -> None:
    bands(canvas, -3 * wide, 0.9, 6 * wide, high, ("orange", "rose", "violet", "raised"), steps=10)
    canvas.rect(-3 * wide, 0.9, 6 * wide, 3 * high, "background", alpha=0.62)
    glow(canvas, -0.22 * wide, 1.1, 0.3 * wide, "amber", strength=0.3)
    canvas.circle(-0.22 * wide, 1.1, 0.07 * wide, "amber")
    canvas.rect(-3 * wide, 0.0, 6 * wide, 1.0, "deep")
    canvas.rect(-3 * wide, 0.0, 6 * wide, 1.0, "night", alpha=0.65)
    for k in range(7):  # the sun on the sea
        y = 0.93 - 0.13 * k
        canvas.rect(-0.22 * wide - 0.5 - 0.12 * k, y, 1.0 + 0.24 * k, 0.04, "amber", radius=0.02, alpha=0.5 - 0.05 * k)
        x = -1.2 * wide + (k * 5.3 + 0.01 * s.step_count) % (2.4 * wide)
        canvas.rect(x, y - 0.06, 1.6, 0.04, "sky", radius=0.02, alpha=0.35)
    for way, points, color in ((-1, s.left_points, "rose"), (1, s.right_points, "sky")):
        canvas.text(way * 0.1 * wide, low + 0.88 * high, str(points), color, size=0.09 * high)


def draw_sand(s: State, p: Params, wide: float, canvas: Canvas) -> None:
    """Draw the sand, in which those who stand are half buried, with the shadows on it."""
    for height, color, alpha in ((20.16, "sand", 1.0), (20.16, "background", 0.4), (19.95, "background", 0.15)):
        canvas.rect(-3 * wide, -20.0, 6 * wide, height, color, alpha=alpha)
    for k in range(60):
        x, y = 1.2 * wide * (grain(k, 1, 64) / 32 - 1.0), -0.35 - 0.1 * grain(k, 2, 56)
        if k % 3:
            canvas.line([(x - 0.4, y), (x, y + 0.06), (x + 0.5, y - 0.03)], "plank", width=0.06, alpha=0.5)
        elif k % 2:
            canvas.circle(x, y, 0.05 + 0.02 * grain(k, 3, 4), "shadow", alpha=0.3)
        else:  # a shell
            for way in (-1, 0, 1):
                tip = x + 0.13 * way, y + 0.26 - 0.05 * abs(way)
                canvas.line([(x, y), tip], "white", width=0.11, alpha=0.45)
    for player in s.players:
        draw_shadow(player, PLAYER, canvas)
    draw_shadow(s.ball, BALL, canvas)


def draw_shadow(body: Body2D, radius: float, canvas: Canvas) -> None:
    reach = radius * max(0.25, 0.9 - 0.12 * body.y)
    if body.y > -1.0:
        canvas.line([(body.x - reach, -0.02), (body.x + reach, -0.02)], "shadow", width=0.14, alpha=0.4)


def draw_player(s: State, k: int, canvas: Canvas, color: str) -> None:
    body, r = s.players[k], PLAYER
    tall = min(1.25, max(0.8, 1.0 + 0.03 * body.vy))
    outline = [(r * math.cos(math.pi * j / 18) / tall, r * math.sin(math.pi * j / 18) * tall) for j in range(37)]
    canvas.polygon([(body.x + x, body.y + y) for x, y in outline], color)
    canvas.polygon([(body.x + x, body.y + y) for x, y in outline[18:]], "shadow", alpha=0.25)
    canvas.circle(body.x - 0.35 * r, body.y + 0.62 * r * tall, 0.13 * r, "white", alpha=0.5)
    canvas.agent(k, body.x, body.y + 0.4 * r, r)
    dx, dy = s.ball.x - body.x, s.ball.y - body.y
    far = math.hypot(dx, dy) + 1e-9
    for side in (-0.3, 0.3):
        x, y = body.x + side * r, body.y + 0.5 * r * tall
        canvas.circle(x, y, 0.19 * r, "white")
        canvas.circle(x + 0.08 * r * dx / far, y + 0.08 * r * dy / far, 0.1 * r, "ink")
