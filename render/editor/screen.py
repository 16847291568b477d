"""The editor's window: the level large, its brushes and things beside it, played at once from the same window."""

import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Protocol

from imgui_bundle import ImVec2, imgui

from puffer_arena.batch.make import make
from puffer_arena.core.fields import Array, Row
from puffer_arena.errors import ArenaError
from puffer_arena.levels import Level
from puffer_arena.render.draw.fit import Viewport
from puffer_arena.render.editor.canvas import Drawing
from puffer_arena.render.play.game import Game
from puffer_arena.render.play.match import Sitter, scripted
from puffer_arena.render.play.screen import PlayScreen
from puffer_arena.render.toolkit import pygame
from puffer_arena.render.window.branching import choose_sitter
from puffer_arena.render.window.gui import Gui
from puffer_arena.render.window.imgui_canvas import ImguiCanvas, packed
from puffer_arena.render.window.overlays import draw_help
from puffer_arena.render.window.theme import BODY, GAP, PAD, SMALL, TITLE, Theme, colored, font
from puffer_arena.render.window.widgets import (
    Area,
    Hint,
    card,
    close_on_escape,
    draw_footer,
    inset,
    padded,
    section,
    shorten,
    write,
)

FRAME = 1 / 30  # seconds
REACH = 16  # pixels at scale 1 within which the mouse takes a thing
AROUND = ((-0.5, -0.5), (-0.5, 0.5), (0.5, 0.5), (0.5, -0.5))  # a cell's corners, in rows and columns from its middle
CLOSED = int(imgui.ImDrawFlags_.closed)
NUDGE = 0.5  # metres by which an arrow key moves a thing
KEYS: tuple[Hint, ...] = (
    ("Mouse", "paint, move"),
    ("1 2 3", "brush"),
    ("P", "play"),
    ("S", "save"),
    ("T", "train on it"),
    ("N", "next level"),
    ("H", "keys"),
)
HELP: tuple[Hint, ...] = (
    ("Mouse", "paints cells, drags things; right: takes away"),
    ("← ↑ ↓ →", "move the cursor, or the chosen thing"),
    ("Space", "paint at the cursor"),
    ("M", "move the chosen thing to the cursor"),
    ("1 2 3 ...", "brush"),
    ("Tab", "the next thing"),
    ("Ctrl Z   Ctrl Y", "undo, redo"),
    ("P", "play it now; Esc comes back"),
    ("B", "watch a bot, or a run's newest policy, play it"),
    ("S", "save"),
    ("T", "send it to the run that trains in this game"),
    ("N", "go on from the game's next level"),
    ("H, F1", "these keys"),
)


class Trainer(Protocol):
    """Where levels are sent to."""

    def send(self, level: Level) -> str:
        """Send a level; return what to tell the person meanwhile."""

    def poll(self) -> str:
        """Return what was answered since the last call, "" for nothing new."""


