"""How snake looks."""

import math

from puffer_arena.core import Canvas
from puffer_arena.core.tiles import block, burst, ground, surround
from puffer_arena.envs.snake.state import DCOL, DROW, FOOD, Params, State


def draw(s: State, p: Params, canvas: Canvas) -> None:
    canvas.view(p.cols + 0.9, p.rows + 0.9, left=-0.45, low=-0.6, bleed=True)
    surround(canvas, p.cols, p.rows, "rock", "stone")
    ate = s.hunger == 0 and s.step_count > 0
    for col in range(p.cols):
        block(canvas, -1, col, "rock", "slate", open_below=True)
    for row in range(p.rows):
        for col in range(p.cols):
            ground(canvas, row, col, "sand", "wood", shaded=row == 0)
            if s.board[row, col] == FOOD:
                draw_food(canvas, col + 0.5, row + 0.53, canvas.moment if ate else 1.0)
    path = body_path(s, canvas)
    draw_body(path, canvas)
    draw_head(s, *path[0], canvas, ate)
    canvas.agent(0, *path[0], 0.5)
    canvas.status(f"score {s.score}, {p.max_hunger - s.hunger} steps until it starves")


def draw_food(canvas: Canvas, x: float, y: float, size: float) -> None:
    canvas.circle(x, y + 0.14, 0.34 * size, "shadow", alpha=0.25)
    canvas.circle(x, y, 0.34 * size, "rose")
    canvas.line([(x, y - 0.29 * size), (x + 0.1, y - 0.41 * size)], "leaf", width=0.09)
    canvas.circle(x - 0.1, y - 0.11 * size, 0.08 * size, "white", alpha=0.6)


def body_path(s: State, canvas: Canvas) -> list[tuple[float, float]]:
    """Return points along the body, the head first: both of its ends are on their way from cell to cell."""
    length = min(max(s.length, 1), len(s.body))  # whatever a row from outside says
    moved = s.step_count > 0 and not s.ended
    grew = s.hunger == 0 or length == len(s.body)  # the tail stays where it is
    cells = [(s.head - back) % len(s.body) for back in range(length + (1 if moved and not grew else 0))]
    points = [(s.body[at, 1] + 0.5, s.body[at, 0] + 0.5) for at in cells]
    if not moved or len(points) < 2:
        return points
    t, tail = canvas.moment, points[-1]
    points[0] = part_of(points[1], points[0], t)
    points[-1] = tail if grew else part_of(tail, points[-2], t) if len(points) > 2 else points[0]
    return points


def part_of(start: tuple[float, float], end: tuple[float, float], t: float) -> tuple[float, float]:
    return start[0] + (end[0] - start[0]) * t, start[1] + (end[1] - start[1]) * t


def draw_body(path: list[tuple[float, float]], canvas: Canvas) -> None:
    """Draw the body from its tail on, ever thicker."""
    beads = 5 * (len(path) - 1)
    for shade in (True, False):
        for k in range(beads - 1, -1, -1):
            x, y = part_of(path[k // 5], path[k // 5 + 1], k % 5 / 5)
            size = 0.4 - 0.18 * k / beads
            if shade:
                canvas.circle(x, y + 0.12, size, "shadow", alpha=0.06)
            else:
                canvas.circle(x, y, size, "leaf" if k // 4 % 2 else "grass")


def draw_head(s: State, x: float, y: float, canvas: Canvas, ate: bool) -> None:
    dx, dy = DCOL[s.heading], DROW[s.heading]
    size = 0.44
    if s.ended:  # it bounces off what it ran into
        x += 0.16 * dx * math.sin(math.pi * canvas.moment) + 0.07 * math.sin(40.0 * canvas.moment) * (
            1.0 - canvas.moment
        )
        y += 0.16 * dy * math.sin(math.pi * canvas.moment)
        burst(canvas, x + 0.4 * dx, y + 0.4 * dy, "rose", reach=0.7)
    elif ate:
        size += 0.1 * math.sin(math.pi * canvas.moment)
        burst(canvas, s.body[s.head, 1] + 0.5, s.body[s.head, 0] + 0.5, "rose", reach=0.8)
    canvas.circle(x, y, size, "lime")
    canvas.circle(x, y + 0.05, 0.9 * size, "shadow", alpha=0.12)
    for side in (-0.19, 0.19):
        eye_x, eye_y = x + 0.12 * dx - side * dy, y + 0.12 * dy + side * dx
        canvas.circle(eye_x, eye_y, 0.13, "white")
        canvas.circle(eye_x + 0.05 * dx, eye_y + 0.05 * dy, 0.07, "ink")
