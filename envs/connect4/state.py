"""What a row of connect four holds, and the numbers that its rules share."""

from dataclasses import dataclass

from puffer_arena.core import Array, Header, i32, i64, param

EMPTY, MINE, THEIRS, WALL = range(4)
NOBODY = -1
MOST_COLS = 7
# A board is a whole number: cell (height, column) is bit height + STRIDE column, and the bit above each column stays 0.
STRIDE = 9
ALONG = (1, STRIDE, STRIDE - 1, STRIDE + 1)  # up, across, and both diagonals
MOST_DEPTH = 8
TOP = 1.15  # of the board in the picture


@dataclass(frozen=True)
class Params:
    rows: int = param(6, 3, STRIDE - 1, "rows of the board", at_reset=True)
    cols: int = param(7, 3, MOST_COLS, "columns of the board", at_reset=True)
    connect: int = param(4, 3, 6, "stones in a line that win")
    opening: int = param(2, 0, 8, "random stones with which a game begins", at_reset=True)
    depth: int = param(4, 1, MOST_DEPTH, "moves that the bot looks ahead")


class State(Header):
    stones: Array = i64(2)  # the board of each player
    laid: int = i32()  # stones on the board
    column: int = i32()  # the last move, or -1
    winner: int = i32()  # a player, or NOBODY
    red_won: int = i32()
    yellow_won: int = i32()
