"""Pistons: together roll a ball to the left wall, each by moving one piston up and down.

Everybody sees the pistons beside the own one, and the ball when it is near.

Actions       Box(-1, 1, (1,)): speed upwards, in parts of `speed`.
Observation   float32 (12,): height of the own piston, of two to the left and two to the right (-1 where there is
              none), place in the row; then whether the ball is in sight, where it is, its velocity and spin.
Reward        reward_progress a metre that the ball moves left: to all alike the part 1 - local, to those under the
              ball the part local; reward_time a step; 1 for the wall.
Termination   the ball touches the left wall.  Truncation: max_steps.
Parameters    pistons, travel, speed, ball, bounce, friction, sight, local, reward_progress, reward_time, max_steps.
Source        after "pistonball" (Terry et al. 2021, PettingZoo, arXiv:2009.14471), from state.
"""

import numpy as np

from puffer_arena.core import Box, Dict, Env
from puffer_arena.envs.pistons.bot import slope
from puffer_arena.envs.pistons.draw import draw
from puffer_arena.envs.pistons.rules import act, ending, judge, observe, observe_state, reset
from puffer_arena.envs.pistons.scene import build
from puffer_arena.envs.pistons.state import LABELS, TIME_STEP, Params, State

ENV = Env(
    params=Params,
    state=State,
    observation=Box(-np.inf, np.inf, (12,), labels=LABELS),
    action=Box(-1.0, 1.0, (1,), labels=("up",)),
    reset=reset,
    observe=observe,
    global_state=Dict(
        {
            "heights": Box(-np.inf, np.inf, ("pistons",)),
            "ball": Box(-np.inf, np.inf, (6,), labels=("x", "y", "velocity x", "velocity y", "spin", "time")),
        }
    ),
    observe_state=observe_state,
    draw=draw,
    agents={"piston": "pistons"},
    engine="pymunk",
    build=build,
    act=act,
    judge=judge,
    time_step=TIME_STEP,
    substeps=2,
    bots={"slope": slope},
    keys={"up": (0, 1.0), "down": (0, -1.0)},
    idle=(0.0,),
    counters=("done", "finished"),
    success="finished",
    ending=ending,
    endings=("the ball is at the wall", "time is up after {} % of the way"),
    solved=2.5,
)
