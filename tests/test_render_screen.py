"""The window's drawing, in this process: every environment, every state of a run, every key, under Xvfb."""

import dataclasses
import threading
from collections.abc import Iterator
from itertools import takewhile

import numpy as np
import pytest
from imgui_bundle import imgui

from puffer_arena import ArenaError, list_envs, make
from puffer_arena.batch.frame import Frame
from puffer_arena.errors import ParameterError
from puffer_arena.render.window.local_source import LocalSource

pytest.importorskip("imgui_bundle")
from puffer_arena.cli.seats import Ratings, build_match
from puffer_arena.render.play.game import Game
from puffer_arena.render.play.match import Sitter
from puffer_arena.render.play.screen import PlayScreen
from puffer_arena.render.toolkit import pygame
from puffer_arena.render.window import branching, overlays
from puffer_arena.render.window import screen as screen_module
from puffer_arena.render.window.imgui_canvas import packed
from puffer_arena.render.window.kept import play_kept
from puffer_arena.render.window.panels import describe_stop
from puffer_arena.render.window.window import show
from tests.steered import Steered
from tests.test_render_league import METRICS
from tests.xvfb import unplug_mouse

TRIES = 3  # down a panel whose lines may move while it is gone down


@pytest.fixture(autouse=True)
def on_display(display, monkeypatch):
    for name in ("DISPLAY", "SDL_VIDEODRIVER", "LIBGL_ALWAYS_SOFTWARE"):
        monkeypatch.setenv(name, display[name])
    pygame.display.quit()  # the dummy one of a test before, which a viewer leaves as it found it
    unplug_mouse(monkeypatch)


class Scripted(LocalSource):
    """A source that records commands and may claim to be anything."""

    modes = ("time-lapse", "smooth")

    def __init__(self, env_id, **kwargs):
        super().__init__(make(env_id, 6, seed=2), choose=speak, **kwargs)
        self.sent = []
        self.status, self.mode, self.total = "training", "time-lapse", 8_000_000
        steps = np.linspace(0, 5e6, 700)
        for name in ("episode_return", "loss/value", "score", "learning_rate"):
            self.metrics = {**self.metrics, name: [(float(x), 1e-3 + float(x % 7)) for x in steps]}
        for role in self.env.agents:
            self.metrics = {**self.metrics, f"episode_return/{role}": [(0.0, 1.0), (5e6, 2.0)]}

    def send(self, command, **arguments):
        self.sent.append((command, arguments))
        if command == "mode":
            self.mode = arguments["name"]
        super().send(command, **arguments)


def speak(batch):
    """Play by the bot, claiming equal probabilities where the actions are choices."""
    leading = (batch.num_envs, max(batch.num_agents, 1))
    count = getattr(batch.action, "n", 0) or sum(getattr(batch.action, "nvec", ()))
    probs = np.full((*leading, count), 1 / count, np.float32) if count else None
    return batch.act(next(iter(batch.env.bots))), probs, np.ones(leading, np.float32)


def watch(source, *acts, frames=3, size=(960, 600)):
    """Show `source`; after some frames do the next act; return the pictures seen before each, and the last.

    An iterator among the acts gives them one by one, so that it may end when there is nothing left to try.
    """
    pictures, state = [], {"frames": 0}
    waiting = (act for given in acts for act in (given if isinstance(given, Iterator) else [given]))

    def on_frame(screen):
        state["frames"] += 1
        screen._pace.touch(1e12)  # draw every frame
        if state["frames"] < frames:
            return
        state["frames"] = 0
        pictures.append(screen.pixels())
        act = next(waiting, None)
        if act is None:
            screen.gui.closing = True
            return
        act(screen)

    show(source, size=size, on_frame=on_frame)
    source.close()
    return pictures


def key(code, modifiers=0):
    return lambda screen: screen.press(code, modifiers)


def mouse(kind, x, y, button=1):
    """Return an act that moves the mouse there, and may press or release a button."""

    def act(screen):
        motion = {"pos": (x, y), "rel": (0, 0), "buttons": (0, 0, 0)}
        pygame.event.post(pygame.event.Event(pygame.MOUSEMOTION, **motion))
        if kind != pygame.MOUSEMOTION:
            pygame.event.post(pygame.event.Event(kind, pos=(x, y), button=button))

    return act


