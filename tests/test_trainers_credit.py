"""Steps that go from an agent's turn to its next: nothing is lost, doubled or given to another, over rollouts too."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from puffer_arena.batch.make import make
from puffer_arena.trainers.actor import Actor
from puffer_arena.trainers.data.rollout import Minibatch
from puffer_arena.trainers.estimate.advantage import ESTIMATORS
from tests.playing import RELAY
from tests.trainers_support import small_trainer

GAMMA, TRACE = 0.9, 0.8


def replay(actions, params, num_envs, seed, env_id=RELAY):
    """Play recorded actions, (time, rows, agents), and return each stream's own steps, one dictionary a step."""
    batch = make(env_id, num_envs, seed, **params)
    streams = batch.num_envs * batch.num_agents
    steps = [[] for _ in range(streams)]
    running = [None] * streams
    for words in actions:
        acting, obs, mask = (
            getattr(batch, name).reshape(streams, -1).copy() for name in ("acting", "obs", "action_mask")
        )
        for i in np.flatnonzero(acting[:, 0]):
            running[i] = {"obs": obs[i], "mask": mask[i], "action": words.reshape(-1)[i], "reward": 0.0, "end": ""}
            steps[i].append(running[i])
        batch.step(words.reshape(batch.actions.shape))
        ends = {"truncated": batch.truncated.reshape(-1), "terminated": batch.terminated.reshape(-1)}
        for i in range(streams):
            if running[i] is not None:
                running[i]["reward"] += float(batch.rewards.reshape(-1)[i])
                running[i]["end"] = next((name for name, flags in ends.items() if flags[i]), running[i]["end"])
                if batch.began.reshape(-1)[i]:
                    running[i]["over"], running[i] = True, None
    batch.close()
    return steps


def collect(trainer, rollouts):
    """Collect rollouts; return all actions in order, and the rows of every stream that are learned from."""
    rollout, actions, rows = trainer.rollout, [], [[] for _ in range(trainer.rollout.streams)]
    names = ("obs", "action_mask", "actions", "rewards", "terminated", "truncated", "old_log_prob", "old_value")
    for _ in range(rollouts):
        trainer.collector.collect(trainer.generator)
        for t in range(rollout.horizon):
            actions.append(rollout.actions[t, :, 0].copy())
            for i in np.flatnonzero(rollout.acting[t]):
                rows[i].append(SimpleNamespace(**{name: rollout.columns[name][t, i].copy() for name in names}))
        rollout.advance()
    return np.array(actions), rows


@pytest.mark.parametrize("memory", ["none", "mingru"])
def test_every_step_of_an_agent_is_learned_from_once_and_with_all_it_brought(memory: str) -> None:
    params = {"players": 3, "limit": 17}
    trainer = small_trainer(RELAY, params=params, num_envs=12, network__memory=memory, ppo__horizon=5)
    actions, rows = collect(trainer, 12)
    config = trainer.config
    compared = 0
    for learned, played in zip(rows, replay(actions, params, config.num_envs, config.seed), strict=True):
        assert 0 <= len(played) - len(learned) <= 1  # the one whose step is not over yet
        for row, step in zip(learned, played, strict=False):
            np.testing.assert_array_equal(row.obs, step["obs"])
            np.testing.assert_array_equal(row.action_mask, step["mask"])
            assert row.actions[0] == step["action"] and row.rewards == step["reward"]
            assert bool(row.terminated) == (step["end"] == "terminated")
            assert bool(row.truncated) == (step["end"] == "truncated")
            compared += 1
    assert compared > 500
    trainer.close()


@pytest.mark.parametrize("method", ["gae", "vtrace"])
def test_advantages_are_those_of_the_agents_own_steps(method: str) -> None:
    trainer = small_trainer(RELAY, params={"players": 3, "limit": 17}, num_envs=30, ppo__horizon=16)
    rng = np.random.default_rng(0)
    for _ in range(3):
        trainer.collector.collect(trainer.generator)
        rollout = trainer.rollout
        rollout.ratio[:] = np.exp(rng.normal(size=rollout.ratio.shape))
        raw = {name: array.astype(np.float64) for name, array in rollout.columns.items() if array.dtype.kind in "fb"}
        settings = SimpleNamespace(gamma=GAMMA, gae_lambda=TRACE, rho_clip=1.0, c_clip=0.9)
        ESTIMATORS[method](rollout, settings, trainer.pool)
        for i in range(rollout.streams):
            own = [t for t in range(rollout.horizon + 1) if rollout.acting[t, i]]
            carried = 0.0  # of GAE the advantage, of V-trace the target's distance from the value
            for t in range(rollout.horizon - 1, -1, -1):
                if t not in own:
                    assert rollout.advantage[t, i] == rollout.target[t, i] == 0.0
                    continue
                after = next((later for later in own if later > t), None)
                goes_on = not (raw["terminated"][t, i] or raw["truncated"][t, i])
                following = raw["old_value"][after, i] if goes_on else 0.0
                if raw["truncated"][t, i]:
                    following = raw["final_value"][t, i]
                carried = carried if goes_on and after < rollout.horizon else 0.0
                value, ratio = raw["old_value"][t, i], min(1.0, raw["ratio"][t, i])
                delta = raw["rewards"][t, i] + GAMMA * following - value
                if method == "gae":
                    carried = delta + GAMMA * TRACE * carried
                    wanted = carried, carried + value
                else:
                    advantage = delta + GAMMA * carried
                    carried = ratio * delta + GAMMA * TRACE * min(0.9, raw["ratio"][t, i]) * carried
                    wanted = advantage, value + carried
                np.testing.assert_allclose(
                    (rollout.advantage[t, i], rollout.target[t, i]), wanted, rtol=1e-4, atol=1e-3
                )
        rollout.advance()
    trainer.close()


