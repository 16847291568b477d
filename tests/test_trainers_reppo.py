"""REPPO: its returns, its loss, its divergence, and what it asks of a game."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from puffer_arena.core.spaces import Box  # noqa: E402  torch may not be there
from puffer_arena.errors import TrainingError  # noqa: E402
from puffer_arena.trainers.actor import Actor  # noqa: E402
from puffer_arena.trainers.algorithms.reppo import divergence, policy_loss  # noqa: E402
from puffer_arena.trainers.config import load_config  # noqa: E402
from puffer_arena.trainers.networks.heads import Squashed  # noqa: E402
from puffer_arena.trainers.networks.policy import policy_bytes  # noqa: E402
from puffer_arena.trainers.trainer import make_trainer  # noqa: E402
from tests.trainers_support import assert_same_future, small_trainer  # noqa: E402

SMALL = {"algorithm": "reppo", "reppo__horizon": 8, "reppo__minibatches": 2, "reppo__epochs": 2, "reppo__bins": 21}


def test_the_divergence_is_that_of_torchs_distributions():
    head, rng = Squashed(Box(-1.0, 1.0, (3,))), torch.Generator().manual_seed(0)
    old, new = (torch.randn(5, 6, generator=rng, dtype=torch.float64) for _ in range(2))
    (a, log_a), (b, log_b) = head.moments(old), head.moments(new)
    wanted = torch.distributions.kl_divergence(
        torch.distributions.Normal(a, log_a.exp()), torch.distributions.Normal(b, log_b.exp())
    )
    np.testing.assert_allclose(divergence(head, old, new), wanted.sum(-1))


def test_beyond_the_target_only_the_divergence_counts():
    q, log_prob = torch.tensor([3.0, 3.0]), torch.tensor([0.5, 0.5])
    found = policy_loss(q, log_prob, torch.tensor([0.05, 0.2]), torch.tensor(0.1), torch.tensor(2.0), 0.1)
    assert found.tolist() == pytest.approx([0.1 * 0.5 - 3.0, 2.0 * 0.2])


def test_returns_are_the_papers():
    trainer = small_trainer("target", **SMALL, params__max_steps=10)
    for _ in range(3):
        trainer.update()
    rollout, s = trainer.rollout, trainer.config.method
    rollout.rewards[:] = np.random.default_rng(0).normal(size=rollout.rewards.shape)
    plain, alpha = rollout.rewards.astype(np.float64), float(trainer.judge.log_alpha.detach().exp())
    trainer.estimate(s)
    ends = rollout.terminated | rollout.truncated
    soft, wanted = rollout.old_soft.astype(np.float64), np.zeros(plain.shape)
    entropy = alpha * rollout.old_log_prob.astype(np.float64)
    for t in reversed(range(len(plain))):
        cut = np.where(rollout.truncated[t] & ~rollout.terminated[t], rollout.final_soft[t], 0.0)
        after = np.where(ends[t], cut, soft[t + 1])
        later = after if t + 1 == len(plain) else np.where(ends[t], after, wanted[t + 1] - entropy[t + 1])
        wanted[t] = plain[t] + s.gamma * ((1.0 - s.q_lambda) * after + s.q_lambda * later)
    assert ends.any()
    np.testing.assert_allclose(rollout.target, wanted, atol=1e-4)
    obs, actions = trainer._seen(rollout.obs[0]), torch.from_numpy(rollout.actions[0])
    with torch.no_grad():
        q = trainer.judge.value(obs, actions).numpy()
    np.testing.assert_allclose(rollout.old_soft[0], q - entropy[0], atol=1e-4)
    trainer.close()


def test_gradients_are_those_of_finite_differences():
    trainer = small_trainer("target", **SMALL)
    trainer.update()
    policy, judge, s = trainer.policy.double(), trainer.judge.double(), trainer.config.method
    rows, rng = 12, np.random.default_rng(1)
    obs = [torch.tensor(rng.normal(size=(rows, *part.shape[1:]))) for part in trainer._seen(trainer.rollout.obs[0])]
    with torch.no_grad():
        old = policy(obs, {})[0] + 0.01
    given = (torch.tensor(rng.normal(size=(rows, 2))), torch.tensor(rng.normal(size=rows)), old)
    share, noise = torch.full((rows,), 1.0 / rows, dtype=torch.float64), torch.tensor(rng.normal(size=(rows, 2)))
    trainer._noise = lambda _: noise

    def value(part):
        found = trainer.loss(obs, *given, share, s)[1]
        return found["policy_loss"] if part == "policy" else found["value_loss"]

    for part, weight in (("policy", policy.actor.output.weight), ("critic", judge.output.weight)):
        loss, _ = trainer.loss(obs, *given, share, s)
        (slope,) = torch.autograd.grad(loss, [weight])
        for place in ((0, 0), (1, 3)):
            with torch.no_grad():
                weight[place] += 1e-6
                above = value(part)
                weight[place] -= 2e-6
                under = value(part)
                weight[place] += 1e-6
            assert float(slope[place]) == pytest.approx(float(above - under) / 2e-6, rel=1e-4, abs=1e-8)
    trainer.close()


def test_a_resumed_run_goes_on_exactly():
    first, second = (small_trainer("target", **SMALL) for _ in range(2))
    for _ in range(2):
        first.update()
    second.load_state(*first.state())
    assert_same_future(first, second)
    for name, value in first.judge.state_dict().items():
        assert torch.equal(value, second.judge.state_dict()[name])
    shown, values = first.look(np.arange(3), 0)
    assert shown is None and np.isnan(values).all()
    actions, _, _ = Actor.load(policy_bytes(first.policy)).act(first.batch.obs)
    assert (np.abs(actions) <= 1.0).all()
    first.close()
    second.close()


@pytest.mark.parametrize(
    ("env_id", "settings", "message"),
    [
        ("cartpole", SMALL, "climbs a critic along continuous actions, and those of 'cartpole'"),
        ("target", {**SMALL, "network__head": "auto"}, "leave network.head, memory, critic and value_bins out"),
    ],
)
def test_what_does_not_fit_is_said(env_id, settings, message):
    with pytest.raises(TrainingError, match=message):
        small_trainer(env_id, **settings)


@pytest.mark.slow
def test_it_reaches_targets_in_a_tenth_of_a_million_steps():
    settings = {"num_envs": 128, "total_steps": 100_000, "optimizer.name": "adam", "optimizer.learning_rate": 0.001}
    trainer, best = make_trainer(load_config("target", overrides=settings, algorithm="reppo")), 0.0
    while not trainer.finished and best < 5.0:
        best = max(best, trainer.update().get("episode_return", 0.0))
    trainer.close()
    assert best >= 5.0
