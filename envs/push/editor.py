"""Levels of push that people draw."""

from puffer_arena.envs.push.levels import cell, is_free
from puffer_arena.envs.push.state import BOX, FLOOR, HOME, TARGET, WALL, Params, State


def finish(s: State, p: Params) -> str:
    """Count what a person has drawn; whether the boxes can all be brought home is not searched for."""
    count = dict.fromkeys((WALL, FLOOR, TARGET, BOX, HOME), 0)
    for row in range(p.size):
        for col in range(p.size):
            if row in (0, p.size - 1) or col in (0, p.size - 1):
                s.board[row, col] = WALL
            count[s.board[row, col]] += 1
            if s.board[row, col] == BOX and stuck(s, row, col):
                return "a box is stuck in a corner"
    if not is_free(s, s.row, s.col):
        return "the player is in a wall or a box"
    if count[BOX] == 0:
        return "it needs a box that is not home"
    if count[TARGET] < count[BOX]:
        return "there are fewer targets than boxes"
    s.home, s.away, s.left = count[HOME], count[BOX], 0
    return ""


def stuck(s: State, row: int, col: int) -> bool:
    """Tell whether a box can never be pushed again: walls above or below, and to the left or right."""
    upright = WALL in (cell(s, row - 1, col), cell(s, row + 1, col))
    return upright and WALL in (cell(s, row, col - 1), cell(s, row, col + 1))
