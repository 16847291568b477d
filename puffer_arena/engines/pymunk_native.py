"""Stepping pymunk spaces from compiled code, without the GIL: forces in, step, poses out; resets exact to the bit.

A row's scene is a block of words (`Block`): addresses of its space, of the memory that mirrors its bodies, of its
shapes and joints.  The kernels get the block's address as `scene.link`; the functions here follow it.
"""

import contextlib
import gc
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pymunk
from pymunk._chipmunk import ffi, lib
from pymunk.batch import ArbiterFields, BodyFields, Buffer, get_space_bodies

from puffer_arena.core.bodies import POSE_2D, Body2D, each_record, generate
from puffer_arena.core.compile import bind, compile_function, fingerprint, jit, load_numba
from puffer_arena.core.env import Env
from puffer_arena.core.fields import Array
from puffer_arena.core.world_kernel import (
    BAD_FORCE,
    BAD_POSE,
    ENTERS,
    FARTHEST,
    FASTEST,
    LOST,
    STRONGEST,
    WorldRows,
    enter_rows,
)
from puffer_arena.engines import chipmunk_calls
from puffer_arena.engines.chipmunk_calls import (
    ADD_SHAPE,
    EACH_ARBITER,
    EACH_BODY,
    GET_ARBITER,
    GET_BODY,
    GET_COUNT,
    GET_SENSOR,
    GET_SHAPES,
    MOTION,
    REMOVE_SHAPE,
    SET,
    SET_ENDPOINTS,
    SET_ID,
    SET_MAX_FORCE,
    STEP,
    UPDATE_POSITION,
    address,
    call_table,
    motion_offset,
    primitives,
    symbol,
)
from puffer_arena.engines.pymunk_scene import TARGETS, Scene, SceneParams, build_scene

find_problem = chipmunk_calls.find_problem
POSE_FIELDS = BodyFields.POSITION | BodyFields.ANGLE | BodyFields.VELOCITY | BodyFields.ANGULAR_VELOCITY
NEVER_GROW = 2**30  # the batch functions realloc an array that reports itself full; ours is numpy's
REAL = 8  # bytes
POSE_BYTES = REAL * len(POSE_2D)
X, Y, VX, VY, FX, FY, ANGLE, SPIN, TORQUE = range(len(MOTION))

# The words of a block.
WORDS = (
    "PENDING",  # the block to play from the next reset on, or 0
    "CALLS",
    "SPACE",
    "POSE",  # pmBatchedData over the pose mirror, its cursor, its memory
    "POSE_CURSOR",
    "POSE_AT",
    "SLOTS",  # State's k-th body is the mirrors' SLOTS[k]-th
    "BODIES",  # pointers, in the State's order
    "NUM_BODIES",
    "MOTIONS",  # where each body's motion lies
    "SHAPES",  # pointers: those that leave and enter at a reset
    "NUM_SHAPES",
    "FIRST_ID",  # of the first shape to enter
    "JOINTS",  # pointers: all constraints of the space
    "NUM_JOINTS",
    "FORCES",  # max_force of each, doubles
    "DRIVEN",  # pointers: joints with a record
    "SETTERS",  # what sets the target of each, or 0
    "DRIVES",  # target and max_force last given to each, doubles
    "SEGMENTS",  # pointers
    "CALLBACK",  # notes one arbiter
    "WATCHED",  # pointers: shapes whose touches a record shows
    "WATCHERS",  # the record's index of each
    "NUM_WATCHED",
    "NUM_TOUCHES",
    "NOW",  # per touch record: touched in the last part of the step
    "EVER",  # touched during the step
    "OTHER",
    "IMPULSE",  # doubles
    "PAIR",  # the two shapes of an arbiter
    "ARBITER",  # pmBatchedData over one impulse, its cursor, its memory
    "ARBITER_CURSOR",
    "ARBITER_AT",
    "SUBSTEPS",
    "SECONDS",  # of one substep, a double
)
(
    PENDING, CALLS, SPACE, POSE, POSE_CURSOR, POSE_AT, SLOTS, BODIES, NUM_BODIES, MOTIONS, SHAPES,
    NUM_SHAPES, FIRST_ID, JOINTS, NUM_JOINTS, FORCES, DRIVEN, SETTERS, DRIVES, SEGMENTS, CALLBACK, WATCHED, WATCHERS,
    NUM_WATCHED, NUM_TOUCHES, NOW, EVER, OTHER, IMPULSE, PAIR, ARBITER, ARBITER_CURSOR, ARBITER_AT, SUBSTEPS, SECONDS,
) = range(len(WORDS))  # fmt: skip
NUM_WORDS = len(WORDS)
CHANGED, UNUSABLE = 1, 2  # what storing a row finds


