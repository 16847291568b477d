"""Scripted bots: they remember and draw beside the row, and all that they do comes again with the seed."""

from pathlib import Path

import numpy as np
import pytest

from puffer_arena import make
from puffer_arena.errors import DefinitionError, FileError
from tests.playing import GAMES, both_modes, everything, row

ROAM = str(GAMES / "roam.py")
RANDOM = {ROAM: "roam", "tag": "hunt", "walker": "stride"}  # bots that draw, remember, or both


def follow(batch, bot, steps):
    """Let a bot play; return what it did."""
    actions = []
    for _ in range(steps):
        actions.append(batch.act(bot).copy())
        batch.step(actions[-1])
    return np.array(actions)


def test_memory_begins_as_zeros_with_every_episode_and_every_agent_draws_for_itself() -> None:
    batch = make(ROAM, num_envs=3, seed=4, compiled=False)
    follow(batch, "roam", 9)
    memories = batch.rows.memories
    assert (memories["steps"][:, 0] == 9).all() and not memories["steps"][:, 1].any()  # of the other bot
    assert len(np.unique(memories["level"][:, 0])) == 6
    batch.act("roam")
    assert (memories["steps"][:, 0] == 1).all() and (memories["seen"][:, 0, :, 1:] == 0.0).all()
    batch.reset(4)
    batch.act("roam")
    assert (memories["steps"][:, 0] == 1).all()


def test_two_bots_of_one_batch_draw_different_numbers() -> None:
    batch = make(ROAM, num_envs=8, seed=4, compiled=False)
    assert (follow(batch, "roam", 7) != follow(make(ROAM, num_envs=8, seed=4, compiled=False), "again", 7)).any()


@both_modes
def test_the_same_seed_gives_the_same_play(compiled: bool) -> None:
    first, other = (make(ROAM, num_envs=4, seed=4, compiled=mode) for mode in (compiled, False))
    assert (follow(first, "roam", 20) == follow(other, "roam", 20)).all()
    assert everything(first) == everything(other)
    assert (follow(make(ROAM, num_envs=4, seed=5, compiled=False), "roam", 20) != follow(first, "roam", 20)).any()


@pytest.mark.parametrize("env_id", RANDOM, ids=["roam", "tag", "walker"])
def test_what_a_bot_did_plays_again_without_it(env_id: str) -> None:
    played, again = (make(env_id, num_envs=2, seed=8) for _ in range(2))
    for actions in follow(played, RANDOM[env_id], 30):
        again.step(actions)
    assert again.rows.states.tobytes() == played.rows.states.tobytes()
    assert again.obs.tobytes() == played.obs.tobytes()


@pytest.mark.parametrize("env_id", RANDOM, ids=["roam", "tag", "walker"])
def test_a_bot_goes_on_from_snapshots_saved_rows_and_rewound_ones(env_id: str) -> None:
    bot, size = RANDOM[env_id], 2
    batch = make(env_id, num_envs=size, seed=8, record=True)
    follow(batch, bot, 5)
    data, saved = batch.snapshot(1), batch.save_rows()
    ahead = follow(batch, bot, 3)
    batch.rewind(1, 5)
    assert batch.snapshot(1) == data
    assert (follow(batch, bot, 3)[:, 1] == ahead[:, 1]).all()
    other = make(env_id, num_envs=size, seed=9, record=True)
    assert other.restore(0, data)
    assert (follow(other, bot, 3)[:, 0] == ahead[:, 1]).all()
    assert other.load_rows(saved).all()
    assert (follow(other, bot, 3) == ahead).all()
    assert row(other, 1) == row(batch, 1)


def test_a_snapshot_fits_where_the_bots_are_others_who_begin_anew(tmp_path) -> None:
    batch = make(ROAM, num_envs=1, seed=8, compiled=False)
    follow(batch, "roam", 5)
    file = tmp_path / "roam.py"
    file.write_text(Path(ROAM).read_text().replace(', "again": roam', ""))
    other = make(str(file), num_envs=1, compiled=False)
    assert other.restore(0, batch.snapshot(0))
    assert row(other, 0) == row(batch, 0) and not other.rows.memories["episode"].any()


def test_memories_from_outside_are_checked() -> None:
    batch = make(ROAM, num_envs=1, compiled=False)
    follow(batch, "roam", 2)
    for name, wrong in (("last", 3), ("episode", -1), ("rng_count", 1 << 32), ("seen", np.nan)):
        kept = batch.rows.memories.copy()
        batch.rows.memories[name] = wrong
        data, saved = batch.snapshot(0), batch.save_rows()
        batch.rows.memories[:] = kept
        with pytest.raises(FileError, match=f"field '{name}' of a row holds"):
            batch.restore(0, data)
        with pytest.raises(FileError, match=f"field '{name}' of a row holds"):
            batch.load_rows(saved)


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("uniform(way, 0.0, 1.0)", "uniform(s, 0.0, 1.0)", "draws a random number from the row, .* randint.memory, n"),
        ("way.steps += 1", "way.stps += 1", "no field 'stps'; did you mean 'steps'"),
        ("way.steps += 1", "way.seen[way.steps] = 1.0", "Way.steps may hold any number .* steps = i32.below="),
        ("class Way(Memory)", "class Way", "bot_memory: is .*; it must be a class that inherits from Memory"),
        ("steps: int = i32()", "steps: int = 0", "Way.steps is 0; declare its storage"),
        ("steps: int = i32()", "level: int = i32()", "Way.level: the name is kept for the row's header"),
        ("agent: int, way: Way, action", "agent: int, action", r"must take \(s, p, agent, memory, action\)"),
    ],
)
def test_a_bot_that_is_written_wrongly_is_named(tmp_path, old: str, new: str, reason: str) -> None:
    source = Path(ROAM).read_text()
    assert old in source
    file = tmp_path / "wrong.py"
    file.write_text(source.replace(old, new))
    with pytest.raises(DefinitionError, match=reason):
        make(str(file))
