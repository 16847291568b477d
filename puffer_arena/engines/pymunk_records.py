"""A row's records and what they stand for in Chipmunk's memory: poses, forces, drives, edges, touches.

Compiled templates for one record each; `record_loops` makes of them functions of a row, for one environment.
"""

import math
from typing import Any

from puffer_arena.core.bodies import POSE_2D, Body2D, each_record, generate
from puffer_arena.core.compile import bind, jit
from puffer_arena.core.env import Env
from puffer_arena.core.world_kernel import FARTHEST, FASTEST, STRONGEST
from puffer_arena.engines.chipmunk_calls import ADD_SHAPE, MOTION, REAL, SET_ENDPOINTS, SET_MAX_FORCE
from puffer_arena.engines.pymunk_block import (
    CALLS,
    DRIVEN,
    DRIVES,
    LAID,
    MOTIONS,
    POSE_AT,
    SEGMENTS,
    SETTERS,
    SLOTS,
    SPACE,
)
from puffer_arena.engines.pymunk_touches import load_touch

POSE_BYTES = REAL * len(POSE_2D)
X, Y, VX, VY, FX, FY, ANGLE, SPIN, TORQUE = range(len(MOTION))
CHANGED, UNUSABLE = 1, 2  # what storing a row finds


def _unbound(*_: Any) -> Any:
    raise AssertionError("a template was called before record_loops")


load = store = load_real = store_real = call_pp = call_pf = call_segment = _unbound


@jit
def is_usable(body: Body2D) -> bool:
    """Tell whether a row's body lies in the world and its numbers are finite."""
    inside = abs(body.x) < FARTHEST and abs(body.y) < FARTHEST and abs(body.angle) < FASTEST
    return inside and abs(body.vx) < FASTEST and abs(body.vy) < FASTEST and abs(body.spin) < FASTEST


@jit
def compare_pose(body: Any, at: int) -> int:
    """Tell whether the rules changed a body's pose or velocity, or into something of no use."""
    same = body.x == load_real(at, X) and body.y == load_real(at, Y) and body.angle == load_real(at, ANGLE)
    if same and body.vx == load_real(at, VX) and body.vy == load_real(at, VY) and body.spin == load_real(at, SPIN):
        return 0
    return CHANGED if is_usable(body) else UNUSABLE


@jit
def store_pose(body: Any, at: int) -> int:
    """Copy a body's pose and velocity into the mirror; tell whether they are of no use."""
    store_real(at, 0, body.x)
    store_real(at, 1, body.y)
    store_real(at, 2, body.angle)
    store_real(at, 3, body.vx)
    store_real(at, 4, body.vy)
    store_real(at, 5, body.spin)
    return 0 if is_usable(body) else UNUSABLE


@jit
def check_pose(at: int) -> int:
    """Tell whether a body left the world."""
    inside = abs(load_real(at, X)) < FARTHEST and abs(load_real(at, Y)) < FARTHEST
    slow = abs(load_real(at, VX)) < FASTEST and abs(load_real(at, VY)) < FASTEST
    turns = abs(load_real(at, ANGLE)) < FASTEST and abs(load_real(at, SPIN)) < FASTEST
    return 0 if inside and slow and turns else UNUSABLE


@jit
def load_pose(body: Any, at: int) -> None:
    """Copy a body's pose and velocity into the row."""
    body.x = load_real(at, X)
    body.y = load_real(at, Y)
    body.angle = load_real(at, ANGLE)
    body.vx = load_real(at, VX)
    body.vy = load_real(at, VY)
    body.spin = load_real(at, SPIN)


@jit
def check_force(body: Any) -> int:
    """Tell whether a force is of no use."""
    usable = abs(body.fx) < STRONGEST and abs(body.fy) < STRONGEST and abs(body.torque) < STRONGEST
    return 0 if usable else UNUSABLE


@jit
def store_force(body: Any, at: int) -> None:
    """Let a force act on a body for one substep; Chipmunk clears it afterwards."""
    store_real(at, FX, body.fx)
    store_real(at, FY, body.fy)
    store_real(at, TORQUE, body.torque)


