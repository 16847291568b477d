"""`core.canvas.Canvas` on a Dear ImGui draw list: shapes stay shapes, so pictures are crisp at any size."""

import math
from collections.abc import Sequence
from functools import cache, lru_cache
from typing import Any

from imgui_bundle import imgui

from puffer_arena.core.canvas import Point
from puffer_arena.core.fields import Array
from puffer_arena.core.palette import Rgb
from puffer_arena.render.draw.fit import Viewport, fit
from puffer_arena.render.draw.look import Look
from puffer_arena.render.draw.palette import ASCENT, CAP_HEIGHT, DESCENT
from puffer_arena.render.draw.palette import color as rgb_of
from puffer_arena.render.window.opengl import gl, upload

LINE_HEIGHT = ASCENT + DESCENT  # of an em: what Dear ImGui calls a font's size
FRAME = 5.0  # pixels around a picture in which marks may still be
LEAST_CORNER = 3.0  # pixels; a rounding smaller than this is hardly seen, but costs ten times the triangles


@cache
def packed(name: str, alpha: int = 255) -> int:
    """Return a palette colour as Dear ImGui packs it; `alpha` is 0 to 255."""
    return packed_rgb(rgb_of(name), alpha)


def packed_rgb(rgb: Rgb, alpha: int = 255) -> int:
    """Return a colour as Dear ImGui packs it."""
    red, green, blue = rgb
    return alpha << 24 | blue << 16 | green << 8 | red


class ImguiCanvas:
    """Draws into `area`, (x, y, width, height) in window pixels; use it as a context, which clips the drawing.

    Args:
        draw_list: Dear ImGui's.
        area: see above.
        mark: the agent that gets a ring and an arrow above it, over everything else.
        moment: the part of the last step that has passed.
        look: how the person has moved the camera; hears where the world lies now.
        followed: where the watched agent is, for a camera that goes along with it.
    """

    def __init__(
        self,
        draw_list: Any,
        area: tuple[float, float, float, float],
        mark: int | None = None,
        moment: float = 1.0,
        look: Look | None = None,
        followed: Point | None = None,
    ) -> None:
        self.message = ""
        self.moment = moment
        self.aspect = 1.0  # width / height of what was last drawn
        self._list, self._area, self._mark = draw_list, area, mark
        self._look, self._followed = look, followed
        self._marked: tuple[Point, float] | None = None  # where that agent is, and its radius, in pixels
        self._font = imgui.get_font()
        self._clips = 0
        self._view: Viewport = fit((0.0, 0.0, area[2], area[3]), area)
        self._seen = -math.inf, -math.inf, math.inf, math.inf  # left, top, right, bottom of what is not clipped

    def __enter__(self) -> "ImguiCanvas":
        return self

    def __exit__(self, *_: object) -> None:
        for _clip in range(self._clips):
            self._list.pop_clip_rect()
        self._clips = 0
        if self._marked is not None:  # not clipped by the board, for an agent at its edge
            point_out(self._list, *self._marked, self._area)

    @property
    def seen(self) -> Viewport:
        """Where the world lies in the window."""
        return self._view

    # -- Canvas -------------------------------------------------------------------------------------

    def view(
        self, width: float, height: float, *, left: float = 0.0, low: float = 0.0, up: bool = False, bleed: bool = False
    ) -> None:
        world = left, low, width, height
        if self._look is not None:
            world = self._look.crop(world, self._area, self._followed)
        self._view = view = fit(world, self._area, up=up)
        if self._look is not None:
            self._look.seen = view
        self.aspect = width / height
        x, y, wide, high = self._area if bleed else (view.x0, view.y0, view.width, view.height)
        self._list.push_clip_rect((x, y), (x + wide, y + high), True)
        self._seen = x, y, x + wide, y + high
        self._clips += 1

    def rect(
        self, x: float, y: float, width: float, height: float, color: str, *, radius: float = 0.0, alpha: float = 1.0
    ) -> None:
        scale = self._view.scale
        x0, y0 = self._view.corner(x, y, height)
        x1, y1 = x0 + width * scale, y0 + height * scale
        left, top, right, bottom = self._seen
        if x1 < left - 1.0 or y1 < top - 1.0 or x0 > right + 1.0 or y0 > bottom + 1.0:  # on whole pixels, too
            return
        corner = min(radius, width / 2, height / 2) * scale if radius else 0.0
        if corner < LEAST_CORNER:  # on whole pixels, so that neighbours neither overlap nor leave a seam
            corner, x0, y0, x1, y1 = 0.0, round(x0), round(y0), round(x1), round(y1)
            x1, y1 = x1 if x1 > x0 else x0 + 1, y1 if y1 > y0 else y0 + 1
        self._list.add_rect_filled((x0, y0), (x1, y1), tint(color, alpha), corner)

    def circle(self, x: float, y: float, radius: float, color: str, *, alpha: float = 1.0) -> None:
        self._list.add_circle_filled(self._view.point(x, y), radius * self._view.scale, tint(color, alpha))

    def ring(self, x: float, y: float, radius: float, color: str, *, width: float = 0.05, alpha: float = 1.0) -> None:
        scale = self._view.scale
        self._list.add_circle(self._view.point(x, y), radius * scale, tint(color, alpha), 0, max(width * scale, 1.0))

    def line(self, points: Sequence[Point], color: str, *, width: float = 0.05, alpha: float = 1.0) -> None:
        pixels = [self._view.point(*point) for point in points]
        if not pixels:
            return
        thickness = max(width * self._view.scale, 1.0)
        if len(pixels) == 2 and thickness > 2.0:
            self._capsule(pixels[0], pixels[1], thickness / 2, tint(color, alpha))
            return
        self._list.add_polyline(pixels, tint(color, alpha), thickness, 0)
        if thickness > 2.0 and alpha >= 1.0:
            for joint in pixels:
                self._list.add_circle_filled(joint, thickness / 2, tint(color, alpha))

    def polygon(self, points: Sequence[Point], color: str, *, alpha: float = 1.0) -> None:
        self._list.add_convex_poly_filled(clockwise([self._view.point(*p) for p in points]), tint(color, alpha))

    def text(
        self, x: float, y: float, text: str, color: str = "text", *, size: float = 0.5, anchor: str = "center"
    ) -> None:
        em = size * self._view.scale
        height = max(round(em * LINE_HEIGHT), 1)
        px, py = self._view.point(x, y)
        width = imgui.calc_text_size(text).x * height / imgui.get_font_size()
        px -= {"left": 0.0, "center": 0.5, "right": 1.0}[anchor] * width
        at = round(px), round(py - (ASCENT - CAP_HEIGHT / 2) * em)
        self._list.add_text(self._font, height, at, tint(color, 1.0), text)

    def picture(self, x: float, y: float, width: float, height: float, pixels: Array) -> None:
        x0, y0 = self._view.corner(x, y, height)
        at = round(x0), round(y0)
        texture = imgui.ImTextureRef(upload(("canvas", *at), pixels, gl.GL_NEAREST))
        self._list.add_image(texture, at, (x0 + width * self._view.scale, y0 + height * self._view.scale))

    def agent(self, index: int, x: float, y: float, radius: float) -> None:
        if index == self._mark:
            self._marked = self._view.point(x, y), radius * self._view.scale

    def status(self, text: str) -> None:
        self.message = text

    def _capsule(self, start: Point, end: Point, radius: float, color: int) -> None:
        """Fill a thick segment with round ends as one shape, so that it may be translucent."""
        along = math.atan2(end[1] - start[1], end[0] - start[0])
        quarter = math.pi / 2
        self._list.path_arc_to(end, radius, along - quarter, along + quarter)
        self._list.path_arc_to(start, radius, along + quarter, along + 3 * quarter)
        self._list.path_fill_convex(color)


