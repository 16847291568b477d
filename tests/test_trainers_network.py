"""Networks and heads: shapes from spaces, masks, memory, gradients."""

import copy
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from puffer_arena.core.composites import Dict, Tuple, leaves
from puffer_arena.core.spaces import Box, Discrete, MultiBinary, MultiDiscrete, stored
from puffer_arena.trainers.algorithms.ppo import PPO, Settings
from puffer_arena.trainers.config import Network
from puffer_arena.trainers.networks.convolutions import Convolution, ConvolutionLayer
from puffer_arena.trainers.networks.heads import make_head
from puffer_arena.trainers.networks.memory import Gru, Lstm, MinGru, squash
from puffer_arena.trainers.networks.observations import leaf_tensors
from puffer_arena.trainers.networks.policy import Policy, matrix_flops, parameter_count
from puffer_arena.trainers.optimize.optimizers import hidden_matrices
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
PARTS = Dict({"turn": Box(-2.0, 4.0, (2,)), "pair": Tuple((Discrete(3), MultiDiscrete((2, 4)))), "on": MultiBinary(2)})


def draw_noise(head, rows: int) -> torch.Tensor:
    return torch.from_numpy(head.draw_noise((rows,), lambda s: torch.rand(s).numpy(), lambda s: torch.randn(s).numpy()))


def test_the_parts_of_an_action_are_drawn_apart_and_their_probabilities_multiply() -> None:
    torch.manual_seed(0)
    head, rng = make_head(PARTS), np.random.default_rng(0)
    alone = [make_head(leaf) for _, leaf in leaves(PARTS)]
    outputs, noise = torch.randn(50, head.width), draw_noise(head, 50)
    mask = torch.from_numpy(rng.random((50, 9)) < 0.5)
    mask[:, [0, 3, 5]] = True
    masks = [None, mask[:, :3], mask[:, 3:], None]
    with torch.no_grad():
        actions = head.sample(outputs, noise, mask)
        log_probs, entropies = head.evaluate(outputs, actions, mask)
        own = zip(alone, head.outputs_of(outputs), head.actions_of(noise), head.actions_of(actions), masks, strict=True)
        each = [(one.sample(out, draw, barred), chosen, one, out, barred) for one, out, draw, chosen, barred in own]
        assert all(torch.allclose(drawn.float(), chosen) for drawn, chosen, *_ in each)
        known = [one.evaluate(out, drawn, barred) for drawn, _, one, out, barred in each]
    torch.testing.assert_close(log_probs, sum(found for found, _ in known))
    torch.testing.assert_close(entropies, sum(found for _, found in known))
    assert head.probabilities(outputs, mask).shape == (50, 3 + 6 + 2) and head.sizes == (3, 2, 4)


def draw_obs(space, rows: int) -> np.ndarray:
    dtype, shape = stored(space)
    out = np.zeros((rows, *shape), dtype)
    rng = np.random.default_rng(0)
    for i in range(rows):
        space.store(space.sample(rng), out, i)
    return out


@pytest.mark.parametrize("observation", OBSERVATIONS, ids=str)
@pytest.mark.parametrize("memory", ["none", "gru", "lstm", "mingru"])
def test_networks_fit_every_observation(observation, memory: str) -> None:
    policy = Policy(observation, Discrete(3), Network(hidden=(8, 8), memory=memory, memory_size=4))
    obs = leaf_tensors(observation, draw_obs(observation, 5))
    outputs, values, state = policy(obs, policy.initial_state(5))
    assert outputs.shape == (5, 3)
    assert values.shape == (5, 1)
    parts = {"none": 0, "gru": 1, "mingru": 1, "lstm": 2}[memory]
    assert [part.shape for part in state.values()] == [(5, 4)] * parts


def test_pictures_and_grids_get_convolutions() -> None:
    picture, grid = Box(0, 255, (12, 12, 3), np.uint8), Box(0, 3, (6, 6), np.uint8)
    assert isinstance(Policy(picture, Discrete(2), Network()).actor.encoder.inputs[0], ConvolutionLayer)
    policy = Policy(grid, Discrete(2), Network(images="cnn"))
    assert isinstance(policy.actor.encoder.inputs[0], ConvolutionLayer)
    outputs, _, _ = policy(leaf_tensors(grid, draw_obs(grid, 4)), policy.initial_state(4))
    assert outputs.shape == (4, 2)