@jit
def drive_joint(joint: Any, link: int, k: int) -> int:
    """Give a joint the target and the limit that the rules wrote; tell whether they are of no use."""
    if not (abs(joint.target) < STRONGEST and joint.max_force >= 0.0):
        return UNUSABLE
    at, calls = load(link, DRIVES) + 2 * REAL * k, load(link, CALLS)
    if joint.target != load_real(at, 0) or joint.max_force != load_real(at, 1):
        store_real(at, 0, joint.target)
        store_real(at, 1, joint.max_force)
        pointer, setter = load(load(link, DRIVEN), k), load(load(link, SETTERS), k)
        if setter != 0:
            call_pf(setter, (pointer, joint.target))
        call_pf(load(calls, SET_MAX_FORCE), (pointer, joint.max_force))
    return 0


@jit
def forget_drive(joint: Any, link: int, k: int) -> None:
    """Have a joint's target and limit given anew at the next step."""
    store_real(load(link, DRIVES), 2 * k, math.nan)


@jit
def lay_segment(segment: Any, link: int, k: int) -> None:
    """Give a segment the row's ends and add it to the space, unless it has no length."""
    calls, shape = load(link, CALLS), load(load(link, SEGMENTS), k)
    laid = segment.ax != segment.bx or segment.ay != segment.by
    store(load(link, LAID), k, 1 if laid else 0)
    if laid:
        call_segment(load(calls, SET_ENDPOINTS), shape, (segment.ax, segment.ay, segment.bx, segment.by))
        call_pp(load(calls, ADD_SHAPE), (load(link, SPACE), shape))


POSE = f"load(link, POSE_AT) + {POSE_BYTES} * load(load(link, SLOTS), K)"
MOVED = "load(load(link, MOTIONS), K)"
RECORDS = (
    *(compare_pose, store_pose, check_pose, load_pose, check_force, store_force),
    *(drive_joint, forget_drive, lay_segment, load_touch),
)
LOOPS = {  # name: kind of record, and what is called for each: R is the record, K its number
    "store_poses": ("body2d", f"found |= store_pose(R, {POSE})"),
    "compare_poses": ("body2d", f"found |= compare_pose(R, {MOVED})"),
    "check_poses": ("body2d", f"found |= check_pose({MOVED})"),
    "load_poses": ("body2d", f"load_pose(R, {MOVED})"),
    "check_forces": ("body2d", "found |= check_force(R)"),
    "store_forces": ("body2d", f"store_force(R, {MOVED})"),
    "drive_joints": ("joint2d", "found |= drive_joint(R, link, K)"),
    "forget_drives": ("joint2d", "forget_drive(R, link, K)"),
    "lay_segments": ("segment2d", "lay_segment(R, link, K)"),
    "load_touches": ("touch2d", "load_touch(R, link, K)"),
}


def record_loops(env: Env, primitives: dict[str, Any]) -> dict[str, Any]:
    """Return the functions of `LOOPS`, name(s, link): each calls one of `RECORDS` for every record of its kind."""
    names = {**primitives, "SLOTS": SLOTS, "POSE_AT": POSE_AT, "MOTIONS": MOTIONS}
    names |= {function.__name__: bind(function, env.name, **primitives) for function in RECORDS}
    return {name: over_records(name, env.state, kind, call, **names) for name, (kind, call) in LOOPS.items()}


def over_records(name: str, state: type, kind: str, call: str, **names: Any) -> Any:
    """Generate name(s, link), which runs `call` for every record of a kind and returns what that leaves in `found`.

    A record's number is a sum even where it is 0: Numba would compile what is called once more for a constant.
    """
    lines = ["    found = 0", "    k = 0"]
    for prefix, record in each_record(state, kind):
        loop, indent = prefix.rsplit("\n", 1) if "\n" in prefix else ("", prefix)
        lines += [loop] if loop else []
        number, count = ("(k + j)", f"len({record.removesuffix('[j]')})") if loop else ("(k + 0)", "1")
        lines += [f"{indent}{call.replace('R', record).replace('K', number)}", f"    k += {count}"]
    return generate(name, "s, link", [*lines, "    return found"], **names)
