"""Kart: race laps on a winding road in space, on wheels with springs and tyres of Bullet's own.

The road is new in every level.  Who leaves it slows down in the grass; who goes far astray is out.

Actions       Box(-1, 1, (2,)): gas, or the brake where it is negative; steering to the left.
Observation   float32 (13 + 5 (cars - 1),): speed ahead and to the left, turn rate, steering, place across the road,
              sine and cosine of the angle to it, five bends ahead, grip; then of every other kart: presence, place and
              velocity as seen from the kart.
Reward        reward_progress a metre along the road; reward_lap for a lap; -1 for being out.
Signals       cost: 1 for a step with the kart's middle off the road.
Termination   a kart that has done `laps`, has turned over, or is out: three times as far from the middle as the edge.
              Truncation: max_steps.
Parameters    cars, laps, size, twist, width, force, grip, reward_progress, reward_lap, max_steps.
Source        own; after Super Mario Kart (Nintendo, 1992); the roads are racer's.
"""

import numpy as np

from puffer_arena.core import Box, Env
from puffer_arena.core.races import ending
from puffer_arena.envs.kart.bot import chauffeur
from puffer_arena.envs.kart.draw import camera, draw, draw3d
from puffer_arena.envs.kart.rules import act, judge, observe, reset
from puffer_arena.envs.kart.scene import build
from puffer_arena.envs.kart.state import TIME_STEP, Params, State

ENV = Env(
    params=Params,
    state=State,
    observation=Box(-np.inf, np.inf, ("seen",)),
    action=Box(-1.0, 1.0, (2,), labels=("gas or brake", "steer left")),
    reset=reset,
    observe=observe,
    draw=draw,
    draw3d=draw3d,
    camera=camera,
    agents={"car": "cars"},
    signals=("cost",),
    cost_limit=25.0,
    engine="panda3d",
    build=build,
    act=act,
    judge=judge,
    time_step=TIME_STEP,
    substeps=2,
    bots={"chauffeur": chauffeur},
    keys={"up": (0, 1.0), "down": (0, -1.0), "left": (1, 1.0), "right": (1, -1.0)},
    idle=(0.0, 0.0),
    counters=("home", "finished"),
    success="finished",
    ending=ending,
    endings=("all are home", "off the road or upside down; home: {}", "time is up; home: {}"),
    solved=6.0,
)
