"""Snake: steer to the food, grow by one cell per bite, and never run into a wall or yourself.

Actions       Discrete(4): UP, DOWN, LEFT, RIGHT.  Turning back on your own neck is ignored.
Observation   uint8 (rows, cols): EMPTY, BODY, HEAD or FOOD per cell; cells beyond a smaller board read BODY,
              being as deadly.
Reward        reward_food per bite, reward_death on a crash, else 0.
Termination   a crash, or a board with no empty cell left.  Truncation: max_hunger steps unfed.
Parameters    rows, cols, reward_food, reward_death, max_hunger.
Source        the arcade game Blockade (Gremlin Industries, 1976).
"""

import numpy as np

from puffer_arena.core import Box, Brush, Discrete, Editor, Env, Painted, Things
from puffer_arena.envs.snake.bot import greedy
from puffer_arena.envs.snake.draw import draw
from puffer_arena.envs.snake.editor import find_head, finish, put_head
from puffer_arena.envs.snake.rules import ending, observe, reset, step
from puffer_arena.envs.snake.state import DOWN, EMPTY, FOOD, LEFT, RIGHT, UP, Params, State

ENV = Env(
    params=Params,
    state=State,
    observation=Box(0, 3, ("rows", "cols"), np.uint8),
    action=Discrete(4, ("up", "down", "left", "right")),
    reset=reset,
    step=step,
    observe=observe,
    draw=draw,
    bots={"greedy": greedy},
    keys={"up": UP, "down": DOWN, "left": LEFT, "right": RIGHT},
    counters=("score",),
    ending=ending,
    endings=("ran into a wall", "bit itself", "starved", "filled the board"),
    editor=Editor(
        cells=Painted(
            "board", (Brush("empty", EMPTY, "."), Brush("food", FOOD, "o", single=True)), lambda p: (p.rows, p.cols)
        ),
        things=(Things("head", find_head, put_head),),
        finish=finish,
    ),
    steps_per_second=8.0,
)
