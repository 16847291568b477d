"""What bodies look like, as rows keep it for compiled pictures: the shapes of a Bullet world as a list of parts.

A part is a row of numbers (`core.pictures.axes`): a box, ball, cylinder or triangle of a body, or the shadow of one that
moves.  Shapes of other kinds are made of these.
"""

import json
import math
import struct
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
from panda3d.bullet import (
    BulletBoxShape,
    BulletCapsuleShape,
    BulletConeShape,
    BulletConvexHullShape,
    BulletConvexPointCloudShape,
    BulletCylinderShape,
    BulletHeightfieldShape,
    BulletMultiSphereShape,
    BulletPlaneShape,
    BulletSphereShape,
    BulletTriangleMeshShape,
    BulletWorld,
)
from panda3d.core import TransformState

from puffer_arena.core.env import PART, Env
from puffer_arena.core.fields import Array
from puffer_arena.core.palette import load_palette
from puffer_arena.core.params import params_record, plain_value
from puffer_arena.core.pictures.axes import BALL, BOX, CYLINDER, NO_BODY, SHADOW, TRIANGLE
from puffer_arena.engines.bullet.hull import grown_hull
from puffer_arena.engines.bullet.written import read_axis, read_heights, read_points, read_triangles
from puffer_arena.engines.scene import call_build, scene_params
from puffer_arena.errors import suggest
from puffer_arena.machine.notices import say_once

MOST_PARTS = 4096  # of one world
AROUND = 12  # sides of what is round and no ball or cylinder
PLANE = 200.0  # metres to the edge of a plane
COLORS = list(load_palette())
Own = tuple[int, list[float]]  # a part's kind, and its own numbers


def count_looks(env: Env, params: Any) -> int:
    """Return how many parts there are in a world that is built with such Params.

    Raises:
        DefinitionError: `build` fails, or makes more than MOST_PARTS.
    """
    given = {name: plain_value(getattr(params, name)) for name in env.parameters}
    known: dict[str, int] = env.__dict__.setdefault("_looks", {})
    key = json.dumps(given)
    if key not in known:
        world = BulletWorld()
        call_build(env, world, scene_params(env, params_record(params)[0], params))
        known[key] = len(_parts(env, world, {}))
    return known[key]


def list_looks(env: Env, world: BulletWorld, numbers: Mapping[Any, int], count: int) -> Array:
    """Return the parts of a world, (count, PART), those that are not there as zeros.

    Args:
        env: the environment, for messages.
        world: built, and not stepped yet.
        numbers: node -> its number among the State's bodies.
        count: of parts in the worlds of this batch.

    Raises:
        DefinitionError: there are more.
    """
    parts = _parts(env, world, numbers)
    if len(parts) > count:
        raise env.error(
            "build",
            f"makes {len(parts)} parts of shapes with these parameters and {count} with those of the batch: agents that "
            "see pictures need a batch made with the larger number",
        )
    listed = np.zeros((count, PART))
    listed[: len(parts)] = np.array(parts).reshape(-1, PART)
    return listed


def _parts(env: Env, world: BulletWorld, numbers: Mapping[Any, int]) -> list[list[float]]:
    """Return the parts of all bodies, each PART numbers."""
    parts = []
    for node in world.get_rigid_bodies():
        color = node.get_tag("color") or "wall"
        if color not in COLORS:
            raise env.error("build", f"body '{node.get_name()}': unknown colour '{color}'; {suggest(color, COLORS)}")
        number, stands = float(numbers.get(node, NO_BODY)), node.get_transform()
        for k in range(node.get_num_shapes()):
            shape, local = node.get_shape(k), node.get_shape_transform(k)
            at = local if node in numbers else stands.compose(local)
            try:
                own = list(list_shape(shape, at))
            except (ValueError, LookupError, struct.error) as error:
                say_once(
                    f"environment '{env.name}': body '{node.get_name()}': its {shape.type.name} is in no picture that "
                    f"agents see ({error})"
                )
                continue
            parts += [_part(kind, COLORS.index(color), number, given) for kind, given in own]
        if not node.is_static() and not node.is_kinematic():
            parts.append(_part(SHADOW, 0, number, [node.get_shape_bounds().get_radius()]))
    if len(parts) > MOST_PARTS:
        raise env.error("build", f"makes {len(parts)} parts of shapes; pictures for agents hold {MOST_PARTS} at most")
    return parts


def _part(kind: int, color: int, number: float, own: list[float]) -> list[float]:
    part = [float(kind), float(color), number, *own]
    return part + [0.0] * (PART - len(part))


