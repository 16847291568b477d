"""Games of one role, each against all: who sits where, and which place a player took."""

import numpy as np
import pytest

from puffer_arena import make
from puffer_arena.batch.seats import ranks, seats
from puffer_arena.errors import ParameterError
from puffer_arena.players.evaluate import evaluate
from puffer_arena.players.player import chance, scripted, versus
from tests.playing import GAMES

RELAY = str(GAMES / "relay.py")


def test_a_player_takes_every_agents_place_in_turn() -> None:
    batch = make(RELAY, 4)
    places = [[True, False, False], [False, True, False], [False, False, True], [True, False, False]]
    assert seats(batch).tolist() == seats(batch, "player").tolist() == places


def test_nobody_plays_alone() -> None:
    with pytest.raises(ParameterError, match="'snake' has no two sides"):
        seats(make("snake"))


def test_places_are_shared_by_equals_and_the_absent_have_none() -> None:
    finished = np.zeros(4, [("episode_return", np.float64, (3,))])
    finished["episode_return"] = [[3, 2, 1], [1, 2, 3], [2, 2, 1], [1, 2, -0.0]]  # -0.0: did not take part
    mine = np.tile([True, False, False], (4, 1))
    assert ranks(finished, mine).tolist() == [1.0, 3.0, 1.5, 2.0]


def test_everybodys_places_together_are_all_places() -> None:
    finished = np.zeros(50, [("episode_return", np.float64, (5,))])
    finished["episode_return"] = np.random.default_rng(0).integers(0, 4, (50, 5))
    every = sum(ranks(finished, np.tile(np.arange(5) == k, (50, 1))) for k in range(5))
    assert (every == 1 + 2 + 3 + 4 + 5).all()


def test_eval_tells_how_often_a_player_was_first_and_its_mean_place() -> None:
    sample = evaluate(RELAY, versus(scripted("steady"), chance(1), ""), 30, side="")
    first, place = sample.columns["first"], sample.columns["rank"]
    assert len(first) == 30 and set(first) <= {0.0, 1.0}
    assert ((place >= 1) & (place <= 3)).all() and (first == (place == 1)).all()
    assert "won" not in sample.columns