def test_code_layer_is_the_product_with_the_one_hot_encoding() -> None:
    space = MultiDiscrete((4, 1, 6, 3))
    layer = Policy(space, Discrete(2), Network(hidden=(8,))).actor.encoder.inputs[0]
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
    noise = draw_noise(head, 200)
    actions = head.sample(outputs, noise, None)
    log_probs, entropy = head.evaluate(outputs, actions, None)
    if isinstance(action, Discrete | MultiDiscrete):
        parts = outputs.split(head.sizes, -1)
        known = [torch.distributions.Categorical(logits=part) for part in parts]
    elif isinstance(action, MultiBinary):
        known = [torch.distributions.Bernoulli(logits=outputs[:, k]) for k in range(head.width)]
    else:
        spread = head.log_spread().exp()
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


@pytest.mark.parametrize("memory", ["gru", "lstm", "mingru"])
def test_memory_restarts_inside_a_segment(memory: str) -> None:
    space = Box(-1.0, 1.0, (3,))
    policy = Policy(space, Discrete(3), Network(hidden=(8,), memory=memory, memory_size=5))
    obs = torch.randn(9, 2, 3)
    state = {name: torch.randn(2, *shape) for name, shape in policy.state_spec.items()}
    starts = torch.zeros(9, 2, dtype=torch.bool)
    starts[4] = True
    together, values = policy.sequence([obs], state, starts)
    none = torch.zeros(9, 2, dtype=torch.bool)
    first, first_values = policy.sequence([obs[:4]], state, none[:4])
    second, second_values = policy.sequence([obs[4:]], policy.initial_state(2), none[4:])
    torch.testing.assert_close(together, torch.cat([first, second]))
    torch.testing.assert_close(values, torch.cat([first_values, second_values]))


def test_squash_is_tanh() -> None:
    numbers = np.concatenate([np.linspace(-12.0, 12.0, 4001), [np.inf, -np.inf, 1e-6, 0.0]]).astype(np.float32)
    found = np.array([squash(x) for x in numbers])
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, np.tanh(numbers.astype(np.float64)), rtol=5e-7, atol=1e-12)
    assert np.isnan(squash(np.float32(np.nan)))


@pytest.mark.parametrize("memory", ["gru", "mingru"])
def test_a_rollout_remembers_what_learning_will_recompute(memory: str) -> None:
    """The recurrent policy replays its own segment to the same probabilities, episode ends included."""
    trainer = small_trainer("memory", network__memory=memory, num_envs=8, ppo__horizon=24, gradients="autograd")
    for _ in range(2):
        rollout = trainer.collector.collect(trainer.generator)
        assert rollout.began[1:-1].any()
        with torch.no_grad():
            for chunk in trainer.chunks:
                outputs, _ = trainer.backend._evaluate(chunk)
                log_probs, _ = trainer.policy.head.evaluate(outputs, torch.from_numpy(chunk.rows("actions")), None)
                recorded = torch.from_numpy(chunk.rows("old_log_prob"))
                torch.testing.assert_close(log_probs, recorded, rtol=1e-4, atol=1e-5)
        rollout.advance()
    trainer.close()


@pytest.mark.parametrize("action", [*ACTIONS, PARTS], ids=str)
@pytest.mark.parametrize("objective", ["clip", "importance"])
def test_gradients_match_finite_differences(action, objective: str) -> None:
    torch.manual_seed(0)
    space = Dict({"cells": Box(0, 2, (3, 3), np.uint8), "x": Box(-1.0, 1.0, (2,))})
    policy = Policy(space, action, Network(hidden=(6, 5))).double()
    rows = 16
    obs = leaf_tensors(space, draw_obs(space, rows))
    head = policy.head
    noise = draw_noise(head, rows)
    with torch.no_grad():
        for parameter in policy.parameters():
            parameter += 0.1 * torch.randn_like(parameter)
        outputs, values, _ = policy(obs, {})
        actions = head.sample(outputs, noise, None)
        actions = actions.double() if head.numbers is np.float32 else actions
        fixed, _ = head.evaluate(outputs, actions, None)
    columns = {
        "old_log_prob": fixed + 0.3 * torch.randn(rows).double(),  # some ratios lie beyond the clip
        "old_value": values[:, 0] + 0.1,
        "advantage": torch.randn(rows).double(),
        "target": torch.randn(rows).double(),
    }
    settings = Settings(objective=objective, value_clip=0.5, rho_clip=100.0)

    def total(hold_weight: bool) -> torch.Tensor:
        outputs, values, _ = policy(obs, {})
        log_prob, entropy = head.evaluate(outputs, actions, None)
        row = SimpleNamespace(log_prob=log_prob, entropy=entropy, value=values[:, 0], **columns)
        each = PPO.objectives[objective](row, settings)[0]
        if objective == "importance" and hold_weight:  # its weight is a constant: the loss whose slope is meant
            weight = (fixed - row.old_log_prob).exp()
            moving = (log_prob - row.old_log_prob).exp().detach()
            each = each - (weight - moving) * (log_prob - row.old_log_prob) * row.advantage
        return each.sum()

    gradients = torch.autograd.grad(total(False), list(policy.parameters()))
    step = 1e-6
    for parameter, gradient in zip(policy.parameters(), gradients, strict=True):
        direction = torch.randn_like(parameter)
        with torch.no_grad():
            parameter += step * direction
            above = total(True)
            parameter -= 2 * step * direction
            below = total(True)
            parameter += step * direction
        slope = float((above - below) / (2 * step))
        assert slope == pytest.approx(float((gradient * direction).sum()), rel=1e-4, abs=1e-6)


