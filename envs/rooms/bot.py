"""A bot that knows the way."""

import math

from puffer_arena.core import Memory, jit
from puffer_arena.envs.rooms.state import DCOL, DROW, FORWARD, LEFT, RIGHT, TURN, Params, State, cell_of, is_wall


@jit
def seeker(s: State, p: Params, memory: Memory) -> int:
    """Walk the shortest way from cell to cell, which it knows."""
    side = len(s.plan)
    row, col = cell_of(s.y, side), cell_of(s.x, side)
    to_row, to_col = row, col
    for way in range(4):
        next_row, next_col = row + DROW[way], col + DCOL[way]
        if not is_wall(s, next_row, next_col) and 0 <= s.distance[next_row, next_col] < s.distance[row, col]:
            to_row, to_col = next_row, next_col
    turn = math.atan2(to_row + 0.5 - s.y, to_col + 0.5 - s.x) - s.heading
    turn -= math.floor(turn / (2.0 * math.pi) + 0.5) * 2.0 * math.pi
    if abs(turn) <= 0.5 * TURN + 1e-6:
        return FORWARD
    return RIGHT if turn > 0.0 else LEFT
