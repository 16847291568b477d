"""Push: move every box of a store room onto a target; all levels are new, and can be solved.

A level is made backwards: its boxes stand on their targets and are pulled away, so that what undoes the pulls, last
pull first, solves it.  The bot knows that plan and follows it; where somebody pushed otherwise, it moves by chance.

Actions       Discrete(4): UP, DOWN, LEFT, RIGHT; into a box pushes it.  What would move nothing is barred by the mask.
Observation   uint8 (size, size): WALL, FLOOR, TARGET, BOX, HOME (a box on a target), PLAYER or PLAYER_ON_TARGET.
Reward        1 for a box that gets home, -1 for one that leaves, 10 when all are home, and -reward_step a step.
Termination   all boxes are home.  Truncation: max_steps.
Parameters    size, boxes, walls, pulls, reward_step, max_steps.
Source        Sokoban, H. Imabayashi 1981; levels and rewards as in Racaniere et al. 2017, "Imagination-Augmented
              Agents for Deep Reinforcement Learning".
"""

import numpy as np

from puffer_arena.core import Box, Brush, Discrete, Editor, Env, Painted, standing
from puffer_arena.envs.push.bot import Search, planner
from puffer_arena.envs.push.draw import draw
from puffer_arena.envs.push.editor import finish
from puffer_arena.envs.push.rules import ending, mask_moves, move_goal, observe, reset, step
from puffer_arena.envs.push.state import BOX, DOWN, FLOOR, HOME, LEFT, RIGHT, TARGET, UP, WALL, Params, State

ENV = Env(
    params=Params,
    state=State,
    observation=Box(0, 6, ("size", "size"), np.uint8),
    action=Discrete(4, ("up", "down", "left", "right")),
    reset=reset,
    step=step,
    observe=observe,
    draw=draw,
    action_mask=mask_moves,
    move_goal=move_goal,
    bots={"planner": planner},
    bot_memory=Search,
    keys={"up": UP, "down": DOWN, "left": LEFT, "right": RIGHT},
    editor=Editor(
        cells=Painted(
            "board",
            (
                Brush("floor", FLOOR, "."),
                Brush("wall", WALL, "#"),
                Brush("target", TARGET, "o"),
                Brush("box", BOX, "b"),
                Brush("box at home", HOME, "h"),
            ),
            lambda p: (p.size, p.size),
        ),
        things=(standing("player"),),
        finish=finish,
    ),
    counters=("solved", "home", "pushes"),
    sounds={"pushes": "hit", "home": "goal"},
    success="solved",
    ending=ending,
    endings=("every box is home", "time is up; boxes home: {}"),
    waits=True,
    steps_per_second=8.0,
    solved=10.0,
)