def test_a_spread_at_its_bound_comes_back() -> None:
    head = make_head(Box(-1.0, 1.0, (2,)))
    for far in (-30.0, 30.0):
        with torch.no_grad():
            head.spread.fill_(far / 3)
        (gradient,) = torch.autograd.grad(head.log_spread().sum(), head.spread)
        assert (gradient > 0).all()
        assert ((head.log_spread() >= head.LOW) & (head.log_spread() <= head.HIGH)).all()


def test_convolutions_see_every_channel_of_coded_grids() -> None:
    grid = Box(0, 3, (6, 6, 2), np.uint8)
    policy = Policy(grid, Discrete(2), Network(images="cnn"))
    obs = torch.zeros(1, 6, 6, 2, dtype=torch.uint8)
    empty = policy([obs], {})[0]
    for channel in range(2):
        other = obs.clone()
        other[0, 2, 3, channel] = 2
        assert not torch.equal(policy([other], {})[0], empty)


@pytest.mark.parametrize("shape", [(9, 3, 36, 36), (2, 24, 11, 10), (1, 1, 8, 8), (3, 5, 18, 13)])
@pytest.mark.parametrize(("wide", "apart", "around"), [(8, 4, 0), (4, 2, 0), (6, 2, 0), (3, 2, 1), (3, 1, 1)])
def test_convolutions_are_those_of_torch(shape: tuple[int, ...], wide: int, apart: int, around: int) -> None:
    torch.manual_seed(0)
    layer = Convolution(shape[1], 7, wide, apart, around, factor=0.25).double()
    plain = torch.nn.Conv2d(shape[1], 7, wide, apart, around).double()
    plain.load_state_dict(layer.state_dict())
    planes = torch.randn(shape, dtype=torch.float64, requires_grad=True)
    ours, theirs = layer(planes), plain(0.25 * planes)
    torch.testing.assert_close(ours, theirs)
    gradients = (
        torch.autograd.grad(out.square().sum(), [planes, *net.parameters()])
        for out, net in ((ours, layer), (theirs, plain))
    )
    torch.testing.assert_close(*gradients)


def test_boxes_of_four_axes_and_pictures_of_the_usual_size_have_networks() -> None:
    deep = Box(0.0, 1.0, (2, 3, 4, 5))
    policy = Policy(deep, Discrete(2), Network(images="cnn", hidden=(8,)))
    assert policy([torch.rand(3, 2, 3, 4, 5)], {})[0].shape == (3, 2)
    picture = Policy(Box(0, 255, (84, 84, 4), np.uint8), Discrete(2), Network())
    # 84 - 8 over 4 makes 20, then 20 - 4 over 2 makes 9: 9 x 9 x 32 numbers, each with 128 weights.
    assert picture.actor.encoder.inputs[0].weight.shape == (128, 9 * 9 * 32)
    assert parameter_count(picture) < 400_000


def test_normalization_is_that_of_all_rows_seen_and_folds_into_the_weights() -> None:
    torch.manual_seed(0)
    space = Dict({"x": Box(-100.0, 100.0, (3,)), "on": MultiBinary(2)})
    policy = Policy(space, Discrete(3), Network(hidden=(8, 8), normalize=True))
    encoder, seen = policy.actor.encoder, [5.0 + 20.0 * torch.randn(n, 3) for n in (50, 400, 7)]
    for part in seen:
        encoder.watch([part, torch.zeros(len(part), 2)])
    mean, deviation = encoder.inputs[0].statistics()
    torch.testing.assert_close(mean, torch.cat(seen).mean(0))
    torch.testing.assert_close(deviation, torch.cat(seen).std(0, correction=0))
    obs = [seen[0], torch.ones(50, 2)]
    before = policy(obs, {})[0]
    encoder.fold()
    assert not dict(encoder.named_buffers())
    torch.testing.assert_close(policy(obs, {})[0], before, rtol=1e-4, atol=1e-5)


