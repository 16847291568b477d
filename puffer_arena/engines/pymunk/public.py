"""Stepping through pymunk's public API: interpreted batches, and platforms without the native functions."""

import math
from typing import Any

import numpy as np
import pymunk

from puffer_arena.core.bodies import FORCE_2D, POSE_2D, physics_fields
from puffer_arena.core.env import Env
from puffer_arena.core.fields import Array
from puffer_arena.engines.pymunk.scene import TARGETS, Scene, body_type, build_scene
from puffer_arena.engines.scene import SceneParams
from puffer_arena.kernels.tables import BAD_FORCE, BAD_POSE, ENTERS, LOST, MOVES, WorldRows
from puffer_arena.kernels.world import FARTHEST, FASTEST, STRONGEST

Pose = tuple[float, ...]


class PublicEngine:
    """Steps every row's space in Python; a reset builds the scene anew, which is exact."""

    def __init__(self, env: Env, rows: WorldRows, values: Any) -> None:
        self._env, self._rows, self._values = env, rows, values
        rows.built[:] = self._build(rows.params[0]).built  # tells which parameters it reads
        self._params = SceneParams(env, rows)
        self._scenes: list[Scene | None] = [None] * len(rows.states)
        self._poses: list[list[Pose]] = [[] for _ in rows.states]  # as the engine left them
        self._drives: list[list[Pose]] = [[] for _ in rows.states]

    def prepare(self) -> None:
        for i in self._params.changed():
            self._rows.built[i] = self._build(self._rows.following[i]).built[0]
            self._params.note(i, self._rows.following[i])

    def _build(self, record: Any) -> Scene:
        return build_scene(self._env, record, self._values, self._rows.states.dtype)

    def fit(self, i: int) -> None:
        """Nothing to do: `enter` builds from the parameters in force."""

    def mend(self, i: int) -> None:
        self._rows.scenes["stage"][i] = ENTERS
        self.enter()

    def close(self) -> None:
        self._scenes = []

    def enter(self) -> None:
        for i in np.flatnonzero(self._rows.scenes["stage"] == ENTERS):
            self._enter(int(i))

    def move(self) -> None:
        for i in np.flatnonzero(self._rows.scenes["stage"] == MOVES):
            self._move(int(i))

    def _records(self, i: int, kind: str) -> list[Any]:
        """Return views of one row's records of a kind, in the State's order."""
        row = self._rows.states[i : i + 1]
        return [record for name in physics_fields(self._env.state, kind) for record in row[name].reshape(-1)]

    def _enter(self, i: int) -> None:
        scene = self._scenes[i] = self._build(self._rows.params[i])
        self._params.note(i, self._rows.params[i])
        records = self._records(i, "body2d")
        poses = [_pose(record) for record in records]
        if not all(is_usable(pose) for pose in poses):
            self._rows.scenes["fault"][i] = BAD_POSE
            return
        for shape in [*scene.segments, *scene.entering]:
            scene.space.remove(shape)
        _set_poses(scene, poses)
        for segment, record in zip(scene.segments, self._records(i, "segment2d"), strict=True):
            a, b = (record["ax"], record["ay"]), (record["bx"], record["by"])
            if a != b:
                segment.unsafe_set_endpoints(a, b)
                scene.space.add(segment)
        for shape in scene.entering:
            scene.space.add(shape)
        self._poses[i] = poses
        self._drives[i] = [(float("nan"),)] * len(scene.joints)

    def _move(self, i: int) -> None:
        env, scene = self._env, self._scenes[i]
        assert scene is not None  # every row has entered before it moves
        records = self._records(i, "body2d")
        forces = [tuple(float(record[name]) for name in FORCE_2D) for record in records]
        poses = [_pose(record) for record in records]
        if not all(abs(value) < STRONGEST for force in forces for value in force):
            self._rows.scenes["fault"][i] = BAD_FORCE
            return
        if not all(is_usable(pose) for pose in poses) or not self._drive(i, scene):
            self._rows.scenes["fault"][i] = BAD_POSE
            return
        if poses != self._poses[i]:
            _set_poses(scene, poses)
        tally = Touches(scene)
        for _ in range(env.substeps):
            for body, (fx, fy, torque) in zip(scene.bodies, forces, strict=True):
                body.force, body.torque = (fx, fy), torque
            scene.space.step(env.time_step / env.substeps)
            tally.look()
        poses = [(*b.position, b.angle, *b.velocity, b.angular_velocity) for b in scene.bodies]
        tally.write(self._records(i, "touch2d"))
        if not all(is_usable(pose) for pose in poses):
            self._rows.scenes["fault"][i] = LOST
            return
        self._poses[i] = poses
        for record, pose in zip(records, poses, strict=True):
            for name, value in zip(POSE_2D, pose, strict=True):
                record[name] = value

    def _drive(self, i: int, scene: Scene) -> bool:
        """Give joints the targets that the rules wrote; tell whether they are usable numbers."""
        for k, (joint, record) in enumerate(zip(scene.joints, self._records(i, "joint2d"), strict=True)):
            wanted = (float(record["target"]), float(record["max_force"]))
            if not (abs(wanted[0]) < STRONGEST and wanted[1] >= 0.0):
                return False
            if wanted != self._drives[i][k]:
                self._drives[i][k] = wanted
                if target := TARGETS.get(type(joint)):
                    setattr(joint, target[0], wanted[0])
                joint.max_force = wanted[1]
        return True


