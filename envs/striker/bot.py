"""The scripted footballer."""

import math

from puffer_arena.core import Array, Memory, jit
from puffer_arena.envs.striker.rules import distance
from puffer_arena.envs.striker.state import Params, State

YIELD = 15  # steps for which a team leaves a pinned ball to the other


@jit
def is_nearest(s: State, agent: int) -> bool:
    half = len(s.players) // 2
    first = 0 if agent < half else half
    for k in range(first, first + half):
        if s.alive[k] and k != agent and (distance(s, k), k) < (distance(s, agent), agent):
            return False
    return True


@jit
def steer(s: State, agent: int, x: float, y: float, action: Array) -> None:
    """Push towards (x, y), as the agent's team sees it."""
    half = len(s.players) // 2
    way, me = (1.0 if agent < half else -1.0), s.players[agent]
    dx, dy = x - way * me.x - 0.3 * way * me.vx, y - way * me.y - 0.3 * way * me.vy
    action[0] = 1 + (dx > 0.3) - (dx < -0.3)
    action[1] = 1 + (dy > 0.3) - (dy < -0.3)
    action[2] = 1 if dx * dx + dy * dy > 36.0 else 0


@jit
def is_pinned(s: State, p: Params) -> bool:
    """Tell whether the ball lies at the boards, where who pushes from both sides keeps it for ever."""
    slow = s.ball.vx * s.ball.vx + s.ball.vy * s.ball.vy < 4.0
    return slow and (abs(s.ball.y) > 0.3 * p.length - 1.5 or abs(s.ball.x) > 0.5 * p.length - 1.5)


@jit
def footballer(s: State, p: Params, agent: int, memory: Memory, action: Array) -> None:
    """The nearest gets behind the ball and kicks it at the goal; the others guard the way to their own.

    A ball that is pinned at the boards is left to either team by turns.
    """
    half = len(s.players) // 2
    way, me = (1.0 if agent < half else -1.0), s.players[agent]
    ball_x, ball_y = way * (s.ball.x + 0.2 * s.ball.vx), way * (s.ball.y + 0.2 * s.ball.vy)
    action[3] = 0
    if is_pinned(s, p) and distance(s, agent) < 3.0 and (s.step_count // YIELD + (0 if agent < half else 1)) % 2 == 0:
        steer(s, agent, ball_x - 4.0, 0.4 * ball_y, action)
        return
    if not is_nearest(s, agent):
        steer(s, agent, 0.5 * ball_x - 0.25 * p.length, 0.5 * ball_y, action)
        return
    goal_x, goal_y = 0.5 * p.length + 1.0 - ball_x, -ball_y
    far = math.sqrt(goal_x * goal_x + goal_y * goal_y) + 1e-9
    behind = way * me.x < ball_x - 0.3
    if behind:
        steer(s, agent, ball_x - 0.6 * goal_x / far, ball_y - 0.6 * goal_y / far, action)
        dx, dy = way * (s.ball.x - me.x), way * (s.ball.y - me.y)
        aimed = dx * goal_x + dy * goal_y > 0.7 * far * math.sqrt(dx * dx + dy * dy)
        action[3] = 1 if aimed or is_pinned(s, p) else 0
    else:  # run around the ball, and play one that lies at the boards off them
        action[3] = 1 if is_pinned(s, p) and (abs(ball_y) > p.goal_width or ball_x > 0.0) else 0
        side = 1.0 if way * me.y > ball_y else -1.0
        steer(s, agent, ball_x - 2.5, ball_y + 1.8 * side, action)
