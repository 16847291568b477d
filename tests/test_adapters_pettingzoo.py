"""Several agents in PettingZoo: its own checks, agents that leave, masks, and a chain into Stable-Baselines3."""

import copy
import functools
import pickle
import warnings
from pathlib import Path

import numpy as np
import pettingzoo
import pytest
from pettingzoo.test import api_test, parallel_api_test, parallel_seed_test, render_test, seed_test, state_test

from puffer_arena import list_envs, load_env, make
from puffer_arena.adapters.agent_by_agent import AgentByAgent
from puffer_arena.adapters.pettingzoo import PettingZooEnv, aec_env, parallel_env
from puffer_arena.errors import ActionError, ArenaError, ParameterError, UnknownKeyword, UnknownName
from tests.playing import DUEL, RELAY

SEVERAL = [name for name in list_envs() if load_env(name).agents]
every_env = pytest.mark.parametrize("env_id", SEVERAL)
every_game = pytest.mark.parametrize("env_id", [*SEVERAL, DUEL, RELAY], ids=lambda env_id: Path(env_id).stem)

# An agent that left sees zeros; PettingZoo's checker knows no nested observations, advises against several choices at once
# and against bounds that speeds do not have, and takes the stacked observations of all agents for a picture.  It knows no
# rewards for those who have left, where agents move at once.
MEANT = (
    "numpy array is all zeros",
    "Observation is not a NumPy array",
    "Observation space for each agent",
    "Action space for each agent probably should be",
    "space value is -infinity",
    "space value is infinity",
    "in the shape of a graphical observation",
    "Agent was given reward but was dead last turn",
)


@pytest.fixture(autouse=True)
def no_unexpected_warnings():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield
    said = [str(w.message) for w in caught if issubclass(w.category, UserWarning)]
    assert [text for text in said if not any(known in text for known in MEANT)] == []


@every_game
def test_the_parallel_check_passes(env_id: str) -> None:
    parallel_api_test(parallel_env(env_id), num_cycles=100)


@every_game
def test_the_check_for_turns_passes(env_id: str) -> None:
    api_test(aec_env(env_id), num_cycles=100)


@every_game
def test_the_seed_checks_pass(env_id: str) -> None:
    parallel_seed_test(lambda: parallel_env(env_id), num_cycles=50)
    seed_test(lambda: aec_env(env_id), num_cycles=50)


