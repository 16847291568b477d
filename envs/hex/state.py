"""What a row of hex holds, and the numbers that its rules share."""

from dataclasses import dataclass

from puffer_arena.core import Array, Header, i8, i32, param

EMPTY, MINE, THEIRS, WALL = range(4)
NOBODY = -1
MOST = 11  # rows of the largest board
ROUND = ((-1, 0), (-1, 1), (0, -1), (0, 1), (1, -1), (1, 0))  # the six neighbours of a cell
FIRST, DOWN = (1.0, 1.75), (0.5, 0.866)  # the middle of the first cell in the picture, and the way to the next row's
LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"  # keys of the cells of the default board
SIDE = 6  # of it


@dataclass(frozen=True)
class Params:
    size: int = param(SIDE, 3, MOST, "rows and columns of the board")
    opening: int = param(2, 0, 6, "random stones with which a game begins", at_reset=True)


class State(Header):
    owner: Array = i8(MOST, MOST)  # 1 + the player whose stone lies there, or 0
    laid: int = i32()  # stones on the board
    row: int = i32()  # the last move, or -1
    col: int = i32()
    winner: int = i32()  # a player, or NOBODY
    red_won: int = i32()
    blue_won: int = i32()
