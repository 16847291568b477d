"""Drawing mazes."""

from puffer_arena.core import jit
from puffer_arena.envs.maze.level import measure
from puffer_arena.envs.maze.state import GOAL, UNREACHED, WALL, Params, State


@jit
def finish(s: State, p: Params) -> str:
    """Measure the ways of a maze that a person has drawn."""
    goals, goal_row, goal_col = 0, 0, 0
    for row in range(p.size):
        for col in range(p.size):
            s.distance[row, col] = UNREACHED
            if s.board[row, col] == GOAL:
                goals, goal_row, goal_col = goals + 1, row, col
            if row in (0, p.size - 1) or col in (0, p.size - 1):
                s.board[row, col] = WALL
    if goals != 1 or s.board[goal_row, goal_col] != GOAL:
        return "it needs one goal, inside the outer wall"
    if s.board[s.row, s.col] == WALL:
        return "the start is in a wall"
    if s.board[s.row, s.col] == GOAL:
        return "the start is at the goal"
    measure(s, p, goal_row, goal_col)
    s.length, s.reached = s.distance[s.row, s.col], 0
    return "" if s.length != UNREACHED else "there is no way to the goal"
