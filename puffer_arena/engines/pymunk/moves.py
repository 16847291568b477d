"""What moves one row's bodies in compiled code: forces in, step, poses out; and resets exact to the bit.

`link` is the address of a scene's block (`pymunk_block`), `row` that of a row.  The work is done by functions that are
compiled once for all environments; their kernels call them through the block.
"""

import functools
from typing import Any

import numpy as np

from puffer_arena.core.bodies import physics_fields, record_offsets
from puffer_arena.core.env import Env
from puffer_arena.engines.pymunk.calls import (
    ADD_SHAPE,
    EACH_BODY,
    REMOVE_SHAPE,
    SET,
    SET_ID,
    SET_MAX_FORCE,
    STEP,
    UPDATE_POSITION,
    call_table,
)
from puffer_arena.engines.pymunk.contacts import decide, forget_contacts, load_contacts, turn_one_ways
from puffer_arena.engines.pymunk.records import (
    CHANGED,
    OVERFORCED,
    UNUSABLE,
    drive_joints,
    find_idle_force,
    forget_drives,
    has_lost_bodies,
    inspect,
    lay_segments,
    load_poses,
    move_segments,
    store_forces,
    store_poses,
)
from puffer_arena.engines.pymunk.sight import MEETING, cast_rays, check_rays
from puffer_arena.engines.pymunk.touches import forget_touches, load_touches, note, watch
from puffer_arena.engines.pymunk.tuning import forget_tuned, tune
from puffer_arena.engines.pymunk.words import (
    BLOCK_LINES,
    BODIES,
    BODY_RECORDS,
    CALLBACK,
    CALLS,
    CONTACT_RECORDS,
    ENTER,
    EXPECT,
    EXTRAS,
    FIRST_ID,
    FORCES,
    JOINT_RECORDS,
    JOINTS,
    LAID,
    LINE,
    MEET,
    MOVE,
    NUM_BODIES,
    NUM_JOINTS,
    NUM_LISTS,
    NUM_PARTS,
    NUM_SEGMENTS,
    NUM_SHAPES,
    NUM_TOUCHES,
    ONE_WAY_RECORDS,
    PARTS,
    PASS,
    PENDING,
    POSE,
    POSE_CURSOR,
    RAY_RECORDS,
    SECONDS,
    SEGMENT_RECORDS,
    SEGMENTS,
    SHAPES,
    SPACE,
    SUBSTEPS,
    TOUCH_RECORDS,
)
from puffer_arena.kernels.tables import BAD_FORCE, BAD_POSE, FINE, LOST, RESTS
from puffer_arena.machine.calls import (
    address_of,
    call_pf,
    call_pp,
    call_ppp,
    fault_of,
    fetch,
    load,
    load_real,
    store_i32,
)
from puffer_arena.machine.compile import compile_for_c, jit

# -- what kernels contain -----------------------------------------------------------------------------


@jit
def move(s: Any, scene: Any) -> None:
    """Advance one row's bodies by one step."""
    fault = fault_of(load(scene.link, MOVE), (address_of(s), scene.link))
    if fault != FINE:
        scene.fault = fault


@jit
def enter(s: Any, scene: Any) -> None:
    """Take over a row, in the scene that waits for it if there is one; its stage is RESTS then."""
    pending = load(scene.link, PENDING)
    if pending != 0:
        scene.link = pending
    fault = fault_of(load(scene.link, ENTER), (address_of(s), scene.link))
    if fault != FINE:
        scene.fault = fault
    scene.stage = RESTS


@jit
def expect(scene: Any, after: Any) -> None:
    """Bring the scene that moves next into the processor's cache, and the block of the one after it."""
    call_pp(load(scene.link, EXPECT), (scene.link, after.link))


KERNEL_PARTS = {"move": move, "enter": enter, "expect": expect}  # see `bind_world_kernels`


# -- what they call -----------------------------------------------------------------------------------


@jit
def move_bodies(row: int, link: int) -> int:
    """Advance a row's bodies by one step, and return its fault."""
    found = inspect(row, link)
    if found & OVERFORCED:
        return BAD_FORCE
    if found & UNUSABLE:
        return BAD_POSE
    fault, extras = drive_joints(row, link), load(link, EXTRAS) != 0
    if extras and fault == FINE:
        fault = prepare_extras(row, link)
    if fault != FINE:
        return fault
    if found == CHANGED:
        store_poses(row, link)
        set_poses(link)
    forget_touches(link)
    function, space, seconds = load(load(link, CALLS), STEP), load(link, SPACE), load_real(link, SECONDS)
    for _ in range(load(link, SUBSTEPS)):
        store_forces(row, link)
        call_pf(function, (space, seconds))
        if load(link, NUM_TOUCHES) + load(link, NUM_LISTS) > 0:
            watch(link)
    load_touches(row, link)
    if extras:
        load_contacts(row, link)
    if has_lost_bodies(link):
        return LOST
    load_poses(row, link)
    if extras:
        cast_rays(row, link)
    return FINE


