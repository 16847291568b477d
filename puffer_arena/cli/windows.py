"""Whether a window can be opened here, told without opening one."""

from importlib.util import find_spec

from puffer_arena.machine.display import is_without_display


def why_no_window() -> str:
    """Return why no window can be opened here, in one line; "" when one can, as far as this process can see."""
    missing = [module for module in ("pygame", "imgui_bundle", "OpenGL", "zmq") if find_spec(module) is None]
    if missing:
        return f"{missing[0]} is not installed; install it with: pip install 'puffer-arena[window]'"
    if is_without_display():
        return "there is no display (neither DISPLAY nor WAYLAND_DISPLAY is set)"
    return ""
