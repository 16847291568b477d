"""The 3D view: a row of a panda3d environment as a picture, without a window.

    view = WorldView(env, (640, 480))
    rgb = view.draw(batch.state(0), batch.state_params(0))

What is drawn are the shapes of the rigid bodies that `build` attaches to the world, each in the palette's colour that
its node's tag "color" names ("wall" where there is none).  Drawn are boxes, spheres, capsules, cylinders, cones, planes,
multi-spheres, convex hulls, point clouds, triangle meshes, and height fields that rise along z; of any other a warning
says once that it stays unseen.  A body whose node has children of its own in Panda's scene graph (a model, say) shows
those instead of its shapes, in their own colours.  Ghost nodes and constraints are not shown.
What has no body, and bodies whose colour changes, the environment's `draw3d` draws (`core.canvas3d.Canvas3D`).

Of what the environment's `draw` says, the window uses two things beside this picture: the status line, and where agents
are.  `canvas.agent(k, x, y, radius)` with x and y of the world, in metres, marks the moving body whose middle is there
seen from above, when a person steers or watches agent k.

It draws with whatever the machine has: OpenGL without a display, OpenGL, or Panda's software renderer (`renderers.py`).
"""

import math
from typing import Any

import numpy as np
from panda3d.bullet import BulletWorld
from panda3d.core import (
    AmbientLight,
    CullBinManager,
    DirectionalLight,
    GraphicsEngine,
    GraphicsOutput,
    LPoint2,
    LPoint3,
    LQuaternion,
    LVector3,
    NodePath,
    PerspectiveLens,
    Texture,
    TransformState,
)
from panda3d.core import Camera as Lens

from puffer_arena.core.bodies import physics_fields
from puffer_arena.core.env import Env
from puffer_arena.core.fields import Array
from puffer_arena.core.params import params_record, plain_value
from puffer_arena.core.still import still
from puffer_arena.engines.bullet.engine import load_panda
from puffer_arena.engines.scene import call_build, scene_params
from puffer_arena.errors import suggest
from puffer_arena.render.draw.look import Look
from puffer_arena.render.world.figures import IN_ORDER, Figure
from puffer_arena.render.world.renderers import PIPES, apart, open_buffer
from puffer_arena.render.world.scenery import draw_shadow, open_sky, shine
from puffer_arena.render.world.shapes import linear
from puffer_arena.render.world.things import Things

FIELD_OF_VIEW = 60.0  # degrees, across
FINEST = 2**25  # pixels drawn for a picture with smooth edges, at most: twice as many take more than a gigabyte
KEPT_VIEWS = 4  # sizes of picture that `render_world` keeps ready
SHADOW_REACH = 20.0  # metres below a body in which it casts a shadow


