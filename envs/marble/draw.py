"""How marble looks, from above and in space."""

import math

from puffer_arena.core import Camera, Canvas, Canvas3D, to_world_axes
from puffer_arena.envs.marble.rules import surface
from puffer_arena.envs.marble.state import RADIUS, Params, State


def draw(s: State, p: Params, canvas: Canvas) -> None:
    """Look down on the course; the view follows the marble."""
    wide, high = 12.0, 12.0
    low = s.marble.y - 0.35 * high
    canvas.view(wide, high, left=s.marble.x - wide / 2, low=low, up=True)
    for k in range(s.count):
        far = s.edges[k, 1] + p.length * math.cos(s.slopes[k])
        if far > low and s.edges[k, 1] < low + high:
            draw_plate(s, p, k, canvas)
    draw_marble(s, canvas)
    canvas.agent(0, s.marble.x, s.marble.y, RADIUS)
    canvas.status(f"{max(0.0, 100 * s.score):.0f} % of the course, wind {math.hypot(s.wind[0], s.wind[1]):.1f} m/s²")


def draw_plate(s: State, p: Params, k: int, canvas: Canvas) -> None:
    x, y, half = s.edges[k, 0], s.edges[k, 1], p.width / 2
    far = y + p.length * math.cos(s.slopes[k])
    canvas.polygon([(x - half, y - 0.25), (x + half, y - 0.25), (x + half, far), (x - half, far)], "shadow", alpha=0.8)
    body, edge = ("lime", "leaf") if k == s.count - 1 else (("wall", "sky"), ("raised", "violet"))[k % 2]
    canvas.polygon([(x - half, y), (x + half, y), (x + half, far), (x - half, far)], body)
    canvas.line([(x - half, y), (x + half, y), (x + half, far), (x - half, far), (x - half, y)], edge, width=0.06)
    lean = x + half * max(-0.8, min(0.8, 6.0 * s.banks[k]))
    middle, rise = (y + far) / 2, 6.0 * s.slopes[k]
    canvas.line([(x, middle - rise), (lean, middle + rise)], edge, width=0.08, alpha=0.5)


def draw_marble(s: State, canvas: Canvas) -> None:
    x, y = s.marble.x, s.marble.y
    above = s.marble.z - RADIUS - (s.edges[s.plate, 2] + (y - s.edges[s.plate, 1]) * math.tan(s.slopes[s.plate]))
    size = RADIUS * max(0.3, min(1.5, 1.0 + 0.25 * above))
    canvas.circle(x + 0.12 + 0.2 * max(above, 0.0), y - 0.12 - 0.2 * max(above, 0.0), size, "shadow", alpha=0.5)
    canvas.circle(x, y, size, "amber")
    for side in (-1.0, 1.0):  # a stripe that shows how it rolls
        dx, dy, dz = to_world_axes(s.marble, 0.0, 0.0, side)
        if dz > 0.0:
            canvas.circle(x + 0.8 * size * dx, y + 0.8 * size * dy, 0.3 * size * (0.4 + dz), "orange")
    canvas.circle(x - 0.3 * size, y + 0.3 * size, 0.18 * size, "white", alpha=0.6)
    canvas.line([(x, y), (x + 6.0 * s.tilt[0], y + 6.0 * s.tilt[1])], "rose", width=0.08, alpha=0.8)


def draw3d(s: State, p: Params, canvas: Canvas3D) -> None:
    """Show the goal's gate and the wind; a marble that has left its plate reddens."""
    last, half, high = s.count - 1, p.width / 2, 1.8
    x, y, z = s.edges[last, 0], s.edges[last, 1] + p.length / 2, s.edges[last, 2]
    for side in (-half, half):
        canvas.cylinder((x + side, y, z), (x + side, y, z + high), 0.07, "lime")
        canvas.sphere(x + side, y, z + high, 0.13, "leaf")
    canvas.box(x, y, z + high - 0.3, p.width, 0.05, 0.35, "leaf", alpha=0.6)
    blow = math.hypot(s.wind[0], s.wind[1])
    if blow > 0.02:
        at = (s.marble.x, s.marble.y, s.marble.z + 2.5 * RADIUS)
        tip = (at[0] + 3.0 * s.wind[0], at[1] + 3.0 * s.wind[1], at[2])
        canvas.line([at, tip], "text", width=0.06)
        canvas.sphere(*tip, 0.09, "text")
    if s.marble.z < surface(s, s.plate) - RADIUS:
        canvas.paint("marble", "rose")


def camera(s: State, p: Params, view: Camera) -> None:
    """Follow the marble, and lean the world as the player leans it: forwards less, which would hide what comes."""
    view.chase(s.marble.x, s.marble.y + 2.5, s.marble.z, heading=math.pi / 2, distance=8.5, height=4.6)
    view.tilt(s.tilt[0], 0.4 * s.tilt[1])
