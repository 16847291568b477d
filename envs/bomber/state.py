"""Bomber's numbers: what cells, actions and a row are."""

from dataclasses import dataclass

from puffer_arena.core import Array, Header, i8, i32, jit, param

WALL, FLOOR, BRICK, BOMB, FLAME, EXTRA, FIRE, RIVAL = range(8)
STAY, UP, DOWN, LEFT, RIGHT, LAY = range(6)
DROW = (0, -1, 1, 0, 0, 0)
DCOL = (0, 0, 0, -1, 1, 0)
MOST_BOMBS = 4  # of one player at a time
MOST_REACH = 6
MOST_FUSE = 9
COLORS = ("sky", "rose", "lime", "violet")


@dataclass(frozen=True)
class Params:
    players: int = param(4, 2, 4, "how many play")
    size: int = param(11, 7, 15, "rows and columns, the outer wall included; odd")
    bricks: float = param(0.6, 0.0, 1.0, "share of the free cells with a brick", at_reset=True)
    items: float = param(0.4, 0.0, 1.0, "share of the bricks with something under them", at_reset=True)
    fuse: int = param(6, 3, MOST_FUSE, "steps from a bomb's laying to its flames")
    sight: int = param(9, 5, 15, "rows and columns in sight, odd")
    reward_brick: float = param(0.02, 0.0, 1.0, "for a brick")
    reward_kill: float = param(0.5, 0.0, 5.0, "for a rival")
    max_steps: int = param(300, 10, 2000, "steps before the episode is truncated")

    def __post_init__(self) -> None:
        if self.sight % 2 == 0 or self.size % 2 == 0:
            raise ValueError(f"sight = {self.sight} and size = {self.size}; both must be odd")

    @property
    def cells(self) -> int:
        return self.size * self.size

    @property
    def slots(self) -> int:
        return self.players * MOST_BOMBS


class State(Header):
    row: Array = i32("players", below="size")
    col: Array = i32("players", below="size")
    from_row: Array = i32("players", below="size")  # before the last step
    from_col: Array = i32("players", below="size")
    holds: Array = i32("players")  # bombs that may lie at a time
    reach: Array = i32("players")  # of the flames
    kills: Array = i32("players")
    bricks: int = i32()  # that were blasted
    killed: int = i32()  # players
    bomb_cell: Array = i32("slots", below="cells")  # row * size + col; a player's bombs lie in MOST_BOMBS slots
    bomb_fuse: Array = i32("slots")  # steps until it goes off, 0 where the slot is free
    bomb_reach: Array = i32("slots")
    board: Array = i8("size", "size")  # WALL, FLOOR or BRICK; beyond p.size all is WALL
    item: Array = i8("size", "size")  # 0, EXTRA or FIRE; hidden while a brick is on it
    bomb: Array = i8("size", "size")  # 1 where one lies
    seen: Array = i8("size", "size", below=RIVAL)  # what is shown of a cell, beside players
    danger: Array = i8("size", "size")  # steps until flames come, or 0
    lit_by: Array = i8("size", "size", below="players")  # whose flames those are
    flame: Array = i8("size", "size")  # 1 while it burns, 2 where it took a brick


@jit
def is_free(s: State, row: int, col: int) -> bool:
    last = len(s.board) - 1
    r, c = min(max(row, 0), last), min(max(col, 0), last)  # no branches, which nobody could foretell
    free: bool = (r == row) & (c == col) & (s.board[r, c] == FLOOR) & (s.bomb[r, c] == 0)
    return free


@jit
def laid(s: State, agent: int) -> int:
    count = 0
    for slot in range(MOST_BOMBS * agent, MOST_BOMBS * agent + MOST_BOMBS):
        count += s.bomb_fuse[slot] > 0
    return count


@jit
def can(s: State, agent: int, action: int) -> bool:
    if action == LAY:
        here = s.bomb[s.row[agent], s.col[agent]] > 0
        return not here and laid(s, agent) < min(s.holds[agent], MOST_BOMBS)
    return action == STAY or is_free(s, s.row[agent] + DROW[action], s.col[agent] + DCOL[action])