class WorldView:
    """Draws rows of one environment; keep it, for making one takes some milliseconds.

    Args:
        env: an environment of the panda3d engine.
        size: width and height of the picture in pixels.
        pipes: renderers to try, in this order.
        supersample: pixels drawn for each one shown, along each side.

    Raises:
        MissingExtra: panda3d is not installed.
        DisplayError: none of the renderers works here.
    """

    def __init__(
        self, env: Env, size: tuple[int, int] = (640, 480), pipes: tuple[str, ...] = PIPES, supersample: int = 2
    ) -> None:
        load_panda()
        bins = CullBinManager.get_global_ptr()
        if bins.find_bin(IN_ORDER) < 0:
            bins.add_bin(IN_ORDER, CullBinManager.BT_unsorted, bins.get_bin_sort(bins.find_bin("opaque")))
        self.env, self.size, self._supersample = env, size, supersample
        self._fine = size[0] * supersample, size[1] * supersample
        self._texture = Texture()
        self._buffer, self.renderer = open_buffer(self._fine, pipes)
        self._buffer.add_render_texture(self._texture, GraphicsOutput.RTM_copy_ram)
        self._buffer.set_active(False)
        self._root = NodePath("view")
        self._stage = self._root.attach_new_node("stage")  # turns with the world's tilt
        self._lens = self._root.attach_new_node(self._open_lens())
        self._built: Any = None
        self._look = Look()
        self._followed: LPoint3 | None = None
        self._scene = NodePath()
        self.agent = -1
        self._light()

    def _open_lens(self) -> Lens:
        lens = PerspectiveLens()
        lens.set_aspect_ratio(self.size[0] / self.size[1])
        lens.set_fov(FIELD_OF_VIEW)
        lens.set_near_far(0.1, 300.0)
        camera = Lens("camera", lens)
        self._buffer.set_clear_color((*linear("background"), 1.0))
        sky = self._buffer.make_display_region()
        sky.set_sort(-10)
        sky.set_camera(open_sky())
        region = self._buffer.make_display_region()
        region.set_clear_depth_active(True)
        region.set_camera(NodePath(camera))
        return camera

    def _light(self) -> None:
        """Light the scene: a sun from the left, a cool light from behind, and what comes from everywhere."""
        for name, color, heading, pitch in (
            ("sun", (0.95, 0.9, 0.8, 1), -35, -55),
            ("back", (0.25, 0.3, 0.45, 1), 150, -20),
        ):
            light = DirectionalLight(name)
            light.set_color(color)
            node = self._root.attach_new_node(light)
            node.set_hpr(heading, pitch, 0)
            self._root.set_light(node)
        ambient = AmbientLight("sky")
        ambient.set_color((0.38, 0.4, 0.48, 1))
        self._root.set_light(self._root.attach_new_node(ambient))
        self._root.set_material(shine(self.renderer))

    # -- core.camera.Camera -------------------------------------------------------------------------

    def chase(self, x: float, y: float, z: float, *, heading: float, distance: float, height: float) -> None:
        at = LPoint3(x - distance * math.cos(heading), y - distance * math.sin(heading), z + height)
        self._aim(at, LPoint3(x, y, z))

    def orbit(self, x: float, y: float, z: float, *, angle: float, elevation: float, distance: float) -> None:
        out = distance * math.cos(elevation)
        at = LPoint3(x + out * math.cos(angle), y + out * math.sin(angle), z + distance * math.sin(elevation))
        self._aim(at, LPoint3(x, y, z))

    def tilt(self, right: float, forward: float) -> None:
        self._stage.set_hpr(0, -math.degrees(forward), math.degrees(right))

    def _aim(self, at: LPoint3, target: LPoint3) -> None:
        away = at - target
        if self._look.is_moved:
            away = LVector3(*self._look.orbit(*away))
        target = target if self._followed is None else self._followed
        self._lens.set_pos(target + away)
        self._lens.look_at(target)
        self._stage.set_pos(target)
        self._scene.set_pos(-target)

    # -- pictures -----------------------------------------------------------------------------------

    def draw(
        self,
        state: Any,
        params: Any,
        look: Look | None = None,
        followed: tuple[float, float, float] | None = None,
        agent: int = -1,
    ) -> Array:
        """Draw one row, as `Batch.state` and `Batch.state_params` return it; uint8 (height, width, 3).

        Args:
            state, params: of the row.
            look: how a person has moved the camera.
            followed: x, y and radius of the agent that the camera goes along with, as `draw` tells them.
            agent: over whose shoulder the person looks, -1 for nobody's.
        """
        self._build(state, params)
        self.agent = agent
        self._look = look or Look()
        self._stage.set_pos_hpr(0, 0, 0, 0, 0, 0)
        self._scene.set_pos(0, 0, 0)
        self._place(state)
        self._cast_shadows()
        bodies = self._place(state)  # again: to find shadows Bullet takes a step
        state, params = still(state), still(params)
        self._show_things(state, params)
        body = self._find_body(*followed) if followed is not None else None
        self._followed = None if body is None else body.get_pos(self._scene)
        if self.env.camera is not None:
            self.env.camera(state, params, self)
        elif bodies:
            self.chase(*bodies[0].get_pos(), heading=math.pi / 2, distance=9.0, height=4.0)
        return self._take_picture()

    def find(self, x: float, y: float, radius: float) -> tuple[float, float, float] | None:
        """Return where the last picture shows the moving body that is at (x, y), seen from above.

        Args:
            x, y: metres, as an environment's `draw` tells where an agent is.
            radius: of the agent, metres; a body's middle farther away than this is another's.

        Returns:
            How far across and down its middle is and its radius, in parts of the picture's width, height and width;
            None where no such body is seen.
        """
        nearest = self._find_body(x, y, radius)
        if nearest is None:
            return None
        at, shown = nearest.get_pos(self._lens), LPoint2()
        lens = self._lens.node().get_lens()
        if not lens.project(at, shown):
            return None
        wide = 2 * at[1] * math.tan(math.radians(lens.get_hfov()) / 2)  # metres that the picture spans at that distance
        return (1 + shown[0]) / 2, (1 - shown[1]) / 2, radius / wide

    def _find_body(self, x: float, y: float, radius: float) -> NodePath | None:
        """Return the moving body whose middle is within `radius` of (x, y), seen from above; None where none is."""
        away = {path: math.hypot(path.get_x(self._scene) - x, path.get_y(self._scene) - y) for path in self._moving}
        nearest = min(away, key=lambda path: away[path], default=None)
        return None if nearest is None or away[nearest] > radius else nearest

    def _take_picture(self) -> Array:
        self._buffer.set_active(True)  # a frame is one of all active buffers, hence of those of other views too
        with apart():
            GraphicsEngine.get_global_ptr().render_frame()
        self._buffer.set_active(False)
        width, height = self._fine
        data = np.frombuffer(self._texture.get_ram_image_as("RGB"), np.uint8).reshape(height, width, 3)
        total = np.zeros((self.size[1], self.size[0], 3), np.uint16)
        parts = self._supersample
        for row in range(parts):
            for column in range(parts):
                total += data[::-1][row::parts, column::parts]
        return (total // parts**2).astype(np.uint8)

    def _build(self, state: Any, params: Any) -> None:
        """Make the scene, unless it stands already."""
        sizes: dict[str, int] = {}
        for name, field in physics_fields(self.env.state, "body3d").items():
            shape = getattr(getattr(state, name), "shape", ())
            sizes |= {size: real for size, real in zip(field.shape, shape, strict=True) if isinstance(size, str)}
        given = {name: plain_value(getattr(params, name)) for name in self.env.parameters}
        given |= {name: size for name, size in sizes.items() if name in self.env.dimensions}
        if given == self._built:
            return
        if self._built is not None:
            self._scene.remove_node()
        self._built = given
        self._scene = self._stage.attach_new_node("scene")
        self._world = BulletWorld()
        values = self.env.params(**given)
        handles = call_build(self.env, self._world, scene_params(self.env, params_record(values)[0], values))
        self._nodes = {name: _listed(handles[name]) for name in physics_fields(self.env.state, "body3d")}
        self._figures: dict[Any, Figure] = {}
        self._painted: list[Figure] = []  # in the last picture
        self._things = Things(self.env, self._scene, self._paint)
        self._dynamic = []
        self._moving = []
        for node in self._world.get_rigid_bodies():
            figure = self._figures[node] = Figure(node, self._scene, self.env)
            path = figure.path
            if node.is_kinematic() or not node.is_static():
                self._moving.append(path)
            if not node.is_static() and not node.is_kinematic():
                self._dynamic.append(
                    (path, self._scene.attach_new_node(draw_shadow(node.get_shape_bounds().get_radius())))
                )

    def _place(self, state: Any) -> list[NodePath]:
        """Put every body where the row has it."""
        placed = []
        for name, nodes in self._nodes.items():
            records = getattr(state, name)
            listed = [records[k] for k in range(len(nodes))] if hasattr(records, "shape") else [records]
            for node, s in zip(nodes, listed, strict=True):
                turn = LQuaternion(s.qw, s.qx, s.qy, s.qz)
                node.set_transform(TransformState.make_pos_quat_scale(LPoint3(s.x, s.y, s.z), turn, LVector3(1, 1, 1)))
                placed.append(NodePath.any_path(node))
        return placed

    def _show_things(self, state: Any, params: Any) -> None:
        """Show what the environment's `draw3d` asks for."""
        self._things.begin()
        for figure in self._painted:
            figure.paint(figure.color)
        self._painted = []
        if self.env.draw3d is not None:
            self.env.draw3d(state, params, self._things)

    def _paint(self, field: str, k: int, color: str) -> None:
        """Show a body in another colour for this picture."""
        if field not in self._nodes:
            raise self.env.error("draw3d", f"paint: State has no body3d '{field}'; {suggest(field, self._nodes)}")
        if not 0 <= k < len(self._nodes[field]):
            raise self.env.error(
                "draw3d", f"paint: State.{field} has {len(self._nodes[field])} bodies, and none is {k}"
            )
        figure = self._figures[self._nodes[field][k]]
        figure.paint(color)
        self._painted.append(figure)

    def _cast_shadows(self) -> None:
        """Lay a soft disc on what lies under each moving body, while the world stands upright."""
        self._world.do_physics(1e-6, 0)  # Bullet finds bodies for rays where they were in its last step
        for path, shadow in self._dynamic:
            above = path.get_pos(self._scene)
            hits = self._world.ray_test_all(above, above - LVector3(0, 0, SHADOW_REACH)).get_hits()
            under = [hit for hit in hits if hit.node != path.node()]
            if not under:
                shadow.hide()
                continue
            hit = min(under, key=lambda hit: hit.get_hit_fraction())
            shadow.show()
            shadow.set_pos(hit.get_hit_pos() + hit.get_hit_normal() * 0.02)
            shadow.look_at(hit.get_hit_pos() + hit.get_hit_normal())
            shadow.set_alpha_scale(max(0.0, 1.0 - hit.get_hit_fraction() * SHADOW_REACH / 6.0))

    def close(self) -> None:
        """Free the buffer."""
        with apart():
            GraphicsEngine.get_global_ptr().remove_window(self._buffer)


def _listed(handle: Any) -> list[Any]:
    handles = list(handle) if isinstance(handle, list | tuple) else [handle]
    return [one.node() if isinstance(one, NodePath) else one for one in handles]


def render_world(env: Env, state: Any, params: Any, size: tuple[int, int]) -> Array:
    """Draw one row with a view that is kept for the next; edges of very large pictures are not smoothed.

    Raises:
        MissingExtra, DisplayError: see `WorldView`.
    """
    view = _views.get(size)
    if view is None or view.env is not env:
        while len(_views) >= KEPT_VIEWS or size in _views:
            _views.pop(size if size in _views else next(iter(_views))).close()
        view = _views[size] = WorldView(env, size, supersample=2 if 4 * size[0] * size[1] <= FINEST else 1)
    return view.draw(state, params)


_views: dict[tuple[int, int], WorldView] = {}
