"""The window of `play`, in this process: every game by its keys, the window's own, seats, ends and time."""

import time
from types import SimpleNamespace

import numpy as np
import pytest

from puffer_arena import ArenaError, list_envs, make

pytest.importorskip("imgui_bundle")
from puffer_arena.cli.seats import Ratings, build_match
from puffer_arena.envs.hex.draw import middle
from puffer_arena.render.play import screen as screen_module
from puffer_arena.render.play.game import Game
from puffer_arena.render.play.overlays import PAUSED_HINTS, free_hints, over_hints
from puffer_arena.render.play.seats import BESIDE
from puffer_arena.render.toolkit import pygame
from puffer_arena.render.window import overlays
from puffer_arena.render.window.imgui_canvas import packed
from tests.screens import click, holds, key
from tests.screens import on_display as on_display

NOWHERE = 0.0, 0.0, 0.0, 0.0


def button(number):
    """Press a button of a pad."""
    return lambda screen: screen.take(pygame.event.Event(pygame.JOYBUTTONDOWN, button=number, instance_id=0))


def play_on(env_id, *acts, size=(700, 640), **options):
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

    play(env_id, on_frame=on_frame, size=size, **options)
    return pictures


def test_the_keys_that_a_pad_chooses_from_are_shown_while_one_plays():
    seen = []

    def plug(screen):
        assert screen.phase == "playing" and not screen.game.hands[0].held  # A begins, and lays nothing yet
        screen.pads._open[0] = object()
        screen.game.share_pads([0])

    def lean(screen):
        seen.append(screen.pixels())
        for value in (1.0, 0.0):
            screen.take(pygame.event.Event(pygame.JOYAXISMOTION, axis=0, value=value, instance_id=0))

    last = play_on("connect4", button(0), plug, lean, lambda screen: None, seed=3)[-1]
    foot = slice(530, 600)  # below the board
    assert holds(seen[0][foot], "accent") and holds(last[foot], "accent")
    assert (seen[0][foot] != last[foot]).any()


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


@pytest.mark.parametrize(
    ("env_id", "params", "cell"), [("hex", {"size": 11, "opening": 0}, (9, 8)), ("connect4", {"opening": 0}, (2, 0))]
)
def test_a_click_begins_and_is_the_choice_that_the_mouse_points_at(env_id, params, cell):
    chosen = []

    def laid(game):
        state = game.batch.state(0)
        return (state.row, state.col) if env_id == "hex" else (state.column, 0)

    def press(screen):
        x, y = middle(*cell) if env_id == "hex" else (cell[0] + 0.5, 3.0)
        for act in click(*screen.look.seen.point(x, y)):
            act(screen)

    def note(screen):
        if screen.game.steps:
            chosen.append((screen.phase, laid(screen.game)))

    play_on(env_id, lambda screen: None, press, *[note] * 6, params=params)
    assert chosen[0] == ("playing", cell)


def test_a_click_on_the_seats_lays_no_stone_below_them():
    laid = []

    def match(batch):
        return build_match(batch, "hex", "human,human", 1, "runs", 0, Ratings("game", None))

    def press(screen):
        for act in click(60, 80):
            act(screen)

    def note(screen):
        laid.append(screen.game.steps)

    play_on("hex", lambda screen: None, press, *[note] * 4, params={"size": 11}, match=match)
    assert laid == [0, 0, 0, 0]


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


def test_a_pad_alone_puts_somebody_else_into_a_seat_and_plays():
    seated, steps = [], []

    def match(batch):
        return build_match(batch, "striker", "human,human", 3, "runs", 0, Ratings("game", None))

    def note(screen):
        seated.append([sitter.name for sitter in screen.game.match.seats])
        steps.append((screen.phase, screen.game.steps))

    choose, swap, begin, pause = (button(number) for number in (4, 5, 0, 7))
    acts = choose, choose, swap, note, begin, lambda screen: screen.advance(time.perf_counter() + 1.0), pause, note
    play_on("striker", *acts, match=match, params={"team": 1})
    assert seated == [["human", "bot:footballer"]] * 2
    assert steps[0] == ("ready", 0) and steps[1][0] == "paused" and steps[1][1] > 0


@pytest.mark.parametrize("size", [(960, 540), (1280, 720)])
def test_where_there_is_room_the_seats_stand_beside_the_game_which_stays_where_it_is(size, monkeypatch):
    boards, drawn = [], screen_module.draw_row

    def draw_row(env, state, params, area, *rest, **options):
        boards.append(area)
        return drawn(env, state, params, area, *rest, **options)

    def match(batch):
        return build_match(batch, "tag", "human,bot:hunt", 3, "runs", 0, Ratings("game", None))

    monkeypatch.setattr(screen_module, "draw_row", draw_row)
    panels = play_on("tag", key(pygame.K_SPACE), lambda screen: None, match=match, size=size)
    assert len(boards) == 3 and len(set(boards)) == 1
    assert boards[0][0] >= 8 + BESIDE and boards[0][0] + boards[0][2] <= size[0]
    seats = [picture[70:110, 20:120] for picture in panels]
    assert (seats[0] == seats[2]).all()  # they are told while playing, too


