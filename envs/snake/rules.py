"""What a step of snake does."""

from puffer_arena.core import Array, jit, randint
from puffer_arena.envs.snake.state import BODY, DCOL, DROW, EMPTY, FOOD, HEAD, Params, State

WALL, BITTEN, STARVED, FILLED = range(4)  # endings


@jit
def place_food(s: State, p: Params) -> None:
    """Put food on a uniformly drawn empty cell."""
    skip = randint(s, p.rows * p.cols - s.length)
    for row in range(p.rows):
        for col in range(p.cols):
            if s.board[row, col] == EMPTY:
                if skip == 0:
                    s.board[row, col] = FOOD
                    return
                skip -= 1


@jit
def reset(s: State, p: Params) -> None:
    for row in range(s.board.shape[0]):
        for col in range(s.board.shape[1]):
            s.board[row, col] = EMPTY if row < p.rows and col < p.cols else BODY
    s.heading = randint(s, 4)
    s.length, s.score, s.head, s.hunger = 1, 0, 0, 0
    row, col = p.rows // 2, p.cols // 2
    s.body[0, 0], s.body[0, 1] = row, col
    s.board[row, col] = HEAD
    place_food(s, p)


@jit
def step(s: State, p: Params, action: int) -> tuple[float, bool, bool]:
    opposite = action ^ 1
    if s.length == 1 or s.heading != opposite:
        s.heading = action
    row = s.body[s.head, 0] + DROW[s.heading]
    col = s.body[s.head, 1] + DCOL[s.heading]
    if not (0 <= row < p.rows and 0 <= col < p.cols):
        return p.reward_death, True, False

    ate = s.board[row, col] == FOOD
    if ate:
        s.length += 1
        s.score += 1
        s.hunger = 0
    else:
        drop_tail(s)  # before the bite test: the tail's cell is free to move into
        s.hunger += 1
    if s.board[row, col] == BODY:
        return p.reward_death, True, False

    s.board[s.body[s.head, 0], s.body[s.head, 1]] = BODY if s.length > 1 else EMPTY
    s.head = (s.head + 1) % len(s.body)
    s.body[s.head, 0], s.body[s.head, 1] = row, col
    s.board[row, col] = HEAD
    if s.length == p.rows * p.cols:
        return p.reward_food, True, False
    if ate:
        place_food(s, p)
        return p.reward_food, False, False
    return 0.0, False, s.hunger >= p.max_hunger


@jit
def drop_tail(s: State) -> None:
    tail = (s.head - s.length + 1) % len(s.body)
    s.board[s.body[tail, 0], s.body[tail, 1]] = EMPTY


@jit
def ending(s: State, p: Params) -> int:
    row = s.body[s.head, 0] + DROW[s.heading]
    col = s.body[s.head, 1] + DCOL[s.heading]
    if s.length == p.rows * p.cols:
        return FILLED
    if s.hunger >= p.max_hunger:
        return STARVED
    return BITTEN if 0 <= row < p.rows and 0 <= col < p.cols else WALL


@jit
def observe(s: State, p: Params, obs: Array) -> None:
    for row in range(s.board.shape[0]):
        for col in range(s.board.shape[1]):
            obs[row, col] = s.board[row, col]
