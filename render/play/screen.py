"""The window of `play`: keys and pads in, steps at natural speed, the game and what there is to say about it."""

import time
from collections.abc import Callable

from imgui_bundle import ImVec2, imgui

from puffer_arena.core.composites import leaves
from puffer_arena.core.fields import Array
from puffer_arena.core.spaces import Box
from puffer_arena.errors import ArenaError
from puffer_arena.render.draw.look import Look
from puffer_arena.render.play.game import Game
from puffer_arena.render.play.gamepad import ACT, Gamepads, menu_action, stick_axes
from puffer_arena.render.play.overlays import (
    CONFETTI_SECONDS,
    MESSAGE_HEIGHT,
    draw_chooser,
    draw_confetti,
    draw_footer,
    draw_head,
    draw_message,
    help_lines,
)
from puffer_arena.render.play.record import GameRecorder
from puffer_arena.render.play.seats import MOST_SEAT_KEYS, draw_seats, seats_room
from puffer_arena.render.sounds import OUTCOMES, Speaker, heard
from puffer_arena.render.toolkit import pygame
from puffer_arena.render.window.gui import Gui
from puffer_arena.render.window.overlays import draw_help
from puffer_arena.render.window.theme import GAP
from puffer_arena.render.window.widgets import Area, card, inset
from puffer_arena.render.world.picture import draw_row, looks_over_shoulders

FRAME = 1 / 60  # seconds
MOST_STEPS = 4  # made up at once after a hitch
REWIND = 1.0  # seconds of play that Backspace takes back
STILL = 0.25  # seconds between frames while nothing moves
SPEEDS = (0.1, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 4.0, 8.0)
BEGINNING = ("space", "return", ACT)  # keys that begin, whether they mean something in the game or not
READY, PLAYING, PAUSED, OVER = "ready", "playing", "paused", "over"