def test_bots_alone_begin_at_once():
    phases = []

    def match(batch):
        return build_match(batch, "tag", "bot:hunt,random", 1, "runs", 0, Ratings("game", None))

    play_on("tag", lambda screen: phases.append(screen.phase), match=match)
    assert phases == ["playing"]


def test_every_game_of_several_has_seats_and_a_gamepad_that_goes_pauses_it(monkeypatch):
    facts, words = [], []
    monkeypatch.setattr(screen_module, "draw_seats", lambda theme, match, *rest: words.append(match.board) or NOWHERE)

    def note(screen):
        match = screen.game.match
        names = [] if match is None else [sitter.name for sitter in match.seats[:2]]
        facts.append((screen.phase, names, screen.game.steps))

    def unplug(screen):
        screen.take(pygame.event.Event(pygame.JOYDEVICEREMOVED, instance_id=0))

    play_on(
        "tag",
        key(pygame.K_SPACE),
        lambda screen: screen.game.step(),
        key(pygame.K_F6),
        note,
        key(pygame.K_F2),
        note,
        key(pygame.K_SPACE),
        note,
        unplug,
        note,
    )
    human, bot = "human", "bot:hunt"
    assert facts[0] == ("ready", [human, bot], 0) and facts[1] == ("ready", [human, human], 0)
    assert facts[2][0] == "playing" and facts[3][0] == "paused"
    assert words and all(board.startswith("round 1") for board in words)
    play_on("snake", key(pygame.K_j), note)
    assert facts[-1][1] == []  # one agent needs no seats


def test_the_seats_do_not_lie_over_the_list_of_keys(monkeypatch):
    shown = []
    monkeypatch.setattr(screen_module, "draw_seats", lambda *_: shown.append("seats") or NOWHERE)
    monkeypatch.setattr(screen_module, "draw_help", lambda *_: shown.append("keys"))

    def match(batch):
        return build_match(batch, "striker", "human,bot:footballer", 3, "runs", 0, Ratings("game", None))

    play_on("striker", key(pygame.K_h), lambda screen: None, match=match, params={"team": 1})
    assert shown == ["seats", "keys", "keys"]


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


def test_a_display_without_opengl_is_no_missing_display(monkeypatch):
    def refuse(*_, **__):
        raise pygame.error("GLX is not supported")

    monkeypatch.setattr(pygame.display, "set_mode", refuse)
    with pytest.raises(ArenaError, match=r"draws no OpenGL \(GLX is not supported\).*libgl1-mesa-dri"):
        play_on("snake")


def test_game_and_window_are_apart():
    assert "pygame" not in Game.__module__


def test_letters_that_a_game_has_for_itself_are_not_named_for_anything_else():
    asked = [*PAUSED_HINTS, ("P, Esc", "pause"), ("M", "no sounds")]
    expect = [("Esc", "go on"), ("Bksp", "back 1 s"), ("F5", "restart"), ("F1", "all keys"), ("Esc", "pause")]
    with make("hex", 1, autoreset="disabled") as batch:
        screen = SimpleNamespace(game=Game(batch, "bridge"), phase="paused", borrowed=False)
        assert free_hints(screen, asked) == expect
        screen.phase = "over"  # no letter is a move there
        assert free_hints(screen, asked) == asked
        screen.phase, screen.borrowed = "paused", True
        assert free_hints(screen, asked)[0] == ("Pause", "go on")
        screen.game.match = object()  # F1 to F8 are seats
        assert free_hints(screen, PAUSED_HINTS) == [("Pause", "go on"), ("Bksp", "back 1 s")]
    with make("snake", 1, autoreset="disabled") as batch:
        screen = SimpleNamespace(game=Game(batch, "greedy"), phase="paused", borrowed=False)
        assert free_hints(screen, asked) == asked


def test_the_card_at_the_end_says_what_the_bots_key_does_then():
    game = Game(make("snake", 1, autoreset="disabled"), lambda batch: batch.act("greedy"), None)
    assert ("B", "let the bot play") in over_hints(game)
    game.bot_plays = True
    assert ("B", "play yourself") in over_hints(game)


def test_a_line_of_the_keys_that_goes_on_has_no_key(monkeypatch):
    hints = []
    monkeypatch.setattr(overlays, "key_hints", lambda theme, at, keys, right: hints.extend(keys))
    play_on("snake", key(pygame.K_h), lambda screen: None)
    assert ("Pad", "") in hints and ("", "") not in hints
