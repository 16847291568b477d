"""Rollouts: nothing lost between them, truncation valued, absent agents marked."""

import threading

import numpy as np
import pytest
import torch

from puffer_arena.batch.make import make
from puffer_arena.batch.workers.spans import split
from puffer_arena.trainers.actor import Actor
from puffer_arena.trainers.backends.autograd import Autograd
from puffer_arena.trainers.networks.observations import leaf_tensors
from puffer_arena.trainers.threadpool import ThreadPool
from tests.trainers_support import small_trainer
from tests.untraced import untraced


def test_rollouts_follow_one_another_without_a_gap() -> None:
    trainer = small_trainer("snake")
    config = trainer.config
    again = make("snake", config.num_envs, config.seed)
    for _ in range(3):
        trainer.collector.collect(trainer.generator)
        rollout = trainer.rollout
        for t in range(config.ppo.horizon):
            np.testing.assert_array_equal(rollout.obs[t], again.obs)
            again.step(rollout.actions[t, :, 0])
            np.testing.assert_array_equal(rollout.rewards[t], again.rewards)
            np.testing.assert_array_equal(rollout.terminated[t], again.terminated)
            np.testing.assert_array_equal(rollout.began[t + 1], again.terminated | again.truncated)
        rollout.advance()
    trainer.close()


@pytest.mark.parametrize("overrides", [{}, {"gradients": "autograd"}, {"network__memory": "gru"}], ids=str)
def test_truncated_episodes_are_valued_by_their_last_observation(overrides: dict) -> None:
    trainer = small_trainer("snake", params__max_hunger=10, ppo__horizon=40, **overrides)
    again = make("snake", trainer.config.num_envs, trainer.config.seed, max_hunger=10)
    policy, seen = trainer.policy, 0
    trainer.collector.collect(trainer.generator)
    rollout = trainer.rollout
    state = policy.initial_state(rollout.streams)
    for t in range(trainer.config.ppo.horizon):
        with torch.no_grad():
            state = policy(leaf_tensors(policy.observation, again.obs), state)[2]
            again.step(rollout.actions[t, :, 0])
            cut = again.truncated & ~again.terminated
            values = policy(leaf_tensors(policy.observation, again.final_obs), state)[1][:, 0].numpy()
            for part in state.values():
                part[torch.from_numpy(again.terminated | again.truncated)] = 0.0
        np.testing.assert_allclose(rollout.final_value[t, cut], values[cut], rtol=1e-4, atol=1e-5)
        seen += int(cut.sum())
    assert seen > 10
    trainer.close()


def test_recorded_probabilities_are_those_of_the_actor() -> None:
    trainer = small_trainer("maze", network__memory="gru")
    trainer.collector.collect(trainer.generator)
    rollout, actor = trainer.rollout, Actor(trainer.policy)
    for t in range(trainer.config.ppo.horizon):
        _, probs, values = actor.act(rollout.obs[t], rollout.action_mask[t])
        chosen = np.take_along_axis(probs, rollout.actions[t], -1)[:, 0]
        np.testing.assert_allclose(np.exp(rollout.old_log_prob[t]), chosen, rtol=1e-4)
        np.testing.assert_allclose(rollout.old_value[t], values, rtol=1e-4, atol=1e-5)
        actor.reset(rollout.began[t + 1])
    trainer.close()


def test_agents_that_left_are_absent_until_the_next_episode() -> None:
    trainer = small_trainer("tag", ppo__horizon=64)
    trainer.collector.collect(trainer.generator)
    rollout = trainer.rollout
    left = rollout.terminated & ~rollout.acting[1:]
    assert left.any()
    absent = ~rollout.acting[:-1]
    assert (rollout.rewards[absent] == 0).all()
    assert not rollout.terminated[absent].any()
    assert not rollout.truncated[absent].any()
    returned = rollout.acting[1:-1] & ~rollout.acting[:-2]
    assert returned.any()
    assert rollout.began[1:-1][returned].all()
    assert rollout.began[1:][rollout.truncated].all()
    by_row = rollout.began.reshape(len(rollout.began), trainer.batch.num_envs, -1)
    assert (by_row == by_row[:, :, :1]).all()  # an episode begins for everybody, also for those who died before its end
    trainer.close()


def test_thread_counts_do_not_change_what_is_collected() -> None:
    one, two = (small_trainer("snake", threads=threads, num_envs=256) for threads in (1, 2))
    for trainer in (one, two):
        trainer.collector.collect(trainer.generator)
    np.testing.assert_array_equal(one.rollout.actions, two.rollout.actions)
    np.testing.assert_array_equal(one.batch.rows.states, two.batch.rows.states)
    one.close()
    two.close()


def test_pools_split_evenly_and_pass_errors_on() -> None:
    assert split(10, 3) == [(0, 3), (3, 6), (6, 10)]
    assert split(10, 3, fewest=6) == [(0, 10)]
    pool = ThreadPool([0, 1, 2])
    seen: list[int] = []
    pool.run(seen.append)
    assert sorted(seen) == [0, 1, 2]

    def fail(part: int) -> None:
        if part == 2:
            raise ValueError("part two")

    with pytest.raises(ValueError, match="part two"):
        pool.run(fail)
    pool.run(seen.append)  # and go on afterwards
    assert len(seen) == 6
    pool.close()


@pytest.mark.slow
def test_a_compiled_network_learns_the_same() -> None:
    plain, compiled = (
        small_trainer("snake", gradients=way, compile=on) for way, on in (("autograd", "off"), ("auto", "on"))
    )
    assert isinstance(compiled.backend, Autograd)
    for trainer in (plain, compiled):
        for _ in range(2):
            untraced(trainer.update)()  # Dynamo takes twice as long under a tracer
    for a, b in zip(plain.policy.parameters(), compiled.policy.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-3, atol=1e-5)
    plain.close()
    compiled.close()


def test_a_thread_that_ends_before_it_runs_is_started_again(monkeypatch) -> None:
    class Unlucky(threading.Thread):
        """A thread that ends at its first line now and then, as under a tracer that fails to be installed."""

        started = 0

        def run(self) -> None:
            Unlucky.started += 1
            if Unlucky.started % 2 == 0:
                super().run()

    monkeypatch.setattr("puffer_arena.trainers.threadpool.threading.Thread", Unlucky)
    done: list[str] = []
    pool = ThreadPool(["a", "b", "c"])
    pool.run(done.append)
    pool.close()
    assert sorted(done) == ["a", "b", "c"] and Unlucky.started == 4
