"""The fused backend against autograd, and slopes against finite differences."""

import dataclasses

import numpy as np
import pytest
import torch

from puffer_arena.core.composites import Dict, Tuple
from puffer_arena.core.spaces import Box, Discrete, MultiBinary, MultiDiscrete
from puffer_arena.errors import DefinitionError, TrainingError
from puffer_arena.machine.loops import Kernel
from puffer_arena.trainers.algorithms import ppo
from puffer_arena.trainers.algorithms.algorithm import Algorithm
from puffer_arena.trainers.backends.autograd import Autograd
from puffer_arena.trainers.backends.fused import Fused
from puffer_arena.trainers.backends.loss import check_slope, slope_of
from puffer_arena.trainers.data.rollout import Minibatch
from puffer_arena.trainers.trainer import make_trainer
from tests.trainers_support import small_config, small_trainer

CASES = [
    ("snake", {}),
    ("snake", {"network__hidden": (24,)}),
    ("snake", {"network__hidden": (16, 24, 8), "ppo__value_clip": 0.05}),
    ("snake", {"network__critic": "separate", "network__critic_hidden": (12,)}),
    ("snake", {"network__images": "cnn"}),
    ("cartpole", {"ppo__objective": "importance", "ppo__rho_clip": 1.05}),
    ("cartpole", {"network__hidden": (12,), "network__normalize": True}),
    ("maze", {"network__memory": "none"}),  # has action masks
    ("tag", {"ppo__advantage": "vtrace", "ppo__epochs": 2}),  # agents leave
    ("bandit", {}),
    ("squared", {}),
    ("target", {}),  # continuous actions
    ("examples/turret.py", {"network__critic": "separate"}),  # actions of parts, one of them with a mask
    ("walker", {"network__memory": "mingru", "network__critic": "separate"}),
    ("memory", {"network__memory": "none"}),  # a Dict of codes, flags and numbers
    ("memory", {"network__memory": "gru", "ppo__advantage": "vtrace", "ppo__epochs": 2}),
    ("memory", {"network__memory": "lstm"}),
    ("memory", {"network__memory": "mingru", "network__hidden": (16,)}),
]
ROLLED = ("old_log_prob", "old_value", "final_value")


def learn(trainer: Algorithm, chunks, entropy_coef: float = 0.02) -> dict[str, float]:
    """Set the gradients of some chunks' loss."""
    settings = dataclasses.replace(trainer.config.method, entropy_coef=entropy_coef)
    (loss,) = trainer.losses()
    return trainer.backend.gradients(loss, Minibatch(chunks), settings, trainer.loss_columns, remember=True)


def pair(env_id: str, overrides: dict) -> list[Algorithm]:
    """Return two trainers with the same weights and the same rollout, that has moved away from the policy that acted."""
    both = [small_trainer(env_id, gradients=way, **overrides) for way in ("fused", "autograd")]
    fused, plain = both
    assert isinstance(fused.backend, Fused) and isinstance(plain.backend, Autograd)
    for _ in range(2):  # the second rollout begins in the middle of episodes
        for trainer in both:
            trainer.collector.collect(trainer.generator)
        np.testing.assert_allclose(fused.rollout.actions, plain.rollout.actions, rtol=1e-4, atol=1e-5)
        acting = fused.rollout.acting[:-1]
        for name in ("old_log_prob", "old_value"):
            mine, other = fused.rollout.columns[name][: len(acting)], plain.rollout.columns[name][: len(acting)]
            np.testing.assert_allclose(mine[acting], other[acting], rtol=1e-3, atol=1e-4)
        for trainer in both:
            trainer._watch()
            trainer.rollout.advance()
    for trainer in both:
        trainer.collector.collect(trainer.generator)
    for name in (*ROLLED, "actions"):
        plain.rollout.columns[name][...] = fused.rollout.columns[name]
    torch.manual_seed(0)
    with torch.no_grad():
        for a, b in zip(fused.policy.parameters(), plain.policy.parameters(), strict=True):
            move = 0.03 * torch.randn_like(a)
            a += move
            b += move
    for trainer in both:
        trainer.rollout.ratio[:] = 1.0
        trainer.estimate(trainer.config.method)
    return both


