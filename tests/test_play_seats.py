"""Seats: who steers whom, who is swapped in, what a match counts, and what a person's rating is made of."""

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from puffer_arena import make
from puffer_arena.cli.people import MOST_LEGS, read_rounds
from puffer_arena.cli.seats import HUMAN, Ratings, build_match, full_name, prior
from puffer_arena.errors import FileError, ParameterError, UnknownName
from puffer_arena.players.ratings import Rating
from puffer_arena.render.play.game import Game
from puffer_arena.render.play.hands import LEFT, NONE, RIGHT, SHARED, WHOLE, Controls, share_controls
from puffer_arena.render.play.match import Sitter, scripted, short_name
from puffer_arena.render.play.screen import side_by_side
from puffer_arena.render.world.picture import looks_over_shoulders

pytestmark = pytest.mark.slow  # starts many processes

TAG = {"chasers": 1, "runners": 1, "max_steps": 10}


def game_of(seats: str, env: str = "tag", rounds: int = 0, ratings: Ratings | None = None, **params) -> Game:
    batch = make(env, 1, seed=5, autoreset="disabled", record=True, **(params or TAG))
    kept = ratings or Ratings("game", None)
    return Game(batch, match=build_match(batch, env, seats, rounds, "runs", 0, kept))


def actions_of(game: Game) -> np.ndarray:
    taken = []
    step = game.batch.step
    game.batch.step = lambda actions: (taken.append(np.array(actions)), step(actions))
    game.step()
    game.batch.step = step
    return taken[0][0]


@pytest.mark.parametrize(
    ("people", "pads", "expect"),
    [
        (1, [7], [Controls(WHOLE, None)]),
        (2, [], [Controls(RIGHT, ()), Controls(LEFT, ())]),
        (2, [7], [Controls(WHOLE, ()), Controls(NONE, (7,))]),
        (3, [7], [Controls(RIGHT, ()), Controls(LEFT, ()), Controls(NONE, (7,))]),
        (3, [], [Controls(RIGHT, ()), Controls(LEFT, ()), Controls(NONE, ())]),
        (4, [7, 8, 9], [Controls(WHOLE, ()), *(Controls(NONE, (pad,)) for pad in (7, 8, 9))]),
        (0, [7], []),
    ],
)
def test_keyboard_and_gamepads_are_shared(people: int, pads: list[int], expect: list[Controls]) -> None:
    assert share_controls(people, pads) == expect


def open_arrow(game: Game, agent: int) -> str:
    """Return an arrow that leads somewhere."""
    keys = game.hands[agent].own_keys
    return next(name for name in ("up", "left", "down", "right") if game.batch.action_mask[0, agent, keys[name]])


DAMAGED_LEGS = [
    *("x", [], ["bot:hunt", 0], ["bot:hunt", 2, 1.0], ["bot:hunt", 0, "1"], ["bot:hunt", 0, math.inf], [[], 0, 1.0]),
    ["bot:hunt", 1, 3],
]
LETTERS = {"up": "w", "left": "a", "down": "s", "right": "d"}


def test_two_people_steer_by_the_halves_of_the_keyboard_or_one_by_a_pad() -> None:
    game = game_of("human,human")
    keys = game.hands[0].own_keys
    one, other = open_arrow(game, 0), open_arrow(game, 1)
    assert game.press(one) and game.press(LETTERS[other]) and not game.press("x")
    assert actions_of(game).tolist() == [keys[one], keys[other]]
    game.release(one)
    game.release(LETTERS[other])
    game.share_pads([3])
    one, other = open_arrow(game, 0), open_arrow(game, 1)
    assert game.press(LETTERS[one]) and game.press(other, pad=3) and not game.press(other, pad=4)
    assert actions_of(game).tolist() == [keys[one], keys[other]]


def test_a_seat_is_swapped_in_the_middle_of_a_round_which_then_does_not_count() -> None:
    game = game_of("human,bot:hunt")
    assert game.match is not None and [hands.agent for hands in game.hands] == [0]
    game.press("left")
    game.step()
    assert game.swap(1).name == HUMAN and [hands.agent for hands in game.hands] == [0, 1]
    assert game.hands[0].held == {"left": 1.0}  # whoever stays goes on
    assert game.swap(0).name == "bot:hunt" and [hands.agent for hands in game.hands] == [1] and game.agent == 1
    assert game.swap(5) is None
    while not game.over:
        game.step()
    assert game.match.played == 0 and "not counted" in game.match.said
    game.restart()
    while not game.over:
        game.step()
    assert game.match.played == 1 and sum(game.match.points) == 1.0


