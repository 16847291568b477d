"""The scripted player, who measures ways."""

from puffer_arena.core import Array, Memory, i32, jit, randint
from puffer_arena.envs.hex.rules import is_on, seen
from puffer_arena.envs.hex.state import MOST, ROUND, Params, State

FAR = 1000  # more stones than any way takes


class Ways(Memory):
    """Stones still to lay from each cell, itself among them: to the near and the far edge of the bot, then of the other."""

    left: Array = i32(4, MOST, MOST)


@jit
def measure(s: State, p: Params, agent: int, m: Ways) -> None:
    """Fill the ways, as `agent` sees the board: Bellman and Ford's relaxation, until none gets shorter."""
    for k in range(4):
        for row in range(p.size):
            for col in range(p.size):
                m.left[k, row, col] = FAR
    shorter = True
    while shorter:
        shorter = False
        for k in range(4):
            player = agent if k < 2 else 1 - agent
            for row in range(p.size):
                for col in range(p.size):
                    owner = seen(s, agent, row, col)
                    if owner == 2 - player:
                        continue
                    along = row if k < 2 else col
                    best = 0 if along == (0 if k % 2 == 0 else p.size - 1) else FAR
                    for down, right in ROUND:
                        if is_on(p, row + down, col + right):
                            best = min(best, m.left[k, row + down, col + right])
                    best += 0 if owner == 1 + player else 1
                    if best < m.left[k, row, col]:
                        m.left[k, row, col] = best
                        shorter = True


@jit
def bridge(s: State, p: Params, agent: int, m: Ways) -> int:
    """Lay where both need a stone most; win where one stone does it, else stop the other who needs one."""
    measure(s, p, agent, m)
    chosen, least, ties = 0, 100 * FAR, 0
    for row in range(p.size):
        for col in range(p.size):
            if seen(s, agent, row, col) != 0:
                continue
            mine = m.left[0, row, col] + m.left[1, row, col] - 1
            theirs = m.left[2, row, col] + m.left[3, row, col] - 1
            worth = 2 * mine + 2 * theirs - (FAR // 2 if theirs == 1 else 0) - (FAR if mine == 1 else 0)
            ties = ties + 1 if worth == least else 1 if worth < least else ties
            if worth < least or (worth == least and randint(m, ties) == 0):
                chosen, least = row * MOST + col, worth
    return chosen
