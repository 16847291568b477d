"""Walker: two legs with four motors carry a hull over a course of bumps, stumps and pits.

The course differs from level to level.  With `bumps` 0.35, `length` 93 and no obstacles the task is BipedalWalker's; with
stumps and pits it is that of its hardcore version.

Actions       Box(-1, 1, (4,)): torque of hip and knee of the near leg, then of the far one; the sign is the way.  A
              person steers by a pilot: forwards, backwards, run.
Observation   float32 (24,): hull's angle, spin, velocity along x and y; for each leg hip angle and speed, knee angle and
              speed, contact of the foot; then 10 rays ahead and below, each the part of RAY_LENGTH that is free.
Reward        0.43 for each metre ahead, less tilt and torque, a tenth of BipedalWalker's; -10 for a fall.
Termination   the hull touches ground, falls into a pit or leaves the course backwards; the course is crossed.
              Truncation: max_steps.
Parameters    length, bumps, obstacles, stump, pit, torque, gravity, max_steps.
Source        own; the task of BipedalWalker, Oleg Klimov 2016, Gymnasium.
"""

import numpy as np

from puffer_arena.core import Box, Editor, Env, Pilot, Things
from puffer_arena.envs.walker.bot import Gait, stride
from puffer_arena.envs.walker.draw import draw
from puffer_arena.envs.walker.editor import find_ground, finish, heights, put_ground
from puffer_arena.envs.walker.pilot import HURRY, WALK, steer
from puffer_arena.envs.walker.rules import act, ending, judge, observe, reset
from puffer_arena.envs.walker.scene import build
from puffer_arena.envs.walker.state import LABELS, RAYS, TIME_STEP, Params, State

ENV = Env(
    params=Params,
    state=State,
    observation=Box(-np.inf, np.inf, (14 + RAYS,), labels=LABELS),
    action=Box(-1.0, 1.0, (4,), labels=("near hip", "near knee", "far hip", "far knee")),
    reset=reset,
    observe=observe,
    draw=draw,
    engine="pymunk",
    build=build,
    act=act,
    judge=judge,
    time_step=TIME_STEP,
    substeps=2,
    bots={"stride": stride},
    bot_memory=Gait,
    pilot=Pilot(Box(-1.0, 1.0, (2,), labels=("forwards", "run")), steer),
    keys={"right": (WALK, 1.0), "left": (WALK, -1.0), "up": (HURRY, 1.0)},
    idle=(0.0, 0.0),
    editor=Editor(things=(Things("ground", find_ground, put_ground, heights),), finish=finish),
    counters=("crossed",),
    success="crossed",
    ending=ending,
    endings=("crossed", "fell down", "dropped into a pit", "time is up"),
    solved=6.0,
    version=2,
)