@pytest.mark.parametrize(("env", "params"), [("connect4", {"rows": 4, "opening": 0}), ("hex", {"size": 5})])
def test_where_people_take_turns_they_share_the_keyboard_and_the_game_waits_for_each(env: str, params: dict) -> None:
    game = game_of("human,human", env, **params)
    assert [hands.controls for hands in game.hands] == [Controls(SHARED)] * 2
    for k in range(4):
        (mover,) = np.flatnonzero(game.batch.acting[0])
        assert game.waits and game.steps == k
        game.step()
        assert game.steps == k  # nobody has moved
        if env == "connect4":
            keys = [next(iter(game.hands[mover].own_keys))]
        else:
            keys = [
                key for key, action in game.hands[mover].own_keys.items() if game.batch.action_mask[0, mover, action]
            ]
        game.press(keys[0], pad=9 if k % 2 else None)
        game.step()
        game.release(keys[0], pad=9 if k % 2 else None)
        assert game.steps == k + 1 and not game.batch.acting[0, mover]


def test_a_match_is_counted_round_by_round_until_it_is_decided() -> None:
    game = game_of("bot:hunt,random", rounds=3)
    match = game.match
    assert match is not None and not game.hands and match.board.startswith("round 1 of 3")
    for _ in range(3):
        while not game.over:
            game.step()
        board = match.board
        game.restart() if not match.decided else None
    assert match.decided and "wins the match" in board and sum(match.points) == 3.0
    game.restart()
    assert match.board.startswith("round 1 of 3") and sum(match.points) == 0.0


def test_rounds_against_others_rate_a_person_on_this_machine(tmp_path: Path) -> None:
    file = tmp_path / "folder" / "ratings.json"
    ratings = Ratings("tag 1", file)
    assert ratings.note(["bot:hunt", "random"], [1.0, 2.0]) == "" and not file.exists()
    assert ratings.note([HUMAN, "arena:tag@5"], [1.0, 2.0]).startswith("your rating 2")
    again = Ratings("tag 1", file)
    assert again.table == ratings.table and again.table[HUMAN].mu > 25 > again.table["arena:tag@5"].mu
    assert Ratings("tag 2", file).table == {}
    before = again.even_level("arena:tag@")
    for _ in range(8):
        again.note([HUMAN, "arena:tag@8"], [1.0, 2.0])
    assert again.even_level("arena:tag@") > before
    assert full_name("auto", "tag", again) == f"arena:tag@{again.even_level('arena:tag@')}"
    file.write_text('{"tag 1": {"human": [1, -1], "x": ["a"], "y": [30.0, 2.0]}}')
    assert Ratings("tag 1", file).table == {"y": Rating(30.0, 2.0)}
    file.write_text("{" * 100)
    assert Ratings("tag 1", file).table == {}
    assert prior("arena:tag@9").mu > prior("bot:hunt").mu > prior("arena:tag@0").mu


def test_a_round_of_a_person_is_rated_where_it_counts() -> None:
    ratings = Ratings("game", None)
    game = game_of("human,arena@3", ratings=ratings)
    assert game.match.seats[1].name == "arena:tag@3"
    while not game.over:
        game.step()
    # Chasers come out ahead whoever they are: a round as each role is rated as one.
    assert game.match.said == "rated with a round as runner against arena:tag@3, too" and not ratings.table
    human, bot = game.match.seats
    game.match.seats = [bot, human]
    game.restart()
    while not game.over:
        game.step()
    assert HUMAN in ratings.table and game.match.said.startswith("your rating") and not ratings.legs


def test_a_round_that_waits_for_its_other_leg_outlasts_the_window(tmp_path: Path) -> None:
    file, rounds = tmp_path / "folder" / "ratings.json", tmp_path / "folder" / "rounds.json"
    first = Ratings("tag 1", file)
    assert first.pair("bot:hunt", 0, 2.5) is None and first.pair("arena:tag@3", 1, -1.0) is None
    assert first.pair("bot:hunt", 0, 0.5) is None  # the newer one counts
    assert Ratings("tag 2", file).pair("bot:hunt", 1, 0.0) is None  # another version, or other parameters
    again = Ratings("tag 1", file)
    assert again.legs == {("arena:tag@3", 1): -1.0, ("bot:hunt", 0): 0.5}
    assert again.pair("bot:hunt", 1, -2.0) == -1.5 and again.note([HUMAN, "bot:hunt"], [2.0, 1.0])
    assert Ratings("tag 1", file).legs == {("arena:tag@3", 1): -1.0}
    assert read_rounds(rounds) == {"tag 1": [([HUMAN, "bot:hunt"], [2.0, 1.0])]}
    for k in range(MOST_LEGS):
        again.pair(f"bot:{k}", 0, 1.0)
    kept = Ratings("tag 1", file).legs
    assert len(kept) == MOST_LEGS and ("arena:tag@3", 1) not in kept and kept == again.legs
    rounds.write_text(json.dumps({"legs": {"tag 1": DAMAGED_LEGS, "x": 3}}))
    assert Ratings("tag 1", file).legs == {("bot:hunt", 1): 3.0}
    rounds.write_text('{"legs": []}')
    assert Ratings("tag 1", file).legs == {}


