"""A person steers what hands cannot: keys tell a game's pilot, which acts."""

import numpy as np
import pytest

from puffer_arena.render.play.overlays import key_meanings
from tests.hands import axis, feed, game_of, pads_of


def walked(game, steps, *keys):
    """Play some steps with keys held and return how many metres that was, and the actions."""
    began, did = float(game.batch.rows.states["hull"]["x"][0]), []
    for key in keys:
        game.press(key)
    for _ in range(steps):
        game.step()
        did.append(game.batch.actions[0].copy())
    game.release_all()
    return float(game.batch.rows.states["hull"]["x"][0]) - began, np.array(did)


def test_a_beginner_walks_some_metres_by_one_key_and_stands_without():
    game = game_of("walker", length=60.0, max_steps=3000)
    far, did = walked(game, 400, "right")  # 8 s
    assert far > 6.0 and not game.over
    assert did.shape == (400, 4) and np.abs(did).max() <= 1.0 and did.std(axis=0).min() > 0.1  # four motors turn
    walked(game, 100)  # it slows down
    still, _ = walked(game, 150)
    assert abs(still) < 1.0 and not game.over
    run, _ = walked(game, 300, "up")
    assert run > 8.0 and not game.over
    walked(game, 150)
    back, _ = walked(game, 300, "left")
    assert back < -1.0 and not game.over


def test_a_stick_tells_a_pilot_how_far_it_leans():
    game = game_of("walker")
    feed(game, pads_of(game), axis(0, 0.56))
    assert game.hands[0].wanted.shape == (2,) and game.hands[0].choose().shape == (4,)
    assert game.hands[0].repeated.tolist() == pytest.approx([0.5, 0.0])
    assert [meaning for _, meaning in key_meanings(game)] == ["forwards", "backwards", "run"]


def test_a_pilot_does_the_same_again_in_a_level_that_begins_anew():
    game = game_of("walker", level=7)
    _, first = walked(game, 40, "right")
    game.restart()
    _, again = walked(game, 40, "right")
    assert first.tobytes() == again.tobytes()
