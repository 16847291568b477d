"""Tag: chasers hunt runners on a grid with pillars; who is caught leaves.

All agents move at once, several may stand in one cell, and the outcome does not depend on their order. A
chaser catches a runner by ending in its cell or by crossing it on the way.

Actions       Discrete(5): STAY, UP, DOWN, LEFT, RIGHT.  Moves into walls are barred by the mask, and do nothing.
Observation   uint8 (sight, sight), the agent in the middle: UNSEEN, FLOOR, WALL, CHASER or RUNNER per cell.  The
              middle shows the agent's own role.
Reward        chasers: reward_catch for each runner they catch; runners: -reward_catch when caught.  Each step
              costs a chaser reward_step and gives a runner as much.
Termination   a runner: being caught.  All chasers: no runner is left.  Truncation: max_steps.
Parameters    chasers, runners, size, walls, sight, rest, reward_catch, reward_step, max_steps.
Source        own; the pursuit problem, Benda, Jagannathan, Dodhiawala 1986.
"""

import numpy as np

from puffer_arena.core import Box, Brush, Dict, Discrete, Editor, Entities, Env, Painted
from puffer_arena.envs.tag.bot import hunt
from puffer_arena.envs.tag.draw import draw
from puffer_arena.envs.tag.editor import AGENTS, finish
from puffer_arena.envs.tag.rules import ending, mask_moves, observe, observe_state, reset, step
from puffer_arena.envs.tag.state import DOWN, FLOOR, LEFT, RIGHT, STAY, UP, WALL, Params, State

ENV = Env(
    params=Params,
    state=State,
    observation=Box(0, 4, ("sight", "sight"), np.uint8),
    action=Discrete(5, ("stay", "up", "down", "left", "right")),
    reset=reset,
    step=step,
    observe=observe,
    global_state=Dict(
        {
            "board": Box(0, 2, ("size", "size"), np.uint8),
            "agents": Entities(-1.0, 1.0, ("agents", 3)),  # role, row, column
            "clock": Box(0.0, 1.0, (1,)),
        }
    ),
    observe_state=observe_state,
    draw=draw,
    agents={"chaser": "chasers", "runner": "runners"},
    action_mask=mask_moves,
    bots={"hunt": hunt},
    keys={"up": UP, "down": DOWN, "left": LEFT, "right": RIGHT},
    idle=STAY,
    editor=Editor(
        cells=Painted("board", (Brush("floor", FLOOR, "."), Brush("pillar", WALL, "#")), lambda p: (p.size, p.size)),
        things=(AGENTS,),
        finish=finish,
    ),
    counters=("caught",),
    sounds={"caught": "hit"},
    ending=ending,
    endings=("time is up: a runner escaped", "all caught, the last one by chaser {}"),
    casual={"chasers": 2, "size": 17, "rest": 8},
    steps_per_second=4.0,
)
