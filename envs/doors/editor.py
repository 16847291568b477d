"""What a person may draw of a level."""

from puffer_arena.core import Brush, jit
from puffer_arena.envs.doors.state import (
    BALL,
    BOX,
    CLOSED,
    DCOL,
    DROW,
    FLOOR,
    GOAL,
    KEY,
    LOCKED,
    OPEN,
    WALL,
    Params,
    State,
    what,
)


@jit
def size_of(p: Params) -> tuple[int, int]:
    return p.down * (p.room + 1) + 1, p.across * (p.room + 1) + 1


@jit
def finish(s: State, p: Params) -> str:
    """Give what a person has drawn its colours, and look for ways; a new thing without a colour is red."""
    rows, cols = size_of(p)
    keys, wanted = {0}, 0
    for row in range(rows):
        for col in range(cols):
            if row in (0, rows - 1) or col in (0, cols - 1):
                s.kind[row, col] = WALL
            kind = s.kind[row, col]
            color = 0 if kind < GOAL else 2 if kind == GOAL else max(s.color[row, col], 1)
            s.color[row, col], s.hidden[row, col] = color, s.hidden[row, col] if kind == BOX else 0
            keys.add(color if kind == KEY else int(s.hidden[row, col]))
            if kind == GOAL:
                s.mission[0], s.mission[1] = GOAL, 2
    for row in range(rows):
        for col in range(cols):
            if s.kind[row, col] == s.mission[0] and s.color[row, col] == s.mission[1]:
                wanted += 1
    if s.kind[s.row, s.col] != FLOOR:
        return "the agent does not stand on floor"
    if not wanted:
        return "it needs a goal, or the thing that its mission asks for"
    return "" if leads(s, keys) else "there is no way to the goal, or a key is missing"


@jit
def leads(s: State, keys: set[int]) -> bool:
    """Tell whether a way leads to what is wanted, through doors to which there are keys, past what can be carried."""
    start = int(s.row), int(s.col)
    reached, waiting = {start}, [start]
    while waiting:
        row, col = waiting.pop()
        if s.kind[row, col] == s.mission[0] and s.color[row, col] == s.mission[1]:
            return True
        for way in range(4):
            to = row + DROW[way], col + DCOL[way]
            kind = what(s, to[0], to[1])
            if to not in reached and kind != WALL and (kind != LOCKED or int(s.color[to]) in keys):
                reached.add(to)
                waiting.append(to)
    return False


BRUSHES = (
    Brush("floor", FLOOR, "."),
    Brush("wall", WALL, "#"),
    Brush("goal", GOAL, "G", single=True),
    Brush("open door", OPEN, "o"),
    Brush("door", CLOSED, "d"),
    Brush("locked door", LOCKED, "l"),
    Brush("key", KEY, "k"),
    Brush("ball", BALL, "b"),
    Brush("box", BOX, "x"),
)