def _unbound(*_: Any) -> Any:
    raise AssertionError("a template was called before native_parts")


load = store = load_real = store_real = store_i32 = _unbound
store_poses = compare_poses = check_poses = load_poses = check_forces = store_forces = _unbound
drive_joints = forget_drives = lay_segments = load_touches = _unbound
call_pp = call_ppp = call_pf = count_of = flag_of = pointer_of = call_segment = _unbound


@jit
def set_poses(link: int) -> None:
    """Give every body the pose and velocity that the mirror holds."""
    calls = load(link, CALLS)
    store_i32(load(link, POSE_CURSOR), 0)
    call_ppp(load(calls, EACH_BODY), (load(link, SPACE), load(calls, SET), load(link, POSE)))


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
def lay_segment(segment: Any, link: int, k: int) -> None:
    function, shape = load(load(link, CALLS), SET_ENDPOINTS), load(load(link, SEGMENTS), k)
    call_segment(function, shape, (segment.ax, segment.ay, segment.bx, segment.by))


@jit
def note(arbiter: int, link: int) -> None:
    """Note who of the watched shapes an arbiter shows in touch: Chipmunk calls this for each it keeps."""
    calls, pair = load(link, CALLS), load(link, PAIR)
    call_ppp(load(calls, GET_SHAPES), (arbiter, pair, pair + REAL))
    a, b = load(pair, 0), load(pair, 1)
    contacts, watched = -1, load(link, WATCHED)
    for k in range(load(link, NUM_WATCHED)):
        shape = load(watched, k)
        if shape != a and shape != b:
            continue
        if contacts < 0:
            contacts = count_of(load(calls, GET_COUNT), (arbiter,))
            store_real(load(link, ARBITER_AT), 0, 0.0)
            store_real(load(link, ARBITER_AT), 1, 0.0)
            if contacts > 0:
                store_i32(load(link, ARBITER_CURSOR), 0)
                call_pp(load(calls, GET_ARBITER), (arbiter, load(link, ARBITER)))
        if contacts == 0:  # a sensor, or over: sensors' spaces forget touches at once
            sensor = load(calls, GET_SENSOR)
            if flag_of(sensor, (a,)) == 0 and flag_of(sensor, (b,)) == 0:
                return
        touch = load(load(link, WATCHERS), k)
        store(load(link, NOW), touch, 1)
        store(load(link, EVER), touch, 1)
        x, y = load_real(load(link, ARBITER_AT), 0), load_real(load(link, ARBITER_AT), 1)
        impulse = math.sqrt(x * x + y * y)
        body = pointer_of(load(calls, GET_BODY), (b if shape == a else a,))
        other, bodies = -1, load(link, BODIES)
        for j in range(load(link, NUM_BODIES)):
            if load(bodies, j) == body:
                other = j
        hardest = load_real(load(link, IMPULSE), touch)
        if impulse > hardest or (impulse == hardest and other > load(load(link, OTHER), touch)):
            store_real(load(link, IMPULSE), touch, impulse)
            store(load(link, OTHER), touch, other)


@jit
def watch(link: int) -> None:
    """Note all touches after one part of the step."""
    calls = load(link, CALLS)
    for k in range(load(link, NUM_TOUCHES)):
        store(load(link, NOW), k, 0)
    call_ppp(load(calls, EACH_ARBITER), (load(link, SPACE), load(link, CALLBACK), link))


