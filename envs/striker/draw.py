"""How striker looks."""

import math

from puffer_arena.core import Canvas, glow, orb, streak
from puffer_arena.core.tiles import grain
from puffer_arena.envs.striker.state import BALL_RADIUS, GOAL_DEPTH, PLAYER_RADIUS, REACH, TIME_STEP, Params, State

RIM = 0.8  # metres of boards around the pitch
SHIRTS = ("rose", "amber", "orange", "sky", "violet", "teal", "stone", "plank")  # of those who watch


def draw(s: State, p: Params, canvas: Canvas) -> None:
    x, y, post = 0.5 * p.length, 0.3 * p.length, 0.5 * p.goal_width
    width, height = p.length + 2 * GOAL_DEPTH + 3.0, 0.6 * p.length + 3.0
    canvas.view(width, height, left=-width / 2, low=-height / 2, up=True, bleed=True)
    draw_stands(y, canvas)
    canvas.rect(-x - RIM, -y - RIM, 2 * x + 2 * RIM, 2 * y + 2 * RIM, "sand", radius=0.6)
    for way, color in ((-1, "rose"), (1, "sky")):
        left = min(way * x, way * (x + GOAL_DEPTH))
        canvas.rect(left - 0.25, -post - 0.25, GOAL_DEPTH + 0.5, 2 * post + 0.5, "white", radius=0.25)
        canvas.rect(left, -post, GOAL_DEPTH, 2 * post, "slate")
        canvas.rect(left, -post, GOAL_DEPTH, 2 * post, color, alpha=0.4)
        for k in range(1, 4):
            at = way * (x + GOAL_DEPTH * k / 4)
            canvas.line([(at, -post), (at, post)], "white", width=0.1, alpha=0.15)
        for k in range(1, 8):
            at = post * (k - 4) / 4
            canvas.line([(way * x, at), (way * (x + GOAL_DEPTH), at)], "white", width=0.1, alpha=0.15)
    canvas.rect(-x, -y, 2 * x, 2 * y, "grass")
    for k in range(0, 10, 2):
        canvas.rect(-x + k * x / 5, -y, x / 5, 2 * y, "meadow")
    draw_lines(x, y, p, canvas)
    for k in range(len(s.players)):
        if k % (len(s.players) // 2) < p.team:
            draw_player(s, k, canvas, "rose" if k < len(s.players) // 2 else "sky")
    draw_ball(s, canvas)
    canvas.status(f"red {s.red_goals} : {s.blue_goals} blue, {(p.max_steps - s.step_count) * TIME_STEP:.0f} s left")


def draw_stands(y: float, canvas: Canvas) -> None:
    """Draw rows of seats with people around the pitch, as far as a picture shows them."""
    canvas.rect(-80.0, -80.0, 160.0, 160.0, "slate")
    for row in range(4):
        out = y + 2.4 + 1.8 * row
        for side in (-1, 1):
            canvas.rect(-80.0, side * out - 0.9, 160.0, 0.12, "shadow", alpha=0.35)
            for k in range(-9, 10):
                mixed = grain(row + 10 * side, k, 11)
                if mixed < 8:
                    at = 1.9 * k + 0.1 * mixed
                    canvas.circle(at, side * out, 0.5, SHIRTS[mixed], alpha=0.4)
                    canvas.circle(at, side * out + 0.1, 0.24, "sand", alpha=0.4)


def draw_lines(x: float, y: float, p: Params, canvas: Canvas) -> None:
    """Draw the chalk on the grass, and each goal line in its team's colour."""
    canvas.line([(-x, -y), (x, -y), (x, y), (-x, y), (-x, -y)], "white", width=0.2, alpha=0.3)
    canvas.line([(0, -y), (0, y)], "white", width=0.2, alpha=0.3)
    canvas.ring(0, 0, 0.14 * p.length, "white", width=0.2, alpha=0.3)
    canvas.circle(0, 0, 0.25, "white", alpha=0.55)
    deep, half = 0.12 * p.length, 0.5 * p.goal_width
    wide = min(half + 2.0, y)
    for way, color in ((-1, "rose"), (1, "sky")):
        area = [(way * x, wide), (way * (x - deep), wide), (way * (x - deep), -wide), (way * x, -wide)]
        canvas.line(area, "white", width=0.2, alpha=0.3)
        canvas.line([(way * x, -half), (way * x, half)], color, width=0.18)


def draw_ball(s: State, canvas: Canvas) -> None:
    streak(canvas, s.ball.x, s.ball.y, s.ball.vx, s.ball.vy, 1.6 * BALL_RADIUS, "white", seconds=0.15)
    orb(canvas, s.ball.x, s.ball.y, BALL_RADIUS, "white", lift=0.25)
    for k in range(3):
        angle = s.ball.angle + k * 2 * math.pi / 3
        canvas.circle(s.ball.x + 0.24 * math.cos(angle), s.ball.y + 0.24 * math.sin(angle), 0.1, "ink")


def draw_player(s: State, k: int, canvas: Canvas, color: str) -> None:
    body, way = s.players[k], 1.0 if k < len(s.players) // 2 else -1.0
    speed = math.hypot(body.vx, body.vy)
    if s.kicked[k]:
        glow(canvas, body.x, body.y, PLAYER_RADIUS + 2 * REACH, "white", strength=0.8)
        canvas.ring(body.x, body.y, PLAYER_RADIUS + REACH / 2, "white", width=0.14)
    streak(canvas, body.x, body.y, body.vx, body.vy, 1.6 * PLAYER_RADIUS, color, seconds=0.25 if speed > 7.0 else 0.1)
    orb(canvas, body.x, body.y, PLAYER_RADIUS, color)
    canvas.agent(k, body.x, body.y, PLAYER_RADIUS)
    canvas.circle(body.x, body.y, 0.94 * PLAYER_RADIUS * max(s.boost[k], 0.05), "white", alpha=0.16)
    x, y = body.x + 0.14 * way + 0.02 * body.vx, body.y + 0.12 + 0.02 * body.vy
    for side in (-0.22, 0.22):
        canvas.circle(x + side, y, 0.17, "white")
        canvas.circle(x + side + 0.05 * way, y, 0.09, "ink")
    canvas.text(body.x, body.y - 0.34, str(k % (len(s.players) // 2)), "white", size=0.5)
