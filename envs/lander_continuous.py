"""Lander with throttles: the game of `lander`, its engines set between nothing and full thrust.

Actions       Box(-1, 1, (2,)): the main engine, which is off below 0; the side jets, positive for a tilt to the left.
Observation   as lander.
Reward        as lander.
Termination   as lander.
Parameters    gravity, thrust, wind, slope, roughness, fuel, pad, speed, sturdiness, max_steps.
Source        own; the task of LunarLanderContinuous, Oleg Klimov 2016, Gymnasium.
"""

import dataclasses

from puffer_arena.core import Array, Box, Memory, jit
from puffer_arena.envs import lander
from puffer_arena.envs.lander.bot import wanted_lift, wanted_turn
from puffer_arena.envs.lander.rules import burn
from puffer_arena.envs.lander.rules import reset as begin
from puffer_arena.envs.lander.state import Params, State


@jit
def reset(s: State, p: Params) -> None:
    begin(s, p)


@jit
def act(s: State, p: Params, action: Array) -> None:
    burn(s, p, max(0.0, action[0]), action[1])


@jit
def autopilot(s: State, p: Params, memory: Memory, action: Array) -> None:
    """Keep a lean and a rate of descent that end on the pad."""
    action[0] = action[1] = 0.0
    if not (s.feet[0].touching and s.feet[1].touching):
        hover = p.gravity / p.thrust
        if abs(s.craft.angle) < 0.8:
            action[0] = min(1.0, max(0.0, hover + 0.8 * wanted_lift(s)))
        action[1] = min(1.0, max(-1.0, 2.0 * wanted_turn(s)))


ENV = dataclasses.replace(
    lander.ENV,
    action=Box(-1.0, 1.0, (2,), labels=("main", "side")),
    reset=reset,
    act=act,
    bots={"autopilot": autopilot},
    keys={"up": (0, 1.0), "left": (1, 1.0), "right": (1, -1.0), "space": (0, 1.0)},
    idle=(0.0, 0.0),
)
