"""Racer: drive laps on a road that is new in every level, with tyres that slip.

Up to four race.  The road is all there is to see: rays from the car to its edges, which miss the far side of a bend.  Grass slows down.

Actions       Box(-1, 1, (2,)): steering to the left; gas, or the brake where it is negative, backwards when slow.
Observation   float32 (12 + RAYS + 5 (cars - 1),): speed ahead and to the left, spin, steering, place across the road,
              sine and cosine of the angle to it, next bends, grip used; rays; then of every other car: presence,
              place and velocity as seen from the car.
Reward        reward_progress a metre along the road; reward_lap for a lap; -1 for being lost.
Signals       cost: 1 for a step with the car's middle off the road.
Termination   a car that has done `laps`, or is lost: three times as far from the middle as the edge is.
              Truncation: max_steps.
Parameters    cars, laps, size, twist, width, power, grip, grass, reward_progress, reward_lap, max_steps.
Source        own; the task of CarRacing (Oleg Klimov 2016, Gymnasium), seen as Super Sprint (Atari Games, 1986).
"""

import numpy as np

from puffer_arena.core import Box, Env
from puffer_arena.core.races import ending
from puffer_arena.envs.racer.bot import driver
from puffer_arena.envs.racer.draw import draw
from puffer_arena.envs.racer.rules import act, judge, observe, reset
from puffer_arena.envs.racer.scene import build
from puffer_arena.envs.racer.state import TIME_STEP, Params, State

ENV = Env(
    params=Params,
    state=State,
    observation=Box(-np.inf, np.inf, ("seen",)),
    action=Box(-1.0, 1.0, (2,), labels=("steer left", "gas")),
    reset=reset,
    observe=observe,
    draw=draw,
    agents={"car": "cars"},
    signals=("cost",),
    cost_limit=25.0,
    engine="pymunk",
    build=build,
    act=act,
    judge=judge,
    time_step=TIME_STEP,
    substeps=2,
    bots={"driver": driver},
    keys={"left": (0, 1.0), "right": (0, -1.0), "up": (1, 1.0), "down": (1, -1.0)},
    idle=(0.0, 0.0),
    counters=("home", "finished"),
    success="finished",
    ending=ending,
    endings=("all are home", "lost the road; home: {}", "time is up; home: {}"),
    solved=6.0,
    version=1,
)
