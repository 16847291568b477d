"""OpenGL, imported in one place: PyOpenGL takes its settings only before that; pictures and shaders handed to it."""

from collections.abc import Hashable
from typing import Any

import numpy as np
import OpenGL

from puffer_arena.errors import DisplayError

# It otherwise asks for errors after every call, which triples the cost of a frame.
OpenGL.ERROR_CHECKING = False

from OpenGL import GL as gl  # noqa: E402  after the setting above

__all__ = ["forget_uploads", "gl", "link_program", "upload", "uploads"]
MOST_TEXTURES = 256  # kept; the oldest go
_textures: dict[Hashable, int] = {}  # what a picture is called -> OpenGL's name
_shown: dict[int, int] = {}  # OpenGL's name -> the hash of what it shows


def upload(key: Hashable, rgb: Any, enlarge: int) -> int:
    """Hand a picture, uint8 (rows, cols, 3), to OpenGL and return the texture's name.

    Args:
        key: tells the pictures of one frame apart.
        rgb: the picture.
        enlarge: how it is enlarged: gl.GL_LINEAR, or gl.GL_NEAREST for sharp pixels.
    """
    known = _textures.pop(key, 0) or int(gl.glGenTextures(1))
    _textures[key] = known
    while len(_textures) > MOST_TEXTURES:
        oldest = _textures.pop(next(iter(_textures)))
        _shown.pop(oldest, None)
        gl.glDeleteTextures([oldest])
    data = np.ascontiguousarray(rgb)
    content = hash((data.shape, data.tobytes(), enlarge))
    if _shown.get(known) == content:
        return known
    _shown[known] = content
    gl.glBindTexture(gl.GL_TEXTURE_2D, known)
    gl.glTexParameteri(gl.GL_TEXTURE_2D, gl.GL_TEXTURE_MIN_FILTER, gl.GL_LINEAR)
    gl.glTexParameteri(gl.GL_TEXTURE_2D, gl.GL_TEXTURE_MAG_FILTER, enlarge)
    gl.glPixelStorei(gl.GL_UNPACK_ALIGNMENT, 1)
    height, width = rgb.shape[:2]
    gl.glTexImage2D(gl.GL_TEXTURE_2D, 0, gl.GL_RGB, width, height, 0, gl.GL_RGB, gl.GL_UNSIGNED_BYTE, data)
    gl.glBindTexture(gl.GL_TEXTURE_2D, 0)
    return known


def forget_uploads() -> None:
    """Begin anew in a new window, which has none of the old one's textures, and uses their names for others."""
    _textures.clear()
    _shown.clear()


def uploads(texture: int) -> int:
    """Return a number that differs where a texture of `upload` shows something else than before."""
    return _shown.get(texture, 0)


def link_program(vertex: str, fragment: str) -> int:
    """Compile two shaders and return the program made of them.

    Raises:
        DisplayError: this machine's OpenGL does not take them.
    """
    program = int(gl.glCreateProgram())
    for kind, source in ((gl.GL_VERTEX_SHADER, vertex), (gl.GL_FRAGMENT_SHADER, fragment)):
        shader = gl.glCreateShader(kind)
        gl.glShaderSource(shader, source.strip())
        gl.glCompileShader(shader)
        gl.glAttachShader(program, shader)
        gl.glDeleteShader(shader)
    gl.glLinkProgram(program)
    if not gl.glGetProgramiv(program, gl.GL_LINK_STATUS):
        raise DisplayError(f"OpenGL does not draw the window: {gl.glGetProgramInfoLog(program)!r}")
    return program
