"""One row's scene: what `build` made, checked against the State and brought into the State's order."""

import atexit
import ctypes
import dis
import functools
import math
import weakref
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pymunk

from puffer_arena.core.bodies import handle_shape, physics_dtype, physics_fields, record_offsets
from puffer_arena.core.env import Env
from puffer_arena.core.fields import Array
from puffer_arena.core.records import FORCE_2D, POSE_2D, SEGMENT_2D, TUNED
from puffer_arena.engines.pymunk.tuned import FRAMES, Tuner, tune_frame, tune_mass, tune_shape
from puffer_arena.engines.scene import call_build, list_handles, scene_params
from puffer_arena.machine.compile import with_called

# The number that a driven joint's `target` sets: class -> (attribute, Chipmunk's setter).
TARGETS = {
    pymunk.SimpleMotor: ("rate", "cpSimpleMotorSetRate"),
    pymunk.DampedSpring: ("rest_length", "cpDampedSpringSetRestLength"),
    pymunk.DampedRotarySpring: ("rest_angle", "cpDampedRotarySpringSetRestAngle"),
    pymunk.PinJoint: ("distance", "cpPinJointSetDist"),
    pymunk.GearJoint: ("phase", "cpGearJointSetPhase"),
}
ONE_WAY = 1  # collision type of one-way shapes; without callbacks no other type means anything


@dataclass(eq=False)
class Scene:
    """A space with its handles, in the order of the State's fields."""

    space: pymunk.Space
    built: Array  # one record of `physics_dtype`
    bodies: list[pymunk.Body] = field(default_factory=list)
    joints: list[pymunk.Constraint] = field(default_factory=list)  # the driven ones
    touches: list[list[pymunk.Shape]] = field(default_factory=list)
    segments: list[pymunk.Segment] = field(default_factory=list)
    moving_edges: bool = False  # rules write ends of segments within an episode
    rays: list[pymunk.Body | None] = field(default_factory=list)  # what they start from
    contacts: list[list[pymunk.Shape]] = field(default_factory=list)  # for each list, whose contacts it shows
    list_sizes: list[int] = field(default_factory=list)
    one_ways: list[pymunk.Shape] = field(default_factory=list)
    tuners: list[list[Tuner]] = field(default_factory=list)  # for each record of `TUNED`, in the State's order
    tuned: list[tuple[int, int]] = field(default_factory=list)  # of these: bytes from a row's beginning, first number
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
    fields, numbers = physics_fields(env.state), 0
    for name, described in sorted(fields.items(), key=lambda entry: entry[1].kind not in FIRST):
        records = scene.built[name].reshape(-1)
        named = list_handles(env, name, described, handles[name], handle_shape(described, row[name].shape))
        each = len(records) // len(named)
        for k, (where, handle) in enumerate(named):
            TAKERS[described.kind](env, scene, where, handle, records[each * k : each * (k + 1)])
            if described.kind in TUNED:
                scene.tuned.append((record_offsets(row, name)[k], numbers))
                numbers += len(np.dtype(described.dtype).names or ())
    _check_space(env, scene)
    scene.moving_edges = bool(scene.segments) and may_move_edges(env.act, env.judge, env.state)
    laid = set(scene.segments)
    varied = laid or any(tuner.handle in space.static_body.shapes for each in scene.tuners for tuner in each)
    scene.entering = [s for s in space.shapes if s not in laid and (varied or body_type(s) != pymunk.Body.STATIC)]
    if any(shape.sensor for shape in space.shapes):
        space.collision_persistence = 1  # else a sensor's old touch looks like a present one
    return scene


@functools.cache
def may_move_edges(act: Any, judge: Any, state: type) -> bool:
    """Tell whether `act` or `judge` may write an end of a segment: looking at all ends in every step has its price.

    By what their code, and that of the rules they call, stores: numbers named as ends are, or elements of any array where
    an array of segments is at hand.
    """
    code = [function.__code__ for rule in (act, judge) for function in with_called(rule)]
    stored = {step.argval for each in code for step in dis.get_instructions(each) if step.opname == "STORE_ATTR"}
    elements = any(step.opname == "STORE_SUBSCR" for each in code for step in dis.get_instructions(each))
    named = {name for each in code for name in each.co_names}
    at_hand = elements and not named.isdisjoint(physics_fields(state, "segment2d"))
    return at_hand or "setattr" in named or not stored.isdisjoint(SEGMENT_2D.names or ())


def kinematic_bodies(scene: Scene) -> list[int]:
    """Return which bodies of the State no force moves."""
    return [k for k, body in enumerate(scene.bodies) if body.body_type == pymunk.Body.KINEMATIC]


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
    if any(joint is other for other in scene.joints):
        raise env.error("build", f"the joint of {where} belongs to another field already")
    scene.joints.append(joint)
    target = TARGETS.get(type(joint))
    record[0] = (getattr(joint, target[0]) if target else 0.0, min(joint.max_force, 1e300))


