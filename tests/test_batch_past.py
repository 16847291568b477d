"""Going back: snapshots of rows, records of episodes, rewinding."""

import numpy as np
import pytest

from puffer_arena import make
from puffer_arena.errors import FileError, ParameterError
from tests.playing import COUNTDOWN, DUEL, PUPPET, both_modes, every_physics_game, play, row


@both_modes
@pytest.mark.parametrize("game", [COUNTDOWN, DUEL], ids=["solo", "several"])
def test_a_snapshot_has_the_same_future(game: str, compiled: bool) -> None:
    batch = make(game, 2, compiled=compiled)
    rng = np.random.default_rng(0)
    for _ in range(3):
        batch.step(batch.sample_actions(rng))
    saved = batch.snapshot(1)
    actions = [batch.sample_actions(rng) for _ in range(12)]
    seen = batch.obs[1].tobytes()
    future = [batch.step(action).obs[1].tobytes() for action in actions]
    batch.restore(1, saved)
    assert batch.obs[1].tobytes() == seen
    assert [batch.step(action).obs[1].tobytes() for action in actions] == future


def test_a_damaged_or_foreign_snapshot_changes_nothing() -> None:
    batch = make(COUNTDOWN, 1)
    good = batch.snapshot(0)
    flipped = bytearray(good)
    flipped[-1] ^= 1
    foreign = [
        b"",
        good[:-1],
        good + b"x",
        bytes(flipped),
        make(DUEL).snapshot(0),
        make(COUNTDOWN, width=5).snapshot(0),
    ]
    for data in foreign:
        before = batch.rows.states.tobytes()
        with pytest.raises(FileError):
            batch.restore(0, data)
        assert batch.rows.states.tobytes() == before


def forge(batch, field: str, value: int) -> bytes:
    """A snapshot with one field overwritten and its checksum mended, as an attacker would."""
    saved = batch.rows.states[field].copy()
    batch.rows.states[field] = value
    data = batch.snapshot(0)
    batch.rows.states[field] = saved
    return data


@pytest.mark.parametrize(
    ("field", "value"), [("head", 1 << 30), ("head", -1), ("body", 11), ("heading", 4), ("ended", 7)]
)
def test_a_forged_snapshot_cannot_make_rules_index_out_of_bounds(field: str, value: int) -> None:
    batch = make("snake")
    with pytest.raises(FileError, match=f"field '{field}'"):
        batch.restore(0, forge(batch, field, value))
    batch.restore(0, batch.snapshot(0))


def test_a_forged_snapshot_cannot_carry_parameters_out_of_range() -> None:
    batch = make("snake")
    batch.rows.params["rows"] = 12  # the batch's memory holds 11
    data = batch.snapshot(0)
    batch.rows.params["rows"] = 11
    with pytest.raises(FileError, match="'rows' = 12 is out of range"):
        batch.restore(0, data)


def test_a_snapshot_out_of_bounds_is_refused() -> None:
    batch = make(PUPPET, num_envs=2, seed=1)
    batch.rows.states["gate"]["other"][0] = 10_000
    data = batch.snapshot(0)
    before = row(batch, 1)
    with pytest.raises(FileError, match=r"gate\.other"):
        batch.restore(1, data)
    assert row(batch, 1) == before


@every_physics_game
def test_a_recorded_snapshot_brings_back_an_episode_in_mid_course(env_id: str) -> None:
    batch, other = make(env_id, num_envs=3, seed=6, record=True), make(env_id, num_envs=2, seed=9)
    play(batch, 25)
    for name, parameter in batch.env.parameters.items():
        if parameter.kind is float:
            batch.params[name][0] = min(parameter.default * 1.1, parameter.high)  # at once, or from the next reset on
    play(batch, 25)
    kept = batch.snapshot(0)
    assert other.restore(1, kept) and row(other, 1) == row(batch, 0)
    rng = np.random.default_rng(0)
    for _ in range(100):
        actions = batch.sample_actions(rng)
        batch.step(actions)
        other.step(actions[[1, 0]])
        assert row(other, 1) == row(batch, 0) and (other.obs[1] == batch.obs[0]).all()


