"""What a step through pymunk's public API notes and sets beside poses: touches, contacts, rays, one-way shapes."""

import math
from collections.abc import Sequence
from typing import Any

import pymunk

from puffer_arena.core.fields import Array
from puffer_arena.engines.pymunk.scene import ONE_WAY, Scene, body_type


class Touches:
    """What the watched shapes of a scene touched during one step."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        count = len(scene.touches)
        self.now = [False] * count  # in the last part of the step
        self.ever = [False] * count
        self.impulse = [-1.0] * count
        self.other = [-1] * count
        self._index: dict[Any, int] = {body: k for k, body in enumerate(scene.bodies)}

    def look(self) -> None:
        """Take note after one part of the step."""
        for k, shapes in enumerate(self._scene.touches):
            self.now[k] = False
            for shape in shapes:
                for other, impulse in touching(self._scene.space, shape):
                    self.now[k] = self.ever[k] = True
                    index = self._index.get(other.body, -1)
                    if impulse > self.impulse[k] or (impulse == self.impulse[k] and index > self.other[k]):
                        self.impulse[k], self.other[k] = impulse, index

    def write(self, records: list[Array]) -> None:
        for k, record in enumerate(records):
            record["began"] = int(self.ever[k] and not record["touching"])
            record["touching"] = int(self.now[k])
            record["impulse"] = max(self.impulse[k], 0.0)
            record["other"] = self.other[k]


def touching(space: pymunk.Space, shape: pymunk.Shape) -> list[tuple[pymunk.Shape, float]]:
    """Return the shapes that touch `shape`, each with its impulse."""
    found: list[tuple[pymunk.Shape, float]] = []

    def note(arbiter: pymunk.Arbiter) -> None:
        if shape in arbiter.shapes and arbiter.contact_point_set.points:
            a, b = arbiter.shapes
            x, y = arbiter.total_impulse
            found.append((b if a is shape else a, math.sqrt(x * x + y * y)))

    assert shape.body is not None  # checked when the scene was built
    shape.body.each_arbiter(note)
    for info in space.shape_query(shape):
        other = info.shape
        if other is None or not (shape.sensor or other.sensor) or other.body is shape.body:
            continue
        if not info.contact_point_set.points or _both_static(shape, other) or _jointed(shape, other):
            continue
        found.append((other, 0.0))
    return found


class Contacts:
    """The hardest contacts of the shapes that lists watch, during one step."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._found: list[dict[Any, tuple[Any, ...]]] = [{} for _ in scene.contacts]  # by pair of shapes
        self._index: dict[Any, int] = {body: k for k, body in enumerate(scene.bodies)}

    def look(self) -> None:
        """Take note after one part of the step."""
        for found, shapes in zip(self._found, self._scene.contacts, strict=True):
            for shape in shapes:
                assert shape.body is not None  # checked when the scene was built
                shape.body.each_arbiter(self._note, found, shape)

    def _note(self, arbiter: pymunk.Arbiter, found: dict[Any, tuple[Any, ...]], shape: pymunk.Shape) -> None:
        points = arbiter.contact_point_set.points
        if shape not in arbiter.shapes or not points:
            return
        first = arbiter.shapes[0] is shape
        other, point = (arbiter.shapes[1], points[0].point_a) if first else (arbiter.shapes[0], points[0].point_b)
        (ix, iy), (nx, ny), sign = arbiter.total_impulse, arbiter.normal, 1.0 if first else -1.0
        impulse = math.sqrt(ix * ix + iy * iy)
        if (shape, other) not in found or impulse > found[shape, other][0]:
            found[shape, other] = (impulse, self._index.get(other.body, -1), *point, sign * nx, sign * ny)

    def write(self, records: Sequence[Any]) -> None:
        entries = iter(records)
        for found, size in zip(self._found, self._scene.list_sizes, strict=True):
            ranked = sorted(found.values(), key=lambda entry: entry[:4], reverse=True)
            for k in range(size):
                impulse, other, x, y, nx, ny = ranked[k] if k < len(ranked) else (0.0, -1, 0.0, 0.0, 0.0, 0.0)
                record = next(entries)
                record["x"], record["y"], record["nx"], record["ny"] = x, y, nx, ny
                record["impulse"], record["other"], record["touching"] = impulse, other, int(k < len(ranked))


def let_through(scene: Scene, normals: Sequence[tuple[float, ...]]) -> None:
    """Let bodies through one-way shapes along `normals`, which the caller keeps up to date."""

    def decide(arbiter: pymunk.Arbiter, space: pymunk.Space, data: Any) -> None:
        if not arbiter.is_first_contact:
            return
        for shape, (nx, ny) in zip(scene.one_ways, normals, strict=True):
            sign = 1.0 if arbiter.shapes[0] is shape else -1.0
            if shape in arbiter.shapes and sign * (arbiter.normal.x * nx + arbiter.normal.y * ny) < 0.0:
                arbiter.process_collision = False

    for shape in scene.one_ways:
        shape.collision_type = ONE_WAY
    scene.space.on_collision(ONE_WAY, None, pre_solve=decide)


def cast(scene: Scene, body: pymunk.Body | None, record: Any) -> None:
    """Write what a ray meets."""
    x, y = body.position if body is not None else (0.0, 0.0)
    start = x + float(record["ax"]), y + float(record["ay"])
    end = x + float(record["bx"]), y + float(record["by"])
    nearest = 1.0, -1
    for hit in scene.space.segment_query(start, end, 0.0, pymunk.ShapeFilter()) if start != end else ():
        assert hit.shape is not None
        if not hit.shape.sensor and hit.shape.body is not body:
            other = next((k for k, each in enumerate(scene.bodies) if each is hit.shape.body), -1)
            if hit.alpha < nearest[0] or (hit.alpha == nearest[0] and other > nearest[1]):
                nearest = hit.alpha, other
    record["fraction"], record["other"] = nearest


def _both_static(a: pymunk.Shape, b: pymunk.Shape) -> bool:
    return all(body_type(shape) == pymunk.Body.STATIC for shape in (a, b))


def _jointed(a: pymunk.Shape, b: pymunk.Shape) -> bool:
    """Tell whether a joint between their bodies keeps two shapes from colliding."""
    assert a.body is not None
    return any(not c.collide_bodies and b.body in (c.a, c.b) for c in a.body.constraints)
