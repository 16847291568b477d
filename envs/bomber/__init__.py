"""Bomber: two to four players blast bricks, pick up what lies there, and keep out of flames.

Bombs burn down and send flames along their row and column, up to walls and the first brick.  A flame that meets a bomb
sets it off at once.  All players act at the same time, several may stand in one cell, and bombs bar the way.  A bomb
that is laid goes off `fuse` steps later; its flames last for one step, in which they kill whom they find.

Actions       Discrete(6): STAY, UP, DOWN, LEFT, RIGHT, BOMB.  What cannot be done is barred by the mask.
Observation   Dict: `board` uint8 (sight, sight), the agent in the middle: WALL (also beyond sight), FLOOR, BRICK, BOMB,
              FLAME, EXTRA (one bomb more), FIRE (longer flames) or RIVAL; `danger` uint8 (sight, sight), steps until
              flames come, or 0; `me` in [0, 1]: bombs in hand, reach of flames, time that has passed.
Reward        reward_brick for a brick, reward_kill for a rival, 1 for who is left alone, -1 for who is killed.
Termination   a player: being killed.  All: one is left, or none.  Truncation: max_steps.
Parameters    players, size, bricks, items, fuse, sight, reward_brick, reward_kill, max_steps.
Source        Bomberman, Hudson Soft 1983; Resnick et al. 2018, "Pommerman: A Multi-Agent Playground".
"""

import numpy as np

from puffer_arena.core import Box, Brush, Dict, Discrete, Editor, Env, Painted, standing
from puffer_arena.envs.bomber.bot import Search, miner
from puffer_arena.envs.bomber.draw import draw
from puffer_arena.envs.bomber.editor import finish
from puffer_arena.envs.bomber.rules import ending, mask_actions, observe, reset, step
from puffer_arena.envs.bomber.state import (
    BRICK,
    DOWN,
    FLOOR,
    LAY,
    LEFT,
    MOST_FUSE,
    RIGHT,
    RIVAL,
    STAY,
    UP,
    WALL,
    Params,
    State,
)

ENV = Env(
    params=Params,
    state=State,
    observation=Dict(
        {
            "board": Box(0, RIVAL, ("sight", "sight"), np.uint8),
            "danger": Box(0, MOST_FUSE, ("sight", "sight"), np.uint8),
            "me": Box(0.0, 1.0, (3,), labels=("bombs", "reach", "time")),
        }
    ),
    action=Discrete(6, ("stay", "up", "down", "left", "right", "bomb")),
    reset=reset,
    step=step,
    observe=observe,
    draw=draw,
    agents={"bomber": "players"},
    action_mask=mask_actions,
    bots={"miner": miner},
    bot_memory=Search,
    keys={"up": UP, "down": DOWN, "left": LEFT, "right": RIGHT, "space": LAY},
    idle=STAY,
    editor=Editor(
        cells=Painted(
            "board",
            (Brush("floor", FLOOR, "."), Brush("wall", WALL, "#"), Brush("brick", BRICK, "b")),
            lambda p: (p.size, p.size),
        ),
        things=(standing("players"),),
        finish=finish,
    ),
    counters=("bricks", "killed"),
    ending=ending,
    endings=("time is up: {} are left", "one is left", "nobody is left"),
    sounds={"bricks": "blast", "killed": "loss"},
    steps_per_second=6.0,
)
