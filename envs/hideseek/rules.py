"""What a step of hide and seek does."""

import math
from typing import Any

from puffer_arena.core import Array, jit, randint, uniform
from puffer_arena.envs.hideseek.sight import cast, sees
from puffer_arena.envs.hideseek.state import (
    HALF,
    HIDERS,
    HOLD,
    LOCK,
    MASS,
    NOTHING,
    OTHERS_AT,
    RADIUS,
    RAYS,
    RAYS_AT,
    REACH,
    SEEKERS,
    SIDE,
    SPEED,
    TIME_STEP,
    TURN,
    UNLOCKED,
    Params,
    State,
    angle_of,
    block_length,
    door_at,
    from_room,
    is_inside,
    is_used,
    put,
    team_of,
    thing,
    wall_at,
)


@jit
def reset(s: State, p: Params) -> None:
    s.corner[0], s.corner[1] = 2.0 * randint(s, 2) - 1.0, 2.0 * randint(s, 2) - 1.0
    s.hidden = s.seen = 0.0
    for wall in range(2):
        s.door[wall] = randint(s, SIDE - 1)  # the last stays: it joins both walls
        for k in range(SIDE):
            along = s.corner[wall] * (0.5 * p.size - (k + 0.5) * block_length(p))
            across, block = wall_at(s, p, 1 - wall), s.blocks[wall * SIDE + k]
            if k != s.door[wall]:
                put(block, along if wall == 0 else across, across if wall == 0 else along, HALF, 0.0)
    for k in range(len(s.lock)):
        s.lock[k] = UNLOCKED
        s.kept[k, :] = 0.0
        if is_used(s, p, k):
            x, y = draw_place(s, p, k >= len(s.boxes))
            put(thing(s, k), x, y, HALF, uniform(s, -math.pi, math.pi))
    s.spotted[:] = 0
    hiders = len(s.spotted)
    for k in range(len(s.agents)):
        s.alive[k] = 1 if (k < p.hiders if k < hiders else k - hiders < p.seekers) else 0
        s.near[k] = s.held[k] = NOTHING
        s.heading[k] = uniform(s, -math.pi, math.pi)
        if s.alive[k]:
            x, y = draw_place(s, p, k >= hiders)
            put(s.agents[k], x, y, RADIUS, 0.0)


@jit
def draw_place(s: State, p: Params, outside: bool) -> tuple[float, float]:
    """Draw a place that is free, where one is found soon; seekers and ramps begin outside the room."""
    far, x, y = 0.5 * p.size - 1.2, 0.0, 0.0
    for _ in range(64):
        x, y = uniform(s, -far, far), uniform(s, -far, far)
        by_wall = min(abs(x - wall_at(s, p, 0)), abs(y - wall_at(s, p, 1))) < 1.2
        free = not by_wall and not (outside and is_inside(s, p, x, y))
        for k in range(len(s.lock)):
            free = free and abs(thing(s, k).x - x) + abs(thing(s, k).y - y) > 2.0
        for k in range(len(s.agents)):
            free = free and abs(s.agents[k].x - x) + abs(s.agents[k].y - y) > 1.5
        if free:
            break
    return x, y


@jit
def act(s: State, p: Params, actions: Any) -> None:
    for k in range(len(s.agents)):
        own = s.agents[k]
        waits = not s.alive[k] or (team_of(s, k) == SEEKERS and s.step_count <= p.prepare)
        ahead = 0.0 if waits else actions[k].move[0]
        s.heading[k] += 0.0 if waits else TURN * TIME_STEP * actions[k].move[1]
        s.heading[k] -= 2.0 * math.pi * math.floor(s.heading[k] / (2.0 * math.pi) + 0.5)
        s.near[k] = NOTHING if waits else find_near(s, p, k)
        s.held[k] = s.near[k] if actions[k].hands == HOLD else NOTHING
        if s.held[k] != NOTHING:
            ahead *= 0.6
        own.fx = MASS * 6.0 * (SPEED * ahead * math.cos(s.heading[k]) - own.vx)
        own.fy = MASS * 6.0 * (SPEED * ahead * math.sin(s.heading[k]) - own.vy)
    for j in range(len(s.lock)):
        turn_lock(s, j, actions)
    for k in range(len(s.agents)):
        if 0 <= s.held[k] < len(s.lock):
            drag(s, k, thing(s, s.held[k]))


@jit
def find_near(s: State, p: Params, agent: int) -> int:
    """Return the nearest thing within reach that the other team has not locked, or NOTHING."""
    own, best, nearest = s.agents[agent], NOTHING, REACH
    for j in range(len(s.lock)):
        body = thing(s, j)
        away = math.sqrt((body.x - own.x) ** 2 + (body.y - own.y) ** 2 + (body.z - own.z) ** 2)
        if away < nearest and (s.lock[j] == UNLOCKED or s.lock[j] == team_of(s, agent)):
            best, nearest = j, away
    return best


@jit
def turn_lock(s: State, j: int, actions: Any) -> None:
    """Lock or unlock a thing as those near it want; where both teams do, nothing happens."""
    locking, holding = 0, 0
    for k in range(len(s.agents)):
        if s.near[k] == j and actions[k].hands == LOCK:
            locking |= team_of(s, k)
        if s.held[k] == j:
            holding |= team_of(s, k)
    body = thing(s, j)
    if holding:
        s.lock[j] = UNLOCKED
    elif s.lock[j] == UNLOCKED and locking != (HIDERS | SEEKERS) and locking:
        s.lock[j] = locking
        s.kept[j, 0], s.kept[j, 1], s.kept[j, 2], s.kept[j, 3] = body.x, body.y, body.z, angle_of(body)


