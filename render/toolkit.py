"""pygame, imported in one place: without its greeting, and with a clear error where it is missing."""

import os

from puffer_arena.errors import require

os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")
for desktop in ("X11", "WAYLAND"):  # desktops group windows by their class, which pygame sets where nobody has
    os.environ.setdefault(f"SDL_VIDEO_{desktop}_WMCLASS", "puffer_arena")
require("pygame", "window")

import pygame as pygame  # noqa: E402  after the check above


def require_window() -> None:
    """Import what a window needs beyond pygame.

    Raises:
        MissingExtra: the extra `window` is not installed.
    """
    require("imgui_bundle", "window")
    require("OpenGL", "window")


__all__ = ["pygame", "require_window"]
