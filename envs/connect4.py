"""Connect four: two players drop stones into columns by turns; four in a line win.

A game begins with a few random stones, so that no two need be alike; with opening = 0 the board is empty.  A stone for
a column that has no room loses the game.  The bot `search` looks ahead by alpha and beta: a win or a loss within its
depth it sees, else it likes the middle.

Actions       Discrete(7): the column.  Full columns, and those that the board lacks, are barred by the mask.
Observation   uint8 (rows, cols), the top row first: EMPTY, MINE, THEIRS, or WALL beyond this row's board.
Reward        1 for a win, -1 for a defeat, 0 for a draw, to both when the game ends.
Termination   a line, a full board, or a stone without room.
Parameters    rows, cols, connect, opening, depth.
Source        Knuth and Moore 1975, "An Analysis of Alpha-Beta Pruning" (the search); Tromp, "Fhourstones" (bit boards).
"""

from dataclasses import dataclass

import numpy as np

from puffer_arena.core import (
    Array,
    Box,
    Brush,
    Canvas,
    Discrete,
    Editor,
    Env,
    Header,
    Memory,
    Painted,
    i32,
    i64,
    jit,
    param,
    randint,
)
from puffer_arena.core.tiles import tabletop

EMPTY, MINE, THEIRS, WALL = range(4)
NOBODY = -1
MOST_COLS = 7
# A board is a whole number: cell (height, column) is bit height + STRIDE column, and the bit above each column stays 0.
STRIDE = 9
ALONG = (1, STRIDE, STRIDE - 1, STRIDE + 1)  # up, across, and both diagonals
MOST_DEPTH = 8
TOP = 1.15  # of the board in the picture
WON = 1000  # greater than any sum of what columns are worth


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
def place_for(p: Params, board: int, column: int) -> int:
    """Return the bit that a stone in a column takes, or 0 where the column has no room; `board` holds all stones."""
    if column >= p.cols:
        return 0
    bottom = 1 << (STRIDE * column)
    full = ((1 << p.rows) - 1) * bottom
    stack = board & full
    return 0 if stack == full else stack + bottom


@jit
def is_line(p: Params, stones: int) -> bool:
    found = 0
    for way in ALONG:
        line = stones
        for _ in range(p.connect - 1):
            line &= line >> way
        found |= line
    return found != 0


