"""Stepping through pymunk's public API: interpreted batches, and platforms without the native functions."""

from typing import Any

import numpy as np

from puffer_arena.core.bodies import physics_fields
from puffer_arena.core.env import Env
from puffer_arena.core.records import FORCE_2D, POSE_2D
from puffer_arena.engines.pymunk.parts import Contacts, Touches, cast, let_through
from puffer_arena.engines.pymunk.scene import TARGETS, Scene, build_scene, kinematic_bodies
from puffer_arena.engines.pymunk.tuned import CIRCLE
from puffer_arena.engines.scene import SceneParams
from puffer_arena.kernels.tables import (
    BAD_FORCE,
    BAD_POSE,
    ENTERS,
    FAULTS,
    FINE,
    LOST,
    MOVES,
    UNDRIVEN,
    UNMOVED,
    UNTUNED,
    WorldRows,
)
from puffer_arena.kernels.world import FARTHEST, FASTEST, STRONGEST

Pose = tuple[float, ...]
REAL = 8  # bytes of a double


class PublicEngine:
    """Steps every row's space in Python; a reset builds the scene anew, which is exact."""

    def __init__(self, env: Env, rows: WorldRows, values: Any) -> None:
        self._env, self._rows, self._values = env, rows, values
        rows.built[:] = self._build(rows.params[0]).built  # tells which parameters it reads
        self._params = SceneParams(env, rows)
        self._scenes: list[Scene | None] = [None] * len(rows.states)
        self._poses: list[list[Pose]] = [[] for _ in rows.states]  # as the engine left them
        self._drives: list[list[Pose]] = [[] for _ in rows.states]
        self._ends: list[list[Pose]] = [[] for _ in rows.states]
        self._tuned: list[dict[int, Pose]] = [{} for _ in rows.states]  # by place in the row
        self._normals: list[list[Pose]] = [[] for _ in rows.states]  # of one-way shapes

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
        ends: list[Pose] = [_ends(record) for record in self._records(i, "segment2d")]
        if not all(is_usable(pose) for pose in poses) or not all(map(_is_in_world, ends)):
            self._rows.scenes["fault"][i] = BAD_POSE
            return
        for shape in [*scene.segments, *scene.entering]:
            scene.space.remove(shape)
        _set_poses(scene, poses)
        self._tuned[i] = {}
        if fault := self._tune(i, scene):
            self._rows.scenes["fault"][i] = fault
            return
        for segment, (ax, ay, bx, by) in zip(scene.segments, ends, strict=True):
            if (ax, ay) != (bx, by):
                segment.unsafe_set_endpoints((ax, ay), (bx, by))
                scene.space.add(segment)
        for shape in scene.entering:
            scene.space.add(shape)
        self._poses[i], self._ends[i] = poses, ends
        self._normals[i] = [(0.0, 0.0)] * len(scene.one_ways)
        if scene.one_ways:
            let_through(scene, self._normals[i])
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
        fault = FINE if all(is_usable(pose) for pose in poses) else BAD_POSE
        fault = fault or _find_idle_force(scene, forces) or self._drive(i, scene) or self._move_segments(i, scene)
        fault = fault or self._tune(i, scene) or self._turn_one_ways(i) or self._check_rays(i)
        if fault != FINE:
            self._rows.scenes["fault"][i] = fault
            return
        if poses != self._poses[i]:
            _set_poses(scene, poses)
        tally, lists = Touches(scene), Contacts(scene)
        for _ in range(env.substeps):
            for body, (fx, fy, torque) in zip(scene.bodies, forces, strict=True):
                body.force, body.torque = (fx, fy), torque
            scene.space.step(env.time_step / env.substeps)
            tally.look()
            lists.look()
        poses = [(*b.position, b.angle, *b.velocity, b.angular_velocity) for b in scene.bodies]
        tally.write(self._records(i, "touch2d"))
        lists.write(self._records(i, "contact2d"))
        if not all(is_usable(pose) for pose in poses):
            self._rows.scenes["fault"][i] = LOST
            return
        self._poses[i] = poses
        for record, pose in zip(records, poses, strict=True):
            for name, value in zip(POSE_2D, pose, strict=True):
                record[name] = value
        for origin, record in zip(scene.rays, self._records(i, "ray2d"), strict=True):
            cast(scene, origin, record)

    def _drive(self, i: int, scene: Scene) -> int:
        """Give joints the targets that the rules wrote, and return the row's fault."""
        fault = FINE
        for k, (joint, record) in enumerate(zip(scene.joints, self._records(i, "joint2d"), strict=True)):
            wanted = (float(record["target"]), float(record["max_force"]))
            if not (abs(wanted[0]) < STRONGEST and wanted[1] >= 0.0):
                fault = BAD_POSE
            elif wanted != self._drives[i][k]:
                self._drives[i][k] = wanted
                if target := TARGETS.get(type(joint)):
                    setattr(joint, target[0], wanted[0])
                elif wanted[0] != 0.0:
                    fault = UNDRIVEN + FAULTS * k
                joint.max_force = wanted[1]
        return fault

    def _move_segments(self, i: int, scene: Scene) -> int:
        """Give segments the ends that the rules wrote, and return the row's fault."""
        fault = FINE
        for k, (segment, record) in enumerate(zip(scene.segments, self._records(i, "segment2d"), strict=True)):
            ends = _ends(record)
            if ends == self._ends[i][k]:
                continue
            if not _is_in_world(ends):
                fault = BAD_POSE
                continue
            self._ends[i][k] = ends
            was = segment.space is not None
            if ends[:2] != ends[2:]:
                segment.unsafe_set_endpoints(ends[:2], ends[2:])
                scene.space.reindex_shape(segment) if was else scene.space.add(segment)
            elif was:
                scene.space.remove(segment)
        return fault

    def _tune(self, i: int, scene: Scene) -> int:
        """Set the numbers of `TUNED` that changed, and return the row's fault."""
        fault, data = FINE, self._rows.states[i : i + 1].view(np.uint8).reshape(-1)
        for (at, first), each in zip(scene.tuned, scene.tuners, strict=True):
            for tuner in each:
                start = at + tuner.offset
                values = tuple(data[start : start + REAL * tuner.count].view(np.float64).tolist())
                if values == self._tuned[i].get(start):
                    continue
                if not tuner.allows(values):
                    fault = UNTUNED + FAULTS * (first + tuner.offset // REAL)
                    continue
                self._tuned[i][start] = values
                tuner.set(values)
                if tuner.how >= CIRCLE and tuner.handle.space is not None:
                    scene.space.reindex_shape(tuner.handle)
        return fault

    def _turn_one_ways(self, i: int) -> int:
        """Take over where one-way shapes let through, and return the row's fault."""
        normals = [(float(record["nx"]), float(record["ny"])) for record in self._records(i, "one_way2d")]
        if not all(abs(number) < FASTEST for normal in normals for number in normal):
            return BAD_POSE
        self._normals[i][:] = normals
        return FINE

    def _check_rays(self, i: int) -> int:
        """Return the fault of rays that end outside the world."""
        ends = [_ends(record) for record in self._records(i, "ray2d")]
        return FINE if all(map(_is_in_world, ends)) else BAD_POSE


def _set_poses(scene: Scene, poses: list[Pose]) -> None:
    for body, (x, y, angle, vx, vy, spin) in zip(scene.bodies, poses, strict=True):
        body.position, body.angle = (x, y), angle
        body.velocity, body.angular_velocity = (vx, vy), spin


def _find_idle_force(scene: Scene, forces: list[Pose]) -> int:
    """Return the fault of a force on a body that none moves."""
    for k in kinematic_bodies(scene):
        if any(forces[k]):
            return UNMOVED + FAULTS * k
    return FINE


def _ends(record: Any) -> tuple[float, float, float, float]:
    return float(record["ax"]), float(record["ay"]), float(record["bx"]), float(record["by"])


def _is_in_world(ends: Pose) -> bool:
    return all(abs(number) < FARTHEST for number in ends)


def _pose(record: Any) -> Pose:
    return tuple(float(record[name]) for name in POSE_2D)


def is_usable(pose: Pose) -> bool:
    """Tell whether a pose lies in the world and its numbers are finite."""
    x, y, angle, vx, vy, spin = pose
    inside = abs(x) < FARTHEST and abs(y) < FARTHEST and abs(angle) < FASTEST
    return inside and abs(vx) < FASTEST and abs(vy) < FASTEST and abs(spin) < FASTEST