STILL = 20  # frames in a row after which what is laid out stays there


def click(x, y, button=1):
    return [
        mouse(pygame.MOUSEMOTION, x, y),
        mouse(pygame.MOUSEBUTTONDOWN, x, y, button),
        mouse(pygame.MOUSEBUTTONUP, x, y, button),
    ]


def holds(picture, name):
    """Tell whether a palette colour occurs in a picture."""
    code = packed(name)
    wanted = [code & 255, code >> 8 & 255, code >> 16 & 255]
    return bool((picture == wanted).all(axis=-1).any())


@pytest.mark.parametrize("env_id", list_envs())
def test_every_environment_is_drawn_as_tiles_and_enlarged(env_id):
    faults = []
    source = Scripted(env_id)
    tiles, large, _ = watch(source, key(pygame.K_RETURN), lambda screen: faults.extend(screen.watch.faults))
    assert faults == []
    assert tiles.shape == large.shape == (600, 960, 3)
    assert (tiles != large).any()
    assert holds(large, "accent")


NEARER = pytest.approx(1.4**1.5)


def test_the_mouse_moves_the_camera_and_a_key_lets_it_follow():
    told = []

    def wheel(screen):
        pygame.event.post(pygame.event.Event(pygame.MOUSEWHEEL, x=0, y=3, precise_x=0.0, precise_y=3.0, flipped=False))

    def tell(screen):
        told.append((screen.watch.look.zoom, screen.watch.look.follows, screen.watch.enlarged, screen.told))

    def slow_clicks(screen):
        imgui.get_io().mouse_single_click_delay, imgui.get_io().mouse_double_click_time = (
            61.0,
            60.0,
        )  # however slow this machine is

    drag = [mouse(pygame.MOUSEBUTTONDOWN, 300, 200), mouse(pygame.MOUSEMOTION, 340, 220)]
    drag += [mouse(pygame.MOUSEMOTION, 380, 240), mouse(pygame.MOUSEBUTTONUP, 380, 240)]
    acts = [slow_clicks, key(pygame.K_RETURN), mouse(pygame.MOUSEMOTION, 300, 200), wheel, tell, key(pygame.K_v), tell]
    watch(Scripted("maze"), *acts, *drag, tell, *click(380, 240), *click(380, 240)[1:], tell, frames=2)
    assert told == [
        (NEARER, False, True, ""),
        (NEARER, True, True, ""),
        (NEARER, False, True, ""),  # a drag is no click, and leaves the agent
        (1.0, False, True, ""),  # nor is a double click
    ]
    told.clear()
    watch(Scripted("bandit"), key(pygame.K_v), tell, frames=2)
    assert told == [(1.0, False, False, "bandit does not tell where this agent is")]


def test_a_branch_is_handed_to_who_is_chosen_and_who_cannot_play_is_told_and_left_out(tmp_path, monkeypatch):
    def refuse(batch):
        raise ParameterError("trained with other sizes")

    def hand_over(screen):
        screen.chosen = 2
        places = buttons[-2::-3][:STILL]  # of the three with a tooltip, the last of which lists who plays
        if len(places) == STILL and len(set(places)) == 1 and not clicked:  # now all lies where it stays
            clicked.append(screen)
            for act in click(*places[0]):
                act(screen)

    def note_button(theme, text):
        low, high = imgui.get_item_rect_min(), imgui.get_item_rect_max()
        buttons.append((round((low.x + high.x) / 2), round((low.y + high.y) / 2)))

    def play_on(screen):
        if screen.game.steps > begun:
            seen.append((screen.game.bot_name, screen.game.bot_plays))
            screen.press(pygame.K_F4)
            seen.append((screen.game.bot_name, screen.recorder.note))
            screen.press(pygame.K_F4)
            seen.append((screen.game.bot_name, len(screen.game.roster)))
            screen.left = True

    monkeypatch.chdir(tmp_path)
    seen, told, buttons, clicked, source = [], [], [], [], Scripted("snake")
    source.status, source.modes, source.mode = "playing", ("smooth",), "smooth"
    monkeypatch.setattr(branching, "item_tooltip", note_button)
    begun = int(source.frame.states["step_count"][0])
    sitters = [Sitter("broken", refuse), Sitter("other", lambda batch: batch.act("greedy"))]
    sitters.append(Sitter("policy", lambda batch: batch.act("greedy")))

    def on_frame(screen):
        if screen.__class__ is PlayScreen:
            play_on(screen)
        elif not seen:
            screen._pace.touch(1e12)
            hand_over(screen)
        elif not told:
            told.append(screen.told)
            screen.chosen = 0
            screen.fork(bot_plays=True)
        elif not screen.preparing.busy:  # what they need is there, or not
            told.append(screen.told)
            screen.gui.closing = True

    show(source, size=(960, 780), on_frame=on_frame, sitters=sitters)
    source.close()
    assert seen == [("policy", True), ("policy", "trained with other sizes"), ("other", 2)]
    assert told[0].startswith("recorded") and told[1] == "trained with other sizes"


