"""Playing without a window: what sticks and buttons of pads do."""

import pytest

from puffer_arena.render.play.gamepad import ARROW_AXES, Gamepads, menu_action, stick_axes
from puffer_arena.render.toolkit import pygame
from tests.hands import UP, axis, event, feed, game_of, heading, pads_of


def test_the_stick_sends_arrows():
    pads = Gamepads()
    assert pads.translate(axis(0, -0.9)) == [("left", True)]
    assert pads.translate(axis(0, -1.0)) == []  # still the same key
    assert pads.translate(axis(0, 0.0)) == [("left", False)]
    assert pads.translate(axis(1, -0.9)) == [("up", True)]
    assert pads.translate(axis(1, 0.9)) == [("up", False), ("down", True)]


def test_a_stick_near_its_middle_sends_nothing_and_does_not_flutter():
    pads = Gamepads()
    assert pads.translate(axis(0, 0.45)) == []
    assert pads.translate(axis(0, 0.55)) == [("right", True)]
    assert pads.translate(axis(0, 0.45)) == []  # held until it comes well back
    assert pads.translate(axis(0, 0.3)) == [("right", False)]


def test_the_d_pad_sends_arrows_and_both_at_a_diagonal():
    pads = Gamepads()
    assert pads.translate(event(pygame.JOYHATMOTION, value=(1, 1))) == [("right", True), ("up", True)]
    assert pads.translate(event(pygame.JOYHATMOTION, value=(0, 1))) == [("right", False)]
    assert pads.translate(event(pygame.JOYHATMOTION, value=(0, 0))) == [("up", False)]
    assert pads.translate(event(pygame.JOYBUTTONDOWN, button=13)) == [("left", True)]


def test_the_first_button_is_space():
    pads = Gamepads()
    assert pads.translate(event(pygame.JOYBUTTONDOWN, button=0)) == [("space", True)]
    assert pads.translate(event(pygame.JOYBUTTONUP, button=0)) == [("space", False)]
    assert pads.translate(event(pygame.JOYBUTTONDOWN, button=3)) == []


def test_two_pads_do_not_release_each_others_keys():
    pads = Gamepads()
    pads.translate(axis(0, 1.0, pad=1))
    assert pads.translate(axis(0, 0.0, pad=2)) == []


def test_a_pad_pulled_out_lets_go_of_its_keys():
    pads = Gamepads()
    pads.translate(axis(0, 1.0, pad=1))
    assert pads.translate(event(pygame.JOYDEVICEREMOVED, pad=1)) == [("right", False)]


def test_menu_buttons_restart_and_pause():
    assert menu_action(event(pygame.JOYBUTTONDOWN, button=6)) == "restart"
    assert menu_action(event(pygame.JOYBUTTONDOWN, button=7)) == "pause"
    assert menu_action(event(pygame.JOYBUTTONUP, button=7)) is None


def test_a_pad_plays_the_game():
    game, pads = game_of("snake", rows=20, cols=20), Gamepads()
    for key, down in pads.translate(axis(1, -1.0)):
        assert down and game.press(key)
    game.step()
    assert heading(game) == UP


def test_a_stick_steers_continuous_actions_by_how_far_it_leans():
    """Beyond the release zone of 0.12 the rest of the way counts in full: (0.56 - 0.12) / 0.88 = 0.5."""
    game = game_of("target")
    pads = pads_of(game)
    feed(game, pads, axis(0, 0.56), axis(1, -1.0))
    assert game.hands[0].choose().tolist() == pytest.approx([0.5, 1.0])
    feed(game, pads, axis(0, -0.56))
    assert game.hands[0].choose().tolist() == pytest.approx([-0.5, 1.0])
    feed(game, pads, axis(0, 0.05), axis(1, 0.0))
    assert game.hands[0].choose().tolist() == [0.0, 0.0]


def test_a_game_without_arrows_has_its_own_keys_on_both_sticks():
    game = game_of("tests.games.motors")
    pads = pads_of(game)
    assert pads.axes == {0: ("a", "q"), 1: ("w", "s"), 3: ("l", "o"), 4: ("i", "k")}
    feed(game, pads, axis(0, 1.0), axis(1, 1.0), axis(3, -1.0), axis(4, -1.0))
    assert game.hands[0].choose().tolist() == [1.0, -1.0, -1.0, 1.0]


def test_arrows_stay_on_the_stick_where_a_game_has_them():
    assert all(stick_axes(game_of(env_id).keys) is ARROW_AXES for env_id in ("snake", "marble", "striker"))


def test_stick_and_buttons_make_one_action_of_several_parts():
    game = game_of("striker", agent="blue_0")
    pads = pads_of(game)
    down = [event(pygame.JOYBUTTONDOWN, button=button) for button in (0, 1)]
    feed(game, pads, axis(0, 0.9), axis(1, -0.9), *down)
    assert game.hands[0].choose().tolist() == [0, 0, 1, 1]  # right, up as blue sees them; boost, kick
