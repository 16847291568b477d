"""What `show` shows: stage, charts and panel laid out, keys and clicks taken in, frames drawn when there is need."""

import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from imgui_bundle import ImVec2, imgui

from puffer_arena.batch.batch import Batch
from puffer_arena.batch.frame import Frame
from puffer_arena.batch.make import make
from puffer_arena.core.fields import Array
from puffer_arena.errors import ArenaError
from puffer_arena.machine.cores import usable_cores
from puffer_arena.render.play.gamepad import Gamepads, view_keys
from puffer_arena.render.play.match import Sitter, scripted
from puffer_arena.render.play.preparing import Preparing, rehearse
from puffer_arena.render.play.record import recording_stem
from puffer_arena.render.play.screen import PlayScreen
from puffer_arena.render.play.takeover import play_branch
from puffer_arena.render.toolkit import pygame
from puffer_arena.render.window.charts import Charts, draw_charts
from puffer_arena.render.window.grid_view import Watch, draw_stage
from puffer_arena.render.window.gui import Gui
from puffer_arena.render.window.kept import play_kept
from puffer_arena.render.window.league import draw_league_panel
from puffer_arena.render.window.meetings import Meetings
from puffer_arena.render.window.overlays import HELP, KEYS, draw_banner, draw_help, draw_waiting
from puffer_arena.render.window.pace import Pace
from puffer_arena.render.window.panels import PAGES, Panel, change_speed, draw_panel, single_step, toggle_pause
from puffer_arena.render.window.source import Source
from puffer_arena.render.window.theme import GAP, PAD
from puffer_arena.render.window.widgets import Area, Hint, card, draw_footer, inset
from puffer_arena.replay.branch import fork_frame

REPEATING = (
    *(pygame.K_LEFT, pygame.K_RIGHT, pygame.K_UP, pygame.K_DOWN, pygame.K_COMMA, pygame.K_PERIOD, pygame.K_TAB),
    *(pygame.K_PAGEUP, pygame.K_PAGEDOWN, pygame.K_KP_PERIOD, pygame.K_z, pygame.K_y),
)
COMPILING = "Compiling"
TRAINER_KEYS = frozenset(("S", "M"))  # of `KEYS`, what only a run that trains answers to
NARROW = 620  # pixels at scale 1 below which the panel folds