@pytest.mark.parametrize("memory", ["none", "gru", "mingru"])
def test_a_policy_remembers_its_own_turns_alone(memory: str) -> None:
    trainer = small_trainer(RELAY, params={"players": 3}, num_envs=10, network__memory=memory, ppo__horizon=9)
    actions, rows = collect(trainer, 3)
    batch, actor = make(RELAY, 10, trainer.config.seed, players=3), Actor(trainer.policy)
    told = [[] for _ in range(30)]
    for words in actions:
        acting = batch.acting.copy()
        _, probs, values = actor.act(batch.obs, batch.action_mask, acting=acting)
        for i in np.flatnonzero(acting.reshape(-1)):
            chosen = words.reshape(-1)[i]
            told[i].append((probs.reshape(30, -1)[i, chosen], values.reshape(-1)[i]))
        batch.step(words.reshape(batch.actions.shape))
        actor.reset(batch.began)
    for learned, seen in zip(rows, told, strict=True):
        for row, (prob, value) in zip(learned, seen, strict=False):
            np.testing.assert_allclose((np.exp(row.old_log_prob), row.old_value), (prob, value), rtol=1e-3, atol=1e-5)
    batch.close()
    trainer.close()


@pytest.mark.parametrize("overrides", [{}, {"gradients": "autograd"}], ids=str)
@pytest.mark.parametrize("memory", ["none", "gru", "mingru"])
def test_what_is_learned_is_what_was_done(memory: str, overrides: dict) -> None:
    trainer = small_trainer(RELAY, num_envs=20, network__memory=memory, ppo__horizon=8, ppo__epochs=2, **overrides)
    for _ in range(3):
        trainer.collector.collect(trainer.generator)
        rollout = trainer.rollout
        trainer.estimate(trainer.config.method)
        sums = trainer.backend.gradients(
            trainer.losses()[0], Minibatch(trainer.chunks), trainer.config.method, trainer.loss_columns, remember=True
        )
        learned = rollout.acting[:-1]
        assert abs(sums["approx_kl"]) < 1e-3 * learned.sum()
        np.testing.assert_allclose(rollout.ratio[learned], 1.0, rtol=1e-3)  # the weights have not moved
        rollout.advance()
    trainer.close()


def test_the_network_is_asked_only_for_those_who_act() -> None:
    trainer = small_trainer(RELAY, params={"players": 3}, num_envs=16)
    asked = []
    act = trainer.backend.act
    trainer.backend.act = lambda obs, *rest: asked.append(len(obs)) or act(obs, *rest)
    trainer.collector.collect(trainer.generator)
    assert sum(asked) == 16 * trainer.rollout.horizon  # one of three in every row
    trainer.rollout.advance()
    trainer.collector.collect(trainer.generator)
    assert sum(asked) == 2 * 16 * trainer.rollout.horizon
    trainer.close()


def test_a_resumed_run_goes_on_with_the_steps_under_way() -> None:
    settings = {"params": {"players": 3, "limit": 17}, "num_envs": 12, "ppo__horizon": 5, "network__memory": "gru"}
    one, other = small_trainer(RELAY, **settings), small_trainer(RELAY, **settings)
    for _ in range(2):
        one.update()
    assert one.rollout.pending.flags.any()
    other.load_state(*one.state())
    for trainer in (one, other):
        trainer.update()
    for a, b in zip(one.policy.parameters(), other.policy.parameters(), strict=True):
        assert torch.equal(a, b)
    one.close()
    other.close()


def test_against_a_bot_the_policys_turns_alone_are_learned_from() -> None:
    settings = {"opponent__pool": "bot:search", "opponent__share": 0.5, "params": {"depth": 1, "rows": 4}}
    trainer = small_trainer("connect4", num_envs=12, ppo__horizon=5, **settings)
    everybody, step = [], trainer.batch.step
    trainer.batch.step = lambda actions, out: everybody.append(np.array(actions)) or step(actions, out=out)
    _, rows = collect(trainer, 12)
    learners = np.flatnonzero(trainer.opponent.learners)
    played = replay(everybody, trainer.config.params, 12, trainer.config.seed, "connect4")
    compared = 0
    for stream, learned in zip(learners, rows, strict=True):
        assert 0 <= len(played[stream]) - len(learned) <= 1
        for row, own in zip(learned, played[stream], strict=False):
            np.testing.assert_array_equal(row.obs.reshape(-1), own["obs"])
            assert row.actions[0] == own["action"] and row.rewards == own["reward"]
            assert bool(row.terminated) == (own["end"] == "terminated")
            compared += bool(row.terminated)
    assert compared > 40
    trainer.close()
