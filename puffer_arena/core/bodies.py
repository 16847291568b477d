"""Physics in a row: records of bodies, joints, touches and ground that an engine and the rules share.

A State class declares them like any field; the names are those of the handles that `build` returns:

    hull: Body2D = body2d()            x, y, angle; vx, vy, spin; fx, fy, torque
    legs: Array = body2d(2)            legs[0].x ...
    knees: Array = joint2d(2)          target (a motor's rate, a spring's rest length, ...), max_force
    feet: Array = touch2d(2)           touching, began, impulse, other
    ground: Array = segment2d(30)      ax, ay, bx, by: edges of static ground, laid and moved by rules

In space: body3d (x, y, z; qw, qx, qy, qz; vx, vy, vz; spin_x, ...; fx, ...; torque_x, ...), touch3d, and

    eyes: Array = ray3d(8)             ax, ay, az, bx, by, bz; fraction, other

Before `reset`, every body stands where `build` put it; before `act`, forces are zero.  What the rules write into
poses, velocities, forces and joints, the engine carries over before it steps.
"""

import functools
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from puffer_arena.core.fields import Array, Field, state_fields
from puffer_arena.core.records import (
    BODY_2D,
    BODY_3D,
    CONTACT_2D,
    CONTACT_3D,
    FORCES,
    FRAME_2D,
    JOINT_2D,
    JOINT_3D,
    LISTS,
    MASS_2D,
    ONE_WAY_2D,
    RAY_2D,
    RAY_3D,
    SEGMENT_2D,
    SHAPE_2D,
    TOUCH_2D,
    TOUCH_3D,
    TUNED,
    WHEEL_3D,
)
from puffer_arena.errors import FileError
from puffer_arena.machine.compile import generate, jit


@dataclass(frozen=True)
class PhysicsField(Field):
    """A State field that the engine fills."""

    @property
    def kind(self) -> str:
        """The declaring function's name, such as body2d."""
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
    """Declare static segments whose ends the rules choose, and may move."""
    return PhysicsField(SEGMENT_2D, shape)


def ray2d(*shape: int | str) -> Any:
    """Declare rays in the plane, see `Ray2D`."""
    return PhysicsField(RAY_2D, shape)


def contact2d(*shape: int | str) -> Any:
    """Declare lists of contacts: the last size is a list's length, see `Contact2D`; handles are those of `touch2d`."""
    return PhysicsField(CONTACT_2D, shape or (1,))


def contact3d(*shape: int | str) -> Any:
    """Declare lists of contacts in space, see `contact2d`; handles are those of `touch3d`."""
    return PhysicsField(CONTACT_3D, shape or (1,))


def joint3d(*shape: int | str) -> Any:
    """Declare motors of hinges and sliders, see `Joint3D`."""
    return PhysicsField(JOINT_3D, shape)


def wheel3d(*shape: int | str) -> Any:
    """Declare the wheels of vehicles: the last size is how many a vehicle, which is one handle, has; see `Wheel3D`."""
    return PhysicsField(WHEEL_3D, shape or (1,))


def one_way2d(*shape: int | str) -> Any:
    """Declare shapes that bodies pass in one direction, see `OneWay2D`."""
    return PhysicsField(ONE_WAY_2D, shape)


def mass2d(*shape: int | str) -> Any:
    """Declare what bodies weigh: each names a body that has a `body2d`, too."""
    return PhysicsField(MASS_2D, shape)


def shape2d(*shape: int | str) -> Any:
    """Declare sizes and surfaces of shapes, see `Shape2D`."""
    return PhysicsField(SHAPE_2D, shape)


def frame2d(*shape: int | str) -> Any:
    """Declare anchors, limits and springs of joints, see `Frame2D`."""
    return PhysicsField(FRAME_2D, shape)


@functools.cache
def physics_fields(state: type, *kinds: str) -> Mapping[str, PhysicsField]:
    """Return the State's fields of the kinds named, of all kinds where none is, in order."""
    return {
        name: field
        for name, field in state_fields(state).items()
        if isinstance(field, PhysicsField) and (not kinds or field.kind in kinds)
    }


def physics_dtype(state: type, row: np.dtype[Any]) -> np.dtype[Any]:
    """Return a record with the physics fields of a row's dtype: what `build` made, for every reset to start from.

    It has the bodies' looks, too, where rows keep them (`Env.looks`).
    """
    names = [*physics_fields(state), *(["looks"] if "looks" in (row.names or ()) else [])]
    return np.dtype([(name, row[name]) for name in names], align=True)


def record_offsets(row: np.dtype[Any], name: str) -> list[int]:
    """Return at which byte of a row every record of a field begins."""
    assert row.fields is not None  # a row has fields
    part, offset = row.fields[name][:2]
    return [int(offset) + k * part.base.itemsize for k in range(math.prod(part.shape))]


def tuned_numbers(state: type, row: np.dtype[Any]) -> list[tuple[str, int, str]]:
    """Return (field, record, number) of all numbers of the kinds `TUNED`, as faults count them."""
    return [
        (name, k, part)
        for name, field in physics_fields(state, *TUNED).items()
        for k in range(math.prod(row[name].shape))
        for part in np.dtype(field.dtype).names or ()
    ]


def handle_shape(field: PhysicsField, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape of a field's handles: a list has one for all its entries."""
    return shape[:-1] if field.kind in LISTS else shape


def name_record(state: type, row: np.dtype[Any], kind: str, index: int) -> str:
    """Return how an error names a record of a kind, counted through the State's fields in order."""
    for name in physics_fields(state, kind):
        count = math.prod(row[name].shape)
        if index < count:
            return f"State.{name}[{index}]" if row[name].shape else f"State.{name}"
        index -= count
    raise AssertionError("no such record")


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
    for kind, names in FORCES.items():
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
