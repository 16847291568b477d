"""Things without bodies in a 3D view: what an environment's `draw3d` asks for, picture by picture.

Meshes are made once for each kind, size and colour and are shown again where the next picture needs the same.
"""

import itertools
import math
from collections.abc import Callable, Sequence

from panda3d.core import LPoint3, LVector3, NodePath, TransparencyAttrib

from puffer_arena.core.canvas3d import Point3
from puffer_arena.core.env import Env
from puffer_arena.errors import UnknownName
from puffer_arena.render.draw.palette import color as rgb_of
from puffer_arena.render.world.shapes import draw_box, draw_cylinder, draw_sphere, draw_tube

KEPT = 512  # meshes kept for later pictures, at most
Key = tuple[object, ...]


class Things:
    """A canvas in space (`core.canvas3d.Canvas3D`).

    Args:
        env: the environment, for messages.
        scene: what the things are shown in.
        paint: shows a body in another colour: paint(field, k, color).
    """

    def __init__(self, env: Env, scene: NodePath, paint: Callable[[str, int, str], None]) -> None:
        self._env, self._paint = env, paint
        self._root = scene.attach_new_node("things")
        self._made: dict[Key, list[NodePath]] = {}
        self._shown: dict[Key, int] = {}  # how many of each this picture has

    def begin(self) -> None:
        """Begin a picture without things."""
        if sum(map(len, self._made.values())) > KEPT:
            for made in self._made.values():
                for path in made:
                    path.remove_node()
            self._made = {}
        for key, count in self._shown.items():
            for path in self._made.get(key, ())[:count]:
                path.hide()
        self._shown = {}

    # -- core.canvas3d.Canvas3D ---------------------------------------------------------------------

    def box(
        self,
        x: float,
        y: float,
        z: float,
        width: float,
        depth: float,
        height: float,
        color: str,
        *,
        heading: float = 0.0,
        alpha: float = 1.0,
    ) -> None:
        self._check("box", color, x, y, z, width, depth, height, heading)
        key = "box", width, depth, height
        path = self._show(key, color, alpha, lambda: draw_box(LVector3(width / 2, depth / 2, height / 2), color))
        path.set_pos_hpr(x, y, z, math.degrees(heading), 0, 0)

    def sphere(self, x: float, y: float, z: float, radius: float, color: str, *, alpha: float = 1.0) -> None:
        self._check("sphere", color, x, y, z, radius)
        path = self._show(("sphere", radius), color, alpha, lambda: draw_sphere(radius, color))
        path.set_pos(x, y, z)

    def cylinder(self, a: Point3, b: Point3, radius: float, color: str, *, alpha: float = 1.0) -> None:
        self._check("cylinder", color, *a, *b, radius)
        long = round(math.dist(a, b), 3)
        path = self._show(("cylinder", radius, long), color, alpha, lambda: draw_cylinder(radius, long / 2, color))
        lay(path, a, b)

    def line(self, points: Sequence[Point3], color: str, *, width: float = 0.05, alpha: float = 1.0) -> None:
        self._check("line", color, width, *(number for point in points for number in point))
        for a, b in itertools.pairwise(points):
            if (long := math.dist(a, b)) > 0.0:
                path = self._show(("line",), color, alpha, lambda: draw_tube(color))
                lay(path, a, b)
                overlap = width / 4 if alpha == 1.0 else 0.0  # of parts that shine through: seen as dots
                path.set_scale(width / 2, width / 2, long / 2 + overlap)

    def paint(self, field: str, color: str, k: int = 0) -> None:
        self._check("paint", color)
        self._paint(field, k, color)

    # -----------------------------------------------------------------------------------------------

    def _check(self, call: str, color: str, *numbers: float) -> None:
        """Refuse what cannot be drawn."""
        try:
            rgb_of(color)
        except UnknownName as error:
            raise self._env.error("draw3d", f"{call}: {error}") from error
        if not all(math.isfinite(number) for number in numbers):
            raise self._env.error("draw3d", f"{call} is given {numbers}; all must be finite numbers")

    def _show(self, kind: Key, color: str, alpha: float, make: Callable[[], NodePath]) -> NodePath:
        """Show one more mesh of a kind and colour."""
        key = (*kind, color, alpha < 1.0)
        made, count = self._made.setdefault(key, []), self._shown.get(key, 0)
        if count == len(made):
            path = make()
            path.reparent_to(self._root)
            if alpha < 1.0:
                path.set_transparency(TransparencyAttrib.M_alpha)
                path.set_depth_write(False)
            made.append(path)
        self._shown[key] = count + 1
        path = made[count]
        path.show()
        path.set_alpha_scale(alpha)
        return path


def lay(path: NodePath, a: Point3, b: Point3) -> None:
    """Lay what stands along z from `a` to `b`."""
    along = LVector3(*(end - start for start, end in zip(a, b, strict=True)))
    upright = abs(along[0]) + abs(along[1]) < 1e-6 * abs(along[2])
    path.set_pos(*((start + end) / 2 for start, end in zip(a, b, strict=True)))
    path.set_hpr(0, 0, 0)
    if not upright and along.length_squared() > 0.0:
        path.look_at(path.get_parent(), LPoint3(path.get_pos() + along), LVector3(0, 0, 1))
        path.set_p(path.get_p() - 90)  # looking is along y