@jit
def drag(s: State, agent: int, body: Any) -> None:
    """Pull a thing to where the agent's arms are."""
    own, far = s.agents[agent], RADIUS + HALF + 0.15
    gap_x = own.x + far * math.cos(s.heading[agent]) - body.x
    gap_y = own.y + far * math.sin(s.heading[agent]) - body.y
    body.fx += min(max(12.0 * (25.0 * gap_x - 5.0 * (body.vx - own.vx)), -250.0), 250.0)
    body.fy += min(max(12.0 * (25.0 * gap_y - 5.0 * (body.vy - own.vy)), -250.0), 250.0)


@jit
def judge(s: State, p: Params, rewards: Array, terminated: Array) -> bool:
    hiders, found = len(s.spotted), 0
    for j in range(len(s.lock)):
        if s.lock[j] != UNLOCKED:
            put(thing(s, j), s.kept[j, 0], s.kept[j, 1], s.kept[j, 2], s.kept[j, 3])
    for k in range(hiders):
        s.spotted[k] = 0
        for seeker in range(hiders, len(s.agents)):
            if s.alive[k] and s.alive[seeker] and sees(s, p, seeker, s.agents[k], NOTHING):
                s.spotted[k] = found = 1
    searched = s.step_count - p.prepare
    if searched > 0:
        for k in range(len(s.agents)):
            wins = found == (0 if k < hiders else 1)
            rewards[k] = 0.0 if not s.alive[k] else p.reward_seen if wins else -p.reward_seen
        s.seen += (found - s.seen) / searched
        s.hidden = 1.0 - s.seen
    return s.step_count >= p.max_steps


@jit
def away_from(body: Any, place: tuple[float, float]) -> float:
    return math.hypot(place[0] - body.x, place[1] - body.y)


@jit
def observe(s: State, p: Params, agent: int, obs: Array) -> None:
    own, way = s.agents[agent], s.heading[agent]
    cos, sin, half = math.cos(way), math.sin(way), 0.5 * p.size
    team, eye = team_of(s, agent), (own.x, own.y, own.z + 0.2)
    obs[0] = 1.0 if team == HIDERS else -1.0
    obs[1], obs[2] = (own.vx * cos + own.vy * sin) / SPEED, (own.vy * cos - own.vx * sin) / SPEED
    obs[3] = own.z - RADIUS
    obs[4], obs[5] = from_room(s, cos, sin)
    obs[6], obs[7] = from_room(s, own.x / half, own.y / half)
    obs[8] = 1.0 if s.held[agent] != NOTHING else 0.0
    obs[9] = max(0.0, 1.0 - s.step_count / max(p.prepare, 1))
    obs[10] = max(0.0, 1.0 - s.step_count / p.max_steps)
    doors = door_at(s, p, 0), door_at(s, p, 1)
    nearer = 1 if away_from(own, doors[1]) < away_from(own, doors[0]) else 0
    for j in range(2):
        x, y = doors[nearer ^ j]
        dx, dy = x - own.x, y - own.y
        obs[11 + 2 * j], obs[12 + 2 * j] = (dx * cos + dy * sin) / half, (dy * cos - dx * sin) / half
    for ray in range(RAYS):
        dx, dy = math.cos(way + ray * 2.0 * math.pi / RAYS), math.sin(way + ray * 2.0 * math.pi / RAYS)
        far = min((half - own.x * (1.0 if dx > 0.0 else -1.0)) / max(abs(dx), 1e-6), 2.0 * p.size)
        far = max(min(far, (half - own.y * (1.0 if dy > 0.0 else -1.0)) / max(abs(dy), 1e-6)), 0.0)
        obs[RAYS_AT + ray] = far / p.size * cast(s, p, eye, (own.x + far * dx, own.y + far * dy, own.z + 0.2), NOTHING)
    at = OTHERS_AT
    for j in range(1, len(s.agents)):
        k = (agent + j) % len(s.agents)
        other = s.agents[k]
        obs[at : at + 6] = 0.0
        if s.alive[k] and sees(s, p, agent, other, NOTHING):
            dx, dy, dvx, dvy = other.x - own.x, other.y - own.y, other.vx - own.vx, other.vy - own.vy
            obs[at], obs[at + 1], obs[at + 2] = 1.0, (dx * cos + dy * sin) / half, (dy * cos - dx * sin) / half
            obs[at + 3], obs[at + 4] = (dvx * cos + dvy * sin) / SPEED, (dvy * cos - dvx * sin) / SPEED
            obs[at + 5] = 1.0 if team_of(s, k) == team else -1.0
        at += 6
    for j in range(len(s.lock)):
        body = thing(s, j)
        obs[at : at + 7] = 0.0
        if is_used(s, p, j) and sees(s, p, agent, body, j):
            dx, dy, turned = body.x - own.x, body.y - own.y, angle_of(body) - way
            obs[at], obs[at + 1], obs[at + 2] = 1.0, (dx * cos + dy * sin) / half, (dy * cos - dx * sin) / half
            obs[at + 3], obs[at + 4] = math.cos(turned), math.sin(turned)
            obs[at + 5] = 1.0 if j >= len(s.boxes) else 0.0
            obs[at + 6] = 0.0 if s.lock[j] == UNLOCKED else 1.0 if s.lock[j] == team else -1.0
        at += 7
