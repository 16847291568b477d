"""Lander: set a spacecraft down gently, upright, on the pad between the flags.

The ground differs from level to level; wind pushes in gusts.  A foot that hits too hard breaks.

Actions       Discrete(4): COAST, TILT_LEFT, MAIN, TILT_RIGHT; the side jets push and turn, the main engine lifts.
Observation   float32 (18,): pad minus craft along x and y, velocity along x and y, sine and cosine of the angle, spin,
              contact of the left and right foot, fuel left; then 8 rays in a fan below, each the part of
              RAY_LENGTH that is free.
Reward        the gain in closeness, slowness, uprightness and feet on the ground, less fuel burnt; +10 for coming to
              rest on the pad, -10 for a crash.
Termination   at rest on both feet; the hull touches ground, a foot hits harder than `sturdiness`, or the craft leaves
              the sky.  Truncation: max_steps.
Parameters    gravity, thrust, wind, slope, roughness, fuel, pad, speed, sturdiness, max_steps.
Source        own; the task of LunarLander, Oleg Klimov 2016, Gymnasium.
"""

import numpy as np

from puffer_arena.core import Box, Discrete, Editor, Env, Things
from puffer_arena.envs.lander.bot import autopilot
from puffer_arena.envs.lander.draw import draw
from puffer_arena.envs.lander.editor import find_craft, find_hills, finish, put_craft, put_hill, sky
from puffer_arena.envs.lander.rules import act, build, ending, judge, observe, reset
from puffer_arena.envs.lander.state import COAST, LABELS, MAIN, RAYS, TILT_LEFT, TILT_RIGHT, TIME_STEP, Params, State

ENV = Env(
    params=Params,
    state=State,
    observation=Box(-np.inf, np.inf, (10 + RAYS,), labels=LABELS),
    action=Discrete(4, ("coast", "tilt left", "main", "tilt right")),
    reset=reset,
    observe=observe,
    draw=draw,
    engine="pymunk",
    build=build,
    act=act,
    judge=judge,
    time_step=TIME_STEP,
    substeps=2,
    bots={"autopilot": autopilot},
    keys={"up": MAIN, "left": TILT_LEFT, "right": TILT_RIGHT, "down": COAST, "space": MAIN},
    idle=COAST,
    editor=Editor(
        things=(Things("craft", find_craft, put_craft, sky), Things("hills", find_hills, put_hill, sky)),
        finish=finish,
    ),
    counters=("landed",),
    success="landed",
    ending=ending,
    endings=(
        *("landed", "landed beside the pad", "flew away"),
        *("crashed: too fast", "crashed: not on its feet", "time is up"),
    ),
    solved=15.0,
)
