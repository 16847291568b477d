"""Drawing courses of marble."""

import math

from puffer_arena.core import jit
from puffer_arena.envs.marble.rules import lay_plate
from puffer_arena.envs.marble.state import Params, State


def find_plates(s: State, p: Params) -> list[tuple[float, float]]:
    return [(s.edges[k, 0], s.edges[k, 1]) for k in range(1, s.count)]


def put_plate(s: State, p: Params, k: int, x: float, y: float) -> None:
    """Move a plate, whose place is the middle of its near edge; its height and slopes stay."""
    s.edges[k + 1, 0], s.edges[k + 1, 1] = x, y
    lay_plate(s, p, k + 1)


def sky(p: Params) -> tuple[float, float, float, float]:
    wide = p.plates * (p.width + p.bend)
    return -wide, 0.0, 2 * wide, p.plates * (p.length + p.gap) + 1.0


@jit
def finish(s: State, p: Params) -> str:
    """Check a course that a person has laid."""
    for k in range(1, s.count):
        ahead = s.edges[k, 1] - s.edges[k - 1, 1] - p.length * math.cos(s.slopes[k - 1])
        if not -0.1 <= ahead <= 2.0 or abs(s.edges[k, 0] - s.edges[k - 1, 0]) > p.width:
            return f"plate {k + 1} cannot be reached from the one before"
    return ""
