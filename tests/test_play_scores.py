"""Best scores and how an episode ended: who gets the record, what is kept, and what a person is told."""

import json

import numpy as np
import pytest

from puffer_arena import make
from puffer_arena.render.play.game import Game
from puffer_arena.render.play.scores import BOT, PERSON, Scores


def game_of(env_id, scores=None, **params):
    return Game(make(env_id, 1, seed=5, autoreset="disabled", **params), scores=scores)


def end(game, **counters):
    """Let the episode end at the next step, and write what it counted."""
    while not game.over:
        game.step()
    for name, value in counters.items():
        game.batch.rows.states[name][0] = value


def test_the_bots_score_is_no_record_of_the_persons(tmp_path):
    game = game_of("snake", Scores("snake", 0, {}, tmp_path / "scores.json"))
    game.bot_plays = True
    end(game)
    assert game.helped and PERSON not in game.scores.best and game.scores.best[BOT] == game.score
    game.bot_plays = False
    game.restart()
    assert game.best is None and not game.helped
    end(game)
    assert game.best == game.scores.best[PERSON] == game.score


def test_scores_are_kept_for_each_game_and_its_parameters(tmp_path):
    path = tmp_path / "deep" / "scores.json"
    assert Scores("snake", 0, {"rows": 9}, path).note(PERSON, 7.0)
    again = Scores("snake", 0, {"rows": 9}, path)
    assert again.best == {PERSON: 7.0} and not again.note(PERSON, 6.0)
    assert not Scores("snake", 0, {"rows": 8}, path).best and not Scores("snake", 1, {"rows": 9}, path).best
    assert again.note(BOT, 3.0) and Scores("snake", 0, {"rows": 9}, path).best == {PERSON: 7.0, BOT: 3.0}
    assert [file.name for file in path.parent.iterdir()] == ["scores.json"]


@pytest.mark.parametrize("text", [b"", b"{", b"[1]", b'{"snake 0 x": 3}', b'{"a": {"person": "much"}}', b"\xff" * 9])
def test_a_damaged_file_holds_nothing_and_is_written_anew(text, tmp_path):
    path = tmp_path / "scores.json"
    path.write_bytes(text)
    scores = Scores("snake", 0, {}, path)
    assert not scores.best and scores.note(PERSON, 1.0)
    assert json.loads(path.read_bytes())


def test_a_folder_that_cannot_be_written_costs_the_record_alone(tmp_path):
    (tmp_path / "file").write_text("")
    scores = Scores("snake", 0, {}, tmp_path / "file" / "scores.json")
    assert scores.note(PERSON, 1.0) and scores.best == {PERSON: 1.0}


def test_how_an_episode_ended_is_told_by_its_success_or_its_scores():
    game = game_of("lander")
    end(game)
    assert game.outcome in ("lost", "time")
    game.batch.finished["landed"][0] = 1
    assert game.outcome == "won"
    game = game_of("striker", max_steps=30)
    end(game, red_goals=1, blue_goals=1)
    assert game.outcome == "draw"
    for red, blue, outcome in ((2, 1, "won"), (0, 1, "lost")):
        game.batch.rows.states["red_goals"][0], game.batch.rows.states["blue_goals"][0] = red, blue
        assert game.outcome == outcome
    game = game_of("cartpole")
    end(game)
    assert game.outcome in ("over", "time") and np.isfinite(game.score)
