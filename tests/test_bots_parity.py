"""Bots against the policies they were made of: the same outputs, memory, probabilities and actions, with numpy alone."""

import subprocess
import sys
import textwrap

import numpy as np
import pytest
import torch
from bots_support import ACTIONS, NETWORKS, OBSERVATIONS, SEEN, bot_bytes, draw_observations, make_policy, small_bot

from puffer_arena.bots.bot import Bot
from puffer_arena.bots.heads import Sampling
from puffer_arena.bots.model import TOLERANCE, Model
from puffer_arena.bots.stream import key_of, normal, normals, uniform, uniforms
from puffer_arena.core.action_checks import mask_flags
from puffer_arena.core.composites import Dict, Tuple
from puffer_arena.core.spaces import Box, Discrete, MultiBinary, MultiDiscrete
from puffer_arena.errors import DefinitionError, FileError
from puffer_arena.trainers.networks.observations import leaf_tensors


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("network", NETWORKS)
def test_outputs_are_the_trainers(network: str, action: str) -> None:
    for observation in SEEN.get(network, ("numbers", "parts")):
        policy = make_policy(OBSERVATIONS[observation], ACTIONS[action], **NETWORKS[network])
        assert Model(bot_bytes(policy)).check() <= TOLERANCE


@pytest.mark.parametrize("observation", OBSERVATIONS)
def test_every_observation_is_seen_as_in_training(observation: str) -> None:
    for half in (False, True):
        policy = make_policy(OBSERVATIONS[observation], ACTIONS["discrete"])
        data = bot_bytes(policy, half)
        assert Model(data).check() <= TOLERANCE


def test_a_policy_of_values_plays_its_best_choice() -> None:
    policy = make_policy(OBSERVATIONS["numbers"], ACTIONS["discrete"], head="greedy", blocks="normed")
    policy.head.epsilon.fill_(0.1)
    obs = draw_observations(OBSERVATIONS["numbers"], 64)
    with torch.inference_mode():
        values = policy(leaf_tensors(policy.observation, obs), {})[0].numpy()
    assert (Bot(Model(bot_bytes(policy))).act(obs) == values.argmax(1)).all()


@pytest.mark.parametrize("network", ["mlp", "gru", "lstm", "mingru"])
def test_probabilities_and_memory_follow_the_trainers_through_an_episode(network: str) -> None:
    space = OBSERVATIONS["numbers"]
    policy = make_policy(space, ACTIONS["discrete"], **NETWORKS[network])
    bot, state = Bot(Model(bot_bytes(policy))), policy.initial_state(3)
    rng = np.random.default_rng(0)
    for t in range(6):
        obs = draw_observations(space, 3, seed=t)
        mask = rng.random((3, 4)) < 0.7
        mask[:, 2] = True
        bot.act(obs, mask)
        with torch.inference_mode():
            outputs, values, state = policy(leaf_tensors(space, obs), state)
            probs = policy.head.probabilities(outputs, torch.from_numpy(mask)).numpy()
        for actor in range(3):
            why = bot.explain(actor)
            assert list(why.probabilities) == ["up", "down", "left", "right"] and why.name in why.probabilities
            np.testing.assert_allclose(list(why.probabilities.values()), probs[actor], atol=1e-5)
            assert why.value == pytest.approx(float(values[actor, 0]), abs=1e-5)
        if t == 3:
            bot.reset(1)
            state = {name: part * torch.tensor([[1.0], [0.0], [1.0]]) for name, part in state.items()}


@pytest.mark.parametrize(
    ("action", "kind"), [*((name, "auto") for name in ACTIONS if name != "parts"), ("box", "squashed")]
)
def test_actions_are_drawn_from_what_was_learned(action: str, kind: str) -> None:
    # 40,000 draws from one observation: the mean of a frequency is off by less than 5 / sqrt(4 * 40,000) = 0.0125.
    policy = make_policy(OBSERVATIONS["numbers"], ACTIONS[action], head=kind)
    bot, obs = Bot(Model(bot_bytes(policy))), draw_observations(OBSERVATIONS["numbers"], 1)
    drawn = np.asarray(bot.act(np.repeat(obs, 40_000, 0)))
    with torch.inference_mode():
        outputs, _, _ = policy(leaf_tensors(policy.observation, obs), {})
        head = policy.head
        noise = torch.rand(40_000, 4) if head.noise_kind == "uniform" else torch.randn(40_000, 4)
        theirs = head.to_env(head.sample(outputs.expand(40_000, -1), noise[:, : head.components], None).numpy())
    if isinstance(policy.action, Box):
        theirs = np.clip(theirs, *policy.action.bounds)
    ours, theirs = drawn.reshape(40_000, -1), theirs.reshape(40_000, -1)
    assert drawn.dtype == policy.action.dtype.base
    for component in range(ours.shape[1]):
        if isinstance(policy.action, Box):
            assert ours[:, component].mean() == pytest.approx(theirs[:, component].mean(), abs=0.03)
            assert ours[:, component].std() == pytest.approx(theirs[:, component].std(), abs=0.03)
        else:
            for value in range(4):
                share = (ours[:, component] == value).mean()
                assert share == pytest.approx((theirs[:, component] == value).mean(), abs=0.025)


