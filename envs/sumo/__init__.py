"""Sumo: shove the others off a ring that shrinks, and be the last who stands.

A dash throws oneself forward, which sends others flying, and oneself too where nobody is met.

Actions       MultiDiscrete(3, 3, 2): push along x (left, none, right), along y (down, none, up), dash that way.
Observation   float32 (9 + 5 (wrestlers - 1),): own place, velocity, distance to the edge, readiness to dash, the
              ring's radius and how much of it is left, others on it; then every other wrestler: presence, place and
              velocity.  Places of others are relative; lengths in fives of metres.
Reward        +1 for the last one on the ring, reward_push for having shoved somebody off, -1 for falling.
Termination   one falls off, or is the last.  Truncation: max_steps.
Parameters    wrestlers, radius, shrink, push, drag, dash, elasticity, reward_push, max_steps.
Source        own; after bumper discs, and RoboSumo (Bansal et al. 2018, arXiv:1710.03748).
"""

import numpy as np

from puffer_arena.core import Box, Env, MultiDiscrete
from puffer_arena.envs.sumo.bot import rikishi
from puffer_arena.envs.sumo.draw import draw
from puffer_arena.envs.sumo.rules import act, ending, judge, observe, reset
from puffer_arena.envs.sumo.scene import build
from puffer_arena.envs.sumo.state import TIME_STEP, Params, State

ENV = Env(
    params=Params,
    state=State,
    observation=Box(-np.inf, np.inf, ("seen",)),
    action=MultiDiscrete((3, 3, 2), ("along", "across", "dash")),
    reset=reset,
    observe=observe,
    draw=draw,
    agents={"wrestler": "wrestlers"},
    engine="pymunk",
    build=build,
    act=act,
    judge=judge,
    time_step=TIME_STEP,
    substeps=2,
    bots={"rikishi": rikishi},
    keys={"right": (0, 2), "left": (0, 0), "up": (1, 2), "down": (1, 0), "space": (2, 1)},
    idle=(1, 1, 0),
    counters=("pushed_off",),
    ending=ending,
    endings=("time is up: {} are left", "wrestler {} is left", "nobody is left"),
    sounds={"pushed_off": "hit"},
)
