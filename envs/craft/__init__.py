"""Craft: live through days and nights in a new world; gather, make tools, reach 22 achievements.

Food, drink and energy run down; health follows them, and creatures that bite.  Trees give wood; a table, made of wood,
lets one make pickaxes and swords beside it, and a furnace those of iron.  Zombies come at night, skeletons live in caves.

Actions       Discrete(17): NOOP, UP, DOWN, LEFT, RIGHT (turn and walk), DO (with the cell ahead: gather, drink, eat, hit),
              SLEEP, PLACE_STONE, PLACE_TABLE, PLACE_FURNACE, PLACE_PLANT, and MAKE_ a wooden, stone or iron pickaxe, then
              a sword.  What cannot be placed or made is barred by the mask; who sleeps does nothing.
Observation   Dict: `map` uint8 (7, 9), what is around the player, creatures included; `self` in [0, 1], (19,): health, food,
              drink, energy; saplings, wood, stone, coal, iron, diamonds; pickaxe, sword; light, asleep, way faced (4), time.
Reward        1 for an achievement's first time in the episode, and reward_health for health won, as much lost.
Cost          The signal `cost`: health lost to creatures and to lava.
Termination   no health left.  Truncation: max_steps.
Parameters    size, day, zombies, hunger, reward_health, max_steps.
Source        Hafner 2022, "Benchmarking the Spectrum of Agent Capabilities" (Crafter); Matthews et al. 2024, "Craftax".
"""

import numpy as np

from puffer_arena.core import Box, Dict, Discrete, Editor, Env, Painted, standing
from puffer_arena.envs.craft.bot import Search, settler
from puffer_arena.envs.craft.draw import draw
from puffer_arena.envs.craft.editor import BRUSHES, finish
from puffer_arena.envs.craft.rules import ending, mask_actions, observe, reset, step
from puffer_arena.envs.craft.state import (
    COLS,
    DO,
    DOWN,
    LEFT,
    MAKE_PICKAXE,
    NOOP,
    PLACE_FURNACE,
    PLACE_PLANT,
    PLACE_STONE,
    PLACE_TABLE,
    RIGHT,
    ROWS,
    SKELETON,
    SLEEP,
    UP,
    Params,
    State,
)

ACHIEVEMENTS = tuple(
    name for name in vars(State) if name.startswith(("collect_", "place_", "make_", "eat_", "defeat_", "wake_"))
)
SELF = (
    *("health", "food", "drink", "energy", "sapling", "wood", "stone", "coal", "iron", "diamond"),
    *("pickaxe", "sword", "light", "asleep", "facing up", "facing down", "facing left", "facing right", "time"),
)

ENV = Env(
    params=Params,
    state=State,
    observation=Dict({"map": Box(0, SKELETON, (ROWS, COLS), np.uint8), "self": Box(0.0, 1.0, (19,), labels=SELF)}),
    action=Discrete(
        17,
        (
            *("noop", "up", "down", "left", "right", "do", "sleep"),
            *("place stone", "place table", "place furnace", "place plant"),
            *("make wood pickaxe", "make stone pickaxe", "make iron pickaxe"),
            *("make wood sword", "make stone sword", "make iron sword"),
        ),
    ),
    reset=reset,
    step=step,
    observe=observe,
    draw=draw,
    action_mask=mask_actions,
    bots={"settler": settler},
    bot_memory=Search,
    keys={
        "up": UP,
        "down": DOWN,
        "left": LEFT,
        "right": RIGHT,
        "space": DO,
        "shift": PLACE_STONE,
        "z": SLEEP,
        "t": PLACE_TABLE,
        "f": PLACE_FURNACE,
        "g": PLACE_PLANT,
        **{str(k + 1): MAKE_PICKAXE + k for k in range(6)},
    },
    idle=NOOP,
    editor=Editor(
        cells=Painted("board", BRUSHES, lambda p: (p.size, p.size)),
        things=(standing("player"),),
        finish=finish,
    ),
    counters=("achieved", *ACHIEVEMENTS),
    ending=ending,
    endings=(
        "time is up; achievements: {}",
        "walked into lava",
        "killed by a creature",
        "died of hunger",
        "died of thirst",
        "died of weariness",
    ),
    signals=("cost",),
    cost_limit=4.0,
    steps_per_second=6.0,
)