def test_a_separate_critic_does_not_share_weights_with_the_policy() -> None:
    policy = Policy(Box(-1.0, 1.0, (3,)), Discrete(4), Network(hidden=(8,), critic="separate", critic_hidden=(6, 5)))
    outputs, values, _ = policy([torch.randn(2, 3)], {})
    assert (outputs.shape, values.shape) == ((2, 4), (2, 1))
    gradients = torch.autograd.grad(values.sum(), list(policy.actor.parameters()), allow_unused=True)
    assert all(gradient is None or not gradient.any() for gradient in gradients)


def test_several_values_stand_side_by_side() -> None:
    policy = Policy(Box(-1.0, 1.0, (3,)), Discrete(4), Network(hidden=(8,)), values=("value", "cost_value"))
    assert policy([torch.randn(2, 3)], {})[1].shape == (2, 2)


@pytest.mark.parametrize("kind", [MinGru, Gru])
@pytest.mark.parametrize("waits", [False, True])
def test_a_scan_is_the_loop_it_stands_for(kind: type[MinGru | Gru], waits: bool) -> None:
    torch.manual_seed(0)
    memory = kind(4, 3)
    exact = copy.deepcopy(memory).double()
    features, state = torch.randn(7, 5, 4, requires_grad=True), {"h": torch.randn(5, 3, requires_grad=True)}
    began, acting = torch.rand(7, 5) < 0.3, torch.rand(7, 5) < 0.6 if waits else None
    fast = memory.sequence(features, state, began, acting)
    slow = exact.sequence(features.double(), {"h": state["h"].double()}, began, acting)
    torch.testing.assert_close(fast.double(), slow, rtol=1e-6, atol=1e-6)  # fast has the digits of float32
    weight = torch.randn(7, 5, 3)
    wanted = torch.autograd.grad((slow.float() * weight).sum(), [features, state["h"], *exact.parameters()])
    found = torch.autograd.grad((fast * weight).sum(), [features, state["h"], *memory.parameters()])
    for a, b in zip(found, wanted, strict=True):
        torch.testing.assert_close(a, b.float(), rtol=1e-4, atol=1e-5)


def test_a_gru_goes_through_parts_of_any_strides() -> None:
    torch.manual_seed(0)
    memory, state = Gru(4, 3), {"h": torch.randn(5, 3)}
    seen, began = torch.randn(5, 7, 9).transpose(0, 1), (torch.rand(5, 7) < 0.3).t()
    usual = memory._through_time(seen.contiguous(), state, began.contiguous(), None)
    assert torch.equal(memory._through_time(seen, state, began, None), usual)


@pytest.mark.parametrize("kind", [MinGru, Gru, Lstm])
def test_segments_are_learned_from_in_bfloat16(kind: type[MinGru | Gru | Lstm]) -> None:
    torch.manual_seed(0)
    memory = kind(4, 3)
    features, state = torch.randn(7, 5, 4), {name: torch.randn(5, *shape) for name, shape in memory.spec.items()}
    began = torch.rand(7, 5) < 0.3
    plain = memory.sequence(features, state, began)
    with torch.autocast("cpu", torch.bfloat16):
        rounded = memory.sequence(features, state, began)
    torch.testing.assert_close(rounded.float(), plain, rtol=0.05, atol=0.05)
    rounded.float().sum().backward()
    assert all(weight.grad is not None and torch.isfinite(weight.grad).all() for weight in memory.parameters())


def test_gates_are_matrices_of_their_own_and_an_lstm_begins_by_remembering() -> None:
    for kind, gates in (("mingru", 2), ("gru", 6), ("lstm", 8)):
        policy = Policy(Box(-1.0, 1.0, (3,)), Discrete(2), Network(hidden=(8,), memory=kind, memory_size=4))
        assert [tuple(p.shape) for p in hidden_matrices(policy)].count((4, 8)) + [
            tuple(p.shape) for p in hidden_matrices(policy)
        ].count((4, 4)) == gates
    assert (policy.actor.memory.inputs.each[1].bias == 1).all()


def test_matrix_flops_counts_what_the_layers_multiply() -> None:
    policy = Policy(Box(-1.0, 1.0, (3,)), Discrete(4), Network(hidden=(8, 16)))
    first, rest = 3 * 8, 8 * 16 + 16 * 5
    assert matrix_flops(policy, epochs=2) == 2 * (first * (1 + 2 * 2) + rest * (1 + 2 * 3))
    grid = Policy(Box(0, 3, (5, 5), np.uint8), Discrete(4), Network(hidden=(8,)))
    assert matrix_flops(grid) == 2 * (100 * 8 * 3 + 8 * 5 * 4)
    assert matrix_flops(grid, dense_codes=False) == 2 * (8 * 5 * 4)
