"""Marble: tilt the world to roll a marble along plates in the air, and keep it from falling.

The course differs from level to level; each plate lies somewhat to the side of the one before, so that tilting straight
ahead falls off most courses.  The easy course, which the tuned config learns, has gap 0.2, drop 0.2 and wind 0.1.

Actions       Box(-1, 1, (2,)): tilt wanted to the right and forwards, in parts of `tilt`; the world turns at TILT_RATE.
Observation   float32 (30,): the marble above its plate, its velocities, tilt and wind; then for the plate it is on and
              the next two: where they begin and end, their slope and bank (labels name each).
Reward        reward_progress a metre forwards; reward_finish at the goal, reward_fall for falling.
Signals       cost: 1 for a step in which the marble is nearer than `margin` to its plate's side, or beyond it.
Termination   the goal, or a fall.  Truncation: max_steps.
Parameters    plates, length, width, gap, drop, bend, slope, bank, wind, tilt, margin, reward_progress, reward_finish,
              reward_fall, max_steps.
Source        own; after the arcade game Marble Madness (Atari Games, 1984).
"""

import numpy as np

from puffer_arena.core import Box, Editor, Env, Things
from puffer_arena.envs.marble.bot import steady
from puffer_arena.envs.marble.draw import camera, draw, draw3d
from puffer_arena.envs.marble.editor import find_plates, finish, put_plate, sky
from puffer_arena.envs.marble.rules import act, ending, judge, observe, reset
from puffer_arena.envs.marble.scene import build
from puffer_arena.envs.marble.state import DT, LABELS, Params, State

ENV = Env(
    params=Params,
    state=State,
    observation=Box(-np.inf, np.inf, (len(LABELS),), labels=LABELS),
    action=Box(-1.0, 1.0, (2,), labels=("tilt right", "tilt forwards")),
    engine="panda3d",
    build=build,
    time_step=DT,
    substeps=2,
    reset=reset,
    act=act,
    judge=judge,
    observe=observe,
    draw=draw,
    draw3d=draw3d,
    camera=camera,
    bots={"steady": steady},
    keys={"left": (0, -1.0), "right": (0, 1.0), "up": (1, 1.0), "down": (1, -1.0)},
    idle=(0.0, 0.0),
    editor=Editor(things=(Things("plates", find_plates, put_plate, sky),), finish=finish),
    counters=("score", "finished"),
    signals=("cost",),
    cost_limit=25.0,
    success="finished",
    ending=ending,
    endings=("reached the end", "fell off", "time is up"),
    solved=5.0,
    version=1,
)
