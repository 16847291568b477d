"""Drawing levels of snake."""

from puffer_arena.core import jit
from puffer_arena.envs.snake.state import EMPTY, FOOD, HEAD, Params, State


def find_head(s: State, p: Params) -> list[tuple[float, float]]:
    return [(s.body[s.head, 1], s.body[s.head, 0])]


def put_head(s: State, p: Params, k: int, x: float, y: float) -> None:
    row, col = s.body[s.head, 0], s.body[s.head, 1]
    s.board[row, col] = EMPTY
    s.body[s.head, 0], s.body[s.head, 1] = int(y), int(x)
    s.board[int(y), int(x)] = HEAD


@jit
def finish(s: State, p: Params) -> str:
    """Begin a level that a person has drawn: a snake of one cell, and one bite of food."""
    row, col, foods = s.body[s.head, 0], s.body[s.head, 1], 0
    for at_row in range(p.rows):
        for at_col in range(p.cols):
            if s.board[at_row, at_col] != FOOD:
                s.board[at_row, at_col] = EMPTY
            if s.board[at_row, at_col] == FOOD and (at_row != row or at_col != col):
                foods += 1
    s.board[row, col] = HEAD
    s.length, s.score, s.hunger = 1, 0, 0
    return "" if foods == 1 else "it needs one bite of food, beside the snake"