@pytest.mark.parametrize(("env_id", "overrides"), CASES)
def test_fused_gradients_are_those_of_autograd(env_id: str, overrides: dict) -> None:
    fused, plain = pair(env_id, overrides)
    mine, other = (learn(trainer, trainer.chunks[::2]) for trainer in (fused, plain))
    assert mine.keys() == other.keys()
    for name in mine:
        assert mine[name] == pytest.approx(other[name], rel=5e-4, abs=5e-3), name
    for (name, a), b in zip(fused.policy.named_parameters(), plain.policy.parameters(), strict=True):
        error = float((a.grad - b.grad).norm() / (b.grad.norm() + 1e-9))
        assert error < 2e-4, name
    acting = fused.rollout.acting[:-1]
    np.testing.assert_allclose(fused.rollout.ratio[acting], plain.rollout.ratio[acting], rtol=2e-3)
    for trainer in (fused, plain):
        trainer.close()


@pytest.mark.parametrize(
    ("env_id", "overrides"),
    [
        ("snake", {"network__hidden": (8, 6), "ppo__value_clip": 0.05}),
        ("snake", {"network__hidden": (8, 6), "precision": "bfloat16"}),
        ("maze", {"network__memory": "none", "network__hidden": (8,)}),
        ("target", {"network__hidden": (8,)}),
        ("examples/turret.py", {"network__hidden": (8,), "network__critic": "separate"}),
        ("memory", {"network__memory": "none", "network__hidden": (8,)}),
    ],
)
def test_loops_of_the_fused_path_do_in_plain_python_what_they_do_compiled(env_id, overrides, monkeypatch) -> None:
    found = []
    for python in (False, True):
        if python:
            monkeypatch.setattr(Kernel, "__call__", lambda kernel, *arguments: kernel.python(*arguments))
        trainer = small_trainer(env_id, gradients="fused", **overrides)
        trainer.collector.collect(trainer.generator)
        trainer.rollout.ratio[:] = 1.0
        trainer.estimate(trainer.config.method)
        learn(trainer, trainer.chunks)
        found.append(torch.cat([each.grad.flatten() for each in trainer.policy.parameters()]))
        trainer.close()
    compiled, plain = found
    assert float((compiled - plain).norm() / compiled.norm()) < 1e-4


@pytest.mark.parametrize("env_id", ["snake", "cartpole"])
def test_fused_bfloat16_gradients_point_the_same_way(env_id: str) -> None:
    fused, plain = pair(env_id, {"precision": "float32", "network__hidden": (64, 64)})
    half = small_trainer(env_id, gradients="fused", precision="bfloat16", network__hidden=(64, 64))
    half.policy.load_state_dict(fused.policy.state_dict())
    for name in ("obs", "actions", "old_log_prob", "old_value", "advantage", "target", "acting"):
        half.rollout.columns[name][...] = plain.rollout.columns[name]
    half.backend.paths["actor"].linear._kept.clear()  # made while acting, from observations of its own
    for trainer in (plain, half):
        learn(trainer, trainer.chunks)
    mine, other = (torch.cat([p.grad.flatten() for p in t.policy.parameters()]) for t in (half, plain))
    assert float(torch.cosine_similarity(mine, other, dim=0)) > 0.995
    for trainer in (fused, plain, half):
        trainer.close()


@pytest.mark.parametrize("gradients", ["fused", "autograd"])
def test_masks_hold(gradients: str) -> None:
    trainer = small_trainer("maze", network__memory="none", gradients=gradients)
    with torch.no_grad():
        trainer.policy.actor.output.bias[0] = 50.0  # wants the first choice whatever the mask says
    for _ in range(3):
        rollout = trainer.collector.collect(trainer.generator)
        allowed = np.take_along_axis(rollout.action_mask[:-1], rollout.actions, -1)
        assert not rollout.action_mask[:-1, :, 0].all()
        assert allowed.all()
        rollout.advance()
    trainer.close()


def test_absent_agents_leave_no_trace_in_gradients() -> None:
    trainer = small_trainer("tag", gradients="fused")
    for _ in range(8):
        trainer.collector.collect(trainer.generator)
        if not trainer.rollout.acting[:-1].all():
            break
        trainer.rollout.advance()
    absent = ~trainer.rollout.acting[:-1]
    assert absent.any()
    found = []
    for nonsense in (0.0, 1e3, np.nan):
        trainer.estimate(trainer.config.method)
        assert (trainer.rollout.advantage[absent] == 0).all()
        trainer.rollout.advantage[absent] = nonsense
        trainer.rollout.target[absent] = nonsense
        learn(trainer, trainer.chunks)
        found.append([p.grad.clone() for p in trainer.policy.parameters()])
    assert all(torch.equal(a, b) and torch.equal(a, c) for a, b, c in zip(*found, strict=True))
    trainer.close()