def list_shape(shape: Any, at: TransformState) -> Iterator[Own]:
    """Yield the parts of a shape that stands so.

    Raises:
        ValueError: it has none; the text says why.
    """
    if isinstance(shape, BulletBoxShape):
        yield BOX, [*shape.get_half_extents_with_margin(), *pose_of(at)]
    elif isinstance(shape, BulletSphereShape):
        yield BALL, [shape.get_radius(), 0.0, 0.0, *pose_of(at)]
    elif isinstance(shape, BulletCylinderShape):
        axis, half = read_axis(shape), shape.get_half_extents_with_margin()
        yield CYLINDER, [shape.get_radius(), half[axis], 0.0, *pose_of(at.compose(along_axis(axis)))]
    elif isinstance(shape, BulletCapsuleShape):
        upright, radius, half = at.compose(along_axis(read_axis(shape))), shape.get_radius(), shape.get_half_height()
        yield CYLINDER, [radius, half, 0.0, *pose_of(upright)]
        for end in (-half, half):
            yield BALL, [radius, 0.0, 0.0, *pose_of(upright.compose(TransformState.make_pos((0, 0, end))))]
    else:
        upright = at.compose(along_axis(read_axis(shape))) if isinstance(shape, BulletConeShape) else at
        for corners in faces_of(shape):
            yield TRIANGLE, [float(part) for corner in corners for part in upright.get_mat().xform_point(tuple(corner))]


def faces_of(shape: Any) -> Array:
    """Return the triangles of a shape, (triangles, 3, 3).

    Raises:
        ValueError: it has none; the text says why.
    """
    for kind, make in FACES.items():
        if isinstance(shape, kind):
            found = make(shape)
            if not len(found):
                raise ValueError("its points span no body")
            return found
    raise ValueError("its kind is unknown here")


def plane_faces(shape: Any) -> Array:
    up = np.array(tuple(shape.get_plane_normal()))
    a = np.cross(up, (1.0, 0.0, 0.0) if abs(up[0]) < 0.9 else (0.0, 1.0, 0.0))
    a *= PLANE / np.linalg.norm(a)
    b, middle = np.cross(up, a), shape.get_plane_constant() * up
    return np.array(
        [(middle - a - b, middle + a - b, middle + a + b), (middle - a - b, middle + a + b, middle - a + b)]
    )


def cone_faces(shape: Any) -> Array:
    turn = 2 * np.pi * np.arange(AROUND) / AROUND
    radius, high = shape.get_radius(), shape.get_height() / 2
    rim = np.stack([radius * np.cos(turn), radius * np.sin(turn), np.full(AROUND, -high)], axis=1)
    return grown_hull(np.vstack([rim, [0.0, 0.0, high]]), shape.get_margin())


def spheres_faces(shape: Any) -> Array:
    turn, tip = np.meshgrid(2 * np.pi * np.arange(AROUND) / AROUND, np.pi * np.arange(AROUND // 2 + 1) / (AROUND // 2))
    out = np.stack([np.sin(tip) * np.cos(turn), np.sin(tip) * np.sin(turn), np.cos(tip)], axis=-1).reshape(-1, 3)
    out = np.unique(out.round(9), axis=0)  # each pole once
    balls = [(shape.get_sphere_pos(k), shape.get_sphere_radius(k)) for k in range(shape.get_sphere_count())]
    return grown_hull(np.vstack([np.array(tuple(at)) + radius * out for at, radius in balls]), 0.0)


def heights_faces(shape: Any) -> Array:
    if read_axis(shape) != 2:
        raise ValueError("it rises along another axis than z")
    heights = read_heights(shape)
    rows, columns = heights.shape
    x, y = np.meshgrid(np.arange(columns) - (columns - 1) / 2, np.arange(rows) - (rows - 1) / 2)
    at = np.stack([x, y, heights], axis=-1)
    near, far = (at[:-1, :-1], at[:-1, 1:], at[1:, 1:]), (at[:-1, :-1], at[1:, 1:], at[1:, :-1])
    return np.concatenate([np.stack(part, axis=2).reshape(-1, 3, 3) for part in (near, far)])


FACES: dict[Any, Callable[[Any], Array]] = {
    BulletPlaneShape: plane_faces,
    BulletConeShape: cone_faces,
    BulletMultiSphereShape: spheres_faces,
    BulletConvexHullShape: lambda shape: grown_hull(read_points(shape), shape.get_margin()),
    BulletConvexPointCloudShape: lambda shape: grown_hull(read_points(shape), shape.get_margin()),
    BulletTriangleMeshShape: read_triangles,
    BulletHeightfieldShape: heights_faces,
}


def along_axis(axis: int) -> TransformState:
    """Return what turns z to x, y or z."""
    return TransformState.make_hpr(((0, 0, 90), (0, -90, 0), (0, 0, 0))[axis])


def pose_of(at: TransformState) -> list[float]:
    """Return a place and a turn as seven numbers."""
    numbers = [*at.get_pos(), *at.get_quat()]
    if not all(math.isfinite(number) for number in numbers):
        raise ValueError(f"it stands at {numbers}")
    return [float(number) for number in numbers]
