"""A row's records and what they stand for in Chipmunk's memory: poses, forces, drives, edges.

Compiled functions of a row's address and of `link`, the address of its scene's block (`pymunk_block`), whose tables
say where in a row the records lie: the same code serves every environment.  `&` and `|` between comparisons save
branches.
"""

import math

from puffer_arena.core.records import FORCE_2D, POSE_2D
from puffer_arena.engines.pymunk.calls import ADD_SHAPE, MOTION, REINDEX, REMOVE_SHAPE, SET_ENDPOINTS, SET_MAX_FORCE
from puffer_arena.engines.pymunk.words import (
    BODY_RECORDS,
    CALLS,
    DRIVEN,
    DRIVES,
    ENDS,
    EXTRAS,
    JOINT_RECORDS,
    KINEMATIC,
    LAID,
    MOTIONS,
    NUM_BODIES,
    NUM_DRIVEN,
    NUM_KINEMATIC,
    NUM_SEGMENTS,
    POSE_AT,
    SEGMENT_RECORDS,
    SEGMENTS,
    SETTERS,
    SLOTS,
    SPACE,
)
from puffer_arena.kernels.tables import BAD_POSE, FAULTS, FINE, UNDRIVEN, UNMOVED
from puffer_arena.kernels.world import FARTHEST, FASTEST, STRONGEST
from puffer_arena.machine.calls import (
    REAL,
    call_pf,
    call_pp,
    call_segment,
    load,
    load_real,
    store,
    store_real,
)
from puffer_arena.machine.compile import jit

X, Y, ANGLE, VX, VY, SPIN, FX, FY, TORQUE = range(len(POSE_2D + FORCE_2D))  # doubles of a Body2D
NUM_POSE = len(POSE_2D)
MOTION_X, MOTION_Y, MOTION_VX, MOTION_VY, MOTION_FX, MOTION_FY = range(6)  # the same in Chipmunk's memory: see `MOTION`
MOTION_ANGLE, MOTION_SPIN, MOTION_TORQUE = range(6, len(MOTION))
TARGET, MAX_FORCE = range(2)  # doubles of a Joint2D
AX, AY, BX, BY = range(4)  # doubles of a Segment2D
ENDS_OF_ONE = 4
CHANGED, UNUSABLE, OVERFORCED = 1, 2, 4  # what looking at a row finds


@jit
def is_usable(body: int) -> bool:
    """Tell whether a row's body lies in the world and its numbers are finite."""
    inside: bool = (abs(load_real(body, X)) < FARTHEST) & (abs(load_real(body, Y)) < FARTHEST)
    slow: bool = (abs(load_real(body, VX)) < FASTEST) & (abs(load_real(body, VY)) < FASTEST)
    turns: bool = (abs(load_real(body, ANGLE)) < FASTEST) & (abs(load_real(body, SPIN)) < FASTEST)
    return inside & slow & turns


@jit
def inspect(row: int, link: int) -> int:
    """Tell whether the rules changed a body's pose or velocity, into something of no use, or wrote such a force."""
    found = 0
    for k in range(load(link, NUM_BODIES)):
        body, at = row + load(load(link, BODY_RECORDS), k), load(load(link, MOTIONS), k)
        placed = (load_real(body, X) != load_real(at, MOTION_X)) | (load_real(body, Y) != load_real(at, MOTION_Y))
        sped = (load_real(body, VX) != load_real(at, MOTION_VX)) | (load_real(body, VY) != load_real(at, MOTION_VY))
        turned = load_real(body, ANGLE) != load_real(at, MOTION_ANGLE)
        if placed | sped | turned | (load_real(body, SPIN) != load_real(at, MOTION_SPIN)):
            found |= CHANGED if is_usable(body) else UNUSABLE
        pushed = (abs(load_real(body, FX)) < STRONGEST) & (abs(load_real(body, FY)) < STRONGEST)
        if not (pushed & (abs(load_real(body, TORQUE)) < STRONGEST)):
            found |= OVERFORCED
    return found


