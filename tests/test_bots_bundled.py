"""The trained bots that come along: they load, play as they were trained, and fit the games as they are now."""

from importlib import resources

import numpy as np
import pytest

from puffer_arena import evaluate, list_envs, make
from puffer_arena.bots.bot import Bot
from puffer_arena.bots.difficulty import Handicapped
from puffer_arena.bots.layout import read_leaves
from puffer_arena.cli.play import Options, bot_name, choose_bot, fitting_params, list_bots
from puffer_arena.errors import ParameterError, UnknownName
from puffer_arena.players.names import bundled, bundled_bot, find_player
from puffer_arena.players.strength import measure_strength
from puffer_arena.registry import load_env
from puffer_arena.render.play.game import Game
from puffer_arena.trainers.export.bot import meets_scripted

FOLDER = resources.files("puffer_arena.assets") / "bots"


def test_every_game_has_a_trained_bot() -> None:
    assert bundled() == sorted(list_envs())


@pytest.mark.parametrize("name", bundled())
def test_every_bundled_bot_plays_as_it_was_trained_and_says_how_well(name: str) -> None:
    data = (FOLDER / f"{name}.bot").read_bytes()
    bot = Bot.of(data, name)
    assert len(data) <= 200_000 and bot.check() <= 1e-5
    assert bot.about["env"]["version"] == load_env(name).version
    assert {"command", "seed", "steps", "seconds"} <= bot.about["training"].keys()
    assert bot.about["strength"]["episodes"] >= 60 and "random" in bot.about["strength"]["beside"]
    ratings = [level.rating for level in Handicapped(bot.model).levels]
    assert all(rating is not None for rating in ratings) and ratings[0] <= ratings[10]


@pytest.mark.parametrize("name", bundled())
def test_every_quantity_that_a_bundled_bot_sees_has_a_name_and_a_range(name: str) -> None:
    bot = Bot.of((FOLDER / f"{name}.bot").read_bytes(), name)
    quantities = [leaf for leaf in bot.model.leaves if leaf.kind == "box" and not leaf.codes and len(leaf.shape) == 1]
    for leaf in quantities:
        assert len(set(leaf.names)) == leaf.size and all(np.isfinite(part).all() for part in leaf.seen)
    if len(bot.model.leaves) == len(quantities):
        values = leaf.seen[0]
        fields = dict(zip((each.replace(" ", "_") for each in leaf.names), values, strict=True))
        stems = {}
        for field, value in fields.items():
            stem, _, number = field.rpartition("_")
            stems.setdefault(stem if stem and number.isdigit() else field, []).append(value)
        np.testing.assert_allclose(bot.observe(**stems), values, rtol=1e-6)


def test_a_bot_that_sees_pictures_takes_few_along_and_one_range_for_all_of_them() -> None:
    bot = Bot.of((FOLDER / "rooms.bot").read_bytes(), "rooms")
    (leaf,) = bot.model.leaves
    assert leaf.shape == (36, 36, 3) and len(bot.about["observation"]["seen"]) == 2
    assert all(part.shape == (36 * 36 * 3,) and (part == part[0]).all() for part in leaf.seen)
    with pytest.raises(ValueError, match="reshape"):
        read_leaves({**bot.about["observation"], "seen": [[0.0], [1.0]]})


def test_a_difficulty_follows_who_wins_and_loses(monkeypatch) -> None:
    options = Options("tag", difficulty="auto")
    assert options.difficulty == "auto" and bot_name(options) == "arena:tag@5"
    with make("tag", 1, autoreset="disabled", max_steps=20) as batch:
        game = Game(batch, choose_bot(options), roster=list_bots(options, batch), follows=True)
        names = []
        for outcome in ("won", "won", "lost", "draw", *["won"] * 5):
            monkeypatch.setattr(Game, "outcome", outcome)
            game.restart()
            while not game.over:
                game.step()
            names.append(int(game.bot_name.removeprefix("arena:tag@")))
        assert names == [6, 7, 6, 6, 7, 8, 9, 10, 10]
        game.restart()
        game.bot_plays = True  # the bot's own game says nothing of the person
        monkeypatch.setattr(Game, "outcome", "lost")
        while not game.over:
            game.step()
        assert game.bot_name == "arena:tag@10"


def test_strength_is_of_games_against_the_scripted_bot_where_training_meets_it() -> None:
    found = measure_strength("connect4", bundled_bot("connect4"), 2, meets_scripted("connect4"))
    own, random = found["points"], found["beside"]["random"]["points"]
    assert 0.0 <= own["low"] <= own["mean"] <= own["high"] <= 1.0 and random["mean"] <= 0.5
    assert found["rated_beside"] == "bot:search" and found["episodes"] == 2 and abs(found["rating"]) <= 800
    assert not meets_scripted("squared")


def test_bundled_bots_are_named_with_a_difficulty() -> None:
    means = [evaluate("cartpole", find_player(f"arena:cartpole@{k}", "cartpole"), 16).means["return"] for k in (0, 10)]
    assert means[0] < means[1]
    for name in ("arena:cartpole@11", "arena:cartpole@x"):
        with pytest.raises(ParameterError, match="a whole number from 0 to 10"):
            find_player(name, "cartpole")
    with pytest.raises(UnknownName, match="no trained bot 'chess'"):
        find_player("arena:chess@3", "cartpole")
    with pytest.raises(ParameterError, match="leave --bot out"):
        choose_bot(Options("tag", bot="bot:hunt", difficulty=3))


def test_play_takes_a_bots_parameters_only_where_it_fits_no_others() -> None:
    assert fitting_params(Options("squared", difficulty=3)) == {}
    assert fitting_params(Options("squared", bot="arena:squared", param=("max_steps=9",))) == {"max_steps": 9}


def test_people_begin_with_a_game_at_their_own_pace() -> None:
    casual = {"chasers": 2, "size": 17, "rest": 8}
    assert fitting_params(Options("tag")) == fitting_params(Options("tag", difficulty=9)) == casual
    assert fitting_params(Options("tag", param=("size=8",))) == {**casual, "size": 8}
    assert fitting_params(Options("tag", seats="human,bot:hunt")) == {}


def test_a_person_chooses_who_plays_while_playing() -> None:
    options = Options("squared", difficulty=4)
    with make("squared", 1, autoreset="disabled") as batch:
        game = Game(batch, choose_bot(options), roster=list_bots(options, batch))
        assert game.bot_name == "arena:squared@4"
        names = []
        for by in (1, -1, -1, 12):
            game.choose_bot(by)
            names.append(game.bot_name)
        assert names == ["arena:squared@5", "arena:squared@4", "arena:squared@3", "arena:squared@3"]
        game.bot_plays = True
        game.step()
        assert game.helped and game.steps == 1
    with make("squared", 1, size=9) as batch:
        assert [sitter.name for sitter in list_bots(Options("squared"), batch)] == ["bot:nearest"]
