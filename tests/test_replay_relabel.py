"""Relabelling: recorded episodes give the observations and rewards that they gave, or others."""

from pathlib import Path

import numpy as np
import pytest

from puffer_arena import make
from puffer_arena.errors import ParameterError
from puffer_arena.replay.relabel import dataset, rewards
from puffer_arena.replay.writer import Writer
from tests.playing import DUEL


def played(path, env_id, steps):
    """Record random play; return observations, actions and rewards as a trainer saw them."""
    rng, seen = np.random.default_rng(4), []
    with make(env_id, 2, seed=4, autoreset="same_step_final") as batch, Writer(batch, path):
        for _ in range(steps):
            before, actions = batch.obs.copy(), batch.sample_actions(rng)
            batch.step(actions)
            seen.append((before, actions.copy(), batch.rewards.copy(), batch.final_obs.copy()))
    return seen


@pytest.mark.parametrize(
    ("env_id", "steps"), [("snake", 300), (DUEL, 60), ("lander", 300)], ids=["snake", "duel", "lander"]
)
def test_a_dataset_is_what_was_seen_and_done(env_id, steps, tmp_path):
    seen = played(tmp_path / "it.mcap", env_id, steps)
    episodes = list(dataset([tmp_path / "it.mcap"], env=env_id if Path(env_id).suffix else ""))
    assert episodes
    for found in episodes:
        slot, first, last = found.episode.slot, found.episode.first, found.episode.last
        assert len(found.observations) == last - first + 1
        for t in range(first, last):
            obs, action, reward, _ = seen[t]
            np.testing.assert_array_equal(found.observations[t - first], obs[slot])
            np.testing.assert_array_equal(found.actions[t - first], action[slot])
            np.testing.assert_array_equal(found.rewards[t - first], reward[slot])
        if env_id != DUEL or found.truncated[-1].all():  # agents who left see nothing any more
            np.testing.assert_array_equal(found.observations[-1], seen[last - 1][3][slot])
        assert found.terminated[-1].any() or found.truncated[-1].any()


def test_other_rewards_and_observations_come_from_stored_states(tmp_path):
    played(tmp_path / "it.mcap", "snake", 200)
    own = rewards(tmp_path / "it.mcap", lambda before, action, after, p: after.episode_return - before.episode_return)
    episodes = list(
        dataset(
            [tmp_path / "it.mcap"],
            observe=lambda s, p: np.array([s.score, p.max_hunger]),
            reward=lambda before, action, after, p: after.score - before.score,
        )
    )
    recorded = list(dataset([tmp_path / "it.mcap"]))
    for mine, found, known in zip(own, episodes, recorded, strict=True):
        np.testing.assert_allclose(mine, known.rewards, atol=1e-6)
        assert found.observations.shape == (len(mine) + 1, 2)
        assert found.rewards.sum() == found.episode.counters["score"]


def test_key_frames_alone_are_not_enough(tmp_path):
    with make("snake") as batch, Writer(batch, tmp_path / "it.mcap", states=False):
        for _ in range(30):
            batch.step(np.zeros(1, np.int64))
    with pytest.raises(ParameterError, match="key frames"):
        rewards(tmp_path / "it.mcap", lambda *_: 0.0)
