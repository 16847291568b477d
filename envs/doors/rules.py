"""What a step of doors does."""

from typing import Any

from puffer_arena.core import Array, jit, randint, random_bits
from puffer_arena.envs.doors.level import connect, lock, place
from puffer_arena.envs.doors.state import (
    BOX,
    CLOSED,
    DCOL,
    DROP,
    DROW,
    FLOOR,
    FORWARD,
    GOAL,
    HUES,
    KEY,
    LEFT,
    LOCKED,
    OPEN,
    PICK_UP,
    RIGHT,
    TOGGLE,
    UNSEEN,
    WALL,
    Params,
    State,
    put,
    what,
)

LIT = 16  # a bit above those of kinds
REACHED, TIME_UP = range(2)  # endings


@jit
def reset(s: State, p: Params) -> None:
    for row in range(s.kind.shape[0]):
        for col in range(s.kind.shape[1]):
            inside = row < p.down * (p.room + 1) and col < p.across * (p.room + 1)
            wall = not inside or row % (p.room + 1) == 0 or col % (p.room + 1) == 0
            put(s, row, col, WALL if wall else FLOOR, 0)
    s.reached = s.opened = 0
    s.carried[:] = 0
    s.row = s.col = 0
    rooms = p.across * p.down
    start = randint(s, rooms)
    goal = connect(s, p, start)
    cell = place(s, p, start, FLOOR, 0)
    s.row, s.col = cell // s.kind.shape[1], cell % s.kind.shape[1]
    s.from_row, s.from_col, s.heading = s.row, s.col, randint(s, 4)
    s.mission[0], s.mission[1] = GOAL, 2
    if random_bits(s) & 1023 < int(p.fetch * 1024.0):
        s.mission[0], s.mission[1] = KEY + 1 + randint(s, 2), 1 + randint(s, HUES)
    place(s, p, goal, s.mission[0], s.mission[1])
    lock(s, p, start, goal)
    for _ in range(p.things):
        kind, color = KEY + 1 + randint(s, 2), 1 + randint(s, HUES)
        if kind != s.mission[0] or color != s.mission[1]:
            place(s, p, randint(s, rooms), kind, color)


@jit
def can(s: State, action: int) -> bool:
    """Tell whether an action does anything."""
    row, col = s.row + DROW[s.heading], s.col + DCOL[s.heading]
    ahead = what(s, row, col)
    if action == FORWARD:
        return FLOOR <= ahead <= OPEN
    if action == PICK_UP:
        return ahead >= KEY and s.carried[0] == 0
    if action == DROP:
        return ahead == FLOOR and s.carried[0] > 0
    if action == TOGGLE:
        unlocks = s.carried[0] == KEY and s.carried[1] == s.color[row, col] if ahead == LOCKED else False
        return unlocks or ahead in (OPEN, CLOSED, BOX)
    return True


@jit
def step(s: State, p: Params, action: int) -> tuple[float, bool, bool]:
    s.from_row, s.from_col = s.row, s.col
    row, col = s.row + DROW[s.heading], s.col + DCOL[s.heading]
    if action == LEFT:
        s.heading = (s.heading + 3) % 4
    elif action == RIGHT:
        s.heading = (s.heading + 1) % 4
    elif can(s, action):
        if action == FORWARD:
            s.row, s.col = row, col
        elif action == PICK_UP:
            s.carried[0], s.carried[1], s.carried[2] = s.kind[row, col], s.color[row, col], s.hidden[row, col]
            put(s, row, col, FLOOR, 0)
        elif action == DROP:
            put(s, row, col, s.carried[0], s.carried[1])
            s.hidden[row, col] = s.carried[2]
            s.carried[:] = 0
        elif s.kind[row, col] == BOX:
            hidden = s.hidden[row, col]
            put(s, row, col, KEY if hidden > 0 else FLOOR, hidden)
        else:
            s.opened += s.kind[row, col] == LOCKED
            s.kind[row, col] = CLOSED if s.kind[row, col] == OPEN else OPEN
    there = s.kind[s.row, s.col] == GOAL and s.mission[0] == GOAL
    held = s.carried[0] == s.mission[0] and s.carried[1] == s.mission[1]
    if there or held:
        s.reached = 1
        return 1.0 - 0.9 * min(1.0, s.step_count / p.max_steps), True, False
    return 0.0, False, s.step_count >= p.max_steps


@jit
def ending(s: State, p: Params) -> int:
    return REACHED if s.reached else TIME_UP


@jit
def observe(s: State, p: Params, obs: Any) -> None:
    size, reach = len(obs.kinds), (p.sight - 1) // 2
    rows, cols = s.kind.shape
    down, across = DROW[s.heading], DCOL[s.heading]  # ahead; to the right are (across, -down)
    for i in range(size):
        for j in range(size):
            far, wide = size - 1 - i, j - size // 2
            row, col = s.row + down * far + across * wide, s.col + across * far - down * wide
            inside = 0 <= row < rows and 0 <= col < cols and far < p.sight and abs(wide) <= reach
            obs.kinds[i, j] = s.kind[row, col] if inside else UNSEEN
            obs.colors[i, j] = s.color[row, col] if inside else 0
    light(obs.kinds)
    for i in range(size):
        for j in range(size):
            lit = obs.kinds[i, j] >= LIT
            obs.kinds[i, j] = obs.kinds[i, j] - LIT if lit else UNSEEN
            obs.colors[i, j] = obs.colors[i, j] if lit else 0
    for k in range(2):
        obs.carried[k], obs.mission[k] = s.carried[k], s.mission[k]


@jit
def light(kinds: Array) -> None:
    """Add LIT to what is in sight: light spreads away from the agent and sideways, up to walls and closed doors."""
    size = len(kinds)
    kinds[size - 1, size // 2] += LIT
    for far in range(size):
        i = size - 1 - far
        for k in range(2 * size):
            j, beside = (k, min(k + 1, size - 1)) if k < size else (2 * size - 1 - k, max(2 * size - 2 - k, 0))
            kind = int(kinds[i, j]) - LIT
            if kind >= FLOOR and kind != CLOSED and kind != LOCKED:
                kinds[i, beside] |= LIT
                kinds[max(i - 1, 0), j] |= LIT
                kinds[max(i - 1, 0), beside] |= LIT


@jit
def mask_actions(s: State, p: Params, mask: Array) -> None:
    for action in range(FORWARD, TOGGLE + 1):
        mask[action] = can(s, action)