@pytest.mark.slow
@every_env
def test_the_render_check_passes(env_id: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    render_test(functools.partial(aec_env, env_id))


@every_game
def test_the_state_check_passes(env_id: str) -> None:
    state_test(aec_env(env_id), parallel_env(env_id))


@every_env
def test_the_registry_makes_it(env_id: str) -> None:
    known_as = f"puffer_arena/{env_id}_v{load_env(env_id).version}"
    parallel, turns = pettingzoo.make("parallel", known_as), pettingzoo.make("aec", known_as, render_mode="rgb_array")
    assert isinstance(parallel, PettingZooEnv) and isinstance(turns.unwrapped, AgentByAgent)
    assert str(parallel) == f"{env_id}_v{load_env(env_id).version}"
    turns.reset(seed=0)
    assert turns.render().shape == (480, 480, 3)


def sample(env, infos):
    """Draw an allowed action for every agent."""
    return {agent: env.action_space(agent).sample(infos[agent].get("action_mask")) for agent in env.agents}


@every_game
def test_it_plays_what_a_batch_of_one_row_plays(env_id: str) -> None:
    env, batch = parallel_env(env_id), make(env_id, autoreset="disabled")
    _, infos = env.reset(seed=5)
    batch.reset(5)
    assert env.possible_agents == list(batch.agent_ids) == env.agents
    for k, agent in enumerate(env.agents):
        env.action_space(agent).seed(k)
    for _ in range(60):
        actions = sample(env, infos)
        acting = env.agents
        row = np.zeros_like(batch.actions)  # nothing of those who have left
        for agent, action in actions.items():
            parts = tuple(action[name] for name in row.dtype.names) if row.dtype.names else action
            row[0, env.possible_agents.index(agent)] = parts
        obs, rewards, terminated, truncated, infos = env.step(actions)
        step = batch.step(row)
        for agent in acting:
            k = env.possible_agents.index(agent)
            assert env.observation_space(agent).contains(obs[agent])
            assert rewards[agent] == step.rewards[0, k]
            assert (terminated[agent], truncated[agent]) == (step.terminated[0, k], step.truncated[0, k])
        assert set(obs) == set(terminated) == set(truncated) == set(infos) == set(acting)
        late = {agent for agent in env.possible_agents if step.rewards[0, env.possible_agents.index(agent)]}
        assert set(rewards) == set(acting) | late
        if not env.agents:
            _, infos = env.reset()
            batch.reset()


@every_game
def test_the_same_seed_plays_the_same_episode(env_id: str) -> None:
    played = []
    for _ in range(2):
        env = parallel_env(env_id)
        obs, infos = env.reset(seed=8)
        for k, agent in enumerate(env.agents):
            env.action_space(agent).seed(k)
        told = [pickle.dumps((obs, infos))]
        while env.agents:
            told.append(pickle.dumps(env.step(sample(env, infos))))
            infos = pickle.loads(told[-1])[4]
        played.append(told)
    assert played[0] == played[1] and len(played[0]) > 1


def test_agents_leave_one_by_one_and_take_their_statistics_along() -> None:
    env = parallel_env(DUEL)
    obs, infos = env.reset(seed=0)
    assert env.agents == ["red_0", "blue_0", "blue_1"] and infos == {agent: {} for agent in env.agents}
    assert obs["blue_0"] == {"last": 0, "pair": (np.array([0], np.int32), 1)}
    env.step({"red_0": 1, "blue_0": 1, "blue_1": 0})
    _, rewards, terminated, truncated, infos = env.step({"red_0": 1, "blue_0": 2, "blue_1": 0})
    assert rewards == {"red_0": 1.0, "blue_0": -1.0, "blue_1": 0.0}
    assert terminated == {"red_0": False, "blue_0": True, "blue_1": False} and not any(truncated.values())
    assert infos == {"red_0": {}, "blue_0": {"statistics": {"episode_return": 0.0, "episode_length": 2}}, "blue_1": {}}
    assert env.agents == ["red_0", "blue_1"]
    obs, *_ = env.step({"red_0": 0, "blue_1": 0, "blue_0": 2})  # whoever has left is not heard
    assert set(obs) == {"red_0", "blue_1"}
    obs, _, terminated, truncated, infos = env.step({"red_0": 0, "blue_1": 1})
    assert truncated == {"red_0": True, "blue_1": True} and not any(terminated.values()) and env.agents == []
    assert obs["red_0"]["pair"][0].tolist() == [4]  # a truncated agent sees where it stood
    assert infos["red_0"] == {"statistics": {"episode_return": 2.0, "episode_length": 4}}


def test_turns_add_up_to_the_same_episode() -> None:
    together, turns = parallel_env("tag"), aec_env("tag")
    _, infos = together.reset(seed=2)
    turns.reset(seed=2)
    earned = dict.fromkeys(together.agents, 0.0)
    received = dict.fromkeys(together.agents, 0.0)
    left = {}
    while together.agents:
        actions = sample(together, infos)
        for agent in together.agents:
            assert turns.agent_selection == agent
            received[agent] += turns.last()[1]
            turns.step(actions[agent])
        _, rewards, terminated, truncated, infos = together.step(actions)
        for agent, reward in rewards.items():
            earned[agent] += reward
            left[agent] = terminated[agent], truncated[agent]
        while turns.agents and (turns.terminations[turns.agent_selection] or turns.truncations[turns.agent_selection]):
            gone = turns.agent_selection
            received[gone] += turns.last()[1]
            assert (turns.last()[2], turns.last()[3]) == left[gone]
            turns.step(None)
    assert turns.agents == [] and received == pytest.approx(earned)


def test_the_mask_comes_with_the_info_in_turns_too() -> None:
    env = aec_env("tag")
    env.reset(seed=0)
    for agent in env.agent_iter(60):
        _, _, terminated, truncated, info = env.last()
        if terminated or truncated:
            assert "action_mask" not in info
            env.step(None)
        else:
            assert info["action_mask"].dtype == np.int8 and info["action_mask"].shape == (5,)
            env.step(env.action_space(agent).sample(info["action_mask"]))


def test_state_stacks_what_the_agents_see() -> None:
    env = parallel_env("striker")
    obs, _ = env.reset(seed=0)
    np.testing.assert_array_equal(env.state(), np.stack([obs[agent] for agent in env.possible_agents]))
    nested = parallel_env(DUEL)
    nested.reset(seed=0)
    assert nested.state().shape == nested.state_space.shape == (3, 3 + 1 + 6)  # one-hot 3, a number, one-hot 6
    assert nested.state_space.contains(nested.state())


@pytest.mark.parametrize(
    "duplicate", [copy.deepcopy, lambda env: pickle.loads(pickle.dumps(env))], ids=["copy", "pickle"]
)
def test_a_copy_has_the_same_future(duplicate) -> None:
    env = parallel_env("tag")
    _, infos = env.reset(seed=3)
    for _ in range(5):
        infos = env.step(sample(env, infos))[4]
    twin = duplicate(env)
    assert twin.agents == env.agents
    while env.agents:
        actions = sample(env, infos)
        mine, its = env.step(actions), twin.step(actions)
        infos = mine[4]
        assert pickle.dumps(mine) == pickle.dumps(its)


def test_options_set_parameters() -> None:
    env = parallel_env(DUEL)
    env.reset(seed=0, options={"params": {"limit": 1}, "anything": 1})
    assert all(env.step(dict.fromkeys(env.agents, 0))[3].values())


def test_a_smaller_team_leaves_the_others_out() -> None:
    env = parallel_env(DUEL)
    obs, _ = env.reset(seed=0, options={"params": {"blue": 1}})
    assert env.agents == ["red_0", "blue_0"] == list(obs) and len(env.possible_agents) == 3


@pytest.mark.parametrize(
    ("actions", "kind", "said"),
    [
        ({"red_0": 1}, ActionError, "there is no action for 'blue_0'; allowed: Discrete(3)"),
        ({"red_0": 1, "blue_0": 3, "blue_1": 0}, ActionError, "the action of 'blue_0' is 3; allowed: Discrete(3)"),
        ({"red_0": "left", "blue_0": 1, "blue_1": 0}, ActionError, "the action of 'red_0' is 'left'; allowed:"),
        ({"red_0": 1, "blue_0": None, "blue_1": 0}, ActionError, "the action of 'blue_0' is None; allowed:"),
        ({"red_0": 1, "blu_0": 1}, UnknownName, "unknown agent 'blu_0'; did you mean 'blue_0'?"),
        ({}, ActionError, "there is no action for 'red_0'"),
    ],
    ids=repr,
)
def test_wrong_actions_are_refused_and_move_nothing(actions: dict, kind: type, said: str) -> None:
    env = parallel_env(DUEL)
    env.reset(seed=0)
    with pytest.raises(kind) as error:
        env.step(actions)
    assert said in str(error.value) and env.batch.state(0).step_count == 0


def test_stepping_when_nobody_is_left_is_refused_unless_nobody_acts() -> None:
    env = parallel_env(DUEL)
    with pytest.raises(ActionError, match=r"'duel' has no episode under way: call reset\(\) before step\(\)"):
        env.step({"red_0": 1})
    env.reset(seed=0)
    env.step(dict.fromkeys(env.agents, 2))
    assert env.agents == [] and env.step({}) == ({}, {}, {}, {}, {})
    with pytest.raises(ActionError, match="no episode under way"):
        env.step({"red_0": 1})


def test_wrong_settings_are_refused_by_name() -> None:
    with pytest.raises(ArenaError, match=r"'snake' is for one agent; use puffer_arena\.adapters\.gymnasium"):
        parallel_env("snake")
    with pytest.raises(UnknownKeyword, match="unexpected keyword argument 'chaser'; did you mean 'chasers'"):
        aec_env("tag", chaser=2)
    with pytest.raises(ParameterError, match="parameter 'limit' = 0 is out of range"):
        parallel_env(DUEL).reset(options={"params": {"limit": 0}})
    with pytest.raises(UnknownName, match="unknown render_mode 'ansi'"):
        parallel_env("tag", render_mode="ansi")
    with pytest.raises(UnknownName, match="unknown agent 'chaser_9'"):
        parallel_env("tag").action_space("chaser_9")


@pytest.mark.parametrize("seed", [5.7, "5", -1, True, np.float64(5), [3]], ids=repr)
@pytest.mark.parametrize("kind", [parallel_env, aec_env])
def test_what_is_no_seed_is_refused_and_changes_nothing(kind, seed: object) -> None:
    env = kind("tag")
    env.reset(seed=0)
    before = env.unwrapped.batch.snapshot(0)
    with pytest.raises(ParameterError, match="it must be a whole number of at least 0"):
        env.reset(seed=seed)
    assert env.unwrapped.batch.snapshot(0) == before


def test_long_seeds_differ_from_their_last_words() -> None:
    keys = set()
    for seed in (5, 2**64 + 5, 2**65 + 5, np.int64(5)):
        env = parallel_env("tag")
        env.reset(seed=seed)
        keys.add(int(env.batch.rows.states["row_key"][0]))
    assert len(keys) == 3


def test_counters_reach_the_info_of_every_step() -> None:
    env = parallel_env("tag", max_steps=30)
    counters = env.batch.env.counters
    _, infos = env.reset(seed=0)
    assert counters and all(info[name] == 0.0 for info in infos.values() for name in counters)
    steps = 0
    while env.agents:
        infos = env.step(sample(env, infos))[4]
        steps += 1
        standing = {name: float(getattr(env.batch.state(0), name)) for name in counters}
        assert all(info.items() >= standing.items() for info in infos.values())
    assert all(info["statistics"].items() >= standing.items() for info in infos.values()) and steps > 1


@every_env
def test_a_picture_shows_the_state(env_id: str) -> None:
    env = parallel_env(env_id, render_mode="rgb_array", render_size=(160, 120))
    env.reset(seed=0)
    picture = env.render()
    assert picture.shape == (120, 160, 3) and picture.dtype == np.uint8 and picture.std() > 2
    env.close()


def test_supersuit_skips_frames() -> None:
    import supersuit

    skipping, plain = supersuit.frame_skip_v0(parallel_env("tag"), 3), parallel_env("tag")
    skipping.reset(seed=4)
    plain.reset(seed=4)
    actions = dict.fromkeys(plain.agents, 0)
    obs, rewards, *_ = skipping.step(actions)
    earned = dict.fromkeys(actions, 0.0)
    for _ in range(3):
        seen, paid, *_ = plain.step(actions)
        earned = {agent: earned[agent] + paid[agent] for agent in earned}
    assert rewards == earned and plain.batch.state(0).step_count == 3
    for agent in actions:
        np.testing.assert_array_equal(obs[agent], seen[agent])


@pytest.mark.filterwarnings("ignore")  # the two libraries' own
def test_supersuit_carries_it_into_stable_baselines() -> None:
    import supersuit
    import torch
    from stable_baselines3 import PPO

    torch.set_num_threads(1)
    env = supersuit.black_death_v3(parallel_env("tag", max_steps=20))
    env = supersuit.flatten_v0(supersuit.dtype_v0(env, np.float32))
    vector = supersuit.pettingzoo_env_to_vec_env_v1(env)
    vector = supersuit.concat_vec_envs_v1(vector, 2, num_cpus=1, base_class="stable_baselines3")
    model = PPO("MlpPolicy", vector, n_steps=64, batch_size=128, n_epochs=1, device="cpu")
    before = model.policy.action_net.weight.detach().clone()
    model.learn(64 * 12)  # two copies of six agents, so three episodes of each
    assert model.num_timesteps == 64 * 12 and not torch.equal(before, model.policy.action_net.weight)
