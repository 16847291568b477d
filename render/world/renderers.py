"""Panda's renderers: which of them draws here, and buffers to draw into without a window."""

import contextlib
import ctypes
import functools
from collections.abc import Iterator
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

HEADLESS = "p3headlessgl"  # OpenGL by EGL
PIPES = (HEADLESS, "pandagl", "p3tinydisplay")
DRAW, READ = 0x3059, 0x305A  # of EGL's current surfaces
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
        with apart():
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
    if name == HEADLESS:
        return headless_pipe()
    selection = GraphicsPipeSelection.get_global_ptr()
    if name == "p3tinydisplay":  # its other pipe holds on to the X server, and dies with it
        return selection.make_pipe("TinyOffscreenGraphicsPipe", name) or selection.make_module_pipe(name)
    return selection.make_module_pipe(name)


@functools.cache
def headless_pipe() -> Any:
    """Return the process's one pipe of EGL: all would share its display, which ends with the first that is freed."""
    return GraphicsPipeSelection.get_global_ptr().make_module_pipe(HEADLESS)


@contextlib.contextmanager
def apart() -> Iterator[None]:
    """Put the OpenGL context that this thread uses aside, and take it up again at the end.

    Panda leaves its own current, which takes a window's away; and while a window has one by GLX, EGL gives Panda none,
    which then draws into the window's without a word.  A frame of any renderer frees what closed views of others had.
    """
    libraries: tuple[Any, Any] = load_libraries() if HEADLESS in _opened else (None, None)
    egl, glx = libraries
    if egl is None:
        yield
        return
    surfaces = [egl.eglGetCurrentSurface(which) for which in (DRAW, READ)]
    used = egl.eglGetCurrentDisplay(), *surfaces, egl.eglGetCurrentContext()
    window: tuple[Any, ...] = ()
    if glx is not None and (context := glx.glXGetCurrentContext()):
        window = glx.glXGetCurrentDisplay(), glx.glXGetCurrentDrawable(), context
        glx.glXMakeCurrent(window[0], 0, None)
    try:
        yield
    finally:
        egl.eglMakeCurrent(*(used if used[3] else (egl.eglGetCurrentDisplay(), None, None, None)))
        if window:
            glx.glXMakeCurrent(*window)


@functools.cache
def load_libraries() -> tuple[Any, Any]:
    """Return the libraries of EGL and GLX, None for each that is missing."""
    egl, glx = _load("libEGL.so.1"), _load("libGL.so.1")
    if egl is not None:
        for function in (egl.eglGetCurrentDisplay, egl.eglGetCurrentSurface, egl.eglGetCurrentContext):
            function.restype = ctypes.c_void_p
        egl.eglMakeCurrent.argtypes = [ctypes.c_void_p] * 4
    if glx is not None:
        for function in (glx.glXGetCurrentDisplay, glx.glXGetCurrentContext):
            function.restype = ctypes.c_void_p
        glx.glXGetCurrentDrawable.restype = ctypes.c_ulong
        glx.glXMakeCurrent.argtypes = [ctypes.c_void_p, ctypes.c_ulong, ctypes.c_void_p]
    return egl, glx


def _load(library: str) -> Any:
    try:
        return ctypes.CDLL(library)
    except OSError:
        return None
