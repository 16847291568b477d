"""What the panda3d engine compiles: finding what is to be done in each row, and checking what Bullet made of it."""

import functools
from typing import Any

from puffer_arena.core.fields import Array
from puffer_arena.core.records import FORCE_3D, POSE_3D
from puffer_arena.kernels.tables import BAD_FORCE, BAD_POSE, ENTERS, FAULTS, FINE, LOST, MOVES, UNMOVED
from puffer_arena.kernels.world import FARTHEST, FASTEST, STRONGEST
from puffer_arena.machine.compile import compile_function, jit

# Tasks: nothing; or a step, before it bodies put, pushed or turned, or a new world.
REST, STEP, PLACE, PUSH, TURN, RENEW = 0, 1, 2, 4, 8, 16
DUE, MADE = range(2)  # a scene's link: its world is to be made before the row moves; it is made
NUM_POSE, NUM_FORCE = len(POSE_3D), len(FORCE_3D)
POSITION, QUATERNION = 3, 7  # where these parts of a pose end
SHORTEST = 1e-6  # of a quaternion that still says where a body looks


@jit
def is_usable(table: Array, i: int, at: int) -> bool:
    """Tell whether a body of row `i` stands in the world and its numbers are finite."""
    total, squares = 0.0, 0.0
    usable = True
    for j in range(NUM_POSE):
        part = table[i, at + j]
        total += part
        if j < POSITION:
            usable = usable and abs(part) < FARTHEST
        elif j < QUATERNION:
            squares += part * part
    return usable and abs(total) < FASTEST and squares > SHORTEST * SHORTEST  # a NaN or an infinity anywhere fails


@jit
def enter(table: Array, bodies: Array, seen: Array, scenes: Array) -> None:
    """Note that the rows whose stage is ENTERS need a new world, and how their bodies will stand in it."""
    for i in range(len(scenes)):
        if scenes[i].stage == ENTERS:
            scenes[i].link = DUE
            for k in range(len(bodies)):
                if not is_usable(table, i, bodies[k]):
                    scenes[i].fault = BAD_POSE
                for j in range(NUM_POSE):
                    seen[i, k, j] = table[i, bodies[k] + j]


@jit
def sift(table: Array, bodies: Array, still: Array, seen: Array, scenes: Array, tasks: Array) -> None:
    """Find what is to be done in each row, so that Python need look at no more numbers than it must.

    Args:
        table: the rows as doubles, shape (rows, doubles).
        bodies: where in a row the body records begin.
        still: whether a body stands wherever it is put: forces and velocities do nothing to it.
        seen: poses that rows and worlds agree on, shape (rows, bodies, 13).
        scenes: of the rows; faults are written.
        tasks: written; parts of STEP, PLACE, PUSH, TURN and RENEW.
    """
    for i in range(len(tasks)):
        tasks[i] = REST
        if scenes[i].stage == MOVES:
            tasks[i] = STEP | (RENEW if scenes[i].link == DUE else 0)
            for k in range(len(bodies)):
                at = bodies[k]
                for j in range(NUM_POSE):
                    if table[i, at + j] != seen[i, k, j]:
                        tasks[i] |= PLACE
                if tasks[i] & (PLACE | RENEW) and not is_usable(table, i, at):
                    scenes[i].fault = BAD_POSE
                for j in range(NUM_FORCE):
                    part = table[i, at + NUM_POSE + j]
                    if part != 0.0:
                        tasks[i] |= PUSH if j < 3 else TURN
                    if not abs(part) < STRONGEST:
                        scenes[i].fault = BAD_FORCE
                if still[k] and scenes[i].fault == FINE:
                    for j in range(QUATERNION, NUM_POSE + NUM_FORCE):
                        if table[i, at + j] != 0.0:
                            scenes[i].fault = UNMOVED + FAULTS * k
            if scenes[i].fault != FINE:
                tasks[i] = REST


@jit
def settle(table: Array, bodies: Array, seen: Array, scenes: Array, tasks: Array) -> None:
    """Check the new poses of the rows that moved; one in which a body is lost gets its old poses back."""
    for i in range(len(tasks)):
        if tasks[i] & STEP:
            for k in range(len(bodies)):
                at = bodies[k]
                for j in range(NUM_POSE):
                    if not abs(table[i, at + j]) < (FARTHEST if j < POSITION else FASTEST):
                        scenes[i].fault = LOST
            for k in range(len(bodies)):
                at = bodies[k]
                for j in range(NUM_POSE):
                    if scenes[i].fault == LOST:
                        table[i, at + j] = seen[i, k, j]
                    else:
                        seen[i, k, j] = table[i, at + j]


@functools.cache
def kernels() -> tuple[Any, Any, Any]:
    """Return `enter`, `sift` and `settle`, compiled."""
    enterer, sifter, settler = (compile_function(rule, "the panda3d engine") for rule in (enter, sift, settle))
    return enterer, sifter, settler
