"""Hide and seek: hiders block doors with boxes while seekers wait; then these look for them.

In the corner of a hall lies a room with two doors.  Boxes and ramps can be dragged, and locked so that only one's own
team moves them again; over a ramp one gets onto boxes and walls, and sees from there.

Actions       Dict: "move" Box(-1, 1, (2,)), ahead and turn to the left; "hands" Discrete(3): FREE, HOLD drags the
              nearest thing within reach, LOCK fixes it where it stands.  HOLD unlocks what one's own team has locked.
Observation   float32 (11 + 16 + 6 (agents - 1) + 7 things,): role, velocity ahead and to the left, height, heading, place,
              hands full, time left to hide and to seek; 16 rays, how far it is to what is around; of every other agent
              and every thing, all 0 unless seen: presence, place from the agent, and velocity and team, or angle and lock.
Reward        from when the seekers may move, each step: reward_seen to seekers where they see a hider, else to hiders;
              to the others the same below 0.
Termination   none.  Truncation: max_steps.
Parameters    hiders, seekers, boxes, ramps, size, prepare, cone, reward_seen, max_steps.
Source        own; after Baker et al. 2020, "Emergent Tool Use From Multi-Agent Autocurricula", arXiv 1909.07528.
"""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from puffer_arena.core import (
    Array,
    Box,
    Camera,
    Canvas,
    Canvas3D,
    Dict,
    Discrete,
    Env,
    Header,
    Memory,
    body3d,
    f64,
    i32,
    jit,
    orb,
    param,
    randint,
    uniform,
)
from puffer_arena.core.rays import ray_edge

if TYPE_CHECKING:
    from panda3d.bullet import BulletWorld

FREE, HOLD, LOCK = range(3)
TIME_STEP = 1 / 15
RADIUS, MASS = 0.4, 30.0  # of an agent; m, kg
SPEED, TURN = 3.5, 3.0  # m/s, rad/s
REACH = 1.5  # metres from an agent's middle to a thing's
HALF = 0.55  # of a box's side, and of the height of all, m
WEDGE = 0.8  # half a ramp's length, m
NOTHING = -1
SIDE = 5  # blocks that a wall of the room consists of, less its door
RAYS = 16
UNLOCKED, HIDERS, SEEKERS = range(3)  # whose lock is on a thing; the same numbers are the teams
FAR = 60.0  # metres at which what is not used lies


@dataclass(frozen=True)
class Params:
    hiders: int = param(2, 1, 3, "who hide")
    seekers: int = param(2, 1, 3, "who seek")
    boxes: int = param(2, 1, 4, "to drag")
    ramps: int = param(1, 1, 2, "to drag")
    size: float = param(12.0, 9.0, 20.0, "of the hall, m", at_reset=True)
    prepare: int = param(75, 0, 1000, "steps for which the seekers wait")
    cone: float = param(1.2, 0.3, 3.14, "half the angle of sight, rad")
    reward_seen: float = param(0.02, 0.0, 1.0, "for a step with, or without, a hider in sight")
    max_steps: int = param(300, 20, 100_000, "steps before the episode is truncated")

    @property
    def agents(self) -> int:
        return self.hiders + self.seekers

    @property
    def things(self) -> int:
        return self.boxes + self.ramps

    @property
    def seen(self) -> int:
        return 11 + RAYS + 6 * (self.agents - 1) + 7 * self.things


class State(Header):
    agents: Array = body3d("agents")
    boxes: Array = body3d("boxes")
    ramps: Array = body3d("ramps")
    blocks: Array = body3d(2 * SIDE)  # the room's walls: SIDE along x, then along y
    heading: Array = f64("agents")  # rad
    near: Array = i32("agents")  # the thing within reach, or NOTHING
    held: Array = i32("agents")  # the thing that is dragged, or NOTHING
    lock: Array = i32("things")
    kept: Array = f64("things", 4)  # where what is locked stands: x, y, z, angle
    corner: Array = f64(2)  # -1 or 1, where the room is
    door: Array = i32(2, below=SIDE)  # of either wall, counted from the hall's
    spotted: Array = i32("hiders")  # 1 for who is seen; its length parts hiders from seekers
    hidden: float = f64()  # share of the search in which no hider was seen
    seen: float = f64()  # the rest


class Plan(Memory):
    """Where a bot goes."""

    x: float = f64()
    y: float = f64()
    until: int = i32()  # step in which it thinks again


