"""Levels of push, made backwards: boxes at home are pulled apart."""

from puffer_arena.core import Array, jit, randint, random_bits
from puffer_arena.envs.push.state import BOX, FLOOR, HOME, TARGET, WALL, Params, State

DROW = (-1, 1, 0, 0)
DCOL = (0, 0, -1, 1)
UNREACHED = -1
TRIES = 32


@jit
def cell(s: State, row: int, col: int) -> int:
    """Return what stands in a cell; beyond the board there are walls."""
    inside = 0 <= row < len(s.board) and 0 <= col < len(s.board)
    code: int = s.board[row, col] if inside else WALL
    return code


@jit
def is_free(s: State, row: int, col: int) -> bool:
    code = cell(s, row, col)
    return code in (FLOOR, TARGET)


@jit
def flood(s: State, steps: Array, queue: Array, row: int, col: int) -> None:
    """Fill `steps` with how far the free cells are from one that is free."""
    size = len(s.board)
    for other_row in range(size):
        for other_col in range(size):
            steps[other_row, other_col] = UNREACHED
    steps[row, col] = 0
    queue[0], taken, count = row * size + col, 0, 1
    while taken < count:
        at_row, at_col = queue[taken] // size, queue[taken] % size
        taken += 1
        for way in range(4):
            to_row, to_col = at_row + DROW[way], at_col + DCOL[way]
            if is_free(s, to_row, to_col) and steps[to_row, to_col] == UNREACHED:
                steps[to_row, to_col] = steps[at_row, at_col] + 1
                queue[count] = to_row * size + to_col
                count += 1


@jit
def carve(s: State, p: Params) -> None:
    """Carve a room by a walk that clears two by two cells at each of its steps."""
    for row in range(len(s.board)):
        for col in range(len(s.board)):
            s.board[row, col] = WALL
    inner = p.size - 3  # places of the walk's upper left cell, in each direction
    missing = int((1.0 - p.walls) * (p.size - 2) * (p.size - 2))
    row, col, bits = 1 + randint(s, inner), 1 + randint(s, inner), 0
    for k in range(16 * p.size * p.size):
        for square in range(4):
            at_row, at_col = row + (square >> 1), col + (square & 1)
            missing -= s.board[at_row, at_col] == WALL
            s.board[at_row, at_col] = FLOOR
        if missing <= 0:
            break
        bits = random_bits(s) if k % 16 == 0 else bits >> 2
        row = min(max(row + DROW[bits & 3], 1), inner)
        col = min(max(col + DCOL[bits & 3], 1), inner)
    s.row, s.col = row, col


@jit
def place(s: State, p: Params) -> None:
    """Put boxes on targets, each where it can be pulled away."""
    s.home = s.away = 0
    for _ in range(TRIES * p.boxes):
        row, col, way = 1 + randint(s, p.size - 2), 1 + randint(s, p.size - 2), randint(s, 4)
        taken = row == s.row and col == s.col
        near = is_free(s, row + DROW[way], col + DCOL[way])
        if near and is_free(s, row + 2 * DROW[way], col + 2 * DCOL[way]) and is_free(s, row, col) and not taken:
            s.board[row, col] = HOME
            s.home += 1
            if s.home == p.boxes:
                return


@jit
def pull_apart(s: State, p: Params) -> None:
    """Pull boxes about, each of the pulls that are possible as likely; note the pushes that undo them."""
    s.left = 0
    s.plan[:] = 0
    while s.left < p.pulls:
        flood(s, s.steps, s.queue, s.row, s.col)
        chosen, count = 0, 0
        for row in range(1, p.size - 1):
            for col in range(1, p.size - 1):
                if s.board[row, col] >= BOX:
                    for way in range(4):
                        far_row, far_col = row + 2 * DROW[way], col + 2 * DCOL[way]
                        reached = s.steps[row + DROW[way], col + DCOL[way]] != UNREACHED
                        if reached and is_free(s, far_row, far_col):
                            # Boxes at home are likelier, so that they leave.
                            count += 4 if s.board[row, col] == HOME else 1
                            if randint(s, count) < (4 if s.board[row, col] == HOME else 1):
                                chosen = 4 * (row * len(s.board) + col) + way
        if count == 0:
            return
        pull(s, chosen)


@jit
def pull(s: State, chosen: int) -> None:
    size, way = len(s.board), chosen % 4
    row, col = chosen // 4 // size, chosen // 4 % size
    shift(s, row, col, row + DROW[way], col + DCOL[way])
    s.row, s.col = row + 2 * DROW[way], col + 2 * DCOL[way]
    s.plan[s.left] = 4 * (s.row * size + s.col) + (way ^ 1)
    s.left += 1


@jit
def shift(s: State, row: int, col: int, to_row: int, to_col: int) -> int:
    """Move a box; return by how much the number of boxes at home changes."""
    change = int(s.board[to_row, to_col] == TARGET) - int(s.board[row, col] == HOME)
    s.board[row, col] -= BOX - FLOOR
    s.board[to_row, to_col] += BOX - FLOOR
    s.home += change
    s.away = s.away - change
    return change
