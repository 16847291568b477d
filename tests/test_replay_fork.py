"""Forks: a branch stands where the replay stood, goes on as it did or otherwise, and is a replay again."""

from pathlib import Path

import numpy as np
import pytest

from puffer_arena import make
from puffer_arena.batch.frame import Frame
from puffer_arena.batch.saving.past import raw
from puffer_arena.errors import FileError, ParameterError
from puffer_arena.render.play.game import Game
from puffer_arena.replay.branch import fork, fork_frame
from puffer_arena.replay.reader import Replay
from puffer_arena.replay.simulate import read_actions
from puffer_arena.replay.truth import verify
from puffer_arena.replay.writer import Writer
from tests.playing import DISCS, DUEL, PILE
from tests.replays import record, with_header


@pytest.mark.parametrize("env_id", ["snake", DUEL, DISCS, PILE], ids=lambda env_id: Path(env_id).stem)
def test_a_branch_goes_on_as_the_replay_did(env_id, tmp_path):
    record(tmp_path / "it.mcap", env_id, rows=(0, 2))
    with Replay(tmp_path / "it.mcap", env_id) as replay:
        block = replay.block(0)
        for at in (0, 7, 20, 33, 60):
            branch = fork(replay, at, 2)
            with branch.batch as batch:
                assert branch.exact
                assert raw(batch.rows.states)[0].tobytes() == raw(replay.frame(at).states)[1].tobytes() or at == 20
                for t in range(at, 60):
                    batch.step(read_actions(replay.header, block, t)[1:])
                    if batch.rows.states["ended"][0] or t == 19:  # there row 2 was reset
                        break
                    assert raw(batch.rows.states)[0].tobytes() == block.states[t + 1, 1].tobytes()


def test_a_live_frame_goes_on_as_its_row_does_and_the_branch_names_it(tmp_path):
    with make("snake", 3, seed=4) as live:
        for _ in range(6):
            live.step(live.act("greedy"))
        frame = Frame(18, np.array([2]), *live.copy_rows(np.array([2])))
        branch = fork_frame("snake", {}, frame, 0, "a run")
        with branch.batch as batch, Writer(batch, tmp_path / "it.mcap", parent=branch.parent):
            for _ in range(20):
                assert raw(batch.rows.states)[0].tobytes() == raw(live.rows.states)[2].tobytes()
                live.step(live.act("greedy"))
                batch.step(batch.act("greedy"))
    assert verify(tmp_path / "it.mcap", "snake").difference is None
    with Replay(tmp_path / "it.mcap") as replay:
        assert replay.header.parent == {"file": "a run", "step": 18, "row": 2, "exact": True}


def test_a_branch_of_a_frame_with_other_bytes_between_its_fields_is_true(tmp_path):
    """As numpy leaves them where it copies records: a window's frames are such copies."""
    path = tmp_path / "branch.mcap"
    with make("snake", 2, seed=5) as batch:
        for _ in range(6):
            batch.step(batch.act("greedy"))
        states = np.full(2 * batch.rows.states.dtype.itemsize, 255, np.uint8).view(batch.rows.states.dtype)
        for name in states.dtype.names:
            states[name] = batch.rows.states[name]
        frame = Frame(6, np.arange(2), states, batch.rows.params.copy())
    branch = fork_frame("snake", {}, frame, 1, "snake")
    with branch.batch as batch, Writer(batch, path, parent=branch.parent):
        for _ in range(4):
            batch.step(batch.act("greedy"))
    assert verify(path).difference is None


def test_a_branch_of_key_frames_alone_stands_where_the_replay_stood(tmp_path):
    frames = record(tmp_path / "it.mcap", DISCS, steps=300, states=False, rows=(0, 2))
    with Replay(tmp_path / "it.mcap", DISCS) as replay:
        for at in (5, 140, 300):
            branch = fork(replay, at, 0)
            size = raw(branch.batch.rows.states).shape[1]
            assert branch.exact and raw(branch.batch.rows.states)[0].tobytes() == frames[at][:size]
            branch.batch.close()


def test_a_branch_by_rules_that_were_edited_since_is_not_exact(tmp_path):
    record(tmp_path / "it.mcap", "snake")
    edited = with_header(tmp_path / "it.mcap", lambda header: header.update(rules="0" * len(header["rules"])))
    for path, exact in ((tmp_path / "it.mcap", True), (edited, False)):
        with Replay(path) as replay:
            branch = fork(replay, 20, 0)
            assert (branch.exact, branch.parent["exact"]) == (exact, exact)
            branch.batch.close()


@pytest.mark.parametrize("env_id", ["snake", DISCS], ids=["rules", "physics"])
def test_a_branch_is_a_replay_that_names_its_parent(env_id, tmp_path):
    record(tmp_path / "it.mcap", env_id)
    rng = np.random.default_rng(9)
    with Replay(tmp_path / "it.mcap", env_id) as replay:
        branch = fork(replay, 40, 0)
        with branch.batch as batch, Writer(batch, tmp_path / "branch.mcap", parent=branch.parent):
            for _ in range(30):
                batch.step(batch.sample_actions(rng))
            batch.rewind(0, int(batch.rows.states["step_count"][0]) - 5)
            for _ in range(10):
                batch.step(batch.sample_actions(rng))
    assert verify(tmp_path / "branch.mcap", env_id).difference is None
    with Replay(tmp_path / "branch.mcap", env_id) as child:
        assert child.header.parent == {"file": "it.mcap", "step": 40, "row": 0, "exact": True}
        assert "moved" in [event.kind for event in child.events]


def test_forks_that_cannot_be_are_refused(tmp_path):
    record(tmp_path / "it.mcap", "snake")
    with Replay(tmp_path / "it.mcap") as replay:
        with pytest.raises(ParameterError, match="has rows"):
            fork(replay, 3, 1)
        with pytest.raises(ParameterError, match="0 to 60"):
            fork(replay, 61, 0)
    other = with_header(tmp_path / "it.mcap", lambda header: header.update(version=5))
    with Replay(other) as replay, pytest.raises(FileError, match="version 5"):
        fork(replay, 3, 0)


def test_a_person_turns_back_time_within_an_episode_and_it_is_practice():
    game = Game(make("snake", 1, seed=5, autoreset="disabled", record=True, rows=20, cols=20))
    seen = [raw(game.batch.rows.states)[0].tobytes()]
    for _ in range(9):
        game.step()
        seen.append(raw(game.batch.rows.states)[0].tobytes())
    game.rewind(1.0)  # eight steps
    assert raw(game.batch.rows.states)[0].tobytes() == seen[1] and game.practice
    game.rewind(1.0)
    assert raw(game.batch.rows.states)[0].tobytes() == seen[0]
    while not game.over:
        game.step()
    assert game.best is None
    game.rewind(0.1)
    assert not game.over
    game.restart()
    assert not game.practice


def test_a_branch_begins_anew_where_it_came_from(tmp_path):
    record(tmp_path / "it.mcap", "snake")
    with Replay(tmp_path / "it.mcap") as replay:
        branch = fork(replay, 10, 0)
    game = Game(branch.batch, origin=branch.batch.snapshot(0))
    before = raw(game.batch.rows.states)[0].tobytes()
    game.step()
    game.restart()
    assert raw(game.batch.rows.states)[0].tobytes() == before and game.practice
