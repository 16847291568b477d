"""Roles that see and do different things: in batches, adapters, play, training and files."""

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pettingzoo.test import parallel_api_test

from puffer_arena import load, make
from puffer_arena.adapters.pettingzoo import aec_env, parallel_env
from puffer_arena.core.action_checks import check_actions
from puffer_arena.core.actions import action_value, blank_actions, count_choices, draw_actions
from puffer_arena.core.roles import Roles
from puffer_arena.core.spaces import Box, Discrete, flatten, unflatten
from puffer_arena.errors import ActionError, DefinitionError, SpaceError, TrainingError
from puffer_arena.players.evaluate import evaluate
from puffer_arena.players.player import chance, scripted, versus
from puffer_arena.render.play.game import Game
from puffer_arena.trainers.actor import Actor
from puffer_arena.trainers.networks.policy import policy_bytes
from puffer_arena.trainers.networks.roles import build_policy_of
from puffer_arena.trainers.runs.checkpoint import restore_trainer, save_checkpoint
from tests.test_actions import nested
from tests.test_core_spaces import equal
from tests.test_core_spaces import spaces as any_space
from tests.trainers_support import assert_same_future, small_trainer

CONVOY = str(Path(__file__).parent.parent / "examples" / "convoy.py")
few = settings(deadline=None, max_examples=40)


@few
@given(spaces=st.lists(any_space, min_size=1, max_size=3), seed=st.integers(0, 2**32 - 1))
def test_a_role_and_its_value_are_stored_exactly(spaces, seed: int) -> None:
    space = Roles({f"role{k}": each for k, each in enumerate(spaces)})
    role, value = space.sample(np.random.default_rng(seed))
    flat = flatten(space, (role, value))
    found = unflatten(space, flat)
    assert found[0] == role and equal(found[1], value) and flat.shape == (space.dtype.itemsize,)
    flat[:8] = 255
    with pytest.raises(SpaceError, match="role -1 is stored"):
        unflatten(space, flat)


@few
@given(spaces=st.lists(nested, min_size=2, max_size=3), seed=st.integers(0, 2**32 - 1))
def test_actions_of_roles_go_through_batch_and_policy_unchanged(spaces, seed: int) -> None:
    torch.manual_seed(seed)
    rng, counts = np.random.default_rng(seed), {f"role{k}": k + 1 for k in range(len(spaces))}
    action = Roles(dict(zip(counts, spaces, strict=True)), counts)
    agents = sum(counts.values())
    into = blank_actions(action, (2, agents))
    none = np.ones((2, agents, 0), np.bool_)
    drawn = check_actions("game", action, draw_actions(action, into.shape, none, rng), into).copy()
    named = {role: [] for role in counts}
    for role, span in action.spans.items():
        for one in drawn[:, span].reshape(-1):
            tagged = np.array([one]).view(one.dtype)
            own = tagged.view(np.dtype({"names": ["value"], "formats": [_stored(spaces, role)], "offsets": [8],
                                        "itemsize": one.dtype.itemsize}))["value"][0]  # fmt: skip
            value = action_value(action.spaces[role], own)
            assert action.spaces[role].contains(value)
            named[role].append(value)
    observation = Roles({role: Box(-1.0, 1.0, (2,)) for role in counts}, counts)
    policy = build_policy_of(observation, action, _network())
    obs = np.zeros((2 * agents,), observation.dtype)
    obs["role"] = np.tile(blank_actions(action, (agents,))["role"], 2)
    outputs, _, _ = policy([torch.from_numpy(obs["role"]), torch.from_numpy(obs["data"])], {})
    noise = policy.head.draw_noise(
        (2 * agents,), lambda s: rng.random(s, np.float32), lambda s: np.zeros(s, np.float32)
    )
    done = policy.head.to_env(policy.head.sample(outputs, torch.from_numpy(noise), None).detach().numpy())
    assert check_actions("game", action, done.reshape(2, agents), into).dtype == into.dtype


def _stored(spaces, role: str):
    from puffer_arena.core.actions import action_dtype

    return action_dtype(spaces[int(role[4:])])


def _network():
    from puffer_arena.trainers.config import Network

    return Network(hidden=(4,))


