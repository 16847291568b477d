"""A canvas of pixels in memory: pictures for agents, videos and tests, without a window.

Shapes are drawn several times larger and averaged down, which is what makes their edges smooth.  Only pygame's
surfaces and font module are used: no display, no audio, no `pygame.init`.
"""

import io
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from puffer_arena.core.canvas import Canvas, Point
from puffer_arena.core.env import Env
from puffer_arena.core.fields import Array
from puffer_arena.core.palette import Rgb
from puffer_arena.core.still import still
from puffer_arena.errors import DisplayError, MissingExtra
from puffer_arena.machine.notices import say_once
from puffer_arena.render.draw.fit import Viewport, fit
from puffer_arena.render.draw.palette import ASCENT, CAP_HEIGHT, color, font_bytes
from puffer_arena.render.toolkit import pygame

FINE, COARSE = 4, 2  # how many times larger; powers of two, which pygame averages exactly
LARGE = 800  # pixels: pictures longer than this are drawn COARSE times larger, for speed
Bounds = tuple[float, float, float, float]  # least x, least y, greatest x, greatest y


_fonts: dict[int, "pygame.font.Font"] = {}


def load_font(pixels: int) -> "pygame.font.Font":
    """Return the font with an em of so many pixels."""
    font = _fonts.get(pixels)
    if font is None or not usable(font):
        pygame.font.init()
        font = _fonts[pixels] = pygame.font.Font(io.BytesIO(font_bytes()), pixels)
    return font


def usable(font: "pygame.font.Font") -> bool:
    """Return whether pygame was not ended since; another library's environment ends it when it closes."""
    try:
        font.get_height()
    except pygame.error:
        return False
    return True


class PygameCanvas:
    """`core.canvas.Canvas` on a pygame surface in memory.

    Args:
        size: width and height of the picture in pixels.
        background: colour around and behind the view.
        margin: pixels kept free on every side.
        moment: part of the last step that has passed.
    """

    def __init__(
        self, size: tuple[int, int], background: str = "background", margin: int = 0, moment: float = 1.0
    ) -> None:
        self.size = size
        self.moment = moment
        self.message = ""
        self._factor = FINE if max(size) <= LARGE else COARSE
        self._fine = pygame.Surface((size[0] * self._factor, size[1] * self._factor), 0, 32)
        self._fine.fill(color(background))
        self._margin = margin * self._factor
        self._view: Viewport
        self.view(*size)

    def surface(self) -> "pygame.Surface":
        """Return the picture as a pygame surface of `size`."""
        return pygame.transform.smoothscale(self._fine, self.size)

    def rgb_array(self) -> Array:
        """Return the picture as uint8, shape (height, width, 3)."""
        return np.ascontiguousarray(pygame.surfarray.array3d(self.surface()).transpose(1, 0, 2))

    # -- Canvas -------------------------------------------------------------------------------------

    def view(
        self, width: float, height: float, *, left: float = 0.0, low: float = 0.0, up: bool = False, bleed: bool = False
    ) -> None:
        margin = self._margin
        inner = self._fine.get_width() - 2 * margin, self._fine.get_height() - 2 * margin
        self._view = fit((left, low, width, height), (margin, margin, *inner), up=up)
        x0, y0, width, height = self._view.x0, self._view.y0, self._view.width, self._view.height
        shown = pygame.Rect(margin, margin, *inner) if bleed else pygame.Rect(*map(round, (x0, y0, width, height)))
        self._fine.set_clip(shown)

    def rect(
        self, x: float, y: float, width: float, height: float, color: str, *, radius: float = 0.0, alpha: float = 1.0
    ) -> None:
        scale = self._view.scale
        x0, y0 = self._view.corner(x, y, height)
        x1, y1 = x0 + width * scale, y0 + height * scale
        corner = round(min(radius, width / 2, height / 2) * scale)

        def paint(surface: "pygame.Surface", dx: int, dy: int, rgb: Rgb) -> None:
            left, top = round(x0) - dx, round(y0) - dy
            box = pygame.Rect(left, top, round(x1) - dx - left, round(y1) - dy - top)
            pygame.draw.rect(surface, rgb, box, border_radius=corner if corner > 0 else -1)

        self._paint((x0, y0, x1, y1), color, alpha, paint)

    def circle(self, x: float, y: float, radius: float, color: str, *, alpha: float = 1.0) -> None:
        self._disc(x, y, radius, color, alpha, 0)

    def ring(self, x: float, y: float, radius: float, color: str, *, width: float = 0.05, alpha: float = 1.0) -> None:
        self._disc(x, y, radius + width / 2, color, alpha, max(1, round(width * self._view.scale)))

    def line(self, points: Sequence[Point], color: str, *, width: float = 0.05, alpha: float = 1.0) -> None:
        pixels = [self._view.point(*point) for point in points]
        half = max(width * self._view.scale, self._factor) / 2

        def paint(surface: "pygame.Surface", dx: int, dy: int, rgb: Rgb) -> None:
            moved = [(px - dx, py - dy) for px, py in pixels]
            for start, end in pairwise(moved):
                pygame.draw.polygon(surface, rgb, thick_segment(start, end, half))
            for px, py in moved:
                pygame.draw.circle(surface, rgb, (px, py), half)

        self._paint(around(pixels, half), color, alpha, paint)

    def polygon(self, points: Sequence[Point], color: str, *, alpha: float = 1.0) -> None:
        pixels = [self._view.point(*point) for point in points]

        def paint(surface: "pygame.Surface", dx: int, dy: int, rgb: Rgb) -> None:
            pygame.draw.polygon(surface, rgb, [(px - dx, py - dy) for px, py in pixels])

        self._paint(around(pixels, 0), color, alpha, paint)

    def text(
        self, x: float, y: float, text: str, color: str = "text", *, size: float = 0.5, anchor: str = "center"
    ) -> None:
        self._write(x, y, text, color, size, anchor)

    def picture(self, x: float, y: float, width: float, height: float, pixels: Array) -> None:
        x0, y0 = self._view.corner(x, y, height)
        size = round(width * self._view.scale), round(height * self._view.scale)
        drawn = pygame.surfarray.make_surface(pixels.transpose(1, 0, 2))
        self._fine.blit(pygame.transform.scale(drawn, (max(size[0], 1), max(size[1], 1))), (round(x0), round(y0)))

    def agent(self, index: int, x: float, y: float, radius: float) -> None:
        """Pictures in memory point nobody out."""

    def status(self, text: str) -> None:
        self.message = text

    # -- pixels -------------------------------------------------------------------------------------

    def _disc(self, x: float, y: float, radius: float, name: str, alpha: float, width: int) -> None:
        px, py = self._view.point(x, y)
        reach = radius * self._view.scale

        def paint(surface: "pygame.Surface", dx: int, dy: int, rgb: Rgb) -> None:
            pygame.draw.circle(surface, rgb, (px - dx, py - dy), reach, width)

        self._paint((px - reach, py - reach, px + reach, py + reach), name, alpha, paint)

    def _write(self, x: float, y: float, text: str, name: str, size: float, anchor: str) -> None:
        em = max(round(size * self._view.scale), 1)
        written = load_font(em).render(text, True, color(name))
        px, py = self._view.point(x, y)
        px -= {"left": 0.0, "center": 0.5, "right": 1.0}[anchor] * written.get_width()
        self._fine.blit(written, (round(px), round(py - (ASCENT - CAP_HEIGHT / 2) * em)))

    def _paint(self, bounds: Bounds, name: str, alpha: float, paint: Callable[..., None]) -> None:
        """Draw opaque shapes in place; translucent ones on a layer of their own, blended once."""
        rgb = color(name)
        if alpha >= 1.0:
            paint(self._fine, 0, 0, rgb)
            return
        x0, y0 = int(bounds[0]) - 1, int(bounds[1]) - 1
        box = pygame.Rect(x0, y0, int(bounds[2]) + 2 - x0, int(bounds[3]) + 2 - y0).clip(self._fine.get_clip())
        if box.width == 0 or box.height == 0 or alpha <= 0.0:
            return
        layer = pygame.Surface(box.size, pygame.SRCALPHA, 32)
        paint(layer, box.x, box.y, rgb)
        layer.set_alpha(round(alpha * 255))
        self._fine.blit(layer, box.topleft)


