"""DQN: its target, its loss, what it keeps of steps, and what it asks of a game."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from puffer_arena.errors import ArenaError  # noqa: E402  torch may not be there
from puffer_arena.trainers.algorithms.dqn import double_target  # noqa: E402
from puffer_arena.trainers.config import load_config  # noqa: E402
from puffer_arena.trainers.trainer import make_trainer  # noqa: E402
from tests.trainers_support import assert_same_future, small_trainer  # noqa: E402

SMALL = {
    "algorithm": "dqn", "dqn__horizon": 4, "dqn__minibatches": 2, "dqn__batch": 32, "dqn__replay": 480,
    "dqn__warmup": 100, "params": {"max_hunger": 10},
}  # fmt: skip


def test_the_target_is_the_average_s_value_of_the_network_s_best():
    found = double_target(
        torch.tensor([1.0, 1.0]), torch.tensor([0.0, 1.0]), torch.tensor([[0.0, 5.0], [0.0, 5.0]]),
        torch.tensor([[9.0, 2.0], [9.0, 2.0]]), 0.5,
    )  # fmt: skip
    assert found.tolist() == [1.0 + 0.5 * 2.0, 1.0]


def test_its_loss_is_that_of_a_plain_reference_without_steps_that_were_cut():
    trainer = small_trainer("snake", **SMALL)
    for _ in range(12):
        trainer.update()
    s, memory = trainer.config.method, trainer.memory
    steps = memory.draw(200, 2, torch.Generator().manual_seed(0))
    cut = steps.began[1] & (steps.terminated[0] == 0.0)
    assert cut.any() and not cut.all()
    with torch.no_grad():
        q, after = (trainer.policy([leaf[k] for leaf in steps.obs], {})[0].double().numpy() for k in (0, 1))
        average = trainer.target([leaf[1] for leaf in steps.obs], {})[0].double().numpy()

    def reference(moved):
        losses = []
        for i in np.flatnonzero(~cut.numpy()):
            gain = float(steps.rewards[0, i]) / trainer.reward_scale.deviation
            wanted = gain + s.gamma * (1.0 - float(steps.terminated[0, i])) * average[i, after[i].argmax()]
            apart = abs(moved[i, int(steps.actions[0, i, 0])] - wanted)
            losses.append(0.5 * apart**2 if apart < 1.0 else apart - 0.5)
        return np.mean(losses)

    assert trainer.learn(steps, s) == pytest.approx(reference(q), rel=1e-4)
    slope = trainer.policy.actor.output.bias.grad
    for k in range(4):  # a bias moves the value of its choice in every step alike
        away = 1e-4 * np.eye(4)[k]
        assert float(slope[k]) == pytest.approx((reference(q + away) - reference(q - away)) / 2e-4, abs=1e-4)
    trainer.close()


def test_a_resumed_run_goes_on_exactly():
    first, second = (small_trainer("snake", **SMALL, total_steps=10_000) for _ in range(2))
    for _ in range(8):
        first.update()
    assert first.memory.held == 20  # 480 steps of 24 environments, all of them newer than those that were there
    second.load_state(*first.state())
    assert_same_future(first, second)
    for name, value in first.target.state_dict().items():
        assert torch.equal(value, second.target.state_dict()[name])
    first.close()
    second.close()


@pytest.mark.parametrize(
    ("env_id", "settings", "message"),
    [
        ("target", {}, "dqn gives each choice of a Discrete action a value"),
        ("maze", {}, "dqn goes on from the best of all choices"),
        ("snake", {"dqn__replay": 40}, "holds less than two steps of each of 24 environments"),
        ("snake", {"dqn__replay": 10**9}, "a replay buffer of 999,999,984 steps takes"),
    ],
)
def test_what_does_not_fit_is_said(env_id, settings, message):
    with pytest.raises(ArenaError, match=message):
        small_trainer(env_id, **{**SMALL, "params": {}, **settings})


@pytest.mark.slow
def test_it_learns_cartpole_from_few_steps():
    settings = {
        "num_envs": 16, "total_steps": 60_000, "network.hidden": (64, 64), "optimizer.name": "adam",
        "optimizer.learning_rate": 5e-4, "optimizer.max_grad_norm": 10.0,
    }  # fmt: skip
    trainer, best = make_trainer(load_config("cartpole", overrides=settings, algorithm="dqn")), 0.0
    while not trainer.finished and best < 200.0:
        best = max(best, trainer.update().get("episode_return", 0.0))
    trainer.close()
    assert best >= 200.0
