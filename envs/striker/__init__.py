"""Striker: football between two teams of discs, one to three a side.

Everybody sees the pitch turned so that the own team attacks towards +x.  A kick reaches a ball near by; boosting doubles
the push and empties a store that fills up again by itself.

Actions       MultiDiscrete(3, 3, 2, 2): push along x (back, none, ahead) and along y, boost, kick.
Observation   float32 (9 + 10 team,): own place, velocity, store of boost and readiness to kick; ball and its velocity;
              then every other player, own team first: presence, place and velocity.  Places of others are
              relative; lengths in tens of metres.
Reward        to the whole team, +1 for a goal and -1 for one let in; `shaping` times the metres that the ball moved
              towards the opponents' goal; a tenth of that for the metres that one moved towards the ball.
Termination   a team has `goals` goals.  Truncation: max_steps.
Parameters    team, goals, length, goal_width, ball_mass, push, kick, shaping, max_steps.
Source        own; after HaxBall and Rocket League.
"""

import numpy as np

from puffer_arena.core import Box, Editor, Env, MultiDiscrete, Things
from puffer_arena.envs.striker.bot import footballer
from puffer_arena.envs.striker.draw import draw
from puffer_arena.envs.striker.editor import find_ball, find_players, finish, pitch, put_ball, put_player
from puffer_arena.envs.striker.rules import act, judge, observe, reset
from puffer_arena.envs.striker.scene import build
from puffer_arena.envs.striker.state import TIME_STEP, Params, State

ENV = Env(
    params=Params,
    state=State,
    observation=Box(-np.inf, np.inf, ("seen",)),
    action=MultiDiscrete((3, 3, 2, 2), ("along", "across", "boost", "kick")),
    reset=reset,
    observe=observe,
    draw=draw,
    agents={"red": "team", "blue": "team"},
    engine="pymunk",
    build=build,
    act=act,
    judge=judge,
    time_step=TIME_STEP,
    substeps=3,
    bots={"footballer": footballer},
    keys={
        "red": {"right": (0, 2), "left": (0, 0), "up": (1, 2), "down": (1, 0), "shift": (2, 1), "space": (3, 1)},
        "blue": {"right": (0, 0), "left": (0, 2), "up": (1, 0), "down": (1, 2), "shift": (2, 1), "space": (3, 1)},
    },
    idle=(1, 1, 0, 0),
    editor=Editor(
        things=(Things("players", find_players, put_player, pitch), Things("ball", find_ball, put_ball, pitch)),
        finish=finish,
    ),
    counters=("red_goals", "blue_goals", "touches"),
    sounds={"red_goals": "goal", "blue_goals": "goal", "touches": ""},
    scores={"red": "red_goals", "blue": "blue_goals"},
)