def _take_touch(env: Env, scene: Scene, where: str, handle: Any, record: Array) -> None:
    scene.touches.append(_list_shapes(env, scene, where, handle))
    record["other"] = -1


def _take_contacts(env: Env, scene: Scene, where: str, handle: Any, record: Array) -> None:
    scene.contacts.append(_list_shapes(env, scene, where, handle))
    scene.list_sizes.append(len(record))
    record["other"] = -1


def _list_shapes(env: Env, scene: Scene, where: str, handle: Any) -> list[pymunk.Shape]:
    """Return the shapes that a handle stands for: a shape, a body's or those of a list."""
    shapes = list(handle.shapes) if isinstance(handle, pymunk.Body) else handle
    shapes = list(shapes) if isinstance(shapes, list | tuple | set) else [shapes]
    for shape in shapes:
        _expect_shape(env, scene, where, shape)
    return shapes


def _expect_shape(env: Env, scene: Scene, where: str, shape: Any) -> None:
    _expect(env, where, shape, pymunk.Shape)
    if shape.space is not scene.space:
        raise env.error("build", f"the shape of {where} must be added to the world")


def _take_segment(env: Env, scene: Scene, where: str, segment: Any, record: Array) -> None:
    _expect(env, where, segment, pymunk.Segment)
    if segment.body is not scene.space.static_body or segment.space is not scene.space:
        raise env.error("build", f"the segment of {where} must be on world.static_body and added to the world")
    if any(segment is other for other in scene.segments):
        raise env.error("build", f"the segment of {where} belongs to another field already")
    scene.segments.append(segment)
    record[0] = (*segment.a, *segment.b)


def _take_ray(env: Env, scene: Scene, where: str, body: Any, record: Array) -> None:
    if body is not None and not any(body is named for named in scene.bodies):
        raise env.error("build", f"the handle of {where} is {body!r}; it must be the body of a body2d, or None")
    scene.rays.append(body)
    record["fraction"], record["other"] = 1.0, -1


def _take_one_way(env: Env, scene: Scene, where: str, shape: Any, record: Array) -> None:
    _expect_shape(env, scene, where, shape)
    if shape.sensor or any(shape is other for other in scene.one_ways):
        raise env.error("build", f"the shape of {where} is a sensor, or belongs to another field already")
    scene.one_ways.append(shape)


def _take_mass(env: Env, scene: Scene, where: str, body: Any, record: Array) -> None:
    if not any(body is named for named in scene.bodies) or body.body_type != pymunk.Body.DYNAMIC:
        raise env.error("build", f"the handle of {where} is {body!r}; it must be the body of a body2d, and be dynamic")
    if any(shape.mass > 0 for shape in body.shapes):
        raise env.error("build", f"the body of {where} has its mass from its shapes; give it to the body instead")
    _tune(env, scene, where, record, *tune_mass(body))


def _take_shape(env: Env, scene: Scene, where: str, shape: Any, record: Array) -> None:
    _expect_shape(env, scene, where, shape)
    if any(shape is segment for segment in scene.segments) or shape.mass > 0:
        raise env.error("build", f"the shape of {where} is a segment2d, or has a mass; give the mass to its body")
    _tune(env, scene, where, record, *tune_shape(shape))


def _take_frame(env: Env, scene: Scene, where: str, joint: Any, record: Array) -> None:
    _expect(env, where, joint, pymunk.Constraint)
    if joint not in scene.space.constraints or type(joint) not in FRAMES:
        raise env.error(
            "build",
            f"the joint of {where}, {joint!r}, must be added to the world, and be a {', '.join(kind.__name__ for kind in FRAMES)}",
        )
    _tune(env, scene, where, record, *tune_frame(joint))


def _tune(env: Env, scene: Scene, where: str, record: Array, tuners: list[Tuner], built: tuple[float, ...]) -> None:
    if any(tuners[0].handle is each[0].handle and tuners[0].part == each[0].part for each in scene.tuners):
        raise env.error("build", f"the handle of {where} belongs to another field already")
    scene.tuners.append(tuners)
    record[0] = built
    numbers = record.view(np.float64)
    for tuner in tuners:
        at = tuner.offset // numbers.itemsize
        if not tuner.allows(numbers[at : at + tuner.count].tolist()):
            raise env.error("build", f"{tuner.part} of {where} is {numbers[at]}, which is not one that rules may write")


FIRST = ("body2d", "segment2d")  # kinds that others refer to
TAKERS = {
    "body2d": _take_body,
    "joint2d": _take_joint,
    "touch2d": _take_touch,
    "segment2d": _take_segment,
    "ray2d": _take_ray,
    "contact2d": _take_contacts,
    "one_way2d": _take_one_way,
    "mass2d": _take_mass,
    "shape2d": _take_shape,
    "frame2d": _take_frame,
}


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
