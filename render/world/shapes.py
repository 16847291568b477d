"""Meshes for the shapes of Bullet, with normals and colours, made without a model file."""

import math
from collections.abc import Iterable, Sequence
from itertools import product
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
)
from panda3d.core import (
    Geom,
    GeomNode,
    GeomTriangles,
    GeomVertexData,
    GeomVertexFormat,
    GeomVertexWriter,
    LVector3,
    NodePath,
)

from puffer_arena.core.fields import Array
from puffer_arena.engines.bullet.hull import grown_hull
from puffer_arena.engines.bullet.written import read_axis, read_heights, read_points, read_triangles
from puffer_arena.render.draw.palette import color as rgb_of

AROUND, ALONG = 32, 16  # parts of a sphere around its axis and from pole to pole
STRIPES = 8  # of a sphere, so that one sees it turn
ALONG_AXIS = ((0, 0, 90), (0, -90, 0), (0, 0, 0))  # headings, pitches and rolls that turn z to x, y and z, degrees
FAR = 200.0  # metres to the edge of a plane
Rgb = tuple[float, float, float]
Corner = tuple[tuple[float, ...], tuple[float, ...], Rgb]  # position, normal, colour


def linear(name: str, shade: float = 1.0) -> Rgb:
    """Return a palette colour as parts of one, darker by `shade`."""
    red, green, blue = rgb_of(name)
    return red / 255 * shade, green / 255 * shade, blue / 255 * shade


def mesh(corners: Iterable[Corner], triangles: Iterable[tuple[int, int, int]]) -> GeomNode:
    """Return a node of triangles."""
    data = GeomVertexData("mesh", GeomVertexFormat.get_v3n3c4(), Geom.UH_static)
    position, normal = GeomVertexWriter(data, "vertex"), GeomVertexWriter(data, "normal")
    color = GeomVertexWriter(data, "color")
    for at, facing, rgb in corners:
        position.add_data3(*at)
        normal.add_data3(*facing)
        color.add_data4(*rgb, 1.0)
    faces = GeomTriangles(Geom.UH_static)
    for corner in triangles:
        faces.add_vertices(*corner)
    geometry = Geom(data)
    geometry.add_primitive(faces)
    node = GeomNode("mesh")
    node.add_geom(geometry)
    return node


def facets(polygons: Iterable[Sequence[Array]], rgb: Rgb) -> GeomNode:
    """Return a node of flat convex polygons; the corners of each run counterclockwise where it is seen."""
    corners: list[Corner] = []
    triangles = []
    for points in polygons:
        normal = np.cross(points[1] - points[0], points[2] - points[0])
        length = float(np.linalg.norm(normal))
        if length == 0.0:
            continue
        first = len(corners)
        corners += [(tuple(point), tuple(normal / length), rgb) for point in points]
        triangles += [(first, first + k, first + k + 1) for k in range(1, len(points) - 1)]
    return mesh(corners, triangles)


def draw_box(half: LVector3, color: str) -> NodePath:
    """Return a box with bright edges: strips of its faces, for lines would be lost in the faces here and there."""
    width = min(0.015 + 0.008 * max(half), 0.25 * min(half))
    red, green, blue = (0.35 + 0.65 * part for part in linear(color))
    faces, strips = [], []
    for axis, side in product(range(3), (-1.0, 1.0)):
        outer, inner = (side_of_box(half, axis, side, inset) for inset in (0.0, width))
        faces.append(inner)
        strips += [(outer[k], outer[(k + 1) % 4], inner[(k + 1) % 4], inner[k]) for k in range(4)]
    box = NodePath("box")
    box.attach_new_node(facets(faces, linear(color, 0.8)))
    box.attach_new_node(facets(strips, (red, green, blue))).set_light_off()
    return box


def side_of_box(half: LVector3, axis: int, side: float, inset: float) -> list[Array]:
    """Return the corners of one side of a box, counterclockwise from outside and `inset` within its edges."""
    a, b = (axis + 1) % 3, (axis + 2) % 3
    corners = []
    for u, v in ((-1, -1), (1, -1), (1, 1), (-1, 1)):
        at = np.zeros(3)
        at[axis], at[a], at[b] = side * half[axis], u * (half[a] - inset), v * (half[b] - inset)
        corners.append(at)
    return corners if side > 0 else corners[::-1]


