"""How hide and seek looks, from above and in space."""

import math

from puffer_arena.core import Camera, Canvas, Canvas3D, orb
from puffer_arena.envs.hideseek.sight import cast
from puffer_arena.envs.hideseek.state import (
    HALF,
    HIDERS,
    NOTHING,
    RADIUS,
    SIDE,
    TIME_STEP,
    UNLOCKED,
    WEDGE,
    Params,
    State,
    angle_of,
    block_length,
    is_used,
    thing,
    wall_at,
)


def draw(s: State, p: Params, canvas: Canvas) -> None:
    """Look down on the hall."""
    half, hiders = 0.5 * p.size, len(s.spotted)
    canvas.view(p.size + 1.2, p.size + 1.2, left=-half - 0.6, low=-half - 0.6, up=True, bleed=True)
    canvas.rect(-half - 30, -half - 30, p.size + 60, p.size + 60, "slate")
    canvas.rect(-half, -half, p.size, p.size, "sand")
    x, y, side = wall_at(s, p, 0), wall_at(s, p, 1), SIDE * block_length(p)
    canvas.rect(min(x, x + s.corner[0] * side), min(y, y + s.corner[1] * side), side, side, "wood", alpha=0.5)
    for k in range(1, int(p.size)):
        canvas.line([(-half + k, -half), (-half + k, half)], "plank", width=0.03, alpha=0.25)
        canvas.line([(-half, -half + k), (half, -half + k)], "plank", width=0.03, alpha=0.25)
    for k in range(len(s.agents)):
        if s.alive[k] and (k < hiders or s.step_count >= p.prepare):
            draw_cone(s, p, k, canvas)
    for k in range(len(s.blocks)):
        long = 0.5 * block_length(p) + 0.05
        wide, high = (long, 0.12) if k < SIDE else (0.12, long)
        if s.blocks[k].x < half:
            canvas.rect(s.blocks[k].x - wide, s.blocks[k].y - high - 0.1, 2 * wide, 2 * high, "shadow", alpha=0.35)
            canvas.rect(s.blocks[k].x - wide, s.blocks[k].y - high, 2 * wide, 2 * high, "rock")
    for k in range(len(s.lock)):
        if is_used(s, p, k):
            draw_thing(s, k, canvas)
    for k in range(len(s.agents)):
        if s.alive[k]:
            draw_agent(s, k, canvas)
    wait = p.prepare - s.step_count
    canvas.status(
        f"the seekers wait {wait * TIME_STEP:.0f} s" if wait > 0 else f"hidden for {100 * s.hidden:.0f} % of the search"
    )


def draw_cone(s: State, p: Params, k: int, canvas: Canvas) -> None:
    """Draw what an agent sees of the floor."""
    own, points = s.agents[k], [(s.agents[k].x, s.agents[k].y)]
    for j in range(33):
        way, half = s.heading[k] + p.cone * (j - 16) / 16, 0.5 * p.size
        dx, dy = math.cos(way), math.sin(way)
        far = min((half - own.x * math.copysign(1, dx)) / max(abs(dx), 1e-6), 6.0)
        far = min(far, (half - own.y * math.copysign(1, dy)) / max(abs(dy), 1e-6))
        far *= cast(s, p, (own.x, own.y, own.z + 0.2), (own.x + far * dx, own.y + far * dy, own.z + 0.2), NOTHING)
        points.append((own.x + far * dx, own.y + far * dy))
    canvas.polygon(points, "sky" if k < len(s.spotted) else "rose", alpha=0.22)


def draw_thing(s: State, k: int, canvas: Canvas) -> None:
    body, is_ramp = thing(s, k), k >= len(s.boxes)
    cos, sin, half = math.cos(angle_of(body)), math.sin(angle_of(body)), WEDGE if is_ramp else HALF

    def at(x: float, y: float) -> tuple[float, float]:
        return body.x + x * cos - y * sin, body.y + x * sin + y * cos

    corners = [at(-HALF, -half), at(HALF, -half), at(HALF, half), at(-HALF, half)]
    canvas.polygon([(x + 0.1, y - 0.12) for x, y in corners], "shadow", alpha=0.35)
    canvas.polygon(corners, "lime" if is_ramp else "amber")
    if is_ramp:  # darker where it is high
        for j in range(4):
            low, high = -half + 0.4 * j, -half + 0.4 * (j + 1)
            canvas.polygon([at(-HALF, low), at(HALF, low), at(HALF, high), at(-HALF, high)], "leaf", alpha=0.25 * j)
    else:
        canvas.line([at(-HALF, -half), at(HALF, half)], "plank", width=0.1)
        canvas.line([at(HALF, -half), at(-HALF, half)], "plank", width=0.1)
    canvas.line([*corners, corners[0]], "leaf" if is_ramp else "plank", width=0.09)
    if s.lock[k] != UNLOCKED:
        canvas.circle(body.x, body.y, 0.24, "sky" if s.lock[k] == HIDERS else "rose")
        canvas.ring(body.x, body.y + 0.16, 0.13, "white", width=0.06)
        canvas.rect(body.x - 0.14, body.y - 0.16, 0.28, 0.24, "white", radius=0.04)


