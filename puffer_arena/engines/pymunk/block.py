"""A scene as compiled code finds it: one piece of memory with addresses, mirrors and notes, called a block.

A block begins with words that say where everything else is; what every step needs lies right behind them, so that it
comes into the processor's cache together.  The kernels get the block's address as `scene.link`.
"""

from typing import Any

import numpy as np
import pymunk
from pymunk._chipmunk import ffi, lib
from pymunk.batch import ArbiterFields, BodyFields, Buffer, get_space_bodies

from puffer_arena.core.bodies import POSE_2D
from puffer_arena.core.env import Env
from puffer_arena.core.fields import Array
from puffer_arena.engines.pymunk.calls import address, motion_offset, symbol
from puffer_arena.engines.pymunk.scene import TARGETS, Scene, body_type
from puffer_arena.machine.calls import REAL

WORDS = (
    "PENDING",  # the block to play from the next reset on, or 0
    "PARTS",  # where Chipmunk's objects lie that every step needs, and how many cache lines each takes
    "NUM_PARTS",
    "MOVE",  # the engine's own functions: see `pymunk_moves`
    "ENTER",
    "EXPECT",
    "CALLS",  # `chipmunk_calls.call_table`
    "SPACE",
    "SUBSTEPS",
    "SECONDS",  # of one substep, a double
    "MOTIONS",  # where each body's motion lies, in the State's order
    "BODY_RECORDS",  # bytes from a row's beginning to each record; these four tables serve all scenes of a batch
    "JOINT_RECORDS",
    "SEGMENT_RECORDS",
    "TOUCH_RECORDS",
    "DRIVEN",  # pointers: joints with a record
    "NUM_DRIVEN",
    "SETTERS",  # what sets the target of each, or 0
    "DRIVES",  # target and max_force last given to each, doubles
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
    "BODIES",  # pointers, in the State's order
    "NUM_BODIES",
    "POSE",  # pmBatchedData over the poses of all bodies, its cursor, its memory
    "POSE_CURSOR",
    "POSE_AT",
    "SLOTS",  # State's k-th body is the poses' SLOTS[k]-th
    "SHAPES",  # pointers: those that leave and enter at a reset, segments with a record apart
    "NUM_SHAPES",
    "SEGMENTS",  # pointers: segments with a record
    "LAID",  # 1 for each that is in the space
    "NUM_SEGMENTS",
    "FIRST_ID",  # of the first shape to enter
    "JOINTS",  # pointers: all constraints of the space
    "NUM_JOINTS",
    "FORCES",  # max_force of each, doubles
)
(
    PENDING, PARTS, NUM_PARTS, MOVE, ENTER, EXPECT, CALLS, SPACE, SUBSTEPS, SECONDS, MOTIONS, BODY_RECORDS,
    JOINT_RECORDS, SEGMENT_RECORDS, TOUCH_RECORDS, DRIVEN, NUM_DRIVEN, SETTERS, DRIVES, CALLBACK, WATCHED, WATCHERS,
    NUM_WATCHED, NUM_TOUCHES, NOW, EVER, OTHER, IMPULSE, PAIR, ARBITER, ARBITER_CURSOR, ARBITER_AT, BODIES, NUM_BODIES,
    POSE, POSE_CURSOR, POSE_AT, SLOTS, SHAPES, NUM_SHAPES, SEGMENTS, LAID, NUM_SEGMENTS, FIRST_ID, JOINTS, NUM_JOINTS,
    FORCES,
) = range(len(WORDS))  # fmt: skip
NUM_WORDS = len(WORDS)
POSE_FIELDS = BodyFields.POSITION | BodyFields.ANGLE | BodyFields.VELOCITY | BodyFields.ANGULAR_VELOCITY
NEVER_GROW = 2**30  # the batch functions realloc an array that reports itself full; ours is numpy's
LINE = 64  # bytes of a cache line
# About how many lines Chipmunk 7's objects take; fetching too few or too many of them only costs time.
SPACE_LINES, BODY_LINES, JOINT_LINES, POLY_LINES, SHAPE_LINES = 6, 4, 4, 10, 4
BLOCK_LINES = 16  # of a block's beginning, which every step needs


