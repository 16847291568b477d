"""OpenGL, imported in one place: PyOpenGL takes its settings only before that."""

import OpenGL

# It otherwise asks for errors after every call, which triples the cost of a frame.
OpenGL.ERROR_CHECKING = False

from OpenGL import GL as gl  # noqa: E402  after the setting above

__all__ = ["gl"]
