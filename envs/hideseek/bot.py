"""The scripted child, who hides and seeks."""

import math
from typing import Any

from puffer_arena.core import Memory, f64, i32, jit, randint, uniform
from puffer_arena.envs.hideseek.sight import cast, sees
from puffer_arena.envs.hideseek.state import (
    FREE,
    HIDERS,
    NOTHING,
    TIME_STEP,
    TURN,
    Params,
    State,
    door_at,
    is_inside,
    team_of,
)


class Plan(Memory):
    """Where a bot goes."""

    x: float = f64()
    y: float = f64()
    until: int = i32()  # step in which it thinks again


@jit
def walk(s: State, p: Params, agent: int, to: tuple[float, float], action: Any) -> None:
    """Turn and walk to a place, through the nearer door where the room's wall lies between."""
    own, (x, y) = s.agents[agent], to
    if is_inside(s, p, own.x, own.y) != is_inside(s, p, x, y):
        shortest = 1e9
        for wall in range(2):
            door_x, door_y = door_at(s, p, wall)
            aside = abs(own.x - door_x) if wall == 0 else abs(own.y - door_y)
            way = 0.8 if is_inside(s, p, own.x, own.y) == (aside > 0.3) else -0.8  # first before it, then through it
            x_way, y_way = (0.0, way * s.corner[1]) if wall == 0 else (way * s.corner[0], 0.0)
            long = math.hypot(door_x - own.x, door_y - own.y) + math.hypot(to[0] - door_x, to[1] - door_y)
            if long < shortest:
                shortest, x, y = long, door_x + x_way, door_y + y_way
    turn = math.atan2(y - own.y, x - own.x) - s.heading[agent]
    turn -= 2.0 * math.pi * math.floor(turn / (2.0 * math.pi) + 0.5)
    away = math.hypot(x - own.x, y - own.y)
    action.move[1] = min(max(turn / (TURN * TIME_STEP), -1.0), 1.0)
    action.move[0] = min(1.0, away) if abs(turn) < 0.6 else 0.0
    action.hands = FREE


@jit
def hide(s: State, p: Params, agent: int, memory: Plan, action: Any) -> None:
    """Go where no seeker has a free line of sight, rather in the room and far from all."""
    if s.step_count >= memory.until:
        best, far = -1e9, 0.5 * p.size - 0.8
        for k in range(49):
            x, y = (k // 7 - 3) * far / 3.0, (k % 7 - 3) * far / 3.0
            score = 2.0 if is_inside(s, p, x, y) else -0.1 * math.hypot(x - s.agents[agent].x, y - s.agents[agent].y)
            score += 0.1 * randint(memory, 10)
            for seeker in range(len(s.spotted), len(s.agents)):
                other = s.agents[seeker]
                if s.alive[seeker]:
                    score += 0.3 * min(math.hypot(x - other.x, y - other.y), 8.0)
                    free = cast(s, p, (other.x, other.y, 0.6), (x, y, 0.6), NOTHING) >= 1.0
                    score -= 5.0 if free else 0.0
            if score > best:
                best, memory.x, memory.y = score, x, y
        memory.until = s.step_count + 20
    walk(s, p, agent, (memory.x, memory.y), action)


@jit
def seek(s: State, p: Params, agent: int, memory: Plan, action: Any) -> None:
    """Follow a hider in sight; else go from place to place, and look around there."""
    own, nearest = s.agents[agent], 1e9
    for k in range(len(s.spotted)):
        hider = s.agents[k]
        away = math.hypot(hider.x - own.x, hider.y - own.y)
        if s.alive[k] and away < nearest and sees(s, p, agent, hider, NOTHING):
            nearest, memory.x, memory.y, memory.until = away, hider.x, hider.y, s.step_count + 30
    if s.step_count >= memory.until:
        far = 0.5 * p.size - 1.0
        memory.x, memory.y = uniform(memory, -far, far), uniform(memory, -far, far)
        memory.until = s.step_count + 45
        if randint(memory, 2) == 0:  # into the room
            memory.x, memory.y = far * s.corner[0] * 0.6, far * s.corner[1] * 0.6
    walk(s, p, agent, (memory.x, memory.y), action)
    if nearest == 1e9 and math.hypot(memory.x - own.x, memory.y - own.y) < 0.6:
        action.move[0], action.move[1] = 0.0, 1.0
    elif nearest < 2.0:
        action.move[0] = 0.0


@jit
def child(s: State, p: Params, agent: int, memory: Plan, action: Any) -> None:
    """Hide or seek, as the role asks."""
    if team_of(s, agent) == HIDERS:
        hide(s, p, agent, memory, action)
    else:
        seek(s, p, agent, memory, action)
