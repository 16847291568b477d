"""How sumo looks."""

import math

from puffer_arena.core import Canvas, bands, glow, orb, streak
from puffer_arena.envs.sumo.state import DASH_REST, DISC, Params, State

SINKING = 14  # steps in which who fell is seen to sink
COLORS = ("rose", "sky", "lime", "amber", "violet", "teal", "orange", "white")


def draw(s: State, p: Params, canvas: Canvas) -> None:
    side = 2.3 * max(s.ring, 0.5 * p.radius)
    canvas.view(side, side, left=-side / 2, low=-side / 2, up=True, bleed=True)
    bands(canvas, -2.5 * side, -1.2 * side, 5.0 * side, 2.4 * side, ("shadow", "background", "panel"), steps=6)
    for k in range(6):  # waves that run outwards
        reach = s.ring * (1.08 + 0.28 * ((k + 0.04 * s.step_count) % 6))
        canvas.ring(0.0, -0.35, reach, "sky", width=0.05, alpha=0.16 / (1.0 + 0.4 * reach / s.ring))
    for k in range(len(s.discs)):
        draw_sinking(s, k, canvas)
    deep = 0.1 * s.ring + 0.25
    for depth, color in ((deep, "shadow"), (0.75 * deep, "line"), (0.45 * deep, "wall")):
        canvas.circle(0.0, -depth, s.ring, color)
    canvas.circle(0.0, 0.0, s.ring, "orange")
    canvas.circle(0.0, 0.0, s.ring, "shadow", alpha=0.35)
    for part, alpha in ((0.97, 0.4), (0.8, 0.25), (0.55, 0.2)):  # clay, lit from above
        canvas.circle(-0.03 * s.ring, 0.04 * s.ring, part * s.ring, "amber", alpha=0.22 * alpha)
        canvas.circle(0.0, 0.0, part * s.ring, "floor", alpha=alpha)
    canvas.ring(0.0, 0.0, 0.96 * s.ring, "amber", width=0.1, alpha=0.9)
    for x in (-0.5, 0.5):
        canvas.line([(x, -0.45), (x, 0.45)], "white", width=0.12, alpha=0.5)
    for k in range(len(s.discs)):
        if s.alive[k]:
            draw_wrestler(s, k, canvas)
    standing = sum(int(alive) for alive in s.alive)
    ended = f"the {COLORS[max(range(len(s.discs)), key=lambda k: s.alive[k])]} one has won" if standing == 1 else ""
    canvas.status(ended or f"{standing} on a ring of {2 * s.ring:.1f} m, {s.pushed_off} shoved off")


def draw_sinking(s: State, k: int, canvas: Canvas) -> None:
    age = s.step_count - s.fell[k]
    if s.fell[k] >= 0 and age < SINKING:
        part, (x, y) = 1.0 - age / SINKING, (1.05 * s.left[k, 0], 1.05 * s.left[k, 1] - 0.06 * age)
        canvas.circle(x, y, DISC * (0.4 + 0.6 * part), COLORS[k], alpha=0.9 * part)
        canvas.ring(x, y, DISC * (0.8 + 0.12 * age), "white", width=0.09, alpha=0.6 * part)


def draw_wrestler(s: State, k: int, canvas: Canvas) -> None:
    body, color = s.discs[k], COLORS[k]
    if s.rest[k] > DASH_REST - 8:
        glow(canvas, body.x, body.y, 2.0 * DISC, "white", strength=(s.rest[k] - DASH_REST + 8) / 16)
    streak(canvas, body.x, body.y, body.vx, body.vy, 1.5 * DISC, color)
    orb(canvas, body.x, body.y, DISC, color)
    canvas.agent(k, body.x, body.y, DISC)
    if s.rest[k] == 0:
        canvas.ring(body.x, body.y, 0.86 * DISC, "white", width=0.05, alpha=0.8)
    speed = math.hypot(body.vx, body.vy) + 0.5
    for side in (-1.0, 1.0):  # eyes that look where it goes
        x, y = body.x + 0.2 * side + 0.15 * body.vx / speed, body.y + 0.08 + 0.15 * body.vy / speed
        canvas.circle(x, y, 0.14, "white")
        canvas.circle(x + 0.06 * body.vx / speed, y + 0.06 * body.vy / speed, 0.08, "ink")
