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

import numpy as np

from puffer_arena.core import Box, Brush, Discrete, Editor, Env, Painted
from puffer_arena.envs.hex.bot import Ways, bridge
from puffer_arena.envs.hex.draw import click, draw
from puffer_arena.envs.hex.editor import finish
from puffer_arena.envs.hex.rules import mask_cells, observe, reset, step, turn
from puffer_arena.envs.hex.state import DOWN, EMPTY, FIRST, LETTERS, MOST, SIDE, WALL, Params, State

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
    click=click,
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
