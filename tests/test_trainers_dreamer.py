"""Dreamer: its distributions and losses against plain references, its replay, exact resume, and its pictures."""

from types import SimpleNamespace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from puffer_arena.core.spaces import Box, Discrete  # noqa: E402  torch may not be there
from puffer_arena.errors import ParameterError  # noqa: E402
from puffer_arena.players.evaluate import evaluate  # noqa: E402
from puffer_arena.trainers.actor import Actor  # noqa: E402
from puffer_arena.trainers.algorithms.dreamer import Settings, free_divergence, imagined_returns  # noqa: E402
from puffer_arena.trainers.data.replay import ReplayBuffer  # noqa: E402
from puffer_arena.trainers.estimate.symlog import BINS, symexp, symlog, two_hot, two_hot_loss, two_hot_mean  # noqa: E402
from puffer_arena.trainers.forecast import forecast  # noqa: E402
from puffer_arena.trainers.networks.heads import make_head  # noqa: E402
from puffer_arena.trainers.networks.policy import policy_bytes  # noqa: E402
from puffer_arena.trainers.networks.world import Latents, divergence  # noqa: E402
from puffer_arena.trainers.playing import actor_player  # noqa: E402
from puffer_arena.trainers.runs.checkpoint import restore_trainer, save_checkpoint  # noqa: E402
from tests.commands import here  # noqa: E402, F401  a fixture
from tests.trainers_support import assert_same_learning, small_config, small_trainer  # noqa: E402

SMALL = {
    "algorithm": "dreamer", "num_envs": 2, "dreamer__horizon": 8, "dreamer__minibatches": 2, "dreamer__warm_up": 0,
    "dreamer__batch": 3, "dreamer__length": 6, "dreamer__starts": 5, "dreamer__imagined": 4, "dreamer__capacity": 40,
    "network__latents": 3, "network__classes": 4,
}  # fmt: skip
MAZE = {"size": 5, "distance": 3, "max_steps": 12, "sight": 5}


def trainer_of(env_id, **settings):
    return small_trainer(env_id, **{**SMALL, **settings})


def test_two_hot_numbers_are_the_mean_of_their_bins():
    numbers = torch.tensor([-300.0, -1.0, 0.0, 0.3, 7.0, 475.0], dtype=torch.float64)
    torch.testing.assert_close(symexp(symlog(numbers)), numbers)
    weights = two_hot(numbers)
    assert weights.shape == (6, BINS) and ((weights > 0).sum(-1) <= 2).all()
    torch.testing.assert_close(weights.sum(-1), torch.ones(6).double())
    torch.testing.assert_close(two_hot_mean((weights + 1e-30).log()), numbers)


def test_the_two_hot_loss_and_its_slope_are_a_plain_reference_s():
    rng = np.random.default_rng(0)
    logits, number = rng.normal(size=BINS), 3.7
    at = (np.log(number + 1) + 10.0) / 20.0 * (BINS - 1)

    def reference(logits):
        log_shares = logits - np.log(np.exp(logits).sum())
        k = int(at)
        return -((k + 1 - at) * log_shares[k] + (at - k) * log_shares[k + 1])

    given = torch.tensor(logits, requires_grad=True)
    loss = two_hot_loss(given, torch.tensor(number, dtype=torch.float64))
    assert float(loss.detach()) == pytest.approx(reference(logits))
    loss.backward()
    for k in range(BINS):
        step = np.eye(BINS)[k] * 1e-6
        slope = (reference(logits + step) - reference(logits - step)) / 2e-6
        assert float(given.grad[k]) == pytest.approx(slope, abs=1e-6)


def test_divergences_are_free_below_a_nat_and_pull_each_side_by_its_weight():
    rng = np.random.default_rng(1)
    one, other = (torch.tensor(rng.normal(size=(5, 6)) * 2.0, requires_grad=True) for _ in range(2))
    network = SimpleNamespace(latents=2, classes=3)
    q, p = Latents.of(one, network), Latents.of(other, network)

    def shares(logits):
        plain = np.exp(logits.reshape(5, 2, 3))
        return 0.99 * plain / plain.sum(-1, keepdims=True) + 0.01 / 3

    a, b = shares(one.detach().numpy()), shares(other.detach().numpy())
    nats = (a * np.log(a / b)).sum((1, 2))
    np.testing.assert_allclose(divergence(q, p).detach(), nats)
    s = Settings(free_nats=float(np.median(nats)), posterior_weight=0.1)
    cost, _ = free_divergence(q, p, s)
    np.testing.assert_allclose(cost.detach(), 1.1 * np.maximum(nats, s.free_nats))
    cost.sum().backward()
    free = nats < s.free_nats
    assert free.any() and not one.grad[torch.tensor(free)].any() and not other.grad[torch.tensor(free)].any()
    plain_one, plain_other = one.grad.clone(), other.grad.clone()
    one.grad = other.grad = None
    divergence(Latents.of(one, network), Latents.of(other, network))[torch.tensor(~free)].sum().backward()
    torch.testing.assert_close(plain_one, 0.1 * one.grad)
    torch.testing.assert_close(plain_other, other.grad)


