"""A pygame window with OpenGL, Dear ImGui and ImPlot in it: opening, events in, a frame out, closing."""

import time
from collections.abc import Callable
from importlib import import_module
from importlib.resources import as_file, files
from typing import Any

from imgui_bundle import ImVec2, imgui, implot

from puffer_arena.core.fields import Array
from puffer_arena.render.display import begin_display, desktop_scale, limit_window, open_window
from puffer_arena.render.toolkit import pygame
from puffer_arena.render.waiting import wait_for_input
from puffer_arena.render.window.opengl import forget_uploads, gl
from puffer_arena.render.window.painter import Painter
from puffer_arena.render.window.presses import Presses
from puffer_arena.render.window.theme import BODY, Theme

SCALES = (0.75, 1.0, 1.25, 1.5, 1.75, 2.0, 2.5, 3.0)
DOUBLE_CLICK = 0.45  # seconds in which a second click makes a double one
KEPT = (imgui.ImTextureStatus.ok, imgui.ImTextureStatus.want_updates)  # where what was drawn of it stays as it is
SHOWN_ANEW = (
    *(pygame.WINDOWEXPOSED, pygame.WINDOWSHOWN, pygame.WINDOWRESTORED, pygame.WINDOWMAXIMIZED),
    *(pygame.WINDOWSIZECHANGED, pygame.WINDOWFOCUSGAINED, pygame.VIDEOEXPOSE, pygame.VIDEORESIZE),
)
LEAST = (480, 360)  # of a window, at scale 1: nothing in it can be read that has less room
MARGINS = (40, 90)  # pixels of the desktop that frames, bars and panels take


def fit_desktop(size: tuple[int, int]) -> tuple[int, int]:
    """Return a window's size, cut to what the desktop has room for."""
    desktops = pygame.display.get_desktop_sizes() or [size]
    width, height = (max(room - margin, 1) for room, margin in zip(desktops[0], MARGINS, strict=True))
    return min(size[0], width), min(size[1], height)