def test_compiled_rules_do_as_interpreted_ones_and_observations_are_whole() -> None:
    rng = np.random.default_rng(0)
    with make(CONVOY, num_envs=5) as one, make(CONVOY, num_envs=5, compiled=False) as other:
        other.obs.view(np.uint8)[:] = 255  # used memory
        other.look(np.ones(5, np.bool_))
        for t in range(50):
            actions = one.sample_actions(rng) if t % 3 else one.act("steady").copy()
            if t % 3 == 0:
                assert actions.tobytes() == other.act("steady").tobytes()
            one.step(actions)
            other.step(actions)
            for name in ("obs", "rewards", "terminated", "acting", "action_mask", "final_obs"):
                assert getattr(one, name).tobytes() == getattr(other, name).tobytes(), name


def test_everybody_is_reached_by_role() -> None:
    with make(CONVOY, num_envs=2, guards=2, vans=1) as batch:
        guard = {"turn": [[[0.5, 0.25], [1.0, 0.0]]] * 2, "fire": [[1, 0]] * 2}
        batch.step({"guard": guard, "van": [[2], [1]]})
        assert batch.rewards.tolist() == [[1, 0, 2], [1, 0, 1]]
        assert batch.terminated[:, 1].all() and not batch.action_mask[:, 0, 1].any()
        seen = batch.observation.of(batch.obs[:, :2], "guard")
        assert seen["heading"].tolist() == [[[0.5, 0.25], [0.0, 0.0]]] * 2 and seen["loaded"][0].tolist() == [[0], [0]]
        assert batch.observation.of(batch.obs[:, 2:], "van").tolist() == [[[0, 0, 1]], [[0, 1, 0]]]
        assert batch.obs["role"].tolist() == [[0, 0, 1]] * 2  # who left is known by its role
        batch.params.guards[:] = 1
        batch.reset()
        assert batch.obs["role"].tolist() == [[0, 0, 1]] * 2 and batch.acting[:, 1].tolist() == [False, False]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"van": [[3]]}, r"of 'van': action at \(0, 0\) is 3; allowed: 0 to 2"),
        ({"guard": {"turn": [[[0, 0]] * 2]}}, r"of 'guard': actions are \{'turn'.* takes \.turn and \.fire"),
        ({"vam": [[0]]}, "actions are .*; 'convoy' takes a dict with those of guard and van"),
    ],
)
def test_wrong_actions_name_role_and_part(change, message: str) -> None:
    given = {"guard": {"turn": [[[0.0, 0.0]] * 2], "fire": [[0, 0]]}, "van": [[0]]} | change
    with make(CONVOY) as batch, pytest.raises(ActionError, match=message):
        batch.step(given)


def test_an_action_of_another_role_is_refused() -> None:
    with make(CONVOY) as batch, pytest.raises(ActionError, match=r"at \(0, 0\) is one of role 1; 'convoy' has a guard"):
        batch.step(batch.actions[:, ::-1].copy())


@pytest.mark.filterwarnings("ignore::UserWarning")  # PettingZoo's test is surprised by any Dict
def test_pettingzoo_gives_each_agent_the_spaces_of_its_role() -> None:
    env = parallel_env(CONVOY)
    parallel_api_test(env, 100)
    observations, infos = env.reset(seed=0)
    for agent, seen in observations.items():
        assert env.observation_space(agent).contains(seen)
    assert list(env.action_space("guard_0")) == ["turn", "fire"] and env.action_space("van_0").n == 3
    mask = infos["guard_1"]["action_mask"]
    assert mask["turn"] is None and mask["fire"].tolist() == [1, 1] and infos["van_0"]["action_mask"].shape == (3,)
    assert env.state_space.contains(env.state())
    turns = aec_env(CONVOY)
    turns.reset(seed=0)
    for agent in turns.agent_iter(40):
        seen, _, over, cut, info = turns.last()
        assert turns.observation_space(agent).contains(seen)
        mask = info.get("action_mask")
        turns.step(None if over or cut else turns.action_space(agent).sample(mask=mask))


