"""One row's Bullet world: what `build` made, tied to the bytes of the row."""

import math
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from panda3d.bullet import BulletBodyNode, BulletRigidBodyNode, BulletVehicle, BulletWorld
from panda3d.core import BitMask32, LPoint3, LQuaternion, LVector3, NodePath, TransformState

from puffer_arena.core.bodies import handle_shape, name_record, physics_dtype, physics_fields, record_offsets
from puffer_arena.core.env import Env
from puffer_arena.core.fields import Array
from puffer_arena.core.records import FORCE_3D, POSE_3D
from puffer_arena.engines.bullet.looks import list_looks
from puffer_arena.engines.bullet.loops import PUSH, TURN
from puffer_arena.engines.bullet.parts import Contacts, Motor, Wheels, check_motor
from puffer_arena.engines.scene import call_build, list_handles
from puffer_arena.kernels.tables import BAD_POSE, FINE
from puffer_arena.kernels.world import FARTHEST, FASTEST

Pose = tuple[float, ...]
POSE = struct.Struct(f"={len(POSE_3D)}d")
TOUCH = struct.Struct("=dqqq")  # impulse, touching, began, other
RAY = struct.Struct("=6d")  # from, to
HIT = struct.Struct("=dq")  # fraction, other
VELOCITIES = slice(POSE_3D.index("vx"), None)  # of a pose
NO_FORCE = (0.0,) * len(FORCE_3D)
VECTOR = struct.Struct("=3d")
FORCE_AT, TORQUE_AT = POSE.size, POSE.size + VECTOR.size  # in a body's record
UNSCALED = LVector3(1, 1, 1)
EVERYTHING = BitMask32.all_on()


class Plan:
    """Where the records of a State lie in the rows: the same for all arenas of a batch."""

    def __init__(self, env: Env, states: Array) -> None:
        self.env, self.row, self.size = env, states.dtype, states.dtype.itemsize
        self.bytes = states.view(np.uint8).reshape(-1).data
        self.dtype = physics_dtype(env.state, states.dtype)
        self.fields = physics_fields(env.state)
        names = physics_fields(env.state, "body3d")
        self.still: Array | None = None  # whether each body stands wherever it is put; of the first arena, hence of all
        self.bodies = np.array([at for name in names for at in record_offsets(self.row, name)])  # where each lies
        self.seconds, self.substeps = env.time_step / env.substeps, range(env.substeps)
        self.forces, self.torques = ([LVector3() for _ in self.bodies] for _ in range(2))  # those of the row in hand
        kinds = {described.kind for described in self.fields.values()}
        self.hears, self.drives = kinds != {"body3d"}, not kinds.isdisjoint(("joint3d", "wheel3d", "ray3d"))
        self._places: dict[tuple[int, ...], tuple[int, ...]] = {}

    def one(self, places: tuple[int, ...]) -> tuple[int, ...]:
        """Return the one tuple of these numbers that all arenas use."""
        return self._places.setdefault(places, places)


@dataclass(eq=False, slots=True)
class Mover:
    """A body of the State: its node, and where in the row its record lies."""

    node: BulletRigidBodyNode
    at: int
    built: Pose = ()  # how it stands while nothing has moved yet

    def place(self, pose: Pose, before: Pose) -> None:
        """Put the body, which stands as `before`, where rules want it."""
        x, y, z, qw, qx, qy, qz, vx, vy, vz, wx, wy, wz = pose
        length = math.sqrt(qw * qw + qx * qx + qy * qy + qz * qz)
        turn = LQuaternion(qw / length, qx / length, qy / length, qz / length)
        self.node.set_transform(TransformState.make_pos_quat_scale(LPoint3(x, y, z), turn, UNSCALED))
        if pose[VELOCITIES] != before[VELOCITIES]:
            self.node.set_linear_velocity(LVector3(vx, vy, vz))
            self.node.set_angular_velocity(LVector3(wx, wy, wz))