class Gui:
    """The window and its contexts; make one at a time, and `close` it."""

    def __init__(self, title: str, size: tuple[int, int]) -> None:
        attributes = {
            pygame.GL_CONTEXT_MAJOR_VERSION: 3,
            pygame.GL_CONTEXT_MINOR_VERSION: 3,
            pygame.GL_CONTEXT_PROFILE_MASK: pygame.GL_CONTEXT_PROFILE_CORE,
            pygame.GL_CONTEXT_FORWARD_COMPATIBLE_FLAG: 1,  # macOS asks for it
        }
        begin_display()
        for name, value in attributes.items():
            pygame.display.gl_set_attribute(name, value)
        open_window(title, size, pygame.OPENGL | pygame.DOUBLEBUF | pygame.RESIZABLE, vsync=True)
        pygame.key.set_repeat(350, 60)
        self._contexts = imgui.create_context(), implot.create_context()
        io = imgui.get_io()
        io.set_ini_filename("")
        io.display_size = ImVec2(*size)
        self._framebuffer = gl.glGetIntegerv(gl.GL_VIEWPORT)[2] / size[0]  # pixels to a window unit, as on Retina
        with as_file(files("puffer_arena.assets") / "fonts" / "Inter.ttf") as path:
            io.fonts.add_font_from_file_ttf(str(path), BODY)
        self._take_scale(desktop_scale() if self._framebuffer == 1 else 1.0)
        backend: Any = import_module("imgui_bundle.python_backends.pygame_backend")  # it has no types
        self._renderer = backend.PygameRenderer()
        self._painter = Painter()
        forget_uploads()
        self.closing = False
        self.double_click = DOUBLE_CLICK
        self._presses = Presses()
        self._covered = True  # the window may have lost what it showed
        self._waiting: list[Callable[[], object]] = []  # for the frame's end

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the window."""
        width, height = pygame.display.get_window_size()
        return width, height

    @property
    def _pixel_size(self) -> tuple[int, int]:
        width, height = self.size
        return round(width * self._framebuffer), round(height * self._framebuffer)

    def events(self, patience: float = 0.0) -> "list[pygame.Event]":
        """Return the input there is, passed on to Dear ImGui already; wait for it `patience` seconds at most."""
        wait_for_input(patience)
        began = time.perf_counter()
        happened = pygame.event.get()
        presses = sum(event.type == pygame.MOUSEBUTTONDOWN and event.button == 1 for event in happened)
        self._presses.found(began, time.perf_counter(), presses)
        for event in happened:
            self._covered |= event.type in SHOWN_ANEW
            if event.type == pygame.QUIT:
                self.closing = True
            self._feed(event)
        return happened

    def _feed(self, event: "pygame.Event") -> None:
        """Pass an event on; the window's size is SDL's business, so the renderer must not set it again."""
        io = imgui.get_io()
        if event.type == pygame.WINDOWLEAVE:
            io.add_mouse_pos_event(-1e9, -1e9)
        elif event.type in (pygame.WINDOWFOCUSLOST, pygame.WINDOWFOCUSGAINED):
            io.add_focus_event(event.type == pygame.WINDOWFOCUSGAINED)
        elif event.type in (pygame.MOUSEBUTTONDOWN, pygame.MOUSEBUTTONUP) and event.button > 3:
            return  # the wheel, which also comes as MOUSEWHEEL
        elif event.type != pygame.VIDEORESIZE:
            self._renderer.process_event(event)

    @property
    def typing(self) -> bool:
        """Whether the person is typing into a field, so that letters are no shortcuts."""
        return bool(imgui.get_io().want_text_input)

    def rescale(self, steps: int) -> None:
        """Make the interface larger or smaller by some steps; 0 goes back to normal size."""
        near = min(range(len(SCALES)), key=lambda k: abs(SCALES[k] - self.theme.scale))
        chosen = SCALES[min(max(near + steps, 0), len(SCALES) - 1)] if steps else desktop_scale()
        self._take_scale(chosen)

    def _take_scale(self, scale: float) -> None:
        self.theme = Theme(scale)
        self.theme.apply()
        limit_window((round(scale * LEAST[0]), round(scale * LEAST[1])))

    def press_scale(self, key: int) -> bool:
        """Take a key that was pressed with Ctrl where it changes the interface's size; tell whether it does."""
        steps = {pygame.K_PLUS: 1, pygame.K_EQUALS: 1, pygame.K_KP_PLUS: 1, pygame.K_MINUS: -1, pygame.K_0: 0}
        if key in steps:
            self.rescale(steps[key])
        return key in steps

    def begin(self) -> None:
        """Begin a frame."""
        io = imgui.get_io()
        io.mouse_double_click_time = self._presses.patience(self.double_click)
        io.mouse_single_click_delay = io.mouse_double_click_time + 0.1  # Dear ImGui asks for more than that
        io.display_size = ImVec2(*self.size)
        io.display_framebuffer_scale = ImVec2(self._framebuffer, self._framebuffer)
        self._renderer.process_inputs()
        imgui.new_frame()
        self._presses.taken(imgui.is_mouse_clicked(imgui.MouseButton_.left), len(self._contexts[0].input_events_queue))

    def end(self) -> None:
        """Draw the frame; `flip` shows it."""
        imgui.render()
        remade = [texture.status not in KEPT for texture in imgui.get_platform_io().textures]
        self._renderer._update_textures()
        self._painter.paint(imgui.get_draw_data(), self._pixel_size, self._framebuffer, all_new=any(remade))

    def after(self, act: Callable[[], object]) -> None:
        """Call `act`, which may draw frames of its own, once the frame that is being laid out is shown."""
        self._waiting.append(act)

    def flip(self) -> None:
        """Show the frame drawn, where it looks otherwise than the one before."""
        if self._painter.is_new or self._covered:
            self._painter.show(whole=self._covered)
            pygame.display.flip()
            self._covered = False
        waiting, self._waiting = self._waiting, []
        for act in waiting:
            act()

    def pixels(self) -> Array:
        """Return the frame drawn and not yet shown as uint8, shape (height, width, 3)."""
        return self._painter.pixels()

    def close(self) -> None:
        """Close the window and free its contexts."""
        self._renderer.shutdown()
        context, plots = self._contexts
        implot.destroy_context(plots)
        imgui.destroy_context(context)
        while pygame.display.get_init():  # the clipboard holds on to the display a second time
            pygame.display.quit()
