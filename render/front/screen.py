"""The launcher's window: places as tabs, entries as moving pictures or lines, and beside them what can be done."""

import time
from collections.abc import Callable, Sequence

from imgui_bundle import ImVec2, imgui

from puffer_arena.core.fields import Array
from puffer_arena.render.front.choice import MOVES, Choice
from puffer_arena.render.front.draw import draw_entries, draw_panel, draw_tabs
from puffer_arena.render.front.entries import Action, Place
from puffer_arena.render.front.games import Games
from puffer_arena.render.front.programs import Programs
from puffer_arena.render.play.gamepad import Gamepads
from puffer_arena.render.toolkit import pygame
from puffer_arena.render.window.gui import Gui
from puffer_arena.render.window.overlays import draw_help
from puffer_arena.render.window.theme import GAP, PAD
from puffer_arena.render.window.widgets import Hint, card, draw_footer, inset

FRAME, IDLE_FRAME = 1 / 30, 1 / 4  # seconds, with the person's attention and without
LOOK_SECONDS = 3.0  # between looks at runs and replays
PAD_BUTTONS = {2: "x", 3: "y", 4: "page left", 5: "page right"}
KEYS = (("← ↑ ↓ →", "choose"), ("Enter", "buttons"), ("Tab", "next page"), ("H", "keys"))
HELP: Sequence[Hint] = (
    ("← ↑ ↓ →", "choose; pad: stick or cross"),
    ("Enter", "to the buttons, and press one; pad: A"),
    ("Esc", "back; pad: B"),
    ("Tab", "next page, with Shift the one before; pad: shoulders"),
    ("P T W R ...", "the letter on a button presses it"),
    ("PgUp PgDn", "a screenful on"),
    ("Ctrl +   Ctrl −", "larger, smaller interface"),  # noqa: RUF001
    ("H, F1", "these keys"),
)


class FrontScreen:
    """The open launcher; `run` it, then `close` it."""

    def __init__(self, look: Callable[[], Sequence[Place]], programs: Programs, size: tuple[int, int]) -> None:
        self.gui = Gui("puffer_arena", size)
        self._look, self.programs = look, programs
        self.choice, self.games = Choice(look()), Games()
        self.help, self.note = False, ""
        pygame.joystick.init()
        self.pads = Gamepads()
        self._looked = time.perf_counter()

    def run(self, on_frame: "Callable[[FrontScreen], None] | None" = None) -> None:
        """Draw frames until the window is closed."""
        while not self.gui.closing:
            begun = time.perf_counter()
            for event in self.gui.events():
                self.take(event)
            if begun - self._looked >= LOOK_SECONDS:
                self.choice.places, self._looked = self._look(), begun
            self.note = self.programs.poll() or self.note
            if pygame.display.get_active():
                self.draw()
                if on_frame is not None:
                    on_frame(self)
                self.gui.flip()
                self.games.play()
            rest = FRAME if pygame.key.get_focused() or pygame.mouse.get_focused() else IDLE_FRAME
            time.sleep(max(rest - (time.perf_counter() - begun), 0.001))

    def close(self) -> None:
        """Close the window; what was started goes on."""
        self.games.close()
        pygame.joystick.quit()
        self.gui.close()

    def pixels(self) -> Array:
        """Return the frame just drawn as uint8, shape (height, width, 3); for `on_frame`."""
        return self.gui.pixels()

    # -- input --------------------------------------------------------------------------------------

    def take(self, event: "pygame.Event") -> None:
        """Act on a pygame event."""
        if event.type == pygame.KEYDOWN:
            if event.mod & (pygame.KMOD_CTRL | pygame.KMOD_META):
                self.gui.press_scale(event.key)
            else:
                self.press(pygame.key.name(event.key), back=bool(event.mod & pygame.KMOD_SHIFT))
        elif event.type == pygame.JOYBUTTONDOWN and event.button in PAD_BUTTONS:
            self.press(PAD_BUTTONS[event.button])
        for key, strength in self.pads.translate(event):
            if strength:
                self.press({"space": "return", "shift": "escape"}.get(key, key))

    def press(self, key: str, back: bool = False) -> None:
        """Act on a key, by its name."""
        choice = self.choice
        if key in MOVES:
            choice.move(key)
        elif key in ("return", "enter", "space", "keypad enter"):
            self.act(choice.enter())
        elif key in ("escape", "backspace"):
            self.help, choice.button = False, None
        elif key in ("h", "f1"):
            self.help = not self.help
        elif key in ("tab", "page right", "page left"):
            choice.turn(-1 if back or key == "page left" else 1)
        elif key.isdigit() and 0 < int(key) <= len(choice.places):
            choice.turn(int(key) - 1 - choice.place)
        else:
            self.act(choice.shortcut(key))

    def act(self, action: Action | None) -> None:
        """Carry an action out."""
        if action is None:
            return
        if action.copies:
            imgui.set_clipboard_text(action.copies)
            self.note = f"copied: {action.copies}"
        elif action.arguments:
            self.note = self.programs.start(action.arguments)
        else:
            self.note = action.about

    # -- layout -------------------------------------------------------------------------------------

    def draw(self) -> None:
        """Draw one frame."""
        self.gui.begin()
        theme, choice = self.gui.theme, self.choice
        width, height = self.gui.size
        imgui.set_next_window_pos(ImVec2(0, 0))
        imgui.set_next_window_size(ImVec2(width, height))
        flags = imgui.WindowFlags_
        fixed = flags.no_decoration | flags.no_move | flags.no_saved_settings | flags.no_bring_to_front_on_focus
        imgui.begin("front", None, fixed | flags.no_nav | flags.no_background)
        space, head, foot = theme.px(GAP), theme.px(46), theme.px(30)
        side = min(max(width * 0.28, theme.px(280)), theme.px(380), width * 0.45)
        draw_tabs(theme, choice, (space, 0.0, width - 2 * space, head))
        body = height - head - foot
        left = (space, head, width - side - 3 * space, body)
        clicked, twice = draw_entries(theme, choice, self.games, left)
        if clicked is not None:
            choice.choose(clicked)
        right = (width - side - space, head, side, body)
        card(theme, right)
        pressed = draw_panel(theme, choice, self.games, inset(right, theme.px(PAD)))
        entry = choice.entry
        if twice and entry is not None and entry.actions:
            pressed = entry.actions[0]
        self.act(pressed)
        draw_footer(theme, KEYS, self.note, "amber", (space, height - foot, width - 2 * space, foot))
        if self.help and draw_help(theme, HELP, (width, height)):
            self.help = False
        imgui.end()
        self.gui.end()