class Arena:
    """A world and its handles, in the State's order.

    Args:
        plan: of the batch.
        p: the parameters, as `build` takes them.
        poses: of the bodies, as an earlier `build` with these parameters made them and hence this one: not read again.

    Raises:
        DefinitionError: what `build` made does not fit the State.
    """

    def __init__(self, plan: Plan, p: Any, poses: Sequence[Pose] = ()) -> None:
        self.plan, self._poses = plan, poses
        self.world = BulletWorld()
        self.movers: list[Mover] = []
        self._number: dict[BulletRigidBodyNode, int] = {}  # bodies counted through the State's fields
        self.touches: list[tuple[set[BulletBodyNode], int]] = []
        self.rays: list[tuple[BulletBodyNode | None, int]] = []
        self.driven: list[Motor | Wheels] = []
        self.lists: list[Contacts] = []
        handles = call_build(plan.env, self.world, p)
        self._bodies = set(self.world.get_rigid_bodies())
        self._all = self._bodies | set(self.world.get_ghosts())
        for name, described in plan.fields.items():
            shape, take = handle_shape(described, plan.row[name].shape), TAKERS[described.kind]
            places = record_offsets(plan.row, name)
            named = list_handles(plan.env, name, described, handles[name], shape)
            each = len(places) // len(named)  # records of one handle
            for k, (where, handle) in enumerate(named):
                take(self, where, handle, *places[each * k : each * (k + 1)])
        moving = [mover for mover in self.movers if is_dynamic(mover.node)]
        self.moving = tuple(mover.node for mover in moving)
        self.places = plan.one(tuple(mover.at for mover in moving))  # of what moves
        self._check_bodies()
        self._check_still()

    # -- building -----------------------------------------------------------------------------------

    def _take_body(self, where: str, handle: Any, at: int) -> None:
        node = self._expect(where, handle, BulletRigidBodyNode, self._bodies)
        if node in self._number:
            raise self.plan.env.error("build", f"the body of {where} belongs to another field already")
        mover = Mover(node, at, self._poses[len(self.movers)] if self._poses else read_pose(node))
        if not self._poses and not is_usable(mover.built):
            raise self.plan.env.error("build", f"the body of {where} stands at {mover.built}")
        if is_dynamic(node):
            node.set_deactivation_enabled(False)  # a body asleep would ignore the forces that rules write
        self._number[node] = len(self.movers)
        self.movers.append(mover)

    def _take_touch(self, where: str, handle: Any, at: int) -> None:
        several = handle if isinstance(handle, list | tuple | set) else [handle]
        self.touches.append(({self._expect(where, one, BulletBodyNode, self._all) for one in several}, at))

    def _take_ray(self, where: str, handle: Any, at: int) -> None:
        node = None if handle is None else self._expect(where, handle, BulletBodyNode, self._all)
        self.rays.append((node, at))

    def _take_motor(self, where: str, handle: Any, at: int) -> None:
        if wrong := check_motor(handle):
            raise self.plan.env.error("build", f"the handle of {where} is {handle!r}; it {wrong}")
        if handle not in set(self.world.get_constraints()):
            raise self.plan.env.error("build", f"the joint of {where} is not in the world; call world.attach(joint)")
        self.driven.append(Motor(handle, at, self.plan.seconds))

    def _take_wheels(self, where: str, handle: Any, *at: int) -> None:
        if not isinstance(handle, BulletVehicle) or handle not in set(self.world.get_vehicles()):
            raise self.plan.env.error(
                "build", f"the handle of {where} is {handle!r}; it must be a BulletVehicle that world.attach was given"
            )
        if handle.get_num_wheels() != len(at) or handle.get_chassis() not in self._bodies:
            raise self.plan.env.error(
                "build",
                f"the vehicle of {where} has {handle.get_num_wheels()} wheels, the field {len(at)}; both must be the "
                "same, and its chassis in the world",
            )
        first = sum(part.count for part in self.driven if isinstance(part, Wheels))
        self.driven.append(Wheels(handle, at, first, self.plan.seconds))

    def _take_contacts(self, where: str, handle: Any, *at: int) -> None:
        several = handle if isinstance(handle, list | tuple | set) else [handle]
        watched = {self._expect(where, one, BulletBodyNode, self._all) for one in several}
        self.lists.append(Contacts(watched, at))

    def _expect(self, where: str, handle: Any, kind: type, among: set[Any]) -> Any:
        node = handle.node() if isinstance(handle, NodePath) else handle
        if not isinstance(node, kind):
            raise self.plan.env.error("build", f"the handle of {where} is {handle!r}; it must be a {kind.__name__}")
        if node not in among:
            raise self.plan.env.error("build", f"the node of {where} is not in the world; call world.attach(node)")
        return node

    def _check_bodies(self) -> None:
        """Refuse bodies that would move without a row knowing of it."""
        env, world = self.plan.env, self.world
        for node in self._bodies:
            if node not in self._number and not node.is_static():
                raise env.error(
                    "build", f"the body '{node.name}' moves but has no field: every body that moves must be a body3d"
                )
        vehicles = sum(isinstance(part, Wheels) for part in self.driven)
        if world.get_num_soft_bodies() or world.get_num_characters() or world.get_num_vehicles() != vehicles:
            raise env.error(
                "build",
                "makes soft bodies or characters, which rows cannot hold, or a vehicle without a wheel3d; use rigid "
                "bodies, and name each vehicle's wheels",
            )

    def _check_still(self) -> None:
        """Note which bodies forces and velocities do nothing to; they are the same with all parameters."""
        still = np.array([not is_dynamic(mover.node) for mover in self.movers])
        if self.plan.still is None:
            self.plan.still = still
        elif (k := next(iter(np.flatnonzero(still != self.plan.still)), None)) is not None:
            name = name_record(self.plan.env.state, self.plan.row, "body3d", int(k))
            raise self.plan.env.error(
                "build", f"the body of {name} moves with some parameters and not with others; keep its mass above 0"
            )

    def poses(self) -> list[Pose]:
        """Return how the bodies stand while nothing has moved yet."""
        return [mover.built for mover in self.movers]

    def built(self) -> Any:
        """Return one record of `physics_dtype`: how the bodies stand."""
        record = np.zeros(1, self.plan.dtype)
        poses, driven = iter(self.poses()), iter(self.driven)
        for name, described in self.plan.fields.items():
            part = record[name].reshape(-1)
            if described.kind == "body3d":
                for k in range(len(part)):
                    part[k] = (*next(poses), *NO_FORCE)
            elif described.kind in ("touch3d", "contact3d"):
                part["other"] = -1
            elif described.kind in ("joint3d", "wheel3d"):
                records: list[tuple[float, ...]] = []
                while len(records) < len(part):
                    records += next(driven).built()
                part[:] = np.array(records, part.dtype)
            else:
                part["fraction"], part["other"] = 1.0, -1
        if "looks" in (self.plan.dtype.names or ()):
            record["looks"] = list_looks(self.plan.env, self.world, self._number, record["looks"].shape[1])
        return record[0]

    # -- stepping -----------------------------------------------------------------------------------

    def place(self, row: int, seen: memoryview) -> None:
        """Put the bodies where the row has them; `loops.sift` saw to it that they can be there.

        Args:
            row: bytes from the start of the rows to this one.
            seen: bytes of the poses that row and world agree on, body by body; in a new world as `build` made it none counts.
        """
        for k, mover in enumerate(self.movers):
            wanted = self.plan.bytes[row + mover.at : row + mover.at + POSE.size]
            agreed = seen[k * POSE.size : (k + 1) * POSE.size]
            if mover.built or wanted != agreed:
                pose, before = POSE.unpack(wanted), mover.built or POSE.unpack(agreed)
                if pose != before:
                    mover.place(pose, before)
            mover.built = ()

    def drive(self, row: int) -> int:
        """Give Bullet what the rules wrote for the coming step beside forces, and return the row's fault."""
        data = self.plan.bytes
        for _, at in self.rays:
            if not all(abs(number) < FARTHEST for number in RAY.unpack_from(data, row + at)):
                return BAD_POSE
        for part in self.driven:
            if fault := part.drive(data, row):
                return fault
        return FINE

    def hear(self, row: int) -> None:
        """Write into the row what touches are and rays meet.

        Args:
            row: bytes from the start of the rows to this one.
        """
        if self.touches or self.lists:
            self._touch(row)
        for part in self.driven:
            part.tell(self.plan.bytes, row)
        if self.rays:
            self._cast(row)

    def _touch(self, row: int) -> None:
        """Write what touches the watched nodes."""
        contacts = []
        for manifold in self.world.get_manifolds():
            a, b, points = manifold.get_node0(), manifold.get_node1(), manifold.get_manifold_points()
            if is_ground(a) and is_ground(b):  # a pad that lies on the floor
                continue
            impulse = sum(point.applied_impulse for point in points)
            if impulse > 0.0 or any(point.distance <= 0.0 for point in points):
                hardest = max(points, key=lambda point: point.applied_impulse) if self.lists else None
                contacts.append((a, b, impulse, hardest))
        for watched, at in self.touches:
            impulse, other, touching = 0.0, -1, 0
            for a, b, pushed, _ in contacts:
                if (a in watched) != (b in watched):
                    number = self._number.get(b if a in watched else a, -1)
                    if not touching or (pushed, number) > (impulse, other):
                        impulse, other, touching = pushed, number, 1
            before = TOUCH.unpack_from(self.plan.bytes, row + at)[1]
            TOUCH.pack_into(self.plan.bytes, row + at, impulse, touching, int(touching and not before), other)

        for listed in self.lists:
            listed.tell(self.plan.bytes, row, contacts, lambda node: self._number.get(node, -1))

    def _cast(self, row: int) -> None:
        """Write what the rays meet first, the body that they start from and ghosts apart."""
        data = self.plan.bytes
        for source, at in self.rays:
            ax, ay, az, bx, by, bz = RAY.unpack_from(data, row + at)
            origin = source.get_transform().get_pos() if source is not None else LPoint3()
            start, end = origin + LVector3(ax, ay, az), origin + LVector3(bx, by, bz)
            fraction, other = 1.0, -1
            if start != end:
                for hit in self.world.ray_test_all(start, end, EVERYTHING).get_hits():
                    if hit.get_hit_fraction() < fraction and hit.node != source and hit.node in self._bodies:
                        fraction, other = hit.get_hit_fraction(), self._number.get(hit.node, -1)
            HIT.pack_into(data, row + at + RAY.size, fraction, other)


