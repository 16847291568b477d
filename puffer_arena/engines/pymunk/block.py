"""A scene as compiled code finds it: one piece of memory with addresses, mirrors and notes, called a block.

A block begins with words that say where everything else is; what every step needs lies right behind them, so that it
comes into the processor's cache together.  The kernels get the block's address as `scene.link`.
"""

from typing import Any

import numpy as np
import pymunk
from pymunk._chipmunk import ffi, lib
from pymunk.batch import ArbiterFields, BodyFields, Buffer, get_space_bodies

from puffer_arena.core.env import Env
from puffer_arena.core.fields import Array
from puffer_arena.core.records import POSE_2D
from puffer_arena.engines.pymunk.calls import address, motion_offset, symbol
from puffer_arena.engines.pymunk.features import bind_one_ways, feature_tables
from puffer_arena.engines.pymunk.scene import TARGETS, Scene, body_type, kinematic_bodies
from puffer_arena.engines.pymunk.words import (
    ARBITER,
    BODIES,
    DRIVEN,
    DRIVES,
    ENDS,
    EVER,
    EXTRAS,
    FIRST_ID,
    FORCES,
    IMPULSE,
    JOINTS,
    KINEMATIC,
    LAID,
    LISTED,
    MOTIONS,
    NOW,
    NUM_BODIES,
    NUM_DRIVEN,
    NUM_JOINTS,
    NUM_KINEMATIC,
    NUM_PARTS,
    NUM_SEGMENTS,
    NUM_SHAPES,
    NUM_TOUCHES,
    NUM_WATCHED,
    NUM_WORDS,
    ONE_WAYS,
    OTHER,
    PAIR,
    PARTS,
    PASS,
    POSE,
    RAYS,
    SECONDS,
    SEGMENTS,
    SETTERS,
    SHAPES,
    SLOTS,
    SPACE,
    SUBSTEPS,
    TUNERS,
    WATCHED,
    WATCHERS,
)
from puffer_arena.machine.calls import REAL

POSE_FIELDS = BodyFields.POSITION | BodyFields.ANGLE | BodyFields.VELOCITY | BodyFields.ANGULAR_VELOCITY
CONTACT_FIELDS = ArbiterFields.TOTAL_IMPULSE | ArbiterFields.NORMAL | ArbiterFields.POINT_A_1 | ArbiterFields.POINT_B_1
FEATURES = (KINEMATIC, TUNERS, RAYS, ONE_WAYS, LISTED)  # tables that most scenes leave empty
ARBITER_DOUBLES = 8  # of these fields
NEVER_GROW = 2**30  # the batch functions realloc an array that reports itself full; ours is numpy's
# About how many lines Chipmunk 7's objects take; fetching too few or too many of them only costs time.
SPACE_LINES, BODY_LINES, JOINT_LINES, POLY_LINES, SHAPE_LINES = 6, 4, 4, 10, 4


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
            KINEMATIC: kinematic_bodies(scene),
            DRIVEN: [address(joint._constraint) for joint in scene.joints],
            SETTERS: [symbol(TARGETS[type(j)][1]) if type(j) in TARGETS else 0 for j in scene.joints],
            DRIVES: np.zeros(2 * len(scene.joints)),
            WATCHED: [pointer for pointer, _ in watched],
            WATCHERS: [k for _, k in watched],
            **dict.fromkeys((NOW, EVER, OTHER, IMPULSE), touches),
            PAIR: [0, 0],
            **mirror(ARBITER, np.zeros(ARBITER_DOUBLES)),
            BODIES: [address(body._body) for body in scene.bodies],
            **mirror(POSE, np.zeros(len(visited) * len(POSE_2D))),
            SLOTS: [visited.index(body.id) for body in scene.bodies],
            SHAPES: [address(shape._shape) for shape in scene.entering],
            SEGMENTS: [address(segment._shape) for segment in scene.segments],
            LAID: [1] * len(scene.segments),
            JOINTS: [address(joint._constraint) for joint in space.constraints],
            FORCES: np.array([joint.max_force for joint in space.constraints], np.float64),
        }
        features, numbers = feature_tables(scene)
        tables |= features
        extras = scene.moving_edges or any(len(tables[word]) for word in FEATURES)
        tables[ENDS] = np.zeros(4 * len(scene.segments) if extras else 0)
        self.words = self._lay_out(tables)
        self.address = self.words.ctypes.data
        self._kept = scene, common  # what the words point at
        numbers |= {
            NUM_PARTS: len(tables[PARTS]) // 2,
            SPACE: address(space._space),
            SUBSTEPS: env.substeps,
            NUM_WATCHED: len(watched),
            NUM_TOUCHES: len(touches),
            NUM_BODIES: len(scene.bodies),
            EXTRAS: int(extras),
            NUM_KINEMATIC: len(tables[KINEMATIC]),
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
        detailed = scene.contacts or scene.one_ways
        self._bind_mirror(ARBITER, (CONTACT_FIELDS if detailed else ArbiterFields.TOTAL_IMPULSE).value)
        self._bind_mirror(POSE, POSE_FIELDS.value)
        bind_one_ways(scene, int(self.words[PASS]), self.address)

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
