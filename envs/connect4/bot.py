"""The scripted player, who looks ahead by alpha and beta."""

from puffer_arena.core import Array, Memory, i32, i64, jit, randint
from puffer_arena.envs.connect4.rules import is_line, place_for
from puffer_arena.envs.connect4.state import MOST_DEPTH, Params, State

WON = 1000  # greater than any sum of what columns are worth


class Search(Memory):
    """The positions from the one on the board down to the one looked at, seen by who moves in each."""

    mine: Array = i64(MOST_DEPTH)
    theirs: Array = i64(MOST_DEPTH)
    tried: Array = i32(MOST_DEPTH)  # columns so far
    worth: Array = i32(MOST_DEPTH)  # of where the stones lie
    best: Array = i32(MOST_DEPTH)
    low: Array = i32(MOST_DEPTH)  # what the mover has for certain,
    high: Array = i32(MOST_DEPTH)  # and what the other will not let it exceed


@jit
def middle(p: Params, column: int) -> int:
    """Return what a stone in a column is worth: lines go through the middle."""
    return min(column, p.cols - 1 - column)


@jit
def column_to_try(p: Params, number: int) -> int:
    """Return the columns from the middle outwards."""
    away = (number + 1) // 2
    return (p.cols - 1) // 2 + (away if number % 2 else -away)


@jit
def note(m: Search, at: int, value: int) -> bool:
    """Note what a move is worth to the one who moves; tell whether it is the best so far."""
    if value <= m.best[at]:
        return False
    m.best[at] = value
    m.low[at] = max(m.low[at], value)
    return True


@jit
def search(s: State, p: Params, agent: int, m: Search) -> int:
    """Look `depth` moves ahead; of moves that are worth the same take any."""
    everywhere = p.rows * p.cols
    m.mine[0], m.theirs[0] = s.stones[agent], s.stones[1 - agent]
    m.tried[0] = m.worth[0] = 0
    m.best[0] = m.low[0] = -10 * WON
    m.high[0] = 10 * WON
    first, chosen, column, at = randint(m, p.cols), 0, 0, 0
    while True:
        if m.tried[at] == p.cols or m.low[at] >= m.high[at]:
            if at == 0:
                return chosen
            at -= 1
            column = column_to_try(p, m.tried[at] - 1) if at > 0 else (first + m.tried[0] - 1) % p.cols
            if note(m, at, -m.best[at + 1]) and at == 0:
                chosen = column
            continue
        column = column_to_try(p, m.tried[at]) if at > 0 else (first + m.tried[0]) % p.cols
        m.tried[at] += 1
        place = place_for(p, m.mine[at] | m.theirs[at], column)
        if place == 0:
            continue
        stones, worth = m.mine[at] | place, m.worth[at] + middle(p, column)
        value = worth
        if is_line(p, stones):
            value = WON - at
        elif s.laid + at + 1 == everywhere:
            value = 0
        elif at + 1 < p.depth:
            at += 1
            m.mine[at], m.theirs[at] = m.theirs[at - 1], stones
            m.tried[at], m.worth[at] = 0, -worth
            m.best[at], m.low[at], m.high[at] = -10 * WON, -m.high[at - 1], -m.low[at - 1]
            continue
        if note(m, at, value) and at == 0:
            chosen = column