@jit
def load_touch(touch: Any, link: int, k: int) -> None:
    touch.began = 1 if load(load(link, EVER), k) != 0 and touch.touching == 0 else 0
    touch.touching = load(load(link, NOW), k)
    touch.impulse = max(load_real(load(link, IMPULSE), k), 0.0)
    touch.other = load(load(link, OTHER), k)


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
    touches = load(link, NUM_TOUCHES)
    for k in range(touches):
        store(load(link, EVER), k, 0)
        store(load(link, OTHER), k, -1)
        store_real(load(link, IMPULSE), k, -1.0)
    function, space, seconds = load(load(link, CALLS), STEP), load(link, SPACE), load_real(link, SECONDS)
    for _ in range(load(link, SUBSTEPS)):
        store_forces(s, link)
        call_pf(function, (space, seconds))
        if touches > 0:
            watch(link)
    load_touches(s, link)
    if check_poses(s, link) != 0:
        scene.fault = LOST
        return
    load_poses(s, link)


@jit
def enter(s: Any, scene: Any) -> None:
    """Forget everything but the row: same row, same future, whatever came before.

    Re-adding a shape drops its contact cache; restoring its id keeps the solver's order; one step in
    which joints may exert no force clears the impulses they had accumulated; stepping a body by zero
    seconds clears Chipmunk's hidden velocity bias.  All four are needed (measured).
    """
    link = scene.link
    pending = load(link, PENDING)
    if pending != 0:
        for k in range(NUM_WORDS):
            store(link, k, load(pending, k))
        store(link, PENDING, 0)
    calls, space, shapes, joints = load(link, CALLS), load(link, SPACE), load(link, SHAPES), load(link, JOINTS)
    for k in range(load(link, NUM_SHAPES)):
        call_pp(load(calls, REMOVE_SHAPE), (space, load(shapes, k)))
    if load(link, NUM_JOINTS) > 0:
        for k in range(load(link, NUM_JOINTS)):
            call_pf(load(calls, SET_MAX_FORCE), (load(joints, k), 0.0))
        call_pf(load(calls, STEP), (space, 1 / 60))
        for k in range(load(link, NUM_JOINTS)):
            call_pf(load(calls, SET_MAX_FORCE), (load(joints, k), load_real(load(link, FORCES), k)))
    for k in range(load(link, NUM_BODIES)):
        call_pf(load(calls, UPDATE_POSITION), (load(load(link, BODIES), k), 0.0))
    if store_poses(s, link) >= UNUSABLE:
        scene.fault = BAD_POSE
    forget_drives(s, link)
    set_poses(link)
    lay_segments(s, link)
    call_pp(load(calls, SET_ID), (space, load(link, FIRST_ID)))
    for k in range(load(link, NUM_SHAPES)):
        call_pp(load(calls, ADD_SHAPE), (space, load(shapes, k)))


@jit
def forget_drive(joint: Any, link: int, k: int) -> None:
    store_real(load(link, DRIVES), 2 * k, math.nan)


def over_records(name: str, state: type, kind: str, call: str, **names: Any) -> Any:
    """Generate name(s, link), which calls a function on every record of a kind and ors what it returns.

    In `call`, R is the record and K its number.
    """
    lines = ["    found = 0", "    k = 0"]
    for prefix, record in each_record(state, kind):
        loop, indent = prefix.rsplit("\n", 1) if "\n" in prefix else ("", prefix)
        lines += [loop] if loop else []
        lines += [f"{indent}{call.replace('R', record).replace('K', 'k')}", f"{indent}k += 1"]
    return generate(name, "s, link", [*lines, "    return found"], **names)