def build(world: "BulletWorld", p: Params) -> dict[str, Any]:
    from panda3d.bullet import BulletBoxShape, BulletConvexHullShape, BulletRigidBodyNode, BulletSphereShape
    from panda3d.core import Point3, TransformState, Vec3

    world.set_gravity(Vec3(0, 0, -9.81))

    def add(name: str, shape: Any, mass: float, color: str, friction: float) -> Any:
        node = BulletRigidBodyNode(name)
        node.add_shape(shape)
        node.set_mass(mass)
        node.set_friction(friction)
        node.set_tag("color", color)
        world.attach(node)
        return node

    half = 0.5 * p.size
    hall = add("hall", BulletBoxShape(Vec3(2 * FAR, 2 * FAR, 0.5)), 0.0, "floor", 0.8)
    hall.set_transform(TransformState.make_pos(Point3(0, 0, -0.5)))
    for k, (x, y) in enumerate(((1.0, 0.0), (-1.0, 0.0), (0.0, 1.0), (0.0, -1.0))):
        shape = BulletBoxShape(Vec3(0.5 if x else half + 1, 0.5 if y else half + 1, 2))
        wall = add(f"wall {k}", shape, 0.0, "wall", 0.0)
        wall.set_transform(TransformState.make_pos(Point3(x * (half + 0.5), y * (half + 0.5), 0)))
    long = block_length(p) / 2
    sides = [Vec3(long, 0.1, HALF)] * SIDE + [Vec3(0.1, long, HALF)] * SIDE
    blocks = [add(f"block {k}", BulletBoxShape(side), 0.0, "stone", 0.0) for k, side in enumerate(sides)]
    wedge = BulletConvexHullShape()
    for x in (-HALF, HALF):
        for y, z in ((-WEDGE, -HALF), (WEDGE, -HALF), (WEDGE, HALF)):
            wedge.add_point(Point3(x, y, z))
    cube = BulletBoxShape(Vec3(HALF, HALF, HALF))
    boxes = [add(f"box {k}", cube, 12.0, "amber", 0.5) for k in range(p.boxes)]
    ramps = [add(f"ramp {k}", wedge, 12.0, "lime", 0.5) for k in range(p.ramps)]
    for thing in boxes + ramps:
        thing.set_angular_factor(Vec3(0, 0, 1))
        thing.set_angular_damping(0.9)
    agents = []
    for k in range(p.agents):
        agents.append(add(f"agent {k}", BulletSphereShape(RADIUS), MASS, "sky" if k < p.hiders else "rose", 0.0))
        agents[k].set_angular_factor(Vec3(0, 0, 0))
    for k, node in enumerate([*blocks, *boxes, *ramps, *agents]):
        node.set_transform(TransformState.make_pos(Point3(FAR, 2.0 * k - FAR / 2, HALF)))
    return {"agents": agents, "boxes": boxes, "ramps": ramps, "blocks": blocks}


@jit
def block_length(p: Params) -> float:
    return 0.42 * p.size / SIDE


@jit
def thing(s: State, k: int) -> Any:
    """Return a box or, behind all boxes, a ramp."""
    return s.boxes[k] if k < len(s.boxes) else s.ramps[k - len(s.boxes)]


@jit
def is_used(s: State, p: Params, k: int) -> bool:
    """Tell whether thing `k` takes part."""
    return k < p.boxes if k < len(s.boxes) else k - len(s.boxes) < p.ramps


@jit
def put(body: Any, x: float, y: float, z: float, angle: float) -> None:
    """Put a body somewhere, at rest, turned about its upright axis."""
    body.x, body.y, body.z = x, y, z
    body.qw, body.qx, body.qy, body.qz = math.cos(angle / 2), 0.0, 0.0, math.sin(angle / 2)
    body.vx, body.vy, body.vz, body.spin_x, body.spin_y, body.spin_z = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0


@jit
def angle_of(body: Any) -> float:
    return 2.0 * math.atan2(body.qz, body.qw)


@jit
def team_of(s: State, agent: int) -> int:
    return HIDERS if agent < len(s.spotted) else SEEKERS


@jit
def wall_at(s: State, p: Params, axis: int) -> float:
    """Return where the room's wall across an axis is: x of the one along y, y of the one along x."""
    return float(s.corner[axis] * (0.5 * p.size - SIDE * block_length(p)))


@jit
def is_inside(s: State, p: Params, x: float, y: float) -> bool:
    """Tell whether a place lies in the room."""
    return bool(s.corner[0] * (x - wall_at(s, p, 0)) > 0.0 and s.corner[1] * (y - wall_at(s, p, 1)) > 0.0)