def test_the_window_lives_while_a_branchs_code_is_compiled(tmp_path, monkeypatch):
    """The first branch of a game waits beside the window, which draws and hears keys; Esc lets it go."""
    gate, frames, branches, source = threading.Event(), [], [], Scripted("snake")

    def rehearse(make, sitter):
        with make() as batch:
            assert (batch.num_envs, sitter.name) == (1, "bot:greedy")
        gate.wait(60)

    def on_frame(screen):
        if screen.__class__ is PlayScreen:
            branches.append(len(frames))
            screen.left = True
            return
        screen._pace.touch(1e12)
        frames.append(screen.preparing.busy)
        if len(frames) == 3:
            screen.press(pygame.K_f)
            assert not branches  # the key is answered at once
        elif len(frames) == 6:
            assert holds(screen.pixels(), "amber")
            screen.press(pygame.K_ESCAPE)
        elif len(frames) == 9:
            screen.press(pygame.K_f)
        elif len(frames) == 12:
            gate.set()
        screen.gui.closing = bool(branches)

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(screen_module, "rehearse", rehearse)
    source.status, source.modes, source.mode = "playing", ("smooth",), "smooth"
    show(source, size=(960, 600), on_frame=on_frame)
    source.close()
    assert frames[:12] == [False] * 3 + [True] * 3 + [False] * 3 + [True] * 3
    assert branches and branches[0] >= 12


def test_a_fault_in_draw_is_shown_and_the_window_lives_on():
    def broken(s, p, canvas):
        canvas.view(1, 1)
        raise ZeroDivisionError("no such tile")

    source, faults = Scripted("snake"), []
    source.env = dataclasses.replace(source.env, draw=broken)
    watch(source, lambda screen: faults.extend(screen.watch.faults))
    assert faults == ["snake: draw: no such tile"]


@pytest.mark.parametrize("status", ["waiting", "lost", "finished", "stopped"])
def test_a_run_without_frames_is_drawn_kindly(status):
    source = Scripted("tag")
    source.status, source.metrics = status, {}
    source.poll = lambda: None
    source.send = lambda command, **arguments: None
    source.frame = None
    (picture,) = watch(source)
    assert holds(picture, "text")


def test_a_run_that_was_stopped_says_at_what_step():
    source = Scripted("snake")
    assert describe_stop(source) == "stopped at 5.00 M of 8.00 M"
    source.total = 0  # as where that is not known
    assert describe_stop(source) == "stopped at 5.00 M"


def test_a_lost_run_keeps_its_last_picture_under_a_banner():
    def lose(screen):
        source.poll = lambda: None
        source.status, source.note = "lost", "the trainer has gone"

    source = Scripted("snake")
    before, after = watch(source, lose)
    assert holds(after, "rose")
    assert (before != after).any()


def test_frames_without_rows_and_without_a_policy_are_borne():
    def empty(screen):
        source.poll = lambda: None
        old = source.frame
        source.frame = Frame(5, old.rows[:0], old.states[:0], old.params[:0])

    source = Scripted("snake")
    source._choose = lambda batch: batch.act("greedy")
    assert len(watch(source, empty)) == 2