def test_a_loss_without_a_slope_trains_by_autograd_and_is_refused_by_name_where_kernels_are_asked_for() -> None:
    def tempered(row, p):
        return -row.log_prob * row.advantage + (row.value - row.target) ** 2, {"entropy": row.entropy}

    class Tempered(ppo.PPO):
        objectives = {"clip": tempered, "importance": tempered}

    with pytest.raises(TrainingError, match="loss 'tempered' has no slope"):
        Tempered(small_config("snake", gradients="fused"))
    trainer = Tempered(small_config("snake", num_envs=8))
    assert isinstance(trainer.backend, Autograd)
    assert trainer.update()["entropy"] > 1.0
    with pytest.raises(DefinitionError, match="no slope"):
        check_slope(tempered, None, {"log_prob": np.zeros(1)})
    trainer.close()


def test_the_fused_backend_says_why_it_does_not_fit() -> None:
    with pytest.raises(TrainingError, match="compile = 'on'; use gradients = 'auto'"):
        make_trainer(small_config("snake", gradients="fused", compile="on"))


def draw_rows(rows: int = 200) -> dict[str, np.ndarray]:
    """Draw what a loss reads, ratios on both sides of the clip."""
    rng = np.random.default_rng(0)
    old = rng.normal(-1.0, 0.5, rows)
    value = rng.normal(size=rows)
    return {
        "log_prob": old + 0.3 * rng.normal(size=rows),
        "entropy": rng.random(rows),
        "value": value,
        "old_log_prob": old,
        "old_value": value + 0.3 * rng.normal(size=rows),
        "advantage": rng.normal(size=rows),
        "target": rng.normal(size=rows),
    }


@pytest.mark.parametrize("value_clip", [0.0, 0.2])
def test_the_clipped_slope_is_that_of_its_loss(value_clip: float) -> None:
    assert check_slope(ppo.clipped, ppo.Settings(value_clip=value_clip), draw_rows()) < 1e-5


def test_the_importance_slope_is_that_of_its_loss_with_the_weight_held() -> None:
    """Its weight is a constant, which finite differences would move: all ratios lie beyond the cut."""
    rows = draw_rows()
    rows["log_prob"] = rows["old_log_prob"] + 0.01 + np.abs(rows["log_prob"] - rows["old_log_prob"])
    assert check_slope(ppo.importance, ppo.Settings(objective="importance", rho_clip=1.0), rows) < 1e-5


def test_the_importance_loss_of_an_impossible_action_is_finite() -> None:
    rows = {name: array[:1] for name, array in draw_rows().items()}
    rows["log_prob"] = np.array([-2e4])  # its ratio rounds to 0, whose logarithm would be -inf
    from types import SimpleNamespace

    given = SimpleNamespace(**{name: torch.from_numpy(array) for name, array in rows.items()})
    total, _ = ppo.importance(given, ppo.Settings())
    assert torch.isfinite(total).all()


def test_a_wrong_slope_is_noticed() -> None:
    def pulled(row, p):
        return (row.value - row.target) ** 2, {"error": (row.value - row.target) ** 2}

    @slope_of(pulled, "error")
    def pulled_slope(row, p):
        row.d_value = row.value - row.target  # the factor of 2 is missing
        row.error = (row.value - row.target) ** 2

    assert check_slope(pulled, ppo.Settings(), draw_rows()) > 0.1


PARTS = Dict({"a": MultiBinary(2), "b": Tuple((Box(-2.0, 4.0, (2, 1)), Discrete(3))), "c": MultiDiscrete((2, 3))})
ACTIONS = [Discrete(4), MultiDiscrete((3, 2, 5)), MultiBinary(3), Box(-2.0, 4.0, (2,)), PARTS]


