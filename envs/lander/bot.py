"""The scripted pilot of lander."""

from puffer_arena.core import Memory, jit
from puffer_arena.envs.lander.state import COAST, MAIN, TILT_LEFT, TILT_RIGHT, Params, State


@jit
def wanted_turn(s: State) -> float:
    """Return how much the craft should turn left, negative for right: lean against drift and towards the pad."""
    dx = s.pad_x - s.craft.x
    lean = min(0.35, max(-0.35, 0.1 * s.craft.vx - 0.04 * dx))
    return 2.0 * (lean - s.craft.angle) - 2.0 * s.craft.spin


@jit
def wanted_lift(s: State) -> float:
    """Return by how much the craft falls too fast for its height and its distance from the pad, m/s."""
    height = s.craft.y - s.pad_y - 1.6
    hover = 0.5 * max(0.0, abs(s.pad_x - s.craft.x) - 2.0)
    return -s.craft.vy - (0.3 + 0.35 * max(0.0, height - hover))


@jit
def autopilot(s: State, p: Params, memory: Memory) -> int:
    """Keep a lean and a rate of descent that end on the pad."""
    if s.feet[0].touching and s.feet[1].touching:
        return COAST
    turn = wanted_turn(s)
    if wanted_lift(s) > 0.0 and abs(s.craft.angle) < 0.8 and not (abs(turn) > 0.3 and s.step_count % 2):
        return MAIN
    return TILT_LEFT if turn > 0.05 else TILT_RIGHT if turn < -0.05 else COAST
