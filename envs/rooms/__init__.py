"""Rooms: walk through rooms as a first person sees them, and find what was shown at the start.

Rooms, doors, walls, floors and things are new in every level.  For `shown` steps the wanted thing hovers before the eye;
from then on it has to be remembered.  The things differ in shape and in colour, one in each of some rooms; a room alone
holds them all.

Actions       Discrete(3): FORWARD, LEFT, RIGHT; a step of 0.4 m or a turn of 30 degrees.
Observation   uint8 (pixels, pixels, 3): what the eye sees, red, green and blue.
Reward        1 at the wanted thing, less 0.5 for the part of max_steps that it took; -`wrong` at another.  With
              `shaping` that much besides for every cell that the way to the wanted thing has become shorter.
Termination   any thing, the wanted or another.  Truncation: max_steps.
Parameters    pixels, rooms, size, things, loops, shown, wrong, shaping, max_steps.
Source        own; after Beattie et al. 2016, "DeepMind Lab", and Chevalier-Boisvert et al. 2023, "Miniworld".
"""

import numpy as np

from puffer_arena.core import Box, Brush, Discrete, Editor, Env, Painted, Things
from puffer_arena.envs.rooms.bot import seeker
from puffer_arena.envs.rooms.draw import draw, draw_plan, side_of
from puffer_arena.envs.rooms.editor import (
    build_walls,
    find_others,
    find_start,
    find_wanted,
    finish,
    put_other,
    put_start,
    put_wanted,
    walls_of,
)
from puffer_arena.envs.rooms.rules import ending, observe, reset, step
from puffer_arena.envs.rooms.state import FORWARD, LEFT, RIGHT, Params, State

ENV = Env(
    params=Params,
    state=State,
    observation=Box(0, 255, ("pixels", "pixels", 3), np.uint8),
    action=Discrete(3, ("forward", "left", "right")),
    reset=reset,
    step=step,
    observe=observe,
    draw=draw,
    bots={"seeker": seeker},
    keys={"up": FORWARD, "left": LEFT, "right": RIGHT},
    editor=Editor(
        cells=Painted(
            "",
            (Brush("floor", 0, "."), Brush("wall", 1, "#")),
            lambda p: (side_of(p), side_of(p)),
            read=walls_of,
            write=build_walls,
        ),
        things=(
            Things("start", find_start, put_start),
            Things("wanted", find_wanted, put_wanted),
            Things("thing", find_others, put_other),
        ),
        finish=finish,
        draw=draw_plan,
    ),
    counters=("found", "taken"),
    success="found",
    ending=ending,
    endings=("found it", "took another thing", "time is up"),
    waits=True,
    steps_per_second=8.0,
    solved=0.7,
    version=1,
)
