"""What a batch says about observations that begin an episode, for players that remember."""

import numpy as np
import pytest

from puffer_arena import make
from tests.playing import COUNTDOWN, DUEL, PILE, PUPPET, SHOVE, both_modes

SHORT = {"cartpole": {"max_steps": 10}, PILE: {"max_steps": 3}, SHOVE: {"max_steps": 3}}
GAMES = ["cartpole", COUNTDOWN, DUEL, PUPPET, PILE, SHOVE]


@pytest.mark.parametrize("compiled", [True, False], ids=["compiled", "interpreted"])
@pytest.mark.parametrize("autoreset", ["same_step", "same_step_final", "next_step", "disabled"])
@pytest.mark.parametrize("game", GAMES, ids=["lanes", "solo", "several", "physics", "processes", "several-physics"])
def test_it_began_where_a_step_or_a_reset_took_the_row_to_its_next_episode(game, autoreset, compiled) -> None:
    threads = 2 if game == PILE else 1
    rng, begun = np.random.default_rng(0), 0
    with make(
        game, 5, threads=threads, autoreset=autoreset, compiled=compiled, **SHORT.get(game, {"limit": 3})
    ) as batch:
        assert batch.began.shape == batch.terminated.shape and batch.began.all()
        slices = [batch.make_buffers() for _ in range(2)]
        for t in range(24):
            before = batch.rows.states["episode"].copy()
            out = None if t % 3 == 0 else slices[t % 3 - 1]
            batch.step(batch.sample_actions(rng), out=out)
            anew = batch.rows.states["episode"] > before
            began = (batch.buffers if out is None else out).began
            assert (began == anew.reshape(5, *[1] * (began.ndim - 1))).all()
            begun += int(anew.sum())
            if t == 11:
                batch.began[:] = False
                which = rng.random(5) < 0.5
                batch.reset(which=which)
                assert (batch.began == which.reshape(5, *[1] * (began.ndim - 1))).all()
        batch.reset()
        assert batch.began.all()
    assert (begun > 5) == (autoreset != "disabled")


@both_modes
def test_agents_that_died_earlier_in_the_episode_begin_with_the_others(compiled: bool) -> None:
    batch = make(DUEL, compiled=compiled)
    batch.step(np.array([[1, 2, 1]]))
    assert batch.terminated.tolist() == [[False, True, False]] and not batch.began.any()
    batch.step(np.array([[2, 0, 2]]))  # the last two leave, and the flags say nothing of the one who left before
    assert (batch.terminated | batch.truncated).tolist() == [[True, False, True]]
    assert batch.began.tolist() == [[True, True, True]]


@both_modes
def test_a_look_tells_whether_the_row_stands_at_its_start(compiled: bool) -> None:
    batch = make(COUNTDOWN, 2, compiled=compiled)
    start = batch.snapshot(0)
    batch.step(np.zeros((2, 2), np.int64))
    batch.restore(1, start)
    assert batch.began.tolist() == [False, True]
    batch.restore(1, batch.snapshot(0))
    assert batch.began.tolist() == [False, False]
