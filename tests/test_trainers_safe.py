"""Safe PPO: its loss, its multiplier, the episodes it judges by, and what it asks of a game."""

import dataclasses
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from puffer_arena.errors import TrainingError  # noqa: E402  torch may not be there
from puffer_arena.trainers.actor import Actor  # noqa: E402
from puffer_arena.trainers.algorithms.safe_ppo import (  # noqa: E402
    Multiplier,
    Settings,
)
from puffer_arena.trainers.algorithms.two_critics import (  # noqa: E402
    clipped_twice,
    importance_twice,
    importance_twice_slope,
)
from puffer_arena.trainers.backends.fused import Fused  # noqa: E402
from puffer_arena.trainers.backends.loss import check_slope  # noqa: E402
from puffer_arena.trainers.config import load_config  # noqa: E402
from puffer_arena.trainers.estimate.episodes import EpisodeSums  # noqa: E402
from puffer_arena.trainers.networks.policy import policy_bytes  # noqa: E402
from puffer_arena.trainers.trainer import make_trainer  # noqa: E402
from tests.trainers_support import assert_same_future, small_trainer  # noqa: E402

MINEFIELD = str(Path(__file__).parent.parent / "examples" / "minefield.py")
SMALL = {"algorithm": "safe_ppo", "params": {"mines": 3, "max_steps": 12, "reach": 0.4}}


def test_the_second_critic_has_the_slope_of_its_loss_beside_ppos():
    rng = np.random.default_rng(0)
    names = ("log_prob", "entropy", "value", "second_value", "old_log_prob", "old_value", "advantage", "target")
    columns = {name: rng.normal(size=200) * 0.4 for name in (*names, "second_target")}
    values = ("value", "second_value")
    assert check_slope(clipped_twice, Settings(second_value_coef=0.7), columns, values) < 1e-5
    given = {name: torch.tensor(column, requires_grad=True) for name, column in columns.items()}
    total, _ = importance_twice(SimpleNamespace(**given), Settings(second_value_coef=0.7))
    wanted = torch.autograd.grad(total.sum(), [given[name] for name in ("log_prob", *values)])
    for i in range(200):
        row = SimpleNamespace(**{name: float(column[i]) for name, column in columns.items()})
        importance_twice_slope(row, Settings(second_value_coef=0.7))
        found = (row.d_log_prob, row.d_value, row.d_second_value)
        assert found == pytest.approx([float(each[i]) for each in wanted])


def test_the_joint_advantage_is_the_papers():
    trainer = small_trainer(
        MINEFIELD, **SMALL, safe_ppo__normalize_advantages="none", safe_ppo__multiplier=3.0, safe_ppo__k_i=0.0,
        safe_ppo__k_p=0.0, safe_ppo__k_d=0.0,
    )  # fmt: skip
    assert isinstance(trainer.backend, Fused)
    for _ in range(3):
        trainer.update()
    rollout, s = trainer.rollout, trainer.config.method

    def gae(rewards, value, final, gamma, trace):
        values, found = value.astype(np.float64), np.zeros(rewards.shape)
        for t in reversed(range(len(rewards))):
            ends = rollout.terminated[t] | rollout.truncated[t]
            after = np.where(ends, np.where(rollout.truncated[t], final[t], 0.0), values[t + 1])
            found[t] = rewards[t] + gamma * after - values[t]
            if t + 1 < len(rewards):
                found[t] += np.where(ends, 0.0, gamma * trace * found[t + 1])
        return found

    trainer.estimate(s)
    of_rewards = gae(rollout.rewards, rollout.old_value, rollout.final_value, s.gamma, s.gae_lambda)
    of_costs = gae(rollout.cost, rollout.old_second_value, rollout.final_second_value, s.cost_gamma, s.cost_lambda)
    np.testing.assert_allclose(rollout.advantage, (of_rewards - 3.0 * of_costs) / 4.0, atol=1e-4)
    assert rollout.cost.any() and np.abs(of_costs).max() > 0.1
    trainer.close()


def test_lambda_follows_the_excess_of_costs():
    pid, rise = Settings(k_p=0.5, k_i=0.1, k_d=2.0, multiplier_max=1.0), Multiplier(0.0)
    rise.follow(15.0, 10.0, pid)  # an excess of half a limit: 0.5 * 0.5 + 0.1 * 0.5
    assert rise.value == pytest.approx(0.30)
    rise.follow(16.0, 10.0, pid)  # 0.5 * 0.6 + (0.05 + 0.06) + 2 * 0.1
    assert rise.value == pytest.approx(0.61)
    rise.follow(99.0, 10.0, pid)
    assert rise.value == 1.0  # the greatest
    for _ in range(5):
        rise.follow(0.0, 10.0, pid)
    assert rise.value < 1e-12  # never below 0
    ascent = Multiplier(2.0)
    ascent.follow(3.0, 0.0, Settings(k_p=0.0, k_i=0.1, k_d=0.0))  # a limit of 0: counted in costs
    assert ascent.value == pytest.approx(2.3)
    fixed = Multiplier(2.0)
    fixed.follow(99.0, 1.0, Settings(k_p=0.0, k_i=0.0, k_d=0.0))
    assert fixed.value == 2.0


