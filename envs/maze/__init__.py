"""Maze: find the goal of a maze that is new in every level, seeing only what is near.

Every level can be solved: corridors are carved so that each cell is reached, then walls are taken out.

Actions       Discrete(4): UP, DOWN, LEFT, RIGHT.  Moves into walls are barred by the mask, and do nothing.
Observation   uint8 (sight, sight), the agent in the middle: UNSEEN, WALL, FLOOR or GOAL per cell.
Reward        1 at the goal, less 0.9 for the part of max_steps that it took; else 0.
Termination   the goal.  Truncation: max_steps.
Parameters    size, sight, walls, distance, max_steps.
Source        Chevalier-Boisvert et al. 2023, "Minigrid & Miniworld" (reward); depth-first carving.
"""

import numpy as np

from puffer_arena.core import Box, Brush, Discrete, Editor, Env, Painted, standing
from puffer_arena.envs.maze.bot import shortest
from puffer_arena.envs.maze.draw import draw
from puffer_arena.envs.maze.editor import finish
from puffer_arena.envs.maze.rules import ending, mask_walls, move_goal, observe, reset, step
from puffer_arena.envs.maze.state import DOWN, FLOOR, GOAL, LEFT, RIGHT, UP, WALL, Params, State

ENV = Env(
    params=Params,
    state=State,
    observation=Box(0, 3, ("sight", "sight"), np.uint8),
    action=Discrete(4, ("up", "down", "left", "right")),
    reset=reset,
    step=step,
    observe=observe,
    draw=draw,
    action_mask=mask_walls,
    move_goal=move_goal,
    bots={"shortest": shortest},
    keys={"up": UP, "down": DOWN, "left": LEFT, "right": RIGHT},
    counters=("reached", "length"),
    success="reached",
    ending=ending,
    endings=("reached the goal", "time is up"),
    editor=Editor(
        cells=Painted(
            "board",
            (Brush("floor", FLOOR, "."), Brush("wall", WALL, "#"), Brush("goal", GOAL, "G", single=True)),
            lambda p: (p.size, p.size),
        ),
        things=(standing("start"),),
        finish=finish,
    ),
    waits=True,
    steps_per_second=8.0,
    solved=0.85,
    version=1,
)
