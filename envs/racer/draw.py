"""How racer looks."""

import math

from puffer_arena.core import Body2D, Canvas, streak
from puffer_arena.core.races import COLORS, draw_course, tell_laps
from puffer_arena.envs.racer.state import AXLE, TIME_STEP, TRAIL, Params, State


def draw(s: State, p: Params, canvas: Canvas) -> None:
    draw_course(s, p, canvas, mown=True)
    for k in range(len(s.cars)):
        for j in range(1, TRAIL):  # the oldest mark follows the newest one's place
            x0, y0, _ = s.marks[k, (s.step_count + j) % TRAIL]
            x1, y1, slipped = s.marks[k, (s.step_count + j + 1) % TRAIL]
            if slipped and abs(x1 - x0) + abs(y1 - y0) < 3.0:
                canvas.line([(x0, y0), (x1, y1)], "shadow", width=0.9, alpha=0.3)
    for k in range(len(s.cars)):
        if s.alive[k]:
            draw_car(s, k, canvas)
    tell_laps(s, p, s.step_count * TIME_STEP, canvas)


def draw_car(s: State, k: int, canvas: Canvas) -> None:
    car: Body2D = s.cars[k]
    cosine, sine = math.cos(car.angle), math.sin(car.angle)

    def at(x: float, y: float) -> tuple[float, float]:
        return car.x + cosine * x - sine * y, car.y + sine * x + cosine * y

    def block(x0: float, x1: float, half: float, color: str, alpha: float = 1.0) -> None:
        canvas.polygon([at(x0, -half), at(x1, -0.8 * half), at(x1, 0.8 * half), at(x0, half)], color, alpha=alpha)

    canvas.circle(car.x, car.y, 3.2, COLORS[k], alpha=0.15)  # cars are small where the whole course is seen
    canvas.ring(car.x, car.y, 3.2, COLORS[k], width=0.45, alpha=0.6)
    streak(canvas, *at(-1.4, 0.0), car.vx, car.vy, 1.0, COLORS[k], seconds=0.16)
    canvas.line([(x + 0.25, y - 0.3) for x, y in (at(-1.2, 0), at(1.2, 0))], "shadow", width=1.5, alpha=0.5)
    for x, y in ((AXLE, 0.72), (AXLE, -0.72), (-AXLE, 0.72), (-AXLE, -0.72)):
        turn = car.angle + (s.steer[k] if x > 0 else 0.0)
        (cx, cy), dx, dy = at(x, y), 0.36 * math.cos(turn), 0.36 * math.sin(turn)
        canvas.line([(cx - dx, cy - dy), (cx + dx, cy + dy)], "shadow", width=0.36)
    block(-1.5, 1.5, 0.75, COLORS[k])
    block(-1.5, 1.5, 0.28, "white", 0.5)
    block(-0.75, 0.35, 0.6, "ink", 0.8)
    block(0.1, 0.35, 0.52, "sky", 0.7)
    canvas.line([at(-1.45, -0.75), at(-1.45, 0.75)], COLORS[k], width=0.3)
    canvas.agent(k, car.x, car.y, 1.5)