def advance(plan: Plan, world: BulletWorld, moving: Sequence[Any], places: Sequence[int], row: int, task: int) -> bool:
    """Step a world, and write the new poses into its row; False where a body is lost.

    Args:
        plan: of the batch.
        world: to be stepped.
        moving, places: the nodes that move, and where in the row their records lie.
        row: bytes from the start of the rows to this one.
        task: PUSH where there are forces in the row, TURN where there are torques.
    """
    data, forces, torques = plan.bytes, plan.forces, plan.torques
    if task & PUSH:
        for k, at in enumerate(places):
            forces[k].set(*VECTOR.unpack_from(data, row + at + FORCE_AT))
    if task & TURN:
        for k, at in enumerate(places):
            torques[k].set(*VECTOR.unpack_from(data, row + at + TORQUE_AT))
    try:
        for _ in plan.substeps:  # forces in each: Bullet clears them after it
            if task & PUSH:
                for k, node in enumerate(moving):
                    node.apply_central_force(forces[k])
            if task & TURN:
                for k, node in enumerate(moving):
                    node.apply_torque(torques[k])
            world.do_physics(plan.seconds, 0)  # 0: exactly one step of these seconds, and poses at its end
    except AssertionError:  # Panda met a pose that is no number
        return False
    for k, node in enumerate(moving):
        # As in `read_pose`, whose tuple would cost 4 % of a step of one body.
        transform, v, w = node.get_transform(), node.get_linear_velocity(), node.get_angular_velocity()
        x, q = transform.get_pos(), transform.get_quat()
        at = row + places[k]
        POSE.pack_into(data, at, x[0], x[1], x[2], q[0], q[1], q[2], q[3], v[0], v[1], v[2], w[0], w[1], w[2])
    return True


