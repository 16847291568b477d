"""Bomber's scripted miner."""

from puffer_arena.core import Array, Memory, i8, i32, jit, randint
from puffer_arena.envs.bomber.state import BRICK, DCOL, DROW, LAY, STAY, UP, Params, State, can, is_free

UNREACHED = -1
SAFE, WORK = 0, 1  # what a bot looks for


class Search(Memory):
    first: Array = i8("size", "size", below=LAY)  # the move with which the way to a cell begins
    steps: Array = i32("size", "size")  # of that way, or UNREACHED
    queue: Array = i32("cells", below="cells")


@jit
def is_struck(s: State, agent: int, row: int, col: int) -> bool:
    """Tell whether a bomb where the agent stands would reach a cell, bricks left aside."""
    down, across = abs(row - s.row[agent]), abs(col - s.col[agent])
    struck: bool = min(down, across) == 0 and max(down, across) <= s.reach[agent]
    return struck


@jit
def is_work(s: State, agent: int, row: int, col: int) -> bool:
    """Tell whether something waits in a cell: an item, a brick beside it, or a rival no farther than flames."""
    if s.item[row, col] > 0:
        return True
    for way in range(UP, LAY):
        to_row, to_col = row + DROW[way], col + DCOL[way]
        inside = 0 <= to_row < len(s.board) and 0 <= to_col < len(s.board)
        if inside and s.board[to_row, to_col] == BRICK and s.danger[to_row, to_col] == 0:
            return True
    for k in range(len(s.alive)):
        if s.alive[k] and k != agent and abs(s.row[k] - row) + abs(s.col[k] - col) <= 2:
            return True
    return False


@jit
def seek(s: State, p: Params, agent: int, m: Search, goal: int, laying: bool) -> int:
    """Return the move with which the shortest way to a goal begins that meets no flames, or -1.

    `laying` asks as if the agent laid a bomb first.
    """
    size = len(s.board)
    m.steps[:] = UNREACHED
    m.queue[0] = s.row[agent] * size + s.col[agent]
    m.first[s.row[agent], s.col[agent]], m.steps[s.row[agent], s.col[agent]] = STAY, 0
    taken, count = 0, 1
    while taken < count:
        row, col = m.queue[taken] // size, m.queue[taken] % size
        time = m.steps[row, col]
        if laying and time > p.fuse - 2:  # too late
            return -1
        taken += 1
        calm = s.danger[row, col] == 0 and not (laying and is_struck(s, agent, row, col))
        if calm and (goal == SAFE or (time > 0 and is_work(s, agent, row, col))):
            move: int = m.first[row, col]
            return move
        for way in range(UP, LAY):
            to_row, to_col = row + DROW[way], col + DCOL[way]
            if (
                is_free(s, to_row, to_col)
                and m.steps[to_row, to_col] == UNREACHED
                and s.danger[to_row, to_col] != time + 1
            ):
                m.first[to_row, to_col] = way if time == 0 else m.first[row, col]
                m.steps[to_row, to_col] = time + 1
                m.queue[count] = to_row * size + to_col
                count += 1
    return -1


@jit
def miner(s: State, p: Params, agent: int, memory: Search) -> int:
    """Leave where flames will come; lay bombs where there is work and a way out; else go to work."""
    row, col = s.row[agent], s.col[agent]
    if s.danger[row, col] > 0:
        return max(seek(s, p, agent, memory, SAFE, False), STAY)
    wants = can(s, agent, LAY) and is_work(s, agent, row, col) and randint(memory, 8) > 0
    if wants and seek(s, p, agent, memory, SAFE, True) > STAY:
        return LAY
    way = seek(s, p, agent, memory, WORK, False)
    if way > STAY and s.danger[row + DROW[way], col + DCOL[way]] == 0:
        return way
    way = randint(memory, 5)
    free = can(s, agent, way) and s.danger[row + DROW[way], col + DCOL[way]] == 0
    return way if free else STAY