class EditScreen:
    """The open editor; `run` it, then `close` it."""

    def __init__(
        self, env_id: str, drawing: Drawing, folder: Path, size: tuple[int, int], sitters: Sequence[Sitter] = ()
    ) -> None:
        self.gui = Gui(f"edit {drawing.env.name} · puffer_arena", size)
        self.env_id, self.drawing, self.folder = env_id, drawing, folder
        self.brush, self.cursor, self.help, self.note = 0, (0, 0), False, ""
        self.thing = 0  # of all things, in the order of the editor's declaration
        self.branch: PlayScreen | None = None
        self.trainer: Trainer | None = None
        self.sitters = sitters or scripted(drawing.env)  # who can play the level
        self.chosen = 0  # among them
        self._view: Viewport | None = None
        self._held: tuple[str, int] | None = None  # the thing that the mouse holds
        self._on_frame: Callable[[EditScreen], None] | None = None

    def run(self, on_frame: "Callable[[EditScreen], None] | None" = None) -> None:
        """Draw frames until the window is closed."""
        self._on_frame = on_frame
        while not self.gui.closing:
            begun = time.perf_counter()
            for event in self.gui.events():
                if event.type == pygame.KEYDOWN:
                    self.press(event.key, event.mod)
            if self.trainer is not None:
                self.note = self.trainer.poll() or self.note
            self.draw()
            if on_frame is not None:
                on_frame(self)
            self.gui.flip()
            time.sleep(max(FRAME - (time.perf_counter() - begun), 0.001))

    def close(self) -> None:
        """Close the window."""
        self.gui.close()

    def pixels(self) -> Array:
        """Return the frame just drawn as uint8, shape (height, width, 3); for `on_frame`."""
        return self.gui.pixels()

    # -- input --------------------------------------------------------------------------------------

    def press(self, key: int, modifiers: int = 0) -> None:
        """Act on a key."""
        drawing = self.drawing
        if modifiers & (pygame.KMOD_CTRL | pygame.KMOD_META):
            if self.gui.press_scale(key):
                return
            if key == pygame.K_y or (key == pygame.K_z and modifiers & pygame.KMOD_SHIFT):
                drawing.redo()
            elif key == pygame.K_z:
                drawing.undo()
            elif key == pygame.K_s:
                self.save()
            return
        ways = {pygame.K_UP: (-1, 0), pygame.K_DOWN: (1, 0), pygame.K_LEFT: (0, -1), pygame.K_RIGHT: (0, 1)}
        if key in ways:
            self._steer(*ways[key])
        elif pygame.K_1 <= key <= pygame.K_9 and key - pygame.K_1 < len(drawing.brushes):
            self.brush = key - pygame.K_1
        else:
            self._command(key)

    def _steer(self, down: int, right: int) -> None:
        """Move the cursor; where there are no cells, the chosen thing."""
        (rows, cols), (row, col), things = self.drawing.shape, self.cursor, self.things()
        if rows:
            self.cursor = min(max(row + down, 0), rows - 1), min(max(col + right, 0), cols - 1)
        elif things:
            name, k = things[self.thing % len(things)]
            x, y = self.drawing.level.things[name][k]
            self.drawing.move(name, k, round(x + NUDGE * right, 2), round(y - NUDGE * down, 2))

    def _command(self, key: int) -> None:
        things = self.things()
        match key:
            case pygame.K_SPACE if self.drawing.brushes:
                self.drawing.paint(*self.cursor, self.drawing.brushes[self.brush])
            case pygame.K_m if things and self.drawing.brushes:
                name, k = things[self.thing % len(things)]
                self.drawing.move(name, k, float(self.cursor[1]), float(self.cursor[0]))
            case pygame.K_TAB if things:
                self.thing = (self.thing + 1) % len(things)
            case pygame.K_p | pygame.K_RETURN:
                self.play()
            case pygame.K_b:
                self.play(bot_plays=True)
            case pygame.K_s:
                self.save()
            case pygame.K_t:
                self.send()
            case pygame.K_n:
                self.drawing.renew((self.drawing.level.level + 1) % 2**31)
            case pygame.K_h | pygame.K_F1:
                self.help = not self.help
            case pygame.K_ESCAPE:
                self.help = False

    def things(self) -> list[tuple[str, int]]:
        """Return the things that can be moved: name and number."""
        return [(name, k) for name, places in self.drawing.level.things.items() for k in range(len(places))]

    def save(self) -> None:
        """Write the level into the folder, under the time."""
        name = f"{self.drawing.env.name}-{time.strftime('%Y%m%d-%H%M%S')}.toml"
        self.note = self.drawing.save(self.folder / name)

    def send(self) -> None:
        """Send the level, which is valid, into a running training."""
        if self.drawing.reason:
            self.note = f"not sent: {self.drawing.reason}"
        elif self.trainer is not None:
            self.note = self.trainer.send(self.drawing.level)

    def play(self, bot_plays: bool = False) -> None:
        """Play the level in this window, or watch who is chosen play it, until the person comes back."""
        params = dict(self.drawing.level.params)
        try:
            snapshot = self.drawing.snapshot()
            with make(self.env_id, autoreset="disabled", record=True, compiled=False, **params) as batch:
                batch.restore(0, snapshot)
                roster = [*self.sitters[self.chosen :], *self.sitters[: self.chosen]]
                if bot_plays or batch.num_agents:
                    roster[0].check(batch)
                game = Game(batch, roster[0].choose, origin=batch.snapshot(0), roster=roster)
                screen = self.branch = PlayScreen(game, self.gui.size, gui=self.gui)
                if bot_plays:
                    screen.let_bot_play()
                    game.bot_plays = True
                try:
                    screen.run(self._on_frame)  # type: ignore[arg-type]  # a screen is a screen to who looks on
                finally:
                    screen.close()
        except ArenaError as error:
            self.note = str(error)
        finally:
            self.branch = None
            pygame.key.set_repeat(350, 60)  # which the game has switched off

    # -- layout -------------------------------------------------------------------------------------

    def draw(self) -> None:
        """Draw one frame."""
        self.gui.begin()
        theme = self.gui.theme
        width, height = self.gui.size
        imgui.set_next_window_pos(ImVec2(0, 0))
        imgui.set_next_window_size(ImVec2(width, height))
        flags = imgui.WindowFlags_
        fixed = flags.no_decoration | flags.no_move | flags.no_saved_settings | flags.no_bring_to_front_on_focus
        imgui.begin("editor", None, fixed | flags.no_nav | flags.no_background)
        space, foot = theme.px(GAP), theme.px(30)
        side = min(max(width * 0.26, theme.px(260)), theme.px(360), width * 0.45)
        stage = (space, space, width - side - 3 * space, height - foot - 2 * space)
        card(theme, stage)
        self._draw_level(theme, inset(stage, theme.px(14)))
        right = (width - side - space, space, side, height - foot - 2 * space)
        card(theme, right)
        self._draw_side(theme, inset(right, theme.px(PAD)))
        draw_footer(theme, KEYS, self.note, "amber", (space, height - foot, width - 2 * space, foot))
        if self.help and draw_help(theme, HELP, (width, height)):
            self.help = False
        imgui.end()
        self.gui.end()

    def _draw_level(self, theme: Theme, area: Area) -> None:
        drawing, draw = self.drawing, imgui.get_window_draw_list()
        imgui.set_cursor_screen_pos(ImVec2(area[0], area[1]))
        imgui.invisible_button("level", ImVec2(area[2], area[3]))
        held = imgui.is_item_active()
        wiped = imgui.is_item_hovered() and imgui.is_mouse_down(imgui.MouseButton_.right)
        pressed = imgui.is_item_clicked(imgui.MouseButton_.left)
        batch = drawing.batch
        with ImguiCanvas(draw, area) as canvas:
            paint = drawing.editor.draw or drawing.env.draw
            paint(Row(batch.rows.states[0]), Row(batch.rows.params[0]), canvas)
            self._view = view = canvas.seen
        if drawing.editor.cells is not None:
            row, col = self.cursor
            around = [drawing.editor.cells.place(row + down, col + right) for down, right in AROUND]
            draw.add_polyline([view.point(*corner) for corner in around], packed("accent"), theme.px(2), CLOSED)
        self._mark_things(theme, view)
        mouse = imgui.get_io().mouse_pos
        if pressed:
            self._held = self._near(theme, view, (mouse.x, mouse.y))
        if held or wiped:
            drawing.begin_stroke()
            self._drag(view, (mouse.x, mouse.y), wiped)
        elif not imgui.is_mouse_down(imgui.MouseButton_.left):
            self._held = None
            drawing.end_stroke()

    def _mark_things(self, theme: Theme, view: Viewport) -> None:
        draw = imgui.get_window_draw_list()
        chosen = self.things()[self.thing % len(self.things())] if self.things() else None
        for name, places in self.drawing.level.things.items():
            for k, (x, y) in enumerate(places):
                tone = packed("amber", 255 if (name, k) == chosen else 110)
                draw.add_circle(view.point(*self._place(x, y)), theme.px(9), tone, 0, theme.px(2))

    def _place(self, x: float, y: float) -> tuple[float, float]:
        """Return where a thing is in the picture."""
        cells = self.drawing.editor.cells
        return (x, y) if cells is None else cells.place(y, x)

    def _near(self, theme: Theme, view: Viewport, mouse: tuple[float, float]) -> tuple[str, int] | None:
        """Return the thing under the mouse, and choose it."""
        reach = max(theme.px(REACH), 0.5 * view.scale if self.drawing.brushes else 0.0)
        for number, (name, k) in enumerate(self.things()):
            x, y = self.drawing.level.things[name][k]
            at = view.point(*self._place(x, y))
            if abs(at[0] - mouse[0]) <= reach and abs(at[1] - mouse[1]) <= reach:
                self.thing = number
                return name, k
        return None

    def _drag(self, view: Viewport, mouse: tuple[float, float], wiped: bool) -> None:
        """Let the mouse paint, or move what it holds."""
        x, y = view.world(*mouse)
        brushes, cells = self.drawing.brushes, self.drawing.editor.cells
        if cells is not None:
            row, col = cells.cell(x, y)
            rows, cols = self.drawing.shape
            if not (0 <= row < rows and 0 <= col < cols):
                return
            self.cursor = row, col
            if self._held is not None:
                self.drawing.move(*self._held, float(col), float(row))
            else:
                self.drawing.paint(row, col, brushes[0 if wiped else self.brush])
        elif self._held is not None:
            self.drawing.move(*self._held, round(x, 2), round(y, 2))

    def _draw_side(self, theme: Theme, area: Area) -> None:
        drawing = self.drawing
        x, y, width, height = area
        imgui.set_cursor_screen_pos(ImVec2(x, y))
        imgui.begin_child("side", ImVec2(width, height), 0, imgui.WindowFlags_.no_nav)
        write(theme, (x, y), shorten(drawing.env.name, width, TITLE), "text", TITLE)
        imgui.dummy(ImVec2(width, theme.px(TITLE)))
        with font(SMALL), colored(imgui.Col_.text, "rose" if drawing.reason else "lime"):
            imgui.text_wrapped(f"not valid: {drawing.reason}" if drawing.reason else "valid")
        section(theme, "Level")
        watch = partial(self.play, bot_plays=True)
        self._buttons(theme, [("Play", lambda: self.gui.after(self.play)), ("Watch", lambda: self.gui.after(watch))])
        self.chosen = choose_sitter(theme, self.sitters, self.chosen)
        self._buttons(theme, [("Undo", drawing.undo), ("Redo", drawing.redo)])
        self._buttons(theme, [("Save", self.save), ("Open", lambda: imgui.open_popup("files"))])
        if self.trainer is not None:
            self._buttons(theme, [("Train on it", self.send)])
        with padded(theme):
            if imgui.begin_popup("files"):
                close_on_escape()
                found = sorted([*self.folder.glob(f"{drawing.env.name}*.toml"), *self.folder.glob("*.json")])[-20:]
                if not found:
                    imgui.text_disabled(f"no level in {self.folder}")
                for path in reversed(found):
                    if imgui.selectable(path.name, False)[0]:
                        self.note = drawing.open(path)
                imgui.end_popup()
        if drawing.brushes:
            section(theme, "Brushes")
        for k, brush in enumerate(drawing.brushes):
            if self._row(theme, f"{k + 1}", brush.name, k == self.brush):
                self.brush = k
        if self.things():
            section(theme, "Things")
        for number, (name, k) in enumerate(self.things()):
            place = drawing.level.things[name][k]
            many = len(drawing.level.things[name]) > 1
            label = f"{name} {k}" if many else name
            if self._row(theme, f"{place[0]:.3g}, {place[1]:.3g}", label, number == self.thing % len(self.things())):
                self.thing = number
        imgui.end_child()

    def _buttons(self, theme: Theme, entries: Sequence[tuple[str, Callable[[], object]]]) -> None:
        each = (imgui.get_content_region_avail().x - (len(entries) - 1) * theme.px(8)) / len(entries)
        for k, (label, act) in enumerate(entries):
            if k:
                imgui.same_line(0, theme.px(8))
            if imgui.button(label, ImVec2(each, theme.px(30))):
                act()

    def _row(self, theme: Theme, value: str, label: str, chosen: bool) -> bool:
        """Lay out a line that can be chosen; tell whether it was clicked."""
        at, width, height = imgui.get_cursor_screen_pos(), imgui.get_content_region_avail().x, theme.px(26)
        clicked = imgui.invisible_button(f"{label}{value}", ImVec2(width, height))
        draw = imgui.get_window_draw_list()
        if chosen or imgui.is_item_hovered():
            tone = packed("accent", 60 if chosen else 25)
            draw.add_rect_filled((at.x, at.y), (at.x + width, at.y + height), tone, theme.px(6))
        top = at.y + (height - theme.px(BODY)) / 2
        write(theme, (at.x + theme.px(8), top), shorten(label, width * 0.6), "accent" if chosen else "text")
        write(theme, (at.x + width * 0.66, top), shorten(value, width * 0.33), "muted")
        imgui.set_cursor_screen_pos(ImVec2(at.x, at.y + height))
        imgui.dummy(ImVec2(width, 0))
        return bool(clicked)
