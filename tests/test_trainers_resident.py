"""PPO whose rollouts, advantages and loss are tensors of one device; a CPU stands in for a GPU."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from puffer_arena.errors import TrainingError
from puffer_arena.trainers.config import load_config
from puffer_arena.trainers.estimate import advantage, scale
from puffer_arena.trainers.estimate.resident import ResidentScale, explained_variance, gae, normalize
from puffer_arena.trainers.threadpool import ThreadPool
from puffer_arena.trainers.trainer import make_trainer

SMALL = {
    "num_envs": 8,
    "threads": 1,
    "precision": "float32",
    "compile": "off",
    "network": {"hidden": [8]},
    "ppo": {"horizon": 8},
}


def small(env="cartpole", **overrides):
    return make_trainer(load_config(env, overrides={**SMALL, **overrides}, algorithm="resident"))


@pytest.fixture(scope="module")
def collected():
    """A rollout of random numbers, as arrays and as tensors."""
    rng, shape = np.random.default_rng(0), (6, 5)
    more = (7, 5)
    arrays = {
        name: rng.normal(size=shape).astype(np.float32) for name in ("rewards", "final_value", "advantage", "target")
    }
    arrays |= {name: rng.random(shape) < 0.2 for name in ("terminated", "truncated")}
    arrays |= {"old_value": rng.normal(size=more).astype(np.float32), "began": rng.random(more) < 0.3}
    tensors = {name: torch.from_numpy(array.copy()) for name, array in arrays.items()}
    own = {"acting": np.ones(more, np.bool_), "ratio": np.ones(shape, np.float32)}
    return (
        SimpleNamespace(columns=arrays, horizon=6, **arrays, **own),
        SimpleNamespace(columns=tensors, horizon=6, device=torch.device("cpu"), **tensors),
    )


def test_tensors_give_the_estimates_that_arrays_give(collected) -> None:
    arrays, tensors = collected
    settings = SimpleNamespace(gamma=0.9, gae_lambda=0.8, rho_clip=1.0, c_clip=1.0)
    advantage.gae(arrays, settings, ThreadPool([(0, 5)]))
    gae(tensors, 0.9, 0.8)
    for name in ("advantage", "target"):
        np.testing.assert_allclose(tensors.columns[name], arrays.columns[name], rtol=1e-4, atol=1e-5)
    wanted = advantage.explained_variance(arrays.acting[:-1], arrays.old_value[:-1], arrays.target)
    assert float(explained_variance(tensors.old_value[:-1], tensors.target)) == pytest.approx(wanted, abs=1e-5)
    advantage.normalize(arrays.advantage, arrays.acting[:-1])
    normalize(tensors.advantage)
    np.testing.assert_allclose(tensors.advantage, arrays.advantage, rtol=1e-4, atol=1e-5)


def test_tensors_scale_rewards_as_arrays_do(collected) -> None:
    arrays, tensors = collected
    one, other = scale.RewardScale(5), ResidentScale(5, torch.device("cpu"))
    for _ in range(2):  # the sums and moments of one rollout go on in the next
        one.apply(arrays, 0.9)
        other.apply(tensors, 0.9)
        np.testing.assert_allclose(tensors.rewards, arrays.rewards, rtol=1e-5)
    for name, part in other.state().items():
        np.testing.assert_allclose(part, one.state()[name], rtol=1e-6)


@pytest.mark.parametrize("env", ["cartpole", "target"], ids=["choices", "numbers"])
def test_a_resident_run_resumes_exactly(env: str) -> None:
    run, other = small(env), small(env, seed=5)
    run.update()
    other.load_state(*run.state())
    first, second = run.update(), other.update()
    timed = ("seconds", "steps_per_second", "time/step", "time/infer", "time/learn")
    assert {k: v for k, v in first.items() if k not in timed} == {k: v for k, v in second.items() if k not in timed}
    tensors, others = run.state()[0], other.state()[0]
    assert tensors.keys() == others.keys() and all(torch.equal(tensors[name], others[name]) for name in tensors)
    probs, values = run.look(np.array([3, 1]), 7)
    assert values.shape == (2, 1) and (probs is None or probs.shape == (2, 1, 2))


@pytest.mark.parametrize(
    ("env", "settings", "message"),
    [
        ("cartpole", {"ppo": {"advantage": "vtrace", "normalize_values": True}}, "does not do ppo.advantage = 'vtrace', ppo.norm"),
        ("tag", {}, "is for one agent that sees one array"),
    ],
    ids=["settings", "several agents"],
)  # fmt: skip
def test_what_it_does_not_do_is_refused(env: str, settings, message: str) -> None:
    with pytest.raises(TrainingError, match=message):
        small(env, **settings)