class Screen:
    """The open window with all it shows; `run` it, then `close` it."""

    keys: Sequence[Hint] = KEYS  # for people, in the footer
    help_lines: Sequence[Hint] = HELP  # and in full

    def __init__(
        self,
        source: Source,
        size: tuple[int, int],
        meetings: Meetings | None = None,
        sitters: Sequence[Sitter] = (),
    ) -> None:
        self.gui = Gui(f"{source.title} · puffer_arena", size)
        self.source = source
        self.watch, self.panel, self.charts = Watch(), Panel(), Charts()
        self.help = self.league = False
        self.told = ""  # what became of a branch
        self.sitters: Sequence[Sitter] = sitters or scripted(
            source.env
        )  # who can steer in branches what the person does not
        self.chosen = 0  # among them
        self.preparing = Preparing()  # what a branch needs
        self.branch: PlayScreen | None = None  # while the person plays one
        self.on_frame: Callable[[Any], None] | None = None
        self._held: set[int] = set()  # keys
        pygame.joystick.init()
        self.pads = Gamepads()
        self.meetings = meetings
        self._pace = Pace(usable_cores())
        self._shown: object = None  # what the last frame showed, to see whether anything is new

    def run(self, on_frame: "Callable[[Screen], None] | None" = None) -> None:
        """Draw frames until the window is closed."""
        self.on_frame = on_frame
        self.source.send("rows", indices=list(range(self.panel.rows)))
        while not self.gui.closing:
            events = self.gui.events(self._pace.rest(time.perf_counter()))
            now = time.perf_counter()
            for event in events:
                self._pace.touch(now)
                self._take(event)
            source = self.source
            if self._pace.looks(now):
                source.frame_seconds = self._pace.wish(now)
                source.poll()
            self.preparing.poll()
            self._pace.calm = source.mode == "time-lapse" and source.status == "training" and not source.speed
            state = self._state(now)
            fresh = state != self._shown
            if self._pace.due(now, fresh) and pygame.display.get_active():
                self._shown = state
                before = time.process_time()
                self.draw()
                if on_frame is not None:
                    on_frame(self)
                self.gui.flip()
                self._pace.drew(now, time.process_time() - before, fresh)
                if self._pace.lively(now) and self._state(now) != state:
                    self._pace.ask()
                play_kept(source, self.panel.gallery, self.gui)

    def _take(self, event: "pygame.Event") -> None:
        """Act on an event; a key that is held down counts once, but for those that move through something."""
        if event.type == pygame.KEYUP:
            self._held.discard(event.key)
        elif event.type == pygame.WINDOWFOCUSLOST:
            self._held.clear()
        elif event.type == pygame.KEYDOWN and not self.gui.typing and not self._is_stale(event.key):
            self._held.add(event.key)
            self.press(event.key, event.mod)
        for key in view_keys(self.pads, event):
            self.press(key)

    def _is_stale(self, key: int) -> bool:
        """Tell whether a key counts no more until it was up."""
        return key in self._held and key not in REPEATING

    def close(self) -> None:
        """Close the window."""
        self.panel.sight.close()
        pygame.joystick.quit()
        self.gui.close()

    def pixels(self) -> Array:
        """Return the frame just drawn as uint8, shape (height, width, 3); for `on_frame`."""
        return self.gui.pixels()

    def _state(self, now: float) -> object:
        """Return something that differs whenever there is something new to draw."""
        source = self.source
        points = sum(len(points) for points in source.metrics.values())
        beat = int(now * 15) if source.frame is None else 0  # the dots of the wait are moving
        told = (
            source.status,
            source.asked,
            source.view_paused,
            source.note,
            source.mode,
            source.speed,
            id(source.steering),
            self.preparing.busy,
            self.told,
        )
        return id(source.frame), *told, points, beat

    # -- keys ---------------------------------------------------------------------------------------

    def press(self, key: int, modifiers: int = 0) -> None:
        """Act on a key; `overlays.KEYS` lists them for people."""
        source, frame, watch = self.source, self.source.frame, self.watch
        self.told = ""
        if modifiers & (pygame.KMOD_CTRL | pygame.KMOD_META):
            steering = self.panel.sliders.steering
            if self.gui.press_scale(key):
                return
            if key == pygame.K_y or (key == pygame.K_z and modifiers & pygame.KMOD_SHIFT):
                steering.redo(source)
            elif key == pygame.K_z:
                steering.undo(source)
            return
        match key:
            case pygame.K_ESCAPE if imgui.is_popup_open("", imgui.PopupFlags_.any_popup):
                pass  # it closes that
            case pygame.K_ESCAPE if self.preparing.cancel():
                pass  # no branch begins
            case pygame.K_ESCAPE:
                self.help = self.league = watch.enlarged = False
            case pygame.K_h | pygame.K_F1:
                self.help = not self.help
            case pygame.K_RETURN:
                watch.enlarged = not watch.enlarged
            case pygame.K_RIGHT | pygame.K_DOWN if frame is not None:
                watch.move(frame, 1)
            case pygame.K_LEFT | pygame.K_UP if frame is not None:
                watch.move(frame, -1)
            case pygame.K_v if frame is not None and len(frame.rows):
                self.told = watch.follow(source.env, frame)
            case pygame.K_o:
                self.panel.sight.shown = not self.panel.sight.shown
            case pygame.K_f:
                self.fork(bot_plays=bool(modifiers & pygame.KMOD_SHIFT))
            case pygame.K_l:
                self.league = not self.league
            case pygame.K_c:
                self.panel.page = (self.panel.page + 1) % len(PAGES)
            case pygame.K_TAB if source.agent_ids:
                back = bool(modifiers & pygame.KMOD_SHIFT)
                watch.agent = (watch.agent + (-1 if back else 1)) % len(source.agent_ids)
            case _:
                self._steer(key)

    def fork(self, *, bot_plays: bool = False) -> None:
        """Let the person, or the bot, play on from the watched row as it is now; the branch is a replay."""
        source, frame = self.source, self.source.frame
        if frame is not None and len(frame.rows):
            made = dict(source.made)
            again = partial(make, source.env_id, 1, autoreset="disabled", record=True, **made)
            self.prepare(again, made, lambda: self._begin_branch(frame, bot_plays=bot_plays))

    def prepare(self, again: Callable[[], Batch], made: Mapping[str, Any], begin: Callable[[], None]) -> None:
        """Begin a branch once its code is compiled, which takes some seconds beside the window the first time.

        Args:
            again: makes such a row as the branch's.
            made: the parameters that it is made with.
            begin: begins the branch.
        """
        sitter, env = self.sitters[self.chosen], self.source.env
        key = self.source.env_id, repr(made), sitter.name
        self.preparing.begin(key, lambda: rehearse(again, sitter), begin, beside=env.engine != "panda3d")

    def _begin_branch(self, frame: Frame, *, bot_plays: bool) -> None:
        source = self.source
        try:
            branch = fork_frame(source.env_id, source.made, frame, self.watch.slot(frame), source.title)
            stem = recording_stem(source.env.name)
            self.told = play_branch(self, branch, stem, agent=self.watch.agent, bot_plays=bot_plays, params={})
        except ArenaError as error:
            self.told = str(error)
        self._held.clear()  # the game has heard of keys that went up

    def _steer(self, key: int) -> None:
        source = self.source
        if source.status in ("waiting", "lost") and source.mode != "smooth":
            return
        match key:
            case pygame.K_SPACE:
                toggle_pause(source)
            case pygame.K_PERIOD | pygame.K_KP_PERIOD:
                single_step(source)
            case pygame.K_PLUS | pygame.K_EQUALS | pygame.K_KP_PLUS:
                change_speed(source, 1)
            case pygame.K_MINUS | pygame.K_KP_MINUS:
                change_speed(source, -1)
            case pygame.K_s if "time-lapse" in source.modes:
                source.send("save")
            case pygame.K_F9 if "time-lapse" in source.modes:
                source.send("record")
            case pygame.K_m if len(source.modes) > 1:
                modes = list(source.modes)
                source.send("mode", name=modes[(modes.index(source.mode) + 1) % len(modes)])

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
        fixed |= flags.no_background  # the cleared frame has that colour already
        imgui.begin("puffer_arena", None, fixed | flags.no_nav)
        space, footer = theme.px(GAP), theme.px(30)
        side = min(max(width * 0.26, theme.px(300)), theme.px(400), width * 0.45)
        if width < theme.px(NARROW):  # the panel folds: what is watched comes first
            side = -space
        left_width = width - side - 3 * space
        charts = min(max(height * 0.27, theme.px(120)), theme.px(290))
        stage = height - charts - footer - 3 * space
        self._draw_stage((space, space, left_width, stage))
        self.draw_below((space, stage + 2 * space, left_width, charts))
        self._draw_footer((space, height - footer, width - 2 * space, footer))
        if side > 0:
            self._draw_side((width - side - space, space, side, height - footer - 2 * space))
        if self.help and draw_help(theme, self.help_lines, (width, height)):
            self.help = False
        imgui.end()
        self.gui.end()

    def draw_below(self, area: Area) -> None:
        """Draw what stands under the stage: the run's curves."""
        self.panel.sliders.steering.adopt(self.source)
        self.charts.marks = self.panel.sliders.steering.marks
        draw_charts(self.gui.theme, self.charts, self.source.metrics, area)

    def fill_panel(self) -> None:
        """Lay out the side panel."""
        draw_panel(self.gui.theme, self.source, self.watch, self.panel, self)

    def _draw_stage(self, area: Area) -> None:
        source, theme = self.source, self.gui.theme
        if self.league:
            if self.meetings is None:
                draw_league_panel(theme, source.metrics, area)
            else:
                self.meetings.poll()
                draw_league_panel(theme, source.metrics, area, self.meetings.begin, self.meetings.note)
            return
        if source.frame is None or not len(source.frame.rows):
            draw_waiting(theme, source, area)
            return
        self.watch.endings = source.endings
        draw_stage(theme, source.env, source.frame, self.watch, area)
        if source.status == "lost":
            draw_banner(theme, f"Connection lost: {source.note or 'the run does not answer'}", "rose", area)
        elif self.preparing.busy:
            draw_banner(theme, f"{COMPILING} {source.env.name}, which takes some seconds the first time", "amber", area)

    def _draw_side(self, area: Area) -> None:
        theme = self.gui.theme
        card(theme, area)
        x, y, width, height = inset(area, theme.px(PAD))
        imgui.set_cursor_screen_pos(ImVec2(x, y))
        imgui.begin_child("side", ImVec2(width + theme.px(PAD) - 2, height), 0, imgui.WindowFlags_.no_nav)
        imgui.begin_child("inner", ImVec2(width, 0), imgui.ChildFlags_.auto_resize_y, imgui.WindowFlags_.no_nav)
        self.fill_panel()
        imgui.end_child()
        imgui.end_child()

    def _draw_footer(self, area: Area) -> None:
        faults = self.watch.faults
        note = min(faults) if faults else (self.told or self.source.note) if self.source.status != "lost" else ""
        dead = dead_keys(self.source)
        hints = [hint for hint in self.keys if hint[0] not in dead]
        draw_footer(self.gui.theme, hints, note, "rose" if faults else "amber", area)


def dead_keys(source: Source) -> frozenset[str]:
    """Return the keys of the footer that nothing answers to now."""
    trains = "time-lapse" in source.modes and source.status in ("training", "paused")
    return frozenset() if trains else TRAINER_KEYS
