"""PPO whose rollouts, advantages and loss are tensors of one device; a CPU stands in for a GPU."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from puffer_arena.errors import TrainingError
from puffer_arena.replay.writer import Writer
from puffer_arena.trainers.algorithms.resident import Resident
from puffer_arena.trainers.config import load_config
from puffer_arena.trainers.data import resident
from puffer_arena.trainers.estimate import advantage, scale
from puffer_arena.trainers.estimate.resident import ResidentScale, explained_variance, gae, normalized
from puffer_arena.trainers.threadpool import ThreadPool
from puffer_arena.trainers.trainer import make_trainer
from tests.playing import DUEL, RELAY

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
    everybody = {"pending": None, "of_actors": lambda rows: rows, "device": torch.device("cpu")}
    return (
        SimpleNamespace(columns=arrays, horizon=6, **arrays, **own),
        SimpleNamespace(columns=tensors, horizon=6, **tensors, **everybody),
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
    found = normalized(tensors.advantage, tensors.advantage)
    np.testing.assert_allclose(found, arrays.advantage, rtol=1e-4, atol=1e-5)


def test_tensors_scale_rewards_as_arrays_do(collected) -> None:
    arrays, tensors = collected
    one, other = scale.RewardScale(5), ResidentScale(5, torch.device("cpu"))
    for _ in range(2):  # the sums and moments of one rollout go on in the next
        one.apply(arrays, 0.9)
        other.apply(tensors, 0.9)
        np.testing.assert_allclose(tensors.rewards, arrays.rewards, rtol=1e-5)
    for name, part in other.state().items():
        np.testing.assert_allclose(part, one.state()[name], rtol=1e-6)


@pytest.mark.parametrize("env", [RELAY, "tag"], ids=["who take turns", "who are absent"])
def test_several_agents_learn_as_in_plain_ppo(env: str) -> None:
    """All rewards, ends and targets are plain PPO's, and so are the weights after six updates from the same chance."""
    overrides = {**SMALL, "ppo": {"horizon": 5, "minibatches": 1, "epochs": 2}}
    plain, resident = (
        make_trainer(load_config(env, overrides=overrides, algorithm=name)) for name in ("ppo", "resident")
    )
    resident.collector.noise, resident.collector.seed = resident.generator, lambda generator: None
    waited = 0
    for _ in range(6):
        resident.generator.set_state(plain.generator.get_state())
        metrics, others = plain.update(), resident.update()
        arrays, tensors = plain.rollout, resident.rollout
        waited += (~arrays.acting[1:]).sum()
        for name in ("rewards", "terminated", "truncated", "began", "acting", "actions", "target"):
            np.testing.assert_allclose(tensors.columns[name][1:], arrays.columns[name][1:], 1e-3, 1e-5, err_msg=name)
        for name in ("policy_loss", "value_loss", "entropy", "explained_variance", "gradient_norm", "episodes"):
            assert others[name] == pytest.approx(metrics[name], rel=1e-3, abs=1e-5), name
    assert waited > 0
    for one, other in zip(plain.policy.parameters(), resident.policy.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-5)


def test_advantages_are_normalized_where_it_is_said(monkeypatch) -> None:
    learned: list[torch.Tensor] = []
    differentiate = Resident._differentiate

    def listen(run, loss, rows, s):
        learned.append(rows["advantage"])
        return differentiate(run, loss, rows, s)

    monkeypatch.setattr(Resident, "_differentiate", listen)
    each, together = {}, {}
    for how in ("none", "minibatch", "rollout"):
        learned.clear()
        small(ppo={"horizon": 8, "minibatches": 2, "epochs": 1, "normalize_advantages": how}).update()
        each[how] = [float(part.std(correction=0)) for part in learned]
        together[how] = float(torch.cat(learned).std(correction=0))
    assert each["minibatch"] == pytest.approx([1.0, 1.0], abs=1e-4)
    assert together["rollout"] == pytest.approx(1.0, abs=1e-4) != pytest.approx(each["rollout"][0], abs=1e-4)
    assert together["none"] != pytest.approx(1.0, abs=1e-2)


@pytest.mark.parametrize("env", ["cartpole", "target", RELAY], ids=["choices", "numbers", "several agents"])
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
    agents = max(run.batch.num_agents, 1)
    assert values.shape == (2, agents) and (probs is None or probs.shape == (2, agents, run.batch.action.n))


class Beside(Resident):
    """Has its rows beside the device, as a GPU has those of a CPU: stepped half by half, and copied over."""

    rows_beside = True


@pytest.mark.parametrize("env", ["cartpole", "lander", RELAY, "maze"], ids=["solo", "physics", "turns", "curriculum"])
def test_rows_stepped_by_halves_learn_as_rows_stepped_together(env: str, tmp_path) -> None:
    tasks = {
        "curriculum": {"method": "accel", "settings": {"capacity": 4, "replay": 1.0}},
        "params": {"size": 5, "max_steps": 10},
    }
    own = {"network": {"hidden": [8], "memory": "none"}, "num_envs": 7, **(tasks if env == "maze" else {})}
    config = load_config(env, overrides={**SMALL, **own}, algorithm="resident")
    together, apart = Resident(config), Beside(config)
    assert not together.collector.halves and apart.collector.halves == [slice(0, 3), slice(3, 7)]
    for update in range(6):
        writer = Writer(apart.batch, tmp_path / "run.mcap") if update == 1 else None  # who looks at whole steps
        one, other = together.update(), apart.update()
        if writer:
            writer.close()
        assert one["episodes"] == other["episodes"] and one["policy_loss"] == pytest.approx(
            other["policy_loss"], abs=1e-5
        )
    for name in ("obs", "rewards", "began", "actions"):
        assert torch.equal(together.rollout.columns[name], apart.rollout.columns[name]), name
    for one, other in zip(together.policy.parameters(), apart.policy.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-5)
    again = Beside(config)
    again.load_state(*apart.state())
    apart.update()
    again.update()
    assert torch.equal(apart.rollout.obs, again.rollout.obs)
    for one, other in zip(apart.policy.parameters(), again.policy.parameters(), strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize(
    ("env", "settings", "message"),
    [
        ("cartpole", {"ppo": {"advantage": "vtrace", "normalize_values": True}}, "does not do ppo.advantage = 'vtrace', ppo.norm"),
        ("cartpole", {"ppo": {"priority": 0.5}}, "does not do ppo.priority"),
        (DUEL, {}, "is for agents that all see one array alike"),
    ],
    ids=["settings", "priorities", "observations of parts"],
)  # fmt: skip
def test_what_it_does_not_do_is_refused(env: str, settings, message: str) -> None:
    with pytest.raises(TrainingError, match=message):
        small(env, **settings)


def test_a_rollout_that_does_not_fit_the_gpu_is_refused_before_it_is_there(monkeypatch) -> None:
    monkeypatch.setattr(resident, "free_memory", lambda device: 2000)
    # 8 rows: obs (9, 4) and final_obs (8, 4) float32, began 9, two flags of 8, five columns of 8 or 9 float32, rewards, actions
    with pytest.raises(
        TrainingError, match=r"8 steps of num_envs = 8 takes about 4\.\d kB .* and 2\.0 kB are free; lower"
    ):
        small()
