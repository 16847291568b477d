"""Naming players: one way for every command, for opponents in training and for windows."""

import numpy as np
import pytest
from bots_support import bot_bytes, make_policy

from puffer_arena import evaluate, make
from puffer_arena.bots.bot import Bot
from puffer_arena.bots.difficulty import Handicapped
from puffer_arena.core.spaces import Box
from puffer_arena.errors import ArenaError, ParameterError, UnknownName, UnnamedEnv
from puffer_arena.players.bots import bot_acting, bot_player
from puffer_arena.players.described import describe, difference
from puffer_arena.players.names import bundled_bot, env_of, find_player
from puffer_arena.registry import load_env, source_digest
from puffer_arena.trainers.runs.checkpoint import save_checkpoint
from tests.trainers_support import small_trainer


def bot_file(path, env: str = "tag", **about):
    rules = load_env(env)
    params = rules.params()
    policy = make_policy(rules.observation.resolve(params), rules.action.resolve(params), memory="gru")
    named = {"id": env, "version": rules.version, "rules": source_digest(rules)}
    path.write_bytes(bot_bytes(policy, env={**named, **about}))
    return path


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("greedy", "unknown player 'greedy': there is no such file; did you mean 'bot:greedy'"),
        ("bot:gredy", "no bot 'gredy'; did you mean 'greedy'"),
        ("arena:none", "no trained bot 'none' comes with"),
        ("run:gone", "unknown run 'gone'"),
        ("rndom", "did you mean 'random'"),
    ],
)
def test_names_that_nobody_answers_to(name: str, said: str, tmp_path) -> None:
    with pytest.raises(UnknownName, match=said):
        find_player(name, "snake", str(tmp_path))


def test_a_bots_file_plays_in_evaluation_and_against_others(tmp_path) -> None:
    player = find_player(str(bot_file(tmp_path / "tag.bot")), "tag")
    assert evaluate("tag", player, 8, params={"max_steps": 20}).episodes == 8


def test_bots_act_for_those_who_act_and_forget_with_the_episode(tmp_path) -> None:
    bot = Bot.load(bot_file(tmp_path / "tag.bot"))
    with make("tag", num_envs=3, max_steps=10) as batch:
        choose, forget, *_ = bot_acting(bot, batch)
        for _ in range(10):
            acting = batch.acting.reshape(-1)
            before = np.array(bot.state()["counts"])
            actions = choose(batch)
            after = np.array(bot.state()["counts"])
            moved = after > np.pad(before, (0, len(after) - len(before)))
            assert (moved == acting[: len(moved)]).all()
            assert np.take_along_axis(batch.action_mask, actions[..., None], -1)[..., 0][batch.acting].all()
            batch.step(actions)
            forget(batch.began)
        assert batch.began.all() and not np.any(bot.state()["memory"]["actor.h"])


def test_bots_of_another_game_or_of_other_sizes_are_refused_by_name(tmp_path, capsys) -> None:
    path = bot_file(tmp_path / "tag.bot")
    with pytest.raises(ParameterError, match="is of environment 'tag', not 'snake'"):
        find_player(str(path), "snake")
    with pytest.raises(ParameterError, match=r"observation: the observation has box \(9, 9\).* there and box \(5, 5\)"):
        evaluate("tag", find_player(str(path), "tag"), 4, params={"sight": 5})
    find_player(str(bot_file(tmp_path / "old.bot", version=99)), "tag")
    assert "learned tag version 99; it is" in capsys.readouterr().err
    with pytest.raises(ArenaError, match="is damaged: its checksum"):
        path.write_bytes(path.read_bytes()[:-100])
        find_player(str(path), "tag")


def test_a_file_tells_its_game_where_that_comes_along(tmp_path) -> None:
    assert env_of(str(bot_file(tmp_path / "tag.bot"))) == env_of("arena:tag@3") == "tag"
    assert env_of("bot:hunt") == env_of("random") == ""
    with pytest.raises(UnnamedEnv, match="does not come with puffer_arena"):
        env_of(str(bot_file(tmp_path / "own.bot", id="games/own.py")))
    trainer = small_trainer("squared")
    save_checkpoint(tmp_path / "a.safetensors", trainer)
    trainer.close()
    assert env_of(str(tmp_path / "a.safetensors")) == "squared"


def test_what_an_older_version_saw_is_named() -> None:
    then, now = (describe(Box(-1.0, 1.0, (len(names),), labels=names)) for names in (("x", "y", "z"), ("x", "speed")))
    assert difference(then, now) == ("the observation has box (3,) there and box (2,) here; gone: y, z; new: speed")
    bot = bundled_bot("kart")
    with (
        make("kart", num_envs=1, cars=3) as batch,
        pytest.raises(ParameterError, match="new: kart 1 there, kart 1 ahead"),
    ):
        bot_acting(bot, batch)


def test_a_difficulty_is_part_of_a_bundled_bots_name(tmp_path) -> None:
    bot = Bot.load(bot_file(tmp_path / "tag.bot"))
    best, worst = (bot_player(Handicapped(bot.model, level=level), "tag") for level in (10, 0))
    assert best.name.endswith("@10") and worst.name.endswith("@0")
    assert evaluate("tag", worst, 4, params={"max_steps": 10}).episodes == 4


@pytest.mark.parametrize("kind", ["random", "file"])
def test_anybody_is_an_opponent_in_training(kind: str, tmp_path) -> None:
    name = kind if kind == "random" else str(bot_file(tmp_path / "tag.bot"))
    trainer = small_trainer("tag", opponent__pool=name, params__max_steps=30)
    assert trainer.update()["steps"] > 0
    trainer.close()