class Touches:
    """What the watched shapes of a scene touched during one step."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        count = len(scene.touches)
        self.now = [False] * count  # in the last part of the step
        self.ever = [False] * count
        self.impulse = [-1.0] * count
        self.other = [-1] * count
        self._index: dict[Any, int] = {body: k for k, body in enumerate(scene.bodies)}

    def look(self) -> None:
        """Take note after one part of the step."""
        for k, shapes in enumerate(self._scene.touches):
            self.now[k] = False
            for shape in shapes:
                for other, impulse in touching(self._scene.space, shape):
                    self.now[k] = self.ever[k] = True
                    index = self._index.get(other.body, -1)
                    if impulse > self.impulse[k] or (impulse == self.impulse[k] and index > self.other[k]):
                        self.impulse[k], self.other[k] = impulse, index

    def write(self, records: list[Array]) -> None:
        for k, record in enumerate(records):
            record["began"] = int(self.ever[k] and not record["touching"])
            record["touching"] = int(self.now[k])
            record["impulse"] = max(self.impulse[k], 0.0)
            record["other"] = self.other[k]


def touching(space: pymunk.Space, shape: pymunk.Shape) -> list[tuple[pymunk.Shape, float]]:
    """Return the shapes that touch `shape`, each with its impulse."""
    found: list[tuple[pymunk.Shape, float]] = []

    def note(arbiter: pymunk.Arbiter) -> None:
        if shape in arbiter.shapes and arbiter.contact_point_set.points:
            a, b = arbiter.shapes
            x, y = arbiter.total_impulse
            found.append((b if a is shape else a, math.sqrt(x * x + y * y)))

    assert shape.body is not None  # checked when the scene was built
    shape.body.each_arbiter(note)
    for info in space.shape_query(shape):
        other = info.shape
        if other is None or not (shape.sensor or other.sensor) or other.body is shape.body:
            continue
        if not info.contact_point_set.points or _both_static(shape, other) or _jointed(shape, other):
            continue
        found.append((other, 0.0))
    return found


def _both_static(a: pymunk.Shape, b: pymunk.Shape) -> bool:
    return all(body_type(shape) == pymunk.Body.STATIC for shape in (a, b))


def _jointed(a: pymunk.Shape, b: pymunk.Shape) -> bool:
    """Tell whether a joint between their bodies keeps two shapes from colliding."""
    assert a.body is not None
    return any(not c.collide_bodies and b.body in (c.a, c.b) for c in a.body.constraints)


def _set_poses(scene: Scene, poses: list[Pose]) -> None:
    for body, (x, y, angle, vx, vy, spin) in zip(scene.bodies, poses, strict=True):
        body.position, body.angle = (x, y), angle
        body.velocity, body.angular_velocity = (vx, vy), spin


def _pose(record: Any) -> Pose:
    return tuple(float(record[name]) for name in POSE_2D)


def is_usable(pose: Pose) -> bool:
    """Tell whether a pose lies in the world and its numbers are finite."""
    x, y, angle, vx, vy, spin = pose
    inside = abs(x) < FARTHEST and abs(y) < FARTHEST and abs(angle) < FASTEST
    return inside and abs(vx) < FASTEST and abs(vy) < FASTEST and abs(spin) < FASTEST
