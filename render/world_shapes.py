"""Meshes for the shapes of Bullet, with normals and colours, made without a model file."""

import math
from collections.abc import Iterable
from typing import Any

from panda3d.bullet import BulletBoxShape, BulletCapsuleShape, BulletCylinderShape, BulletPlaneShape, BulletSphereShape
from panda3d.core import (
    Geom,
    GeomNode,
    GeomTriangles,
    GeomVertexData,
    GeomVertexFormat,
    GeomVertexWriter,
    LineSegs,
    LVector3,
    NodePath,
)

from puffer_arena.render.palette import color as rgb_of

AROUND, ALONG = 32, 16  # parts of a sphere around its axis and from pole to pole
STRIPES = 8  # of a sphere, so that one sees it turn
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


def draw_box(half: LVector3, color: str) -> NodePath:
    """Return a box with bright edges."""
    corners: list[Corner] = []
    triangles = []
    for axis in range(3):
        for side in (-1.0, 1.0):
            normal = [0.0, 0.0, 0.0]
            normal[axis] = side
            a, b = (axis + 1) % 3, (axis + 2) % 3
            first = len(corners)
            for u, v in ((-1, -1), (1, -1), (1, 1), (-1, 1)):
                at = [0.0, 0.0, 0.0]
                at[axis], at[a], at[b] = side * half[axis], u * half[a], v * half[b]
                corners.append((tuple(at), tuple(normal), linear(color, 0.8)))
            order = (0, 1, 2, 0, 2, 3) if side > 0 else (0, 2, 1, 0, 3, 2)
            triangles += [(first + order[0], first + order[1], first + order[2])]
            triangles += [(first + order[3], first + order[4], first + order[5])]
    box = NodePath(mesh(corners, triangles))
    draw_edges(half, color).reparent_to(box)
    return box


def draw_edges(half: LVector3, color: str) -> NodePath:
    lines = LineSegs()
    lines.set_thickness(2.5)
    lines.set_color(*(0.35 + 0.65 * part for part in linear(color)), 1.0)
    x, y, z = half[0] * 1.002, half[1] * 1.002, half[2] * 1.002
    for height in (z, -z):
        for k, (u, v) in enumerate(((-x, -y), (x, -y), (x, y), (-x, y), (-x, -y))):
            (lines.move_to if k == 0 else lines.draw_to)(u, v, height)
    edges = NodePath(lines.create())
    edges.set_light_off()
    return edges


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


def draw_plane(color: str) -> NodePath:
    rgb = linear(color)
    up = (0.0, 0.0, 1.0)
    corners: list[Corner] = [((x, y, 0.0), up, rgb) for x, y in ((-FAR, -FAR), (FAR, -FAR), (FAR, FAR), (-FAR, FAR))]
    return NodePath(mesh(corners, [(0, 1, 2), (0, 2, 3)]))


def draw_shape(shape: Any, color: str) -> NodePath | None:
    """Return the picture of a Bullet shape, or None for those that have no simple one."""
    if isinstance(shape, BulletBoxShape):
        return draw_box(shape.get_half_extents_with_margin(), color)
    if isinstance(shape, BulletSphereShape):
        return draw_sphere(shape.get_radius(), color)
    if isinstance(shape, BulletCapsuleShape):
        return draw_sphere(shape.get_radius(), color, shape.get_half_height())
    if isinstance(shape, BulletCylinderShape):
        half = shape.get_half_extents_with_margin()
        return draw_cylinder(half[0], half[2], color)
    return draw_plane(color) if isinstance(shape, BulletPlaneShape) else None
