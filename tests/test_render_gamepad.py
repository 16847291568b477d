"""Playing without a window: what sticks and buttons of pads do."""

import pytest

from puffer_arena import list_envs
from puffer_arena.core.keys import find_binding
from puffer_arena.registry import load_env
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


SEATS = [(name, role) for name in list_envs() for role in load_env(name).agents or [""]]


def press_by_pad(game, pads, key):
    """Do what a key does by sticks and buttons alone."""
    hands = game.hands[0]
    sides = {
        name: (number, side)
        for number, names in pads.axes.items()
        for name, side in zip(names, (-1.0, 1.0), strict=True)
    }
    if key in sides:
        feed(game, pads, axis(*sides[key]))
    elif key in ("space", "shift"):
        feed(game, pads, event(pygame.JOYBUTTONDOWN, button=("space", "shift").index(key)))
    else:
        for _ in hands.chooser.keys:
            if hands.chooser.chosen == key:
                break
            feed(game, pads, axis(3, 1.0), axis(3, 0.0))
        feed(game, pads, event(pygame.JOYBUTTONDOWN, button=10))


@pytest.mark.parametrize(("env_id", "role"), SEATS)
def test_a_pad_does_all_that_the_keys_of_a_game_do(env_id, role):
    game = game_of(env_id)
    if role:
        number = next(k for k, name in enumerate(game.batch.agent_ids) if game.env.role_of(name) == role)
        game.steer(number - game.agent)
    hands = game.hands[0]
    assert hands.role == (role or None)
    while not hands.is_my_turn:
        game.batch.step(game.batch.act(next(iter(game.env.bots))))
    game.batch.action_mask[:] = True  # later in the game everything may be allowed
    wanted = {key: find_binding(hands.wanted, action) for key, action in hands.own_keys.items()}
    done = []
    for key in wanted:
        press_by_pad(game, pads_of(game), key)
        done += [find_binding(hands.wanted, hands.own_keys[held]) for held in hands.held]
        game.release_all()
    for key, binding in wanted.items():
        assert binding in done, f"'{key}' is on no part of a pad"


def test_a_pad_plays_a_game_of_turns_by_choosing():
    game = game_of("connect4", agent="red_0", rows=4, opening=0)
    pads, hands = pads_of(game), game.hands[0]
    down, up = (event(kind, button=0) for kind in (pygame.JOYBUTTONDOWN, pygame.JOYBUTTONUP))
    right = axis(0, 1.0), axis(0, 0.9), axis(0, 0.0)  # it leans once
    assert hands.chooser.keys == list("1234567")
    feed(game, pads, *right, *right, *right, axis(0, -1.0), axis(0, 0.0))
    assert hands.chooser.chosen == "3" and game.waits
    feed(game, pads, down)
    game.step()
    assert game.steps == 1 and hands.repeated == hands.own_keys["3"]
    feed(game, pads, up)
    assert not hands.held
    feed(game, pads, down)  # it is not one's turn
    assert not hands.taps
    feed(game, pads, up, axis(0, -1.0), axis(0, 0.0))
    assert hands.chooser.chosen == "3"


def test_a_choice_leaves_out_what_is_barred_and_goes_from_line_to_line():
    game = game_of("hex", agent="red_0")
    pads, hands = pads_of(game), game.hands[0]
    game.batch.action_mask[:] = True
    barred = int(hands.own_keys["h"])
    game.batch.action_mask[0, hands.agent, barred] = False
    below = event(pygame.JOYHATMOTION, value=(0, -1)), event(pygame.JOYHATMOTION, value=(0, 0))
    feed(game, pads, axis(0, 1.0), axis(0, 0.0))
    assert hands.chooser.chosen == "b"
    feed(game, pads, *below)
    assert hands.chooser.chosen == "n"  # two lines of six on: the cell between is taken
    feed(game, pads, *below, *below, *below, *below)
    assert hands.chooser.chosen == "5"  # in the last line
    feed(game, pads, axis(0, -1.0), axis(0, 0.0), axis(0, -1.0), axis(0, 0.0))
    assert hands.chooser.chosen == "3"


def test_the_right_stick_and_the_trigger_choose_where_a_game_has_arrows():
    game = game_of("craft")
    pads, hands = pads_of(game), game.hands[0]
    game.batch.action_mask[:] = True
    assert hands.chooser.keys == list("ztfg123456")
    feed(game, pads, axis(5, -1.0), axis(3, 1.0), axis(3, 0.2), axis(3, 0.8), axis(3, 0.0), axis(5, 1.0))
    assert list(hands.held) == ["f"]
    feed(game, pads, axis(5, -1.0), axis(0, 1.0))
    assert list(hands.held) == ["right"]
    feed(game, pads, axis(0, 0.0), event(pygame.JOYBUTTONDOWN, button=10))
    assert list(hands.held) == ["f"]
    game.release_all()
    assert not hands.held


def test_windows_that_look_on_know_nothing_of_choosing():
    assert Gamepads().translate(axis(3, 1.0)) == Gamepads().translate(axis(5, 1.0)) == []
    assert Gamepads().translate(event(pygame.JOYBUTTONDOWN, button=10)) == []
