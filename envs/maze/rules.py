"""What a step of maze does."""

from puffer_arena.core import Array, jit, randint
from puffer_arena.envs.maze.level import carve, measure, open_walls, place_start
from puffer_arena.envs.maze.state import DCOL, DROW, FLOOR, GOAL, UNREACHED, UNSEEN, WALL, Params, State


@jit
def reset(s: State, p: Params) -> None:
    carve(s, p)
    open_walls(s, p)
    rooms = (p.size - 1) // 2
    goal_row, goal_col = 1 + 2 * randint(s, rooms), 1 + 2 * randint(s, rooms)
    place_start(s, p, measure(s, p, goal_row, goal_col))
    s.board[goal_row, goal_col] = GOAL
    s.reached = 0


@jit
def is_wall(s: State, row: int, col: int) -> bool:
    """Tell whether a cell is barred; a level read from outside may lack its outer wall."""
    return not (0 <= row < len(s.board) and 0 <= col < len(s.board)) or s.board[row, col] == WALL


@jit
def step(s: State, p: Params, action: int) -> tuple[float, bool, bool]:
    s.from_row, s.from_col = s.row, s.col
    row, col = s.row + DROW[action], s.col + DCOL[action]
    if not is_wall(s, row, col):
        s.row, s.col = row, col
    if s.board[s.row, s.col] == GOAL:
        s.reached = 1
        return 1.0 - 0.9 * min(1.0, s.step_count / p.max_steps), True, False
    return 0.0, False, s.step_count >= p.max_steps


@jit
def ending(s: State, p: Params) -> int:
    return 0 if s.reached else 1


@jit
def observe(s: State, p: Params, obs: Array) -> None:
    middle, reach = len(obs) // 2, (p.sight - 1) // 2
    top, left = s.row - middle, s.col - middle
    for row in range(len(obs)):
        for col in range(len(obs)):
            at_row, at_col = top + row, left + col
            seen = abs(row - middle) <= reach and abs(col - middle) <= reach
            if seen and 0 <= at_row < len(s.board) and 0 <= at_col < len(s.board):
                obs[row, col] = s.board[at_row, at_col]
            else:
                obs[row, col] = UNSEEN


@jit
def mask_walls(s: State, p: Params, mask: Array) -> None:
    for way in range(4):
        mask[way] = not is_wall(s, s.row + DROW[way], s.col + DCOL[way])


@jit
def move_goal(s: State, p: Params, later: State) -> None:
    """Put the goal where the agent stands later on."""
    for row in range(len(s.board)):
        for col in range(len(s.board)):
            s.distance[row, col] = UNREACHED
            if s.board[row, col] == GOAL:
                s.board[row, col] = FLOOR
    measure(s, p, later.row, later.col)
    s.board[later.row, later.col] = GOAL
