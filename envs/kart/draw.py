"""How kart looks, from above and in space."""

import math
from typing import Any

from puffer_arena.core import Camera, Canvas, Canvas3D, jit, orb, to_world_axes
from puffer_arena.core.races import COLORS, draw_course, tell_laps
from puffer_arena.core.roads import SECTIONS, heading, is_near, longest_pair
from puffer_arena.envs.kart.rules import direction
from puffer_arena.envs.kart.state import TIME_STEP, WHEEL_RADIUS, Params, State


def draw(s: State, p: Params, canvas: Canvas) -> None:
    """Look down on the whole course."""
    draw_course(s, p, canvas)
    for k in range(len(s.cars)):
        if s.alive[k]:
            x, y, way = s.cars[k].x, s.cars[k].y, direction(s, k)
            orb(canvas, x, y, 1.2, COLORS[k])
            canvas.line([(x, y), (x + 1.6 * math.cos(way), y + 1.6 * math.sin(way))], "white", width=0.4)
            canvas.agent(k, x, y, 1.4)
    tell_laps(s, p, s.step_count * TIME_STEP, canvas)


def draw3d(s: State, p: Params, canvas: Canvas3D) -> None:
    """Lay the road with its kerbs, plant trees, and put on wheels and drivers."""
    pair, points = longest_pair(s), [(s.road[k, 0], s.road[k, 1]) for k in range(SECTIONS)]
    for k in range(SECTIONS):
        after = (k + 1) % SECTIONS
        x, y = 0.5 * (s.road[k, 0] + s.road[after, 0]), 0.5 * (s.road[k, 1] + s.road[after, 1])
        long = math.hypot(s.road[after, 0] - s.road[k, 0], s.road[after, 1] - s.road[k, 1])
        canvas.box(x, y, 0.01, 1.35 * long, p.width, 0.03, "wall", heading=heading(s, k))
        for side in (s.left, s.right):
            draw_kerb(side[k, 0], side[k, 1], side[after, 0], side[after, 1], k, abs(s.bend[k]) > 0.03, canvas)
        if k % 3 == 0:
            for side, far in ((s.left, 1.9 + 0.4 * (k % 5)), (s.right, 1.9 + 0.5 * (k % 4))):
                x = s.road[k, 0] + far * (side[k, 0] - s.road[k, 0])
                y = s.road[k, 1] + far * (side[k, 1] - s.road[k, 1])
                if not is_near(points, x, y, 0.5 * p.width + 2.0, pair):  # where no other part of the road runs
                    draw_tree(x, y, canvas)
    lx, ly, rx, ry = s.left[3, 0], s.left[3, 1], s.right[3, 0], s.right[3, 1]
    canvas.cylinder((lx, ly, 0.0), (lx, ly, 4.0), 0.15, "white")
    canvas.cylinder((rx, ry, 0.0), (rx, ry, 4.0), 0.15, "white")
    canvas.box((lx + rx) / 2, (ly + ry) / 2, 3.7, 0.1, p.width, 0.7, "amber", heading=heading(s, 3))
    for k in range(len(s.cars)):
        if s.alive[k]:
            draw_kart(s, k, canvas)


def draw_kerb(ax: float, ay: float, bx: float, by: float, k: int, bends: bool, canvas: Canvas3D) -> None:
    turn, reach = math.atan2(by - ay, bx - ax), math.hypot(bx - ax, by - ay)
    color = ("rose" if k % 2 else "white") if bends else "muted"
    canvas.box((ax + bx) / 2, (ay + by) / 2, 0.04, reach, 0.5, 0.1, color, heading=turn)


def draw_tree(x: float, y: float, canvas: Canvas3D) -> None:
    canvas.cylinder((x, y, 0.0), (x, y, 1.6), 0.25, "orange")
    canvas.sphere(x, y, 2.6, 1.5, "teal")


def draw_kart(s: State, k: int, canvas: Canvas3D) -> None:
    kart = s.cars[k]
    for j in range(4):
        wheel = s.wheels[k, j]
        cos, sin = 0.14 * math.cos(wheel.steer), 0.14 * math.sin(wheel.steer)
        left = place_on(kart, wheel.x - cos, wheel.y - sin, wheel.z)
        canvas.cylinder(left, place_on(kart, wheel.x + cos, wheel.y + sin, wheel.z), WHEEL_RADIUS, "ink")
    canvas.sphere(*place_on(kart, 0.0, -0.3, 0.55), 0.38, COLORS[k])
    canvas.sphere(*place_on(kart, 0.0, -0.3, 1.05), 0.3, "white")
    canvas.cylinder(place_on(kart, -0.5, -1.05, 0.6), place_on(kart, 0.5, -1.05, 0.6), 0.1, COLORS[k])


@jit
def place_on(body: Any, x: float, y: float, z: float) -> tuple[float, float, float]:
    """Return where a place on a body is in the world."""
    dx, dy, dz = to_world_axes(body, x, y, z)
    return body.x + dx, body.y + dy, body.z + dz


def camera(s: State, p: Params, view: Camera) -> None:
    """Follow the kart of who looks, or the first that races."""
    who = view.agent if view.agent >= 0 and s.alive[view.agent] else 0
    for k in range(len(s.cars)):
        if not s.alive[who] and s.alive[k]:
            who = k
    kart, way = s.cars[who], direction(s, who)
    x, y = kart.x + 3.5 * math.cos(way), kart.y + 3.5 * math.sin(way)
    view.chase(x, y, kart.z + 0.4, heading=way, distance=12.0, height=4.8)
