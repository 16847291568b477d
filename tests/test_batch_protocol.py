"""Whatever can be trained in: our own batch, and one that has nothing in common with it but the protocol."""

import inspect

import numpy as np
import pytest

from puffer_arena import make
from puffer_arena.batch.batch import Batch
from puffer_arena.batch.buffers import buffer_layout, make_buffers
from puffer_arena.batch.protocol import Saves, Steps
from puffer_arena.core.spaces import Box, Discrete
from puffer_arena.kernels.tables import Step
from tests.playing import COUNTDOWN, DUEL, everything


class Coin:
    """A batch of another kind: heads earns 1, and every toss is an episode."""

    num_envs, num_agents, agent_ids = 3, 0, ()
    observation, action = Box(0.0, 1.0, (1,)), Discrete(2)

    def __init__(self) -> None:
        self.layout = buffer_layout(self.observation, self.num_envs, self.num_agents, 0)
        self.buffers, self.actions = make_buffers(self.layout, {}), np.zeros(3, np.int64)
        fields = [("episodes", np.int64), ("episode_return", np.float64), ("episode_length", np.int64)]
        self.finished = np.zeros(3, fields)

    def make_buffers(self, **given):
        return make_buffers(self.layout, given)

    def step(self, actions, out=None):
        out = self.buffers if out is None else out
        out.rewards[:] = self.finished["episode_return"] = actions
        out.terminated[:] = out.began[:] = True
        self.finished["episodes"] += 1
        self.finished["episode_length"] = 1
        return Step(*out[:4])

    def episodes(self):
        return {"episodes": int(self.finished["episodes"].sum())}

    def close(self) -> None:
        pass


def mean_reward(batch: Steps, steps: int) -> float:
    """Play with nothing but the protocol."""
    slices = [batch.make_buffers() for _ in range(steps)]
    for out in slices:
        batch.step(np.ones_like(batch.actions), out)
    return float(np.mean([out.rewards for out in slices]))


def test_what_has_the_protocol_s_parts_is_stepped_like_a_batch() -> None:
    coin = Coin()
    assert mean_reward(coin, 4) == 1.0 and coin.episodes() == {"episodes": 12}
    assert mean_reward(make(COUNTDOWN, 2), 4) == pytest.approx((1 + 2 + 3 + 4) / 4)


@pytest.mark.parametrize("game", [COUNTDOWN, DUEL], ids=["solo", "several"])
def test_a_batch_has_every_part_of_the_protocol(game: str) -> None:
    batch: Saves = make(game, 2)
    parts = [name for kind in (Steps, Saves) for name in vars(kind) if not name.startswith("_")]
    assert len(parts) >= 14
    for name in parts:
        assert hasattr(batch, name), name
        wanted = inspect.getattr_static(Saves, name)
        if inspect.isfunction(wanted):
            assert list(inspect.signature(wanted).parameters) == list(
                inspect.signature(getattr(Batch, name)).parameters
            )
    saved = batch.save_rows()
    mean_reward(batch, 3)
    assert isinstance(batch, Batch) and batch.load_rows(saved).all() and everything(batch)
