"""What a step of doors does."""

from typing import Any

from puffer_arena.core import Array, jit, randint, random_bits
from puffer_arena.envs.doors.level import connect, lock, place
from puffer_arena.envs.doors.state import (
    BALL,
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

CLEAR = 1 << FLOOR | 1 << GOAL | 1 << OPEN | 1 << KEY | 1 << BALL | 1 << BOX  # the kinds that light passes
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
def steps_to_edge(s: State, heading: int) -> int:
    """Return how many cells of the board lie ahead of the agent when it looks that way."""
    rows, cols = s.kind.shape
    if heading % 2 == 0:
        return rows - 1 - s.row if heading else int(s.row)
    return cols - 1 - s.col if heading == 1 else int(s.col)


@jit
def observe(s: State, p: Params, obs: Any) -> None:
    middle, reach = len(obs.kinds) // 2, (p.sight - 1) // 2
    obs.kinds[:] = UNSEEN
    obs.colors[:] = 0
    down, across = DROW[s.heading], DCOL[s.heading]  # ahead; to the right are (across, -down)
    first = -min(reach, steps_to_edge(s, (s.heading + 3) % 4))
    last = min(reach, steps_to_edge(s, (s.heading + 1) % 4))
    lit = 1 << middle  # the cells in sight of a row of the picture: a bit for each, that of j is 1 << j
    for far in range(min(p.sight, steps_to_edge(s, s.heading) + 1)):
        clear = 0  # the cells that light passes
        for wide in range(first, last + 1):
            kind = int(s.kind[s.row + down * far + across * wide, s.col + across * far - down * wide])
            clear |= (CLEAR >> kind & 1) << middle + wide
        lit, ahead = spread(lit, clear)
        for wide in range(first, last + 1):
            if lit >> middle + wide & 1:
                row, col = s.row + down * far + across * wide, s.col + across * far - down * wide
                i, j = len(obs.kinds) - 1 - far, middle + wide
                obs.kinds[i, j], obs.colors[i, j] = s.kind[row, col], s.color[row, col]
        lit = ahead
        if lit == 0:
            break
    for k in range(2):
        obs.carried[k], obs.mission[k] = s.carried[k], s.mission[k]


@jit
def spread(lit: int, clear: int) -> tuple[int, int]:
    """Let light spread sideways through the clear cells of a row, and from all that it passes to the next row.

    Light goes first to the right, then from all that is lit to the left, and on to the row ahead beside its way.

    Returns:
        What is lit in this row, and in the next.
    """
    passed = lit & clear
    right = ((clear + passed) ^ clear) | passed  # a sum carries through a run of ones, and one beyond it
    lit |= right
    left, run = lit & clear, clear
    for k in (1, 2, 4, 8):
        left |= run & left >> k
        run &= run >> k
    lit |= left >> 1
    return lit, right | left | left >> 1


@jit
def mask_actions(s: State, p: Params, mask: Array) -> None:
    for action in range(FORWARD, TOGGLE + 1):
        mask[action] = can(s, action)
