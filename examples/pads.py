"""Pads: hop around a pond from lily pad to lily pad; who lands where one has sunk swims back to the shore.

Actions       Discrete(3): STAY, HOP one pad on, LEAP two.  Who swims can only STAY, says the mask.
Observation   Dict: "pads", uint8 (pads,), 1 for each that floats, the frog's own first; "me", a Tuple of how long it
              still swims, float32 (1,) in [0, 1], and whether it is on the shore, MultiBinary(1).
Reward        1 for each pad gone forward, -1 for falling in.
Termination   none.  Truncation: max_steps.
Parameters    frogs, pads, swim, max_steps.
Source        own, after Frogger, Konami 1981.
"""

import math
from dataclasses import dataclass

import numpy as np

from puffer_arena.core import (
    Array,
    Box,
    Canvas,
    Dict,
    Discrete,
    Env,
    Header,
    Memory,
    MultiBinary,
    Tuple,
    i32,
    jit,
    param,
    randint,
)  # fmt: skip

STAY, HOP, LEAP = range(3)


@dataclass(frozen=True)
class Params:
    frogs: int = param(3, 1, 6, "frogs")
    pads: int = param(12, 4, 40, "pads around the pond, the shore included")
    swim: int = param(5, 1, 20, "steps that swimming back takes")
    max_steps: int = param(200, 10, 1000, "steps in an episode")


class State(Header):
    floats: int = i32("pads")
    at: int = i32("frogs", below="pads")
    swims: int = i32("frogs")


@jit
def reset(s: State, p: Params) -> None:
    for k in range(len(s.floats)):
        s.floats[k] = k == 0 or (k < p.pads and randint(s, 4) > 0)
    for frog in range(len(s.at)):
        s.at[frog], s.swims[frog] = 0, 0
        s.alive[frog] = frog < p.frogs


@jit
def step(s: State, p: Params, actions: Array, rewards: Array, terminated: Array) -> bool:
    for frog in range(p.frogs):
        if s.swims[frog] > 0:
            s.swims[frog] -= 1  # at 0 it is back
            continue
        s.at[frog] = (s.at[frog] + actions[frog]) % p.pads
        rewards[frog] = actions[frog]
        if not s.floats[s.at[frog]]:
            s.at[frog], s.swims[frog], rewards[frog] = 0, p.swim, -1.0
    turns = 1 + randint(s, p.pads - 1)  # never the shore
    s.floats[turns] = 1 - s.floats[turns]
    return s.step_count >= p.max_steps


@jit
def observe(s: State, p: Params, agent: int, obs: Array) -> None:
    for k in range(len(obs.pads)):
        obs.pads[k] = k < p.pads and s.floats[(s.at[agent] + k) % p.pads]
    obs.me.part_0[0] = s.swims[agent] / p.swim
    obs.me.part_1[0] = s.at[agent] == 0


@jit
def mask_moves(s: State, p: Params, agent: int, mask: Array) -> None:
    mask[HOP] = mask[LEAP] = s.swims[agent] == 0


@jit
def careful(s: State, p: Params, agent: int, memory: Memory) -> int:
    if s.swims[agent] > 0:
        return STAY
    for jump in range(LEAP, STAY, -1):
        if s.floats[(s.at[agent] + jump) % p.pads]:
            return jump
    return STAY


def draw(s: State, p: Params, canvas: Canvas) -> None:
    canvas.view(4, 4)
    canvas.circle(2, 2, 1.9, "panel")
    size = min(0.3, 4.0 / p.pads)
    for k in range(p.pads):
        x, y = place(k, p.pads)
        canvas.circle(x, y, size, "wall" if k == 0 else "leaf" if s.floats[k] else "raised")
    for frog in range(p.frogs):
        x, y = place(s.at[frog], p.pads)
        x, y = x + (frog - (p.frogs - 1) / 2) * size / 3, y - 0.5 * size * (frog % 2)
        canvas.circle(
            x,
            y,
            size / 3,
            ("amber", "rose", "violet", "sky", "lime", "orange")[frog],
            alpha=0.4 if s.swims[frog] else 1.0,
        )
        canvas.agent(frog, x, y, size / 3)
    canvas.status(f"{sum(1 for frog in range(p.frogs) if s.swims[frog])} of {p.frogs} swim")


def place(k: int, pads: int) -> tuple[float, float]:
    return 2 - 1.5 * math.cos(2 * math.pi * k / pads), 2 - 1.5 * math.sin(2 * math.pi * k / pads)


ENV = Env(
    params=Params, state=State, action=Discrete(3, ("stay", "hop", "leap")),
    observation=Dict({"pads": Box(0, 1, ("pads",), np.uint8), "me": Tuple((Box(0, 1, (1,)), MultiBinary(1)))}),
    reset=reset, step=step, observe=observe, action_mask=mask_moves, draw=draw, agents={"frog": "frogs"},
    bots={"careful": careful}, keys={"right": HOP, "up": LEAP, "down": STAY}, idle=STAY, steps_per_second=4.0,
)  # fmt: skip
