"""What a move of connect four does."""

from puffer_arena.core import Array, jit, randint
from puffer_arena.envs.connect4.state import ALONG, MINE, MOST_COLS, NOBODY, STRIDE, THEIRS, WALL, Params, State


@jit
def place_for(p: Params, board: int, column: int) -> int:
    """Return the bit that a stone in a column takes, or 0 where the column has no room; `board` holds all stones."""
    if column >= p.cols:
        return 0
    bottom = 1 << (STRIDE * column)
    full = ((1 << p.rows) - 1) * bottom
    stack = board & full
    return 0 if stack == full else stack + bottom


@jit
def is_line(p: Params, stones: int) -> bool:
    found = 0
    for way in ALONG:
        line = stones
        for _ in range(p.connect - 1):
            line &= line >> way
        found |= line
    return found != 0


@jit
def reset(s: State, p: Params) -> None:
    s.stones[0] = s.stones[1] = 0
    s.laid = s.red_won = s.yellow_won = 0
    s.winner = s.column = NOBODY
    for _ in range(min(p.opening, p.rows * p.cols // 2)):
        column = randint(s, p.cols)
        place = place_for(p, s.stones[0] | s.stones[1], column)
        if place != 0 and not is_line(p, s.stones[s.laid % 2] | place):
            s.stones[s.laid % 2] |= place
            s.laid += 1


@jit
def turn(s: State, p: Params) -> int:
    return s.laid % 2


@jit
def step(s: State, p: Params, actions: Array, rewards: Array, terminated: Array) -> bool:
    mover = s.turn
    s.column = actions[mover]
    place = place_for(p, s.stones[0] | s.stones[1], s.column)
    if place == 0:
        s.winner = 1 - mover
    else:
        s.stones[mover] |= place
        s.laid += 1
        if is_line(p, s.stones[mover]):
            s.winner = mover
    if s.winner != NOBODY:
        s.red_won, s.yellow_won = 1 - s.winner, s.winner
        rewards[0], rewards[1] = 1.0 - 2.0 * s.winner, 2.0 * s.winner - 1.0
    if s.winner != NOBODY or s.laid == p.rows * p.cols:
        terminated[0] = terminated[1] = True
    return False


@jit
def observe(s: State, p: Params, agent: int, obs: Array) -> None:
    mine, theirs = s.stones[agent], s.stones[1 - agent]
    rows, cols = obs.shape
    for row in range(rows):
        height = rows - 1 - row
        for column in range(cols):
            bit = height + STRIDE * column
            code = (mine >> bit & 1) * MINE + (theirs >> bit & 1) * THEIRS
            obs[row, column] = code if height < p.rows and column < p.cols else WALL


@jit
def mask_columns(s: State, p: Params, agent: int, mask: Array) -> None:
    board = s.stones[0] | s.stones[1]
    for column in range(MOST_COLS):
        mask[column] = place_for(p, board, column) != 0
