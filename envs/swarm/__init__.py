"""Swarm: forage together in a pool; food gives way only to several at once, and poison drifts about.

Everybody feels the water by rays all around: what is nearest in each direction, of every kind.

Actions       Box(-1, 1, (2,)): thrust along x and y, in parts of `thrust`.
Observation   float32 (68,): own velocity, food touched, mates beside oneself; then for each of 16 rays how near
              the wall or rock, food, poison and a mate are, 0 beyond `sight` and 1 at the skin.
Reward        reward_food to all who eat, reward_touch a step at food that is too much for those there,
              reward_poison, and reward_thrust times the squared thrust.
Signals       cost: 1 for poison swallowed.
Termination   none.  Truncation: max_steps.
Parameters    swimmers, food, poison, together, sight, thrust, drag, current, reward_food, reward_touch, reward_poison,
              reward_thrust, goal, max_steps.
Source        after "waterworld" (Gupta et al. 2017; Terry et al. 2021, PettingZoo, arXiv:2009.14471).
"""

import numpy as np

from puffer_arena.core import Box, Env
from puffer_arena.envs.swarm.bot import forager
from puffer_arena.envs.swarm.draw import draw
from puffer_arena.envs.swarm.rules import ending, observe, reset, step
from puffer_arena.envs.swarm.state import LABELS, TAU, Params, State

ENV = Env(
    params=Params,
    state=State,
    observation=Box(-np.inf, np.inf, (len(LABELS),), labels=LABELS),
    action=Box(-1.0, 1.0, (2,), labels=("thrust x", "thrust y")),
    reset=reset,
    step=step,
    observe=observe,
    draw=draw,
    agents={"swimmer": "swimmers"},
    signals=("cost",),
    bots={"forager": forager},
    keys={"left": (0, -1.0), "right": (0, 1.0), "down": (1, -1.0), "up": (1, 1.0)},
    idle=(0.0, 0.0),
    counters=("eaten", "swallowed", "fed"),
    sounds={"swallowed": "hit"},
    success="fed",
    ending=ending,
    endings=("fed: {} eaten", "time is up: only {} eaten"),
    steps_per_second=1.0 / TAU,
    solved=5.0,
)
