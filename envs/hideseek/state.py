"""Hide and seek's numbers: what a row is, and where its walls and things are."""

import math
from dataclasses import dataclass
from typing import Any

from puffer_arena.core import Array, Header, body3d, f64, i32, jit, labels_of, param

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
SEEN = (
    *("team", "speed ahead", "speed left", "height", "cosine", "sine", "x", "y", "hands full"),
    *("time to hide", "time left", "door ahead", "door left", "other door ahead", "other door left"),
    *(f"ray {k}" for k in range(RAYS)),
)
RAYS_AT, OTHERS_AT = len(SEEN) - RAYS, len(SEEN)
SEEN_OF_OTHERS = ("there", "ahead", "left", "speed ahead", "speed left", "team")
SEEN_OF_THINGS = ("there", "ahead", "left", "cosine", "sine", "ramp", "lock")
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
    def seen(self) -> tuple[str, ...]:
        others = labels_of("agent", self.agents - 1, SEEN_OF_OTHERS)
        return SEEN + others + labels_of("thing", self.things, SEEN_OF_THINGS)


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
def from_room(s: State, x: float, y: float) -> tuple[float, float]:
    """Turn a vector by quarters to where the room lies ahead on both axes, so that left stays left."""
    if s.corner[0] * s.corner[1] > 0.0:
        return s.corner[0] * x, s.corner[0] * y
    return s.corner[1] * y, s.corner[0] * x


@jit
def door_at(s: State, p: Params, wall: int) -> tuple[float, float]:
    """Return the middle of a wall's door: of the one along x, or along y."""
    along = s.corner[wall] * (0.5 * p.size - (s.door[wall] + 0.5) * block_length(p))
    return (along, wall_at(s, p, 1)) if wall == 0 else (wall_at(s, p, 0), along)