@jit
def door_at(s: State, p: Params, wall: int) -> tuple[float, float]:
    """Return the middle of a wall's door: of the one along x, or along y."""
    along = s.corner[wall] * (0.5 * p.size - (s.door[wall] + 0.5) * block_length(p))
    return (along, wall_at(s, p, 1)) if wall == 0 else (wall_at(s, p, 0), along)


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
def cast(s: State, p: Params, eye: tuple[float, float, float], to: tuple[float, float, float], skip: int) -> float:
    """Return the part of a line of sight that is free, 1 for all of it; thing `skip` hides nothing."""
    (x0, y0, z0), (x1, y1, z1), long = eye, to, 0.5 * block_length(p)
    free = 1.0
    for k in range(len(s.blocks)):
        x, y = s.blocks[k].x, s.blocks[k].y
        dx, dy = (long, 0.0) if k < SIDE else (0.0, long)
        t = ray_edge(x0, y0, x1, y1, x - dx, y - dy, x + dx, y + dy)
        if t < free and z0 + t * (z1 - z0) < 2.0 * HALF:
            free = t
    for k in range(len(s.lock)):
        if k == skip:
            continue
        body, is_ramp = thing(s, k), k >= len(s.boxes)
        angle = angle_of(body)
        cos, sin, half = math.cos(angle), math.sin(angle), WEDGE if is_ramp else HALF
        for edge in range(1 if is_ramp else 4):  # of a ramp the high end; of a box all sides
            ax, ay = ((HALF, half), (-HALF, half), (-HALF, -half), (HALF, -half))[edge]
            bx, by = ((-HALF, half), (-HALF, -half), (HALF, -half), (HALF, half))[edge]
            ax, ay = body.x + ax * cos - ay * sin, body.y + ax * sin + ay * cos
            bx, by = body.x + bx * cos - by * sin, body.y + bx * sin + by * cos
            t = ray_edge(x0, y0, x1, y1, ax, ay, bx, by)
            if t < free and z0 + t * (z1 - z0) < body.z + HALF:
                free = t
    return free


@jit
def sees(s: State, p: Params, agent: int, body: Any, skip: int) -> bool:
    """Tell whether a body stands in an agent's cone of sight and nothing hides it."""
    own = s.agents[agent]
    dx, dy = body.x - own.x, body.y - own.y
    ahead = dx * math.cos(s.heading[agent]) + dy * math.sin(s.heading[agent])
    if ahead < math.cos(p.cone) * math.sqrt(dx * dx + dy * dy):
        return False
    return cast(s, p, (own.x, own.y, own.z + 0.2), (body.x, body.y, body.z + 0.2), skip) >= 1.0


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
def observe(s: State, p: Params, agent: int, obs: Array) -> None:
    own, way = s.agents[agent], s.heading[agent]
    cos, sin, half = math.cos(way), math.sin(way), 0.5 * p.size
    team, eye = team_of(s, agent), (own.x, own.y, own.z + 0.2)
    obs[0] = 1.0 if team == HIDERS else -1.0
    obs[1], obs[2] = (own.vx * cos + own.vy * sin) / SPEED, (own.vy * cos - own.vx * sin) / SPEED
    obs[3], obs[4], obs[5] = own.z - RADIUS, cos, sin
    obs[6], obs[7] = s.corner[0] * own.x / half, s.corner[1] * own.y / half  # the room is where both are 1
    obs[8] = 1.0 if s.held[agent] != NOTHING else 0.0
    obs[9] = max(0.0, 1.0 - s.step_count / max(p.prepare, 1))
    obs[10] = max(0.0, 1.0 - s.step_count / p.max_steps)
    for ray in range(RAYS):
        dx, dy = math.cos(way + ray * 2.0 * math.pi / RAYS), math.sin(way + ray * 2.0 * math.pi / RAYS)
        far = min((half - own.x * (1.0 if dx > 0.0 else -1.0)) / max(abs(dx), 1e-6), 2.0 * p.size)
        far = max(min(far, (half - own.y * (1.0 if dy > 0.0 else -1.0)) / max(abs(dy), 1e-6)), 0.0)
        obs[11 + ray] = far / p.size * cast(s, p, eye, (own.x + far * dx, own.y + far * dy, own.z + 0.2), NOTHING)
    at = 11 + RAYS
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


