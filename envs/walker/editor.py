"""Courses of walker that people draw."""

from puffer_arena.envs.walker.rules import worth
from puffer_arena.envs.walker.state import DEPTH, START, Params, State


def find_ground(s: State, p: Params) -> list[tuple[float, float]]:
    return [(s.ground[k].bx, s.ground[k].by) for k in range(1, s.laid)]


def put_ground(s: State, p: Params, k: int, x: float, y: float) -> None:
    """Raise or lower where two edges meet; along x it stays."""
    s.ground[k + 1].by = s.ground[k + 2].ay = y


def heights(p: Params) -> tuple[float, float, float, float]:
    return START, -2 * DEPTH, p.length + 20.0 - START, 4 * DEPTH


def finish(s: State, p: Params) -> str:
    """Begin on ground that a person has drawn."""
    for k in range(1, s.laid):
        edge = s.ground[k]
        before = max(s.ground[j].ay for j in range(max(k - 2, 0), k + 1))  # above the pit, at its far wall
        if edge.by - before > (1.5 if edge.bx - edge.ax < 0.01 else 1.7 * (edge.bx - edge.ax)):
            return f"at {edge.ax:.1f} m the ground is too steep to be climbed"
    s.below, s.value = 0, worth(s)
    return ""
