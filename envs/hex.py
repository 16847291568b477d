"""Hex: two players lay stones by turns; red joins top and bottom, blue the sides.

One of them always does.  A game begins with a few random stones, so that no two need be alike; with opening = 0 the
board is empty.  A stone on a cell that is taken, or that this row's board lacks, loses the game.  Blue sees and names
the board mirrored along its diagonal, so that whoever looks joins top and bottom.  The bot `bridge` lays where the
shortest ways of both lead, its own and the other's, as stones still to lay.

Actions       Discrete(121): the cell, row * 11 + col as the player sees it.  Cells that are taken, and those that the board
              lacks, are barred by the mask.
Observation   uint8 (size, size), the top row first: EMPTY, MINE, THEIRS, or WALL beyond this row's board.
Reward        1 for a win, -1 for a defeat, to each when the game ends.
Termination   red or blue has joined its edges, or a stone was laid where none can be.
Parameters    size, opening.
Source        Piet Hein 1942; John Nash 1952, "Some games and machines for playing them" (no game ends in a draw).
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
    i8,
    i32,
    jit,
    param,
    randint,
)
from puffer_arena.core.tiles import tabletop

EMPTY, MINE, THEIRS, WALL = range(4)
NOBODY = -1
MOST = 11  # rows of the largest board
FAR = 1000  # more stones than any way takes
ROUND = ((-1, 0), (-1, 1), (0, -1), (0, 1), (1, -1), (1, 0))  # the six neighbours of a cell
HEXAGON = ((0, -2), (1, -1), (1, 1), (0, 2), (-1, 1), (-1, -1))  # corners, in halves of a cell's width, in 0.29 of it
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


class Ways(Memory):
    """Stones still to lay from each cell, itself among them: to the near and the far edge of the bot, then of the other."""

    left: Array = i32(4, MOST, MOST)


@jit
def is_on(p: Params, row: int, col: int) -> bool:
    return 0 <= row < p.size and 0 <= col < p.size


@jit
def joins(s: State, p: Params, player: int) -> bool:
    """Tell whether the stones through the last move reach both edges of a player: marks spread until none is new."""
    s.owner[min(max(s.row, 0), MOST - 1), min(max(s.col, 0), MOST - 1)] = -1 - player
    near, far, spread = False, False, True
    while spread:
        spread = False
        for row in range(p.size):
            for col in range(p.size):
                if s.owner[row, col] != -1 - player:
                    continue
                along = row if player == 0 else col
                near, far = near or along == 0, far or along == p.size - 1
                for down, right in ROUND:
                    if is_on(p, row + down, col + right) and s.owner[row + down, col + right] == 1 + player:
                        s.owner[row + down, col + right] = -1 - player
                        spread = True
    for row in range(p.size):
        for col in range(p.size):
            if s.owner[row, col] < 0:
                s.owner[row, col] = 1 + player
    return near and far


@jit
def lay(s: State, p: Params, player: int, row: int, col: int) -> bool:
    """Lay a stone; False where none can be."""
    if not is_on(p, row, col) or s.owner[row, col] != 0:
        return False
    s.owner[row, col] = 1 + player
    s.row, s.col = row, col
    s.laid += 1
    return True


@jit
def reset(s: State, p: Params) -> None:
    for row in range(MOST):
        for col in range(MOST):
            s.owner[row, col] = 0
    s.laid = s.red_won = s.blue_won = 0
    s.winner = s.row = s.col = NOBODY
    for _ in range(min(p.opening, 2 * p.size - 2)):  # too few of one colour to join its edges
        lay(s, p, s.laid % 2, randint(s, p.size), randint(s, p.size))


@jit
def turn(s: State, p: Params) -> int:
    return s.laid % 2


@jit
def step(s: State, p: Params, actions: Array, rewards: Array, terminated: Array) -> bool:
    mover = s.turn
    down, right = actions[mover] // MOST, actions[mover] % MOST
    row, col = (down, right) if mover == 0 else (right, down)
    if not lay(s, p, mover, row, col):
        s.winner = 1 - mover
    elif joins(s, p, mover):
        s.winner = mover
    if s.winner != NOBODY:
        s.red_won, s.blue_won = 1 - s.winner, s.winner
        rewards[0], rewards[1] = 1.0 - 2.0 * s.winner, 2.0 * s.winner - 1.0
        terminated[0] = terminated[1] = True
    return False


@jit
def seen(s: State, agent: int, row: int, col: int) -> int:
    """Return whose stone an agent sees in a cell: 1 + player, or 0."""
    owner: int = s.owner[row, col] if agent == 0 else s.owner[col, row]
    return owner


@jit
def observe(s: State, p: Params, agent: int, obs: Array) -> None:
    rows, cols = obs.shape
    for row in range(rows):
        for col in range(cols):
            owner = seen(s, agent, row, col) if is_on(p, row, col) else NOBODY
            obs[row, col] = WALL if owner < 0 else EMPTY if owner == 0 else MINE if owner == 1 + agent else THEIRS


@jit
def mask_cells(s: State, p: Params, agent: int, mask: Array) -> None:
    for row in range(MOST):
        for col in range(MOST):
            mask[row * MOST + col] = is_on(p, row, col) and seen(s, agent, row, col) == 0


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


def draw(s: State, p: Params, canvas: Canvas) -> None:
    names, colors = ("Red", "Blue"), ("rose", "sky")
    wide, tall = 1.5 * p.size, 0.866 * p.size
    canvas.view(wide + 1.0, tall + 2.2, bleed=True)
    tabletop(canvas, wide + 1.0, tall + 2.2)
    playing = s.winner == NOBODY
    for k, (x, anchor) in enumerate(((0.7, "left"), (wide + 0.3, "right"))):
        lit = s.turn == k if playing else s.winner == k
        canvas.circle(x, 0.6, 0.34, colors[k], alpha=1.0 if lit else 0.3)
        canvas.text(x + 0.5 - k, 0.6, names[k], "text", size=0.36, anchor=anchor)
        canvas.agent(k, x, 0.6, 0.4)
    for row in range(p.size):
        for col in range(p.size):
            x, y = FIRST[0] + col + DOWN[0] * row, FIRST[1] + DOWN[1] * row
            around = [(x + 0.5 * across, y + 0.2885 * up) for across, up in HEXAGON]
            canvas.polygon(around, "raised")
            owner = int(s.owner[row, col])
            if owner:
                canvas.circle(x, y, 0.38, colors[0] if owner == 1 else colors[1])
                if (row, col) == (s.row, s.col):
                    canvas.ring(x, y, 0.38, "white", width=0.06)
            elif p.size == SIDE:
                canvas.text(x, y, LETTERS[row * SIDE + col].upper(), "muted", size=0.26)
            canvas.line([*around, around[0]], "background", width=0.05)
            edges = ((row == 0, (5, 0, 1)), (row == p.size - 1, (4, 3, 2)),
                     (col == 0, (5, 4, 3)), (col == p.size - 1, (0, 1, 2)))  # fmt: skip
            for k, (is_edge, ends) in enumerate(edges):
                if is_edge:
                    canvas.line([around[end] for end in ends], colors[k // 2], width=0.11)
    said = f"{names[1 if s.turn == 1 else 0]} to move, {s.laid} stones"
    canvas.status(said if playing else f"{names[1 if s.blue_won else 0]} wins")


def finish(s: State, p: Params) -> str:
    """Tell whose turn it is on a board that a person has drawn, and whether the game goes on there."""
    stones = [int(s.owner[row, col]) for row in range(p.size) for col in range(p.size)]
    red, blue = stones.count(1), stones.count(2)
    s.laid, s.row, s.col = red + blue, NOBODY, NOBODY
    s.turn = s.laid % 2
    if red - blue not in (0, 1):
        return f"they lay by turns, red first: {red} red and {blue} blue stones cannot be"
    for player, name in enumerate(("red", "blue")):
        for k in range(p.size):  # from each stone at the near edge
            s.row, s.col = (0, k) if player == 0 else (k, 0)
            joined = s.owner[s.row, s.col] == 1 + player and joins(s, p, player)
            s.row = s.col = NOBODY
            if joined:
                return f"{name} has joined its edges already"
    return ""


ENV = Env(
    params=Params,
    state=State,
    observation=Box(EMPTY, WALL, ("size", "size"), np.uint8),
    action=Discrete(MOST * MOST),
    reset=reset,
    step=step,
    turn=turn,
    observe=observe,
    action_mask=mask_cells,
    draw=draw,
    agents={"red": 1, "blue": 1},
    bots={"bridge": bridge},
    bot_memory=Ways,
    keys={
        "red": {letter: k // SIDE * MOST + k % SIDE for k, letter in enumerate(LETTERS)},
        "blue": {letter: k % SIDE * MOST + k // SIDE for k, letter in enumerate(LETTERS)},
    },
    editor=Editor(
        cells=Painted(
            "owner",
            (Brush("empty", 0, "."), Brush("red", 1, "r"), Brush("blue", 2, "b")),
            lambda p: (p.size, p.size),
            middle=FIRST,
            down=DOWN,
        ),
        finish=finish,
    ),
    counters=("red_won", "blue_won"),
    scores={"red": "red_won", "blue": "blue_won"},
    steps_per_second=2.0,
)
