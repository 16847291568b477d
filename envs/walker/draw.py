"""How walker looks."""

import math

from puffer_arena.core import Body2D, Canvas, bands
from puffer_arena.core.tiles import grain
from puffer_arena.envs.walker.state import HULL, LEG_LENGTH, SHIN_WIDTH, START, THIGH_WIDTH, Params, State


def draw(s: State, p: Params, canvas: Canvas) -> None:
    width, height = 20.0, 13.0
    left, low = s.hull.x - 0.4 * width, s.hull.y - 0.45 * height
    canvas.view(width, height, left=left, low=low, up=True, bleed=True)
    draw_sky(s, left, low, canvas)
    first, far = s.ground[0], 3.0 * width
    draw_ground(first.ax - far, first.ay, first.ax, first.ay, low, canvas)
    for edge in s.ground:
        if edge.bx > left - far and edge.ax < left + far:
            draw_ground(edge.ax, edge.ay, edge.bx, edge.by, low, canvas)
    for mark in range(0, int(p.length) + 1, 10):
        if left < mark < left + width and mark >= START:
            canvas.text(mark, low + 0.7, f"{mark} m", "muted", size=0.45)
    canvas.line([(p.length, s.y - 1.0), (p.length, s.y + 4.0)], "muted", width=0.12)
    canvas.polygon([(p.length, s.y + 4.0), (p.length + 1.6, s.y + 3.5), (p.length, s.y + 3.0)], "amber")
    draw_walker(s, canvas)
    canvas.agent(0, s.hull.x, s.hull.y, 1.5)
    canvas.status(f"{s.hull.x - 0.5 * START:.1f} m, {s.hull.vx:.1f} m/s" + (", crossed" if s.crossed else ""))


def draw_ground(ax: float, ay: float, bx: float, by: float, low: float, canvas: Canvas) -> None:
    """Draw the ground under one edge; its grass lies below what feet stand on."""
    if bx > ax:
        canvas.polygon([(ax, low - 30.0), (bx + 0.02, low - 30.0), (bx + 0.02, by), (ax, ay)], "soil")
        for depth in (1.6, 3.2, 5.0):  # the deeper, the darker
            under = [(ax, low - 30.0), (bx + 0.02, low - 30.0), (bx + 0.02, by - depth), (ax, ay - depth)]
            canvas.polygon(under, "shadow", alpha=0.12)
        for k in range(2 if bx - ax < 5.0 else 0):
            x, y = (
                ax + (k + 0.1 * grain(k, round(3.0 * ax), 9)) * 0.5 * (bx - ax),
                ay - 1.1 - 0.7 * grain(k, round(5.0 * ax), 8),
            )
            canvas.circle(x, y, 0.08 + 0.05 * grain(round(7.0 * ax), k, 5), "stone", alpha=0.35)
        canvas.polygon([(ax, ay - 0.5), (bx + 0.02, by - 0.5), (bx + 0.02, by), (ax, ay)], "grass")
    canvas.line([(ax, ay - 0.06), (bx, by - 0.06)], "leaf", width=0.12)


def draw_sky(s: State, left: float, low: float, canvas: Canvas) -> None:
    """Draw a sun and hills; what is far behind moves slower than the walker."""
    bands(canvas, left - 40.0, low + 2.0, 100.0, 12.0, ("violet", "raised", "night"), steps=6)
    canvas.circle(left + 16.0, low + 10.2, 1.1, "amber", alpha=0.85)
    canvas.circle(left + 16.0, low + 10.2, 1.7, "amber", alpha=0.15)
    for k in range(-4, 10):
        x = (k * 6.0 - 0.15 * s.hull.x) % 84.0 + left - 30.0
        canvas.circle(x, low + 1.0, 5.0 + (k * k) % 3, "line")
    for k in range(-4, 10):
        x = (k * 6.0 + 3.0 - 0.3 * s.hull.x) % 84.0 + left - 30.0
        canvas.circle(x, low + 0.5, 4.0 + (k * k) % 3, "wall")


def draw_walker(s: State, canvas: Canvas) -> None:
    draw_leg(s, 1, "teal", canvas)
    cosine, sine = math.cos(s.hull.angle), math.sin(s.hull.angle)
    corners = [(s.hull.x + cosine * x - sine * y, s.hull.y + sine * x + cosine * y) for x, y in HULL]
    canvas.polygon(corners, "violet")
    canvas.line([*corners, corners[0]], "violet", width=0.12)
    canvas.line([(s.hull.x + cosine * x + 0.2 * sine, s.hull.y + sine * x - 0.2 * cosine) for x in (-0.9, 0.9)],
                "shadow", width=0.16, alpha=0.25)  # fmt: skip
    canvas.line([(s.hull.x + cosine * x - 0.22 * sine, s.hull.y + sine * x + 0.22 * cosine) for x in (-0.9, 0.1)],
                "white", width=0.08, alpha=0.35)  # fmt: skip
    eye_x, eye_y = s.hull.x + 0.72 * cosine - 0.02 * sine, s.hull.y + 0.72 * sine + 0.02 * cosine
    canvas.circle(eye_x, eye_y, 0.15, "white")
    canvas.circle(eye_x + 0.05, eye_y, 0.08, "ink")
    draw_leg(s, 0, "sky", canvas)


def draw_leg(s: State, leg: int, color: str, canvas: Canvas) -> None:
    draw_limb(s.thighs[leg], THIGH_WIDTH, 0.5 * LEG_LENGTH, color, canvas)
    shin = s.shins[leg]
    draw_limb(shin, SHIN_WIDTH, 0.5 * (LEG_LENGTH - SHIN_WIDTH), color, canvas)  # its round end stands on the ground
    knee_x, knee_y = shin.x - LEG_LENGTH / 2 * math.sin(shin.angle), shin.y + LEG_LENGTH / 2 * math.cos(shin.angle)
    canvas.circle(knee_x, knee_y, 0.5 * THIGH_WIDTH, "shadow", alpha=0.25)
    if s.feet[leg].touching:
        x, y = shin.x + LEG_LENGTH / 2 * math.sin(shin.angle), shin.y - LEG_LENGTH / 2 * math.cos(shin.angle)
        canvas.circle(x, y, 0.16, "lime")


def draw_limb(limb: Body2D, width: float, reach: float, color: str, canvas: Canvas) -> None:
    """Draw a limb from its upper joint to `reach` metres below its middle."""
    dx, dy, up = -math.sin(limb.angle), math.cos(limb.angle), 0.5 * LEG_LENGTH
    ends = [(limb.x - reach * dx, limb.y - reach * dy), (limb.x + up * dx, limb.y + up * dy)]
    canvas.line(ends, color, width=width)