def thick_segment(start: Point, end: Point, half: float) -> list[Point]:
    """Return the corners of the rectangle `half` to either side of a segment."""
    along = end[0] - start[0], end[1] - start[1]
    length = max((along[0] ** 2 + along[1] ** 2) ** 0.5, 1e-9)
    nx, ny = -along[1] / length * half, along[0] / length * half
    return [
        (start[0] + nx, start[1] + ny),
        (end[0] + nx, end[1] + ny),
        (end[0] - nx, end[1] - ny),
        (start[0] - nx, start[1] - ny),
    ]


def around(points: Sequence[Point], margin: float) -> Bounds:
    """Return the bounds of some points, widened by `margin`."""
    xs, ys = [x for x, _ in points] or [0.0], [y for _, y in points] or [0.0]
    return min(xs) - margin, min(ys) - margin, max(xs) + margin, max(ys) + margin


def render_rgb(env: Env, state: Any, params: Any, size: tuple[int, int] = (480, 480), moment: float = 1.0) -> Array:
    """Draw one row, as `Batch.state` and `Batch.state_params` return it, and return uint8 (height, width, 3).

    `moment` is the part of the last step that has passed.

    A world in space is seen through its camera (`render.world`), where this machine can draw that.
    """
    if env.engine == "panda3d":
        try:
            from puffer_arena.render.world.world import render_world

            return render_world(env, state, params, size)
        except (MissingExtra, DisplayError) as error:
            say_once(f"{error}; '{env.name}' is drawn from above instead")
    canvas = PygameCanvas(size, moment=moment)
    drawn: Canvas = canvas
    env.draw(still(state), still(params), drawn)
    return canvas.rgb_array()
