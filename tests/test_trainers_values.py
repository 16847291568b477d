"""MAPPO's parts: values in units of returns, and advantages of teams, the dead and the absent against a plain sum."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from puffer_arena.batch.make import make
from puffer_arena.trainers.estimate.values import ValueScale
from puffer_arena.trainers.runs.checkpoint import restore_trainer, save_checkpoint
from tests.playing import RELAY
from tests.trainers_support import assert_same_future, small_trainer

GAMMA, TRACE = 0.9, 0.8
DUEL = RELAY.replace("relay", "duel")
MAPPO = {"ppo__normalize_values": True, "ppo__normalize_rewards": False, "ppo__gamma": GAMMA, "ppo__gae_lambda": TRACE}
CASES: list[tuple[str, dict[str, Any]]] = [
    ("tag", {"network__critic": "state", "params": {"max_steps": 14}}),  # a team's rewards, and who is caught
    (DUEL, {"network__critic": "separate", "params": {"limit": 9}}),  # who leaves dies; own rewards
    (RELAY, {"network__critic": "separate", "params": {"players": 3, "limit": 17}}),  # turns, and who has left
]


def test_a_scale_takes_values_there_and_back_and_knows_the_moments() -> None:
    scale, rng = ValueScale(), np.random.default_rng(0)
    for _ in range(200):
        scale.follow(rng.normal(70.0, 5.0, 4000))
    assert scale.mean == pytest.approx(70, abs=0.1) and scale.deviation == pytest.approx(5, rel=0.02)
    values = rng.normal(70.0, 5.0, 1000).astype(np.float32)
    moved = values.copy()
    scale.narrow(moved)
    assert abs(moved.mean()) < 0.2 and moved.std() == pytest.approx(1, rel=0.1)
    scale.widen(moved)
    np.testing.assert_allclose(moved, values, rtol=1e-5)
    fresh = ValueScale()
    fresh.follow(np.array([3.0, 5.0]))
    assert (fresh.mean, fresh.deviation) == (pytest.approx(4.0), pytest.approx(1.0))  # debiased


def own_steps(rollout: Any, batch: Any) -> list[list[SimpleNamespace]]:
    """Play a rollout's actions again, and return every agent's steps: when, with what reward in float64, and how it ended."""
    streams = batch.num_envs * batch.num_agents
    steps: list[list[SimpleNamespace]] = [[] for _ in range(streams)]
    running: list[SimpleNamespace | None] = [None] * streams
    for t in range(rollout.horizon):
        for i in np.flatnonzero(batch.acting.reshape(-1)):
            running[i] = SimpleNamespace(t=t, reward=0.0, end="")
            steps[i].append(running[i])
        batch.step(rollout.actions[t].reshape(batch.actions.shape))
        for i, step in enumerate(running):
            if step is None:
                continue
            step.reward += float(batch.rewards.reshape(-1)[i])
            if batch.terminated.reshape(-1)[i]:
                step.end = "terminated"
            elif batch.truncated.reshape(-1)[i] and not step.end:
                step.end = "truncated"
            if batch.began.reshape(-1)[i]:
                running[i] = None
    return steps


@pytest.mark.parametrize(("env", "settings"), CASES, ids=["tag", "duel", "relay"])
def test_advantages_are_those_of_a_plain_float64_sum_over_each_agents_own_steps(
    env: str, settings: dict[str, Any]
) -> None:
    trainer = small_trainer(env, **MAPPO, **settings, ppo__horizon=40, num_envs=6, ppo__normalize_advantages="none")
    (scale,) = trainer.value_scales.values()
    scale.follow(np.array([1.0, 7.0]))
    rollout = trainer.rollout
    trainer.collector.collect(trainer.generator)
    values, finals = (np.float64(rollout.columns[name]) * 3.0 + 4.0 for name in ("old_value", "final_value"))
    acting = rollout.acting.copy()
    trainer.fill_in(trainer.config.method, first=False)
    targets = scale.mean + scale.deviation * np.float64(rollout.target)
    compared = dict.fromkeys(["", "terminated", "truncated"], 0)
    with make(env, 6, trainer.config.seed, **settings["params"]) as batch:
        for i, steps in enumerate(own_steps(rollout, batch)):
            advantage, after = 0.0, 0.0
            known = [step for step in steps if acting[step.t, i]]
            for k, step in reversed([*enumerate(known)]):
                last = k + 1 == len(known)
                if step.end == "terminated":
                    following, carried = 0.0, 0.0
                elif step.end == "truncated":
                    following, carried = finals[step.t, i], 0.0
                elif last:
                    later = step.t + 1 + int(acting[step.t + 1 :, i].argmax())
                    following, carried = values[later if acting[later, i] else -1, i], 0.0
                else:
                    following, carried = after, advantage
                after = values[step.t, i]
                advantage = step.reward + GAMMA * following - after + GAMMA * TRACE * carried
                assert rollout.advantage[step.t, i] == pytest.approx(advantage, rel=1e-4, abs=1e-4)
                assert targets[step.t, i] == pytest.approx(advantage + after, rel=1e-4, abs=1e-4)
                compared[step.end] += 1
            here = np.zeros(rollout.horizon, bool)
            here[[step.t for step in known]] = True
            assert not rollout.advantage[~here, i].any() and not rollout.target[~here, i].any()
    assert compared[""] > 50 and compared["truncated"] > 2 and (env == "tag" or compared["terminated"] > 2)
    trainer.close()


@pytest.mark.parametrize("algorithm", ["ppo", "vtrace"])
def test_a_run_with_normalized_values_learns_and_resumes_bit_for_bit(algorithm: str, tmp_path) -> None:
    more = {"ppo__advantage": "vtrace", "ppo__epochs": 2} if algorithm == "vtrace" else {}
    trainer = small_trainer("tag", **MAPPO, **more, network__critic="state", params={"max_steps": 14})
    for _ in range(3):
        trainer.update()
    save_checkpoint(tmp_path / "a", trainer)
    resumed = restore_trainer(tmp_path / "a")
    assert_same_future(trainer, resumed)
    rows = np.arange(3)
    (scale,) = trainer.value_scales.values()
    shown = trainer.look(rows, trainer.config.ppo.horizon - 1)[1]
    assert shown.shape == (3, 6) and abs(float(shown.mean()) - scale.mean) < 20 * scale.deviation
    trainer.close()
    resumed.close()
