"""The fused path against autograd."""

import numpy as np
import pytest
import torch

from puffer_arena.core.errors import TrainingError
from puffer_arena.trainers.trainer import Trainer
from tests.trainers_support import small_config, small_trainer

CASES = [
    ("snake", {}),
    ("snake", {"network__hidden": (24,)}),
    ("snake", {"network__hidden": (16, 24, 8), "ppo__value_clip": 0.05}),
    ("cartpole", {"ppo__objective": "importance", "ppo__rho_clip": 1.05}),
    ("cartpole", {"network__hidden": (12,)}),
    ("maze", {"network__memory": "none"}),  # has action masks
    ("tag", {"ppo__advantage": "vtrace", "ppo__epochs": 2}),  # agents leave
    ("bandit", {}),
    ("memory", {"network__memory": "none"}),  # a Dict of codes, flags and numbers
]


def pair(env_id: str, overrides: dict) -> list[Trainer]:
    """Return two trainers with the same weights and the same rollout, that has moved away from the policy that acted."""
    both = [small_trainer(env_id, gradients=way, **overrides) for way in ("fused", "autograd")]
    for trainer in both:
        trainer.collector.collect(trainer.policy, trainer.generator)
    fused, plain = both
    np.testing.assert_array_equal(fused.rollout.actions, plain.rollout.actions)
    alive = fused.rollout.alive[:-1]
    for name in ("log_probs", "values"):
        mine, other = getattr(fused.rollout, name)[: len(alive)], getattr(plain.rollout, name)[: len(alive)]
        np.testing.assert_allclose(mine[alive], other[alive], rtol=1e-4, atol=2e-5)
    for name in ("log_probs", "values", "final_values"):
        getattr(plain.rollout, name)[...] = getattr(fused.rollout, name)
    torch.manual_seed(0)
    with torch.no_grad():
        for a, b in zip(fused.policy.parameters(), plain.policy.parameters(), strict=True):
            move = 0.03 * torch.randn_like(a)
            a += move
            b += move
    for trainer in both:
        trainer.rollout.ratios[:] = 1.0
        trainer.learner._estimate()
    return both


@pytest.mark.parametrize(("env_id", "overrides"), CASES)
def test_fused_gradients_are_those_of_autograd(env_id: str, overrides: dict) -> None:
    fused, plain = pair(env_id, overrides)
    for trainer in (fused, plain):
        trainer.found = trainer.learner._minibatch(trainer.learner.chunks[::2], 0.02)
    np.testing.assert_allclose(fused.found[0], plain.found[0], rtol=2e-4, atol=2e-3)
    assert fused.found[2] == pytest.approx(plain.found[2], rel=1e-3)
    for (name, a), b in zip(fused.policy.named_parameters(), plain.policy.parameters(), strict=True):
        error = float((a.grad - b.grad).norm() / (b.grad.norm() + 1e-12))
        assert error < 1e-4, name
    alive = fused.rollout.alive[:-1]
    np.testing.assert_allclose(fused.rollout.ratios[alive], plain.rollout.ratios[alive], rtol=1e-3)
    for trainer in (fused, plain):
        trainer.close()


@pytest.mark.parametrize("env_id", ["snake", "cartpole"])
def test_fused_bfloat16_gradients_point_the_same_way(env_id: str) -> None:
    fused, plain = pair(env_id, {"precision": "float32", "network__hidden": (64, 64)})
    half = small_trainer(env_id, gradients="fused", precision="bfloat16", network__hidden=(64, 64))
    half.policy.load_state_dict(fused.policy.state_dict())
    for name in ("obs", "actions", "log_probs", "values", "advantages", "returns", "alive"):
        getattr(half.rollout, name)[...] = getattr(plain.rollout, name)
    half.learner.fused._kept.clear()  # made while acting, from observations of its own
    for trainer in (plain, half):
        trainer.learner._minibatch(trainer.learner.chunks, 0.02)
    mine, other = (torch.cat([p.grad.flatten() for p in t.policy.parameters()]) for t in (half, plain))
    assert float(torch.cosine_similarity(mine, other, dim=0)) > 0.995
    for trainer in (fused, plain, half):
        trainer.close()


def test_masks_hold_on_the_fused_path() -> None:
    trainer = small_trainer("maze", network__memory="none", gradients="fused")
    with torch.no_grad():
        trainer.policy.output.bias[0] = 50.0  # wants the first choice whatever the mask says
    for _ in range(3):
        trainer.collector.collect(trainer.policy, trainer.generator)
        rollout = trainer.rollout
        allowed = np.take_along_axis(rollout.masks[:-1], rollout.actions, -1)
        assert not rollout.masks[:-1, :, 0].all()
        assert allowed.all()
        rollout.advance()
    trainer.close()


def test_absent_agents_leave_no_trace_in_gradients() -> None:
    trainer = small_trainer("tag", gradients="fused")
    for _ in range(8):
        trainer.collector.collect(trainer.policy, trainer.generator)
        if not trainer.rollout.alive[:-1].all():
            break
        trainer.rollout.advance()
    absent = ~trainer.rollout.alive[:-1]
    assert absent.any()
    found = []
    for nonsense in (0.0, 1e3):
        trainer.learner._estimate()
        assert (trainer.rollout.advantages[absent] == 0).all()
        trainer.rollout.advantages[absent] = nonsense
        trainer.rollout.returns[absent] = nonsense
        trainer.learner._minibatch(trainer.learner.chunks, 0.01)
        found.append([p.grad.clone() for p in trainer.policy.parameters()])
    assert all(torch.equal(a, b) for a, b in zip(*found, strict=True))
    trainer.close()


def test_the_fused_path_is_refused_where_it_does_not_fit() -> None:
    with pytest.raises(TrainingError, match="gradients = 'auto'"):
        Trainer(small_config("memory", network__memory="gru", gradients="fused"))
    trainer = small_trainer("target")
    assert trainer.learner.fused is None
    trainer.close()


def test_observations_that_are_not_finite_are_named() -> None:
    trainer = small_trainer("cartpole")
    trainer.batch.rows.states["x"][:] = float("nan")
    with pytest.raises(TrainingError, match="observation from 'cartpole' is not finite"):
        for _ in range(2):
            trainer.update()
    trainer.close()


def test_numbers_that_are_not_finite_are_named() -> None:
    for gradients in ("fused", "autograd"):
        trainer = small_trainer("cartpole", gradients=gradients)
        with torch.no_grad():
            trainer.policy.output.weight[0, 0] = float("nan")
        with pytest.raises(TrainingError, match=r"action probability is nan in stream \d+"):
            trainer.update()
        trainer.close()
        trainer = small_trainer("cartpole", gradients=gradients)
        trainer.collector.collect(trainer.policy, trainer.generator)
        before = [p.clone() for p in trainer.policy.parameters()]
        trainer.rollout.rewards[3, 5] = np.inf
        with pytest.raises(TrainingError, match=r"became (nan|inf)"):
            trainer.learner.learn(trainer.generator, 1e-3, 0.0)
        assert all(torch.equal(a, b) for a, b in zip(before, trainer.policy.parameters(), strict=True))
        trainer.close()
