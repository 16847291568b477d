"""Learning from datasets: losses against plain references, exact resume, and what does not fit."""

import dataclasses

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import puffer_arena  # noqa: E402  torch may not be there
from puffer_arena.bots.bot import Bot  # noqa: E402
from puffer_arena.core.spaces import Discrete  # noqa: E402
from puffer_arena.datasets.dataset import About, Dataset, Episode  # noqa: E402
from puffer_arena.datasets.file import write_dataset  # noqa: E402
from puffer_arena.datasets.recording import record  # noqa: E402
from puffer_arena.errors import DefinitionError, FileError, ParameterError  # noqa: E402
from puffer_arena.players.evaluate import evaluate  # noqa: E402
from puffer_arena.players.player import chance, scripted  # noqa: E402
from puffer_arena.trainers.actor import Actor  # noqa: E402
from puffer_arena.trainers.algorithms import iql, rebrac  # noqa: E402
from puffer_arena.trainers.algorithms.bc import cloning  # noqa: E402
from puffer_arena.trainers.export.bot import export_policy  # noqa: E402
from puffer_arena.trainers.export.weights import plain_copy  # noqa: E402
from puffer_arena.trainers.networks.heads import make_head  # noqa: E402
from puffer_arena.trainers.networks.policy import policy_bytes  # noqa: E402
from puffer_arena.trainers.playing import actor_player  # noqa: E402
from puffer_arena.trainers.runs.checkpoint import restore_trainer, save_checkpoint  # noqa: E402
from tests.trainers_support import assert_same_learning, small_config, small_trainer  # noqa: E402

