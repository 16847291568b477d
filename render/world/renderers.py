"""Panda's renderers: which of them draws here, and buffers to draw into without a window."""

import contextlib
import ctypes
import sys
from typing import Any

from panda3d.core import (
    FrameBufferProperties,
    GraphicsEngine,
    GraphicsPipe,
    GraphicsPipeSelection,
    WindowProperties,
    load_prc_file_data,
)

from puffer_arena.errors import DisplayError

PIPES = ("p3headlessgl", "pandagl", "p3tinydisplay")
# Panda's settings.  Without the last two it opens displays of its own choice too, which write to stderr under X.
QUIET = """
audio-library-name null
notify-level-display fatal
notify-level-x11display fatal
load-display
aux-display
"""
_opened: set[str] = set()  # renderers of this process
SOFTWARE = ("p3tinydisplay",)  # shares no OpenGL state with a window of the same process


def open_buffer(size: tuple[int, int], pipes: tuple[str, ...]) -> tuple[Any, str]:
    """Return an offscreen buffer and the name of the renderer that made it."""
    load_prc_file_data("puffer_arena", QUIET)
    properties = FrameBufferProperties()
    properties.set_rgba_bits(8, 8, 8, 0)
    properties.set_depth_bits(24)
    for name in pipes:
        pipe = open_pipe(name)
        if pipe is None:
            continue
        _opened.add(name)
        buffer = GraphicsEngine.get_global_ptr().make_output(
            pipe, "puffer_arena", 0, properties, WindowProperties.size(*size), GraphicsPipe.BF_refuse_window
        )
        if buffer is not None:
            return buffer, name
    raise DisplayError(
        f"panda3d can draw with none of {', '.join(pipes)} here; install an OpenGL driver, such as Mesa's"
    )


def open_pipe(name: str) -> Any:
    """Return a renderer's pipe, one that needs no display where it has such; None where it does not work."""
    selection = GraphicsPipeSelection.get_global_ptr()
    if name == "p3tinydisplay":  # its other pipe holds on to the X server, and dies with it
        return selection.make_pipe("TinyOffscreenGraphicsPipe", name) or selection.make_module_pipe(name)
    return selection.make_module_pipe(name)


def release_context() -> None:
    """Let go of EGL's context, which Panda leaves current: a window of this process could not make its own so."""
    if sys.platform == "linux" and "p3headlessgl" in _opened:
        with contextlib.suppress(OSError, AttributeError):
            egl = ctypes.CDLL("libEGL.so.1")
            egl.eglGetCurrentDisplay.restype = ctypes.c_void_p
            egl.eglMakeCurrent.argtypes = [ctypes.c_void_p] * 4
            egl.eglMakeCurrent(egl.eglGetCurrentDisplay(), None, None, None)
