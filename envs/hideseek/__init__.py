"""Hide and seek: hiders block doors with boxes while seekers wait; then these look for them.

In the corner of a hall lies a room with two doors.  Boxes and ramps can be dragged, and locked so that only one's own
team moves them again; over a ramp one gets onto boxes and walls, and sees from there.

Actions       Dict: "move" Box(-1, 1, (2,)), ahead and turn to the left; "hands" Discrete(3): FREE, HOLD drags the
              nearest thing within reach, LOCK fixes it where it stands.  HOLD unlocks what one's own team has locked.
Observation   float32 (15 + 16 + 6 (agents - 1) + 7 things,): role, velocity ahead and to the left, height; heading and place
              as if the hall were turned until the room lies ahead on both axes; hands full, time left to hide and to seek;
              where the nearer door is, and the other; 16 rays, how far it is to what is around; of every other agent
              and every thing, all 0 unless seen: presence, place from the agent, and velocity and team, or angle and lock.
Reward        from when the seekers may move, each step: reward_seen to seekers where they see a hider, else to hiders;
              to the others the same below 0.
Termination   none.  Truncation: max_steps.
Parameters    hiders, seekers, boxes, ramps, size, prepare, cone, reward_seen, max_steps.
Source        own; after Baker et al. 2020, "Emergent Tool Use From Multi-Agent Autocurricula", arXiv 1909.07528.
"""

import numpy as np

from puffer_arena.core import Box, Dict, Discrete, Env
from puffer_arena.envs.hideseek.bot import Plan, child
from puffer_arena.envs.hideseek.draw import camera, draw, draw3d
from puffer_arena.envs.hideseek.rules import act, judge, observe, reset
from puffer_arena.envs.hideseek.scene import build
from puffer_arena.envs.hideseek.state import FREE, HOLD, LOCK, TIME_STEP, Params, State

ENV = Env(
    params=Params,
    state=State,
    observation=Box(-np.inf, np.inf, ("seen",)),
    action=Dict(
        {
            "move": Box(-1.0, 1.0, (2,), labels=("ahead", "turn left")),
            "hands": Discrete(3, ("free", "hold", "lock")),
        }
    ),
    reset=reset,
    observe=observe,
    draw=draw,
    draw3d=draw3d,
    camera=camera,
    agents={"hider": "hiders", "seeker": "seekers"},
    engine="panda3d",
    build=build,
    act=act,
    judge=judge,
    time_step=TIME_STEP,
    substeps=2,
    bots={"child": child},
    bot_memory=Plan,
    keys={
        "up": ("move", 0, 1.0),
        "down": ("move", 0, -1.0),
        "left": ("move", 1, 1.0),
        "right": ("move", 1, -1.0),
        "space": ("hands", HOLD),
        "shift": ("hands", LOCK),
    },
    idle={"move": (0.0, 0.0), "hands": FREE},
    counters=("hidden", "seen"),
    version=1,
    scores={"hider": "hidden", "seeker": "seen"},
)
