"""The scripted snake."""

from puffer_arena.core import Memory, jit
from puffer_arena.envs.snake.state import DOWN, FOOD, LEFT, RIGHT, UP, Params, State


@jit
def greedy(s: State, p: Params, memory: Memory) -> int:
    """Head straight for the food."""
    for row in range(p.rows):
        for col in range(p.cols):
            if s.board[row, col] == FOOD:
                if row != s.body[s.head, 0]:
                    return UP if row < s.body[s.head, 0] else DOWN
                return LEFT if col < s.body[s.head, 1] else RIGHT
    return s.heading
