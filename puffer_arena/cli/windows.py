"""Whether a window can be opened here, told without opening one."""

import os
import sys
from importlib.util import find_spec


def why_no_window() -> str:
    """Return why no window can be opened here, in one line; "" when one can, as far as this process can see."""
    missing = [module for module in ("pygame", "imgui_bundle", "OpenGL", "zmq") if find_spec(module) is None]
    if missing:
        return f"{missing[0]} is not installed; install it with: pip install 'puffer-arena[window]'"
    shown = any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "SDL_VIDEODRIVER"))
    if sys.platform.startswith("linux") and not shown:
        return "there is no display (neither DISPLAY nor WAYLAND_DISPLAY is set)"
    return ""
