"""Volley: beach volleyball of round players, one against one or two against two, over a net.

Everybody sees the beach turned so that the own side is at -x.  A ball that touches the sand is a point; it is held for
a moment before it drops, on the side that won the last one.

Actions       MultiDiscrete(3, 2): run (back, stand, towards the net), jump.
Observation   float32 (8 + 10 team,): own place and velocity; ball and its velocity, the ball from oneself; half the
              beach's width, the net's height, whether the ball is held; then every other player, own side first:
              presence, place and velocity.  Lengths in fives of metres.
Reward        to the whole side, +1 for a point and -1 for one lost; `shaping` when the ball crosses the net to the
              others, -`shaping` when it comes; to a player, `shaping` for the own side's first touch since then.
Termination   a side has `points` points.  Truncation: max_steps.
Parameters    team, points, width, net, gravity, speed, jump, bounce, shaping, max_steps.
Source        own; after Slime Volleyball (Quin Pendragon, 1999) and slimevolleygym (David Ha, 2020).
"""

import numpy as np

from puffer_arena.core import Box, Env, MultiDiscrete
from puffer_arena.envs.volley.bot import Sight, spiker
from puffer_arena.envs.volley.draw import draw
from puffer_arena.envs.volley.rules import act, judge, observe, reset
from puffer_arena.envs.volley.scene import build
from puffer_arena.envs.volley.state import TIME_STEP, Params, State

ENV = Env(
    params=Params,
    state=State,
    observation=Box(-np.inf, np.inf, ("seen",)),
    action=MultiDiscrete((3, 2), ("run", "jump")),
    reset=reset,
    observe=observe,
    draw=draw,
    agents={"left": "team", "right": "team"},
    engine="pymunk",
    build=build,
    act=act,
    judge=judge,
    time_step=TIME_STEP,
    substeps=2,
    bots={"spiker": spiker},
    bot_memory=Sight,
    keys={
        "left": {"right": (0, 2), "left": (0, 0), "up": (1, 1), "space": (1, 1)},
        "right": {"right": (0, 0), "left": (0, 2), "up": (1, 1), "space": (1, 1)},
    },
    idle=(1, 0),
    counters=("left_points", "right_points", "crossings"),
    sounds={"left_points": "goal", "right_points": "goal", "crossings": "hit"},
    scores={"left": "left_points", "right": "right_points"},
    version=1,
)