def draw_sphere(radius: float, color: str, stretch: float = 0.0) -> NodePath:
    """Return a striped ball, or a capsule along z where it is stretched by half its length."""
    corners: list[Corner] = []
    triangles = []
    for k in range(AROUND):
        rgb = linear(color, 1.0 if k * STRIPES // AROUND % 2 else 0.55)
        for edge in (k, k + 1):
            turn = 2 * math.pi * edge / AROUND
            for m in range(ALONG + 1):
                tip = math.pi * m / ALONG
                normal = (math.sin(tip) * math.cos(turn), math.sin(tip) * math.sin(turn), math.cos(tip))
                at = [radius * part for part in normal]
                at[2] += math.copysign(stretch, normal[2])
                corners.append((tuple(at), normal, rgb))
        first, second = 2 * k * (ALONG + 1), (2 * k + 1) * (ALONG + 1)
        for m in range(ALONG):
            triangles += [(first + m, first + m + 1, second + m), (second + m, first + m + 1, second + m + 1)]
    return NodePath(mesh(corners, triangles))


def draw_cylinder(radius: float, half: float, color: str) -> NodePath:
    """Return a cylinder along z."""
    corners: list[Corner] = []
    triangles = []
    rgb = linear(color, 0.8)
    for k in range(AROUND):
        for edge in (k, k + 1):
            x, y = math.cos(2 * math.pi * edge / AROUND), math.sin(2 * math.pi * edge / AROUND)
            for z in (-half, half):
                corners += [
                    ((radius * x, radius * y, z), (x, y, 0.0), rgb),
                    ((radius * x, radius * y, z), (0.0, 0.0, z), rgb),
                ]
        at = 8 * k
        triangles += [(at, at + 4, at + 2), (at + 2, at + 4, at + 6)]
    rims = len(corners)
    corners += [((0.0, 0.0, -half), (0.0, 0.0, -1.0), rgb), ((0.0, 0.0, half), (0.0, 0.0, 1.0), rgb)]
    for k in range(AROUND):
        at = 8 * k
        triangles += [(rims, at + 5, at + 1), (rims + 1, at + 3, at + 7)]
    return NodePath(mesh(corners, triangles))


def draw_tube(color: str) -> NodePath:
    """Return a tube along z, of radius 1 from -1 to 1, that shines by itself: it may be stretched as one likes."""
    sides, rgb = 8, linear(color)
    ring = [(math.cos(2 * math.pi * k / sides), math.sin(2 * math.pi * k / sides)) for k in range(sides)]
    walls = [(ring[k], ring[(k + 1) % sides]) for k in range(sides)]
    polygons = [[np.array((*at, z)) for at, z in ((a, -1), (b, -1), (b, 1), (a, 1))] for a, b in walls]
    polygons.append([np.array((*at, 1)) for at in ring])
    polygons.append([np.array((*at, -1)) for at in reversed(ring)])
    tube = NodePath(facets(polygons, rgb))
    tube.set_light_off()
    return tube


def draw_plane(normal: LVector3, constant: float, color: str) -> NodePath:
    """Return a plane, `constant` along its normal."""
    up = np.array(tuple(normal))
    a = np.cross(up, (1.0, 0.0, 0.0) if abs(up[0]) < 0.9 else (0.0, 1.0, 0.0))
    a *= FAR / np.linalg.norm(a)
    b, middle = np.cross(up, a), constant * up
    return NodePath(facets([(middle - a - b, middle + a - b, middle + a + b, middle - a + b)], linear(color)))


def draw_hull(points: Array, margin: float, color: str) -> NodePath:
    """Return the convex hull of some points; Bullet lets bodies touch it `margin` outside.

    Raises:
        ValueError: the points lie in one plane.
    """
    triangles = grown_hull(points, margin)
    if not len(triangles):
        raise ValueError(f"its {len(points)} points span no body")
    return NodePath(facets(triangles, linear(color, 0.8)))


def draw_cone(radius: float, height: float, margin: float, color: str) -> NodePath:
    """Return a cone along z."""
    turn = 2 * np.pi * np.arange(AROUND) / AROUND
    rim = np.stack([radius * np.cos(turn), radius * np.sin(turn), np.full(AROUND, -height / 2)], axis=1)
    return draw_hull(np.vstack([rim, [0.0, 0.0, height / 2]]), margin, color)


def draw_spheres(shape: BulletMultiSphereShape, color: str) -> NodePath:
    """Return the convex hull of spheres, which is what Bullet makes of several."""
    turn, tip = np.meshgrid(2 * np.pi * np.arange(AROUND // 2) / (AROUND // 2), np.pi * np.arange(ALONG + 1) / ALONG)
    out = np.stack([np.sin(tip) * np.cos(turn), np.sin(tip) * np.sin(turn), np.cos(tip)], axis=-1).reshape(-1, 3)
    out = np.unique(out.round(9), axis=0)  # each pole once
    spheres = [(shape.get_sphere_pos(k), shape.get_sphere_radius(k)) for k in range(shape.get_sphere_count())]
    return draw_hull(np.vstack([np.array(tuple(at)) + radius * out for at, radius in spheres]), 0.0, color)


def draw_triangles(triangles: Array, color: str) -> NodePath:
    """Return triangles that are seen from both sides."""
    return NodePath(facets(np.concatenate([triangles, triangles[:, ::-1]]), linear(color, 0.8)))


def draw_heights(heights: Array, color: str) -> NodePath:
    """Return a landscape, its points a metre apart about the middle."""
    rows, columns = heights.shape
    x, y = np.meshgrid(np.arange(columns) - (columns - 1) / 2, np.arange(rows) - (rows - 1) / 2)
    at = np.stack([x, y, heights], axis=-1)
    near, far = (at[:-1, :-1], at[:-1, 1:], at[1:, 1:]), (at[:-1, :-1], at[1:, 1:], at[1:, :-1])
    return draw_triangles(np.concatenate([np.stack(part, axis=2).reshape(-1, 3, 3) for part in (near, far)]), color)


def draw_shape(shape: Any, color: str) -> NodePath:
    """Return the picture of a Bullet shape.

    Raises:
        ValueError: it cannot be drawn; the text says why.
    """
    if isinstance(shape, BulletBoxShape):
        return draw_box(shape.get_half_extents_with_margin(), color)
    if isinstance(shape, BulletSphereShape):
        return draw_sphere(shape.get_radius(), color)
    if isinstance(shape, BulletPlaneShape):
        return draw_plane(shape.get_plane_normal(), shape.get_plane_constant(), color)
    if isinstance(shape, BulletMultiSphereShape):
        return draw_spheres(shape, color)
    if isinstance(shape, BulletConvexHullShape | BulletConvexPointCloudShape):
        return draw_hull(read_points(shape), shape.get_margin(), color)
    if isinstance(shape, BulletTriangleMeshShape):
        return draw_triangles(read_triangles(shape), color)
    if isinstance(shape, BulletHeightfieldShape) and read_axis(shape) == 2:
        return draw_heights(read_heights(shape), color)
    return draw_upright(shape, color)


def draw_upright(shape: Any, color: str) -> NodePath:
    """Return the picture of a shape that stands along one of the axes.

    Raises:
        ValueError: it is none of those.
    """
    if isinstance(shape, BulletCapsuleShape):
        picture = draw_sphere(shape.get_radius(), color, shape.get_half_height())
    elif isinstance(shape, BulletConeShape):
        picture = draw_cone(shape.get_radius(), shape.get_height(), shape.get_margin(), color)
    elif isinstance(shape, BulletCylinderShape):
        half = shape.get_half_extents_with_margin()
        picture = draw_cylinder(shape.get_radius(), half[read_axis(shape)], color)
    else:
        raise ValueError("its kind is unknown here")
    upright = NodePath("upright")
    picture.reparent_to(upright)
    picture.set_hpr(*ALONG_AXIS[read_axis(shape)])
    return upright