@jit
def prepare_extras(row: int, link: int) -> int:
    """Give Chipmunk what the rules changed beside bodies and joints, and return the row's fault."""
    forget_contacts(link)
    fault: int = find_idle_force(row, link)
    if fault == FINE:
        fault = move_segments(row, link)
    if fault == FINE:
        fault = tune(row, link, True)
    if fault == FINE:
        fault = turn_one_ways(row, link)
    if fault == FINE:
        fault = check_rays(row, link)
    return fault


@jit
def take_over(row: int, link: int) -> int:
    """Forget everything but the row, and return its fault: same row, same future, whatever came before.

    Re-adding a shape drops its contact cache; restoring its id keeps the solver's order; one step in
    which joints may exert no force clears the impulses they had accumulated; stepping a body by zero
    seconds clears Chipmunk's hidden velocity bias.  All four are needed (measured).
    """
    fault, calls, space = FINE, load(link, CALLS), load(link, SPACE)
    take_out(link)
    clear_joints(link)
    for k in range(load(link, NUM_BODIES)):
        call_pf(load(calls, UPDATE_POSITION), (load(load(link, BODIES), k), 0.0))
    if store_poses(row, link) != 0:
        fault = BAD_POSE
    forget_drives(link)
    set_poses(link)
    call_pp(load(calls, SET_ID), (space, load(link, FIRST_ID)))
    forget_tuned(link)
    fault = tune(row, link, False) or fault
    fault = lay_segments(row, link) or fault
    for k in range(load(link, NUM_SHAPES)):
        call_pp(load(calls, ADD_SHAPE), (space, load(load(link, SHAPES), k)))
    return fault


@jit
def fetch_scene(link: int, after: int) -> int:
    """Have a scene brought into the processor's cache, and the block of the one `after` it.

    The scenes of a large batch do not fit there, and waiting for memory takes longer than many a step.
    """
    for line in range(BLOCK_LINES):
        fetch(after + LINE * line)
    parts = load(link, PARTS)
    for k in range(load(link, NUM_PARTS)):
        at = load(parts, 2 * k)
        for line in range(load(parts, 2 * k + 1)):
            fetch(at + LINE * line)
    return 0


@jit
def take_out(link: int) -> None:
    """Take out the shapes that enter anew."""
    function, space = load(load(link, CALLS), REMOVE_SHAPE), load(link, SPACE)
    for k in range(load(link, NUM_SEGMENTS)):
        if load(load(link, LAID), k) != 0:
            call_pp(function, (space, load(load(link, SEGMENTS), k)))
    for k in range(load(link, NUM_SHAPES)):
        call_pp(function, (space, load(load(link, SHAPES), k)))


@jit
def clear_joints(link: int) -> None:
    """Clear the impulses that joints have accumulated; no shape may be in the space."""
    calls, joints = load(link, CALLS), load(link, JOINTS)
    if load(link, NUM_JOINTS) == 0:
        return
    for k in range(load(link, NUM_JOINTS)):
        call_pf(load(calls, SET_MAX_FORCE), (load(joints, k), 0.0))
    call_pf(load(calls, STEP), (load(link, SPACE), 1 / 60))
    for k in range(load(link, NUM_JOINTS)):
        call_pf(load(calls, SET_MAX_FORCE), (load(joints, k), load_real(load(link, FORCES), k)))


@jit
def set_poses(link: int) -> None:
    """Give every body the pose and velocity that the mirror holds."""
    calls = load(link, CALLS)
    store_i32(load(link, POSE_CURSOR), 0)
    call_ppp(load(calls, EACH_BODY), (load(link, SPACE), load(calls, SET), load(link, POSE)))


PAIR_OF_WORDS = "int64(int64, int64)"
FUNCTIONS: dict[int, tuple[Any, str]] = {  # by the word that points at each
    MOVE: (move_bodies, PAIR_OF_WORDS),
    ENTER: (take_over, PAIR_OF_WORDS),
    EXPECT: (fetch_scene, PAIR_OF_WORDS),
    CALLBACK: (note, PAIR_OF_WORDS),
    MEET: MEETING,
    PASS: (decide, "int64(int64, int64, int64)"),
}


@functools.cache
def engine_functions() -> dict[int, Any]:
    """Compile the engine's functions, or load them from disk; return them by the word that points at them."""
    ready: dict[Any, Any] = {}
    return {
        word: compile_for_c(function, signature, "the pymunk engine", ready)
        for word, (function, signature) in FUNCTIONS.items()
    }


def common_words(env: Env, row: Any) -> dict[int, Any]:
    """Return the words that the blocks of a batch have in common, with the tables and functions they point at.

    Args:
        env: the environment.
        row: the dtype of the batch's rows.
    """
    kinds = {
        BODY_RECORDS: "body2d",
        JOINT_RECORDS: "joint2d",
        SEGMENT_RECORDS: "segment2d",
        TOUCH_RECORDS: "touch2d",
        RAY_RECORDS: "ray2d",
        CONTACT_RECORDS: "contact2d",
        ONE_WAY_RECORDS: "one_way2d",
    }
    tables = {
        word: np.array([at for name in physics_fields(env.state, kind) for at in record_offsets(row, name)], np.int64)
        for word, kind in kinds.items()
    }
    return {CALLS: call_table(), **tables, **engine_functions()}