class Block:
    """One scene's block.

    Attributes:
        address: what kernels get as `scene.link`.
        words: the block's memory, int64.
    """

    def __init__(self, env: Env, scene: Scene, common: dict[int, Any]) -> None:
        """Write down a scene; `common` are the words that all scenes of a batch have: tables and compiled functions."""
        space, visited = scene.space, visiting_order(scene.space)
        watched = [(address(shape._shape), k) for k, shapes in enumerate(scene.touches) for shape in shapes]
        offset = motion_offset()
        assert offset is not None  # find_problem checked it
        touches = np.zeros(len(scene.touches), np.int64)
        tables: dict[int, Any] = {
            PARTS: list_parts(scene),
            MOTIONS: [address(body._body) + offset for body in scene.bodies],
            DRIVEN: [address(joint._constraint) for joint in scene.joints],
            SETTERS: [symbol(TARGETS[type(j)][1]) if type(j) in TARGETS else 0 for j in scene.joints],
            DRIVES: np.zeros(2 * len(scene.joints)),
            WATCHED: [pointer for pointer, _ in watched],
            WATCHERS: [k for _, k in watched],
            **dict.fromkeys((NOW, EVER, OTHER, IMPULSE), touches),
            PAIR: [0, 0],
            **mirror(ARBITER, np.zeros(2)),
            BODIES: [address(body._body) for body in scene.bodies],
            **mirror(POSE, np.zeros(len(visited) * len(POSE_2D))),
            SLOTS: [visited.index(body.id) for body in scene.bodies],
            SHAPES: [address(shape._shape) for shape in scene.entering],
            SEGMENTS: [address(segment._shape) for segment in scene.segments],
            LAID: [1] * len(scene.segments),
            JOINTS: [address(joint._constraint) for joint in space.constraints],
            FORCES: np.array([joint.max_force for joint in space.constraints], np.float64),
        }
        self.words = self._lay_out(tables)
        self.address = self.words.ctypes.data
        self._kept = scene, common  # what the words point at
        numbers = {
            NUM_PARTS: len(tables[PARTS]) // 2,
            SPACE: address(space._space),
            SUBSTEPS: env.substeps,
            NUM_WATCHED: len(watched),
            NUM_TOUCHES: len(touches),
            NUM_BODIES: len(scene.bodies),
            NUM_DRIVEN: len(scene.joints),
            NUM_SHAPES: len(scene.entering),
            NUM_SEGMENTS: len(scene.segments),
            FIRST_ID: lib.cpSpaceGetShapeIDCounter(space._space),
            NUM_JOINTS: len(space.constraints),
        }
        for word, number in numbers.items():
            self.words[word] = number
        for word, item in common.items():
            self.words[word] = item.ctypes.data if isinstance(item, np.ndarray) else item.address
        self.words.view(np.float64)[SECONDS] = env.time_step / env.substeps
        self._bind_mirror(ARBITER, ArbiterFields.TOTAL_IMPULSE.value)
        self._bind_mirror(POSE, POSE_FIELDS.value)

    @staticmethod
    def _lay_out(tables: dict[int, Any]) -> Array:
        """Return the block's memory: the words, which say where each table lies, then the tables."""
        arrays = {word: np.asarray(table) for word, table in tables.items()}
        words = np.zeros(NUM_WORDS + sum(len(array) for array in arrays.values()), np.int64)
        begin = NUM_WORDS
        for word, array in arrays.items():
            words[word] = words.ctypes.data + REAL * begin
            part = words[begin : begin + len(array)]
            part[:] = array.view(np.int64) if array.dtype == np.float64 else array
            begin += len(array)
        return words

    def _bind_mirror(self, word: int, fields: int) -> None:
        """Point the structures that pymunk's batch functions take at their memory."""
        batch, floats, memory = (int(self.words[word + k]) for k in range(3))
        cursor = ffi.cast("pmFloatArray *", floats)
        cursor.arr, cursor.max = ffi.cast("cpFloat *", memory), NEVER_GROW
        data = ffi.cast("pmBatchedData *", batch)
        data.fields, data.floatArray = fields, cursor


def mirror(word: int, memory: Array) -> dict[int, Array]:
    """Return the tables of what pymunk's batch functions read or write: pmBatchedData, its cursor, its memory."""
    sizes = (ffi.sizeof("pmBatchedData"), ffi.sizeof("pmFloatArray"))
    data, cursor = (np.zeros(-(-size // REAL), np.int64) for size in sizes)
    return {word: data, word + 1: cursor, word + 2: memory}


def list_parts(scene: Scene) -> list[int]:
    """Return where Chipmunk's objects begin that every step needs, each followed by its number of cache lines."""
    space = scene.space
    moving = [shape for shape in space.shapes if body_type(shape) != pymunk.Body.STATIC]
    parts = [(space._space, SPACE_LINES)]
    parts += [(body._body, BODY_LINES) for body in scene.bodies]
    parts += [(joint._constraint, JOINT_LINES) for joint in space.constraints]
    parts += [(shape._shape, POLY_LINES if isinstance(shape, pymunk.Poly) else SHAPE_LINES) for shape in moving]
    return [number for pointer, lines in parts for number in (address(pointer), lines)]


def visiting_order(space: pymunk.Space) -> list[int]:
    """Return the ids of all bodies in the order in which Chipmunk visits them; the static body is one."""
    buffer = Buffer()
    get_space_bodies(space, BodyFields.BODY_ID, buffer)
    return list(memoryview(buffer.int_buf()).cast("B").cast("P")) if len(buffer.int_buf()) else []
