"""What the panda3d engine compiles: finding what is to be done in each row, and checking what Bullet made of it."""

import functools
from typing import Any

from puffer_arena.core.bodies import FORCE_3D, POSE_3D
from puffer_arena.core.compile import compile_function, jit
from puffer_arena.core.fields import Array
from puffer_arena.core.world_kernel import BAD_FORCE, FARTHEST, FASTEST, LOST, MOVES, STRONGEST

REST, STEP, PLACE, PUSH, TURN = 0, 1, 2, 4, 8  # tasks: nothing; or a step, with bodies put, pushed or turned before it
NUM_POSE, NUM_FORCE = len(POSE_3D), len(FORCE_3D)


@jit
def sift(table: Array, bodies: Array, seen: Array, scenes: Array, tasks: Array) -> None:
    """Find what is to be done in each row, so that Python need look at no more numbers than it must.

    Args:
        table: the rows as doubles, shape (rows, doubles).
        bodies: where in a row the body records begin.
        seen: poses that rows and worlds agree on, shape (rows, bodies, 13).
        scenes: of the rows; faults are written.
        tasks: written; parts of STEP, PLACE, PUSH and TURN.
    """
    for i in range(len(tasks)):
        tasks[i] = REST
        if scenes[i].stage == MOVES:
            tasks[i] = STEP
            for k in range(len(bodies)):
                at = bodies[k]
                for j in range(NUM_POSE):
                    if table[i, at + j] != seen[i, k, j]:
                        tasks[i] |= PLACE
                for j in range(NUM_FORCE):
                    part = table[i, at + NUM_POSE + j]
                    if part != 0.0:
                        tasks[i] |= PUSH if j < 3 else TURN
                    if not abs(part) < STRONGEST:
                        scenes[i].fault = BAD_FORCE
            if scenes[i].fault == BAD_FORCE:
                tasks[i] = REST


@jit
def settle(table: Array, bodies: Array, seen: Array, scenes: Array, tasks: Array) -> None:
    """Check the new poses of the rows that moved; one in which a body is lost gets its old poses back."""
    for i in range(len(tasks)):
        if tasks[i] & STEP:
            for k in range(len(bodies)):
                at = bodies[k]
                for j in range(NUM_POSE):
                    if not abs(table[i, at + j]) < (FARTHEST if j < 3 else FASTEST):
                        scenes[i].fault = LOST
            for k in range(len(bodies)):
                at = bodies[k]
                for j in range(NUM_POSE):
                    if scenes[i].fault == LOST:
                        table[i, at + j] = seen[i, k, j]
                    else:
                        seen[i, k, j] = table[i, at + j]


@functools.cache
def kernels() -> tuple[Any, Any]:
    """Return `sift` and `settle`, compiled."""
    sifter, settler = (compile_function(rule, "the panda3d engine") for rule in (sift, settle))
    return sifter, settler
