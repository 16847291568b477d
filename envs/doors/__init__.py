"""Doors: find what the mission names, through rooms, doors, keys, boxes and things in the way.

Rooms hang together as a tree.  The doors before the goal's room may be locked; the key of a lock's colour lies in a room
that can be reached without it, perhaps in a box, and a ball may stand before the door.  MiniGrid's families are
parameters: DoorKey is the default; MultiRoom across=6 locked=0; KeyCorridor across=3 down=3 fetch=1; ObstructedMaze
across=2 down=2 locked=2 boxed=1 blocked=1 fetch=1.

Actions       Discrete(6): LEFT and RIGHT turn, FORWARD, PICK_UP, DROP, TOGGLE (doors and boxes), all of them with the
              cell ahead.  What would do nothing is barred by the mask.
Observation   Dict: `kinds` and `colors` uint8 (sight, sight), the agent at the middle of the lowest row, looking up;
              walls and doors hide what is behind; `carried` and `mission` uint8 (2,), a kind and a colour.
Reward        1 for the mission, less 0.9 for the part of max_steps that it took; else 0.
Termination   the mission: standing on the goal, or holding the thing.  Truncation: max_steps.
Parameters    across, down, room, locked, boxed, blocked, fetch, things, sight, max_steps.
Source        Chevalier-Boisvert et al. 2023, "Minigrid & Miniworld".
"""

import numpy as np

from puffer_arena.core import Box, Dict, Discrete, Editor, Env, Painted, standing
from puffer_arena.envs.doors.bot import Search, expert
from puffer_arena.envs.doors.draw import draw
from puffer_arena.envs.doors.editor import BRUSHES, finish, size_of
from puffer_arena.envs.doors.rules import ending, mask_actions, observe, reset, step
from puffer_arena.envs.doors.state import BOX, DROP, FORWARD, HUES, LEFT, PICK_UP, RIGHT, TOGGLE, Params, State

ENV = Env(
    params=Params,
    state=State,
    observation=Dict(
        {
            "kinds": Box(0, BOX, ("sight", "sight"), np.uint8),
            "colors": Box(0, HUES, ("sight", "sight"), np.uint8),
            "carried": Box(0, BOX, (2,), np.uint8),
            "mission": Box(0, BOX, (2,), np.uint8),
        }
    ),
    action=Discrete(6, ("left", "right", "forward", "pick up", "drop", "toggle")),
    reset=reset,
    step=step,
    observe=observe,
    draw=draw,
    action_mask=mask_actions,
    bots={"expert": expert},
    bot_memory=Search,
    keys={"left": LEFT, "right": RIGHT, "up": FORWARD, "space": TOGGLE, "shift": PICK_UP, "down": DROP},
    editor=Editor(
        cells=Painted("kind", BRUSHES, size_of),
        things=(standing("agent"),),
        finish=finish,
    ),
    counters=("reached", "opened"),
    sounds={"opened": "goal"},
    success="reached",
    ending=ending,
    endings=("did what was asked", "time is up"),
    waits=True,
    steps_per_second=8.0,
    solved=0.8,
)