@pytest.mark.parametrize("action", ACTIONS, ids=str)
@pytest.mark.parametrize("masked", [False, True])
def test_row_rules_agree_with_their_head(action, masked: bool) -> None:
    """Drawing, probabilities, entropies and their slopes, for every head."""
    from puffer_arena.trainers.backends import rows as rules
    from puffer_arena.trainers.backends.loss import row_dtype
    from puffer_arena.trainers.networks.heads import make_head

    head = make_head(action)
    rng, n = np.random.default_rng(1), 300
    outputs = (2.0 * rng.normal(size=(n, head.width))).astype(np.float32)
    noise = head.draw_noise(
        (n,), lambda shape: rng.random(shape, np.float32), lambda shape: rng.standard_normal(shape, np.float32)
    )
    masks = np.zeros((n, 0), np.bool_)
    if masked and head.sizes:
        masks = rng.random((n, sum(head.sizes))) < 0.5
        masks[:, np.cumsum([0, *head.sizes[:-1]])] = True
    mask = torch.from_numpy(masks) if masks.shape[1] else None
    actions = np.zeros((n, head.components), head.numbers)
    log_probs, numbers, cut = np.zeros(n, np.float32), rules.head_numbers(head), rules.Columns(head)
    rules.act_kernel(head)(
        cut.outputs(outputs.copy()), cut.masks(masks), cut.actions(noise), numbers, cut.actions(actions), log_probs
    )
    drawn = head.sample(torch.from_numpy(outputs), torch.from_numpy(noise), mask).detach().numpy()
    assert np.isclose(drawn, actions, atol=1e-5).mean() > 0.99

    leaf = torch.from_numpy(outputs.astype(np.float64)).requires_grad_()
    given = torch.from_numpy(actions if head.numbers is np.int64 else actions.astype(np.float64))
    wanted, entropy = head.double().evaluate(leaf, given, mask)
    np.testing.assert_allclose(log_probs, wanted.detach(), rtol=1e-4, atol=1e-4)

    def weighed(row, p):
        return 0.7 * row.log_prob - 0.2 * row.entropy, {"seen": row.entropy}

    @slope_of(weighed, "seen")
    def weighed_slope(row, p):
        row.d_log_prob, row.d_entropy, row.seen = 0.7, -0.2, row.entropy

    from puffer_arena.trainers.backends.loss import find_slope, numbers_of

    table = np.zeros(n, row_dtype((), (), ("seen",)))
    table["weight"] = 1.0
    slopes, extra, settings = np.zeros_like(outputs), np.zeros(head.width), numbers_of(ppo.Settings())
    kernel = rules.learn_kernel(head, find_slope(weighed), table.dtype, settings.dtype)
    kernel(
        cut.outputs(outputs.copy()), cut.actions(actions), cut.masks(masks), numbers, table, settings, 1.0,
        cut.outputs(slopes), cut.outputs(extra),
    )  # fmt: skip
    np.testing.assert_allclose(table["seen"], entropy.detach(), rtol=1e-4, atol=1e-5)
    total = (0.7 * wanted - 0.2 * entropy).sum()
    weights = [leaf, *head.parameters()]
    expected, *rest = torch.autograd.grad(total, weights)
    np.testing.assert_allclose(slopes, expected.numpy(), rtol=1e-3, atol=1e-4)
    if rest:  # of the one Box
        gaussian, found = (head, extra) if isinstance(action, Box) else (head.parts[1], head.outputs_of(extra)[1])
        share = torch.sigmoid(gaussian.spread.detach())
        through = torch.from_numpy(found) * (gaussian.HIGH - gaussian.LOW) * share * (1 - share)
        np.testing.assert_allclose(through, rest[0].numpy(), rtol=1e-3, atol=1e-3)


def test_observations_that_are_not_finite_are_named() -> None:
    trainer = small_trainer("cartpole")
    trainer.batch.rows.states["x"][:] = float("nan")
    with pytest.raises(TrainingError, match="observation from 'cartpole' is not finite in row 0") as error:
        for _ in range(2):
            trainer.update()
    assert "learning_rate" not in str(error.value)
    trainer.close()


def test_numbers_that_are_not_finite_are_named() -> None:
    for gradients in ("fused", "autograd"):
        trainer = small_trainer("cartpole", gradients=gradients)
        with torch.no_grad():
            trainer.policy.actor.output.weight[0, 0] = float("nan")
        with pytest.raises(TrainingError, match=r"action probability is nan in row \d+"):
            trainer.update()
        trainer.close()
        trainer = small_trainer("cartpole", gradients=gradients)
        before = [p.clone() for p in trainer.policy.parameters()]

        def spoil(spoiled, t: int) -> None:
            spoiled.rollout.rewards[0, 5] = np.inf

        with pytest.raises(TrainingError, match=r"became (nan|inf)"):
            trainer.update(spoil)
        assert all(torch.equal(a, b) for a, b in zip(before, trainer.policy.parameters(), strict=True))
        trainer.close()
