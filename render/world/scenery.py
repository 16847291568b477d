"""What all 3D views look like: the sky, the surface of bodies and the soft shadows under them."""

import math

import numpy as np
from panda3d.core import Camera as Lens
from panda3d.core import (
    CardMaker,
    Material,
    NodePath,
    OrthographicLens,
    PandaNode,
    Texture,
    TransparencyAttrib,
)

from puffer_arena.render.world.renderers import SOFTWARE
from puffer_arena.render.world.shapes import linear, mesh


def open_sky() -> NodePath:
    """Return a camera that sees nothing but the sky's gradient."""
    scene = NodePath("sky")
    low, high = linear("background"), linear("raised", 1.15)
    corners = [((x, 1.0, z), (0, -1, 0), high if z > 0 else low) for x, z in ((-1, -1), (1, -1), (1, 1), (-1, 1))]
    scene.attach_new_node(mesh(corners, [(0, 1, 2), (0, 2, 3)]))
    scene.set_depth_write(False)
    lens = OrthographicLens()
    lens.set_film_size(2, 2)
    lens.set_near_far(0.1, 10)
    camera = Lens("sky", lens)
    return scene.attach_new_node(camera)


def shine(renderer: str) -> Material:
    """Return the surface of all bodies: the colour of their vertices, with a highlight."""
    material = Material()
    material.set_specular((0.5, 0.5, 0.5, 1))
    material.set_shininess(40.0)
    if renderer in SOFTWARE:  # it multiplies a vertex's colour by the material's, which without this is that colour too
        material.set_diffuse((1, 1, 1, 1))
        material.set_ambient((1, 1, 1, 1))
    return material


def draw_shadow(radius: float) -> PandaNode:
    """Return a disc that fades out towards its rim; its face looks along y.

    Args:
        radius: of the ball around the body's bounding box; a ball's own is by the root of 3 less.
    """
    side = 32
    steps = (np.arange(side) + 0.5) / side * 2 - 1
    fade = np.clip(1.0 - np.hypot(*np.meshgrid(steps, steps)), 0.0, 1.0) ** 0.8
    image = np.zeros((side, side, 4), np.uint8)
    image[..., 3] = (190 * fade).astype(np.uint8)
    texture = Texture("shadow")
    texture.setup_2d_texture(side, side, Texture.T_unsigned_byte, Texture.F_rgba)
    texture.set_ram_image(image.tobytes())
    card = CardMaker("shadow")
    wide = 1.3 * radius / math.sqrt(3.0)
    card.set_frame(-wide, wide, -wide, wide)
    path = NodePath(card.generate())
    path.set_texture(texture)
    path.set_transparency(TransparencyAttrib.M_alpha)
    path.set_light_off()
    path.set_two_sided(True)
    path.set_depth_write(False)
    return path.node()