def test_a_person_steers_each_role_by_its_own_keys() -> None:
    with make(CONVOY, autoreset="disabled") as batch:
        game = Game(batch, "steady")
        game.press("space")
        game.press("right")
        game.step()
        assert batch.actions is not None and batch.rows.states["heading"][0, 0].tolist() == [0.5, 0.0]
        assert batch.rows.states["loaded"][0].tolist() == [0, 0]
        game.step()  # firing is barred now, and is not done
        assert batch.rows.states["loaded"][0, 0] == 1
        game.steer(2)
        game.press("right")
        game.step()
        assert game.role == "van" and batch.rows.states["lane"][0].tolist() == [2]


def test_sides_of_different_spaces_play_one_another() -> None:
    player = versus(chance(0), scripted("steady"), "van")
    found = evaluate(CONVOY, player, 8, side="van", split="train", params={"limit": 10})
    # Guards by the bot fire at every second step of ten.
    assert found.columns["opponent's return"].tolist() == [5.0] * 8 and 0 < found.means["return"] < 20


def test_an_actor_knows_whose_eyes_it_is_given_by_their_space() -> None:
    env = parallel_env(CONVOY)
    seen, infos = env.reset(seed=0)
    with make(CONVOY) as batch:
        actor = Actor(build_policy_of(batch.observation, batch.action, _network()))
    for agent in env.agents:
        chosen = actor.choose(seen[agent], infos[agent].get("action_mask"))
        assert env.action_space(agent).contains(chosen)
    with pytest.raises(SpaceError, match="lies in that of no role"):
        actor.choose(np.zeros(7, np.float32))
    alike = Roles({"cat": Box(0, 1, (2,)), "dog": Box(0, 2, (2,))}, {"cat": 1, "dog": 1})
    actor = Actor(build_policy_of(alike, Discrete(2), _network()))
    with pytest.raises(SpaceError, match=r"lies in those of cat and dog; say whose it is: \(role, observation\)"):
        actor.choose(np.ones(2, np.float32))
    assert actor.choose(("dog", np.ones(2, np.float32))) in (0, 1)


@pytest.mark.parametrize("roles", ["shared", "separate"])
def test_roles_share_what_lies_between_first_and_last_layers(roles: str) -> None:
    with make(CONVOY) as batch:
        network = _network_of(roles)
        policy = build_policy_of(batch.observation, batch.action, network)
        guard, van = policy.members.values()
        assert (guard.actor.encoder.hidden is van.actor.encoder.hidden) == (roles == "shared")
        assert (guard.actor.memory is van.actor.memory) == (roles == "shared")
        twice = 5 * 6 + 5 + 2 * (5 * 4 + 4)  # weights of the second hidden layer, and of the memory's two gates
        alone = sum(p.numel() for own in policy.members.values() for p in build_alone(batch, own, network).parameters())
        assert sum(p.numel() for p in policy.parameters()) == alone - twice * (roles == "shared")
        assert guard.head.width == 2 + 2 and van.head.width == 3 and count_choices(batch.action) == 3


def build_alone(batch, policy, network):
    return build_policy_of(policy.observation, policy.action, network)


def _network_of(roles: str):
    from puffer_arena.trainers.config import Network

    return Network(hidden=(6, 5), memory="mingru", memory_size=4, roles=roles)


@pytest.mark.slow
@pytest.mark.parametrize("memory", ["none", "mingru"])
def test_a_run_of_roles_learns_and_goes_on_from_its_checkpoint(tmp_path: Path, memory: str) -> None:
    overrides = {"network__memory": memory, "network__normalize": True, "optimizer__name": "muon"}
    trainer = small_trainer(CONVOY, optimizer__learning_rate=0.01, **overrides)
    best = {"van": -99.0, "guard": -99.0}
    while min(best["van"] - 30, best["guard"] - 8) < 0 and trainer.updates < 200:
        metrics = trainer.update()
        best = {role: max(value, metrics.get(f"episode_return/{role}", value)) for role, value in best.items()}
    # Of 20 steps a van earns 1 each at random and 2 at most; guards fire in every second one at most.
    assert best["van"] >= 30 and best["guard"] >= 8
    save_checkpoint(tmp_path / "run", trainer)
    resumed = restore_trainer(tmp_path / "run", env=CONVOY)
    probs, values = trainer.look(np.arange(3), 7)
    assert probs.shape == (3, 3, 3) and values.shape == (3, 3)
    np.testing.assert_allclose(probs.sum(-1), 1.0, atol=1e-5)
    assert_same_future(trainer, resumed, 1)
    actor = load(policy_bytes(trainer.policy), env=CONVOY)
    assert actor.choose(("van", np.array([1, 0, 0], np.uint8)), deterministic=True) in (0, 1, 2)
    seen = {"heading": np.zeros(2, np.float32), "loaded": 1}
    assert actor.choose(("guard", seen), {"turn": None, "fire": [True, False]})["fire"] == 0
    trainer.close()
    resumed.close()


