"""Whether there is a display, told without asking it."""

import os
import sys


def is_without_display() -> bool:
    """Tell whether a Linux session names no display, and nobody has chosen one of SDL's drivers."""
    named = any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "SDL_VIDEODRIVER"))
    return sys.platform == "linux" and not named
