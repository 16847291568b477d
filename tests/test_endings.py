"""How episodes end, in words: by a game's own rule, or by what every game tells."""

import dataclasses

import numpy as np
import pytest

from puffer_arena import list_envs, load_env, make
from puffer_arena.batch.endings import Lately, describe_ending


@pytest.mark.parametrize(
    ("game", "counters", "truncated", "outcome", "words"),
    [
        ("connect4", {"red_won": 1, "yellow_won": 0}, False, "over", "red won"),
        ("connect4", {"red_won": 0, "yellow_won": 0}, False, "draw", "a draw"),
        ("striker", {"red_goals": 1, "blue_goals": 3}, True, "over", "blue won 3 : 1"),
        ("doors", {"reached": 1, "ending": 0}, False, "won", "did what was asked"),
        ("memory", {"right": 0, "ending": 1}, False, "lost", "it was another one"),
        ("sumo", {"ending": 1 + 3 * 2}, False, "over", "wrestler 2 is left"),
        ("lander", {"landed": 0, "ending": 3}, False, "lost", "crashed: too fast"),
        ("tag", {"caught": 3, "ending": 1 + 2 * 2}, False, "over", "all caught, the last one by chaser 2"),
    ],
)
def test_every_end_says_what_happened(game, counters, truncated, outcome, words):
    ending = describe_ending(load_env(game), counters, truncated)
    assert (ending.outcome, ending.words) == (outcome, words)


@pytest.mark.parametrize(
    ("counters", "truncated", "outcome", "words"),
    [
        ({"reached": 1}, False, "won", "reached"),
        ({"reached": 0}, True, "time", "time is up"),
        ({"reached": 0}, False, "lost", "not reached"),
    ],
)
def test_a_game_without_words_of_its_own_is_told_of_by_its_success(counters, truncated, outcome, words):
    plain = dataclasses.replace(load_env("doors"), ending=None, endings=())
    ending = describe_ending(plain, counters, truncated)
    assert (ending.outcome, ending.words) == (outcome, words)


def test_every_game_says_how_it_ended():
    silent = [name for name in list_envs() if not (load_env(name).ending or load_env(name).scores)]
    assert silent == []


def test_a_rule_tells_from_the_last_state_how_it_ended_though_the_row_begins_anew():
    with make("snake", 2, seed=1) as batch:
        lately = Lately()
        up, down = 0, 1
        for t in range(11):
            batch.step(np.array([up, down]))
            lately.note(batch, float(t))
        assert {ending.words for ending in lately.endings.values()} <= {"ran into a wall"}
        assert (batch.finished["episodes"] >= 1).all()
        assert (batch.finished["ending"] == 0).all()