def test_a_bot_of_roles_can_be_met_in_training() -> None:
    trainer = small_trainer(CONVOY, opponent__pool="bot:steady")
    trainer.update()
    trainer.close()
    with pytest.raises(TrainingError, match="each role has a space of its own"):
        small_trainer(CONVOY, gradients="fused")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"van": Box(0, 1, ("lanes",), np.uint8),', "", "observation: has no space for role 'van'; give one for every"),
        ('"van": Box(0, 1, ("lanes",), np.uint8),', '"von": Box(0, 1, (3,)), "van": Box(0, 1, (3,))',
         "observation: has a space for 'von', which is no role of agents; did you mean 'van'"),
        ('"van": Box(0, 1, ("lanes",), np.uint8),', '"van": 3', "observation: of 'van' is 3; give a space"),
        ('"van": Box(0, 1, ("lanes",), np.uint8),', '"van": Box(0, 1, ("lans",))', "observation: dimension 'lans'"),
        (', "van": observe_van', "", "observe: has no rule for role 'van'"),
        ('"van": drive', '"van": guard', r"bot 'steady': takes \(s, p, agent, memory, action\); it must take \(s, p, age"),
        ('action_mask={"guard": hold_fire}', 'action_mask={"gard": hold_fire}', "action_mask: has a rule for 'gard'"),
        ("actions.van[k]", "actions.vam[k]", r"'step' \(.*line \d+\): .*\n.*no field 'vam'; did you mean 'van'"),
        ("obs.loaded[0] =", "obs.laoded[0] =", r"'observe_guard' .*\n.*no field 'laoded'; did you mean 'loaded'"),
        ("obs.loaded[0] = s.loaded[agent]", "obs.loaded[0] = 7", r"'observe_guard' .*\n.*wrote obs.loaded = 7"),
        ("for lane in range(len(obs))", "for lane in range(1)", r"'observe_van' .*\n.*does not write"),
        ('"van": 1},', "},", "idle: has no action for role 'van'"),
        ('"up": 1', '"up": 4', "keys: 'up' of 'van' is 4; allowed: 0 to 2"),
    ],
)  # fmt: skip
def test_a_mistake_about_roles_is_one_error(tmp_path: Path, old: str, new: str, message: str) -> None:
    text = Path(CONVOY).read_text("utf-8")
    assert old in text
    (tmp_path / "mistaken.py").write_text(text.replace(old, new))
    with pytest.raises(DefinitionError, match=f"environment 'mistaken': {message}"):
        make(str(tmp_path / "mistaken.py"))


def test_rules_by_role_need_spaces_by_role(tmp_path: Path) -> None:
    text = Path(CONVOY).read_text("utf-8")
    begin, end = text.index("    observation={"), text.index("    reset=reset")
    plain = "    observation=Box(0, 1, (2,)),\n    action=Discrete(3),\n"
    (tmp_path / "mistaken.py").write_text(text[:begin] + plain + text[end:])
    with pytest.raises(DefinitionError, match="observe: is given by role, but all roles have one observation"):
        make(str(tmp_path / "mistaken.py"))
    assert Roles({"a": Discrete(2)}, {"a": 1}).spans == {"a": slice(0, 1)}


def test_an_episode_of_roles_is_rewound_and_restored_by_its_actions() -> None:
    rng = np.random.default_rng(3)
    with make(CONVOY, num_envs=2, record=True) as batch:
        for _ in range(7):
            batch.step(batch.sample_actions(rng))
        data, seen = batch.snapshot(1), batch.obs.copy()
        batch.rewind(1, 2)
        assert batch.restore(1, data) and batch.obs[1].tobytes() == seen[1].tobytes()
        assert make(CONVOY, num_envs=2, record=True).restore(0, data)
