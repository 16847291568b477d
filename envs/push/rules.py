"""What a step of push does."""

from puffer_arena.core import Array, jit
from puffer_arena.envs.push.levels import DCOL, DROW, TRIES, carve, cell, is_free, place, pull_apart, shift
from puffer_arena.envs.push.state import BOX, DOWN, FLOOR, PLAYER, PLAYER_ON_TARGET, TARGET, WALL, Params, State

REWARD_SOLVED = 10.0
SOLVED, TIME_UP = range(2)  # endings


@jit
def reset(s: State, p: Params) -> None:
    for _ in range(TRIES):
        carve(s, p)
        place(s, p)
        pull_apart(s, p)
        if s.away > 0:
            break
    s.facing = DOWN
    s.moved = s.brought = s.solved = s.pushes = 0


@jit
def is_open(s: State, row: int, col: int, way: int) -> bool:
    """Tell whether a move from a cell moves anything."""
    ahead = cell(s, row + DROW[way], col + DCOL[way])
    return ahead != WALL and (ahead < BOX or is_free(s, row + 2 * DROW[way], col + 2 * DCOL[way]))


@jit
def step(s: State, p: Params, action: int) -> tuple[float, bool, bool]:
    s.facing, s.moved, s.brought = action, 0, 0
    if is_open(s, s.row, s.col, action):
        row, col = s.row + DROW[action], s.col + DCOL[action]
        s.moved = 1
        if s.board[row, col] >= BOX:
            follow(s, 4 * (s.row * len(s.board) + s.col) + action)
            s.brought = shift(s, row, col, row + DROW[action], col + DCOL[action])
            s.moved = 2
            s.pushes += 1
        s.row, s.col = row, col
    s.solved = 1 if s.away == 0 else 0
    reward = s.brought - p.reward_step + REWARD_SOLVED * s.solved
    return reward, s.solved == 1, s.step_count >= p.max_steps


@jit
def follow(s: State, push: int) -> None:
    """Take a push off the plan, or drop the plan where it is another."""
    planned = s.left > 0 and s.plan[min(s.left, len(s.plan)) - 1] == push
    s.left = s.left - 1 if planned else 0


@jit
def ending(s: State, p: Params) -> int:
    return SOLVED if s.solved else TIME_UP + 2 * s.home


@jit
def observe(s: State, p: Params, obs: Array) -> None:
    for row in range(len(s.board)):
        for col in range(len(s.board)):
            obs[row, col] = s.board[row, col]
    obs[s.row, s.col] = PLAYER_ON_TARGET if s.board[s.row, s.col] == TARGET else PLAYER


@jit
def mask_moves(s: State, p: Params, mask: Array) -> None:
    shut = True
    for way in range(4):
        mask[way] = is_open(s, s.row, s.col, way)
        shut = shut and not mask[way]
    if shut:  # never by play, which can always go back; a row from outside may say so
        mask[:] = True


@jit
def move_goal(s: State, p: Params, later: State) -> None:
    """Put the targets where the boxes are later on."""
    s.home = s.away = s.left = 0
    for row in range(len(s.board)):
        for col in range(len(s.board)):
            if s.board[row, col] == WALL:
                continue
            box, wanted = s.board[row, col] >= BOX, later.board[row, col] >= BOX
            s.board[row, col] = (BOX if box else FLOOR) + (1 if wanted else 0)
            s.home += int(box and wanted)
            s.away += int(box and not wanted)
