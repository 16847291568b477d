"""GRPO: groups of one state, advantages within them, and the loss that is named in its papers."""

import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from puffer_arena.errors import TrainingError  # noqa: E402  torch may not be there
from puffer_arena.trainers.algorithms.grpo import Settings, grouped, judge  # noqa: E402
from puffer_arena.trainers.backends.loss import check_slope  # noqa: E402
from tests.trainers_support import assert_same_future, small_config, small_trainer  # noqa: E402

SMALL = {"algorithm": "grpo", "grpo__horizon": 12, "grpo__group": 4, "grpo__minibatches": 2}


@pytest.fixture
def trainer():
    made = small_trainer("maze", **SMALL, params={"size": 7, "distance": 3, "max_steps": 10})
    yield made
    made.close()


def test_the_slope_is_the_loss_s():
    rng = np.random.default_rng(0)
    names = ("log_prob", "entropy", "value", "old_log_prob", "advantage", "reference")
    columns = {name: rng.normal(size=200) * 0.4 for name in names}
    settings = Settings(kl_coef=0.1, entropy_coef=0.02)
    assert check_slope(grouped, settings, columns) < 1e-5


def test_a_group_begins_in_one_state_and_groups_do_not(trainer):
    begun = []
    trainer.update(lambda trainer, t: begun.append(trainer.rollout.obs[0].copy()) if t == 0 else None)
    levels = trainer.batch.rows.states["level"].reshape(6, 4)
    assert (levels == levels[:, :1]).all() and len(set(levels[:, 0])) == 6
    first = begun[0].reshape(6, 4, -1)
    assert (first == first[:, :1]).all()
    assert len({group[0].tobytes() for group in first}) > 1


@pytest.mark.parametrize("agents", [1, 2])
@pytest.mark.parametrize(("scale", "average", "dynamic"), [("deviation", "step", True), ("none", "episode", False)])
def test_advantages_are_those_of_a_plain_reference(agents, scale, average, dynamic):
    rows, horizon, group = 12, 9, 3
    rng = np.random.default_rng(1)
    streams = rows * agents
    began = np.zeros((horizon + 1, streams), np.bool_)
    ends = rng.random((horizon, rows)) < 0.25
    began[1:] = ends.repeat(agents, axis=1)
    rewards = rng.integers(0, 2, (horizon, streams)).astype(np.float32)
    rewards[:, : group * agents] = 0.0  # a group without variance
    rollout = SimpleNamespace(
        horizon=horizon, streams=streams, batch=SimpleNamespace(num_agents=agents if agents > 1 else 0), began=began,
        rewards=rewards, acting=np.ones((horizon + 1, streams), np.bool_), advantage=np.zeros((horizon, streams)),
    )  # fmt: skip
    settings = Settings(group=group, scale=scale, average=average, dynamic=dynamic)
    judge(rollout, settings)

    episodes = {}  # (row, agent, number) -> return, steps, counts
    for row in range(rows):
        for agent in range(agents):
            stream, number, steps, total = row * agents + agent, 0, [], 0.0
            for t in range(horizon):
                steps.append((t, stream))
                total += float(rewards[t, stream])
                if ends[t, row]:
                    episodes[row, agent, number] = total, steps, True
                    number, steps, total = number + 1, [], 0.0
            if steps:
                episodes[row, agent, number] = total, steps, number == 0
    kept = {}
    for (row, agent, _), (total, steps, counts) in episodes.items():
        members = [
            episode[0] for (i, k, _), episode in episodes.items()
            if episode[2] and k == agent and i // group == row // group
        ]  # fmt: skip
        mean, deviation = np.mean(members), np.std(members)
        if counts and (deviation > 0 or not dynamic):
            advantage = (total - mean) / (deviation if scale == "deviation" and deviation > 0 else 1.0)
            kept |= dict.fromkeys(steps, (advantage, len(steps)))
    lengths = [len(steps) for total, steps, counts in episodes.values() if counts and steps[0] in kept]
    assert {tuple(place) for place in np.argwhere(rollout.acting[:-1])} == set(kept)
    for (t, stream), (advantage, length) in kept.items():
        weight = np.mean(lengths) / length if average == "episode" else 1.0
        assert rollout.advantage[t, stream] == pytest.approx(advantage * weight, abs=1e-6)


@pytest.mark.parametrize(
    "settings", [{}, {"grpo__kl_coef": 0.1}, {"network__memory": "gru"}, {"gradients": "autograd"}]
)
def test_a_resumed_run_goes_on_exactly(settings):
    first, second = (small_trainer("maze", **SMALL, **settings) for _ in range(2))
    for _ in range(2):
        first.update()
    second.load_state(*first.state())
    assert_same_future(first, second)
    first.close()
    second.close()


def test_the_divergence_is_from_the_policy_that_training_began_with():
    trainer = small_trainer(
        "bandit", **{**SMALL, "grpo__minibatches": 1}, grpo__kl_coef=0.01, optimizer__learning_rate=0.05
    )
    found = [trainer.update()["reference_kl"] for _ in range(6)]
    assert found[0] == pytest.approx(0.0, abs=1e-5) and found[-1] > 0.01
    trainer.close()


def test_it_learns_what_a_bandit_pays():
    trainer = small_trainer("bandit", **SMALL, grpo__same=False, optimizer__learning_rate=0.03)
    first = trainer.update()["group_return"]
    for _ in range(30):
        last = trainer.update()["group_return"]
    assert last > first + 0.2 * abs(first)
    trainer.close()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"grpo__group": 5}, "num_envs = 24 is no multiple of grpo.group = 5"),
        ({"curriculum": {"method": "plr"}}, "grpo takes no curriculum"),
        ({"network__critic": "separate"}, "grpo has no critic"),
    ],
)
def test_what_does_not_fit_is_said(settings, message):
    with pytest.raises(TrainingError, match=message):
        small_trainer("maze", **{**SMALL, **settings})


@pytest.mark.slow
def test_it_solves_cartpole():
    config = small_config(
        "cartpole", algorithm="grpo", num_envs=128, network__hidden=(64, 64), grpo__horizon=500, grpo__minibatches=16,
        optimizer__name="muon", optimizer__learning_rate=0.003, optimizer__muon_learning_rate=0.02, total_steps=1_500_000,
    )  # fmt: skip
    from puffer_arena.trainers.trainer import make_trainer

    trainer = make_trainer(dataclasses.replace(config))
    best = 0.0
    while not trainer.finished and best < 450.0:
        best = max(best, trainer.update()["group_return"])
    trainer.close()
    assert best >= 450.0
