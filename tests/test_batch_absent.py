"""Agents who take no part in an episode count in no mean over agents."""

import json

import numpy as np
import pytest

from puffer_arena import make
from puffer_arena.batch.rows import mean_returns, took_part
from puffer_arena.players import evaluate
from puffer_arena.players.player import Player, chance
from tests.playing import both_modes

FEW = {"runners": 4, "chasers": 2, "rest": 0, "max_steps": 10, "reward_step": 0.01, "walls": 0.0, "size": 20}


def few_runners(num_envs, runners, **settings):
    """Return a batch of tag whose rows have fewer runners than it has room for."""
    batch = make("tag", num_envs=num_envs, seed=3, **FEW, **settings)
    batch.params.runners[:] = runners
    batch.params.chasers[:] = 1
    batch.reset()
    return batch


def stay(batch, steps):
    for _ in range(steps):
        batch.step(np.zeros_like(batch.actions))  # nobody moves, so nobody is caught


@both_modes
@pytest.mark.parametrize("runners", [1, 2, 4])
def test_the_mean_return_is_of_those_who_took_part(compiled, runners):
    batch = few_runners(6, runners, compiled=compiled)
    stay(batch, 10)
    means = batch.episodes()
    assert means["episodes"] == 6
    assert means["episode_return/runner"] == pytest.approx(0.1)  # ten steps of 0.01, however many are absent
    assert means["episode_return/chaser"] == pytest.approx(-0.1)
    assert means["episode_return"] == pytest.approx((0.1 * runners - 0.1) / (runners + 1))
    returns = batch.finished["episode_return"]
    assert took_part(returns).sum(axis=1).tolist() == [runners + 1] * 6
    assert mean_returns(returns, np.arange(6) >= 2) == pytest.approx(0.1)


@both_modes
def test_one_who_took_part_counts_with_a_return_of_nothing_and_when_it_left(compiled):
    batch = few_runners(4, 2, compiled=compiled)
    batch.params.reward_step[:] = 0.0  # a chaser's reward is -0.0, then
    batch.params.reward_catch[:] = 0.0
    batch.rows.states["row"][:, 2] = batch.rows.states["row"][:, 0]  # one runner is caught at once
    batch.rows.states["col"][:, 2] = batch.rows.states["col"][:, 0]
    stay(batch, 10)
    assert (took_part(batch.finished["episode_return"]) == [True, False, True, True, False, False]).all()
    assert batch.episodes()["episode_return/runner"] == 0.0


def test_the_absent_stay_absent_over_a_snapshot():
    batch = few_runners(2, 1)
    stay(batch, 4)
    other = make("tag", num_envs=2, seed=9, **FEW)
    for i in range(2):
        other.restore(i, batch.snapshot(i))
    stay(other, 6)
    assert other.episodes()["episode_return/runner"] == pytest.approx(0.1)


def test_a_role_of_which_nobody_took_part_has_no_mean():
    returns = np.array([[1.0, -0.0, -0.0], [3.0, -0.0, 5.0]])
    assert mean_returns(returns, np.array([False, True, True])).tolist() == [5.0]
    assert mean_returns(returns, np.array([False, True, False])).tolist() == []
    assert mean_returns(returns, np.array([[True, True, False], [False, False, True]])).tolist() == [1.0, 5.0]


def test_eval_leaves_the_absent_out(monkeypatch):
    def fewer(env, num_envs, **_):
        return few_runners(num_envs, 1)

    monkeypatch.setattr(evaluate, "make", fewer)
    standing = Player("nobody", lambda _: chance(0).prepare(_)._replace(choose=lambda b: np.zeros_like(b.actions)))
    columns = evaluate.evaluate("tag", standing, 4, split="train").columns
    assert columns["return of runner"] == pytest.approx(0.1) and columns["return of chaser"] == pytest.approx(-0.1)
    columns = evaluate.evaluate("tag", standing, 4, split="train", side="runner").columns
    assert columns["return"] == pytest.approx(0.1) and columns["opponent's return"] == pytest.approx(-0.1)
    assert json.dumps(evaluate.summarize(evaluate.Sample(columns)))
