"""Opponents in training: who steers whom, and what is learned from."""

import numpy as np
import pytest
import torch

from puffer_arena.batch.make import make
from puffer_arena.batch.seats import seats
from puffer_arena.errors import ArenaError
from puffer_arena.trainers.networks.observations import leaf_tensors
from tests.trainers_support import assert_same_future, small_config, small_trainer, weights

HUNT = {"opponent__pool": "bot:hunt", "ppo__horizon": 40, "params__max_steps": 30}


def test_sides_change_from_row_to_row_unless_a_role_is_named() -> None:
    batch = make("tag", num_envs=3, chasers=2, runners=1)
    assert seats(batch).tolist() == [[True, True, False], [False, False, True], [True, True, False]]
    assert seats(batch, "runner").tolist() == [[False, False, True]] * 3


@pytest.mark.parametrize(("share", "role"), [(1.0, ""), (0.5, "runner")])
def test_the_bot_steers_the_other_side_and_only_the_policys_agents_are_learned_from(share: float, role: str) -> None:
    trainer = small_trainer("tag", **HUNT, opponent__share=share, opponent__role=role)
    config, rollout = trainer.config, trainer.rollout
    again = make("tag", config.num_envs, config.seed, max_steps=30)
    mine = np.ones((24, 6), np.bool_)
    mine[: round(24 * share)] = seats(again, role)[: round(24 * share)]
    assert rollout.streams == mine.sum() < mine.size
    trainer.collector.collect(trainer.generator)
    over = ~rollout.pending.flags  # the others' last steps are not over, and wait for the next rollout
    for t in range(config.ppo.horizon):
        np.testing.assert_array_equal(rollout.obs[t], again.obs[mine])
        np.testing.assert_array_equal(rollout.acting[t, over], again.acting[mine][over])
        actions = again.act("hunt").copy()
        actions[mine] = rollout.actions[t, :, 0]
        again.step(actions)
        for name in ("rewards", "terminated", "truncated"):
            np.testing.assert_array_equal(getattr(rollout, name)[t, over], getattr(again, name)[mine][over])
        with torch.no_grad():
            last = leaf_tensors(trainer.policy.observation, again.final_obs[mine])
            values = trainer.policy(last, trainer.policy.initial_state(int(mine.sum())))[1][:, 0].numpy()
        cut = again.truncated[mine]
        np.testing.assert_allclose(rollout.final_value[t, cut], values[cut], rtol=1e-4, atol=1e-5)
    assert rollout.truncated.any() and rollout.terminated.any()
    trainer.close()


def test_windows_see_every_agent_also_the_bots() -> None:
    trainer = small_trainer("tag", **HUNT, network__memory="gru")
    seen = []

    def look(t: int) -> None:
        obs, masks, state = trainer.rollout.newest(t, np.arange(24 * 6))
        seen.append(obs.copy())
        learners = trainer.opponent.learners.reshape(-1)
        np.testing.assert_array_equal(obs[learners], trainer.rollout.obs[t + 1])
        np.testing.assert_array_equal(masks[learners], trainer.rollout.action_mask[t + 1])
        np.testing.assert_array_equal(state["actor.h"][learners], trainer.rollout.state["actor.h"])
        assert (state["actor.h"][~learners] == 0).all()

    trainer.collector.collect(trainer.generator, look)
    again = make("tag", 24, trainer.config.seed, max_steps=30)
    actions = again.act("hunt").copy()
    actions[trainer.opponent.learners] = trainer.rollout.actions[0, :, 0]
    again.step(actions)
    np.testing.assert_array_equal(seen[0], again.obs.reshape(24 * 6, *again.obs.shape[2:]))
    trainer.close()


def test_a_bot_without_a_share_changes_nothing() -> None:
    alone, shareless = small_trainer("tag"), small_trainer("tag", opponent__pool="bot:hunt", opponent__share=0.0)
    assert_same_future(alone, shareless)
    alone.close()
    shareless.close()


def test_a_run_tells_how_often_it_beats_the_bot() -> None:
    trainer = small_trainer(
        "striker", params__team=1, params__max_steps=40, ppo__horizon=64, opponent__pool="bot:footballer"
    )
    before = weights(trainer)
    metrics = trainer.update()
    goals = trainer.batch.finished["red_goals"] - trainer.batch.finished["blue_goals"]
    sides = np.where(trainer.opponent.learners[:, 0], 1, -1)[:12]  # half of the 24 rows are against the bot
    assert metrics["league/won"] == (goals[:12] * sides > 0).mean()
    assert metrics["league/lost"] == (goals[:12] * sides < 0).mean()
    assert any(not torch.equal(value, before[name]) for name, value in weights(trainer).items())
    trainer.close()


@pytest.mark.parametrize(
    ("env_id", "overrides", "said"),
    [
        ("tag", {"opponent__pool": "bot:hnt"}, "did you mean 'hunt'"),
        ("tag", {"opponent__pool": "bot:hunt", "opponent__role": "chasser"}, "did you mean 'chaser'"),
        ("tag", {"opponent__share": 1.5}, "0.0 to 1.0"),
        ("snake", {"opponent__pool": "bot:greedy"}, "no two sides"),
    ],
)
def test_opponents_that_cannot_be_are_named(env_id: str, overrides: dict, said: str) -> None:
    with pytest.raises(ArenaError, match=said):
        small_config(env_id, **overrides)
