"""What a move of hex does."""

from puffer_arena.core import Array, jit, randint
from puffer_arena.envs.hex.state import EMPTY, MINE, MOST, NOBODY, ROUND, THEIRS, WALL, Params, State


@jit
def is_on(p: Params, row: int, col: int) -> bool:
    return 0 <= row < p.size and 0 <= col < p.size


@jit
def joins(s: State, p: Params, player: int) -> bool:
    """Tell whether the stones through the last move reach both edges of a player: marks spread until none is new."""
    s.owner[min(max(s.row, 0), MOST - 1), min(max(s.col, 0), MOST - 1)] = -1 - player
    near, far, spread = False, False, True
    while spread:
        spread = False
        for row in range(p.size):
            for col in range(p.size):
                if s.owner[row, col] != -1 - player:
                    continue
                along = row if player == 0 else col
                near, far = near or along == 0, far or along == p.size - 1
                for down, right in ROUND:
                    if is_on(p, row + down, col + right) and s.owner[row + down, col + right] == 1 + player:
                        s.owner[row + down, col + right] = -1 - player
                        spread = True
    for row in range(p.size):
        for col in range(p.size):
            if s.owner[row, col] < 0:
                s.owner[row, col] = 1 + player
    return near and far


@jit
def lay(s: State, p: Params, player: int, row: int, col: int) -> bool:
    """Lay a stone; False where none can be."""
    if not is_on(p, row, col) or s.owner[row, col] != 0:
        return False
    s.owner[row, col] = 1 + player
    s.row, s.col = row, col
    s.laid += 1
    return True


@jit
def reset(s: State, p: Params) -> None:
    for row in range(MOST):
        for col in range(MOST):
            s.owner[row, col] = 0
    s.laid = s.red_won = s.blue_won = 0
    s.winner = s.row = s.col = NOBODY
    for _ in range(min(p.opening, 2 * p.size - 2)):  # too few of one colour to join its edges
        lay(s, p, s.laid % 2, randint(s, p.size), randint(s, p.size))


@jit
def turn(s: State, p: Params) -> int:
    return s.laid % 2


@jit
def step(s: State, p: Params, actions: Array, rewards: Array, terminated: Array) -> bool:
    mover = s.turn
    down, right = actions[mover] // MOST, actions[mover] % MOST
    row, col = (down, right) if mover == 0 else (right, down)
    if not lay(s, p, mover, row, col):
        s.winner = 1 - mover
    elif joins(s, p, mover):
        s.winner = mover
    if s.winner != NOBODY:
        s.red_won, s.blue_won = 1 - s.winner, s.winner
        rewards[0], rewards[1] = 1.0 - 2.0 * s.winner, 2.0 * s.winner - 1.0
        terminated[0] = terminated[1] = True
    return False


@jit
def seen(s: State, agent: int, row: int, col: int) -> int:
    """Return whose stone an agent sees in a cell: 1 + player, or 0."""
    owner: int = s.owner[row, col] if agent == 0 else s.owner[col, row]
    return owner


@jit
def observe(s: State, p: Params, agent: int, obs: Array) -> None:
    rows, cols = obs.shape
    for row in range(rows):
        for col in range(cols):
            owner = seen(s, agent, row, col) if is_on(p, row, col) else NOBODY
            obs[row, col] = WALL if owner < 0 else EMPTY if owner == 0 else MINE if owner == 1 + agent else THEIRS


@jit
def mask_cells(s: State, p: Params, agent: int, mask: Array) -> None:
    for row in range(MOST):
        for col in range(MOST):
            mask[row * MOST + col] = is_on(p, row, col) and seen(s, agent, row, col) == 0