def read_pose(node: BulletRigidBodyNode) -> Pose:
    """Return a node's pose and velocities in the order of a row's record."""
    transform, v, w = node.get_transform(), node.get_linear_velocity(), node.get_angular_velocity()
    x, q = transform.get_pos(), transform.get_quat()
    return (x[0], x[1], x[2], q[0], q[1], q[2], q[3], v[0], v[1], v[2], w[0], w[1], w[2])


def is_dynamic(node: BulletRigidBodyNode) -> bool:
    """Tell whether the engine moves a node."""
    return not (node.is_static() or node.is_kinematic())


def is_ground(node: BulletBodyNode) -> bool:
    """Tell whether a node is a body that nothing moves."""
    return isinstance(node, BulletRigidBodyNode) and node.is_static()


def is_usable(pose: Pose) -> bool:
    """Tell whether a pose lies in the world and its numbers are finite."""
    return (
        -FASTEST < sum(pose) < FASTEST  # a NaN or an infinity anywhere fails here
        and -FARTHEST < pose[0] < FARTHEST
        and -FARTHEST < pose[1] < FARTHEST
        and -FARTHEST < pose[2] < FARTHEST
    )


TAKERS: dict[str, Callable[..., None]] = {
    "body3d": Arena._take_body,
    "touch3d": Arena._take_touch,
    "ray3d": Arena._take_ray,
    "contact3d": Arena._take_contacts,
    "joint3d": Arena._take_motor,
    "wheel3d": Arena._take_wheels,
}
