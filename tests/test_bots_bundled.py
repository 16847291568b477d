"""The trained bots that come along: they load, play as they were trained, and fit the games as they are now."""

from importlib import resources

import pytest

from puffer_arena import evaluate
from puffer_arena.bots.bot import Bot
from puffer_arena.bots.difficulty import Handicapped
from puffer_arena.cli.play import Options, choose_bot
from puffer_arena.errors import ParameterError, UnknownName
from puffer_arena.players.names import bundled, find_player
from puffer_arena.registry import load_env

FOLDER = resources.files("puffer_arena.assets") / "bots"


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


def test_bundled_bots_are_named_with_a_difficulty() -> None:
    means = [evaluate("cartpole", find_player(f"arena:cartpole@{k}", "cartpole"), 16).means["return"] for k in (0, 10)]
    assert means[0] < means[1]
    for name in ("arena:cartpole@11", "arena:cartpole@x"):
        with pytest.raises(ParameterError, match="a whole number from 0 to 10"):
            find_player(name, "cartpole")
    with pytest.raises(UnknownName, match="no trained bot 'memory'"):
        choose_bot(Options("memory", difficulty=3))
    with pytest.raises(ParameterError, match="leave --bot out"):
        choose_bot(Options("tag", bot="bot:hunt", difficulty=3))