@jit
def reset(s: State, p: Params) -> None:
    s.stones[0] = s.stones[1] = 0
    s.laid = s.red_won = s.yellow_won = 0
    s.winner = s.column = NOBODY
    for _ in range(min(p.opening, p.rows * p.cols // 2)):
        column = randint(s, p.cols)
        place = place_for(p, s.stones[0] | s.stones[1], column)
        if place != 0 and not is_line(p, s.stones[s.laid % 2] | place):
            s.stones[s.laid % 2] |= place
            s.laid += 1


@jit
def turn(s: State, p: Params) -> int:
    return s.laid % 2


@jit
def step(s: State, p: Params, actions: Array, rewards: Array, terminated: Array) -> bool:
    mover = s.turn
    s.column = actions[mover]
    place = place_for(p, s.stones[0] | s.stones[1], s.column)
    if place == 0:
        s.winner = 1 - mover
    else:
        s.stones[mover] |= place
        s.laid += 1
        if is_line(p, s.stones[mover]):
            s.winner = mover
    if s.winner != NOBODY:
        s.red_won, s.yellow_won = 1 - s.winner, s.winner
        rewards[0], rewards[1] = 1.0 - 2.0 * s.winner, 2.0 * s.winner - 1.0
    if s.winner != NOBODY or s.laid == p.rows * p.cols:
        terminated[0] = terminated[1] = True
    return False


@jit
def observe(s: State, p: Params, agent: int, obs: Array) -> None:
    mine, theirs = s.stones[agent], s.stones[1 - agent]
    rows, cols = obs.shape
    for row in range(rows):
        height = rows - 1 - row
        for column in range(cols):
            bit = height + STRIDE * column
            code = (mine >> bit & 1) * MINE + (theirs >> bit & 1) * THEIRS
            obs[row, column] = code if height < p.rows and column < p.cols else WALL


@jit
def mask_columns(s: State, p: Params, agent: int, mask: Array) -> None:
    board = s.stones[0] | s.stones[1]
    for column in range(MOST_COLS):
        mask[column] = place_for(p, board, column) != 0


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


@jit
def stones_in_line(s: State, p: Params) -> int:
    """Return the stones that lie in lines long enough to win, as a board."""
    found = 0
    for player in range(2):
        for way in ALONG:
            for first in range(STRIDE * MOST_COLS):
                line, length, bit = 0, 0, first
                while length < p.connect and bit < STRIDE * MOST_COLS and s.stones[player] >> bit & 1:
                    line |= 1 << bit
                    bit += way
                    length += 1
                if length == p.connect:
                    found |= line
    return found


def draw(s: State, p: Params, canvas: Canvas) -> None:
    names, colors = ("Red", "Yellow"), ("rose", "amber")
    width, top = float(p.cols), TOP
    canvas.view(width + 0.3, p.rows + top + 0.75, left=-0.15, bleed=True)
    tabletop(canvas, width, p.rows + top + 0.75)
    playing = s.winner == NOBODY and s.laid < p.rows * p.cols
    for k, x in enumerate((0.5, width - 0.5)):
        lit = s.turn == k if playing else s.winner == k
        canvas.circle(x, 0.55, 0.36, colors[k], alpha=1.0 if lit else 0.3)
        canvas.text(x + (0.55 if k == 0 else -0.55), 0.55, names[k], "text", size=0.36,
                    anchor="left" if k == 0 else "right")  # fmt: skip
        canvas.agent(k, x, 0.55, 0.42)
    canvas.rect(-0.12, top - 0.12, width + 0.24, p.rows + 0.3, "shadow", radius=0.3)
    canvas.rect(-0.12, top - 0.12, width + 0.24, p.rows + 0.24, "wall", radius=0.3)
    won = 0 if s.winner == NOBODY else stones_in_line(s, p)
    for column in range(p.cols):
        stack = (s.stones[0] | s.stones[1]) >> (STRIDE * column)
        for height in range(p.rows):
            x, y, bit = column + 0.5, top + p.rows - height - 0.5, height + STRIDE * column
            owner = 0 if s.stones[0] >> bit & 1 else 1 if s.stones[1] >> bit & 1 else NOBODY
            canvas.circle(x, y, 0.41, "background" if owner == NOBODY else colors[owner])
            if owner != NOBODY:
                canvas.ring(x, y, 0.27, "shadow", width=0.035, alpha=0.35)
            is_last = column == s.column and stack >> height & 1 and not stack >> (height + 1) & 1
            if won >> bit & 1:
                canvas.ring(x, y, 0.38, "white", width=0.09)
            elif is_last:
                canvas.ring(x, y, 0.39, "white", width=0.045, alpha=0.8)
        canvas.text(column + 0.5, top + p.rows + 0.42, str(column + 1), "text", size=0.34)
    mover, winner = names[1 if s.turn == 1 else 0], names[1 if s.yellow_won else 0]
    said = f"{mover} to move" if playing else f"{winner} wins" if s.winner != NOBODY else "a draw"
    canvas.status(f"{said}, {s.laid} stones")


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


def finish(s: State, p: Params) -> str:
    """Tell whose turn it is on a board that a person has drawn, and whether the game goes on there."""
    red, yellow = (bin(s.stones[player]).count("1") for player in range(2))
    s.laid, s.column = red + yellow, NOBODY
    s.turn = s.laid % 2
    if red - yellow not in (0, 1):
        return f"they lay by turns, red first: {red} red and {yellow} yellow stones cannot be"
    if is_line(p, s.stones[0]) or is_line(p, s.stones[1]):
        return "somebody has a line already"
    return "" if s.laid < p.rows * p.cols else "the board is full"


ENV = Env(
    params=Params,
    state=State,
    observation=Box(EMPTY, WALL, ("rows", "cols"), np.uint8),
    action=Discrete(MOST_COLS, tuple(f"column {k + 1}" for k in range(MOST_COLS))),
    reset=reset,
    step=step,
    turn=turn,
    observe=observe,
    action_mask=mask_columns,
    draw=draw,
    agents={"red": 1, "yellow": 1},
    bots={"search": search},
    bot_memory=Search,
    keys={str(k + 1): k for k in range(MOST_COLS)},
    editor=Editor(
        cells=Painted(
            "",
            (Brush("empty", 0, "."), Brush("red", 1, "r"), Brush("yellow", 2, "y")),
            lambda p: (p.rows, p.cols),
            read=stones_of,
            write=let_fall,
            middle=(0.5, TOP + 0.5),
        ),
        finish=finish,
    ),
    counters=("red_won", "yellow_won"),
    scores={"red": "red_won", "yellow": "yellow_won"},
    steps_per_second=2.0,
)