def test_keys_steer_the_run_and_the_picture():
    source = Scripted("snake")
    codes = [pygame.K_SPACE, pygame.K_SPACE, pygame.K_PERIOD, pygame.K_PLUS, pygame.K_MINUS, pygame.K_s, pygame.K_m]
    watch(source, *(key(code) for code in codes), key(pygame.K_RIGHT), key(pygame.K_LEFT), key(pygame.K_TAB), frames=1)
    names = [command for command, _ in source.sent]
    assert names == ["rows", "pause", "resume", "step", "speed", "speed", "save", "mode"]


def test_keys_of_a_run_that_is_not_there_do_nothing():
    source = Scripted("snake")
    source.status = "lost"
    watch(source, key(pygame.K_SPACE), key(pygame.K_s), frames=1)
    assert [command for command, _ in source.sent] == ["rows"]


def test_the_league_lies_over_the_stage_until_its_key_comes_again():
    def shown(metrics, *keys):
        source = Scripted("tag")
        source.metrics = {**source.metrics, **metrics}
        return watch(source, *keys)[-1][20:380, 20:600]

    without = shown({}, key(pygame.K_l))
    league = shown(METRICS, key(pygame.K_l))
    assert holds(league, "accent") and (without != league).any()
    assert (shown(METRICS, key(pygame.K_l), key(pygame.K_l)) != league).any()


def test_help_lies_over_everything_until_a_click():
    shown = []
    source = Scripted("snake")
    watch(
        source,
        key(pygame.K_h),
        lambda screen: shown.append(screen.help),
        *click(480, 300),
        lambda screen: shown.append(screen.help),
    )
    assert shown == [True, False]


def test_help_fits_into_a_low_window(monkeypatch):
    lines, write = [], overlays.write
    monkeypatch.setattr(overlays, "write", lambda theme, at, *rest: (lines.append(at[1]), write(theme, at, *rest)))
    watch(Scripted("snake"), key(pygame.K_h), size=(640, 360))
    assert len(set(lines)) > len(overlays.HELP) and max(lines) < 360 - 15  # each as high as its letters


def test_the_interface_grows_and_shrinks():
    scales = []
    note = lambda screen: scales.append(screen.gui.theme.scale)  # noqa: E731
    bigger, normal = key(pygame.K_PLUS, pygame.KMOD_CTRL), key(pygame.K_0, pygame.KMOD_CTRL)
    watch(Scripted("snake"), note, bigger, note, normal, note, frames=1)
    assert scales == [1.0, 1.25, 1.0]


def test_the_mouse_reads_curves_and_chooses_metrics():
    """The first chart lies at the lower left: its name on top opens the list of metrics."""
    chosen = []
    source = Scripted("tag")
    pictures = watch(
        source,
        mouse(pygame.MOUSEMOTION, 200, 500),
        *click(40, 419),
        *click(60, 440),
        lambda screen: chosen.append(screen.charts.chosen),
        size=(960, 600),
    )
    assert (pictures[0] != pictures[1]).any()
    assert chosen[0].get(0) in source.metrics


def test_the_panels_buttons_send_commands():
    """Buttons lie under the stats: find the row by trying down the panel."""
    source = Scripted("snake")
    acts = [act for y in (128, 168, 196, 240, 262) for x in (700, 900) for act in click(x, y)]
    watch(source, *acts, frames=2)
    names = {command for command, _ in source.sent}
    assert names & {"pause", "save", "step"}
    assert names & {"mode", "speed", "rows"}


def test_a_right_click_on_a_slider_sets_the_default():
    source = Scripted("snake")
    source.send("param", name="reward_food", value=3.0)
    wanted = ("param", {"name": "reward_food", "value": 1.0})
    acts = (act for y in [*range(240, 500, 18)] * TRIES for act in click(1100, y, button=3))
    watch(source, key(pygame.K_c), takewhile(lambda _: wanted not in source.sent, acts), frames=1, size=(1280, 1000))
    assert wanted in source.sent


def test_keys_in_smooth_mode_are_the_pictures_and_leave_training_alone():
    source = Scripted("snake")
    source.mode, source.status = "smooth", "paused"
    codes = [pygame.K_SPACE, pygame.K_SPACE, pygame.K_PERIOD]
    watch(source, *(key(code) for code in codes), frames=1)
    assert {command for command, _ in source.sent[1:]} <= {"view_pause", "view_resume", "view_step"}
    assert len(source.sent) == 4


