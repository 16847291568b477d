"""Sets of things as observations: their order and what is not there change nothing."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

from puffer_arena.core.spaces import Box, Discrete, Entities
from puffer_arena.errors import DefinitionError, SpaceError
from puffer_arena.registry import load_env
from puffer_arena.trainers.config import Network
from puffer_arena.trainers.networks.encoder import EntityLayer, make_input
from puffer_arena.trainers.networks.policy import Policy
from tests.trainers_support import small_trainer, weights

MINEFIELD = str(Path(__file__).parent.parent / "examples" / "minefield.py")
SPACE = Entities(-1.0, (1.0, 2.0, 3.0), (7, 3))
every_way = pytest.mark.parametrize("entities", ["pool", "attention"])


def some_sets(seed=0, rows=40):
    rng = np.random.default_rng(seed)
    things = rng.standard_normal((rows, 7, 4)).astype(np.float32)
    things[..., 0] = rng.random((rows, 7)) < 0.6
    things[0, :, 0] = 0.0  # an empty set
    return torch.from_numpy(things)


def layer_of(entities):
    torch.manual_seed(0)
    layer = make_input(SPACE, Network(entities=entities), 16)
    assert isinstance(layer, EntityLayer)
    return layer


@every_way
def test_the_order_of_things_means_nothing(entities: str) -> None:
    layer, things = layer_of(entities), some_sets()
    before = layer(things)
    for seed in range(5):
        order = torch.from_numpy(np.random.default_rng(seed).permuted(np.tile(np.arange(7), (40, 1)), axis=1))
        shuffled = torch.gather(things, 1, order[..., None].expand(-1, -1, 4))
        torch.testing.assert_close(layer(shuffled), before, rtol=1e-4, atol=1e-5)


@every_way
def test_what_is_not_there_counts_in_nothing(entities: str) -> None:
    layer, things = layer_of(entities), some_sets()
    other = things.clone()
    other[..., 1:] = torch.where(things[..., :1] > 0, things[..., 1:], 1e3 * torch.randn(40, 7, 3))
    things.requires_grad_()
    assert torch.equal(layer(things), layer(other))
    assert not layer(things)[0].any() and layer(things)[1:].abs().sum(1).min() > 0
    (slopes,) = torch.autograd.grad(layer(things).square().sum(), things)
    absent = things[..., 0] == 0
    assert slopes.isfinite().all() and not slopes[absent].any() and slopes[~absent].any()
    fewer = things[:, :5].detach()
    padded = torch.cat([fewer, torch.zeros(40, 2, 4)], 1)
    torch.testing.assert_close(layer(fewer), layer(padded))


@every_way
def test_a_layer_tells_sets_apart_by_number_and_by_features(entities: str) -> None:
    layer, one = layer_of(entities), torch.zeros(1, 7, 4)
    one[0, 2] = torch.tensor([1.0, 0.5, -0.5, 0.2])
    other = one.clone()
    other[0, 2, 1] = -0.5
    both = one.clone()
    both[0, 4] = other[0, 2]
    outputs = [layer(each).detach().numpy() for each in (one, other, both)]
    assert all(np.abs(a - b).max() > 1e-3 for k, a in enumerate(outputs) for b in outputs[:k])


@every_way
def test_fused_and_autograd_learn_the_same_from_sets(entities: str) -> None:
    trainers = [
        small_trainer(MINEFIELD, network__entities=entities, gradients=way, threads=1) for way in ("fused", "autograd")
    ]
    for _ in range(2):
        for trainer in trainers:
            trainer.update()
    one, other = (weights(trainer) for trainer in trainers)
    assert any("embed" in name for name in one)
    for name, value in one.items():
        torch.testing.assert_close(value, other[name], rtol=1e-3, atol=1e-5, msg=name)
    for trainer in trainers:
        trainer.close()


def test_a_policy_of_sets_is_made_again_from_its_description() -> None:
    env = load_env(MINEFIELD)
    observation, action = env.spaces(env.params())
    policies = [Policy(observation, action, Network(entities="attention")) for _ in range(2)]
    policies[1].load_state_dict(policies[0].state_dict())
    assert observation.parts["mines"] == Entities(-1, 1, (6, 2)) and observation.dtype["mines"].shape == (6, 3)


def test_entities_are_a_box_to_others_and_hold_what_is_allowed() -> None:
    assert isinstance(SPACE, Box) and SPACE.dtype.shape == (7, 4)
    rng = np.random.default_rng(0)
    assert all(SPACE.contains(SPACE.sample(rng)) for _ in range(20))
    assert SPACE.contains(np.zeros((7, 4), np.float32))
    outside = np.zeros((7, 4), np.float32)
    outside[3, 1] = 1.5
    assert not SPACE.contains(outside)
    outside[3, 1], outside[3, 2] = 0.0, 1.5
    assert SPACE.contains(outside)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Entities(-1, 1, (7,)), r"shape of Entities is \(most, features\), not \(7,\)"),
        (lambda: Entities(0.5, 1, (7, 2)), "0 must too"),
        (lambda: Entities(-1, (1.0, 1.0, 1.0), (7, 2)), "one for each of 2"),
    ],
)
def test_entities_that_hold_nothing_together_are_refused(make, said: str) -> None:
    with pytest.raises(SpaceError, match=said):
        make()


def test_a_set_is_no_action() -> None:

    with pytest.raises(DefinitionError, match=r"action: an action is .*, not Entities"):
        dataclasses.replace(load_env(MINEFIELD), action=Entities(-1, 1, (3, 2)), bots={}, keys={}, idle=None)
    assert dataclasses.replace(load_env(MINEFIELD), action=Discrete(5)).action == Discrete(5)