def point_out(draw_list: Any, at: Point, radius: float, area: tuple[float, float, float, float]) -> None:
    """Mark an agent in a picture by a ring, and an arrow that points down at it, or up where there is no room above."""
    left, top, width, height = area
    (x, y), thick = at, min(max(radius * 0.14, 1.5), 4.0)
    draw_list.push_clip_rect((left - FRAME, top - FRAME), (left + width + FRAME, top + height), True)
    draw_list.add_circle(at, radius + 2 * thick, packed("shadow", 200), 0, 2 * thick)
    draw_list.add_circle(at, radius + 2 * thick, packed("amber"), 0, thick)
    size, away = min(max(radius * 0.55, 4.0), 16.0), radius + 4.5 * thick
    way = -1 if y - away - 1.3 * size >= top else 1
    tip, base = y + way * away, y + way * (away + 1.3 * size)
    draw_list.add_triangle_filled((x - size, base), (x + size, base), (x, tip), packed("amber"))
    draw_list.pop_clip_rect()


@lru_cache(4096)
def tint(name: str, alpha: float) -> int:
    """Return a packed colour for an alpha of 0 to 1."""
    return packed(name) if alpha >= 1.0 else packed(name, round(max(alpha, 0.0) * 255))


def clockwise(points: list[Point]) -> list[Point]:
    """Return the polygon in the winding that Dear ImGui smooths outwards."""
    area = sum(x0 * y1 - x1 * y0 for (x0, y0), (x1, y1) in zip(points, points[1:] + points[:1], strict=True))
    return points if area >= 0 else points[::-1]