class PlayScreen:
    """The open window with a game in it; `run` it, then `close` it."""

    def __init__(self, game: Game, size: tuple[int, int], speed: float = 1.0, gui: Gui | None = None) -> None:
        self.game, self.speed = game, speed
        self.recorder = GameRecorder(game)
        self.left = False  # a branch: the person goes back to the replay in the same window
        self.borrowed = gui is not None  # a branch in the window of what it comes from
        self.gui = gui or Gui(f"{game.env.name} · puffer_arena", size)
        pygame.key.set_repeat()  # a key held down is pressed once
        pygame.joystick.init()
        self.pads = Gamepads(
            stick_axes(game.keys),
            analog=any(isinstance(leaf, Box) for _, leaf in leaves(game.wanted)),
            chooses=True,
        )
        self.phase, self.help = READY if game.hands else PLAYING, False  # bots alone wait for nobody
        self.speaker = Speaker()
        self.seat: int | None = None  # chosen by a pad, which has no key for each
        self.message = ""  # what the environment says about its state
        self.look = Look()  # the game's own camera; it knows where the picture lies
        self._due = time.perf_counter()
        self._ended = -1e9  # when the last episode did
        self._stepped = 0.0  # when the last step was made
        self._changed = True

    def run(self, on_frame: "Callable[[PlayScreen], None] | None" = None) -> None:
        """Play until the window is closed."""
        drawn = -1e9
        while not (self.gui.closing or self.left):
            now = time.perf_counter()
            for event in self.gui.events():
                self._changed = True
                self.take(event)
            self.advance(now)
            if self._changed or self._celebrates(now) or drawn - self._stepped < self.interval or now - drawn >= STILL:
                self._changed, drawn = False, now
                self.draw()
                if on_frame is not None:
                    on_frame(self)
                self.gui.flip()
            time.sleep(max(FRAME - (time.perf_counter() - now), 0.001))

    def close(self) -> None:
        """Close the window."""
        self.recorder.close()
        self.speaker.close()
        if not self.borrowed:
            pygame.joystick.quit()
            self.gui.close()

    def pixels(self) -> Array:
        """Return the frame just drawn as uint8, shape (height, width, 3); for `on_frame`."""
        return self.gui.pixels()

    # -- time ---------------------------------------------------------------------------------------

    @property
    def interval(self) -> float:
        """Seconds between two steps."""
        seconds: float = 1.0 / (self.game.env.steps_per_second * self.speed)
        return seconds

    @property
    def moment(self) -> float:
        """The part of the last step that has passed, 0 to 1."""
        return min(max((time.perf_counter() - self._stepped) / self.interval, 0.0), 1.0)

    def advance(self, now: float) -> None:
        """Make the steps that are due; after a hitch the rest is dropped."""
        interval = self.interval
        if self.phase != PLAYING or self.help:
            self._due = now if self.game.waits else now + interval  # what begins it is nothing to catch up with
            return
        if self.game.waits:
            self._due = now  # the person's move is made at once
            return
        self._due = max(self._due, now - MOST_STEPS * interval)
        while self._due <= now and self.phase == PLAYING and not self.game.waits:
            self._due += interval
            self.recorder.tell()
            if self.game.match is not None:
                self.game.match.mixed |= self.speed < 1.0  # easier than it is
            before = self.game.batch.rows.states[0].copy()
            self.game.step()
            self._stepped, self._changed = now, True
            if self.game.over:
                self.phase, self._ended = OVER, now
                self.speaker.play(OUTCOMES.get(self.game.outcome, "over"))
            else:
                self.speaker.play(heard(self.game.env, before, self.game.batch.rows.states[0], self.game.agent))

    def _celebrates(self, now: float) -> bool:
        """Tell whether a success was a moment ago."""
        return self.phase == OVER and now - self._ended < CONFETTI_SECONDS and self.game.outcome == "won"

    # -- keys ---------------------------------------------------------------------------------------

    def take(self, event: "pygame.Event") -> None:
        """Act on a pygame event."""
        if event.type == pygame.KEYDOWN:
            self.press(event.key, event.mod)
        elif event.type == pygame.KEYUP:
            self.game.release(key_name(event.key))
        elif event.type == pygame.WINDOWFOCUSLOST:
            self.game.release_all()
            if self.phase == PLAYING:
                self.phase = PAUSED
        elif (action := menu_action(event)) is not None:
            self._pad_command(action)
        pad = getattr(event, "instance_id", None)
        for key, strength in self.pads.translate(event):
            if strength:
                self.play_key(key, strength, pad)
            else:
                self.game.release(key, pad)
        if event.type in (pygame.JOYDEVICEADDED, pygame.JOYDEVICEREMOVED):
            self.game.share_pads(self.pads.numbers)
        if event.type == pygame.JOYDEVICEREMOVED and self.phase == PLAYING:  # somebody has left, or will be back
            self.game.release_all()
            self.phase = PAUSED

    def press(self, key: int, modifiers: int = 0) -> None:
        """Act on a key: the game's own keys come first, then the window's."""
        if modifiers & (pygame.KMOD_CTRL | pygame.KMOD_META):
            self.gui.press_scale(key)
            return
        if self.help and key in (pygame.K_ESCAPE, pygame.K_RETURN):
            self.help = False
            return
        if not self.play_key(key_name(key)):
            self._command(key, back=bool(modifiers & pygame.KMOD_SHIFT))

    def play_key(self, name: str, strength: float = 1.0, pad: int | None = None) -> bool:
        """Give a key to the game, which it also starts or resumes; tell whether it took it."""
        if self.phase == OVER and name in BEGINNING:
            self.restart()
            return True
        if self.phase in (READY, PAUSED) and (name in BEGINNING or self.game.reads(name, pad)):
            self.phase, self.help = PLAYING, False
            if self.game.reads(name, pad):
                self.game.press(name, strength, pad)
            return True
        return self.phase != OVER and self.game.press(name, strength, pad)

    def _point(self) -> None:
        """Let the mouse choose what it points at in the picture just drawn; a click also starts or resumes the game."""
        x, y = imgui.get_mouse_pos()
        if self.look.seen is None or self.help or self.phase == OVER or not imgui.is_window_hovered():
            return
        found = self.game.at(*self.look.seen.world(x, y))
        if found is None:
            return
        imgui.set_mouse_cursor(imgui.MouseCursor_.hand)
        if imgui.is_mouse_clicked(imgui.MouseButton_.left):
            hands, choice = found
            self.phase, self._changed = PLAYING, True
            hands.taps.append(choice)

    def _command(self, key: int, *, back: bool) -> None:
        seat = key - pygame.K_F1
        if self.game.match is not None and 0 <= seat < MOST_SEAT_KEYS:
            self.swap(seat, -1 if back else 1)
            return
        match key:
            case pygame.K_ESCAPE if self.borrowed:
                self.left = True
            case pygame.K_F9:
                self.recorder.toggle()
            case pygame.K_BACKSPACE:
                self.rewind()
            case pygame.K_p | pygame.K_ESCAPE | pygame.K_PAUSE:
                self.pause()
            case pygame.K_r | pygame.K_F5:
                self.restart()
            case pygame.K_h | pygame.K_F1:
                self.help = not self.help
            case pygame.K_F3 | pygame.K_F4:
                self.choose_bot(1 if key == pygame.K_F4 else -1)
            case pygame.K_j | pygame.K_F6:
                self.take_seats()
            case pygame.K_TAB:
                self.game.steer(-1 if back else 1)
            case pygame.K_b | pygame.K_F2:
                self.let_bot_play()
            case pygame.K_PLUS | pygame.K_EQUALS | pygame.K_KP_PLUS:
                self.change_speed(1)
            case pygame.K_MINUS | pygame.K_KP_MINUS:
                self.change_speed(-1)
            case pygame.K_m:
                self.speaker.muted = not self.speaker.muted
            case pygame.K_F11:
                pygame.display.toggle_fullscreen()

    def _pad_command(self, action: str) -> None:
        """Act on a pad's menu button; in a match the shoulders choose a seat and put somebody else into it."""
        match = self.game.match
        if action == "restart":
            self.restart()
        elif action == "pause":
            self.pause()
        elif action == "bot":
            self.let_bot_play()
        elif action == "back" and self.borrowed:
            self.left = True
        elif action == "left shoulder" and match is not None:
            self.seat = 0 if self.seat is None else (self.seat + 1) % min(len(match.seats), MOST_SEAT_KEYS)
        elif action == "left shoulder":
            self.rewind()
        elif action == "right shoulder" and match is not None:
            self.seat = self.seat or 0
            self.swap(self.seat)

    def pause(self) -> None:
        """Pause, or go on."""
        if self.phase in (PLAYING, PAUSED):
            self.phase = PAUSED if self.phase == PLAYING else PLAYING

    def take_seats(self) -> None:
        """Let several people play: show the seats before a new round."""
        if self.game.match is None:
            self.game.take_seats()
            self.phase = READY if self.game.match is not None else self.phase

    def swap(self, seat: int, by: int = 1) -> None:
        """Put somebody else into a seat; begin where nobody but bots is left to wait for."""
        try:
            if self.game.swap(seat, by) is not None and not self.game.hands and self.phase == READY:
                self.phase = PLAYING
        except ArenaError as error:
            self.recorder.note = str(error)

    def rewind(self) -> None:
        """Turn time back by a second; play goes on with the next key."""
        self.game.rewind(REWIND)
        if self.phase != READY:
            self.phase = PAUSED

    def let_bot_play(self) -> None:
        """Let the bot play for the person, or take over again; it begins where nothing is going on."""
        self.game.bot_plays = not self.game.bot_plays
        if self.phase == OVER:
            self.restart()
        elif self.phase == READY:
            self.phase = PLAYING

    def choose_bot(self, by: int) -> None:
        """Let the next, or the one before, of the roster steer whom the person does not."""
        try:
            self.game.choose_bot(by)
        except ArenaError as error:
            self.recorder.note = str(error)

    def restart(self) -> None:
        """Begin a new episode; it starts at once."""
        self.game.restart()
        self.phase = PLAYING
        self._due = time.perf_counter() + self.interval

    def change_speed(self, by: int) -> None:
        """Go some stops faster or slower."""
        near = min(range(len(SPEEDS)), key=lambda k: abs(SPEEDS[k] - self.speed))
        self.speed = SPEEDS[min(max(near + by, 0), len(SPEEDS) - 1)]

    # -- drawing ------------------------------------------------------------------------------------

    def draw(self) -> None:
        """Draw one frame."""
        self.gui.begin()
        theme = self.gui.theme
        width, height = self.gui.size
        imgui.set_next_window_pos(ImVec2(0, 0))
        imgui.set_next_window_size(ImVec2(width, height))
        flags = imgui.WindowFlags_
        imgui.begin(
            "play",
            None,
            flags.no_decoration | flags.no_move | flags.no_saved_settings | flags.no_nav | flags.no_background,
        )
        space, head, foot = theme.px(GAP), theme.px(58), theme.px(30)
        stage = (space, head, width - 2 * space, height - head - foot)
        card(theme, stage)
        batch = self.game.batch
        told = theme.px(MESSAGE_HEIGHT)  # room for a card, so that nothing is hidden, and nothing jumps when it comes
        aside = seats_room(theme, stage) if self.game.match is not None else 0.0
        board = stage[0] + aside, stage[1], stage[2] - aside, stage[3] - told
        area = inset(board, theme.px(12))
        row = batch.state(0), batch.state_params(0)
        agents = [hands.agent for hands in self.game.hands] or [self.game.agent]
        look = self.look if self.game.env.click is not None else None
        views = agents if looks_over_shoulders(self.game.env, *row, agents) else agents[:1]
        for slot, (agent, part) in enumerate(zip(views, side_by_side(area, len(views), space), strict=True)):
            mine = agent if batch.num_agents else None
            self.message, _ = draw_row(self.game.env, *row, part, slot, mark=mine, moment=self.moment, look=look)
        if self._celebrates(now := time.perf_counter()):
            draw_confetti(theme, now - self._ended, area)
        draw_head(theme, self, (space, 0.0, width - 2 * space, head))
        draw_footer(theme, self, (space, height - foot, width - 2 * space, foot))
        if self.help:
            self.help = not draw_help(theme, help_lines(self), (width, height))
        else:
            draw_message(theme, self, stage)
            if self.phase == PLAYING and self.pads.numbers and not self.game.bot_plays:
                draw_chooser(theme, self, stage)
        seats = 0.0, 0.0, 0.0, 0.0
        if self.game.match is not None and (self.phase != PLAYING or aside) and not self.help:
            seats = draw_seats(theme, self.game.match, self.game.hands, stage, self.seat)
        if not is_over(seats, imgui.get_mouse_pos()):
            self._point()
        imgui.end()
        self.gui.end()


def side_by_side(area: Area, count: int, apart: float) -> list[Area]:
    """Return an area in `count` parts beside one another."""
    x, y, width, height = area
    each = (width - (count - 1) * apart) / count
    return [(x + k * (each + apart), y, each, height) for k in range(count)]


def is_over(area: Area, point: ImVec2) -> bool:
    """Tell whether a point of the window lies in an area."""
    return 0.0 <= point.x - area[0] < area[2] and 0.0 <= point.y - area[1] < area[3]


def key_name(key: int) -> str:
    """Return a key's name as environments write it; either of two shift keys is "shift"."""
    return pygame.key.name(key).removeprefix("left ").removeprefix("right ")