def draw(s: State, p: Params, canvas: Canvas) -> None:
    """Look down on the hall."""
    half, hiders = 0.5 * p.size, len(s.spotted)
    canvas.view(p.size + 1.2, p.size + 1.2, left=-half - 0.6, low=-half - 0.6, up=True, bleed=True)
    canvas.rect(-half - 30, -half - 30, p.size + 60, p.size + 60, "slate")
    canvas.rect(-half, -half, p.size, p.size, "sand")
    x, y, side = wall_at(s, p, 0), wall_at(s, p, 1), SIDE * block_length(p)
    canvas.rect(min(x, x + s.corner[0] * side), min(y, y + s.corner[1] * side), side, side, "wood", alpha=0.5)
    for k in range(1, int(p.size)):
        canvas.line([(-half + k, -half), (-half + k, half)], "plank", width=0.03, alpha=0.25)
        canvas.line([(-half, -half + k), (half, -half + k)], "plank", width=0.03, alpha=0.25)
    for k in range(len(s.agents)):
        if s.alive[k] and (k < hiders or s.step_count >= p.prepare):
            draw_cone(s, p, k, canvas)
    for k in range(len(s.blocks)):
        long = 0.5 * block_length(p) + 0.05
        wide, high = (long, 0.12) if k < SIDE else (0.12, long)
        if s.blocks[k].x < half:
            canvas.rect(s.blocks[k].x - wide, s.blocks[k].y - high - 0.1, 2 * wide, 2 * high, "shadow", alpha=0.35)
            canvas.rect(s.blocks[k].x - wide, s.blocks[k].y - high, 2 * wide, 2 * high, "rock")
    for k in range(len(s.lock)):
        if is_used(s, p, k):
            draw_thing(s, k, canvas)
    for k in range(len(s.agents)):
        if s.alive[k]:
            draw_agent(s, k, canvas)
    wait = p.prepare - s.step_count
    canvas.status(
        f"the seekers wait {wait * TIME_STEP:.0f} s" if wait > 0 else f"hidden for {100 * s.hidden:.0f} % of the search"
    )


def draw_cone(s: State, p: Params, k: int, canvas: Canvas) -> None:
    """Draw what an agent sees of the floor."""
    own, points = s.agents[k], [(s.agents[k].x, s.agents[k].y)]
    for j in range(33):
        way, half = s.heading[k] + p.cone * (j - 16) / 16, 0.5 * p.size
        dx, dy = math.cos(way), math.sin(way)
        far = min((half - own.x * math.copysign(1, dx)) / max(abs(dx), 1e-6), 6.0)
        far = min(far, (half - own.y * math.copysign(1, dy)) / max(abs(dy), 1e-6))
        far *= cast(s, p, (own.x, own.y, own.z + 0.2), (own.x + far * dx, own.y + far * dy, own.z + 0.2), NOTHING)
        points.append((own.x + far * dx, own.y + far * dy))
    canvas.polygon(points, "sky" if k < len(s.spotted) else "rose", alpha=0.22)


def draw_thing(s: State, k: int, canvas: Canvas) -> None:
    body, is_ramp = thing(s, k), k >= len(s.boxes)
    cos, sin, half = math.cos(angle_of(body)), math.sin(angle_of(body)), WEDGE if is_ramp else HALF

    def at(x: float, y: float) -> tuple[float, float]:
        return body.x + x * cos - y * sin, body.y + x * sin + y * cos

    corners = [at(-HALF, -half), at(HALF, -half), at(HALF, half), at(-HALF, half)]
    canvas.polygon([(x + 0.1, y - 0.12) for x, y in corners], "shadow", alpha=0.35)
    canvas.polygon(corners, "lime" if is_ramp else "amber")
    if is_ramp:  # darker where it is high
        for j in range(4):
            low, high = -half + 0.4 * j, -half + 0.4 * (j + 1)
            canvas.polygon([at(-HALF, low), at(HALF, low), at(HALF, high), at(-HALF, high)], "leaf", alpha=0.25 * j)
    else:
        canvas.line([at(-HALF, -half), at(HALF, half)], "plank", width=0.1)
        canvas.line([at(HALF, -half), at(-HALF, half)], "plank", width=0.1)
    canvas.line([*corners, corners[0]], "leaf" if is_ramp else "plank", width=0.09)
    if s.lock[k] != UNLOCKED:
        canvas.circle(body.x, body.y, 0.24, "sky" if s.lock[k] == HIDERS else "rose")
        canvas.ring(body.x, body.y + 0.16, 0.13, "white", width=0.06)
        canvas.rect(body.x - 0.14, body.y - 0.16, 0.28, 0.24, "white", radius=0.04)


