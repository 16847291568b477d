"""The panel by mouse: buttons, sliders, typed values, undo, ranges of a curriculum and its kept levels."""

from itertools import takewhile

import pytest

pytest.importorskip("imgui_bundle")
from puffer_arena.cli.steering import describe
from puffer_arena.render.toolkit import pygame
from puffer_arena.render.window import parameters
from puffer_arena.render.window.curriculum import METHODS, method_shown
from puffer_arena.render.window.kept import play_kept
from puffer_arena.render.window.steering import format_setting
from tests.screens import Scripted, click, holds, key, mouse, watch
from tests.screens import on_display as on_display
from tests.steered import Steered

TRIES = 3  # down a panel whose lines may move while it is gone down


def test_the_panels_buttons_send_commands():
    """Buttons lie under the stats: find the row by trying down the panel."""
    source = Scripted("snake")
    acts = [act for y in (128, 168, 196, 240, 262) for x in (700, 900) for act in click(x, y)]
    watch(source, *acts, frames=2)
    names = {command for command, _ in source.sent}
    assert names & {"pause", "save", "step", "record"}
    assert names & {"mode", "speed", "rows"}


def test_a_right_click_on_a_slider_sets_the_default():
    source = Scripted("snake")
    source.send("param", name="reward_food", value=3.0)
    wanted = ("param", {"name": "reward_food", "value": 1.0})
    acts = (act for y in [*range(240, 500, 18)] * TRIES for act in click(1100, y, button=3))
    watch(source, key(pygame.K_c), takewhile(lambda _: wanted not in source.sent, acts), frames=1, size=(1280, 1000))
    assert wanted in source.sent


def test_a_click_on_a_slider_changes_nothing_and_a_double_click_types_a_value():
    places = range(240, 500, 18)
    source = Scripted("snake")
    watch(source, key(pygame.K_c), *(act for y in places for act in click(1100, y)), frames=1, size=(1280, 1000))
    assert not any(command in ("param", "learning_rate") for command, _ in source.sent)

    source, typed = Scripted("snake"), []

    def patient(screen):
        # Seconds: a machine may be slow.
        screen.gui.double_click = 60.0

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


def test_what_does_not_train_has_no_learning_rate_to_set(monkeypatch):
    shown = []
    monkeypatch.setattr(parameters, "draw_learning_rate", lambda *_: shown.append(source.modes))
    for modes in (("smooth",), ("time-lapse", "smooth")):
        source = Scripted("snake")
        source.status, source.modes = "paused", modes
        watch(source, *[key(pygame.K_c)] * (len(modes) - 1), frames=1)
    assert set(shown) == {("time-lapse", "smooth")}


@pytest.mark.parametrize("twice", [False, True], ids=["clicked", "typed into"])
def test_a_slider_that_was_clicked_alone_or_typed_into_shows_what_is_so(twice):
    source, typed, left = Scripted("snake"), set(), []

    def patient(screen):
        # Seconds: a machine may be slow.
        screen.gui.double_click = 60.0

    def escape(screen):
        typed.add(screen.panel.sliders.typing)
        for kind in (pygame.KEYDOWN, pygame.KEYUP):
            pygame.event.post(pygame.event.Event(kind, key=pygame.K_ESCAPE, mod=0, unicode="", scancode=0))

    again = lambda y: [*click(1100, y)[1:], lambda screen: None, escape, lambda screen: None]  # noqa: E731
    acts = [act for y in range(240, 500, 18) for act in (*click(1100, y), *(again(y) if twice else []))]
    note = lambda screen: left.append(dict(screen.panel.sliders.edits))  # noqa: E731
    watch(source, key(pygame.K_c), patient, *acts, note, frames=1, size=(1280, 1000))
    assert left == [{}] and bool(typed - {""}) == twice
    assert not any(command in ("param", "learning_rate") for command, _ in source.sent)


def test_a_typed_value_that_is_refused_is_typed_again_or_left():
    source, faults = Scripted("snake"), []

    def begin(screen):
        sliders = screen.panel.sliders
        sliders.typing, sliders.text, sliders.fresh = "reward_food", "many", True

    def note(screen):
        faults.append((screen.panel.sliders.typing, screen.panel.sliders.fault))

    def press(code, text=""):
        def post(screen):
            pygame.event.post(pygame.event.Event(pygame.KEYDOWN, key=code, mod=0, unicode=text, scancode=0))
            pygame.event.post(pygame.event.Event(pygame.KEYUP, key=code, mod=0, scancode=0))

        return post

    rest = [lambda screen: None] * 4
    refused = [press(pygame.K_RETURN, "\r"), *rest, note]
    acts = [begin, *rest, *refused, *refused, press(pygame.K_ESCAPE), *rest, note]
    watch(source, key(pygame.K_c), *acts, frames=1, size=(1280, 1000))
    assert faults[0] == faults[1] and faults[0] == ("reward_food", "type a number")
    assert faults[2] == ("", "") and not any(command == "param" for command, _ in source.sent)


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


def test_no_curriculum_and_the_fixed_one_are_one_thing_to_a_person():
    fixed = {"method": "fixed"}
    assert method_shown({}) == method_shown(fixed) == METHODS[0] == "fixed"
    assert format_setting({}) == format_setting(fixed) == "fixed"
    assert describe({}) == describe(fixed) == "curriculum fixed"
    assert method_shown({"lessons": []}) == format_setting({"lessons": []}) == "lessons"