def native_parts(env: Env) -> dict[str, Any]:
    """Return move(s, scene) and enter(s, scene) for kernels."""
    words = primitives()
    named = {name: bind(globals()[name], env.name, **words) for name in (
        "compare_pose", "store_pose", "check_pose", "load_pose", "check_force", "store_force", "drive_joint", "lay_segment", "forget_drive", "load_touch",
        "watch", "set_poses",
    )}  # fmt: skip
    shared = {**words, **named, "SLOTS": SLOTS, "POSE_AT": POSE_AT, "MOTIONS": MOTIONS}
    pose = f"load(link, POSE_AT) + {POSE_BYTES} * load(load(link, SLOTS), K)"
    motion = "load(load(link, MOTIONS), K)"
    loops = {
        "store_poses": ("body2d", f"found |= store_pose(R, {pose})"),
        "compare_poses": ("body2d", f"found |= compare_pose(R, {motion})"),
        "check_poses": ("body2d", f"found |= check_pose({motion})"),
        "load_poses": ("body2d", f"load_pose(R, {motion})"),
        "check_forces": ("body2d", "found |= check_force(R)"),
        "store_forces": ("body2d", f"store_force(R, {motion})"),
        "drive_joints": ("joint2d", "found |= drive_joint(R, link, K)"),
        "forget_drives": ("joint2d", "forget_drive(R, link, K)"),
        "lay_segments": ("segment2d", "lay_segment(R, link, K)"),
        "load_touches": ("touch2d", "load_touch(R, link, K)"),
    }
    rules = {name: over_records(name, env.state, kind, call, **shared) for name, (kind, call) in loops.items()}
    return {
        "move": bind(move, env.name, **shared, **rules),
        "enter": bind(enter, env.name, **shared, **rules),
    }


_callbacks: list[Any] = []


def callback_address() -> int:
    """Return the address of `note` as a C function."""
    if not _callbacks:
        numba = load_numba()
        template = bind(note, "callback", **primitives())
        compiled = compile_function(template, "the pymunk engine")
        entry = bind(_enter_note, fingerprint(template), note=compiled)
        _callbacks.append(
            numba.cfunc("void(int64, int64)", error_model="numpy", cache=bool(numba.config.CACHE_DIR))(entry)
        )
    return int(_callbacks[0].address)


def _enter_note(arbiter: int, link: int) -> None:
    note(arbiter, link)  # bound to the compiled function


class Block:
    """One scene's words, and the memory that they point at."""

    def __init__(self, env: Env, scene: Scene) -> None:
        self.words = np.zeros(NUM_WORDS, np.int64)
        self._kept: list[Any] = [scene]  # Chipmunk and the words point at all of it
        space, words = scene.space, self.words
        words[CALLS], words[SPACE] = call_table().ctypes.data, address(space._space)
        words[SUBSTEPS] = env.substeps
        words.view(np.float64)[SECONDS] = env.time_step / env.substeps
        visited = visiting_order(space)
        self._mirror(POSE, POSE_FIELDS.value, np.zeros((len(visited), len(POSE_2D))))
        self._table(SLOTS, [visited.index(body.id) for body in scene.bodies])
        self._table(BODIES, [address(body._body) for body in scene.bodies], NUM_BODIES)
        offset = motion_offset()
        assert offset is not None  # find_problem checked it
        self._table(MOTIONS, [address(body._body) + offset for body in scene.bodies])
        self._table(SHAPES, [address(shape._shape) for shape in scene.entering], NUM_SHAPES)
        words[FIRST_ID] = lib.cpSpaceGetShapeIDCounter(space._space)
        self._table(JOINTS, [address(joint._constraint) for joint in space.constraints], NUM_JOINTS)
        self._table(FORCES, [joint.max_force for joint in space.constraints], kind=np.float64)
        self._table(DRIVEN, [address(joint._constraint) for joint in scene.joints])
        self._table(SETTERS, [symbol(TARGETS[type(j)][1]) if type(j) in TARGETS else 0 for j in scene.joints])
        self._table(DRIVES, [0.0] * 2 * len(scene.joints), kind=np.float64)
        self._table(SEGMENTS, [address(segment._shape) for segment in scene.segments])
        self._watch(scene)

    def _table(self, word: int, values: list[Any], count: int | None = None, kind: Any = np.int64) -> None:
        table = np.array(values, kind)
        self._kept.append(table)
        self.words[word] = table.ctypes.data
        if count is not None:
            self.words[count] = len(values)

    def _mirror(self, word: int, fields: int, memory: Array) -> None:
        """Fill a word and the two after it: pmBatchedData, its cursor, its memory."""
        floats = ffi.new("pmFloatArray *")
        floats.arr, floats.max = ffi.cast("cpFloat *", memory.ctypes.data), NEVER_GROW
        batch = ffi.new("pmBatchedData *")
        batch.fields, batch.floatArray = fields, floats
        self._kept += [memory, floats, batch]
        self.words[word : word + 3] = address(batch), address(floats), memory.ctypes.data

    def _watch(self, scene: Scene) -> None:
        pairs = [(address(shape._shape), k) for k, shapes in enumerate(scene.touches) for shape in shapes]
        self._table(WATCHED, [pointer for pointer, _ in pairs], NUM_WATCHED)
        self._table(WATCHERS, [k for _, k in pairs])
        for word in (NOW, EVER, OTHER):
            self._table(word, [0] * len(scene.touches), NUM_TOUCHES)
        self._table(IMPULSE, [0.0] * len(scene.touches), kind=np.float64)
        self._table(PAIR, [0, 0])
        self._mirror(ARBITER, ArbiterFields.TOTAL_IMPULSE.value, np.zeros(2))
        self.words[CALLBACK] = callback_address() if scene.touches else 0


