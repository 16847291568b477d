"""What a step of rooms does."""

import math

from puffer_arena.core import Array, jit, paint_rooms, randint
from puffer_arena.envs.rooms.level import build_rooms, draw_cell, measure, place_things
from puffer_arena.envs.rooms.state import (
    FOUND,
    LEFT,
    RADIUS,
    REACH,
    RIGHT,
    STRIDE,
    TIME_UP,
    TURN,
    VIEW,
    WRONG,
    Params,
    State,
    is_wall,
    way_to_go,
)


@jit
def reset(s: State, p: Params) -> None:
    build_rooms(s, p)
    for k in range(p.rooms**2):  # the rooms in random order
        other = randint(s, k + 1)
        s.order[k], s.order[other] = s.order[other], k
    place_things(s, p)
    measure(s, p)
    row, col = draw_cell(s, p, randint(s, p.rooms**2), True)
    s.x, s.y, s.heading = col + 0.5, row + 0.5, randint(s, 12) * TURN
    s.found, s.taken = 0, 0
    s.visited[:] = 0
    look_around(s, p)


@jit
def look_around(s: State, p: Params) -> None:
    """Note the room that the body is in, and hold what is wanted before the eye while it is shown."""
    span, last = p.size + 1, len(s.things) - 1
    row, col = int(min(max(s.y, 0.0), 1e6)) // span, int(min(max(s.x, 0.0), 1e6)) // span
    s.visited[min(row, len(s.visited) - 1), min(col, len(s.visited) - 1)] = 1
    s.things[last, 0] = s.x + RADIUS * math.cos(s.heading)
    s.things[last, 1] = s.y + RADIUS * math.sin(s.heading)
    s.things[last, 2], s.things[last, 3] = 0.38, 0.1 if s.step_count < p.shown else 0.0
    s.things[last, 4], s.things[last, 5] = s.things[0, 4], s.things[0, 5]


@jit
def step(s: State, p: Params, action: int) -> tuple[float, bool, bool]:
    before = way_to_go(s)
    if action in (LEFT, RIGHT):
        s.heading += TURN if action == RIGHT else -TURN
        s.heading -= math.floor(s.heading / (2.0 * math.pi)) * 2.0 * math.pi
    else:
        x, y = s.x + STRIDE * math.cos(s.heading), s.y + STRIDE * math.sin(s.heading)
        if not is_blocked(s, x, s.y):
            s.x = x
        if not is_blocked(s, s.x, y):
            s.y = y
    look_around(s, p)
    for k in range(len(s.things) - 1):
        dx, dy = s.things[k, 0] - s.x, s.things[k, 1] - s.y
        if s.things[k, 3] > 0.0 and dx * dx + dy * dy < REACH * REACH:
            s.found, s.taken = 1 if k == 0 else 0, 0 if k == 0 else 1
            return 1.0 - 0.5 * min(1.0, s.step_count / p.max_steps) if k == 0 else -p.wrong, True, False
    after = way_to_go(s)
    nearer = before - after if before >= 0 and after >= 0 else 0
    return p.shaping * nearer, False, s.step_count >= p.max_steps


@jit
def is_blocked(s: State, x: float, y: float) -> bool:
    """Tell whether a body at (x, y) would stand in a wall."""
    for k in range(4):
        row = math.floor(y + (RADIUS if k & 1 else -RADIUS))
        col = math.floor(x + (RADIUS if k & 2 else -RADIUS))
        if is_wall(s, row, col):
            return True
    return False


@jit
def ending(s: State, p: Params) -> int:
    return FOUND if s.found else WRONG if s.taken else TIME_UP


@jit
def observe(s: State, p: Params, obs: Array) -> None:
    paint_rooms(obs, s.plan, (s.x, s.y, s.heading, VIEW), s.things)
