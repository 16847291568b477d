"""The window of `replay`: the stage and panel of `watch` over a timeline; from any frame a person plays on."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from imgui_bundle import ImVec2, imgui

from puffer_arena.errors import ArenaError
from puffer_arena.render.play.match import Sitter
from puffer_arena.render.play.record import free_name
from puffer_arena.render.play.takeover import play_branch
from puffer_arena.render.replay.source import ReplaySource
from puffer_arena.render.replay.timeline import Scrub, draw_timeline
from puffer_arena.render.sounds import OUTCOMES, Speaker, heard
from puffer_arena.render.toolkit import pygame
from puffer_arena.render.window.branching import draw_branching
from puffer_arena.render.window.panels import change_speed, draw_header, draw_speed, toggle_pause
from puffer_arena.render.window.parameters import draw_parameters
from puffer_arena.render.window.policy_view import draw_policy
from puffer_arena.render.window.screen import Screen
from puffer_arena.render.window.sight import draw_sight
from puffer_arena.render.window.theme import SMALL, Theme, colored, font
from puffer_arena.render.window.widgets import Area, Hint, item_tooltip, section
from puffer_arena.replay.branch import fork
from puffer_arena.replay.reader import Replay
from puffer_arena.replay.simulate import make_rows

KEYS = (
    ("Space", "play"),
    ("← →", "step"),
    ("N", "next event"),
    ("B", "best"),
    ("F", "take over"),
    ("H", "keys"),
    ("[ ]", "loop"),
    ("+ −", "speed"),  # noqa: RUF001  the key's own sign
)
HELP = (
    ("Space", "play and pause"),
    ("← →   . ,", "one step; ten with Shift"),
    ("Home   End", "beginning, end"),
    ("PgUp   PgDn", "previous, next episode"),
    ("N", "what happens next"),
    ("B   W   L", "best, worst, longest episode"),
    ("[   ]   \\", "loop from here, to here, no loop"),
    ("+   −", "faster, slower"),  # noqa: RUF001
    ("Enter", "enlarge an environment"),
    ("↑ ↓   Tab", "next environment, next agent"),
    ("F   Shift F", "take over from here; let a bot or a policy"),
    ("Wheel, drag", "come nearer, move or turn the camera; a double click resets it"),
    ("V", "let the camera follow the watched agent, or stay"),
    ("O", "what the watched agent sees"),
    ("M", "no sounds, or sounds again"),
    ("F12", "save a picture"),
    ("Pad", "cross: step; A: play; X: take over; Y: keys; shoulders: episodes; Start: enlarge"),
    ("H, F1", "these keys"),
)
HEARD = 8  # steps at most that are heard as one; further on is a jump
JUMPS = {pygame.K_b: "best", pygame.K_w: "worst", pygame.K_l: "longest"}


class ReplayScreen(Screen):
    """The open window on replays; `run` it, then `close` it.

    Args:
        source: what it shows.
        size: of the window at first.
        sitters: who can steer in branches what the person does not; by default the game's scripted bots.
    """

    keys: Sequence[Hint] = KEYS
    help_lines: Sequence[Hint] = HELP

    def __init__(self, source: ReplaySource, size: tuple[int, int], sitters: Sequence[Sitter] = ()) -> None:
        super().__init__(source, size, sitters=sitters)
        self.replay, self.scrub = source, Scrub()
        self.speaker = Speaker()
        self._listened: tuple[int, int, Any] = (-1, -1, None)  # row, step and state that was heard last
        self.panel.sight.make = lambda: make_rows(source.replays[0], [0])
        if len(source.replays) > 1:
            self.watch.label = source.label

    @property
    def row(self) -> int:
        """The watched row."""
        frame = self.source.frame
        if frame is not None:
            self.watch.slot(frame)
        return self.watch.row or 0

    # -- keys ---------------------------------------------------------------------------------------

    def press(self, key: int, modifiers: int = 0) -> None:
        """Act on a key; `HELP` lists them for people."""
        source = self.replay
        shift = bool(modifiers & pygame.KMOD_SHIFT)
        if modifiers & (pygame.KMOD_CTRL | pygame.KMOD_META):
            super().press(key, modifiers)
            return
        match key:
            case pygame.K_RIGHT | pygame.K_PERIOD | pygame.K_KP_PERIOD:
                source.send("view_step", by=10 if shift else 1)
            case pygame.K_LEFT | pygame.K_COMMA:
                source.send("view_step", by=-10 if shift else -1)
            case pygame.K_HOME:
                source.seek(0)
            case pygame.K_END:
                source.seek(source.steps)
            case pygame.K_PAGEUP:
                source.jump_episode(self.row, -1)
            case pygame.K_PAGEDOWN:
                source.jump_episode(self.row, 1)
            case pygame.K_n:
                source.jump_event(self.row)
            case pygame.K_b | pygame.K_w | pygame.K_l:
                self.jump(JUMPS[key])
            case pygame.K_LEFTBRACKET:
                source.loop = (source.step, max(source.loop[1] if source.loop else source.steps, source.step + 1))
            case pygame.K_RIGHTBRACKET:
                source.loop = (min(source.loop[0] if source.loop else 0, source.step - 1), source.step)
            case pygame.K_BACKSLASH:
                source.loop = None
            case pygame.K_m:
                self.speaker.muted = not self.speaker.muted
            case pygame.K_f:
                self.fork(bot_plays=shift)
            case pygame.K_F12:
                self.save_picture()
            case pygame.K_SPACE:
                toggle_pause(source)
            case pygame.K_PLUS | pygame.K_EQUALS | pygame.K_KP_PLUS:
                change_speed(source, 1)
            case pygame.K_MINUS | pygame.K_KP_MINUS:
                change_speed(source, -1)
            case _:
                super().press(key, modifiers)

    def jump(self, which: str) -> None:
        """Go to the best, worst or longest episode of any row, and watch that row."""
        row = self.replay.jump_to(which)
        if row is not None:
            self.watch.row = row

    def save_picture(self) -> None:
        """Write the window as a PNG beside the replay."""
        path = self.replay.replays[0].path
        picture = free_name(path.with_name(f"{path.stem}-{self.replay.step}"), ".png")
        try:
            pygame.image.save(pygame.surfarray.make_surface(self.pixels().swapaxes(0, 1)), str(picture))
            self.replay.note = f"saved {picture}"
        except (OSError, pygame.error) as error:
            self.replay.note = f"no picture: {error}"

    def fork(self, *, bot_plays: bool = False) -> None:
        """Let the person, or the bot, play on from here in this window; the branch is a replay beside this one."""
        source = self.replay
        source.send("view_pause")
        replay, slot = source.owner(self.row)
        again = partial(make_rows, replay, [slot], autoreset="disabled", record=True)
        self.prepare(again, replay.header.params, lambda: self._branch_off(replay, slot, bot_plays=bot_plays))

    def _branch_off(self, replay: Replay, slot: int, *, bot_plays: bool) -> None:
        source = self.replay
        try:
            branch = fork(replay, min(source.step, replay.steps), replay.header.rows[slot])
            stem = replay.path.with_name(f"{replay.path.stem}-{source.step}")
            source.note = play_branch(
                self, branch, stem, agent=self.watch.agent, bot_plays=bot_plays, params=source.params
            )
        except ArenaError as error:
            source.note = str(error)
        self._held.clear()  # the game has heard of keys that went up

    def close(self) -> None:
        """Close the window."""
        self.speaker.close()
        super().close()

    def listen(self) -> None:
        """Play the sound of what has happened to the watched row since it was listened to last."""
        frame = self.source.frame
        if frame is None or not len(frame.rows):
            return
        state, agent = frame.states[self.watch.slot(frame)], self.watch.agent or 0
        (row, step, before), self._listened = self._listened, (self.row, self.replay.step, state.copy())
        if row != self.row or self.replay.view_paused or not step < self.replay.step <= step + HEARD:
            return
        if before["episode"] != state["episode"] and row in self.replay.endings:
            self.speaker.play(OUTCOMES.get(self.replay.endings[row].outcome, "over"))
        else:
            self.speaker.play(heard(self.replay.env, before, state, agent))

    # -- layout -------------------------------------------------------------------------------------

    def draw(self) -> None:
        """Draw one frame, and let be heard what is new in it."""
        self.listen()
        super().draw()

    def draw_below(self, area: Area) -> None:
        """Draw the timeline where a run has its charts."""
        draw_timeline(self.gui.theme, self.replay, self.row, self.scrub, area)

    def fill_panel(self) -> None:
        """Lay out the side panel."""
        theme, source, frame = self.gui.theme, self.replay, self.source.frame
        draw_header(theme, source)
        draw_origin(theme, source, self.row)
        if frame is None:
            return
        draw_transport(theme, self)
        draw_policy(theme, source, frame, self.watch, self.panel.past)
        draw_sight(theme, source, frame, self.watch, self.panel.sight)
        draw_parameters(theme, source, frame, self.panel.sliders)


def draw_origin(theme: Theme, source: ReplaySource, row: int) -> None:
    """Say who played in the watched row, where a branch comes from, and that the game has changed since."""
    replay = source.owner(row)[0]
    header = replay.header
    lines = [f"{name}: {who}" if name != "all" else who for name, who in header.players.items()]
    if header.parent:
        lines.append(f"a branch of {header.parent.get('file', 'another')} from step {header.parent.get('step', 0)}")
    with font(SMALL), colored(imgui.Col_.text, "muted"):
        for line in lines[:6]:
            imgui.text_wrapped(line[:200])
    if replay.title_note:
        with font(SMALL), colored(imgui.Col_.text, "amber"):
            imgui.text_wrapped(replay.title_note)


def draw_transport(theme: Theme, screen: ReplayScreen) -> None:
    """Lay out what moves through time."""
    source = screen.replay
    section(theme, "Replay")
    room, apart = imgui.get_content_region_avail().x, theme.px(6)

    def buttons(entries: Sequence[tuple[str, str, Callable[[], None]]]) -> None:
        each = (room - (len(entries) - 1) * apart) / len(entries)
        for k, (label, hint, act) in enumerate(entries):
            if k:
                imgui.same_line(0, apart)
            if imgui.button(label, ImVec2(each, theme.px(30))):
                act()
            item_tooltip(theme, hint)

    playing = source.status == "playing"
    buttons(
        [
            ("<", "one step back  ( Left )", lambda: source.send("view_step", by=-1)),
            ("Pause" if playing else "Play", "Space", lambda: toggle_pause(source)),
            (">", "one step on  ( Right )", lambda: source.send("view_step", by=1)),
        ]
    )
    draw_speed(theme, source)
    jumps = [
        (name.title(), f"the {name} episode  ( {name[0].upper()} )", partial(screen.jump, name))
        for name in JUMPS.values()
    ]
    buttons(jumps)
    draw_branching(theme, screen)
