"""One row's scene: what `build` made, checked against the State and brought into the State's order."""

import atexit
import ctypes
import math
import weakref
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pymunk

from puffer_arena.core.bodies import FORCE_2D, POSE_2D, physics_dtype, physics_fields
from puffer_arena.core.env import Env
from puffer_arena.core.fields import Array
from puffer_arena.engines.scene import call_build, list_handles, scene_params

# The number that a driven joint's `target` sets: class -> (attribute, Chipmunk's setter).
TARGETS = {
    pymunk.SimpleMotor: ("rate", "cpSimpleMotorSetRate"),
    pymunk.DampedSpring: ("rest_length", "cpDampedSpringSetRestLength"),
    pymunk.DampedRotarySpring: ("rest_angle", "cpDampedRotarySpringSetRestAngle"),
    pymunk.PinJoint: ("distance", "cpPinJointSetDist"),
    pymunk.GearJoint: ("phase", "cpGearJointSetPhase"),
}


@dataclass(eq=False)
class Scene:
    """A space with its handles, in the order of the State's fields."""

    space: pymunk.Space
    built: Array  # one record of `physics_dtype`
    bodies: list[pymunk.Body] = field(default_factory=list)
    joints: list[pymunk.Constraint] = field(default_factory=list)  # the driven ones
    touches: list[list[pymunk.Shape]] = field(default_factory=list)
    segments: list[pymunk.Segment] = field(default_factory=list)
    entering: list[pymunk.Shape] = field(default_factory=list)  # the others that every reset takes out and puts back


_living: "weakref.WeakValueDictionary[int, Scene]" = weakref.WeakValueDictionary()


@atexit.register
def keep_scenes() -> None:
    """Have the scenes that are left when Python ends outlast it: memory is the system's to take back then.

    Other threads may still step them, and pymunk cannot free them once its modules are taken apart.
    """
    for known in _living.valuerefs():
        if (scene := known()) is not None:
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(scene))  # by nobody that Python could take apart


def build_scene(env: Env, record: Any, values: Any, row: np.dtype[Any]) -> Scene:
    """Build the scene of one row.

    Args:
        env: the environment.
        record: the row's parameters.
        values: the Params that sized the rows; `build` sees its dimensions, so that all rows have as many bodies.
        row: the rows' dtype.

    Raises:
        DefinitionError: the scene does not fit the State, or holds what a reset cannot restore.
    """
    space = pymunk.Space()
    handles = call_build(env, space, scene_params(env, record, values))
    scene = Scene(space, np.zeros(1, physics_dtype(env.state, row)))
    _living[id(scene)] = scene
    for name, described in physics_fields(env.state).items():
        records = scene.built[name].reshape(-1)
        named = list_handles(env, name, described, handles[name], row[name].shape)
        for k, (where, handle) in enumerate(named):
            TAKERS[described.kind](env, scene, where, handle, records[k : k + 1])
    _check_space(env, scene)
    laid = set(scene.segments)
    scene.entering = [s for s in space.shapes if s not in laid and (laid or body_type(s) != pymunk.Body.STATIC)]
    if any(shape.sensor for shape in space.shapes):
        space.collision_persistence = 1  # else a sensor's old touch looks like a present one
    return scene


def body_type(shape: pymunk.Shape) -> int:
    """Return DYNAMIC, KINEMATIC or STATIC."""
    assert shape.body is not None  # it is in a space
    return shape.body.body_type


def _take_body(env: Env, scene: Scene, where: str, body: Any, record: Array) -> None:
    _expect(env, where, body, pymunk.Body)
    if body.space is not scene.space or body.body_type == pymunk.Body.STATIC:
        raise env.error("build", f"the body of {where} must be added to the world, and not be static")
    if any(body is other for other in scene.bodies):
        raise env.error("build", f"the body of {where} belongs to another field already")
    if tuple(body.center_of_gravity) != (0, 0):
        raise env.error("build", f"the body of {where} has a center_of_gravity; place its shapes around (0, 0) instead")
    scene.bodies.append(body)
    record[0] = (*body.position, body.angle, *body.velocity, body.angular_velocity, *([0.0] * len(FORCE_2D)))
    if not all(math.isfinite(record[name][0]) for name in POSE_2D):
        raise env.error("build", f"the body of {where} stands at {body.position}, angle {body.angle}")