def test_imagined_returns_are_those_of_the_sum_over_all_horizons():
    rng = np.random.default_rng(2)
    s = Settings(gamma=0.9, trace=0.7)
    rewards, going_on, values = rng.normal(size=(5, 3)), rng.random((5, 3)), rng.normal(size=(6, 3))
    found = imagined_returns(*map(torch.tensor, (rewards, going_on, values)), s).numpy()
    for row in range(3):
        for t in range(5):

            def steps(n, t=t, row=row):
                """The n-step return."""
                total, left = 0.0, 1.0
                for k in range(n):
                    total += left * rewards[t + k, row]
                    left *= s.gamma * going_on[t + k, row]
                return total + left * values[t + n, row]

            longest = 5 - t
            mixed = sum((1 - s.trace) * s.trace ** (n - 1) * steps(n) for n in range(1, longest))
            assert found[t, row] == pytest.approx(mixed + s.trace ** (longest - 1) * steps(longest))


def test_latents_are_drawn_as_they_are_distributed_and_slopes_go_straight_through():
    logits = torch.tensor([[0.0, 1.0, 2.0, -1.0]], requires_grad=True)
    latents = Latents.of(logits.expand(4000, 4), SimpleNamespace(latents=1, classes=4))
    drawn = latents.sample(torch.Generator().manual_seed(1))
    assert torch.equal(drawn.detach().sum(-1), torch.ones(4000))
    torch.testing.assert_close(drawn.detach().mean(0), latents.log_probs[0, 0].exp().detach(), atol=0.03, rtol=0.0)
    drawn[:, 0].sum().backward()
    assert logits.grad.abs().sum() > 0


def test_a_replay_buffer_gives_back_neighbouring_steps_of_a_row():
    buffer = ReplayBuffer(Box(-1, 1, (2,)), make_head(Discrete(3)), 4, 40, "cpu")
    for t in range(23):
        rows = np.arange(4)
        buffer.add(
            obs=np.stack([np.full(4, t), rows], -1), actions=(t + rows)[:, None] % 3, rewards=t * 10.0 + rows,
            terminated=rows == t % 4, began=rows == (t + 1) % 4,
        )  # fmt: skip
    part = buffer.draw(500, 5, torch.Generator().manual_seed(0))
    first, row = part.obs[0][0, :, 0], part.obs[0][0, :, 1]
    assert set(first.tolist()) == set(range(13, 19)) and set(row.tolist()) == set(range(4))
    for k in range(5):
        t = first + k
        torch.testing.assert_close(part.rewards[k], t * 10.0 + row)
        assert torch.equal(part.actions[k, :, 0], ((t + row) % 3).long())
        assert torch.equal(part.terminated[k] > 0, row == t % 4) and torch.equal(part.began[k], row == (t + 1) % 4)


def test_a_buffer_that_does_not_fit_is_refused_before_it_is_allocated():
    with pytest.raises(ParameterError, match=r"a replay buffer of 1,099,511,627,776 steps takes .* may be up to"):
        ReplayBuffer(Box(-1, 1, (2,)), make_head(Discrete(3)), 4, 1 << 40, "cpu")


@pytest.mark.parametrize("env_id", ["cartpole", "maze", "target"])
def test_a_resumed_run_goes_on_exactly_and_its_policy_plays(env_id, tmp_path):
    params = {"params": MAZE} if env_id == "maze" else {}
    first = trainer_of(env_id, **params)
    seen = []
    for _ in range(4):
        metrics = first.update(lambda trainer, t: seen.append(trainer.look(np.array([1]), t)))
    assert metrics["steps"] == 4 * 8 * 2 and np.isfinite(metrics["observation_loss"])
    assert seen[-1][1].shape == (1, 1)
    save_checkpoint(tmp_path / "it.safetensors", first)
    second = restore_trainer(tmp_path / "it.safetensors")
    assert_same_learning(first, second)
    for name, column in first.buffer.columns.items():
        np.testing.assert_array_equal(column, second.buffer.columns[name], name)
    played = evaluate(env_id, actor_player(Actor.load(policy_bytes(first.policy))), 2, max_steps=2000)
    assert np.isfinite(played.columns["return"]).all()
    for trainer in (first, second):
        trainer.close()


def test_a_run_that_has_not_learned_yet_is_resumed(tmp_path):
    first = trainer_of("cartpole", dreamer__warm_up=10_000)
    first.update()
    save_checkpoint(tmp_path / "it.safetensors", first)
    second = restore_trainer(tmp_path / "it.safetensors")
    assert_same_learning(first, second)
    for trainer in (first, second):
        trainer.close()