def draw_agent(s: State, k: int, canvas: Canvas) -> None:
    own, is_hider = s.agents[k], k < len(s.spotted)
    size = RADIUS * (1.0 + 0.25 * max(own.z - RADIUS, 0.0))  # nearer to who looks down
    canvas.circle(own.x + 0.08, own.y - 0.1, size, "shadow", alpha=0.35)
    if is_hider and s.spotted[k]:
        canvas.ring(own.x, own.y, size + 0.18, "rose", width=0.09)
    orb(canvas, own.x, own.y, size, "sky" if is_hider else "rose")
    for side in (-0.5, 0.5):
        way = s.heading[k] + side
        x, y = own.x + 0.62 * size * math.cos(way), own.y + 0.62 * size * math.sin(way)
        canvas.circle(x, y, 0.26 * size, "white")
        look = s.heading[k]
        canvas.circle(x + 0.1 * size * math.cos(look), y + 0.1 * size * math.sin(look), 0.14 * size, "ink")
    canvas.agent(k, own.x, own.y, size)
    if 0 <= s.held[k] < len(s.lock):
        body = thing(s, s.held[k])
        canvas.line([(own.x, own.y), (body.x, body.y)], "white", width=0.08, alpha=0.7)


def draw3d(s: State, p: Params, canvas: Canvas3D) -> None:
    """Lay the room's floor, give agents eyes, show cones of sight, locks and who is seen."""
    x, y, side = wall_at(s, p, 0), wall_at(s, p, 1), SIDE * block_length(p)
    canvas.box(0.0, 0.0, 0.005, p.size, p.size, 0.01, "sand")
    canvas.box(x + 0.5 * s.corner[0] * side, y + 0.5 * s.corner[1] * side, 0.015, side, side, 0.02, "wood")
    for k in range(len(s.lock)):
        if s.lock[k] != UNLOCKED:
            is_box = k < len(s.boxes)
            color = "violet" if s.lock[k] == HIDERS else "orange"
            canvas.paint("boxes" if is_box else "ramps", color, k if is_box else k - len(s.boxes))
    for k in range(len(s.agents)):
        if not s.alive[k]:
            continue
        own, way = s.agents[k], s.heading[k]
        for turn in (-0.45, 0.45):
            ex, ey = math.cos(way + turn), math.sin(way + turn)
            canvas.sphere(own.x + 0.3 * ex, own.y + 0.3 * ey, own.z + 0.18, 0.13, "white")
            canvas.sphere(own.x + 0.4 * ex, own.y + 0.4 * ey, own.z + 0.19, 0.07, "ink")
        if k >= len(s.spotted) and s.step_count < p.prepare:
            canvas.cylinder(
                (own.x, own.y, own.z + 0.1), (own.x, own.y, own.z + 0.28), RADIUS + 0.02, "slate"
            )  # blindfold
            continue
        points = [(own.x, own.y, 0.06)]
        for j in range(-4, 5):
            x, y = own.x + 2.5 * math.cos(way + p.cone * j / 4), own.y + 2.5 * math.sin(way + p.cone * j / 4)
            free = cast(s, p, (own.x, own.y, own.z + 0.2), (x, y, own.z + 0.2), NOTHING)
            points.append((own.x + free * (x - own.x), own.y + free * (y - own.y), 0.06))
        points.append(points[0])
        canvas.line(points, "sky" if k < len(s.spotted) else "rose", width=0.05, alpha=0.8)
        if k < len(s.spotted) and s.spotted[k]:
            canvas.sphere(own.x, own.y, own.z + 0.85, 0.14, "rose")
            canvas.cylinder((own.x, own.y, own.z + 1.05), (own.x, own.y, own.z + 1.5), 0.09, "rose")


def camera(s: State, p: Params, view: Camera) -> None:
    """Look over an agent's shoulder, and lower than walls are; or for nobody on the whole hall."""
    if view.agent >= 0 and s.alive[view.agent]:
        own, way = s.agents[view.agent], s.heading[view.agent]
        x, y = own.x + 1.4 * math.cos(way), own.y + 1.4 * math.sin(way)
        view.chase(x, y, own.z, heading=way, distance=3.2, height=0.9)
        return
    view.orbit(0.0, -0.06 * p.size, 0.0, angle=-0.5 * math.pi, elevation=0.95, distance=1.4 * p.size)
