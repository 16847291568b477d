"""Verifying: what was recorded plays the same, and what was changed is named."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from puffer_arena import make
from puffer_arena.errors import FileError
from puffer_arena.replay.truth import verify
from puffer_arena.replay.writer import Writer
from tests.commands import here as here
from tests.playing import COUNTDOWN, DISCS, DUEL, PILE
from tests.replays import record, rewritten, with_header


@pytest.mark.parametrize("env_id", ["snake", DUEL, DISCS, PILE], ids=lambda env_id: Path(env_id).stem)
def test_what_was_recorded_plays_the_same(env_id, tmp_path):
    for states in (True, False):
        path = tmp_path / f"{states}.mcap"
        record(path, env_id, states=states)
        report = verify(path, env_id)
        assert (report.steps, report.unknown, report.difference) == (60, 0, None)


def test_parameters_and_levels_that_change_are_played_again(tmp_path):
    rng = np.random.default_rng(0)
    with make("snake", 2, seed=3, num_levels=5, split="held_out") as batch, Writer(batch, tmp_path / "it.mcap"):
        for t in range(80):
            if t % 9 == 4:
                batch.params.max_hunger[t % 2] = 20 + t
                batch.rows.levels[1] = t
            batch.step(batch.sample_actions(rng))
    assert verify(tmp_path / "it.mcap").difference is None


@pytest.mark.parametrize("recorded", [True, False], ids=["with its past", "without"])
def test_physics_recorded_in_mid_episode_is_played_where_it_can_be(recorded, tmp_path):
    rng = np.random.default_rng(0)
    with make("lander", 1, seed=1, record=recorded) as batch:
        for _ in range(20):
            batch.step(batch.sample_actions(rng))
        with Writer(batch, tmp_path / "it.mcap"):
            for _ in range(300):
                batch.step(batch.sample_actions(rng))
    report = verify(tmp_path / "it.mcap")
    assert report.difference is None
    assert (report.unknown == 0) == recorded
    assert report.unknown < 250


def later(array, step, value):
    array[step] ^= value


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (lambda block: later(block.rewards.view(np.uint32)[:, 1, 0], 30, 1), "reward"),
        (lambda block: later(block.ends[:, 1, 0], 30, 2), "truncated"),
        (lambda block: later(block.hashes[:, 1], 30, 1), "state"),
    ],
)
def test_the_first_step_row_and_field_that_differ_are_named(change, field, tmp_path):
    record(tmp_path / "it.mcap", "snake", rows=(1, 3))
    found = verify(rewritten(tmp_path / "it.mcap", change)).difference
    assert found is not None and (found.step, found.row, found.field) == (31, 3, field)


def test_a_state_that_differs_is_named_by_its_field(tmp_path):
    record(tmp_path / "it.mcap", "snake", rows=(1, 3))

    def change(block):
        states = block.states.reshape(-1).view(make("snake").rows.states.dtype).reshape(61, 2)
        states["score"][31:, 1] += 1
        block.hashes[30, 1] ^= 1

    found = verify(rewritten(tmp_path / "it.mcap", change)).difference
    assert found is not None and (found.step, found.row, found.field) == (31, 3, "score")
    assert int(found.recorded) == int(found.found) + 1


def test_another_action_is_noticed_in_every_kind_of_file(tmp_path):
    record(tmp_path / "it.mcap", "snake", states=False, rows=(1, 3))
    found = verify(rewritten(tmp_path / "it.mcap", lambda block: later(block.actions[:, 0, 0], 3, 2))).difference
    assert found is not None and found.row == 1 and found.step >= 4


def test_another_version_is_refused(tmp_path):
    record(tmp_path / "it.mcap", "snake")
    with pytest.raises(FileError, match="version 3"):
        verify(with_header(tmp_path / "it.mcap", lambda header: header.update(version=3)))


def test_rules_that_changed_are_named(tmp_path):
    game = tmp_path / "game.py"
    shutil.copy(COUNTDOWN, game)
    record(tmp_path / "it.mcap", str(game))
    source = game.read_text()
    game.write_text(source + "\n# edited\n")
    assert verify(tmp_path / "it.mcap", str(game)).difference is None  # it plays the same


def test_the_command_tells_by_its_exit_code(tmp_path, here):
    record(tmp_path / "it.mcap", "snake")
    rewritten(tmp_path / "it.mcap", lambda block: later(block.ends[:, 0, 0], 5, 1))
    assert here(tmp_path, "verify", "it.mcap")[:2] == (0, "it.mcap: 60 steps of 2 rows play the same\n")
    code, out, _ = here(tmp_path, "verify", "it.mcap", "it.changed.mcap")
    assert code == 1 and "differs after step 6: terminated" in out
    code, _, err = here(tmp_path, "verify", "nothing.mcap", "it.mcap")
    assert code == 2 and "there is no replay 'nothing.mcap'" in err
