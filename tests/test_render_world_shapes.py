"""The pictures of Bullet's shapes lie where Bullet's own rays meet the shapes."""

import numpy as np
import pytest
from panda3d import bullet
from panda3d.core import (
    GeomVertexReader,
    LPoint3,
    LVecBase3,
    NodePath,
    PNMImage,
    Point3,
    PTA_LVecBase3,
    Vec3,
)

from puffer_arena.engines.bullet.hull import convex_hull
from puffer_arena.machine.notices import SAID
from puffer_arena.registry import load_env
from puffer_arena.render.world.renderers import SOFTWARE
from puffer_arena.render.world.shapes import draw_shape
from puffer_arena.render.world.world import WorldView
from tests.playing import variant

WEDGE = [(x, y, z) for x in (-1.0, 1.0) for y, z in ((-1.5, -0.5), (1.5, -0.5), (1.5, 0.7))]


def hull():
    shape = bullet.BulletConvexHullShape()
    for point in [*WEDGE, (0.0, 0.5, 0.0)]:  # the last lies inside
        shape.add_point(Point3(*point))
    return shape


def point_cloud():
    return bullet.BulletConvexPointCloudShape(PTA_LVecBase3([LVecBase3(*point) for point in WEDGE]))


def triangle_mesh(dynamic):
    mesh = bullet.BulletTriangleMesh()
    tip, rim = Point3(0.2, 0.1, 1.0), [Point3(1, 1, 0), Point3(-1, 1, 0), Point3(-1, -1, 0), Point3(1, -1, 0)]
    for k in range(4):
        mesh.add_triangle(rim[k], rim[(k + 1) % 4], tip)
    return bullet.BulletTriangleMeshShape(mesh, dynamic)


def height_field():
    image = PNMImage(4, 3, 1)
    for x in range(4):
        for y in range(3):
            image.set_gray(x, y, (0.1 + 0.05 * x * x + 0.3 * y) / 1.2)
    return bullet.BulletHeightfieldShape(image, 2.0, bullet.ZUp)


SHAPES = {
    "box": lambda: bullet.BulletBoxShape(Vec3(0.5, 1.0, 0.3)),
    "sphere": lambda: bullet.BulletSphereShape(0.8),
    "tilted plane": lambda: bullet.BulletPlaneShape(Vec3(0.6, 0.0, 0.8), 0.5),
    "several spheres": lambda: bullet.BulletMultiSphereShape([Point3(0, 0, 0), Point3(1.0, 0.5, 0.2)], [0.5, 0.8]),
    "convex hull": hull,
    "point cloud": point_cloud,
    "triangle mesh": lambda: triangle_mesh(dynamic=False),
    "dynamic triangle mesh": lambda: triangle_mesh(dynamic=True),
    "height field": height_field,
} | {
    f"{kind.__name__} along {'xyz'[axis]}": lambda kind=kind, axis=axis: kind(0.4, 1.2, axis)
    for kind in (bullet.BulletCapsuleShape, bullet.BulletConeShape, bullet.BulletCylinderShape)
    for axis in (bullet.XUp, bullet.YUp, bullet.ZUp)
}


def corners_of(picture):
    """Return the corners of a picture's triangles, (triangles, 3, 3)."""
    found = []
    for path in picture.find_all_matches("**/+GeomNode"):
        for k in range(path.node().get_num_geoms()):
            geom = path.node().get_geom(k)
            reader = GeomVertexReader(geom.get_vertex_data(), "vertex")
            for corner in geom.get_primitive(0).decompose().get_vertex_list():
                reader.set_row(corner)
                found.append(tuple(picture.get_relative_point(path, reader.get_data3())))
    return np.array(found).reshape(-1, 3, 3)


