"""Whoever puts a policy with a memory in front of a batch: it begins every episode with none, in every seat."""

import numpy as np

from puffer_arena import make
from puffer_arena.cli import play
from puffer_arena.live.playback import Playback
from puffer_arena.players.evaluate import evaluate
from puffer_arena.players.player import Player, versus
from puffer_arena.trainers.playing import acting
from tests.playing import DUEL


class Diarist:
    """An actor whose memory is the number of observations since it was told to forget.

    In duel a living agent sees the steps of its episode, and that is what the memory must be.
    """

    def __init__(self) -> None:
        self.memory, self.looks, self.rng = None, 0, np.random.default_rng(0)

    def act(self, obs, action_mask=None, deterministic=False, rng=None, acting=None, rewards=None):
        self.memory = np.zeros(obs.shape, np.int64) if self.memory is None else self.memory
        steps = obs["pair"]["part_0"][..., 0]
        assert (self.memory[steps > 0] == steps[steps > 0]).all()  # zeros for those who died
        assert (self.memory[(steps == 0).all(axis=-1)] == 0).all()  # a row's first look
        self.memory += 1
        self.looks += 1
        actions = self.rng.integers(0, 3, obs.shape)  # a third of the agents leaves at every step
        return actions, np.full((*obs.shape, 3), 1 / 3), np.zeros(obs.shape)

    def follow(self, older):
        self.memory = older.memory

    def reset(self, which):
        if self.memory is not None:
            self.memory[which] = 0


def test_evaluation_forgets_with_each_episode_alone_and_against_another() -> None:
    for opponent, role in (("", ""), ("careful", "red")):
        diarists = [Diarist(), Diarist()]
        players = [Player("diarist", lambda _, d=d: acting(d, 0, False)) for d in diarists]
        player = versus(*players, role) if opponent else players[0]
        assert evaluate(DUEL, player, 60, split="train", side=role if opponent else None).episodes == 60
        assert diarists[0].looks > 2 and (diarists[1].looks > 2) == bool(opponent)


def test_the_window_s_player_forgets_with_each_episode() -> None:
    diarist, now = Diarist(), [0.0]
    player = Playback(DUEL, {}, lambda policy, batch: diarist, num_envs=5, clock=lambda: now[0])
    player.load(b"", 0)
    while player._batch is None:
        player.poll()
    for _ in range(30):
        player.advance()
    player.close()
    assert diarist.looks >= 30


def test_a_policy_that_a_person_plays_with_forgets_with_each_episode(monkeypatch) -> None:
    diarist = Diarist()
    player = Player("diarist", lambda _: acting(diarist, 0, False))
    monkeypatch.setattr(play, "find_player", lambda *_: player)
    choose = play.choose_bot(play.Options(DUEL, bot="policy.safetensors"))
    with make(DUEL) as batch:
        for _ in range(30):
            batch.step(choose(batch))
    assert diarist.looks == 30