def test_the_state_forgets_where_an_episode_begins():
    """What came before an episode's first step changes nothing of what follows."""
    trainer = trainer_of("cartpole")
    trainer.update()
    trainer.update()
    part = trainer.buffer.draw(3, 6, trainer.generator)
    began = torch.zeros_like(part.began)
    began[3] = True
    other = [leaf.clone() for leaf in part.obs]
    other[0][:3] += 1.0
    states = []
    for obs in (part.obs, other):
        trainer.generator.manual_seed(5)
        _, (h, z), _ = trainer.model(part._replace(obs=obs, began=began), trainer.config.method)
        states.append((h.view(6, 3, -1), z.view(6, 3, -1)))
    torch.testing.assert_close(states[0][0][3:], states[1][0][3:])
    assert not torch.allclose(states[0][0][1:3], states[1][0][1:3])
    trainer.close()


def test_a_dream_keeps_to_the_choices_that_the_model_takes_for_open():
    trainer = trainer_of("maze", params=MAZE)
    for _ in range(3):
        trainer.update()
    s = trainer.config.method
    part = trainer.buffer.draw(3, 6, trainer.generator)
    assert part.mask is not None and part.mask.gather(-1, part.actions).all()  # as it was played
    _, (h, z), _ = trainer.model(part, s)
    dream = trainer.imagine(h, z, 4)
    features = dream.features[:-1].flatten(0, 1)
    assert torch.equal(trainer.world.open_choices(features), dream.mask.flatten(0, 1))
    chosen = dream.mask.gather(-1, dream.actions)[..., 0]
    assert (chosen | ~dream.mask.any(-1)).all()
    loss = trainer.world.mask_loss(features, dream.mask.flatten(0, 1))
    logits = trainer.world.bars(features)
    plain = torch.where(dream.mask.flatten(0, 1), logits, -logits).sigmoid().log()
    torch.testing.assert_close(loss, -plain.sum(-1))
    trainer.close()
    solo = trainer_of("cartpole")
    assert solo.world.bars is None and "mask" not in solo.buffer.columns
    solo.close()


def test_forecasts_begin_with_what_was_seen_and_go_on_by_actions_alone():
    trainer = trainer_of("maze", params=MAZE)
    for _ in range(3):
        trainer.update()
    (found,) = forecast(trainer, 2, 4)
    assert found.truth.shape == found.expected.shape and 2 < len(found.truth) <= 6
    assert found.truth.shape[1] == 25 and set(np.unique(found.expected)) <= {0, 1, 2, 3}
    with pytest.raises(ParameterError, match="1 or more of each"):
        forecast(trainer, 0, 4)
    with pytest.raises(ParameterError, match="the episode ended after"):
        forecast(trainer, 100, 4)
    trainer.close()


def test_what_does_not_fit_is_said():
    with pytest.raises(ParameterError, match="'dreamer' is for games with one agent, and 'tag' has several"):
        trainer_of("tag")
    with pytest.raises(
        ParameterError, match=r"keeps 5 steps of each of 2 environments; segments have dreamer.length = 6"
    ):
        trainer_of("cartpole", dreamer__capacity=10)
    with pytest.raises(ParameterError, match=r"network.memory = 'rssm' is not for algorithm 'ppo'"):
        small_config("cartpole", network__memory="rssm")
    with pytest.raises(ParameterError, match=r"network.memory = 'none' is not for algorithm 'dreamer'"):
        trainer_of("cartpole", network__memory="none")


def test_the_command_draws_a_dream(here, tmp_path):  # noqa: F811
    pytest.importorskip("pygame")
    settings = [
        f"--{name.replace('__', '.').replace('_', '-')}={value}" for name, value in SMALL.items() if name != "algorithm"
    ]
    small = [*settings, "--network.hidden", 16, "--network.memory-size", 8, "--live.off", "--threads", 1]
    for env, name in (("cartpole", "it"), ("maze", "grid")):
        sizes = [word for key, value in MAZE.items() for word in ("--param", f"{key}={value}")] if env == "maze" else []
        code, _, err = here(
            tmp_path, "train", env, "--algorithm", "dreamer", "--steps", 64, "--name", name, *small, *sizes
        )
        assert code == 0, err
        code, out, err = here(tmp_path, "dream", f"runs/{name}", "--known", 2, "--steps", 5, "-o", f"{name}.png")
        assert code == 0, err
        assert "of which the model saw 2" in out
        assert (tmp_path / f"{name}.png").read_bytes()[:4] == b"\x89PNG"
    code, _, err = here(tmp_path, "dream", "nobody")
    assert code == 2 and "nobody" in err


@pytest.mark.slow
def test_it_balances_a_pole_within_few_steps():
    trainer = small_trainer("cartpole", algorithm="dreamer", num_envs=8, network__hidden=(64,), network__memory_size=64)
    best = 0.0
    while trainer.steps < 30_000 and best < 100.0:
        metrics = trainer.update()
        best = max(best, metrics.get("episode_return", 0.0))
    trainer.close()
    assert best >= 100.0