def test_sums_go_over_the_borders_of_rollouts_and_leave_out_who_never_acted():
    rng = np.random.default_rng(2)
    sums, streams, horizon = EpisodeSums(5), 5, 6
    acting, began = rng.random((40, streams)) < 0.6, rng.random((41, streams)) < 0.2
    cost = np.where(acting, rng.integers(0, 3, (40, streams)), 0).astype(np.float32)
    found, wanted = [], []
    for begin in range(0, 36, horizon):
        part = slice(begin, begin + horizon)
        rollout = SimpleNamespace(columns={"cost": cost[part]}, acting=acting[part], began=began[begin : begin + 7])
        found.append(sums.add(rollout, "cost"))
    running = [[] for _ in range(streams)]
    for t in range(36):
        for i in range(streams):
            running[i] += [cost[t, i]] if acting[t, i] else []
            if began[t + 1, i]:
                wanted += [sum(running[i])] if running[i] else []
                running[i] = []
    assert sum(count for _, count in found) == len(wanted)
    assert sum(mean * count for mean, count in found) == pytest.approx(sum(wanted))


@pytest.mark.parametrize("settings", [{}, {"network__critic": "separate", "gradients": "autograd"}])
def test_a_resumed_run_goes_on_exactly(settings):
    first, second = (small_trainer(MINEFIELD, **SMALL, **settings) for _ in range(2))
    for _ in range(2):
        first.update()
    second.load_state(*first.state())
    assert second.multiplier.value == first.multiplier.value > 0.0
    assert_same_future(first, second)
    assert second.update()["multiplier"] == first.update()["multiplier"]
    first.close()
    second.close()


def test_its_policy_acts_from_its_file():
    trainer = small_trainer(MINEFIELD, **SMALL)
    actor = Actor.load(policy_bytes(trainer.policy), MINEFIELD)
    assert actor.policy.values == ("value", "second_value")
    actions, probs, values = actor.act(trainer.batch.obs)
    assert actions.shape == (24,) and probs.shape == (24, 5) and values.shape == (24,)
    trainer.close()


def test_what_was_tuned_for_ppo_holds_for_it_too():
    tuned, safe = load_config("snake"), load_config("snake", algorithm="safe_ppo")
    for each in dataclasses.fields(tuned.method):
        assert getattr(safe.method, each.name) == getattr(tuned.method, each.name)
    own = load_config("snake", overrides={"ppo.gamma": 0.5, "safe_ppo.gamma": 0.6}, algorithm="safe_ppo")
    assert own.method.gamma == 0.6


def test_what_does_not_fit_is_said(tmp_path):
    with pytest.raises(TrainingError, match=r"'snake' does not give \(it has none\)"):
        small_trainer("snake", **{**SMALL, "params": {}})
    limitless = tmp_path / "limitless.py"
    limitless.write_text(Path(MINEFIELD).read_text().replace(", cost_limit=2.0", ""))
    with pytest.raises(TrainingError, match=r"says no cost_limit; set one: --safe-ppo\.cost-limit"):
        small_trainer(str(limitless), **SMALL)


@pytest.mark.slow
def test_it_crosses_the_minefield_within_the_limit():
    settings = {
        "num_envs": 256, "network.hidden": (64, 64), "safe_ppo.horizon": 64, "safe_ppo.minibatches": 8,
        "safe_ppo.epochs": 2, "safe_ppo.entropy_coef": 0.05, "total_steps": 2_000_000,
    }  # fmt: skip
    trainer = make_trainer(load_config(MINEFIELD, overrides=settings, algorithm="safe_ppo"))
    recent = []
    while not trainer.finished:
        metrics = trainer.update()
        if "episode_cost" in metrics:
            recent = [*recent[-9:], (metrics["episode_cost"], metrics["episode_return"])]
            if len(recent) == 10 and np.mean(recent, 0)[0] < 2.2 and np.mean(recent, 0)[1] > 1.5:
                break
    trainer.close()
    cost, reached = np.mean(recent, 0)
    assert cost < 2.2 and reached > 1.5
