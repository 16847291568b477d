"""The scripted piston."""

from puffer_arena.core import Array, Memory, jit
from puffer_arena.envs.pistons.rules import top
from puffer_arena.envs.pistons.state import Params, State


@jit
def slope(s: State, p: Params, agent: int, memory: Memory, action: Array) -> None:
    """Make a slope that falls to the left under the ball and travels along with it."""
    behind = s.pistons[agent].x - s.ball.x
    aim = p.travel * min(1.0, max(0.0, 0.35 + 0.35 * behind / p.ball))
    action[0] = min(1.0, max(-1.0, 6.0 * (aim - top(s, agent))))
