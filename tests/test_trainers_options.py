"""Options of PPO and its relatives: staggered starts, Adam-Rel, what is drawn and normalized, and values in bins."""

import math

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402

from puffer_arena.bots.bot import Bot  # noqa: E402  torch may not be there
from puffer_arena.bots.model import Model  # noqa: E402
from puffer_arena.errors import ArenaError, TrainingError  # noqa: E402
from puffer_arena.trainers.backends.autograd import Autograd  # noqa: E402
from puffer_arena.trainers.config import Optimizer  # noqa: E402
from puffer_arena.trainers.data.rollout import prioritized  # noqa: E402
from puffer_arena.trainers.export.bot import export_policy  # noqa: E402
from puffer_arena.trainers.networks.bins import cross_entropy, edges, mean_of, smeared  # noqa: E402
from puffer_arena.trainers.optimize.adam import AdamW  # noqa: E402
from puffer_arena.trainers.optimize.muon import Muon  # noqa: E402
from puffer_arena.trainers.optimize.optimizers import Optimizers  # noqa: E402
from tests.processes import run_python  # noqa: E402
from tests.trainers_support import assert_same_future, small_trainer  # noqa: E402

MAZE = {"params": {"size": 13, "distance": 60, "walls": 1.0}}


def test_rows_begin_at_even_times_apart():
    together, apart = small_trainer("maze", **MAZE), small_trainer("maze", **MAZE, ppo__stagger=12)
    assert (together.batch.rows.states["step_count"] == 0).all()
    assert apart.batch.rows.states["step_count"].tolist() == [12 - i // 2 for i in range(24)]
    np.testing.assert_array_equal(apart.rollout.obs[0], apart.batch.obs)
    first = apart.update()
    assert first["steps"] == 24 * 8
    again = small_trainer("maze", **MAZE, ppo__stagger=12)
    again.update()
    assert_same_future(apart, again)
    for trainer in (together, apart, again):
        trainer.close()
    with pytest.raises(TrainingError, match=r"ppo\.stagger = 12 begins rows on levels"):
        small_trainer("maze", **MAZE, ppo__stagger=12, curriculum={"method": "plr"})


OPTIMIZERS = {
    "adam": (AdamW, torch.optim.AdamW, {"betas": (0.8, 0.97), "eps": 1e-6}, {"fused": True}),
    "muon": (Muon, torch.optim.Muon, {"momentum": 0.9}, {}),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_weights_move_to_the_bit_as_by_torchs_own_optimizers(name):
    own, torchs, settings, extra = OPTIMIZERS[name]
    shapes = ((7, 5), (5, 9)) if name == "muon" else ((7, 5), (5,))
    ours, theirs = ([nn.Parameter(torch.full(shape, 0.5)) for shape in shapes] for _ in range(2))
    mine, reference = (
        kind(weights, lr=0.01, weight_decay=0.1, **settings, **more)
        for kind, weights, more in ((own, ours, {}), (torchs, theirs, extra))
    )
    for k in range(4):
        for pair in zip(ours, theirs, strict=True):
            gradient = torch.randn(pair[0].shape, generator=torch.Generator().manual_seed(k))
            for weight in pair:
                weight.grad = None if k == 1 and len(weight) == 7 else gradient.clone()
        for optimizer in (mine, reference):
            optimizer.param_groups[0]["lr"] = 0.01 / (k + 1)
            optimizer.step()
    for one, other in zip(ours, theirs, strict=True):
        assert torch.equal(one, other)
        assert all(torch.equal(mine.state[one][part], reference.state[other][part]) for part in mine.state[one])


@pytest.mark.parametrize(("kind", "off"), [(torch.float32, 1e-6), (torch.bfloat16, 0.03)])
def test_muon_draws_all_singular_values_to_one_in_the_runs_precision(kind, off):
    gradient = torch.randn(6, 4, generator=torch.Generator().manual_seed(0))
    weight = nn.Parameter(torch.zeros_like(gradient))
    weight.grad = gradient
    Muon([weight], lr=1.0, momentum=0.0, weight_decay=0.0, kind=kind).step()
    values = torch.linalg.svdvals(weight.detach() / math.sqrt(6 / 4)).double()
    wanted = torch.linalg.svdvals(gradient).double() / gradient.double().norm()
    for _ in range(5):
        wanted = 3.4445 * wanted - 4.775 * wanted**3 + 2.0315 * wanted**5
    assert torch.allclose(values.sort().values, wanted.sort().values, atol=off)
    assert ((values > 0.65) & (values < 1.25)).all()


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_muon_works_in_the_runs_precision(precision):
    network = small_trainer("squared").policy
    parts = Optimizers(network, Optimizer(name="muon"), precision).parts
    assert [part.kind for part, _ in parts if isinstance(part, Muon)] == [getattr(torch, precision)]


def test_training_does_without_torchs_compiler():
    run_python("""
        import sys, puffer_arena
        puffer_arena.train("bandit", total_steps=512, settings={"num_envs": 8})
        assert "torch._dynamo" not in sys.modules
    """)


@pytest.mark.parametrize("relative", [False, True])
def test_adams_steps_are_counted_anew_in_every_rollout(relative):
    trainer, other = (small_trainer("maze", **MAZE, optimizer__relative=relative) for _ in range(2))
    for _ in range(3):
        trainer.update()
    state = next(iter(trainer.optimizer.parts[0][0].state.values()))
    assert float(state["step"]) == (2 if relative else 6)  # minibatches of a rollout, or of three
    assert state["exp_avg_sq"].abs().max() > 0.0
    other.load_state(*trainer.state())
    assert_same_future(trainer, other)
    trainer.close()
    other.close()


def test_streams_are_drawn_by_their_advantages_and_weighed_by_how_likely_that_was():
    trainer = small_trainer("maze", **MAZE)
    rollout, size = trainer.rollout, np.arange(1.0, 25.0)
    rollout.advantage[:] = size * np.where(np.arange(8) % 2, 1.0, -1.0)[:, None]
    likely = size**2 / (size**2).sum()
    counts = np.zeros(24)
    for _ in range(200):
        for minibatch in prioritized(rollout, 2, 2, 2.0, 0.5, trainer.generator):
            assert len(minibatch.chunks) == 2 and minibatch.count == 12 * 8
            for chunk in minibatch.chunks:
                counts += np.bincount(chunk.streams, minlength=24)
                plain = rollout.advantage[:, chunk.streams].reshape(-1)
                weights = np.tile((24 * likely[chunk.streams]) ** -0.5, 8)
                np.testing.assert_allclose(chunk.rows("advantage"), plain * weights, rtol=1e-5)
                np.testing.assert_array_equal(chunk.rows("obs"), rollout.obs[:-1][:, chunk.streams].reshape(-1, 7, 7))
    np.testing.assert_allclose(counts / counts.sum(), likely, atol=0.02)  # of 4800 draws
    trainer.close()


@pytest.mark.parametrize(("env_id", "memory"), [("maze", "none"), ("tag", "none"), ("maze", "gru")])
def test_minibatches_are_drawn_and_normalized_and_runs_go_on_exactly(env_id, memory):
    given = {**(MAZE if env_id == "maze" else {}), "network__memory": memory}
    given |= {"ppo__priority": 0.8, "ppo__normalize_advantages": "minibatch"}
    trainer, other = (small_trainer(env_id, **given) for _ in range(2))
    for _ in range(2):
        assert trainer.update()["clip_fraction"] < 1.0
    for minibatch in trainer.minibatches(trainer.config.method):
        weighed = [chunk.rows("advantage") / chunk.importance for chunk in minibatch.chunks]
        seen = np.concatenate([rows[w > 0] for rows, w in zip(weighed, minibatch.weights, strict=True)])
        assert abs(seen.mean()) < 1e-4 and seen.std() == pytest.approx(1.0, abs=1e-3)
    other.load_state(*trainer.state())
    assert_same_future(trainer, other)
    trainer.close()
    other.close()


def test_targets_become_bins_whose_mean_is_the_target():
    targets = torch.linspace(-3.0, 3.0, 25, dtype=torch.float64)
    found = smeared(targets, 51, 5.0)
    borders = edges(51, 5.0, targets)
    np.testing.assert_allclose(found.sum(-1), 1.0, atol=1e-12)
    np.testing.assert_allclose(found @ ((borders[1:] + borders[:-1]) / 2), targets, atol=1e-6)
    outer = smeared(torch.tensor([99.0]), 51, 5.0)
    assert outer.isfinite().all() and outer.argmax() == 50
    np.testing.assert_allclose(mean_of(found.log(), 5.0), targets, atol=1e-6)
    # By hand: a target in the middle of three bins of width 2; erf(+-1 / (0.75 sqrt 2)) of its own bin.
    share = torch.erf(torch.tensor(1.0 / (0.75 * 2.0**0.5), dtype=torch.float64) * 0.5)
    whole = torch.erf(torch.tensor(3.0 / (0.75 * 2.0**0.5), dtype=torch.float64) * 0.5)
    assert smeared(torch.zeros(1, dtype=torch.float64), 3, 3.0)[0, 1] == pytest.approx(float(share / whole))


def test_the_slope_of_the_cross_entropy_is_that_of_finite_differences():
    rng = np.random.default_rng(0)
    logits = torch.tensor(rng.normal(size=(7, 11)), requires_grad=True)
    targets = torch.tensor(rng.normal(size=7) * 2.0)
    assert torch.autograd.gradcheck(lambda x: cross_entropy(x, targets, 3.0), logits)
    (slope,) = torch.autograd.grad(cross_entropy(logits, targets, 3.0).sum(), logits)
    np.testing.assert_allclose(slope, (logits.softmax(-1) - smeared(targets, 11, 3.0)).detach(), atol=1e-12)


@pytest.mark.parametrize("settings", [{}, {"network__critic": "separate", "network__memory": "gru"}])
def test_ppo_learns_values_in_bins_and_goes_on_exactly(settings):
    bins = {"network__value_bins": 21, "network__value_reach": 5.0, "optimizer__learning_rate": 0.01}
    trainer, other = (small_trainer("bandit", **bins, **settings) for _ in range(2))
    assert isinstance(trainer.backend, Autograd)
    plain = trainer.estimate

    def constant(_):
        trainer.rollout.target[:], trainer.rollout.advantage[:] = 2.0, 0.0

    trainer.estimate = constant
    for _ in range(40):
        trainer.update()
    assert abs(trainer.rollout.old_value[:-1].mean() - 2.0) < 0.3
    trainer.estimate = plain
    other.load_state(*trainer.state())
    assert_same_future(trainer, other)
    actions = Bot(Model(export_policy(trainer.policy, "bandit"))).act(trainer.batch.obs[:, 0])
    assert len(actions) == 24
    trainer.close()
    other.close()


def test_bins_and_roles_with_spaces_of_their_own_do_not_go_together():
    with pytest.raises(ArenaError, match=r"network\.value_bins is for games whose roles share"):
        small_trainer("examples/convoy.py", network__value_bins=21)
    with pytest.raises(TrainingError, match="values in bins"):
        small_trainer("bandit", network__value_bins=21, gradients="fused")
