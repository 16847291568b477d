"""What a person may draw of an arena."""

from puffer_arena.core import jit
from puffer_arena.envs.bomber.rules import show
from puffer_arena.envs.bomber.state import BRICK, FLOOR, WALL, Params, State


@jit
def finish(s: State, p: Params) -> str:
    """Begin in an arena that a person has drawn; what bricks hide stays where there still is one."""
    for row in range(p.size):
        for col in range(p.size):
            if row in (0, p.size - 1) or col in (0, p.size - 1):
                s.board[row, col] = WALL
            if s.board[row, col] != BRICK:
                s.item[row, col] = 0
    for k in range(p.players):
        if s.board[s.row[k], s.col[k]] != FLOOR:
            return "a player is in a wall"
    for k in range(p.players):
        for other in range(k):
            if s.row[k] == s.row[other] and s.col[k] == s.col[other]:
                return "two players are in one cell"
    show(s)
    return ""