def test_a_click_on_a_slider_changes_nothing_and_a_double_click_types_a_value():
    places = range(240, 500, 18)
    source = Scripted("snake")
    watch(source, key(pygame.K_c), *(act for y in places for act in click(1100, y)), frames=1, size=(1280, 1000))
    assert not any(command in ("param", "learning_rate") for command, _ in source.sent)

    source, typed = Scripted("snake"), []

    def patient(screen):
        io = imgui.get_io()
        io.mouse_single_click_delay, io.mouse_double_click_time = 61.0, 60.0  # seconds: a machine may be slow

    def type_five(screen):
        if screen.panel.sliders.typing == "reward_food":
            typed.append(5)
            for code, text in ((pygame.K_5, "5"), (pygame.K_RETURN, "\r")):
                pygame.event.post(pygame.event.Event(pygame.KEYDOWN, key=code, mod=0, unicode=text, scancode=0))
                pygame.event.post(pygame.event.Event(pygame.KEYUP, key=code, mod=0, scancode=0))

    rest = [lambda screen: None] * 2
    wanted = ("param", {"name": "reward_food", "value": 5.0})
    down = [*places] * TRIES
    twice = (act for y in down for act in (*click(1100, y), *click(1100, y)[1:], *rest, type_five, *rest))
    tries = takewhile(lambda _: wanted not in source.sent, twice)
    watch(source, key(pygame.K_c), patient, tries, *rest, frames=1, size=(1280, 1000))
    assert typed and wanted in source.sent


def test_a_slider_sends_its_parameter_when_let_go():
    source = Scripted("snake")

    def drag(y):
        kinds = (pygame.MOUSEMOTION, 1000), (pygame.MOUSEBUTTONDOWN, 1000), (pygame.MOUSEMOTION, 1040)
        return [mouse(kind, x, y) for kind, x in (*kinds, (pygame.MOUSEMOTION, 1050), (pygame.MOUSEBUTTONUP, 1050))]

    sent = lambda: [given["name"] for command, given in source.sent if command == "param"]  # noqa: E731
    drags = takewhile(lambda _: not sent(), (act for y in [*range(240, 500, 18)] * TRIES for act in drag(y)))
    watch(source, key(pygame.K_c), drags, frames=1, size=(1280, 1000))
    assert sent() and sent()[0] in source.env.parameters


def test_changes_are_undone_done_again_and_marked():
    source, marks = Scripted("snake"), []

    def change(screen):
        screen.panel.sliders.steering.change(source, "max_hunger", 100, 50)

    undo, redo = key(pygame.K_z, pygame.KMOD_CTRL), key(pygame.K_y, pygame.KMOD_CTRL)
    note = lambda screen: marks.append(list(screen.charts.marks))  # noqa: E731
    watch(source, change, undo, undo, redo, redo, note, frames=1)
    values = [given["value"] for command, given in source.sent if command == "param"]
    assert values == [50, 100, 50]  # there is no more to undo, or to do again
    assert [text for _, text in marks[0]] == ["max hunger 50", "max hunger 100", "max hunger 50"]


def test_a_range_is_dragged_pinned_refused_and_undone():
    source = Steered("memory", {"method": "uniform", "ranges": {"delay": "0:50"}})
    source.play(30)
    tables: list = []

    def drag(y):
        path = (pygame.MOUSEMOTION, 1094), (pygame.MOUSEBUTTONDOWN, 1094), (pygame.MOUSEMOTION, 1150)
        return [mouse(kind, x, y) for kind, x in (*path, (pygame.MOUSEBUTTONUP, 1150))]

    def note(screen):
        tables.append(source.table["ranges"]["delay"])

    dragged = lambda: any(str(table) not in ("0:50", "50") for table in tables)  # noqa: E731
    drags = takewhile(lambda _: not dragged(), (act for y in [*range(240, 620, 9)] * TRIES for act in (*drag(y), note)))
    undone = [key(pygame.K_z, pygame.KMOD_CTRL)] * 8
    pictures = watch(source, key(pygame.K_c), drags, *undone, note, frames=1, size=(1280, 1000))
    assert dragged()
    assert tables[-1] == "0:50"  # and taken back
    assert holds(pictures[1], "lime") or holds(pictures[1], "amber")  # bins by success
    source = Steered("memory", {"method": "uniform", "ranges": {"delay": "0:50"}})
    source.send("curriculum", table={"method": "uniform", "ranges": {"delay": "0:900"}})
    assert "delay" in source.note and source.table["ranges"] == {"delay": "0:50"}
    source.close()