def as_rows(actions, count: int) -> np.ndarray:
    """Return actions as numbers (actors, ...), those of parts side by side."""
    parts = actions.values() if isinstance(actions, dict) else [actions]
    return np.concatenate([np.asarray(part, np.float64).reshape(count, -1) for part in parts], 1)


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("network", ["mlp", "gru"])
def test_one_by_one_is_all_at_once(network: str, action: str) -> None:
    data = bot_bytes(make_policy(OBSERVATIONS["parts"], ACTIONS[action], **NETWORKS[network]))
    for sampling in (Sampling(), Sampling(greedy=True), Sampling(2.0, 0.7, 0.3), Sampling(epsilon=0.5, greedy=True)):
        together, alone = Bot(Model(data), seed=3), Bot(Model(data), seed=3)
        for t in range(4):
            obs = draw_observations(OBSERVATIONS["parts"], 5, seed=t)
            many = as_rows(together.act(obs, sampling=sampling), 5)
            for actor in (4, 0, 2, 1, 3):  # in any order
                one = {"board": obs["board"][actor], "own": obs["own"][actor], "kind": int(obs["kind"][actor, 0])}
                single = as_rows(alone.act(one, actor=actor, sampling=sampling), 1)
                np.testing.assert_allclose(single[0], many[actor], atol=1e-5)


def test_a_wrong_weight_is_noticed_by_check() -> None:
    bot = small_bot()
    weight, bias = bot.model.towers["actor"].output
    bot.model.towers["actor"].output = weight, bias + np.float32(1e-3)
    with pytest.raises(FileError, match="does not play as it was trained: its outputs are off by"):
        bot.check()


def test_encoders_of_ones_own_are_refused_by_name() -> None:
    class Eye(torch.nn.Linear):
        width = 3

    policy = make_policy(OBSERVATIONS["numbers"], ACTIONS["discrete"])
    policy.actor.encoder = Eye(5, 3)
    with pytest.raises(DefinitionError, match="the actor's encoder is a Eye of your own"):
        bot_bytes(policy)


def test_a_bot_needs_numpy_alone(tmp_path) -> None:
    path = tmp_path / "a.bot"
    path.write_bytes(bot_bytes(make_policy(OBSERVATIONS["parts"], ACTIONS["box"], memory="lstm")))
    program = f"""
        import sys
        for name in ("numba", "llvmlite", "torch", "gymnasium", "pettingzoo", "safetensors", "pygame", "tyro"):
            sys.modules[name] = None
        from puffer_arena import load_bot
        bot = load_bot({str(path)!r})
        assert bot.check() <= 1e-5
        print(bot.act({{"board": [[0] * 5] * 5, "own": [0.0] * 5, "kind": 2}}).shape)
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True)
    assert done.stdout == "(2,)\n" and not done.stderr, done.stderr


def test_random_numbers_are_the_same_everywhere() -> None:
    # SplitMix64's first outputs from state 1234567, as its authors' C program prints them.
    published = [6457827717110365317, 3203168211198807973, 9817491932198370423]
    assert [int(uniform(1234567, k) * 2**53) for k in range(3)] == [word >> 11 for word in published]
    keys = [key_of(5, actor) for actor in range(4)]
    many = uniforms(np.array(keys, np.uint64), np.array([0, 7, 1 << 40, 3]), 3)
    assert many.tolist() == [
        [uniform(key, at + k) for k in range(3)] for key, at in zip(keys, (0, 7, 1 << 40, 3), strict=True)
    ]
    # Quantiles of the normal distribution, from Abramowitz and Stegun 1964, table 26.1 and 26.5.
    assert normal(0.5) == 0.0 and normal(0.975) == pytest.approx(1.959963984540054, abs=1e-14)
    assert normal(0.99) == pytest.approx(2.3263478740408408, abs=1e-14) and np.isfinite(normal(0.0))
    u = np.linspace(0.0, 1.0 - 2.0**-53, 999)
    assert normals(u).tolist() == [normal(x) for x in u]  # to the bit, whether one or many


def test_every_part_of_an_action_is_drawn_as_in_training() -> None:
    """40,000 draws from one observation: a frequency is off by less than 5 / sqrt(4 * 40,000), a mean by 5 / 200."""
    action = Dict(
        {"turn": Box(-1.0, 1.0, (2,)), "pair": Tuple((Discrete(3), MultiDiscrete((2, 2)))), "on": MultiBinary(2)}
    )
    policy = make_policy(OBSERVATIONS["numbers"], action)
    bot, obs = Bot(Model(bot_bytes(policy))), draw_observations(OBSERVATIONS["numbers"], 1)
    masks = {"turn": None, "pair": ([False, True, True], ([True, True], [True, False])), "on": None}
    many = mask_flags(action, masks)[None].repeat(40_000, 0)
    drawn = bot.act(np.repeat(obs, 40_000, 0), many)
    assert bot.act(obs[0], masks).keys() == action.spaces.keys() and not drawn["pair"][1][:, 1].any()
    with torch.inference_mode():
        outputs = policy(leaf_tensors(policy.observation, obs), {})[0].expand(40_000, -1)
        noise = policy.head.draw_noise((40_000,), lambda s: torch.rand(s).numpy(), lambda s: torch.randn(s).numpy())
        chosen = policy.head.sample(outputs, torch.from_numpy(noise), torch.from_numpy(many))
    theirs = policy.head.to_env(chosen.numpy())
    found = np.clip(theirs["turn"], -1.0, 1.0), theirs["pair"]["part_0"], theirs["pair"]["part_1"], theirs["on"]
    for mine, other in zip((drawn["turn"], *drawn["pair"], drawn["on"]), found, strict=True):
        np.testing.assert_allclose(mine.mean(0), other.mean(0), atol=0.03)
