"""OpenGL, imported in one place: PyOpenGL takes its settings only before that; and pictures handed to it."""

from collections.abc import Hashable
from typing import Any

import numpy as np
import OpenGL

# It otherwise asks for errors after every call, which triples the cost of a frame.
OpenGL.ERROR_CHECKING = False

from OpenGL import GL as gl  # noqa: E402  after the setting above

__all__ = ["gl", "upload"]
MOST_TEXTURES = 256  # kept; the oldest go
_textures: dict[Hashable, int] = {}  # what a picture is called -> OpenGL's name


def upload(key: Hashable, rgb: Any, enlarge: int) -> int:
    """Hand a picture, uint8 (rows, cols, 3), to OpenGL and return the texture's name.

    Args:
        key: tells the pictures of one frame apart.
        rgb: the picture.
        enlarge: how it is enlarged: gl.GL_LINEAR, or gl.GL_NEAREST for sharp pixels.
    """
    known = _textures.pop(key, 0)
    if not known or not gl.glIsTexture(known):  # a new window has none of the old one's
        known = int(gl.glGenTextures(1))
    _textures[key] = known
    while len(_textures) > MOST_TEXTURES:
        gl.glDeleteTextures([_textures.pop(next(iter(_textures)))])
    gl.glBindTexture(gl.GL_TEXTURE_2D, known)
    gl.glTexParameteri(gl.GL_TEXTURE_2D, gl.GL_TEXTURE_MIN_FILTER, gl.GL_LINEAR)
    gl.glTexParameteri(gl.GL_TEXTURE_2D, gl.GL_TEXTURE_MAG_FILTER, enlarge)
    gl.glPixelStorei(gl.GL_UNPACK_ALIGNMENT, 1)
    height, width = rgb.shape[:2]
    data = np.ascontiguousarray(rgb)
    gl.glTexImage2D(gl.GL_TEXTURE_2D, 0, gl.GL_RGB, width, height, 0, gl.GL_RGB, gl.GL_UNSIGNED_BYTE, data)
    gl.glBindTexture(gl.GL_TEXTURE_2D, 0)
    return known