@jit
def find_idle_force(row: int, link: int) -> int:
    """Return the fault of a force on a body that none moves."""
    for j in range(load(link, NUM_KINEMATIC)):
        k = load(load(link, KINEMATIC), j)
        body = row + load(load(link, BODY_RECORDS), k)
        if load_real(body, FX) != 0.0 or load_real(body, FY) != 0.0 or load_real(body, TORQUE) != 0.0:
            fault: int = UNMOVED + FAULTS * k
            return fault
    return FINE


@jit
def store_poses(row: int, link: int) -> int:
    """Copy the bodies' poses and velocities into the mirror; tell whether they are of no use."""
    found = 0
    for k in range(load(link, NUM_BODIES)):
        body = row + load(load(link, BODY_RECORDS), k)
        at = load(link, POSE_AT) + REAL * NUM_POSE * load(load(link, SLOTS), k)
        for j in range(NUM_POSE):
            store_real(at, j, load_real(body, j))
        if not is_usable(body):
            found = UNUSABLE
    return found


@jit
def store_forces(row: int, link: int) -> None:
    """Let forces act on the bodies for one substep; Chipmunk clears them afterwards."""
    for k in range(load(link, NUM_BODIES)):
        body, at = row + load(load(link, BODY_RECORDS), k), load(load(link, MOTIONS), k)
        store_real(at, MOTION_FX, load_real(body, FX))
        store_real(at, MOTION_FY, load_real(body, FY))
        store_real(at, MOTION_TORQUE, load_real(body, TORQUE))


@jit
def has_lost_bodies(link: int) -> bool:
    """Tell whether a body left the world."""
    for k in range(load(link, NUM_BODIES)):
        at = load(load(link, MOTIONS), k)
        inside = (abs(load_real(at, MOTION_X)) < FARTHEST) & (abs(load_real(at, MOTION_Y)) < FARTHEST)
        slow = (abs(load_real(at, MOTION_VX)) < FASTEST) & (abs(load_real(at, MOTION_VY)) < FASTEST)
        turns = (abs(load_real(at, MOTION_ANGLE)) < FASTEST) & (abs(load_real(at, MOTION_SPIN)) < FASTEST)
        if not (inside & slow & turns):
            return True
    return False


@jit
def load_poses(row: int, link: int) -> None:
    """Copy the bodies' poses and velocities into the row."""
    for k in range(load(link, NUM_BODIES)):
        body, at = row + load(load(link, BODY_RECORDS), k), load(load(link, MOTIONS), k)
        store_real(body, X, load_real(at, MOTION_X))
        store_real(body, Y, load_real(at, MOTION_Y))
        store_real(body, ANGLE, load_real(at, MOTION_ANGLE))
        store_real(body, VX, load_real(at, MOTION_VX))
        store_real(body, VY, load_real(at, MOTION_VY))
        store_real(body, SPIN, load_real(at, MOTION_SPIN))


@jit
def drive_joints(row: int, link: int) -> int:
    """Give the joints the targets and the limits that the rules wrote, and return the row's fault."""
    fault, calls = FINE, load(link, CALLS)
    for k in range(load(link, NUM_DRIVEN)):
        joint, given = row + load(load(link, JOINT_RECORDS), k), load(link, DRIVES) + 2 * REAL * k
        target, max_force = load_real(joint, TARGET), load_real(joint, MAX_FORCE)
        if not (abs(target) < STRONGEST and max_force >= 0.0):
            fault = BAD_POSE
        elif target != load_real(given, TARGET) or max_force != load_real(given, MAX_FORCE):
            store_real(given, TARGET, target)
            store_real(given, MAX_FORCE, max_force)
            pointer, setter = load(load(link, DRIVEN), k), load(load(link, SETTERS), k)
            if setter != 0:
                call_pf(setter, (pointer, target))
            elif target != 0.0:
                fault = UNDRIVEN + FAULTS * k
            call_pf(load(calls, SET_MAX_FORCE), (pointer, max_force))
    return fault


