"""A plain window that shows pictures as they come: Gymnasium's render_mode="human".

Each viewer has a window of its own, and leaves pygame's display as it found it but for that: other windows of the
process, be they other viewers, other libraries' or the caller's own, go on when one is closed, and get their events.
"""

import os
import weakref
from typing import Any

import numpy as np

from puffer_arena.core.env import Env
from puffer_arena.core.fields import Array
from puffer_arena.core.still import still
from puffer_arena.errors import require
from puffer_arena.render.display import begin_display, draw_icon, explained
from puffer_arena.render.draw.canvas import PygameCanvas, render_rgb
from puffer_arena.render.draw.palette import color
from puffer_arena.render.toolkit import pygame

_viewers: "weakref.WeakSet[HumanViewer]" = weakref.WeakSet()  # those with a window


class HumanViewer:
    """A window of pictures; it opens with the first one, and once closed by the person it stays closed.

    Args:
        title: the window's.
        size: its first size in pixels; the person may resize it.
        fps: pictures a second; `show` and `draw` wait so as not to exceed it. 0 for no limit.

    Attributes:
        window: what pictures are shown in, while it is open.
        closed: it was closed, by the person or by `close`.
    """

    def __init__(self, title: str, size: tuple[int, int] = (640, 640), fps: float = 0.0) -> None:
        self.title, self.size, self.fps = title, size, fps
        self.closed = False
        self.window: pygame.Window | None = None
        self._clock = pygame.time.Clock()

    def show(self, rgb: Array) -> None:
        """Show a picture, uint8 (height, width, 3), scaled to fit.

        Raises:
            ArenaError: there is no display.
        """
        window = self._ready()
        if window is not None:
            height, width = rgb.shape[:2]
            picture = pygame.image.frombuffer(np.ascontiguousarray(rgb).tobytes(), (width, height), "RGB")
            self._present(window, picture)

    def draw(self, env: Env, state: Any, params: Any) -> None:
        """Draw one row, as `Batch.state` and `Batch.state_params` return it, at the window's own size.

        Raises:
            ArenaError: there is no display.
        """
        window = self._ready()
        if window is None:
            return
        if env.engine == "panda3d":
            self.show(render_rgb(env, state, params, window.size))
            return
        canvas = PygameCanvas(window.size, margin=12)
        env.draw(still(state), still(params), canvas)
        window.title = f"{self.title} · {canvas.message}" if canvas.message else self.title
        self._present(window, canvas.surface())

    def close(self) -> None:
        """Close the window."""
        self.closed = True
        _viewers.discard(self)
        if self.window is not None and not self._is_lost(self.window):
            self.window.destroy()
        self.window = None

    def _ready(self) -> "pygame.Window | None":
        """Open the window if need be and take in events; return it, or None once it is closed."""
        if self.window is not None and self._is_lost(self.window):
            self.window = None
        if self.window is None and not self.closed:
            self.window = self._open()
            _viewers.add(self)
        if self.window is not None:
            _take_events()
        return self.window

    def _open(self) -> "pygame.Window":
        require("pygame.window", "window")  # pygame-ce has it, the older pygame has not
        # A surface that SDL draws by OpenGL would push the 3D renderer's own context aside.
        os.environ.setdefault("SDL_FRAMEBUFFER_ACCELERATION", "0")
        begin_display()
        with explained():
            window = pygame.Window(self.title, self.size, resizable=True)
            window.get_surface()
        window.set_icon(draw_icon())
        return window

    @staticmethod
    def _is_lost(window: "pygame.Window") -> bool:
        """Tell whether somebody has ended pygame's display, and the window with it."""
        try:
            return not pygame.display.get_init() or not window.id
        except pygame.error:
            return True

    def _present(self, window: "pygame.Window", picture: "pygame.Surface") -> None:
        surface = window.get_surface()
        (width, height), (room, tall) = picture.get_size(), surface.get_size()
        scale = min(room / width, tall / height)
        if scale != 1.0:
            picture = pygame.transform.smoothscale(picture, (max(int(width * scale), 1), max(int(height * scale), 1)))
        surface.fill(color("background"))
        surface.blit(picture, picture.get_rect(center=surface.get_rect().center))
        window.flip()
        if self.fps > 0:
            self._clock.tick(self.fps)


def _take_events() -> None:
    """Close the viewers that the person has closed; events of windows that are no viewers' are left for others."""
    viewers = {viewer.window: viewer for viewer in _viewers}
    left = []
    for event in pygame.event.get():
        viewer = viewers.get(getattr(event, "window", None))
        if viewer is None:
            left.append(event)
        elif event.type == pygame.WINDOWCLOSE:
            viewer.close()
    if any(event.type == pygame.QUIT for event in left):
        for viewer in viewers.values():
            viewer.close()
    others = pygame.display.get_surface() is not None or any(getattr(event, "window", None) for event in left)
    for event in left if others else ():  # where nobody else has a window the queue would fill
        pygame.event.post(event)
