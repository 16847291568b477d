"""Worlds in space inside the window: each picture is drawn by Panda and handed to Dear ImGui as a texture.

Panda's software renderer is used: an OpenGL one would take the window's context away.  Large pictures are drawn finer
than they are shown, which smooths their edges, where the processor is fast enough for that.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from imgui_bundle import ImVec2, imgui

from puffer_arena.core.canvas import Canvas, RecordingCanvas
from puffer_arena.core.env import Env
from puffer_arena.core.fields import Array
from puffer_arena.core.still import still
from puffer_arena.errors import DisplayError, MissingExtra
from puffer_arena.machine.notices import say_once
from puffer_arena.render.draw.look import Look
from puffer_arena.render.window.imgui_canvas import ImguiCanvas, point_out
from puffer_arena.render.window.opengl import gl, upload

STEP = 32  # pixels: sizes of picture are whole multiples, so that resizing a window makes few views
WIDE = 4 / 3  # width / height that suits a view into a world
KEPT = 4  # views kept, each for one size
LARGE = 120_000  # pixels of a picture that one looks at, not one of many
SMOOTH_SECONDS = 0.015  # of processor time that a smooth picture may take
SLOW_PICTURES = 3  # in a row, and they are drawn plainly from then on
Area = tuple[float, float, float, float]


@dataclass
class _Kept:
    """A view and how many slow pictures it drew in a row."""

    view: Any
    smooth: bool
    slow: int = 0


_views: dict[tuple[int, int], _Kept] = {}


def draw_row(
    env: Env,
    state: Any,
    params: Any,
    area: Area,
    slot: int = 0,
    mark: int | None = None,
    moment: float = 1.0,
    look: Look | None = None,
    agent: int = 0,
) -> tuple[str, float]:
    """Draw one row into the window's `area` (x, y, width, height), in space where it is one; return its status line and
    the picture's width / height.

    Args:
        env: the environment.
        state, params: as `Batch.state` and `Batch.state_params` return them.
        area: in window pixels.
        slot: tells the pictures of one frame apart.
        mark: the agent to point out, such as the one that a person steers.
        moment: part of the last step that has passed; worlds in space move in steps.
        look: how the person has moved the camera.
        agent: whom a camera goes along with that follows.
    """
    state, params = still(state), still(params)
    followed = find_agents(env, state, params).get(agent) if look is not None and look.follows else None
    if env.engine == "panda3d":
        try:
            rgb, view = _picture(env, state, params, area, look, followed, -1 if mark is None else mark)
        except (MissingExtra, DisplayError) as error:
            say_once(f"{error}; '{env.name}' is drawn from above instead")
        else:
            _show(rgb, area, slot)
            if look is not None:
                look.seen = None
            recorded = RecordingCanvas()
            env.draw(state, params, recorded)
            if mark in recorded.agents:
                _mark(view, *recorded.agents[mark], area)
            return recorded.message, WIDE
    at = None if followed is None else followed[:2]
    with ImguiCanvas(imgui.get_window_draw_list(), area, mark, moment, look, at) as canvas:
        drawn: Canvas = canvas
        env.draw(state, params, drawn)
        return canvas.message, canvas.aspect


def find_agents(env: Env, state: Any, params: Any) -> dict[int, tuple[float, float, float]]:
    """Return where agents are, as far as the environment's `draw` tells: index -> x, y, radius."""
    recorded = RecordingCanvas()
    env.draw(state, params, recorded)
    return recorded.agents


class _Aim:
    """A camera that only notes where it was put (`core.camera.Camera`)."""

    def __init__(self, agent: int) -> None:
        self.agent = agent
        self.put: list[object] = []

    def chase(self, *at: float, **how: float) -> None:
        self.put.append((at, how))

    orbit = tilt = chase


def looks_over_shoulders(env: Env, state: Any, params: Any, agents: Sequence[int]) -> bool:
    """Tell whether a world in space looks different to different agents, for a picture each."""
    if env.engine != "panda3d" or env.camera is None or len(agents) < 2:
        return False
    aims = [_Aim(agent) for agent in agents]
    for aim in aims:
        env.camera(state, params, aim)
    return any(aim.put != aims[0].put for aim in aims[1:])


def _picture(
    env: Env,
    state: Any,
    params: Any,
    area: Area,
    look: Look | None = None,
    followed: tuple[float, float, float] | None = None,
    agent: int = -1,
) -> tuple[Array, Any]:
    """Draw one row, over an agent's shoulder where the game can; return the picture and the view that drew it."""
    size = max(STEP, int(area[2]) // STEP * STEP), max(STEP, int(area[3]) // STEP * STEP)
    kept = _views.get(size)
    if kept is None or kept.view.env is not env:
        kept = _open_view(env, size, smooth=size[0] * size[1] >= LARGE)
    elif kept.smooth and kept.slow >= SLOW_PICTURES:
        kept = _open_view(env, size, smooth=False)
    before = time.thread_time()
    picture: Array = kept.view.draw(state, params, look, followed, agent)
    kept.slow = kept.slow + 1 if time.thread_time() - before > SMOOTH_SECONDS else 0
    return picture, kept.view


def _mark(view: Any, x: float, y: float, radius: float, area: Area) -> None:
    """Point out the body that the environment draws at (x, y) from above, where the picture shows it."""
    seen = view.find(x, y, radius)
    if seen is not None:
        left, top, width, height = area
        across, down, reach = seen
        point_out(imgui.get_window_draw_list(), (left + across * width, top + down * height), reach * width, area)


def _open_view(env: Env, size: tuple[int, int], smooth: bool) -> _Kept:
    """Make the view for a size, in the place of another where too many are kept."""
    from puffer_arena.render.world.renderers import SOFTWARE
    from puffer_arena.render.world.world import WorldView

    while len(_views) >= KEPT or size in _views:
        _views.pop(size if size in _views else next(iter(_views))).view.close()
    kept = _views[size] = _Kept(WorldView(env, size, SOFTWARE, supersample=2 if smooth else 1), smooth)
    return kept


def _show(rgb: Array, area: Area, slot: int) -> None:
    """Upload a picture and draw it over `area`."""
    x, y, across, down = area
    texture = imgui.ImTextureRef(upload(("world", slot), rgb, gl.GL_LINEAR))
    imgui.get_window_draw_list().add_image(texture, ImVec2(x, y), ImVec2(x + across, y + down))
