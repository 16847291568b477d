"""Small training runs for the tests of puffer_arena.trainers."""

from typing import Any

import numpy as np
import torch

from puffer_arena.trainers.algorithms.algorithm import Algorithm
from puffer_arena.trainers.config import Config, load_config
from puffer_arena.trainers.trainer import make_trainer

SMALL = {
    "num_envs": 24,
    "threads": 2,
    "total_steps": 10**9,
    "precision": "float32",
    "network.hidden": (16, 16),
    "network.memory_size": 8,
    "ppo.horizon": 8,
    "ppo.minibatches": 2,
    "optimizer.schedule": "linear",
}


def small_config(env_id: str, **overrides: Any) -> Config:
    """Return a config that trains in milliseconds; a double underscore in a name stands for its dot."""
    given = {name.replace("__", "."): value for name, value in overrides.items()}
    return load_config(env_id, overrides={**SMALL, **given})


def small_trainer(env_id: str, **overrides: Any) -> Algorithm:
    return make_trainer(small_config(env_id, **overrides))


def weights(trainer: Algorithm) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in trainer.policy.state_dict().items()}


def assert_same_future(a: Algorithm, b: Algorithm, updates: int = 2) -> None:
    """Go on with both, who learn from rollouts, and compare every bit that matters."""
    assert_same_learning(a, b, updates)
    np.testing.assert_array_equal(a.rollout.actions, b.rollout.actions)


def assert_same_learning(a: Algorithm, b: Algorithm, updates: int = 2) -> None:
    """Go on with both and compare metrics, weights and rows."""
    for _ in range(updates):
        one, other = a.update(), b.update()
        for name in one.keys() - {"seconds", "steps_per_second", "time/step", "time/infer", "time/learn"}:
            assert one[name] == other[name] or (one[name] != one[name] and other[name] != other[name]), name
    for name, value in weights(a).items():
        assert torch.equal(value, weights(b)[name]), name
    np.testing.assert_array_equal(a.batch.rows.states, b.batch.rows.states)
