"""Drawing boards of connect four."""

from puffer_arena.core import jit
from puffer_arena.envs.connect4.rules import is_line
from puffer_arena.envs.connect4.state import NOBODY, STRIDE, Params, State


def stones_of(s: State, p: Params) -> list[list[int]]:
    """Return whose stone lies where, 1 + player or 0, the top row first."""
    bits = [[p.rows - 1 - row + STRIDE * column for column in range(p.cols)] for row in range(p.rows)]
    return [[(s.stones[0] >> bit & 1) + 2 * (s.stones[1] >> bit & 1) for bit in line] for line in bits]


def let_fall(s: State, p: Params, codes: list[list[int]]) -> None:
    """Lay the stones that a person has drawn; they fall as far as there is room."""
    s.stones[0] = s.stones[1] = 0
    for column in range(p.cols):
        stack = [line[column] for line in reversed(codes) if line[column]]
        for height, owner in enumerate(stack):
            s.stones[owner - 1] |= 1 << (STRIDE * column + height)


@jit
def finish(s: State, p: Params) -> str:
    """Tell whose turn it is on a board that a person has drawn, and whether the game goes on there."""
    red, yellow = 0, 0
    for bit in range(STRIDE * p.cols):
        red += s.stones[0] >> bit & 1
        yellow += s.stones[1] >> bit & 1
    s.laid, s.column = red + yellow, NOBODY
    s.turn = s.laid % 2
    if red - yellow not in (0, 1):
        return f"they lay by turns, red first: {red} red and {yellow} yellow stones cannot be"
    if is_line(p, s.stones[0]) or is_line(p, s.stones[1]):
        return "somebody has a line already"
    return "" if s.laid < p.rows * p.cols else "the board is full"