MAZE = {"size": 7, "distance": 4, "max_steps": 20}
PARTED = "examples/turret.py"  # actions of parts, one of them a Box
LEARNERS = [
    ("bc", "maze"),
    ("bc", PARTED),
    ("iql", "maze"),
    ("iql", "target"),
    ("iql", PARTED),
    ("rebrac", "target"),
    ("dt", "maze"),
    ("dt", "target"),
    ("dt", PARTED),
]


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Small datasets by the game, on the disk."""
    place = tmp_path_factory.mktemp("datasets")
    for name, env_id, params in (("maze", "maze", MAZE), ("target", "target", {}), ("turret", PARTED, {})):
        env_bot = {"maze": scripted("shortest")}.get(name, chance(2))
        write_dataset(record(env_id, [env_bot, chance(3)], 24, params=params), place / name)
    return {"maze": place / "maze", "target": place / "target", PARTED: place / "turret"}


def trainer_of(folders, algorithm, env_id, **settings):
    small = {"num_envs": 4, f"{algorithm}__minibatches": 3, f"{algorithm}__batch": 16, f"{algorithm}__play": 5}
    if algorithm == "dt":
        small |= {"dt__batch": 2, "network__context": 4, "network__memory_size": 8, "network__heads": 2}
    return small_trainer(env_id, algorithm=algorithm, offline=str(folders[env_id]), **{**small, **settings})


def slope(function, *columns, at):
    """Return the gradient of a sum by finite differences, in float64."""
    found = np.zeros_like(columns[at])
    for place in np.ndindex(found.shape):
        sums = []
        for step in (1e-6, -1e-6):
            moved = [column.copy() for column in columns]
            moved[at][place] += step
            sums.append(function(*moved))
        found[place] = (sums[0] - sums[1]) / 2e-6
    return found


@pytest.mark.parametrize("env_id", ["maze", "target", PARTED])
def test_actions_go_to_the_policy_and_back(env_id):
    from puffer_arena import make

    with make(env_id, 8) as batch:
        head = make_head(batch.action)
        actions = batch.sample_actions(np.random.default_rng(1))
        back = head.to_env(head.from_env(actions)).reshape(actions.shape)
    for name in actions.dtype.names or ("",):
        one, other = (actions[name], back[name]) if name else (actions, back)
        np.testing.assert_allclose(one, other, atol=1e-6)


def test_the_losses_of_iql_are_those_of_a_plain_reference():
    rng = np.random.default_rng(0)
    s = iql.Settings(tau=0.8, beta=2.0)
    q, old_q, value, target, log_prob = (rng.normal(size=n) for n in ((2, 9), 9, 9, 9, 9))

    def reference(q, value, log_prob):
        total = 0.0
        for k in range(9):
            u = old_q[k] - value[k]
            total += abs(s.tau - (u < 0)) * u * u
            total += sum((target[k] - q[j, k]) ** 2 for j in range(2))
            total -= min(np.exp(s.beta * (old_q[k] - fixed[k])), 100.0) * log_prob[k]
        return total / 9

    fixed = value.copy()  # the policy's weight is no function of V
    given = [torch.tensor(column, requires_grad=True) for column in (q, value, log_prob)]
    loss, _ = iql.implicit(given[0], torch.tensor(old_q), given[1], torch.tensor(target), given[2], s)
    assert float(loss.detach()) == pytest.approx(reference(q, value, log_prob), rel=1e-9)
    loss.backward()
    for at, tensor in enumerate(given):
        np.testing.assert_allclose(tensor.grad, slope(reference, q, value, log_prob, at=at), atol=1e-6)


def test_the_losses_of_rebrac_are_those_of_a_plain_reference():
    rng = np.random.default_rng(0)
    s = rebrac.Settings(actor_weight=0.3, critic_weight=0.2, gamma=0.9)
    rewards, after, q = (rng.normal(size=7) for _ in range(3))
    chosen, done = rng.normal(size=(7, 2)), rng.normal(size=(7, 2))
    ends = (rng.random(7) < 0.4).astype(float)
    found = rebrac.critic_target(*map(torch.tensor, (rewards, ends, after, chosen, done)), s)
    for k in range(7):
        away = sum((chosen[k, j] - done[k, j]) ** 2 for j in range(2))
        assert float(found[k]) == pytest.approx(rewards[k] + 0.9 * (1 - ends[k]) * (after[k] - 0.2 * away))

    def reference(q, chosen):
        return sum(0.3 * ((chosen[k] - done[k]) ** 2).sum() - q[k] / scale for k in range(7))

    scale = np.abs(q).mean()
    given = [torch.tensor(column, requires_grad=True) for column in (q, chosen)]
    loss = rebrac.actor_loss(given[0], given[1], torch.tensor(done), s).sum()
    assert float(loss.detach()) == pytest.approx(reference(q, chosen))
    loss.backward()
    for at, tensor in enumerate(given):
        np.testing.assert_allclose(tensor.grad, slope(reference, q, chosen, at=at), atol=1e-6)


@pytest.mark.parametrize(("algorithm", "env_id"), LEARNERS)
def test_a_resumed_run_goes_on_exactly_and_its_policy_plays(algorithm, env_id, folders, tmp_path):
    first = trainer_of(folders, algorithm, env_id)
    seen = []
    for _ in range(2):
        metrics = first.update(lambda trainer, t: seen.append(trainer.look(np.array([0, 3]), t)))
    assert metrics["steps"] == 2 * 3 * 16 and len(seen) == 10
    probs, values = seen[-1]
    assert values.shape == (2, 1) and (probs is None) == (env_id == "target")
    save_checkpoint(tmp_path / "it.safetensors", first)
    second = restore_trainer(tmp_path / "it.safetensors", env=env_id if env_id == PARTED else "")
    assert_same_learning(first, second)
    played = evaluate(env_id, actor_player(Actor.load(policy_bytes(first.policy), env_id)), 4)
    assert np.isfinite(played.columns["return"]).all()
    first.close()
    second.close()


def test_cloning_is_the_likelihood_of_what_was_done():
    rng = np.random.default_rng(0)
    outputs, actions = rng.normal(size=(6, 4)), rng.integers(4, size=6)
    mask = rng.random((6, 4)) < 0.6
    mask[np.arange(6), actions] = True

    def reference(outputs):
        shares = np.exp(outputs) * mask
        return -np.log(shares[np.arange(6), actions] / shares.sum(1)).sum()

    given = torch.tensor(outputs, requires_grad=True)
    loss, _ = cloning(make_head(Discrete(4)), given, torch.tensor(actions)[:, None], torch.tensor(mask))
    assert float(loss.sum().detach()) == pytest.approx(reference(outputs))
    loss.sum().backward()
    np.testing.assert_allclose(given.grad, slope(reference, outputs, at=0), atol=1e-6)


def test_a_transformer_acts_step_by_step_as_it_learned_at_once(folders):
    """Over an episode four times as long as its context, whose keys and values are kept as state."""
    trainer = trainer_of(folders, "dt", "target")
    policy, time = trainer.policy.double(), 16
    for weight in policy.parameters():
        torch.nn.init.normal_(weight, std=0.3)
    obs = torch.randn(time, 3, *trainer.batch.obs.shape[1:], dtype=torch.float64)
    rewards, done = torch.randn(time, 3).double(), torch.randn(time, 3, policy.head.components).double()
    gained = rewards.cumsum(0) - rewards
    started = torch.ones(time, 3).double()
    started[0] = 0.0
    before = torch.cat([torch.zeros_like(done[:1]), done[:-1]])
    at_once = policy.outputs_of([obs], policy.tell(policy.target - gained, started, before).double())
    state = {name: part.double() for name, part in policy.initial_state(3).items()}
    for t in range(time):
        state = policy.rewarded(state, rewards[t - 1])  # before the first step: another episode's, and ignored
        outputs, _, state = policy([obs[t]], {name: part.double() for name, part in state.items()})
        torch.testing.assert_close(outputs, at_once[t], rtol=1e-6, atol=1e-6)
        state = {name: part.double() for name, part in policy.acted(state, done[t]).items()}
    assert {name: tuple(part.shape[1:]) for name, part in state.items()} == policy.state_spec
    later = obs.clone()
    later[9:] += 1.0
    told = policy.tell(policy.target - gained, started, before).double()
    changed = policy.outputs_of([later], told)
    torch.testing.assert_close(changed[:9], at_once[:9])  # nothing that comes later matters
    assert not torch.allclose(changed[9:], at_once[9:])
    trainer.close()


def test_segments_are_the_steps_of_one_episode(folders):
    trainer = trainer_of(folders, "dt", "maze")
    data, chosen = trainer.data, torch.tensor([0, int(trainer.data.first[3]) + 1])
    part = trainer.transitions.segments(chosen, 6)
    for k, begin in enumerate(chosen.tolist()):
        number = data.episode[begin]
        end = int(data.first[number] + data.lengths[number])
        for t in range(6):
            step = min(begin + t, end - 1)
            assert bool(part.valid[t, k]) == (begin + t < end)
            assert float(part.to_go[t, k]) == pytest.approx(data.rewards[step:end].sum())
            assert float(part.started[t, k]) == (step > data.first[number])
            if step > data.first[number]:
                assert part.before[t, k].tolist() == data.actions[step - 1 : step].tolist()
            np.testing.assert_array_equal(part.obs[0][t, k], data.observations[data.seen[step]])
    trainer.close()


def test_a_transformer_s_settings_are_checked(folders):
    with pytest.raises(ParameterError, match=r"network.heads = 2 does not divide"):
        trainer_of(folders, "dt", "maze", network__memory_size=7)
    with pytest.raises(ParameterError, match=r"network.memory = 'transformer' is not for algorithm 'ppo'"):
        small_config("maze", network__memory="transformer")
    trainer = trainer_of(folders, "dt", "maze")
    with pytest.raises(DefinitionError, match="this is a DecisionPolicy, with network"):
        plain_copy(trainer.policy, half=False)
    trainer.close()


def test_the_best_tenth_is_followed_alone():
    """Half of the episodes went left for nothing, one in ten right for a reward."""
    seen = np.zeros((3, 2), np.float32)
    acts = {False: np.full((2, 2), -0.5), True: np.full((2, 2), 0.5)}
    episodes = [Episode(seen, None, acts[k < 2], np.full(2, float(k < 2)), True) for k in range(20)]
    data = Dataset.of(About("target"), episodes)
    assert set(data.episode[data.best(0.1)]) == {0, 1}


def test_what_does_not_fit_is_said(folders, tmp_path):
    with pytest.raises(ParameterError, match="algorithm 'bc' learns from a dataset; name one with --offline"):
        small_config("maze", algorithm="bc")
    with pytest.raises(ParameterError, match="'ppo' learns by playing and takes no dataset; those that take one: bc"):
        small_config("maze", offline=str(folders["maze"]))
    with pytest.raises(ParameterError, match=r"network.memory = 'gru' is not for algorithm 'bc'"):
        small_config("maze", algorithm="bc", offline=str(folders["maze"]), network__memory="gru")
    with pytest.raises(ParameterError, match="'rebrac' is for actions in a Box, and 'maze' has"):
        trainer_of(folders, "rebrac", "maze")
    with pytest.raises(FileError, match="is of 'maze', not of 'target'"):
        small_trainer("target", algorithm="bc", offline=str(folders["maze"]))
    with pytest.raises(FileError, match="is no dataset"):
        small_config("maze", algorithm="bc", offline=str(tmp_path / "nowhere"))
    with pytest.raises(ParameterError, match="where 'maze' has other sizes"):
        trainer_of(folders, "bc", "maze", params={"sight": 5})
    with pytest.raises(ParameterError, match="'bc' takes no curriculum"):
        trainer_of(folders, "bc", "maze", curriculum={"method": "plr"})


def test_a_run_knows_its_dataset_again(folders, tmp_path):
    trainer = trainer_of(folders, "bc", "maze")
    trainer.update()
    tensors, about = trainer.state()
    trainer.close()
    write_dataset(record("maze", [chance(9)], 4, params=MAZE), tmp_path / "other")
    other = small_trainer("maze", algorithm="bc", offline=str(tmp_path / "other"), num_envs=4)
    with pytest.raises(FileError, match="learned from another dataset"):
        other.load_state(tensors, about)
    other.close()


def test_a_dataset_s_parameters_are_the_run_s(folders):
    config = small_config("maze", algorithm="bc", offline=str(folders["maze"]))
    assert {name: config.params[name] for name in MAZE} == MAZE
    assert dataclasses.replace(config, num_envs=16).network.memory == "none"


@pytest.mark.parametrize("algorithm", ["bc", "iql"])
def test_it_is_trained_from_python_and_exported_as_a_bot(algorithm, folders, tmp_path):
    small = {"num_envs": 2, "network.hidden": (16,), f"{algorithm}.minibatches": 2, f"{algorithm}.batch": 8}
    done = puffer_arena.train(
        "maze", algorithm=algorithm, offline=folders["maze"], total_steps=16, settings=small, folder=tmp_path / "it"
    )
    assert done.steps == 16 and len(done.metrics) == 1
    on = puffer_arena.train(
        "maze",
        algorithm=algorithm,
        offline=folders["maze"],
        total_steps=32,
        settings=small,
        folder=tmp_path / "it",
        resume=True,
    )
    assert on.steps == 32
    bot = Bot.of(export_policy(on.actor.policy, "maze"), "it")
    assert bot.act(np.zeros((3, 7, 7), np.uint8)).shape == (3,)


def test_cloning_learns_the_way_through_a_maze(folders):
    trainer = small_trainer(
        "maze", algorithm="bc", offline=str(folders["maze"]), num_envs=4, bc__minibatches=60, bc__batch=64, bc__top=0.5,
        bc__play=0, network__hidden=(64, 64), optimizer__learning_rate=0.003,
    )  # fmt: skip
    before = evaluate("maze", actor_player(trainer.actor()), 60, params=MAZE).means["return"]
    for _ in range(4):
        trainer.update()
    after = evaluate("maze", actor_player(trainer.actor()), 60, params=MAZE).means["return"]
    trainer.close()
    assert after > before + 0.1


@pytest.mark.slow
@pytest.mark.parametrize(
    ("algorithm", "settings"),
    [
        ("iql", {}),
        ("dt", {"dt__batch": 64, "network__context": 4, "network__memory_size": 32}),
    ],
)
def test_each_learns_to_play_from_a_dataset_that_is_half_a_good_player_s(algorithm, settings, tmp_path):
    write_dataset(record("maze", [scripted("shortest"), chance(3)], 200, params=MAZE), tmp_path / "mixed")
    small = {f"{algorithm}__minibatches": 100, f"{algorithm}__batch": 128, f"{algorithm}__play": 0}
    trainer = small_trainer(
        "maze", algorithm=algorithm, offline=str(tmp_path / "mixed"), num_envs=4, network__hidden=(64, 64),
        optimizer__learning_rate=0.003, **{**small, **settings},
    )  # fmt: skip
    for _ in range(4):
        trainer.update()
    players = (chance(5), scripted("shortest"), actor_player(trainer.actor()))
    before, good, after = (evaluate("maze", who, 60, params=MAZE).means["return"] for who in players)
    trainer.close()
    assert after > before + 0.2 * (good - before)
