"""Networks and heads: shapes from spaces, masks, memory, gradients."""

import numpy as np
import pytest
import torch

from puffer_arena.core.spaces import Box, Dict, Discrete, MultiBinary, MultiDiscrete, Tuple, stored
from puffer_arena.trainers.config import Network, Ppo
from puffer_arena.trainers.heads import make_head
from puffer_arena.trainers.networks import ConvolutionLayer
from puffer_arena.trainers.objective import Samples, loss
from puffer_arena.trainers.observations import leaf_tensors
from puffer_arena.trainers.policy import Policy, matrix_flops
from tests.trainers_support import small_trainer

OBSERVATIONS = [
    Box(-1.0, 1.0, (3,)),
    Box(0, 3, (5, 6), np.uint8),
    Box(0, 255, (12, 12, 3), np.uint8),
    Discrete(7),
    MultiDiscrete((2, 5)),
    MultiBinary(4),
    Tuple((Discrete(3), Box(-1.0, 1.0, (2,)))),
    Dict({"cells": Box(0, 4, (4, 4), np.uint8), "deep": Dict({"x": Box(-5.0, 5.0, (2, 2)), "n": Discrete(3)})}),
]
ACTIONS = [Discrete(4), MultiDiscrete((3, 2)), MultiBinary(3), Box(-2.0, 4.0, (2,))]


def draw_obs(space, rows: int) -> np.ndarray:
    dtype, shape = stored(space)
    out = np.zeros((rows, *shape), dtype)
    rng = np.random.default_rng(0)
    for i in range(rows):
        space.store(space.sample(rng), out, i)
    return out


@pytest.mark.parametrize("observation", OBSERVATIONS, ids=str)
@pytest.mark.parametrize("memory", ["none", "gru", "lstm"])
def test_networks_fit_every_observation(observation, memory: str) -> None:
    policy = Policy(observation, Discrete(3), Network(hidden=(8, 8), memory=memory, memory_size=4))
    obs = leaf_tensors(observation, draw_obs(observation, 5))
    outputs, values, state = policy(obs, policy.initial_state(5))
    assert outputs.shape == (5, 3)
    assert values.shape == (5,)
    assert state.shape == (5, {"none": 0, "gru": 4, "lstm": 8}[memory])


def test_pictures_and_grids_get_convolutions() -> None:
    picture, grid = Box(0, 255, (12, 12, 3), np.uint8), Box(0, 3, (6, 6), np.uint8)
    assert isinstance(Policy(picture, Discrete(2), Network()).encoder.inputs[0], ConvolutionLayer)
    policy = Policy(grid, Discrete(2), Network(images="cnn"))
    assert isinstance(policy.encoder.inputs[0], ConvolutionLayer)
    outputs, _, _ = policy(leaf_tensors(grid, draw_obs(grid, 4)), policy.initial_state(4))
    assert outputs.shape == (4, 2)


def test_code_layer_is_the_product_with_the_one_hot_encoding() -> None:
    space = MultiDiscrete((4, 1, 6, 3))
    layer = Policy(space, Discrete(2), Network(hidden=(8,))).encoder.inputs[0]
    codes = torch.from_numpy(draw_obs(space, 50))
    torch.testing.assert_close(layer(codes), layer.product(codes))
    weight = torch.randn(50, 8)
    (sparse,) = torch.autograd.grad((layer(codes) * weight).sum(), layer.weight)
    (full,) = torch.autograd.grad((layer.product(codes) * weight).sum(), layer.weight)
    torch.testing.assert_close(sparse, full)


