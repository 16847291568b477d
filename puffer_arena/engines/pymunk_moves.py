"""What moves one row's bodies in compiled code: forces in, step, poses out; and resets exact to the bit.

Templates that `native_parts` binds for one environment; `link` is the address of a scene's block (`pymunk_block`).
"""

from typing import Any

from puffer_arena.core.compile import bind, jit
from puffer_arena.core.env import Env
from puffer_arena.core.world_kernel import BAD_FORCE, BAD_POSE, LOST, RESTS
from puffer_arena.engines.chipmunk_calls import (
    ADD_SHAPE,
    EACH_BODY,
    REMOVE_SHAPE,
    SET,
    SET_ID,
    SET_MAX_FORCE,
    STEP,
    UPDATE_POSITION,
    primitives,
)
from puffer_arena.engines.pymunk_block import (
    BLOCK_LINES,
    BODIES,
    CALLS,
    FIRST_ID,
    FORCES,
    JOINTS,
    LAID,
    LINE,
    NUM_BODIES,
    NUM_JOINTS,
    NUM_PARTS,
    NUM_SEGMENTS,
    NUM_SHAPES,
    NUM_TOUCHES,
    PARTS,
    PENDING,
    POSE,
    POSE_CURSOR,
    SECONDS,
    SEGMENTS,
    SHAPES,
    SPACE,
    SUBSTEPS,
)
from puffer_arena.engines.pymunk_records import CHANGED, UNUSABLE, record_loops
from puffer_arena.engines.pymunk_touches import forget_touches, watch


def _unbound(*_: Any) -> Any:
    raise AssertionError("a template was called before native_parts")


fetch = load = load_real = store_i32 = call_pp = call_ppp = call_pf = _unbound
store_poses = compare_poses = check_poses = load_poses = check_forces = store_forces = _unbound
drive_joints = forget_drives = lay_segments = load_touches = _unbound


@jit
def move(s: Any, scene: Any) -> None:
    """Advance one row's bodies by one step."""
    link = scene.link
    if check_forces(s, link) != 0:
        scene.fault = BAD_FORCE
        return
    found = compare_poses(s, link)
    if found >= UNUSABLE or drive_joints(s, link) != 0:
        scene.fault = BAD_POSE
        return
    if found == CHANGED:
        store_poses(s, link)
        set_poses(link)
    forget_touches(link)
    function, space, seconds = load(load(link, CALLS), STEP), load(link, SPACE), load_real(link, SECONDS)
    for _ in range(load(link, SUBSTEPS)):
        store_forces(s, link)
        call_pf(function, (space, seconds))
        if load(link, NUM_TOUCHES) > 0:
            watch(link)
    load_touches(s, link)
    if check_poses(s, link) != 0:
        scene.fault = LOST
        return
    load_poses(s, link)


@jit
def expect(scene: Any, after: Any) -> None:
    """Bring the scene that moves next into the processor's cache, and the block of the one after it.

    The scenes of a large batch do not fit there, and waiting for memory takes longer than many a step.
    """
    for line in range(BLOCK_LINES):
        fetch(after.link + LINE * line)
    parts = load(scene.link, PARTS)
    for k in range(load(scene.link, NUM_PARTS)):
        at = load(parts, 2 * k)
        for line in range(load(parts, 2 * k + 1)):
            fetch(at + LINE * line)


@jit
def enter(s: Any, scene: Any) -> None:
    """Forget everything but the row: same row, same future, whatever came before; its stage is RESTS then.

    Re-adding a shape drops its contact cache; restoring its id keeps the solver's order; one step in
    which joints may exert no force clears the impulses they had accumulated; stepping a body by zero
    seconds clears Chipmunk's hidden velocity bias.  All four are needed (measured).
    """
    pending = load(scene.link, PENDING)
    if pending != 0:
        scene.link = pending
    link = scene.link
    calls, space = load(link, CALLS), load(link, SPACE)
    take_out(link)
    clear_joints(link)
    for k in range(load(link, NUM_BODIES)):
        call_pf(load(calls, UPDATE_POSITION), (load(load(link, BODIES), k), 0.0))
    if store_poses(s, link) >= UNUSABLE:
        scene.fault = BAD_POSE
    forget_drives(s, link)
    set_poses(link)
    call_pp(load(calls, SET_ID), (space, load(link, FIRST_ID)))
    lay_segments(s, link)
    for k in range(load(link, NUM_SHAPES)):
        call_pp(load(calls, ADD_SHAPE), (space, load(load(link, SHAPES), k)))
    scene.stage = RESTS


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


def native_parts(env: Env) -> dict[str, Any]:
    """Return move(s, scene), enter(s, scene) and expect(scene, after) for kernels."""
    words = primitives()
    parts = {**words, **record_loops(env, words)}
    for function in (set_poses, forget_touches, watch, take_out, clear_joints):
        parts[function.__name__] = bind(function, env.name, **words)
    return {function.__name__: bind(function, env.name, **parts) for function in (move, enter, expect)}
