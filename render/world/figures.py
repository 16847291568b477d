"""Bodies as a 3D view shows them: pictures of their shapes, in the palette's colours."""

import struct
from typing import Any

from panda3d.bullet import BulletRigidBodyNode
from panda3d.core import NodePath

from puffer_arena.core.env import Env
from puffer_arena.errors import UnknownName
from puffer_arena.machine.notices import say_once
from puffer_arena.render.draw.palette import color as rgb_of
from puffer_arena.render.world.shapes import draw_shape

IN_ORDER = "in order"  # a bin for what is drawn in the order of the scene; in Panda's own, memory addresses decide


class Figure:
    """One body in the scene, with pictures of its shapes unless its node has children of its own.

    Args:
        node: the body.
        scene: what it is shown in.
        env: the environment, for messages.

    Raises:
        DefinitionError: the node's tag "color" is not of the palette.
    """

    def __init__(self, node: BulletRigidBodyNode, scene: NodePath, env: Env) -> None:
        self._node, self._env = node, env
        self._own = node.get_num_children() > 0
        self.path = scene.attach_new_node(node)
        self.color = node.get_tag("color") or "wall"
        self._looks: dict[str, NodePath] = {}  # by colour
        try:
            rgb_of(self.color)
        except UnknownName as error:
            raise env.error("build", f"body '{node.get_name()}': {error}") from error
        self.paint(self.color)

    def paint(self, color: str) -> None:
        """Show the body in a colour of the palette.

        Raises:
            DefinitionError: the body shows what its node has, which has its own colours.
        """
        if self._own:
            if color != self.color:
                raise self._env.error(
                    "draw3d", f"paint: body '{self._node.get_name()}' shows its node's children, which have their own"
                )
            return
        if color not in self._looks:
            self._looks[color] = self._draw(color)
        for each, look in self._looks.items():
            look.show() if each == color else look.hide()

    def _draw(self, color: str) -> NodePath:
        look = self.path.attach_new_node(color)
        for k in range(self._node.get_num_shapes()):
            shape = self._node.get_shape(k)
            try:
                picture = draw_shape(shape, color)
            except (ValueError, LookupError, struct.error) as error:
                warn_unseen(self._env, self._node, shape, error)
                continue
            picture.reparent_to(look)
            picture.set_bin(IN_ORDER, 0)
            picture.set_transform(self._node.get_shape_transform(k))
        return look


def warn_unseen(env: Env, node: BulletRigidBodyNode, shape: Any, error: Exception) -> None:
    """Say once that a shape cannot be drawn, and what its author may do."""
    say_once(
        f"environment '{env.name}': body '{node.get_name()}': its {shape.type.name} cannot be drawn ({error}); "
        "give the body's node a child that shows it"
    )
