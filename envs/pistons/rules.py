"""What a step of pistons does."""

from typing import Any

from puffer_arena.core import Array, jit, uniform
from puffer_arena.envs.pistons.state import CEILING, LENGTH, TIME_STEP, Params, State

AT_WALL, TIME_UP = range(2)  # endings


@jit
def top(s: State, k: int) -> float:
    """Return how far piston `k` is up, m."""
    height: float = s.pistons[k].y + LENGTH / 2
    return height


@jit
def reset(s: State, p: Params) -> None:
    count = p.pistons
    for k in range(len(s.pistons)):
        s.alive[k] = 1 if k < count else 0
        s.pistons[k].x = k + 0.5
        s.pistons[k].y = (uniform(s, 0.0, 0.6 * p.travel) if k < count else -20.0) - LENGTH / 2
    low, high, far = -LENGTH, CEILING + 0.2, count + 0.2
    for k, (ax, ay, bx, by) in enumerate(((-0.2, low, -0.2, high), (far, low, far, high), (-0.2, high, far, high))):
        s.walls[k].ax, s.walls[k].ay, s.walls[k].bx, s.walls[k].by = ax, ay, bx, by
    s.ball.x, s.ball.y = count - p.ball - uniform(s, 0.1, 1.0), p.travel + 1.5 * p.ball + uniform(s, 0.0, 1.0)
    s.ball.vx, s.ball.spin = uniform(s, -0.5, 0.5), uniform(s, -2.0, 2.0)
    s.before, s.done, s.finished = s.ball.x, 0.0, 0


@jit
def act(s: State, p: Params, actions: Array) -> None:
    for k in range(p.pistons):
        height = top(s, k)
        aim = min(max(height + actions[k, 0] * p.speed * TIME_STEP, 0.0), p.travel)
        s.pistons[k].vy = min(max((aim - height) / TIME_STEP, -p.speed), p.speed)


@jit
def judge(s: State, p: Params, rewards: Array, terminated: Array) -> bool:
    progress = p.reward_progress * (s.before - s.ball.x)
    finished = s.ball.x - p.ball < 0.05
    s.before, s.finished = s.ball.x, int(finished)
    s.done = min(1.0, max(s.done, 1.0 - (s.ball.x - p.ball) / (p.pistons - 2.0 * p.ball)))
    for k in range(len(s.pistons)):
        is_under = abs(s.pistons[k].x - s.ball.x) < p.ball + 0.5
        rewards[k] = progress * (1.0 - p.local + (p.local if is_under else 0.0)) + p.reward_time + finished
        terminated[k] = finished and s.alive[k] != 0
    return s.step_count >= p.max_steps


@jit
def ending(s: State, p: Params) -> int:
    return AT_WALL if s.finished else TIME_UP + 2 * int(100.0 * s.done)


@jit
def observe(s: State, p: Params, agent: int, obs: Array) -> None:
    obs[0] = top(s, agent)
    for j in range(4):
        k = agent + (-2, -1, 1, 2)[j]
        obs[1 + j] = top(s, k) if 0 <= k < p.pistons else -1.0
    dx = s.ball.x - s.pistons[agent].x
    obs[5] = agent / p.pistons
    obs[6:12] = 0.0
    if abs(dx) <= p.sight:
        obs[6], obs[7], obs[8] = 1.0, 0.5 * dx, 0.5 * (s.ball.y - p.ball)
        obs[9], obs[10], obs[11] = 0.3 * s.ball.vx, 0.3 * s.ball.vy, 0.3 * s.ball.spin


@jit
def observe_state(s: State, p: Params, obs: Any) -> None:
    for k in range(p.pistons):
        obs.heights[k] = top(s, k)
    obs.ball[0], obs.ball[1] = s.ball.x / p.pistons, 0.5 * (s.ball.y - p.ball)
    obs.ball[2], obs.ball[3], obs.ball[4] = 0.3 * s.ball.vx, 0.3 * s.ball.vy, 0.3 * s.ball.spin
    obs.ball[5] = min(1.0, s.step_count / p.max_steps)