def first_hit(triangles, start, end):
    """Return the part of the way from `start` to `end` at which a triangle is hit from its front; 1 for none.

    Moeller and Trumbore, Fast, minimum storage ray-triangle intersection, 1997.
    """
    way = end - start
    a, b = triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0]
    across = np.cross(way, b)
    scale = (a * across).sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        u = ((start - triangles[:, 0]) * across).sum(axis=1) / scale
        turned = np.cross(start - triangles[:, 0], a)
        v = turned @ way / scale
        t = (b * turned).sum(axis=1) / scale
        inside = (scale > 0) & (u >= -1e-6) & (v >= -1e-6) & (u + v <= 1 + 1e-6) & (t >= 0)
    return float(t[inside].min(initial=1.0))


@pytest.mark.parametrize("name", SHAPES)
def test_a_picture_lies_where_rays_meet_its_shape(name):
    shape = SHAPES[name]()
    world, body = bullet.BulletWorld(), bullet.BulletRigidBodyNode("body")
    body.add_shape(shape)
    world.attach(body)
    world.do_physics(1e-6, 0)
    picture = NodePath("picture")
    draw_shape(body.get_shape(0), "sky").reparent_to(picture)
    triangles = corners_of(picture)
    rng = np.random.default_rng(0)
    differences = []
    for _ in range(300):
        start, end = rng.normal(size=3), rng.normal(scale=0.3, size=3)
        start *= 5.0 / np.linalg.norm(start)
        hit = world.ray_test_closest(LPoint3(*start), LPoint3(*end))
        seen = first_hit(triangles, start, end)
        differences.append(abs(seen - (hit.get_hit_fraction() if hit.has_hit() else 1.0)) * np.linalg.norm(end - start))
    # Metres: round shapes are drawn by parts of them, and Bullet rounds the edges of points by a margin of 0.04.
    assert np.median(differences) < 0.01
    assert np.percentile(differences, 90) < 0.06


def test_a_hull_keeps_the_corners_of_a_cube_and_no_point_within():
    cube = np.array([(x, y, z) for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)] + [(0, 0, 0), (1, 0, 0)], float)
    faces = convex_hull(cube)
    assert len(faces) == 12  # two for each side
    assert {corner for face in faces for corner in face} == set(range(8))


def test_points_in_one_plane_have_no_hull():
    assert convex_hull(np.array([(0, 0, 0), (1, 0, 0), (0, 1, 0), (1, 1, 0), (0.5, 0.5, 0)], float)) == []


def marble_with(change):
    """Return a batch of marble whose scene `change` alters, given its handles."""

    def build(world, p):
        handles = load_env("marble").build(world, p)
        change(handles)
        return handles

    return variant("marble", build=build)


def drawn(batch):
    batch.reset()
    view = WorldView(batch.env, (160, 120), SOFTWARE)
    picture = view.draw(batch.state(0), batch.state_params(0)).astype(int)
    view.close()
    return picture


def test_a_shape_that_cannot_be_drawn_is_said_once(capsys):
    def add_sum(handles):
        shapes = bullet.BulletSphereShape(0.4), bullet.BulletBoxShape(Vec3(0.1, 0.1, 0.1))
        handles["marble"].add_shape(bullet.BulletMinkowskiSumShape(*shapes))

    SAID.clear()
    with marble_with(add_sum) as batch:
        for _ in range(2):
            drawn(batch)
    (line,) = capsys.readouterr().err.splitlines()
    assert "environment 'marble': body 'marble': its BulletMinkowskiSumShape cannot be drawn" in line


def test_a_body_shows_its_own_picture_instead_of_its_shapes():
    def dress(handles):
        NodePath(handles["marble"]).attach_new_node(
            draw_shape(bullet.BulletBoxShape(Vec3(0.4, 0.4, 0.4)), "rose").node()
        )

    with marble_with(lambda handles: None) as batch:
        plain = drawn(batch)
    with marble_with(dress) as batch:
        dressed = drawn(batch)

    def red(picture):
        return (picture[..., 0] - picture[..., 1:].max(axis=-1) > 60).sum()

    assert red(plain) < 5
    assert red(dressed) > 40