def test_seats_name_players_without_their_folders() -> None:
    names = ["run:/a/b.c#self@5", "run:b#runner/self@5", "/a/b/tag.bot", "arena:tag@5", "newest policy of b"]
    assert [short_name(name) for name in names] == ["run:b.c#self@5", names[1], "tag.bot", *names[3:]]


def test_a_round_of_equal_roles_is_rated_at_once() -> None:
    ratings = Ratings("game", None)
    game = game_of("human,bot:rikishi", "sumo", ratings=ratings, wrestlers=2, max_steps=40)
    while not game.over:
        game.step()
    assert HUMAN in ratings.table and game.match.said.startswith("your rating")


def test_more_people_join_a_game_that_one_began_alone(tmp_path: Path) -> None:
    batch = make("tag", 1, seed=5, autoreset="disabled", record=True, chasers=2, runners=1, max_steps=10)
    ratings = Ratings("game", tmp_path / "ratings.json")
    roster = [Sitter("random", lambda batch: batch.actions), *scripted(batch.env)]
    game = Game(batch, roster[0].choose, agent="chaser_1", roster=roster, rated=ratings)
    game.press("left")
    game.step()
    game.take_seats()
    assert [sitter.name for sitter in game.match.seats] == ["random", HUMAN, "random"] and game.steps == 0
    assert game.swap(2).name == HUMAN and game.swap(0, -1).name == "bot:hunt"
    assert [hands.agent for hands in game.hands] == [1, 2] and game.match.is_between_people
    game.restart()
    while not game.over:
        game.step()
    assert game.outcome == "over" and game.match.ended == "chaser (bot:hunt + you) wins" and game.match.played == 1
    game.take_seats()  # they have them
    assert [hands.agent for hands in game.hands] == [1, 2]


def test_who_cannot_play_is_left_out_of_the_seats_and_the_game_goes_on() -> None:
    def choose(batch):
        raise FileError("it is gone")

    game = game_of("human,bot:hunt")
    game.match.roster.insert(1, Sitter("gone", choose))
    with pytest.raises(FileError, match="it is gone"):
        game.swap(0)
    assert [sitter.name for sitter in game.match.seats] == [HUMAN, "bot:hunt"] and not game.match.mixed
    assert [sitter.name for sitter in game.match.roster] == [HUMAN, "bot:hunt"]
    game.match.seats[1] = Sitter("gone", choose)
    game.step()  # a bot takes over from whom cannot go on
    assert game.match.seats[1].name == "bot:hunt" and game.match.mixed and game.match.left == "gone leaves: it is gone"
    assert game.steps == 1


@pytest.mark.parametrize(
    ("env", "seats", "error", "said"),
    [
        ("tag", "human,human,human", ParameterError, "3 seats are given; 'tag' has 2 here"),
        ("tag", "human,", ParameterError, "commas between"),
        ("tag", "human,nobody", UnknownName, "unknown player 'nobody'"),
        ("snake", "human", ParameterError, "'snake' has one agent"),
    ],
)
def test_seats_that_cannot_be_are_said(env: str, seats: str, error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        game_of(seats, env, **({"rows": 10} if env == "snake" else TAG))


def test_one_name_for_each_side_seats_all_of_its_agents() -> None:
    game = game_of("human,bot:hunt", chasers=3, runners=2)
    names = [sitter.name for sitter in game.match.seats]
    assert names == [HUMAN, *["bot:hunt"] * 4]  # a person steers one agent, and has bots beside
    assert game.match.name_of(0) == "chaser (you + bot:hunt)"


def test_people_have_a_view_each_where_the_camera_looks_over_shoulders() -> None:
    for env_id, agents, each in (("kart", [0, 1], True), ("kart", [1], False), ("hideseek", [0, 1], True)):
        with make(env_id, 1, compiled=False) as batch:
            row = batch.state(0), batch.state_params(0)
            assert looks_over_shoulders(batch.env, *row, agents) == each
            above = replace(batch.env, camera=lambda s, p, view: view.orbit(0, 0, 0, angle=0, elevation=1, distance=9))
            assert not looks_over_shoulders(above, *row, agents)
    assert side_by_side((10.0, 0.0, 210.0, 50.0), 2, 10) == [(10.0, 0.0, 100.0, 50.0), (120.0, 0.0, 100.0, 50.0)]
