"""Physics in a row: records of bodies, joints, touches and ground that an engine and the rules share.

A State class declares them like any field; the names are those of the handles that `build` returns:

    hull: Body2D = body2d()            x, y, angle; vx, vy, spin; fx, fy, torque
    legs: Array = body2d(2)            legs[0].x ...
    knees: Array = joint2d(2)          target (a motor's rate, a spring's rest length, ...), max_force
    feet: Array = touch2d(2)           touching, began, impulse, other
    ground: Array = segment2d(30)      ax, ay, bx, by: edges of static ground that `reset` lays

In space: body3d (x, y, z; qw, qx, qy, qz; vx, vy, vz; spin_x, ...; fx, ...; torque_x, ...), touch3d, and

    eyes: Array = ray3d(8)             ax, ay, az, bx, by, bz; fraction, other

Before `reset`, every body stands where `build` put it; before `act`, forces are zero.  What the rules write into
poses, velocities, forces and joints, the engine carries over before it steps.
"""

import functools
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from puffer_arena.core.fields import Array, Field, state_fields
from puffer_arena.errors import FileError
from puffer_arena.machine.compile import generate, jit


def _record(kind: str, reals: tuple[str, ...], integers: tuple[str, ...] = ()) -> np.dtype[Any]:
    fields = [(name, np.float64) for name in reals] + [(name, np.int64) for name in integers]
    return np.dtype(fields, align=True, metadata={"kind": kind})


POSE_2D = ("x", "y", "angle", "vx", "vy", "spin")
FORCE_2D = ("fx", "fy", "torque")
POSE_3D = ("x", "y", "z", "qw", "qx", "qy", "qz", "vx", "vy", "vz", "spin_x", "spin_y", "spin_z")
FORCE_3D = ("fx", "fy", "fz", "torque_x", "torque_y", "torque_z")
BODY_2D = _record("body2d", (*POSE_2D, *FORCE_2D))
BODY_3D = _record("body3d", (*POSE_3D, *FORCE_3D))
JOINT_2D = _record("joint2d", ("target", "max_force"))
TOUCH_2D = _record("touch2d", ("impulse",), ("touching", "began", "other"))
TOUCH_3D = _record("touch3d", ("impulse",), ("touching", "began", "other"))
RAY_3D = _record("ray3d", ("ax", "ay", "az", "bx", "by", "bz", "fraction"), ("other",))
SEGMENT_2D = _record("segment2d", ("ax", "ay", "bx", "by"))


class Body2D(Protocol):
    """A body in the plane, as rules see it: metres, radians, seconds, newtons."""

    x: float
    y: float
    angle: float
    vx: float
    vy: float
    spin: float
    fx: float
    fy: float
    torque: float


class Body3D(Protocol):
    """A body in space: position, unit quaternion (w first), velocities, force and torque, all in world axes."""

    x: float
    y: float
    z: float
    qw: float
    qx: float
    qy: float
    qz: float
    vx: float
    vy: float
    vz: float
    spin_x: float
    spin_y: float
    spin_z: float
    fx: float
    fy: float
    fz: float
    torque_x: float
    torque_y: float
    torque_z: float


class Joint2D(Protocol):
    """A driven joint: `target` is a SimpleMotor's rate, a DampedSpring's rest length, a DampedRotarySpring's rest
    angle, a PinJoint's distance or a GearJoint's phase; other joints have none."""

    target: float
    max_force: float


class Touch2D(Protocol):
    """What touches a shape: other bodies, ground, sensors and ghosts, unless masks keep them apart; static bodies do not
    touch each other.

    touching  1 while anything touches it, else 0
    began     1 in the step in which that started
    impulse   of the hardest contact during the step, newton seconds; 0 for a sensor
    other     the body of the hardest contact, counted through the State's bodies in order; -1 where it is not one
    """

    impulse: float
    touching: int
    began: int
    other: int


class Touch3D(Touch2D, Protocol):
    """What touches a body in space, or is within a ghost; its numbers are those of `Touch2D`."""


class Segment2D(Protocol):
    """An edge of static ground from (ax, ay) to (bx, by); `reset` may move it.  One without length is not there."""

    ax: float
    ay: float
    bx: float
    by: float


class Ray3D(Protocol):
    """A ray that the engine casts after every step, from (ax, ay, az) to (bx, by, bz): world axes, from the middle of
    the body that is its handle, or from the world's origin where the handle is None.

    fraction  of its length to what it meets first, that body and ghosts apart; 1 where that is nothing, and before the first step
    other     the body that it meets, counted through the State's bodies in order; -1 where it is not one
    """

    ax: float
    ay: float
    az: float
    bx: float
    by: float
    bz: float
    fraction: float
    other: int


@dataclass(frozen=True)
class PhysicsField(Field):
    """A State field that the engine fills."""

    @property
    def kind(self) -> str:
        """body2d, body3d, joint2d, touch2d, segment2d, touch3d or ray3d."""
        metadata: Any = np.dtype(self.dtype).metadata
        return str(metadata["kind"])


def body2d(*shape: int | str) -> Any:
    """Declare a body in the plane, or several."""
    return PhysicsField(BODY_2D, shape)


def body3d(*shape: int | str) -> Any:
    """Declare a body in space, or several."""
    return PhysicsField(BODY_3D, shape)


def joint2d(*shape: int | str) -> Any:
    """Declare joints whose `target` and `max_force` the rules drive."""
    return PhysicsField(JOINT_2D, shape)


def touch2d(*shape: int | str) -> Any:
    """Declare touches: each names a shape, a body (any of its shapes) or a list of shapes."""
    return PhysicsField(TOUCH_2D, shape)