def test_kept_levels_are_shown_played_and_thrown_out():
    settings = {"capacity": 12, "replay": 0.5, "edits": 4}
    source = Steered("maze", {"method": "accel", "settings": settings}, size=9, max_steps=10)
    for _ in range(4):
        source.play(12)
    before = source.steering.levels
    assert len(before) == 8 and any(shown.row for shown in before) and any(shown.level >= 0 for shown in before)
    asked: list = []

    def choose(screen):
        gallery, screen.panel.gallery.chosen = screen.panel.gallery, next(shown for shown in before if shown.row)
        assert all(gallery.picture(source, shown).std() > 10 for shown in before)

        def leave(played):
            asked.append(played.game.batch.rows.states["board"][0].copy())
            played.left = True

        play_kept(source, gallery, screen.gui, leave)
        assert gallery.fault == "" and gallery.chosen is None

    right = lambda y: [mouse(kind, 1000, y, 3) for kind in (pygame.MOUSEBUTTONDOWN, pygame.MOUSEBUTTONUP)]  # noqa: E731
    sweep = [act for y in range(240, 520, 30) for act in (mouse(pygame.MOUSEMOTION, 1000, y), *right(y))]
    watch(source, key(pygame.K_c), choose, *sweep, frames=1, size=(1280, 1000))
    assert len(asked) == 1 and asked[0].any()
    thrown = {given["key"] for command, given in source.sent if command == "drop"}
    assert thrown & {shown.key for shown in before}
    assert not thrown & {shown.key for shown in source.steering.levels}


# -- play -----------------------------------------------------------------------------------------------


def play_on(env_id, *acts, **options):
    """Play; do one act per frame; return the screen's last picture."""
    from puffer_arena.render.play.play import play

    waiting, pictures = list(acts), []

    def on_frame(screen):
        screen._changed = True
        pictures.append(screen.pixels())
        if not waiting:
            screen.gui.closing = True
            return
        waiting.pop(0)(screen)

    play(env_id, on_frame=on_frame, size=(700, 640), **options)
    return pictures


@pytest.mark.parametrize("env_id", list_envs())
def test_every_environment_can_be_played_by_its_keys(env_id):
    pressed = []

    def first_key(screen):
        game = screen.game
        mask = game.batch.action_mask.reshape(-1) if game.env.waits else np.zeros(0)  # a barred move is waited on
        name = next(key for key, action in game.keys.items() if not mask.size or mask[action])
        screen.press(pygame.key.key_code(name))
        pressed.append(screen.phase)

    def steps(screen):
        screen.game.step()
        pressed.append(screen.game.steps)

    pictures = play_on(env_id, first_key, steps, key(pygame.K_h), key(pygame.K_ESCAPE))
    assert pressed[0] == "playing"
    assert pressed[1] >= 1
    assert (pictures[0] != pictures[-1]).any()


def test_the_windows_keys_work_while_playing():
    facts = []

    def note(screen):
        facts.append((screen.phase, screen.speed, screen.game.agent, screen.game.bot_plays))

    play_on(
        "tag",
        key(pygame.K_SPACE),
        key(pygame.K_TAB),
        key(pygame.K_b),
        key(pygame.K_PLUS),
        key(pygame.K_MINUS),
        key(pygame.K_MINUS),
        key(pygame.K_p),
        note,
        key(pygame.K_r),
        note,
        key(pygame.K_PLUS, pygame.KMOD_CTRL),
        lambda screen: screen.take(pygame.event.Event(pygame.WINDOWFOCUSLOST)),
        note,
        lambda screen: screen.take(pygame.event.Event(pygame.JOYBUTTONDOWN, button=7, instance_id=0)),
        note,
        lambda screen: screen.take(pygame.event.Event(pygame.JOYBUTTONDOWN, button=6, instance_id=0)),
        lambda screen: screen.take(pygame.event.Event(pygame.JOYHATMOTION, value=(0, 1), instance_id=0, hat=0)),
        speed=1.0,
    )
    assert facts[0] == ("paused", 0.75, 1, True)
    assert [phase for phase, *_ in facts[1:]] == ["playing", "paused", "playing"]


