"""A plain window that shows pictures as they come: Gymnasium's render_mode="human"."""

import os
from typing import Any

import numpy as np

from puffer_arena.core.env import Env
from puffer_arena.core.fields import Array
from puffer_arena.render.canvas import PygameCanvas, render_rgb
from puffer_arena.render.display import begin_display, open_window
from puffer_arena.render.palette import color
from puffer_arena.render.toolkit import pygame


class HumanViewer:
    """A window of pictures; it opens with the first one, and once closed by the person it stays closed.

    Args:
        title: the window's.
        size: its first size in pixels; the person may resize it.
        fps: pictures a second; `show` and `draw` wait so as not to exceed it. 0 for no limit.
    """

    def __init__(self, title: str, size: tuple[int, int] = (640, 640), fps: float = 0.0) -> None:
        self.title, self.size, self.fps = title, size, fps
        self.closed = False
        self._surface: pygame.Surface | None = None
        self._clock = pygame.time.Clock()

    def show(self, rgb: Array) -> None:
        """Show a picture, uint8 (height, width, 3), scaled to fit.

        Raises:
            ArenaError: there is no display.
        """
        if self._ready():
            height, width = rgb.shape[:2]
            picture = pygame.image.frombuffer(np.ascontiguousarray(rgb).tobytes(), (width, height), "RGB")
            self._present(picture)

    def draw(self, env: Env, state: Any, params: Any) -> None:
        """Draw one row, as `Batch.state` and `Batch.state_params` return it, at the window's own size.

        Raises:
            ArenaError: there is no display.
        """
        if self._ready() and self._surface is not None:
            if env.engine == "panda3d":
                self.show(render_rgb(env, state, params, self._surface.get_size()))
                return
            canvas = PygameCanvas(self._surface.get_size(), margin=12)
            env.draw(state, params, canvas)
            pygame.display.set_caption(f"{self.title} · {canvas.message}" if canvas.message else self.title)
            self._present(canvas.surface())

    def close(self) -> None:
        """Close the window."""
        self.closed = True
        if self._surface is not None:
            self._surface = None
            pygame.display.quit()

    def _ready(self) -> bool:
        """Open the window if need be and take in its events; tell whether it is there."""
        if self.closed:
            return False
        if self._surface is None:
            # A surface that SDL draws by OpenGL would push the 3D renderer's own context aside.
            os.environ.setdefault("SDL_FRAMEBUFFER_ACCELERATION", "0")
            begin_display()
            self._surface = open_window(self.title, self.size, pygame.RESIZABLE)
        for event in pygame.event.get():
            if event.type == pygame.QUIT:
                self.close()
                return False
        self._surface = pygame.display.get_surface()
        return True

    def _present(self, picture: "pygame.Surface") -> None:
        if self._surface is None:
            return
        (width, height), (room, tall) = picture.get_size(), self._surface.get_size()
        scale = min(room / width, tall / height)
        if scale != 1.0:
            picture = pygame.transform.smoothscale(picture, (max(int(width * scale), 1), max(int(height * scale), 1)))
        self._surface.fill(color("background"))
        self._surface.blit(picture, picture.get_rect(center=self._surface.get_rect().center))
        pygame.display.flip()
        if self.fps > 0:
            self._clock.tick(self.fps)
