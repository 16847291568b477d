"""How lander looks."""

import math

from puffer_arena.core import Canvas, bands
from puffer_arena.envs.lander.state import (
    BEYOND,
    EDGE,
    EDGES,
    HEIGHT,
    HULL,
    LEG,
    MASS,
    REST_STEPS,
    WIDTH,
    Params,
    State,
)


def draw(s: State, p: Params, canvas: Canvas) -> None:
    low = -6.0
    canvas.view(WIDTH, HEIGHT - low, left=-WIDTH / 2, low=low, up=True, bleed=True)
    draw_sky(canvas)
    first, last = s.ground[0], s.ground[EDGES - 1]
    draw_ground(first.ax - BEYOND, first.ay, first.ax, first.ay, canvas)
    for edge in s.ground:
        draw_ground(edge.ax, edge.ay, edge.bx, edge.by, canvas)
    draw_ground(last.bx, last.by, last.bx + BEYOND, last.by, canvas)
    for k in range(1, EDGES, 2):  # craters
        x, y = s.ground[k].ax, s.ground[k].ay - 2.2 - k % 3
        canvas.circle(x, y, 0.5 + 0.2 * (k % 4), "shadow", alpha=0.4)
    half = 0.5 * p.pad * EDGE
    canvas.line([(s.pad_x - half, s.pad_y), (s.pad_x + half, s.pad_y)], "amber", width=0.3)
    for x in (s.pad_x - half, s.pad_x + half):
        canvas.line([(x, s.pad_y), (x, s.pad_y + 2.2)], "muted", width=0.1)
        canvas.polygon([(x, s.pad_y + 2.2), (x + 1.1, s.pad_y + 1.85), (x, s.pad_y + 1.5)], "amber")
    draw_craft(s, canvas)
    canvas.rect(-WIDTH / 2 + 1, HEIGHT - 2.2, 8, 0.8, "line", radius=0.4)
    if s.fuel > 0.03:
        canvas.rect(-WIDTH / 2 + 1, HEIGHT - 2.2, 8 * s.fuel, 0.8, "teal" if s.fuel > 0.25 else "rose", radius=0.4)
    canvas.text(-WIDTH / 2 + 9.6, HEIGHT - 1.8, "fuel", "text", size=1.3, anchor="left")
    canvas.agent(0, s.craft.x, s.craft.y, 1.5)
    canvas.status(describe(s, p))


def draw_ground(ax: float, ay: float, bx: float, by: float, canvas: Canvas) -> None:
    """Draw the moon under one edge, lighter where it is near the surface."""
    for below, color in ((0.0, "slate"), (1.4, "floor")):
        corners = [(ax, -BEYOND), (bx + 0.03, -BEYOND), (bx + 0.03, by - below), (ax, ay - below)]
        canvas.polygon(corners, color)
    canvas.line([(ax, ay - 0.1), (bx, by - 0.1)], "stone", width=0.2)


def draw_sky(canvas: Canvas) -> None:
    """Draw stars, a planet and hills far away, the same on every picture."""
    bands(canvas, -WIDTH / 2 - BEYOND, 0.0, WIDTH + 2 * BEYOND, HEIGHT, ("background", "night"))
    for k in range(120):
        x, y = (k * 7.31) % (2 * WIDTH) - WIDTH, 4 + (k * 5.17) % (HEIGHT + 6)
        canvas.circle(x, y, 0.05 + 0.04 * (k % 3), "white", alpha=0.25 + 0.15 * (k % 3))
    canvas.circle(0.3 * WIDTH, 0.72 * HEIGHT, 3.2, "violet", alpha=0.35)
    canvas.circle(0.3 * WIDTH - 0.8, 0.72 * HEIGHT + 0.6, 2.2, "white", alpha=0.08)
    for k in range(-4, 5):
        x, high = k * 9.0, 5.0 + 2.5 * (k * k % 3)
        canvas.polygon([(x - 11.0, -6.0), (x, high), (x + 11.0, -6.0)], "panel")


def describe(s: State, p: Params) -> str:
    if s.landed:
        return "landed"
    if not s.ended:
        height = max(0.0, s.craft.y - s.pad_y - 1.6)
        return f"{math.hypot(s.craft.vx, s.craft.vy):.1f} m/s, {height:.1f} m above the pad"
    if s.hull.touching:
        return "crashed: the hull touched the ground"
    if max(s.feet[0].impulse, s.feet[1].impulse) > MASS * p.sturdiness:
        return "crashed: came down too fast"
    return (
        "landed beside the pad"
        if s.rested >= REST_STEPS
        else "flew away"
        if s.step_count < p.max_steps
        else "out of time"
    )


def draw_craft(s: State, canvas: Canvas) -> None:
    cosine, sine = math.cos(s.craft.angle), math.sin(s.craft.angle)

    def at(x: float, y: float) -> tuple[float, float]:
        return s.craft.x + cosine * x - sine * y, s.craft.y + sine * x + cosine * y

    if s.main > 0:
        canvas.polygon([at(-0.45, -0.7), at(0.45, -0.7), at(0.0, -0.9 - 2.0 * s.main)], "orange", alpha=0.8)
        canvas.polygon([at(-0.22, -0.7), at(0.22, -0.7), at(0.0, -0.8 - 1.1 * s.main)], "amber")
    if s.side:
        way = math.copysign(1.0, s.side)
        canvas.polygon(
            [at(way * 0.6, 0.75), at(way * 0.7, 0.35), at(way * (0.8 + 0.9 * abs(s.side)), 0.5)], "orange", alpha=0.8
        )
    for side in (-1, 1):
        (hip_x, hip_y), (foot_x, foot_y) = LEG
        canvas.line([at(side * hip_x, hip_y), at(side * foot_x, foot_y)], "muted", width=0.18)
        down = s.feet[0 if side < 0 else 1].touching
        canvas.line(
            [at(side * (foot_x - 0.25), foot_y), at(side * (foot_x + 0.2), foot_y)],
            "lime" if down else "muted",
            width=0.2,
        )
    canvas.polygon([at(x, y) for x, y in HULL], "white")
    canvas.polygon([at(x, y) for x, y in HULL[:3] + HULL[5:]], "violet")
    canvas.circle(*at(0.0, 0.25), 0.32, "ink")
    canvas.circle(*at(0.0, 0.25), 0.24, "sky")
