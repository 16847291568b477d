"""Tournaments: who meets whom, what is counted, and that recorded games are those that counted."""

import itertools
import json
import math
from dataclasses import asdict

import numpy as np
import pytest

from puffer_arena.batch.seats import legs
from puffer_arena.cli.people import read_rounds
from puffer_arena.cli.seats import Ratings
from puffer_arena.players.evaluate import Sample, evaluate
from puffer_arena.players.player import chance, scripted, versus
from puffer_arena.players.tournament import Match, deciding, payoffs, results_of, round_robin, standings, swiss
from puffer_arena.registry import load_env
from puffer_arena.render.play.scores import Scores, scores_file
from puffer_arena.replay.reader import Replay
from puffer_arena.replay.truth import verify
from tests.commands import here  # noqa: F401 a fixture

STRENGTH = {"a": 4, "b": 3, "c": 2, "d": 1, "e": 0}


def stronger_wins(first: str, second: str, number: int) -> Match:
    return Match(first, second, (1 if STRENGTH[first] > STRENGTH[second] else -1,) * 4)


def test_everybody_meets_everybody_in_every_round() -> None:
    matches = round_robin("abc", 2, stronger_wins)
    assert sorted((m.first, m.second) for m in matches) == sorted([*itertools.combinations("abc", 2)] * 2)


def test_swiss_rounds_pair_equals_whom_nobody_has_met_and_rests_go_round() -> None:
    matches = swiss("abcde", 3, stronger_wins)
    assert len(matches) == 6
    met = [frozenset((m.first, m.second)) for m in matches]
    assert len(set(met)) == len(met)
    rests = [set("abcde") - set().union(*met[2 * k : 2 * k + 2]) for k in range(3)]
    assert len(set().union(*rests)) == 3  # somebody else each time
    table = standings("abcde", matches)
    assert table[0].name == "a" and table[0].won == table[0].games == 4 * sum("a" in pair for pair in met)


def test_standings_payoffs_and_deciding_matches_follow_from_the_results() -> None:
    matches = [Match("a", "b", (1, 1, 0, -1)), Match("c", "b", (-1, -1, -1, -1)), Match("a", "c", (1, 1, 1, 0))]
    table = standings("abc", matches)
    assert [(s.name, s.points, s.won, s.drawn, s.lost) for s in table] == [
        ("a", 6.0, 5, 2, 1),
        ("b", 5.5, 5, 1, 2),
        ("c", 0.5, 0, 1, 7),
    ]
    low, high = table[0].rating.interval
    assert low < table[0].rating.mu < high and table[2].rating.interval[1] < high
    scores = payoffs("abc", matches)
    assert scores[0][1:] == [2.5 / 4, 3.5 / 4] and scores[1][0] == 1.5 / 4 and math.isnan(scores[1][1])
    assert [(m.first, m.second) for m in deciding("abc", matches, 2)] == [("a", "b"), ("a", "c")]


def test_where_roles_differ_a_game_as_each_is_one_won_by_the_return_of_both() -> None:
    ahead = np.array([3.0, -1.0, 3.0, -5.0, 0.3, -0.1 - 0.2])  # as chaser, as runner, and so on
    sample = Sample({"return": ahead, "opponent's return": np.zeros(6), "length": np.ones(6)})
    assert results_of(sample, 2) == (1, -1, 0) and results_of(sample) == (1, -1, 1, -1, 1, -1)
    assert [legs(load_env(env)) for env in ("tag", "striker", "sumo", "connect4", "hideseek")] == [2, 1, 1, 1, 1]
    assert legs(load_env("tag"), "runner") == 1


def test_in_tag_who_plays_both_roles_better_wins_though_chasers_are_always_ahead() -> None:
    pair = versus(scripted("hunt"), chance(0), "")
    assert np.mean(results_of(evaluate("tag", pair, 64, side="", params={"max_steps": 40}), 2)) > 0.6


SMALL = ("--games", 8, "--param", "max_steps=30")


def test_a_tournament_is_rated_drawn_and_its_deciding_games_are_recorded(tmp_path, here) -> None:  # noqa: F811
    files = ("--record", "kept", "--picture", "payoffs.png")
    code, out, _ = here(tmp_path, "tournament", "tag", "random", "bot:hunt", "arena:tag", *SMALL, *files, "--json")
    found = json.loads(out)
    assert code == 0 and len(found["players"]) == 3 and found["players"][0]["name"] != "random"
    for standing in found["players"]:
        assert standing["games"] == 16 == standing["won"] + standing["drawn"] + standing["lost"]
        assert standing["low"] < standing["rating"] < standing["high"]
    for (i, row), (j, _) in itertools.product(enumerate(found["payoffs"]), repeat=2):
        assert row[j] is None if i == j else row[j] + found["payoffs"][j][i] == pytest.approx(1)
    assert (tmp_path / "payoffs.png").read_bytes().startswith(b"\x89PNG")
    recorded = sorted((tmp_path / "kept").glob("*.mcap"))
    assert len(recorded) == 3
    with Replay(recorded[0]) as replay:
        assert " against " in replay.header.players["all"]
    assert verify(recorded[0]).difference is None
    again = json.loads(here(tmp_path, "tournament", "tag", "random", "bot:hunt", "arena:tag", *SMALL, "--json")[1])
    assert again == found


def test_what_people_played_on_this_machine_is_rated_beside_the_others(tmp_path, here, monkeypatch) -> None:  # noqa: F811
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setattr("sys.platform", "linux")
    game = load_env("tag")
    scores = Scores("tag", game.version, asdict(game.build_params({"max_steps": 30})), scores_file())
    ratings = Ratings(scores.key, scores_file().with_name("ratings.json"))
    for places in ([1.0, 2.0], [1.0, 2.0], [1.5, 1.5], [2.0, 1.0]):
        ratings.note(["human", "bot:hunt"], places)
    code, out, _ = here(tmp_path, "tournament", "tag", "random", "bot:hunt", "human", *SMALL, "--json")
    own = next(each for each in json.loads(out)["players"] if each["name"] == "human")
    assert code == 0 and (own["won"], own["drawn"], own["lost"]) == (2, 1, 1)
    file = scores_file().with_name("rounds.json")
    file.write_text('{"k": [[["human", "x"], [1, 2]], [["x"], [1, 2]], 7], "j": 3}')
    assert read_rounds(file) == {"k": [(["human", "x"], [1.0, 2.0])]}
    file.write_text("{" * 50)
    assert read_rounds(file) == {}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("tag bot:hunt", "needs 2 to 64 players; 1 are named"),
        ("tag bot:hunt bot:hunt", "'bot:hunt' is named twice"),
        ("tag bot:hunt human", "play tag --seats human,bot:hunt"),
        ("tag bot:hunt nobody", "unknown player 'nobody'"),
        ("tag bot:hunt arena:snake", "is of environment 'snake', not 'tag'"),
        ("snake bot:greedy random", "'snake' has no two sides"),
        ("tag bot:hunt random --games 0", "--games and --max-steps are at least 1"),
    ],
)
def test_what_cannot_be_played_is_said(arguments: str, said: str, tmp_path, here) -> None:  # noqa: F811
    code, _, err = here(tmp_path, "tournament", *arguments.split())
    assert code == 2 and said in err
