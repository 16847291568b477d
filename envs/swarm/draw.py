"""How swarm looks."""

import math

from puffer_arena.core import Canvas, glow, orb, streak
from puffer_arena.core.tiles import grain
from puffer_arena.envs.swarm.state import FOOD, POISON, ROCK, SWIMMER, TAU, Params, State, X, Y

COLORS = ("sky", "amber", "orange", "teal", "rose", "white")


def draw(s: State, p: Params, canvas: Canvas) -> None:
    canvas.view(2 * X + 0.8, 2 * Y + 0.8, left=-X - 0.4, low=-Y - 0.4, up=True, bleed=True)
    draw_beach(canvas)
    draw_water(canvas, s.step_count + canvas.moment)
    x, y = s.rock
    orb(canvas, x, y, ROCK, "wall", lift=0.1)
    for k in range(5):
        canvas.circle(x + 0.7 * math.sin(2.4 * k), y + 0.6 * math.cos(2.4 * k), 0.1 + 0.05 * k, "leaf", alpha=0.5)
    beat = 1.0 + 0.06 * math.sin(0.4 * s.step_count)
    for x, y, _, _ in s.food[: p.food]:
        glow(canvas, x, y, 2.2 * FOOD, "lime", strength=0.4)
        orb(canvas, x, y, FOOD * beat, "lime")
        for k in range(3):
            canvas.circle(x + 0.18 * math.cos(2.1 * k), y + 0.18 * math.sin(2.1 * k), 0.08, "leaf")
    for x, y, vx, _ in s.poison[: p.poison]:
        for k in range(8):
            angle = k * math.pi / 4 + 0.05 * s.step_count * math.copysign(1.0, vx)
            tip = x + 1.45 * POISON * math.cos(angle), y + 1.45 * POISON * math.sin(angle)
            canvas.line([(x, y), tip], "violet", width=0.06)
        orb(canvas, x, y, 0.85 * POISON, "violet")
    for k in range(len(s.swimmers)):
        if s.alive[k]:
            draw_swimmer(s, k, canvas)
    canvas.status(
        f"{s.eaten} of {p.goal} eaten, {s.swallowed} poisoned, {(p.max_steps - s.step_count) * TAU:.0f} s left"
    )


def draw_beach(canvas: Canvas) -> None:
    """Draw the sand around the pool: ripples, pebbles, shells, and tufts of grass farther up."""
    canvas.rect(-60, -60, 120, 120, "sand")
    for k in range(44):
        x, y = 1.15 * X * (grain(k, 1, 64) / 32 - 1.0), (1.0 if k % 2 else -1.0) * (Y + 1.0 + 0.07 * grain(k, 2, 56))
        kind = k % 11
        if kind < 5:
            canvas.line([(x - 0.5, y), (x, y + 0.07), (x + 0.6, y - 0.03)], "soil", width=0.06, alpha=0.35)
        elif kind < 8:
            canvas.circle(x + 0.03, y - 0.05, 0.16, "soil", alpha=0.5)
            canvas.circle(x, y, 0.02 * kind, "stone")
        elif kind < 9:
            for way in range(3):
                tip = x + 0.16 * (way - 1), y + 0.3 - 0.06 * abs(way - 1)
                canvas.line([(x, y), tip], "white", width=0.13, alpha=0.7)
        else:
            for way in range(5):
                tip = x + 0.22 * (way - 2), y + 0.55 - 0.1 * abs(way - 2)
                canvas.line([(x + 0.06 * (way - 2), y), tip], "leaf", width=0.08)


def draw_water(canvas: Canvas, time: float) -> None:
    """Draw the pool, deeper towards its middle, with weed, stones and moving light on its ground."""
    for rim, color, alpha in ((0.7, "soil", 0.22), (0.5, "soil", 0.4), (0.28, "white", 0.6), (0.16, "water", 1.0)):
        canvas.rect(-X - rim, -Y - rim, 2 * (X + rim), 2 * (Y + rim), color, radius=0.5 + rim, alpha=alpha)
    for inside in (0.4, 0.9, 1.5, 2.2):
        canvas.rect(inside - X, inside - Y, 2 * (X - inside), 2 * (Y - inside), "deep", radius=1.4, alpha=0.45)
    canvas.rect(-X - 0.16, -Y - 0.16, 2 * X + 0.32, 2 * Y + 0.32, "night", radius=0.6, alpha=0.25)
    for k in range(14):
        x, y = 0.94 * X * (grain(k, 5, 64) / 32 - 1.0), 0.9 * Y * (grain(k, 6, 64) / 32 - 1.0)
        if k % 2:
            canvas.circle(x, y, 0.12 + 0.03 * (k % 5), "slate", alpha=0.4)
            continue
        for way in (-1, 0, 1):
            sway = 0.12 * math.sin(0.08 * time + k + way)
            bend = x + 0.1 * way + sway, y + 0.3
            tip = x + 0.24 * way + 2.0 * sway, y + 0.7
            canvas.line([(x + 0.04 * way, y), bend, tip], "grass", width=0.1, alpha=0.6)
    for k in range(16):  # light that plays on the ground
        x = (k * 4.7 + 0.012 * time) % (2 * X - 2.4) + 1.2 - X
        y = (Y - 0.4) * math.sin(1.3 * k + 0.004 * time)
        rise = 0.16 + 0.1 * math.sin(0.1 * time + k)
        arc = [(x - 0.9, y), (x - 0.4, y + rise), (x + 0.2, y + 0.5 * rise), (x + 0.8, y - 0.1)]
        canvas.line(arc, "white", width=0.07, alpha=0.13)


def draw_swimmer(s: State, k: int, canvas: Canvas) -> None:
    x, y, vx, vy = s.swimmers[k]
    color, speed, r = COLORS[k % len(COLORS)], math.hypot(vx, vy) + 1e-6, SWIMMER
    ux, uy = (vx / speed, vy / speed) if speed > 0.1 else (1.0, 0.0)
    if abs(s.glows[k]) > 0.1:
        glow(canvas, x, y, 3.5 * r, "lime" if s.glows[k] > 0 else "rose", strength=0.6 * abs(s.glows[k]))
    streak(canvas, x, y, vx, vy, 1.2 * r, "white", seconds=0.25)
    wag = 0.35 * math.sin(0.9 * s.step_count + k)
    tail = x - 1.1 * r * ux, y - 1.1 * r * uy
    fins = [(tail[0] - r * (ux + way * uy + wag * uy), tail[1] - r * (uy - way * ux - wag * ux)) for way in (-0.6, 0.6)]
    canvas.polygon([(x - 0.5 * r * ux, y - 0.5 * r * uy), *fins], color)
    canvas.circle(x, y, 1.14 * r, "white", alpha=0.4)
    orb(canvas, x, y, r, color)
    canvas.agent(k, x, y, r)
    for side in (-0.42, 0.42):
        eye = x + r * (0.45 * ux - side * uy), y + r * (0.45 * uy + side * ux)
        canvas.circle(*eye, 0.26 * r, "white")
        canvas.circle(eye[0] + 0.08 * r * ux, eye[1] + 0.08 * r * uy, 0.15 * r, "ink")