def test_the_persons_agent_is_marked_and_the_mark_moves_with_tab():
    """Nothing else in striker's picture is amber; blue_0 stands in the other half than red_0."""
    pictures = play_on("striker", key(pygame.K_TAB), key(pygame.K_TAB), seed=1)
    amber = [code & 255 for code in (packed("amber"), packed("amber") >> 8, packed("amber") >> 16)]
    middles = [np.argwhere((picture == amber).all(axis=-1)).mean(axis=0)[1] for picture in pictures]
    assert middles[0] < 350 < middles[2]


def test_seats_are_shown_and_swapped_by_their_keys():
    seated, panels = [], []

    def match(batch):
        return build_match(batch, "striker", "human,human", 3, "runs", 0, Ratings("game", None))

    def note(screen):
        seated.append([sitter.name for sitter in screen.game.match.seats])

    options = {"match": match, "params": {"team": 1}}
    panels = play_on("striker", note, key(pygame.K_F2), note, key(pygame.K_SPACE), note, **options)
    assert seated == [["human", "human"], ["human", "bot:footballer"], ["human", "bot:footballer"]]
    panel = [picture[70:160, 20:400] for picture in panels]
    assert (panel[0] != panel[2]).any()  # who sits there
    assert holds(panel[0], "accent") and not holds(panels[-1][70:110, 20:120], "accent")  # gone while playing


def test_either_shift_key_and_a_pads_events_reach_the_game():
    held = []

    def post(kind, **facts):
        return lambda screen: pygame.event.post(pygame.event.Event(kind, instance_id=0, **facts))

    def note(screen):
        held.append(dict(screen.game.hands[0].held))

    play_on("striker", key(pygame.K_RSHIFT, pygame.KMOD_SHIFT), note)
    play_on("marble", post(pygame.JOYAXISMOTION, axis=0, value=-0.56), note, post(pygame.JOYDEVICEREMOVED), note)
    assert held == [{"shift": 1.0}, {"left": pytest.approx(0.5)}, {}]


def test_the_end_is_said_and_a_key_begins_anew():
    phases = []

    def run_out(screen):
        screen.phase = "playing"
        while not screen.game.over:
            screen.game.step()
        screen.advance(1e12)
        screen.phase = "over"

    play_on("snake", run_out, lambda screen: None, key(pygame.K_RETURN), lambda screen: phases.append(screen.phase))
    assert phases == ["playing"]


def test_steps_are_made_at_natural_speed_and_hitches_are_dropped():
    counts = []

    def count(screen):
        screen.phase, screen.game.bot_plays = "playing", True
        interval = 1.0 / screen.game.env.steps_per_second
        screen._due = 1000.0
        for now in (999.0, 1000.0, 1000.0 + interval, 5000.0):
            before = screen.game.steps
            screen.advance(now)
            counts.append(screen.game.steps - before)
        screen.phase = "paused"

    play_on("cartpole", count)
    assert counts == [0, 1, 1, 5]  # after an hour's hitch: four made up and the one that is due


def test_what_begins_a_game_makes_no_steps_up():
    steps = []
    begin = [key(pygame.K_SPACE), lambda screen: steps.append(screen.game.steps)]
    play_on("cartpole", lambda screen: None, lambda screen: None, *begin)
    assert steps[0] <= 1


def test_a_game_needs_the_display_it_was_promised(monkeypatch):
    monkeypatch.setenv("DISPLAY", ":9876")
    with pytest.raises(ArenaError, match="no display to open a window on"):
        play_on("snake")


def test_game_and_window_are_apart():
    assert "pygame" not in Game.__module__