def _take_joint(env: Env, scene: Scene, where: str, joint: Any, record: Array) -> None:
    _expect(env, where, joint, pymunk.Constraint)
    if joint not in scene.space.constraints:
        raise env.error("build", f"the joint of {where} must be added to the world")
    scene.joints.append(joint)
    target = TARGETS.get(type(joint))
    record[0] = (getattr(joint, target[0]) if target else 0.0, min(joint.max_force, 1e300))


def _take_touch(env: Env, scene: Scene, where: str, handle: Any, record: Array) -> None:
    shapes = list(handle.shapes) if isinstance(handle, pymunk.Body) else handle
    shapes = list(shapes) if isinstance(shapes, list | tuple | set) else [shapes]
    for shape in shapes:
        _expect(env, where, shape, pymunk.Shape)
        if shape.space is not scene.space:
            raise env.error("build", f"the shape of {where} must be added to the world")
    scene.touches.append(shapes)
    record["other"] = -1


def _take_segment(env: Env, scene: Scene, where: str, segment: Any, record: Array) -> None:
    _expect(env, where, segment, pymunk.Segment)
    if segment.body is not scene.space.static_body or segment.space is not scene.space:
        raise env.error("build", f"the segment of {where} must be on world.static_body and added to the world")
    scene.segments.append(segment)
    record[0] = (*segment.a, *segment.b)


TAKERS = {"body2d": _take_body, "joint2d": _take_joint, "touch2d": _take_touch, "segment2d": _take_segment}


def _expect(env: Env, where: str, handle: Any, kind: type) -> None:
    if not isinstance(handle, kind):
        raise env.error("build", f"the handle of {where} is {handle!r}; it must be a pymunk.{kind.__name__}")


def _check_space(env: Env, scene: Scene) -> None:
    """Refuse what would be skipped or could not be restored."""
    space = scene.space
    _check_callbacks(env, space)
    for body in space.bodies:
        if body.body_type != pymunk.Body.STATIC and not any(body is named for named in scene.bodies):
            raise env.error(
                "build",
                f"makes {_count(space.bodies)} bodies that move, but State names {len(scene.bodies)}; the one at "
                f"{tuple(body.position)} has no field: every body that moves must be a body2d",
            )
        if body.body_type == pymunk.Body.DYNAMIC and not (0 < body.mass < 1e30 and body.moment > 0):
            raise env.error("build", f"a body has mass {body.mass} and moment {body.moment}; both must be positive")
    if math.isfinite(space.sleep_time_threshold):
        raise env.error("build", "sleep_time_threshold is set; bodies that sleep cannot be reset exactly: leave it out")
    for joint in space.constraints:
        if isinstance(joint, pymunk.RatchetJoint):
            raise env.error("build", "a RatchetJoint keeps a state that a reset cannot restore; use a RotaryLimitJoint")


def _check_callbacks(env: Env, space: pymunk.Space) -> None:
    found = []
    if space._handlers:
        found.append("a collision handler (space.on_collision): read a touch2d in the rules")
    if any(b._velocity_func or b._position_func for b in [*space.bodies, space.static_body]):
        found.append("a velocity_func or position_func: write forces in act")
    if any(c._pre_solve_func or c._post_solve_func or getattr(c, "_force_func", None) for c in space.constraints):
        found.append("a pre_solve, post_solve or force_func: drive a joint2d from act")
    if found:
        raise env.error("build", f"sets a Python callback, which compiled stepping would not call: {'; '.join(found)}")


def _count(bodies: Iterable[pymunk.Body]) -> int:
    return sum(body.body_type != pymunk.Body.STATIC for body in bodies)
