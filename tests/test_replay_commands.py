"""`train --record` and `eval --record`: files that are true."""

import numpy as np
import pytest

from puffer_arena.cli.recording import Record, RunRecorder, read_seconds, recorded
from puffer_arena.errors import ParameterError
from puffer_arena.players.evaluate import evaluate
from puffer_arena.players.player import UNKNOWN, merge_thoughts
from puffer_arena.replay.reader import Replay
from puffer_arena.replay.truth import verify
from puffer_arena.trainers.actor import Actor
from puffer_arena.trainers.playing import actor_player
from tests.commands import SMALL, UPDATE
from tests.commands import here as here
from tests.trainers_support import small_trainer


def test_training_records_samples_with_what_the_policy_thought(tmp_path, here):
    told = ("--record", "--record.rows", "3", "--record.every", "0s", "--steps", 6 * UPDATE, "--name", "it")
    code, _, err = here(tmp_path, "train", "snake", *SMALL, *told)
    assert code == 0, err
    files = sorted((tmp_path / "runs" / "it" / "replays").glob("*.mcap"))
    assert files
    for path in files:
        assert verify(path).difference is None
    with Replay(files[0]) as replay:
        assert replay.header.rows == [0, 1, 2] and replay.header.num_envs == 64
        assert replay.frame(replay.steps - 1).values.shape == (3, 1)
        assert "loss" in "".join(replay.metrics)


def test_evaluating_records_the_first_rows(tmp_path, here):
    code, _, err = here(tmp_path, "eval", "snake", "bot:greedy", "--episodes", "6", "--record", "it.mcap")
    assert code == 0, err
    assert verify(tmp_path / "it.mcap").rows == 4
    code, _, err = here(tmp_path, "eval", "snake", "bot:greedy", "--episodes", "6", "--record", "it.mcap")
    assert code == 2 and "exists" in err


def test_evaluating_a_policy_records_what_it_thought(tmp_path, here):
    trainer = small_trainer("tag")
    player = actor_player(Actor(trainer.policy))
    opened = []
    evaluate("tag", recorded(player, str(tmp_path / "it.mcap"), 2, opened), episodes=4)
    opened[0].close()
    trainer.close()
    with Replay(tmp_path / "it.mcap") as replay:
        block = replay.block(0)
        assert np.isfinite(block.values).all() and block.values.shape[1:] == (2, 6)
        np.testing.assert_allclose(block.probs.sum(axis=-1), 1.0, rtol=1e-5)


def test_thoughts_of_several_players_are_put_together_where_all_tell_theirs():
    probs, values = np.full((2, 3, 4), 0.25), np.arange(6.0).reshape(2, 3)
    last = np.array([False, False, True])
    both = merge_thoughts([((probs, values), ~last), ((probs / 2, None), last)])
    assert both[1] is None
    assert (both[0][:, :2] == 0.25).all() and (both[0][:, 2] == 0.125).all()
    assert merge_thoughts([(UNKNOWN, last), ((probs, values), ~last)]) == UNKNOWN


def test_a_folder_that_cannot_be_written_is_told_once_and_training_goes_on(tmp_path, here):
    (tmp_path / "runs" / "it").mkdir(parents=True)
    (tmp_path / "runs" / "it" / "replays").write_text("a file, not a folder")
    said = []
    recorder = RunRecorder(None, tmp_path / "runs" / "it", Record(on=True), said.append)
    recorder._trainer = type("Trainer", (), {"batch": type("B", (), {"num_envs": 4})(), "steps": 0})()
    for t in range(5):
        recorder.on_step(recorder._trainer, t)
    assert len(said) == 1 and "training goes on" in said[0]


def test_what_a_person_records_of_a_run_holds_what_the_policy_thought(tmp_path):
    trainer = small_trainer("snake")
    recorder = RunRecorder(trainer, tmp_path, Record(), pytest.fail)
    assert recorder.toggle().startswith("recording")
    trainer.update(recorder.on_step)
    assert recorder.toggle().startswith("recorded")
    trainer.close()
    (path,) = tmp_path.glob("replays/*.mcap")
    with Replay(path) as replay:
        assert np.isfinite(replay.block(0).values).any() and replay.block(0).probs is not None


@pytest.mark.parametrize(("text", "seconds"), [("30s", 30), ("10min", 600), ("1.5h", 5400), ("0s", 0)])
def test_times_are_read_as_people_write_them(text, seconds):
    assert read_seconds(text) == seconds


@pytest.mark.parametrize("text", ["", "10", "-1s", "1 day"])
def test_other_times_are_refused(text):
    with pytest.raises(ParameterError, match="no time"):
        read_seconds(text)
