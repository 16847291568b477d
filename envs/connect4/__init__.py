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

import numpy as np

from puffer_arena.core import Box, Brush, Discrete, Editor, Env, Painted
from puffer_arena.envs.connect4.bot import Search, search
from puffer_arena.envs.connect4.draw import click, draw
from puffer_arena.envs.connect4.editor import finish, let_fall, stones_of
from puffer_arena.envs.connect4.rules import mask_columns, observe, reset, step, turn
from puffer_arena.envs.connect4.state import EMPTY, MOST_COLS, TOP, WALL, Params, State

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
    click=click,
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