def test_a_snapshot_of_mid_course_without_a_record_is_known_to_be_close_only() -> None:
    batch = make(PUPPET, num_envs=2, seed=1, limit=1000)
    assert batch.restore(1, batch.snapshot(0))
    play(batch, 5)
    assert not batch.restore(1, batch.snapshot(0))


def test_a_row_written_from_outside_starts_its_record_there() -> None:
    batch = make(PUPPET, num_envs=2, seed=6, record=True, limit=1000)
    play(batch, 30)
    batch.rows.states["crate"]["x"][0] += 0.5
    batch.adopt(np.array([True, False]))
    play(batch, 20)
    frame = row(batch, 0)
    play(batch, 20)
    batch.rewind(0, 50)
    assert row(batch, 0) == frame
    with pytest.raises(ParameterError, match="steps 30 to 50"):
        batch.rewind(0, 29)


@every_physics_game
def test_rewinding_brings_back_every_earlier_frame(env_id: str) -> None:
    batch = make(env_id, num_envs=3, seed=6, record=True)
    rng, frames, observations = np.random.default_rng(1), [], []
    batch.reset()
    for _ in range(40):
        frames.append(row(batch, 1))
        observations.append(batch.obs[1].tobytes())
        batch.step(batch.sample_actions(rng))
        if batch.rows.states["step_count"][1] == 0:
            break
    else:
        frames.append(row(batch, 1))
        observations.append(batch.obs[1].tobytes())
    now = int(batch.rows.states["step_count"][1])
    others = row(batch, 0), row(batch, 2)
    for step in (now, now // 2, now // 3, 0):
        batch.rewind(1, step)
        assert row(batch, 1) == frames[step] and batch.obs[1].tobytes() == observations[step]
    assert (row(batch, 0), row(batch, 2)) == others


def test_a_rewound_row_can_play_on_differently_and_be_rewound_again() -> None:
    batch = make(PUPPET, num_envs=2, seed=6, record=True, limit=1000)
    play(batch, 30, seed=1)
    batch.params.push[0] = 500.0
    play(batch, 10, seed=2)
    batch.rewind(0, 20)
    play(batch, 15, seed=3)
    frame = row(batch, 0)
    play(batch, 15, seed=4)
    batch.rewind(0, 35)
    assert row(batch, 0) == frame


def test_a_row_that_is_further_than_the_others_has_room_for_its_actions() -> None:
    ahead, behind = (make(PUPPET, num_envs=2, record=True, limit=1000) for _ in range(2))
    play(ahead, 40)
    frame = row(ahead, 0)
    play(ahead, 20)  # the record has room for 64 at first
    play(behind, 1)
    assert behind.restore(1, ahead.snapshot(0))
    play(behind, 30)
    assert behind.state(1).step_count == 90
    behind.rewind(1, 40)
    assert row(behind, 1) == frame


def test_rewinding_needs_a_record_and_a_step_that_was_played() -> None:
    with pytest.raises(ParameterError, match="record=True"):
        make(PUPPET).rewind(0, 0)
    batch = make(PUPPET, record=True)
    play(batch, 3)
    with pytest.raises(ParameterError, match="steps 0 to 3"):
        batch.rewind(0, 4)
    for strange in (1, -1, 0.0):
        for act in (lambda i: batch.rewind(i, 1), batch.snapshot, lambda i: batch.restore(i, batch.snapshot(0))):
            with pytest.raises(ParameterError, match=rf"row {strange} is not there; this batch has rows 0 to 0"):
                act(strange)


def test_rewinding_works_for_games_of_rules_only() -> None:
    batch = make("snake", num_envs=8, seed=1, record=True)
    play(batch, 5)
    frames = [row(batch, i) for i in range(8)]
    counts = batch.rows.states["step_count"].copy()
    play(batch, 1)
    for i in np.flatnonzero(batch.rows.states["step_count"] == counts + 1):
        batch.rewind(int(i), int(counts[i]))
        assert row(batch, i) == frames[i]
