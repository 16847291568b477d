"""Bots at play: streams and memory of many actors, save games, what they say of themselves."""

import json

import numpy as np
import pytest
from bots_support import ACTIONS, OBSERVATIONS, bot_bytes, draw_observations, make_policy, small_bot

from puffer_arena.bots.bot import Bot
from puffer_arena.bots.model import Model
from puffer_arena.errors import ParameterError


def drawn(bot: Bot, actor: int, steps: int = 12) -> list[int]:
    observations = draw_observations(OBSERVATIONS["numbers"], steps)
    return [bot.act(obs, actor=actor) for obs in observations]


def test_same_seed_same_actions_and_every_actor_its_own() -> None:
    data = bot_bytes(make_policy(OBSERVATIONS["numbers"], ACTIONS["discrete"]))
    first = drawn(Bot(Model(data), seed=1), 0)
    assert drawn(Bot(Model(data), seed=1), 0) == first
    assert drawn(Bot(Model(data), seed=2), 0) != first and drawn(Bot(Model(data), seed=1), 1) != first
    busy = Bot(Model(data), seed=1)
    drawn(busy, 1000)  # others do not matter
    assert drawn(busy, 0) == first


@pytest.mark.parametrize("memory", ["none", "mingru", "gru", "lstm"])
def test_a_saved_game_goes_on_as_it_would_have(memory: str) -> None:
    bot, other = small_bot(memory=memory, seed=4), small_bot(memory=memory, seed=9)
    for t in range(5):
        bot.act(draw_observations(OBSERVATIONS["numbers"], 3, seed=t))
    other.set_state(json.loads(json.dumps(bot.state())))
    for t in range(5, 10):
        obs = draw_observations(OBSERVATIONS["numbers"], 3, seed=t)
        assert bot.act(obs).tolist() == other.act(obs).tolist()
    assert bot.state() == other.state()


def test_resetting_an_actor_leaves_the_others_memory() -> None:
    bot = small_bot(memory="gru")
    bot.act(draw_observations(OBSERVATIONS["numbers"], 3))
    before = bot.state()["memory"]["actor.h"]
    bot.reset(1)
    after = bot.state()["memory"]["actor.h"]
    assert after[0] == before[0] and after[2] == before[2] and not any(after[1]) and any(before[1])
    bot.reset()
    assert not np.any(bot.state()["memory"]["actor.h"])


def test_copies_share_weights_and_nothing_else() -> None:
    bot = small_bot(memory="gru", seed=3)
    twin = bot.copy()
    bot.act(draw_observations(OBSERVATIONS["numbers"], 2))
    assert twin.state()["counts"] == [] and twin.model is bot.model
    assert drawn(twin, 0) == drawn(small_bot(memory="gru", seed=3), 0)


def test_decisions_explain_themselves() -> None:
    obs = draw_observations(OBSERVATIONS["numbers"], 2)
    bot = small_bot()
    with pytest.raises(ParameterError, match="has not acted yet"):
        bot.explain()
    actions = bot.act(obs)
    why = bot.explain(1)
    assert why.action == actions[1] and why.name == ("up", "down", "left", "right")[why.action]
    assert sum(why.probabilities.values()) == pytest.approx(1.0)
    with pytest.raises(ParameterError, match="actor 2 was not among"):
        bot.explain(2)
    for kind, names in (("multi_discrete", {"0 0", "0 1", "0 2", "1 0", "1 1"}), ("flags", {"jump", "fire", "duck"})):
        other = small_bot(action=kind)
        other.act(obs[0])
        assert set(other.explain().probabilities) == names
    steered = small_bot(action="box")
    steered.act(obs[0])
    assert not steered.explain().probabilities and steered.explain().name.startswith("steer ")


def test_many_who_decide_together_draw_what_each_would_alone() -> None:
    data = bot_bytes(make_policy(OBSERVATIONS["numbers"], ACTIONS["discrete"]))
    together, alone = Bot(Model(data), seed=1), Bot(Model(data), seed=1)
    obs = draw_observations(OBSERVATIONS["numbers"], 20)
    for t in range(20):
        if t in (3, 11):  # somebody decides once more in between
            assert together.act(obs[5], actor=5) == alone.act(obs[5], actor=5)
        count = 17 if t == 13 else 20
        assert together.act(obs[:count]).tolist() == [alone.act(obs[k], actor=k) for k in range(count)]
    assert together.state() == alone.state()


def test_no_actors_are_no_actions() -> None:
    bot = small_bot(memory="gru")
    assert bot.act(np.zeros((0, 5), np.float32)).shape == (0,)