def touch3d(*shape: int | str) -> Any:
    """Declare touches in space: each names a body, a ghost, or a list of them; see `Touch2D`."""
    return PhysicsField(TOUCH_3D, shape)


def ray3d(*shape: int | str) -> Any:
    """Declare rays in space."""
    return PhysicsField(RAY_3D, shape)


def segment2d(*shape: int | str) -> Any:
    """Declare static segments whose ends `reset` chooses."""
    return PhysicsField(SEGMENT_2D, shape)


@functools.cache
def physics_fields(state: type, *kinds: str) -> Mapping[str, PhysicsField]:
    """Return the State's fields of the kinds named, of all kinds where none is, in order."""
    return {
        name: field
        for name, field in state_fields(state).items()
        if isinstance(field, PhysicsField) and (not kinds or field.kind in kinds)
    }


def physics_dtype(state: type, row: np.dtype[Any]) -> np.dtype[Any]:
    """Return a record with the physics fields of a row's dtype: what `build` made, for every reset to start from."""
    return np.dtype([(name, row[name]) for name in physics_fields(state)], align=True)


def record_offsets(row: np.dtype[Any], name: str) -> list[int]:
    """Return at which byte of a row every record of a field begins."""
    assert row.fields is not None  # a row has fields
    part, offset = row.fields[name][:2]
    return [int(offset) + k * part.base.itemsize for k in range(math.prod(part.shape))]


def each_record(state: type, kind: str) -> Iterator[tuple[str, str]]:
    """Yield (source lines' prefix, expression) of every record of a kind, for code generation.

    The prefix opens a loop where the field is an array; the expression names one record of row `s`.
    """
    for name, field in physics_fields(state, kind).items():
        if field.shape:
            yield f"    for j in range(len(s.{name})):\n        ", f"s.{name}[j]"
        else:
            yield "    ", f"s.{name}"


@jit
def place(s: Any, built: Any) -> None:
    """Put every physics record of a row where `build` put it."""
    for name in dir(built):
        setattr(s, name, getattr(built, name))


def clear_forces_function(state: type) -> Any:
    """Generate clear_forces(s)."""
    lines = []
    for kind, names in (("body2d", FORCE_2D), ("body3d", FORCE_3D)):
        for prefix, record in each_record(state, kind):
            loop, indent = prefix.rsplit("\n", 1) if "\n" in prefix else ("", prefix)
            lines += [loop] if loop else []
            lines += [f"{indent}{record}.{name} = 0.0" for name in names]
    return generate("clear_forces", "s", lines)


@jit
def push_at(body: Any, fx: float, fy: float, x: float, y: float) -> None:
    """Add a force, in world axes, that acts on a body at the world's point (x, y)."""
    body.fx += fx
    body.fy += fy
    body.torque += (x - body.x) * fy - (y - body.y) * fx


@jit
def push_at_3d(body: Any, fx: float, fy: float, fz: float, x: float, y: float, z: float) -> None:
    """Add a force, in world axes, that acts on a body at the world's point (x, y, z)."""
    dx, dy, dz = x - body.x, y - body.y, z - body.z
    body.fx += fx
    body.fy += fy
    body.fz += fz
    body.torque_x += dy * fz - dz * fy
    body.torque_y += dz * fx - dx * fz
    body.torque_z += dx * fy - dy * fx


@jit
def turn_vector(qw: float, qx: float, qy: float, qz: float, x: float, y: float, z: float) -> tuple[float, float, float]:
    """Return a vector turned as a unit quaternion says."""
    tx, ty, tz = 2.0 * (qy * z - qz * y), 2.0 * (qz * x - qx * z), 2.0 * (qx * y - qy * x)
    return x + qw * tx + qy * tz - qz * ty, y + qw * ty + qz * tx - qx * tz, z + qw * tz + qx * ty - qy * tx


@jit
def to_world_axes(body: Any, x: float, y: float, z: float) -> tuple[float, float, float]:
    """Return a vector along a body's own axes in the world's; a place on the body is that added to its x, y, z."""
    return turn_vector(body.qw, body.qx, body.qy, body.qz, x, y, z)


@jit
def to_body_axes(body: Any, x: float, y: float, z: float) -> tuple[float, float, float]:
    """Return a vector along the world's axes in a body's own, as a sensor on it would measure."""
    return turn_vector(body.qw, -body.qx, -body.qy, -body.qz, x, y, z)


def bodies_of(row: Any, state: type) -> Array:
    """Return copies of all 2D bodies of one row, shape (bodies,), in the order of the State."""
    parts = [np.atleast_1d(row[name]).reshape(-1) for name in physics_fields(state, "body2d")]
    return np.concatenate(parts) if parts else np.zeros(0, BODY_2D)


def check_physics(rows: Array, state: type) -> None:
    """Check physics fields of rows from outside: rules may index with `other`.

    Raises:
        FileError: a value lies outside what its field allows.
    """
    bodies = sum(int(np.prod(rows.dtype[name].shape, dtype=int)) for name in physics_fields(state, "body2d", "body3d"))
    bounds = {"other": (-1, bodies - 1), "touching": (0, 1), "began": (0, 1)}
    for name in physics_fields(state):
        for part in (rows.dtype[name].base.names or ()) if rows.size else ():
            values = rows[name][part]
            low, high = bounds.get(part, (-1e300, 1e300))
            if not ((values >= low) & (values <= high)).all():
                raise FileError(
                    f"field '{name}.{part}' of a row holds {values.min()} to {values.max()}; allowed: {low} to {high}"
                )