def draw_agent(s: State, k: int, canvas: Canvas) -> None:
    own, is_hider = s.agents[k], k < len(s.spotted)
    size = RADIUS * (1.0 + 0.25 * max(own.z - RADIUS, 0.0))  # nearer to who looks down
    canvas.circle(own.x + 0.08, own.y - 0.1, size, "shadow", alpha=0.35)
    if is_hider and s.spotted[k]:
        canvas.ring(own.x, own.y, size + 0.18, "rose", width=0.09)
    orb(canvas, own.x, own.y, size, "sky" if is_hider else "rose")
    for side in (-0.5, 0.5):
        way = s.heading[k] + side
        x, y = own.x + 0.62 * size * math.cos(way), own.y + 0.62 * size * math.sin(way)
        canvas.circle(x, y, 0.26 * size, "white")
        look = s.heading[k]
        canvas.circle(x + 0.1 * size * math.cos(look), y + 0.1 * size * math.sin(look), 0.14 * size, "shadow")
    canvas.agent(k, own.x, own.y, size)
    if 0 <= s.held[k] < len(s.lock):
        body = thing(s, s.held[k])
        canvas.line([(own.x, own.y), (body.x, body.y)], "white", width=0.08, alpha=0.7)


def draw3d(s: State, p: Params, canvas: Canvas3D) -> None:
    """Lay the room's floor, give agents eyes, show cones of sight, locks and who is seen."""
    x, y, side = wall_at(s, p, 0), wall_at(s, p, 1), SIDE * block_length(p)
    canvas.box(0.0, 0.0, 0.005, p.size, p.size, 0.01, "sand")
    canvas.box(x + 0.5 * s.corner[0] * side, y + 0.5 * s.corner[1] * side, 0.015, side, side, 0.02, "wood")
    for k in range(len(s.lock)):
        if s.lock[k] != UNLOCKED:
            field, index = ("boxes", k) if k < len(s.boxes) else ("ramps", k - len(s.boxes))
            canvas.paint(field, "violet" if s.lock[k] == HIDERS else "orange", index)
    for k in range(len(s.agents)):
        if not s.alive[k]:
            continue
        own, way = s.agents[k], s.heading[k]
        for turn in (-0.45, 0.45):
            ex, ey = math.cos(way + turn), math.sin(way + turn)
            canvas.sphere(own.x + 0.3 * ex, own.y + 0.3 * ey, own.z + 0.18, 0.13, "white")
            canvas.sphere(own.x + 0.4 * ex, own.y + 0.4 * ey, own.z + 0.19, 0.07, "shadow")
        if k >= len(s.spotted) and s.step_count < p.prepare:
            canvas.cylinder(
                (own.x, own.y, own.z + 0.1), (own.x, own.y, own.z + 0.28), RADIUS + 0.02, "slate"
            )  # blindfold
            continue
        points = [(own.x, own.y)]
        for j in range(-4, 5):
            to = own.x + 2.5 * math.cos(way + p.cone * j / 4), own.y + 2.5 * math.sin(way + p.cone * j / 4)
            free = cast(s, p, (own.x, own.y, own.z + 0.2), (*to, own.z + 0.2), NOTHING)
            points.append((own.x + free * (to[0] - own.x), own.y + free * (to[1] - own.y)))
        color = "sky" if k < len(s.spotted) else "rose"
        canvas.line([(px, py, 0.06) for px, py in (*points, points[0])], color, width=0.05, alpha=0.8)
        if k < len(s.spotted) and s.spotted[k]:
            canvas.sphere(own.x, own.y, own.z + 0.85, 0.14, "rose")
            canvas.cylinder((own.x, own.y, own.z + 1.05), (own.x, own.y, own.z + 1.5), 0.09, "rose")


def camera(s: State, p: Params, view: Camera) -> None:
    view.orbit(0.0, -0.06 * p.size, 0.0, angle=-0.5 * math.pi, elevation=0.95, distance=1.4 * p.size)


ENV = Env(
    params=Params,
    state=State,
    observation=Box(-np.inf, np.inf, ("seen",)),
    action=Dict(
        {
            "move": Box(-1.0, 1.0, (2,), labels=("ahead", "turn left")),
            "hands": Discrete(3, ("free", "hold", "lock")),
        }
    ),
    reset=reset,
    observe=observe,
    draw=draw,
    draw3d=draw3d,
    camera=camera,
    agents={"hider": "hiders", "seeker": "seekers"},
    engine="panda3d",
    build=build,
    act=act,
    judge=judge,
    time_step=TIME_STEP,
    substeps=2,
    bots={"child": child},
    bot_memory=Plan,
    keys={
        "up": ("move", 0, 1.0),
        "down": ("move", 0, -1.0),
        "left": ("move", 1, 1.0),
        "right": ("move", 1, -1.0),
        "space": ("hands", HOLD),
        "shift": ("hands", LOCK),
    },
    idle={"move": (0.0, 0.0), "hands": FREE},
    counters=("hidden", "seen"),
    scores={"hider": "hidden", "seeker": "seen"},
)
