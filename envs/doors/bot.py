"""Doors' scripted expert."""

from puffer_arena.core import Array, Memory, i32, jit, randint
from puffer_arena.envs.doors.rules import can
from puffer_arena.envs.doors.state import (
    BOX,
    DCOL,
    DROP,
    DROW,
    FAR,
    FORWARD,
    KEY,
    LEFT,
    LOCKED,
    OPEN,
    PICK_UP,
    RIGHT,
    TOGGLE,
    WALL,
    Params,
    State,
    what,
)


class Search(Memory):
    steps: Array = i32("rows", "cols")  # to where the bot goes
    queue: Array = i32("cells", below="cells")


@jit
def flood(s: State, m: Search, row: int, col: int, through: bool) -> None:
    """Fill in the steps from each cell to one; `through` things that can be put aside, or not."""
    cols = s.kind.shape[1]
    m.steps[:] = FAR
    m.steps[row, col] = 0
    m.queue[0], taken, count = row * cols + col, 0, 1
    while taken < count:
        at_row, at_col = m.queue[taken] // cols, m.queue[taken] % cols
        taken += 1
        for way in range(4):
            to_row, to_col = at_row + DROW[way], at_col + DCOL[way]
            kind = what(s, to_row, to_col)
            if kind != WALL and (through or kind < KEY) and m.steps[to_row, to_col] == FAR:
                m.steps[to_row, to_col] = m.steps[at_row, at_col] + 1
                m.queue[count] = to_row * cols + to_col
                count += 1


@jit
def find(s: State, kind: int, color: int) -> int:
    """Return a cell with something in it, row * cols + col, or -1; a key may be in a box."""
    rows, cols = s.kind.shape
    for cell in range(rows * cols):
        row, col = cell // cols, cell % cols
        if s.kind[row, col] == kind and s.color[row, col] == color:
            return cell
        if kind == KEY and s.kind[row, col] == BOX and s.hidden[row, col] == color:
            return cell
    return -1


@jit
def next_way(s: State, m: Search, row: int, col: int) -> int:
    """Return the heading of a neighbour that is nearer to where the bot goes, or -1."""
    for way in range(4):
        to_row, to_col = row + DROW[way], col + DCOL[way]
        if what(s, to_row, to_col) != WALL and m.steps[to_row, to_col] < m.steps[row, col]:
            return way
    return -1


@jit
def choose(s: State, m: Search) -> int:
    """Fill in the steps to the cell that comes first: on the way to the mission are locks, keys to them, and things."""
    cols = s.kind.shape[1]
    target = find(s, s.mission[0], s.mission[1])
    for _ in range(8):
        if target < 0:
            return -1
        flood(s, m, target // cols, target % cols, False)
        if m.steps[s.row, s.col] == FAR:
            flood(s, m, target // cols, target % cols, True)
        row, col, first = s.row, s.col, -1
        while row * cols + col != target:
            way = next_way(s, m, row, col)
            if way < 0:
                return -1
            row, col = row + DROW[way], col + DCOL[way]
            has_key = s.carried[0] == KEY and s.carried[1] == s.color[row, col]
            if s.kind[row, col] == LOCKED:
                first = row * cols + col if has_key else find(s, KEY, s.color[row, col])
                break
            if s.kind[row, col] >= KEY and row * cols + col != target:
                first = row * cols + col
                break
        if row * cols + col == target:
            return target
        target = first
    return target


@jit
def is_doorway(s: State) -> bool:
    """Tell whether the cell ahead is beside a door, where things would be in the way."""
    for way in range(4):
        kind = what(s, s.row + DROW[s.heading] + DROW[way], s.col + DCOL[s.heading] + DCOL[way])
        if OPEN <= kind <= LOCKED:
            return True
    return False


@jit
def expert(s: State, p: Params, memory: Search) -> int:
    """Go for what comes first, put aside what is in the hands or in the way; now and then move by chance."""
    target = choose(s, memory)
    way = next_way(s, memory, s.row, s.col) if target >= 0 else -1
    if way < 0 or randint(memory, 32) == 0:
        return FORWARD if can(s, FORWARD) and randint(memory, 2) == 0 else randint(memory, 2)
    row, col = target // s.kind.shape[1], target % s.kind.shape[1]
    opens = s.kind[row, col] == BOX and s.hidden[row, col] > 0 and s.mission[0] != BOX
    takes = s.kind[row, col] >= KEY and not opens
    near = abs(row - s.row) + abs(col - s.col) == 1
    if takes and s.carried[0] > 0 and can(s, DROP) and not is_doorway(s):
        return DROP
    if takes and s.carried[0] > 0 and near:
        return RIGHT
    if way != s.heading:
        return RIGHT if (way - s.heading) % 4 < 3 else LEFT
    if takes and near:
        return PICK_UP
    return FORWARD if can(s, FORWARD) else TOGGLE
