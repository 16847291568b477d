"""PQN, the head that acts by values, and hidden layers with norms and residuals."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from puffer_arena.core.spaces import Box, Discrete  # noqa: E402  torch may not be there
from puffer_arena.errors import ArenaError, TrainingError  # noqa: E402
from puffer_arena.trainers.actor import Actor  # noqa: E402
from puffer_arena.trainers.algorithms.pqn import Settings, share_at_random, td_error  # noqa: E402
from puffer_arena.trainers.backends.fused import Fused  # noqa: E402
from puffer_arena.trainers.config import Network, load_config  # noqa: E402
from puffer_arena.trainers.networks.heads import Greedy, Squashed  # noqa: E402
from puffer_arena.trainers.networks.policy import Policy, policy_bytes  # noqa: E402
from puffer_arena.trainers.trainer import make_trainer  # noqa: E402
from tests.trainers_support import assert_same_future, small_trainer  # noqa: E402

SMALL = {"algorithm": "pqn", "pqn__horizon": 8, "pqn__minibatches": 2, "pqn__epochs": 2}


def test_its_gradient_is_that_of_the_loss_in_float64():
    from types import SimpleNamespace

    rng = np.random.default_rng(0)
    outputs = torch.tensor(rng.normal(size=(50, 4)), requires_grad=True)
    row = SimpleNamespace(
        outputs=outputs, actions=torch.tensor(rng.integers(4, size=(50, 1))), target=torch.tensor(rng.normal(size=50))
    )
    loss, _ = td_error(row, Settings())
    (found,) = torch.autograd.grad(loss.sum(), outputs)
    wanted, chosen = np.zeros((50, 4)), row.actions.numpy()[:, 0]
    taken = outputs.detach().numpy()[np.arange(50), chosen]
    wanted[np.arange(50), chosen] = taken - row.target.numpy()
    np.testing.assert_allclose(found.numpy(), wanted, atol=1e-12)
    np.testing.assert_allclose(loss.detach().numpy(), 0.5 * (taken - row.target.numpy()) ** 2)


def test_targets_are_the_papers_lambda_returns():
    trainer = small_trainer("snake", **{**SMALL, "pqn__horizon": 16}, params={"max_hunger": 10})
    for _ in range(2):
        trainer.update()
    rollout, s = trainer.rollout, trainer.config.method
    values, wanted = rollout.old_value.astype(np.float64), np.zeros(rollout.target.shape)
    for t in reversed(range(16)):
        after = np.where(rollout.truncated[t], rollout.final_value[t], values[t + 1])
        after = np.where(rollout.terminated[t], 0.0, after)
        ends = rollout.terminated[t] | rollout.truncated[t]
        later = after if t == 15 else np.where(ends, after, wanted[t + 1])
        wanted[t] = rollout.rewards[t] + s.gamma * (s.q_lambda * later + (1.0 - s.q_lambda) * after)
    assert (rollout.terminated | rollout.truncated).any()
    np.testing.assert_allclose(rollout.target, wanted, atol=1e-4)
    trainer.close()


def test_all_but_epsilon_of_the_actions_are_the_best_that_is_open():
    head = Greedy((4,))
    head.epsilon.fill_(0.2)
    outputs = torch.tensor([[1.0, 3.0, 2.0, 0.0]])
    mask = torch.tensor([[True, False, True, True]])
    np.testing.assert_allclose(head.probabilities(outputs, None).numpy(), [[0.05, 0.85, 0.05, 0.05]], atol=1e-6)
    probs = head.probabilities(outputs, mask).numpy()
    np.testing.assert_allclose(probs, [[0.2 / 3, 0.0, 0.8 + 0.2 / 3, 0.2 / 3]], atol=1e-6)
    noise = torch.rand(20_000, 1, generator=torch.Generator().manual_seed(0))
    drawn = head.sample(outputs.expand(20_000, 4), noise, mask.expand(20_000, 4))
    np.testing.assert_allclose(np.bincount(drawn[:, 0].numpy(), minlength=4) / 20_000, probs[0], atol=0.012)
    head.epsilon.fill_(0.0)
    log_prob, entropy = head.evaluate(outputs, torch.tensor([[1]]), None)
    assert log_prob == 0.0 and abs(float(entropy)) < 1e-6


def test_a_squashed_density_adds_up_to_one_within_the_box():
    head = Squashed(Box(-2.0, 4.0, (1,)))
    at = torch.linspace(-8.0, 8.0, 40_001, dtype=torch.float64)[:, None]
    outputs = torch.tensor([[0.4, 0.3]], dtype=torch.float64).expand(len(at), 2)
    log_prob, _ = head.evaluate(outputs, at, None)
    squashed = np.tanh(at.numpy()[:, 0])
    assert np.trapezoid(log_prob.exp().numpy(), squashed) == pytest.approx(1.0, abs=1e-4)
    actions = head.to_env(at.numpy())
    assert actions.min() >= -2.0 and actions.max() <= 4.0
    near = np.abs(at.numpy()) < 3.0
    np.testing.assert_allclose(head.from_env(actions)[near], at.numpy()[near], atol=1e-4)
    with pytest.raises(ArenaError, match="'squashed' needs actions with bounds"):
        Squashed(Box(-np.inf, 1.0, (1,)))


@pytest.mark.parametrize("blocks", ["normed", "residual"])
def test_layers_are_the_papers(blocks):
    torch.manual_seed(0)
    policy = Policy(Box(-1, 1, (3,)), Discrete(2), Network(hidden=(6, 6), blocks=blocks))
    encoder = policy.actor.encoder
    with torch.no_grad():
        for weight in encoder.parameters():
            weight.add_(0.1 * torch.randn_like(weight))
    obs = torch.randn(5, 3)

    def norm(x, of):
        apart = x - x.mean(-1, keepdims=True)
        return apart / np.sqrt((apart**2).mean(-1, keepdims=True) + 1e-5) * of.weight.numpy() + of.bias.numpy()

    def linear(x, of):
        return x @ of.weight.numpy().T + of.bias.numpy()

    with torch.no_grad():
        x = obs.numpy() @ encoder.inputs[0].weight.numpy().T + encoder.bias.numpy()
        block = encoder.hidden[0]
        if blocks == "normed":
            x = np.maximum(norm(linear(np.maximum(norm(x, encoder.norms[0]), 0), block), encoder.norms[1]), 0)
        else:
            x = x + linear(np.maximum(linear(norm(x, block.norm), block.widen), 0), block.narrow)
            x = norm(x, encoder.norms[0])
        np.testing.assert_allclose(encoder([obs]).numpy(), x, atol=1e-5)


@pytest.mark.parametrize(
    ("env_id", "settings"),
    [
        ("cartpole", {"network__blocks": "residual"}),
        ("target", {"network__head": "squashed", "network__blocks": "normed"}),
    ],
)
def test_ppo_takes_them_and_goes_on_exactly(env_id, settings):
    first, second = (small_trainer(env_id, **settings) for _ in range(2))
    assert isinstance(first.backend, Fused) == (env_id == "cartpole")
    first.update()
    second.load_state(*first.state())
    assert_same_future(first, second)
    first.close()
    second.close()


@pytest.mark.parametrize("settings", [{}, {"network__memory": "gru"}])
def test_a_resumed_run_goes_on_exactly(settings):
    first, second = (small_trainer("cartpole", **SMALL, **settings, total_steps=2000) for _ in range(2))
    for _ in range(2):
        first.update()
    second.load_state(*first.state())
    assert_same_future(first, second)
    assert 0.02 < first.policy.head.epsilon < 1.0
    actor = Actor.load(policy_bytes(first.policy))
    actions, probs, values = actor.act(first.batch.obs, deterministic=True)
    assert (actions == probs.argmax(1)).all() and values.shape == (24,)
    first.close()
    second.close()


def test_epsilon_falls_to_its_last_value_and_stays():
    s = Settings(epsilon=1.0, epsilon_final=0.1, exploration=0.5)
    assert [share_at_random(s, progress) for progress in (0.0, 0.25, 0.5, 1.0)] == pytest.approx([1.0, 0.55, 0.1, 0.1])


@pytest.mark.parametrize(
    ("env_id", "settings", "message"),
    [
        ("target", SMALL, "gives each choice of a Discrete action a value"),
        ("maze", SMALL, "'maze' bars some by its action_mask"),
        ("cartpole", {**SMALL, "network__critic": "separate"}, "leave network.head and network.critic out"),
        ("cartpole", {"network__head": "greedy"}, "not probabilities, which ppo learns"),
    ],
)
def test_what_does_not_fit_is_said(env_id, settings, message):
    with pytest.raises(TrainingError, match=message):
        small_trainer(env_id, **settings)


@pytest.mark.slow
def test_it_solves_cartpole_in_half_a_million_steps():
    settings = {
        "num_envs": 64, "total_steps": 500_000, "network.hidden": (128, 128), "pqn.horizon": 64, "pqn.q_lambda": 0.95,
        "optimizer.name": "adam", "optimizer.learning_rate": 2.5e-4, "optimizer.max_grad_norm": 10.0,
    }  # fmt: skip
    trainer, best = make_trainer(load_config("cartpole", overrides=settings, algorithm="pqn")), 0.0
    while not trainer.finished and best < 475.0:
        best = max(best, trainer.update().get("episode_return", 0.0))
    trainer.close()
    assert best >= 475.0
