"""Ground and craft of lander that people draw."""

from puffer_arena.envs.lander.rules import worth
from puffer_arena.envs.lander.state import EDGE, EDGES, HEIGHT, WIDTH, Params, State


def find_craft(s: State, p: Params) -> list[tuple[float, float]]:
    return [(s.craft.x, s.craft.y)]


def put_craft(s: State, p: Params, k: int, x: float, y: float) -> None:
    s.craft.x, s.craft.y = x, y


def sky(p: Params) -> tuple[float, float, float, float]:
    return -WIDTH / 2 + 1.0, -8.0, WIDTH - 2.0, HEIGHT + 6.0


def find_hills(s: State, p: Params) -> list[tuple[float, float]]:
    return [(s.ground[k].bx, s.ground[k].by) for k in range(EDGES - 1)]


def put_hill(s: State, p: Params, k: int, x: float, y: float) -> None:
    """Raise or lower where two edges meet; along x it stays."""
    s.ground[k].by = s.ground[k + 1].ay = min(max(y, -8.0), 0.5 * HEIGHT)


def finish(s: State, p: Params) -> str:
    """Begin above ground that a person has drawn."""
    first = int((s.pad_x + WIDTH / 2) / EDGE - 0.5 * p.pad + 0.5)
    level = s.ground[first].ay
    for k in range(first, min(first + p.pad, EDGES)):
        s.ground[k].by = level
        if k + 1 < EDGES:
            s.ground[k + 1].ay = level
    s.pad_y = level
    under = max(s.ground[k].ay for k in range(EDGES) if abs(s.ground[k].ax - s.craft.x) <= 2 * EDGE)
    if s.craft.y < under + 3.0:
        return "the craft is not clear of the ground"
    s.value = worth(s)
    return ""
