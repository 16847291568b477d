"""Signals: numbers that rules give beside rewards, from the rule that writes them to whoever reads them."""

from pathlib import Path

import numpy as np
import pytest

from puffer_arena import load_env, make
from puffer_arena.adapters.gymnasium import GymnasiumEnv
from puffer_arena.adapters.pettingzoo import aec_env, parallel_env
from puffer_arena.errors import DefinitionError, UnknownName
from puffer_arena.players.evaluate import evaluate
from puffer_arena.players.player import chance
from puffer_arena.trainers.algorithms import load_algorithm
from puffer_arena.trainers.algorithms.ppo import PPO
from puffer_arena.trainers.backends.loss import slope_of
from puffer_arena.trainers.data.columns import Column
from puffer_arena.trainers.estimate.advantage import Columns, gae
from tests.playing import COUNTDOWN, DUEL, PUPPET, both_modes, everything, play
from tests.trainers_support import small_trainer

HEADER = ("ENV = Env(", "ENV = Env(signals=('cost', 'toll'), cost_limit=5.0, ")
CHANGES = {  # a game's rules with a cost and a toll
    COUNTDOWN: [("    s.left -= action[0]", "    s.left -= action[0]\n    s.cost += action[0]\n    s.toll = 3.0")],
    DUEL: [("            s.last[agent] =", "            s.cost[agent] += actions[agent]\n            s.last[agent] =")],
    PUPPET: [
        ("    s.limbs[0].fx +=", "    s.cost += 1.0\n    s.limbs[0].fx +="),
        ("    reward = ", "    s.cost += s.feet[1].impulse\n    reward = "),
    ],
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Hold the games of these tests, so that each is compiled once."""
    return tmp_path_factory.mktemp("costly")


def costly(folder, game, *changes):
    """Write a game whose rules give signals, and return its path."""
    source = Path(game).read_text()
    for old, new in [HEADER, *CHANGES[game], *changes]:
        assert old in source
        source = source.replace(old, new, 1)
    (folder / Path(game).name).write_text(source)
    return str(folder / Path(game).name)


@both_modes
def test_a_signal_is_of_one_step_and_its_sum_of_an_episode(folder: Path, compiled: bool) -> None:
    batch = make(costly(folder, COUNTDOWN), num_envs=3, start=5, limit=4, compiled=compiled)
    actions = np.array([(2, 0), (1, 0), (0, 1)])
    for step in range(1, 4):
        batch.step(actions)
        assert batch.signal("cost").tolist() == [2, 1, 0] and batch.signal("toll").tolist() == [3, 3, 3]
        if step < 3:
            assert batch.rows.states["episode_cost"].tolist() == [2 * step, step, 0]
    assert batch.terminated.tolist() == [True, False, False]  # after 2 + 2 + 2
    assert batch.finished["episode_cost"].tolist() == [6, 0, 0] and batch.finished["episode_toll"][0] == 9
    assert batch.rows.states["episode_cost"].tolist() == [0, 3, 0] and batch.rows.states["cost"][0] == 0
    means = batch.episodes()
    assert (means["episodes"], means["episode_cost"], means["episode_toll"]) == (1, 6, 9)
    with pytest.raises(UnknownName, match="no signal 'costs'; did you mean 'cost'"):
        batch.signal("costs")
    with pytest.raises(UnknownName, match="no signal 'cost'; it has none"):
        make(COUNTDOWN).signal("cost")


@both_modes
def test_signals_of_several_agents_are_each_ones_own(folder: Path, compiled: bool) -> None:
    batch = make(costly(folder, DUEL), num_envs=2, compiled=compiled)  # one red, two blue; 2 leaves
    batch.params.blue[1] = 1
    batch.reset()
    batch.step(np.array([[1, 0, 2], [1, 1, 0]]))
    assert batch.signal("cost").tolist() == [[1, 0, 2], [1, 1, 0]]
    for _ in range(3):
        batch.step(np.ones((2, 3), int))
    assert batch.finished["episode_cost"].tolist() == [[4, 3, 2], [4, 4, 0]]
    means = batch.episodes()
    assert means["episode_cost/red"] == 4 and means["episode_cost/blue"] == 3  # 3, 2 and 4 of those who took part
    assert means["episode_cost"] == pytest.approx((4 + 3 + 2 + 4 + 4) / 5)


@pytest.mark.parametrize("game", [COUNTDOWN, DUEL], ids=lambda game: Path(game).stem)
def test_games_with_signals_keep_every_promise_of_bytes(folder: Path, game: str) -> None:
    path, seats = costly(folder, game), 2 if game == COUNTDOWN else 1
    one, plain, several = (make(path, 130, seed=3, **how) for how in ({}, {"compiled": False}, {"threads": seats}))
    without = make(game, 130, seed=3)
    for batch in (one, plain, several, without):
        play(batch, 12)
    assert everything(one) == everything(plain) == everything(several)
    assert one.signals.any() and one.rows.states["episode_cost"].any()
    for name in ("obs", "rewards", "terminated", "truncated"):
        np.testing.assert_array_equal(getattr(one, name), getattr(without, name))
    other = make(path, 130, seed=9)
    other.load_rows(one.save_rows())
    for batch in (one, other):
        play(batch, 3, seed=1)
    assert one.rows.states.tobytes() == other.rows.states.tobytes()
    assert one.signals.tobytes() == other.signals.tobytes()


def test_a_physics_games_signals_come_from_act_and_judge(folder: Path) -> None:
    batch, plain = (make(costly(folder, PUPPET), 2, seed=1, compiled=compiled) for compiled in (True, False))
    for each in (batch, plain):
        play(each, 12)
    impulses = batch.rows.states["feet"]["impulse"][:, 1]
    np.testing.assert_allclose(batch.signal("cost"), (1.0 + impulses).astype(np.float32))
    assert (batch.rows.states["episode_cost"] >= 12).all()
    assert batch.signals.tobytes() == plain.signals.tobytes()


def test_infos_hold_signals_and_their_sums(folder: Path) -> None:
    env = GymnasiumEnv(costly(folder, COUNTDOWN), start=4)
    assert env.reset(seed=0)[1]["cost"] == 0
    assert env.step((1, 0))[4]["cost"] == 1
    info = env.step((2, 0))[4]
    assert info["cost"] == 2 and "statistics" not in info
    *_, terminated, _, info = env.step((2, 0))
    assert terminated and info["cost"] == 2 and info["toll"] == 3
    assert info["statistics"]["episode_cost"] == 5 and info["statistics"]["episode_toll"] == 9

    game = parallel_env(costly(folder, DUEL))
    assert game.reset(seed=0)[1]["red_0"]["cost"] == 0
    infos = game.step({"red_0": 1, "blue_0": 0, "blue_1": 2})[4]
    assert [infos[agent]["cost"] for agent in game.possible_agents] == [1, 0, 2]
    assert infos["blue_1"]["statistics"]["episode_cost"] == 2
    turns = aec_env(str(folder / "duel.py"))
    turns.reset(seed=0)
    for action in (1, 0, 2):
        turns.step(action)
    assert turns.infos["red_0"]["cost"] == 1


def test_eval_shows_the_sums(folder: Path) -> None:
    columns = evaluate(costly(folder, COUNTDOWN), chance(0), 8).columns
    assert {"cost", "toll"} <= columns.keys() and (columns["toll"] == 3 * columns["length"]).all()
    columns = evaluate(costly(folder, DUEL), chance(0), 8).columns
    assert {"cost of red", "cost of blue"} <= columns.keys()


def two_values(row, p):
    """Learn both the return and the sum of costs, and leave the policy as it is."""
    error = (row.value - row.target) ** 2 + (row.cost_value - row.cost_target) ** 2
    return error, {"cost_loss": (row.cost_value - row.cost_target) ** 2}


@slope_of(two_values, "cost_loss")
def two_values_slope(row, p):
    row.d_value = 2.0 * (row.value - row.target)
    row.d_cost_value = 2.0 * (row.cost_value - row.cost_target)
    row.cost_loss = (row.cost_value - row.cost_target) ** 2


class Costs(PPO):
    """Predicts the sum of costs beside the return."""

    section = "costs"
    values = ("value", "cost_value")
    columns = (*PPO.columns, Column("cost_advantage"), Column("cost_target"))
    loss_columns = ("target", "cost_target")

    def losses(self):
        return [two_values]

    def estimate(self, s):
        super().estimate(s)
        gae(self.rollout, s, self.pool, Columns("cost", "cost_value", "cost_advantage", "cost_target"))


@pytest.mark.parametrize("gradients", ["fused", "autograd"])
def test_an_algorithm_learns_a_signals_value(folder: Path, gradients: str) -> None:
    trainer = small_trainer(
        costly(folder, COUNTDOWN),
        algorithm=load_algorithm(Costs),
        gradients=gradients,
        network__normalize=True,
        costs__horizon=8,
        costs__gamma=0.0,
        optimizer__learning_rate=0.01,
    )
    losses = [trainer.update()["cost_loss"] for _ in range(40)]
    rollout = trainer.rollout
    np.testing.assert_array_equal(rollout.cost, rollout.actions[..., 0])  # the cost is what is subtracted
    np.testing.assert_allclose(rollout.cost_target, rollout.cost, atol=1e-6)  # with a discount of nothing
    assert rollout.cost.mean() > 0.5 and losses[-1] < 0.6 * losses[0]
    assert abs(rollout.old_cost_value[:-1].mean() - rollout.cost.mean()) < 0.3
    trainer.close()


def test_what_comes_after_an_agent_left_counts_for_its_last_action(folder: Path) -> None:
    game = costly(
        folder, DUEL, ("    return s.step_count >= p.limit", "    s.toll[:] = 1.0\n    return s.step_count >= p.limit")
    )
    trainer = small_trainer(game, ppo__horizon=10, num_envs=64)
    trainer.collector.collect(trainer.generator)
    rollout = trainer.rollout
    acting = rollout.acting[:-1]
    assert not acting.all() and (rollout.toll[~acting] == 0).all() and (rollout.toll[acting] >= 1).any()
    pending = rollout.pending.arrays["signals"][:, 1] * rollout.pending.flags  # those whose step goes on
    np.testing.assert_array_equal(rollout.toll.sum(0) + pending, 10)
    trainer.close()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ([("('cost', 'toll')", "'cost'")], r"signals: is one string; put a comma"),
        ([("('cost', 'toll')", "('cost', 'cost')")], "names one twice"),
        ([("('cost', 'toll')", "('cost', 'rewards')")], "'rewards' has a meaning already"),
        ([("('cost', 'toll')", "('cost', 'used')")], "'used' has a meaning already"),
        ([("('cost', 'toll')", "('cost', '2nd')")], "'2nd' is no name"),
        ([("('cost', 'toll')", "('cost', 'toll', 'left')")], "State.left has storage already"),
        ([("('cost', 'toll')", "('toll',)")], "cost_limit: bounds the signal 'cost', which is missing"),
        ([("cost_limit=5.0", "cost_limit=-1.0")], r"cost_limit: is -1.0; it must be a number of at least 0"),
        ([("s.cost += action[0]", "s.costs += action[0]")], r"no field 'costs'; did you mean 'cost'"),
        ([("s.cost += action[0]", "s.cost = 1e999 * 1.0")], r"gave the signal 'cost' inf; signals must be finite"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_is_wrong_with_signals_is_said(tmp_path: Path, changes: list, said: str) -> None:
    with pytest.raises(DefinitionError, match=said):
        make(costly(tmp_path, COUNTDOWN, *changes))


def test_a_limit_is_there_for_methods_that_keep_to_it(folder: Path) -> None:
    assert load_env(costly(folder, COUNTDOWN)).cost_limit == 5.0 and load_env("snake").cost_limit is None