def visiting_order(space: pymunk.Space) -> list[int]:
    """Return the ids of all bodies in the order in which Chipmunk visits them; the static body is one."""
    buffer = Buffer()
    get_space_bodies(space, BodyFields.BODY_ID, buffer)
    return list(memoryview(buffer.int_buf()).cast("B").cast("P")) if len(buffer.int_buf()) else []


@contextlib.contextmanager
def uncollected() -> Iterator[None]:
    """Keep Python's garbage collector off while many objects are made that all stay."""
    running = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if running:
            gc.enable()


_enter_kernels: dict[int, Any] = {}


def enter_kernel(env: Env) -> Any:
    """Return the compiled enter(span, rows) of an environment, shared by all its batches."""
    if id(env) not in _enter_kernels:
        template = bind(enter_rows, env.name, enter=native_parts(env)["enter"])
        _enter_kernels[id(env)] = env, compile_function(template, env.name)  # keeping env keeps its id its own
    return _enter_kernels[id(env)][1]


class NativeEngine:
    """The scenes of one batch, stepped by the kernels themselves."""

    def __init__(self, env: Env, rows: WorldRows, values: Any) -> None:
        self._env, self._rows = env, rows
        first = build_scene(env, rows.params[0], values, rows.states.dtype)  # tells which parameters it reads
        self._params = SceneParams(env, rows, values)
        self._links = np.zeros((len(rows.states), NUM_WORDS), np.int64)  # the blocks in use; they stay where they are
        self._blocks: list[Block] = []
        self._pending: dict[int, Block] = {}
        with uncollected():
            for i in range(len(rows.states)):
                scene = first if i == 0 else self._params.build(i, rows.params[i])
                rows.scenes["built"][i] = scene.built[0]
                self._blocks.append(Block(env, scene))
                self._links[i] = self._blocks[i].words
        rows.scenes["link"] = self._links.ctypes.data + NUM_WORDS * REAL * np.arange(len(rows.states))
        self._enter = enter_kernel(env)

    def prepare(self) -> None:
        for i in [i for i in self._pending if not self._links[i, PENDING]]:
            self._blocks[i] = self._pending.pop(i)  # it is in use: the old one can go
        for i in self._params.changed():
            self._pend(i, self._rows.following[i])

    def _pend(self, i: int, record: Any) -> None:
        """Have row `i` play in a new scene from its next reset on."""
        scene = self._params.build(i, record)
        block = Block(self._env, scene)
        self._rows.scenes["built"][i] = scene.built[0]
        self._links[i, PENDING] = block.words.ctypes.data
        self._pending[i] = block

    def fit(self, i: int) -> None:
        if self._params.differs(i) or self._links[i, PENDING]:
            self._pend(i, self._rows.params[i])

    def mend(self, i: int) -> None:
        self._pend(i, self._rows.params[i])
        self._rows.scenes["stage"][i] = ENTERS
        self.enter()

    def enter(self) -> None:
        self._enter((0, len(self._rows.states)), self._rows)

    def move(self) -> None:
        raise AssertionError("the kernels move the bodies themselves")

    def close(self) -> None:
        """Nothing to do: the scenes go with this object."""