@pytest.mark.parametrize("action", ACTIONS, ids=str)
def test_heads_agree_with_torch_distributions(action) -> None:
    head = make_head(action)
    torch.manual_seed(0)
    outputs = torch.randn(200, head.width)
    noise = torch.rand(200, head.components) if head.noise_kind == "uniform" else torch.randn(200, head.components)
    actions = head.sample(outputs, noise, None)
    log_probs, entropy = head.evaluate(outputs, actions, None)
    if isinstance(action, Discrete | MultiDiscrete):
        parts = outputs.split(head.sizes, -1)
        known = [torch.distributions.Categorical(logits=part) for part in parts]
    elif isinstance(action, MultiBinary):
        known = [torch.distributions.Bernoulli(logits=outputs[:, k]) for k in range(head.width)]
    else:
        spread = head.log_spread.exp()
        known = [torch.distributions.Normal(outputs[:, k], spread[k]) for k in range(head.width)]
    kind = torch.float32 if isinstance(action, Box | MultiBinary) else torch.int64
    expected = sum(one.log_prob(actions[:, k].to(kind)) for k, one in enumerate(known))
    torch.testing.assert_close(log_probs, expected, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(entropy, sum(one.entropy() for one in known), rtol=1e-4, atol=1e-5)


def test_samples_follow_their_probabilities() -> None:
    head = make_head(Discrete(3))
    outputs = torch.tensor([0.2, 0.5, 0.3]).log().expand(100_000, 3)
    actions = head.sample(outputs, torch.rand(100_000, 1, generator=torch.Generator().manual_seed(0)), None)
    shares = torch.bincount(actions[:, 0], minlength=3) / 100_000
    # The deviation of a share is below sqrt(0.25 / 100000) = 0.0016.
    torch.testing.assert_close(shares, torch.tensor([0.2, 0.5, 0.3]), rtol=0, atol=0.008)


@pytest.mark.parametrize("action", [Discrete(5), MultiDiscrete((3, 4))], ids=str)
def test_masks_bar_choices(action) -> None:
    head = make_head(action)
    rng = np.random.default_rng(0)
    mask = torch.from_numpy(rng.random((500, head.width)) < 0.4)
    at = 0
    for size in head.sizes:  # at least one choice is open
        mask[:, at + 1] = True
        at += size
    outputs = torch.randn(500, head.width) * 5
    extreme = torch.where(torch.rand(500, head.components) < 0.5, 0.0, 1.0 - 1e-7)
    for actions in (head.sample(outputs, extreme, mask), head.best(outputs, mask)):
        at = 0
        for k, size in enumerate(head.sizes):
            assert mask[:, at : at + size].gather(1, actions[:, k : k + 1]).all()
            at += size
    actions = head.best(outputs, mask)
    # The same numbers from a distribution over the open choices alone.
    log_probs, entropy = head.evaluate(outputs, actions, mask)
    total, expected = torch.zeros(500), torch.zeros(500)
    for k, part in enumerate(outputs.masked_fill(~mask, -torch.inf).split(head.sizes, -1)):
        probs = part.softmax(-1)
        total += probs.gather(1, actions[:, k : k + 1]).log().squeeze(-1)
        expected -= torch.special.xlogy(probs, probs).sum(-1)
    torch.testing.assert_close(log_probs, total, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(entropy, expected, rtol=1e-4, atol=1e-5)
    assert (head.probabilities(outputs, mask)[~mask] == 0).all()


def test_continuous_actions_fill_their_box() -> None:
    head = make_head(Box(-2.0, 4.0, (2,)))
    ends = head.to_env(np.array([[-1.0, 1.0]], np.float32))
    np.testing.assert_allclose(ends, [[-2.0, 4.0]])


@pytest.mark.parametrize("memory", ["gru", "lstm"])
def test_memory_restarts_inside_a_segment(memory: str) -> None:
    space = Box(-1.0, 1.0, (3,))
    policy = Policy(space, Discrete(3), Network(hidden=(8,), memory=memory, memory_size=5))
    obs = torch.randn(9, 2, 3)
    state = torch.randn(2, policy.state_size)
    starts = torch.zeros(9, 2, dtype=torch.bool)
    starts[4] = True
    together, values = policy.forward_sequence([obs], state, starts)
    none = torch.zeros(9, 2, dtype=torch.bool)
    first, first_values = policy.forward_sequence([obs[:4]], state, none[:4])
    second, second_values = policy.forward_sequence([obs[4:]], policy.initial_state(2), none[4:])
    torch.testing.assert_close(together, torch.cat([first, second]))
    torch.testing.assert_close(values, torch.cat([first_values, second_values]))


def test_a_rollout_remembers_what_learning_will_recompute() -> None:
    """The recurrent policy replays its own segment to the same probabilities, episode ends included."""
    trainer = small_trainer("memory", network__memory="gru", num_envs=8, ppo__horizon=24)
    for _ in range(2):
        trainer.collector.collect(trainer.policy, trainer.generator)
        rollout = trainer.rollout
        assert rollout.starts[1:-1].any()
        with torch.no_grad():
            for chunk in trainer.learner.chunks:
                outputs, _ = trainer.learner._evaluate(chunk)
                actions = torch.from_numpy(trainer.learner._rows(rollout.actions, chunk))
                log_probs, _ = trainer.policy.head.evaluate(outputs, actions, None)
                recorded = torch.from_numpy(trainer.learner._rows(rollout.log_probs, chunk))
                torch.testing.assert_close(log_probs, recorded, rtol=1e-4, atol=1e-5)
        rollout.advance()
    trainer.close()


@pytest.mark.parametrize("action", ACTIONS, ids=str)
@pytest.mark.parametrize("objective", ["clip", "importance"])
def test_gradients_match_finite_differences(action, objective: str) -> None:
    torch.manual_seed(0)
    space = Dict({"cells": Box(0, 2, (3, 3), np.uint8), "x": Box(-1.0, 1.0, (2,))})
    policy = Policy(space, action, Network(hidden=(6, 5))).double()
    rows = 16
    obs = leaf_tensors(space, draw_obs(space, rows))
    head = policy.head
    noise = torch.rand(rows, head.components) if head.noise_kind == "uniform" else torch.randn(rows, head.components)
    with torch.no_grad():
        for parameter in policy.parameters():
            parameter += 0.1 * torch.randn_like(parameter)
        outputs, values, _ = policy(obs, torch.empty(0))
        actions = head.sample(outputs, noise, None)
        actions = actions.double() if isinstance(action, Box) else actions
        log_probs, _ = head.evaluate(outputs, actions, None)
    samples = Samples(
        actions,
        None,
        log_probs + 0.3 * torch.randn(rows).double(),  # some ratios lie beyond the clip
        values + 0.1,
        torch.randn(rows).double(),
        torch.randn(rows).double(),
        (torch.rand(rows) < 0.8).double(),
    )
    ppo = Ppo(objective=objective, value_clip=0.5, rho_clip=100.0)

    def total() -> torch.Tensor:
        outputs, values, _ = policy(obs, torch.empty(0))
        if objective == "importance":  # its weight is a constant: the loss whose slope is meant
            new, entropy = head.evaluate(outputs, actions, None)
            weight = (fixed - samples.log_probs).exp()
            parts = -weight * new * samples.advantages - 0.01 * entropy
            near = samples.values + (values - samples.values).clamp(-0.5, 0.5)
            errors = torch.maximum((values - samples.returns) ** 2, (near - samples.returns) ** 2)
            return (samples.weights * (parts + 0.25 * errors)).sum()
        return loss(head, outputs, values, samples, ppo, 0.01)[0]

    fixed = log_probs
    outputs, values, _ = policy(obs, torch.empty(0))
    gradients = torch.autograd.grad(loss(head, outputs, values, samples, ppo, 0.01)[0], list(policy.parameters()))
    step = 1e-6
    for parameter, gradient in zip(policy.parameters(), gradients, strict=True):
        direction = torch.randn_like(parameter)
        with torch.no_grad():
            parameter += step * direction
            above = total()
            parameter -= 2 * step * direction
            below = total()
            parameter += step * direction
        slope = float((above - below) / (2 * step))
        assert slope == pytest.approx(float((gradient * direction).sum()), rel=1e-4, abs=1e-6)


def test_matrix_flops_counts_what_the_layers_multiply() -> None:
    policy = Policy(Box(-1.0, 1.0, (3,)), Discrete(4), Network(hidden=(8, 16)))
    first, rest = 3 * 8, 8 * 16 + 16 * 5
    assert matrix_flops(policy, epochs=2) == 2 * (first * (1 + 2 * 2) + rest * (1 + 2 * 3))
    grid = Policy(Box(0, 3, (5, 5), np.uint8), Discrete(4), Network(hidden=(8,)))
    assert matrix_flops(grid) == 2 * (100 * 8 * 3 + 8 * 5 * 4)
    assert matrix_flops(grid, dense_codes=False) == 2 * (8 * 5 * 4)
