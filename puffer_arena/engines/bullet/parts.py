"""Parts of a Bullet world beside its bodies: motors of hinges and sliders, wheels of vehicles, lists of contacts.

Each ties what `build` made to the bytes of a row.  Rules write what a part does in the coming step; after it the part
writes what became of it.
"""

import math
import struct
from collections.abc import Sequence
from typing import Any

from panda3d.bullet import BulletHingeConstraint, BulletSliderConstraint, BulletVehicle, ZUp
from panda3d.core import LVector3, TransformState

from puffer_arena.kernels.tables import BAD_POSE, BRAKED, FAULTS, FINE
from puffer_arena.kernels.world import STRONGEST

JOINT = struct.Struct("=2d")  # target, max_force
POSITION = struct.Struct("=d")
WHEEL = struct.Struct("=3d")  # force, brake, steer
RUN = struct.Struct("=5dq")  # x, y, z, turned, skid, touching
CONTACT = struct.Struct("=7dqq")  # x, y, z, nx, ny, nz, impulse, touching, other
NEVER = (math.nan,)  # differs from whatever is given


class Motor:
    """A hinge or slider that rules drive.

    Args:
        joint: in the world.
        at: where in the row its record lies.
        seconds: of a substep.
    """

    def __init__(self, joint: Any, at: int, seconds: float) -> None:
        self._joint, self._at, self._seconds = joint, at, seconds
        self._given: tuple[float, ...] = NEVER
        self._slides = isinstance(joint, BulletSliderConstraint)
        if self._slides:
            joint.set_powered_linear_motor(True)

    def built(self) -> list[tuple[float, ...]]:
        """Return its record as it is built: free."""
        return [(0.0, 0.0, self._first_slide() if self._slides else self.position())]

    def _first_slide(self) -> float:
        """Return how far a slider is slid in a new world: Bullet itself knows it only after a step."""
        joint, world = self._joint, TransformState.make_identity()
        bodies = joint.get_rigid_body_a(), joint.get_rigid_body_b()  # None for one that is the world itself
        frames = joint.get_frame_a(), joint.get_frame_b()
        a, b = (
            (world if body is None else body.get_transform()).compose(frame)
            for body, frame in zip(bodies, frames, strict=True)
        )
        return float((b.get_pos() - a.get_pos()).dot(a.get_quat().xform(LVector3(1, 0, 0))))

    def position(self) -> float:
        """Return how far it is turned, in radians, or slid, in metres."""
        joint = self._joint
        return float(joint.get_linear_pos() if self._slides else math.radians(joint.get_hinge_angle()))

    def drive(self, data: Any, row: int) -> int:
        """Give Bullet what the rules wrote, and return the row's fault."""
        wanted = target, force = JOINT.unpack_from(data, row + self._at)
        if wanted != self._given:
            if not (abs(target) < STRONGEST and 0.0 <= force < STRONGEST):
                return BAD_POSE
            self._given = wanted
            if self._slides:
                self._joint.set_target_linear_motor_velocity(target)
                self._joint.set_max_linear_motor_force(force)
            else:  # Bullet takes the impulse of a substep
                self._joint.enable_angular_motor(True, target, force * self._seconds)
        return FINE

    def tell(self, data: Any, row: int) -> None:
        """Write where it stands."""
        POSITION.pack_into(data, row + self._at + JOINT.size, self.position())


class Wheels:
    """The wheels of a vehicle, in the order in which `build` created them.

    Args:
        vehicle: in the world.
        at: where in the row the records of its wheels lie, one after another.
        first: the number of its first wheel among all of the State's.
        seconds: of a substep.
    """

    def __init__(self, vehicle: BulletVehicle, at: Sequence[int], first: int, seconds: float) -> None:
        self._vehicle, self._first, self._seconds = vehicle, first, seconds
        self._wheels = [(k, vehicle.get_wheel(k), place) for k, place in enumerate(at)]
        self._given: list[tuple[float, ...]] = [NEVER for _ in at]
        self._mounts = [tuple(wheel.get_chassis_connection_point_cs()) for _, wheel, _ in self._wheels]
        self.count = len(at)
        vehicle.set_coordinate_system(ZUp)

    def drive(self, data: Any, row: int) -> int:
        """Give Bullet what the rules wrote, and return the row's fault."""
        vehicle, given = self._vehicle, self._given
        for k, _wheel, at in self._wheels:
            wanted = force, brake, steer = WHEEL.unpack_from(data, row + at)
            if wanted != given[k]:
                if not (abs(force) < STRONGEST and 0.0 <= brake < STRONGEST and abs(steer) <= math.pi):
                    return BAD_POSE
                if force != 0.0 and brake != 0.0:
                    return BRAKED + FAULTS * (self._first + k)
                given[k] = wanted
                vehicle.apply_engine_force(force, k)
                vehicle.set_brake(brake * self._seconds, k)  # Bullet takes the impulse of a substep
                vehicle.set_steering_value(math.degrees(steer), k)
        return FINE

    def built(self) -> list[tuple[float, ...]]:
        """Return each record as it is built: nothing drives it, and its spring has its own length."""
        return [
            (0.0, 0.0, 0.0, x, y, z - wheel.get_suspension_rest_length(), 0.0, 1.0, 0)
            for (_, wheel, _), (x, y, z) in zip(self._wheels, self._mounts, strict=True)
        ]

    def tell(self, data: Any, row: int) -> None:
        """Write where the wheels are in the chassis' axes, how far they have rolled and how they grip."""
        for (_, wheel, at), (x, y, z) in zip(self._wheels, self._mounts, strict=True):
            hit = wheel.get_raycast_info()
            low, turned, skid = (
                z - hit.get_suspension_length(),
                wheel.get_rotation(),
                wheel.get_skid_info(),
            )
            RUN.pack_into(data, row + at + WHEEL.size, x, y, low, turned, skid, int(hit.is_in_contact()))


class Contacts:
    """A list of the hardest contacts of some nodes.

    Args:
        watched: the nodes.
        at: where in the row the entries lie, one after another.
    """

    def __init__(self, watched: set[Any], at: Sequence[int]) -> None:
        self._watched, self._at = watched, at

    def tell(self, data: Any, row: int, manifolds: Sequence[tuple[Any, Any, float, Any]], number: Any) -> None:
        """Write the list.

        Args:
            data: the rows' bytes.
            row: bytes from their start to this one.
            manifolds: of the world: (node, other node, impulse, its hardest point).
            number: of a node among the State's bodies, or -1.
        """
        found = []
        for a, b, impulse, point in manifolds:
            if (a in self._watched) == (b in self._watched):
                continue
            first = a in self._watched
            place = point.position_world_on_a if first else point.position_world_on_b
            normal = point.normal_world_on_b  # from the second node towards the first
            sign = -1.0 if first else 1.0
            found.append((impulse, number(b if first else a), *place, *(sign * part for part in normal)))
        found.sort(reverse=True)
        for k, at in enumerate(self._at):
            if k < len(found):
                impulse, other, *place_and_normal = found[k]
                CONTACT.pack_into(data, row + at, *place_and_normal, impulse, 1, other)
            else:
                CONTACT.pack_into(data, row + at, *(0.0,) * 7, 0, -1)


def check_motor(joint: Any) -> str:
    """Return what is wrong with the handle of a joint3d, or nothing."""
    if isinstance(joint, BulletHingeConstraint | BulletSliderConstraint):
        return ""
    return "must be a BulletHingeConstraint or a BulletSliderConstraint"
