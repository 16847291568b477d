"""Opening a window: the only place where pygame's display starts; sound never does."""

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from puffer_arena.errors import ArenaError
from puffer_arena.machine.display import is_without_display
from puffer_arena.render.toolkit import pygame

NO_DISPLAY = (
    "no display to open a window on ({reason}); run this in a desktop session, over ssh with 'ssh -X', "
    "or under 'xvfb-run'"
)

NO_OPENGL = (
    "this display draws no OpenGL ({reason}), which windows are drawn with; Mesa draws it in software: install its "
    "drivers (on Debian and Ubuntu libgl1-mesa-dri). Pictures, videos and pages need none"
)

INVISIBLE = ("dummy", "offscreen")  # what SDL falls back to; fine only where somebody asked for it


@contextmanager
def explained(says: str = NO_DISPLAY) -> Iterator[None]:
    """Turn pygame's errors about the display into one clear line; a display that was in use before stays.

    Args:
        says: the line, with a place for pygame's `reason`.

    Raises:
        ArenaError: there is no display, or it cannot show what was asked for.
    """
    in_use = pygame.display.get_init()
    try:
        yield
    except pygame.error as error:
        if not in_use:
            pygame.display.quit()
        raise ArenaError(says.format(reason=str(error).strip() or "none found")) from None


def begin_display() -> None:
    """Start pygame's display, and nothing else of pygame.

    Raises:
        ArenaError: there is none.
    """
    asked = os.environ.get("SDL_VIDEODRIVER", "")
    if is_without_display():
        raise ArenaError(NO_DISPLAY.format(reason="neither DISPLAY nor WAYLAND_DISPLAY is set"))
    os.environ.setdefault("SDL_WINDOWS_DPI_AWARENESS", "permonitorv2")  # real pixels, so that text stays crisp
    os.environ.setdefault("SDL_VIDEO_X11_NET_WM_BYPASS_COMPOSITOR", "0")
    os.environ.setdefault("LP_NUM_THREADS", "0")  # where Mesa draws in software: its threads wait for a trainer's cores
    with explained():
        pygame.display.init()
        if pygame.display.get_driver() in INVISIBLE and pygame.display.get_driver() != asked:
            raise pygame.error(f"the display '{os.environ.get('DISPLAY', '')}' does not answer")


def begin_opengl() -> None:
    """Start pygame's display, and have PyOpenGL look for contexts where SDL makes them; before `OpenGL.GL` is imported.

    By itself PyOpenGL goes by the session: on a Wayland desktop it asks EGL, while SDL may be using X11 and GLX.

    Raises:
        ArenaError: there is no display.
    """
    begin_display()
    library = {"x11": "glx", "wayland": "egl"}.get(pygame.display.get_driver())
    if library is not None and os.environ.get("SDL_VIDEO_X11_FORCE_EGL") != "1":
        os.environ.setdefault("PYOPENGL_PLATFORM", library)


def open_window(title: str, size: tuple[int, int], flags: int = 0, *, vsync: bool = False) -> "pygame.Surface":
    """Open a window and return its surface; `begin_display` comes first.

    Raises:
        ArenaError: the display cannot show such a window.
    """
    with explained(NO_OPENGL if flags & pygame.OPENGL else NO_DISPLAY):
        pygame.display.set_caption(title)  # the window never has another
        try:
            surface = pygame.display.set_mode(size, flags, vsync=int(vsync))
        except pygame.error:  # this display may have no vertical sync
            surface = pygame.display.set_mode(size, flags)
        pygame.display.set_icon(draw_icon())  # afterwards: a failed try makes pygame forget it and the title
        pygame.display.set_caption(title)
        return surface


def limit_window(size: tuple[int, int]) -> None:
    """Let a person make the window no smaller than `size`; a window that is smaller already may stay as it is."""
    with warnings.catch_warnings():  # pygame has no other way to it than one that is to go, with windows of this kind
        warnings.simplefilter("ignore", DeprecationWarning)
        window = pygame.Window.from_display_module() if hasattr(pygame.Window, "from_display_module") else None
    if window is not None:
        width, height = window.size
        window.minimum_size = min(size[0], width), min(size[1], height)


def draw_icon() -> "pygame.Surface":
    """Draw the window's icon: two players on a board."""
    from puffer_arena.render.draw.canvas import PygameCanvas

    canvas = PygameCanvas((64, 64), background="panel")
    canvas.view(8, 8)
    canvas.rect(0.6, 0.6, 6.8, 6.8, "raised", radius=1.4)
    canvas.line([(2.4, 5.6), (2.4, 2.6), (5.4, 2.6)], "lime", width=1.3)
    canvas.circle(5.5, 5.5, 0.85, "rose")
    return canvas.surface()


def desktop_scale() -> float:
    """Return how much larger than on a 1080-line screen the interface should be, in quarters from 1 to 3."""
    sizes = pygame.display.get_desktop_sizes()
    return min(max(round(sizes[0][1] / 1080 * 4) / 4, 1.0), 3.0) if sizes else 1.0
