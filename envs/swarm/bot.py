"""The scripted forager."""

import math

from puffer_arena.core import Array, Memory, jit
from puffer_arena.envs.swarm.rules import distance
from puffer_arena.envs.swarm.state import POISON, ROCK, SWIMMER, Params, State


@jit
def forager(s: State, p: Params, agent: int, memory: Memory, action: Array) -> None:
    """Swim to food that is near to oneself and a mate and still needs one more, around poison and the rock."""
    me, best, least = s.swimmers[agent], 0, 1e9
    for j in range(p.food):
        mate, own, nearer = 1e3, distance(me, s.food[j]), 0
        for k in range(len(s.swimmers)):
            if k != agent and s.alive[k]:
                mate = min(mate, distance(s.swimmers[k], s.food[j]))
                nearer += distance(s.swimmers[k], s.food[j]) < own
        far = own + mate + (100.0 if nearer >= p.together else 0.0)
        if far < least:
            best, least = j, far
    dx, dy = s.food[best, 0] + 0.4 * s.food[best, 2] - me[0], s.food[best, 1] + 0.4 * s.food[best, 3] - me[1]
    far = math.sqrt(dx * dx + dy * dy) + 1e-9
    x, y = dx / max(far, 0.5), dy / max(far, 0.5)
    for j in range(-1, p.poison):  # the rock, then poison
        at_x, at_y = (s.poison[j, 0], s.poison[j, 1]) if j >= 0 else (s.rock[0], s.rock[1])
        ax, ay = me[0] - at_x, me[1] - at_y
        gap = math.sqrt(ax * ax + ay * ay) - SWIMMER - (POISON if j >= 0 else ROCK)
        if gap < 0.8 and ax * dx + ay * dy < 0.0:
            weight, whole = 1.6 * (0.8 - gap), math.sqrt(ax * ax + ay * ay) + 1e-9
            side = math.copysign(1.0, ax * dy - ay * dx)
            x += weight * (ax - side * ay) / whole
            y += weight * (ay + side * ax) / whole
    action[0] = min(1.0, max(-1.0, 1.6 * x - 0.4 * me[2]))
    action[1] = min(1.0, max(-1.0, 1.6 * y - 0.4 * me[3]))
