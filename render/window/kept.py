"""The levels that a curriculum would play again, as pictures in the panel: ranked, to be played, or thrown out."""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from imgui_bundle import ImVec2, imgui

from puffer_arena.batch.batch import Batch
from puffer_arena.batch.settings import Settings
from puffer_arena.core.fields import Array
from puffer_arena.curriculum.gallery import Shown, enter
from puffer_arena.errors import ArenaError
from puffer_arena.render.draw.canvas import render_rgb
from puffer_arena.render.toolkit import pygame
from puffer_arena.render.window.gui import Gui
from puffer_arena.render.window.imgui_canvas import packed
from puffer_arena.render.window.opengl import gl, upload
from puffer_arena.render.window.source import Source
from puffer_arena.render.window.theme import SMALL, Theme, colored, font
from puffer_arena.render.window.widgets import section, tooltip

ACROSS = 4
PIXELS = 160  # of a picture, each way
MOST_PICTURES = 64
HOW = "click: play it here; right click: throw it out"


@dataclass
class Gallery:
    """What is remembered between frames.

    Attributes:
        chosen: what a person wants to play, once the frame is drawn.
        fault: why that cannot be.
    """

    chosen: Shown | None = None
    fault: str = ""
    pictures: "OrderedDict[tuple[int, bytes], Array | None]" = field(
        default_factory=OrderedDict
    )  # None: it cannot be shown
    _batch: Batch | None = None
    _made: dict[str, Any] = field(default_factory=dict)

    def picture(self, source: Source, shown: Shown) -> Array | None:
        """Return what a level looks like, uint8 (PIXELS, PIXELS, 3)."""
        if self._batch is None or self._made != dict(source.made):
            self._made, self._batch = dict(source.made), make_row(source)
            self.pictures.clear()
        known = shown.key, shown.row
        if known not in self.pictures:
            try:
                enter(self._batch, shown)
                batch = self._batch
                self.pictures[known] = render_rgb(batch.env, batch.state(0), batch.state_params(0), (PIXELS, PIXELS))
            except ArenaError:  # of another version; the trainer goes on with it
                self.pictures[known] = None
            while len(self.pictures) > MOST_PICTURES:
                self.pictures.popitem(last=False)
        return self.pictures[known]


def make_row(source: Source, **options: Any) -> Batch:
    """Return one row like the trainer's, in plain Python."""
    env = source.env
    return Batch(env, env.name, Settings(autoreset="disabled", compiled=False, **options), dict(source.made))


def draw_kept(theme: Theme, source: Source, gallery: Gallery) -> None:
    """Lay out the pictures, the best first."""
    levels = source.steering.levels
    if not levels:
        return
    section(theme, "Played again")
    gap = theme.px(6)
    each = (imgui.get_content_region_avail().x - (ACROSS - 1) * gap) / ACROSS
    draw = imgui.get_window_draw_list()
    for k, shown in enumerate(levels):
        if k % ACROSS:
            imgui.same_line(0, gap)
        at = imgui.get_cursor_screen_pos()
        pressed = imgui.invisible_button(f"kept {k}", ImVec2(each, each))
        pixels = gallery.picture(source, shown)
        far = ImVec2(at.x + each, at.y + each)
        if pixels is None:
            draw.add_rect_filled(at, far, packed("raised"), theme.px(4))
        else:
            draw.add_image(imgui.ImTextureRef(upload(("kept", k), pixels, gl.GL_LINEAR)), at, far)
        if imgui.is_item_hovered():
            draw.add_rect(at, far, packed("accent"), 0.0, theme.px(2))
            params = ", ".join(f"{name} {value:.3g}" for name, value in shown.params.items() if _is_number(value))
            told = f"{k + 1}: score {shown.score:.3g}" + (f", {params}" if params else "")
            tooltip(theme, f"{told}\n{HOW}")
        if pressed and pixels is not None:
            gallery.chosen = shown
        if imgui.is_item_clicked(imgui.MouseButton_.right):
            source.send("drop", key=shown.key)
    if gallery.fault:
        with font(SMALL), colored(imgui.Col_.text, "rose"):
            imgui.text_wrapped(gallery.fault.replace("%", "%%"))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float)


def play_kept(source: Source, gallery: Gallery, gui: Gui, on_frame: Callable[[Any], None] | None = None) -> None:
    """Play what was chosen in the same window, until the person comes back; the source goes on being read."""
    from puffer_arena.render.play.game import Game
    from puffer_arena.render.play.screen import PlayScreen

    shown, gallery.chosen, gallery.fault = gallery.chosen, None, ""
    if shown is None:
        return

    def look(screen: PlayScreen) -> None:
        source.poll()
        if on_frame is not None:
            on_frame(screen)

    try:
        with make_row(source, record=True) as batch:
            enter(batch, shown)
            screen = PlayScreen(Game(batch, origin=batch.snapshot(0)), gui.size, gui=gui)
            try:
                screen.run(look)
            finally:
                screen.close()
    except ArenaError as error:
        gallery.fault = str(error)
    finally:
        pygame.key.set_repeat(350, 60)  # which the game has switched off