@jit
def forget_drives(link: int) -> None:
    """Have the joints' targets and limits given anew at the next step."""
    for k in range(load(link, NUM_DRIVEN)):
        store_real(load(link, DRIVES), 2 * k, math.nan)


@jit
def lay_segments(row: int, link: int) -> int:
    """Give the segments, which are not in the space, the row's ends; add those with a length, and return the fault."""
    fault, calls, ends = FINE, load(link, CALLS), load(link, ENDS)
    for k in range(load(link, NUM_SEGMENTS)):
        segment, shape = row + load(load(link, SEGMENT_RECORDS), k), load(load(link, SEGMENTS), k)
        inside = is_in_world(segment)
        laid = inside and is_laid(segment)
        store(load(link, LAID), k, 1 if laid else 0)
        for j in range(ENDS_OF_ONE if load(link, EXTRAS) != 0 else 0):  # elsewhere no rule moves them
            store_real(ends, ENDS_OF_ONE * k + j, load_real(segment, j))
        if not inside:
            fault = BAD_POSE
        if laid:
            set_ends(segment, link, shape)
            call_pp(load(calls, ADD_SHAPE), (load(link, SPACE), shape))
    return fault


@jit
def move_segments(row: int, link: int) -> int:
    """Give the segments whose ends the rules changed their new ones, and return the row's fault."""
    fault, records, ends = FINE, load(link, SEGMENT_RECORDS), load(link, ENDS)
    for k in range(load(link, NUM_SEGMENTS)):
        segment, given = row + load(records, k), ends + ENDS_OF_ONE * REAL * k
        moved_a = (load_real(segment, AX) != load_real(given, AX)) | (load_real(segment, AY) != load_real(given, AY))
        moved_b = (load_real(segment, BX) != load_real(given, BX)) | (load_real(segment, BY) != load_real(given, BY))
        if moved_a | moved_b:
            if is_in_world(segment):
                move_segment(segment, given, k, link)
            else:
                fault = BAD_POSE
    return fault


@jit
def move_segment(segment: int, given: int, k: int, link: int) -> None:
    """Move one segment to the row's ends, into the space or out of it."""
    for j in range(ENDS_OF_ONE):
        store_real(given, j, load_real(segment, j))
    calls, space = load(link, CALLS), load(link, SPACE)
    shape, was, laid = load(load(link, SEGMENTS), k), load(load(link, LAID), k) != 0, is_laid(segment)
    store(load(link, LAID), k, 1 if laid else 0)
    if laid:
        set_ends(segment, link, shape)
        call_pp(load(calls, REINDEX if was else ADD_SHAPE), (space, shape))
    elif was:
        call_pp(load(calls, REMOVE_SHAPE), (space, shape))


@jit
def is_laid(segment: int) -> bool:
    """Tell whether a row's segment has a length: one without is not there."""
    wide: bool = load_real(segment, AX) != load_real(segment, BX)
    high: bool = load_real(segment, AY) != load_real(segment, BY)
    return wide | high


@jit
def is_in_world(segment: int) -> bool:
    """Tell whether a row's segment lies in the world."""
    a: bool = (abs(load_real(segment, AX)) < FARTHEST) & (abs(load_real(segment, AY)) < FARTHEST)
    b: bool = (abs(load_real(segment, BX)) < FARTHEST) & (abs(load_real(segment, BY)) < FARTHEST)
    return a & b


@jit
def set_ends(segment: int, link: int, shape: int) -> None:
    """Give Chipmunk's segment the row's ends."""
    ends = load_real(segment, AX), load_real(segment, AY), load_real(segment, BX), load_real(segment, BY)
    call_segment(load(load(link, CALLS), SET_ENDPOINTS), shape, ends)
