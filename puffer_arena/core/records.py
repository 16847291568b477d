"""What a row holds of its engine: the records of bodies, joints, touches, rays and ground, number by number.

Rules write some numbers and the engine reads them; others the engine writes and rules only read (`OUTPUTS`).
"""

from typing import Any, Protocol

import numpy as np


def _record(kind: str, reals: tuple[str, ...], integers: tuple[str, ...] = ()) -> np.dtype[Any]:
    fields = [(name, np.float64) for name in reals] + [(name, np.int64) for name in integers]
    return np.dtype(fields, align=True, metadata={"kind": kind})


POSE_2D = ("x", "y", "angle", "vx", "vy", "spin")
FORCE_2D = ("fx", "fy", "torque")
POSE_3D = ("x", "y", "z", "qw", "qx", "qy", "qz", "vx", "vy", "vz", "spin_x", "spin_y", "spin_z")
FORCE_3D = ("fx", "fy", "fz", "torque_x", "torque_y", "torque_z")
TOUCH = ("impulse", "touching", "began", "other")
SEEN = ("fraction", "other")
BODY_2D = _record("body2d", (*POSE_2D, *FORCE_2D))
BODY_3D = _record("body3d", (*POSE_3D, *FORCE_3D))
JOINT_2D = _record("joint2d", ("target", "max_force"))
TOUCH_2D = _record("touch2d", TOUCH[:1], TOUCH[1:])
TOUCH_3D = _record("touch3d", TOUCH[:1], TOUCH[1:])
RAY_3D = _record("ray3d", ("ax", "ay", "az", "bx", "by", "bz", "fraction"), ("other",))
SEGMENT_2D = _record("segment2d", ("ax", "ay", "bx", "by"))
JOINT_3D = _record("joint3d", ("target", "max_force", "position"))
WHEEL_3D = _record("wheel3d", ("force", "brake", "steer", "x", "y", "z", "turned", "skid"), ("touching",))
CONTACT_3D = _record("contact3d", ("x", "y", "z", "nx", "ny", "nz", "impulse"), ("touching", "other"))
RAY_2D = _record("ray2d", ("ax", "ay", "bx", "by", "fraction"), ("other",))
CONTACT_2D = _record("contact2d", ("x", "y", "nx", "ny", "impulse"), ("touching", "other"))
ONE_WAY_2D = _record("one_way2d", ("nx", "ny"))
MASS_2D = _record("mass2d", ("mass", "moment"))
SHAPE_2D = _record("shape2d", ("scale_x", "scale_y", "friction", "elasticity"))
FRAME_2D = _record("frame2d", ("ax", "ay", "bx", "by", "cx", "cy", "low", "high", "stiffness", "damping"))

FORCES = {"body2d": FORCE_2D, "body3d": FORCE_3D}  # by kind: numbers that are zero again before `act`
OUTPUTS = {  # by kind: numbers that the engine writes
    "touch2d": TOUCH,
    "touch3d": TOUCH,
    "ray2d": SEEN,
    "ray3d": SEEN,
    "contact2d": CONTACT_2D.names or (),
    "contact3d": CONTACT_3D.names or (),
    "joint3d": ("position",),
    "wheel3d": ("x", "y", "z", "turned", "skid", "touching"),
}
TUNED = ("mass2d", "shape2d", "frame2d")  # kinds whose numbers the engine takes over where they changed
LISTS = ("contact2d", "contact3d", "wheel3d")  # kinds whose last axis is the length of a list that one handle fills


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


class Contact2D(Protocol):
    """One entry of a list of contacts, the hardest first; a pair of shapes has one entry.

    x, y      where the shapes met first, on the watched one
    nx, ny    the normal, from the watched shape towards the other
    impulse   the hardest of the step, newton seconds
    touching  1 for an entry, 0 behind the list's end, where all numbers are 0 and `other` is -1
    other     the body met, counted through the State's bodies in order; -1 where it is not one
    """

    x: float
    y: float
    nx: float
    ny: float
    impulse: float
    touching: int
    other: int


class Contact3D(Protocol):
    """One entry of a list of contacts in space, the hardest first; a pair of bodies has one entry, see `Contact2D`."""

    x: float
    y: float
    z: float
    nx: float
    ny: float
    nz: float
    impulse: float
    touching: int
    other: int


class Joint3D(Protocol):
    """The motor of a hinge or a slider.

    target     rad/s or m/s; a positive one makes `position` grow
    max_force  newton metres or newtons that it may exert; 0 leaves the joint free
    position   how far it is turned or slid, rad or m
    """

    target: float
    max_force: float
    position: float


class Wheel3D(Protocol):
    """A wheel of a vehicle, which runs on whatever body the ray under it meets.

    force     drives the vehicle along its own y axis, newtons
    brake     holds the wheel, newtons, not negative; 0 where there is a force
    steer     turns it to the left, rad
    x, y, z   its middle in the chassis' axes, which `to_world_axes` turns into the world's
    turned    how far it has rolled, rad
    skid      1 while it grips, towards 0 where it slides
    touching  1 while it stands on something
    """

    force: float
    brake: float
    steer: float
    x: float
    y: float
    z: float
    turned: float
    skid: float
    touching: int


class OneWay2D(Protocol):
    """A shape that lets bodies through along (nx, ny), and is solid where both are 0.

    Who begins to touch it from behind passes for as long as the touch lasts; that is no touch for `touch2d`.
    """

    nx: float
    ny: float


class Ray2D(Protocol):
    """A ray that the engine casts after every step, from (ax, ay) to (bx, by): world axes, from the middle of the body
    that is its handle, or from the world's origin where the handle is None.

    fraction  of its length to what it meets first, that body and sensors apart; 1 where that is nothing, and before the
    first step.  A shape in which the ray starts is not met.

    other     the body that it meets, counted through the State's bodies in order; -1 where it is not one
    """

    ax: float
    ay: float
    bx: float
    by: float
    fraction: float
    other: int


class Mass2D(Protocol):
    """What a body weighs, kg, and its moment of inertia about its middle, kg m²; both above 0."""

    mass: float
    moment: float


class Shape2D(Protocol):
    """A shape's size, in parts of what `build` made (a circle's scales are equal), and its surface.

    A polygon's corners and a segment's ends move with the scale, their rounding does not.  Mass and moment stay.
    """

    scale_x: float
    scale_y: float
    friction: float
    elasticity: float


class Frame2D(Protocol):
    """Where a joint holds its bodies, and the numbers of a limit or spring; those that its class lacks stay 0.

    ax, ay, bx, by      anchors on the first and on the second body, in their axes
    cx, cy              a GrooveJoint's: its groove runs from a to c
    low, high           a SlideJoint's distances, m, or a RotaryLimitJoint's angles
    stiffness, damping  a DampedSpring's or a DampedRotarySpring's
    """

    ax: float
    ay: float
    bx: float
    by: float
    cx: float
    cy: float
    low: float
    high: float
    stiffness: float
    damping: float


class Segment2D(Protocol):
    """An edge of static ground from (ax, ay) to (bx, by), which rules may move at any time.

    One without length is not there.  An edge that moves pushes bodies out of its way and gives them no speed of its own.
    """

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
