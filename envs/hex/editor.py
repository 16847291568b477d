"""Drawing boards of hex."""

from puffer_arena.core import jit
from puffer_arena.envs.hex.rules import joins
from puffer_arena.envs.hex.state import NOBODY, Params, State


@jit
def finish(s: State, p: Params) -> str:
    """Tell whose turn it is on a board that a person has drawn, and whether the game goes on there."""
    red, blue = 0, 0
    for row in range(p.size):
        for col in range(p.size):
            red += s.owner[row, col] == 1
            blue += s.owner[row, col] == 2
    s.laid, s.row, s.col = red + blue, NOBODY, NOBODY
    s.turn = s.laid % 2
    if red - blue not in (0, 1):
        return f"they lay by turns, red first: {red} red and {blue} blue stones cannot be"
    for player in range(2):
        for k in range(p.size):  # from each stone at the near edge
            s.row, s.col = (0, k) if player == 0 else (k, 0)
            joined = s.owner[s.row, s.col] == 1 + player and joins(s, p, player)
            s.row = s.col = NOBODY
            if joined:
                return "red has joined its edges already" if player == 0 else "blue has joined its edges already"
    return ""
