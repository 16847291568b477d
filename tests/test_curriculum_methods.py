"""What each method chooses: lessons, replay of levels, edits, learnability and progress."""

import dataclasses

import numpy as np
import pytest

from puffer_arena.curriculum import load_curriculum
from puffer_arena.curriculum.levels import Learnable, LevelReplay
from puffer_arena.errors import ParameterError
from puffer_arena.registry import load_env
from tests.curricula import ended, maze


def test_memory_has_room_for_the_largest_parameters_of_all_lessons():
    lessons = [{"ranges": {"size": "7:9"}, "until": {"measure": "success", "at_least": 0.5}}, {"ranges": {"size": 13}}]
    assert load_curriculum(load_env("maze"), {"method": "lessons", "lessons": lessons}).highest() == {"size": 13}


def test_lessons_follow_one_another_when_their_measure_is_reached():
    env = load_env("maze")
    until = {"measure": "reached", "at_least": 0.8, "episodes": 4}
    lessons = load_curriculum(
        env, {"lessons": [{"ranges": {"walls": "0:0.5"}, "until": until}, {"ranges": {"walls": 0.9}}]}
    )
    (ladder,) = lessons.ladders
    lessons.ended(ended([1, 2, 3], [1, 1, 1]))  # too few
    lessons.ended(ended([4, 5], [0, 0]))  # 1, 1, 0, 0 are the last four
    assert ladder.stage == 0
    late = ended([6, 7, 8], [1, 1, 1])
    late.records["params"]["walls"] = 0.9  # of no range of this lesson
    lessons.ended(late)
    assert ladder.stage == 0
    lessons.ended(ended([6, 7, 8, 9], [1, 1, 1, 1]))
    assert ladder.stage == 1 and lessons.metrics() == {"lessons/lesson": 1.0}
    assert (lessons.next(5, np.random.default_rng(0)).params["walls"] == 0.9).all()
    lessons.ended(ended([9] * 50, [1] * 50))
    assert ladder.stage == 1  # the last has no end


def test_ladders_of_two_parameters_climb_alone():
    until = {"at_least": 0.5, "episodes": 2}
    ladders = {
        "walls": [{"ranges": {"walls": "0:0.4"}, "until": until}, {"ranges": {"walls": 0.9}}],
        "steps": [{"ranges": {"max_steps": 90}, "until": until}, {"ranges": {"max_steps": 50}}],
    }
    lessons = load_curriculum(load_env("maze"), {"ladders": ladders})
    lessons.ended(ended([1, 2], [1, 1]))  # max_steps of these records is 0: no episode of the other ladder's lesson
    assert lessons.metrics() == {"walls/lesson": 1.0, "steps/lesson": 0.0}


def replay(**settings):
    return LevelReplay(load_env("maze"), {}, LevelReplay.Settings(**{"capacity": 4, "staleness": 0.0, **settings}))


def test_replay_keeps_the_levels_that_score_best_and_plays_them_by_rank():
    plr = replay(temperature=1.0, replay=1.0)
    plr.ended(ended([1, 2, 3, 4, 5], [0] * 5, surprise=[0.1, 0.5, 0.3, 0.2, 0.4]))
    assert sorted(plr.buffer.levels) == [2, 3, 4, 5]
    by_level = dict(zip(plr.buffer.levels, plr.priorities(), strict=True))
    whole = 1 + 1 / 2 + 1 / 3 + 1 / 4
    assert np.allclose([by_level[k] for k in (2, 5, 3, 4)], np.array([1, 1 / 2, 1 / 3, 1 / 4]) / whole)
    plr.ended(ended([2, 9], [0, 0], surprise=[0.05, 0.25]))  # 2 has sunk, and 9 takes the place of the lowest
    assert sorted(plr.buffer.levels) == [3, 4, 5, 9] or sorted(plr.buffer.levels) == [2, 3, 5, 9]
    drawn = plr.next(1000, np.random.default_rng(0)).levels
    assert set(drawn) <= set(plr.buffer.levels)


def test_replay_goes_back_to_what_was_not_played_for_long():
    plr = replay(staleness=1.0)
    plr.ended(ended([1, 2, 3, 4], [0] * 4, surprise=[0.1, 0.5, 0.3, 0.2]))
    plr.ended(ended([2, 3], [0, 0], surprise=[0.5, 0.3]))
    assert dict(zip(plr.buffer.levels, plr.priorities(), strict=True)) == {1: 0.5, 2: 0.0, 3: 0.0, 4: 0.5}


def test_regret_is_the_best_return_seen_less_the_mean_value():
    plr = replay(score="regret")
    plr.ended(ended([1, 2], [0, 0], surprise=[0, 0], value=[0.25, 0.5], scaled=[1.0, 0.5]))
    assert dict(zip(plr.buffer.levels, plr.buffer["score"], strict=True))[1] == 0.75
    plr.ended(ended([1], [0], surprise=[0], value=[0.5], scaled=[0.0]))
    assert dict(zip(plr.buffer.levels, plr.buffer["score"], strict=True))[1] == 0.5  # 1.0 was reached before


def test_robust_replay_learns_from_kept_levels_only():
    plr = replay(replay=0.5, robust=True)
    assert plr.weighs and (plr.next(5, np.random.default_rng(0)).weights == 0).all()
    plr.ended(ended([1, 2, 3], [0] * 3, surprise=[0.1, 0.5, 0.3]))
    tasks = plr.next(100, np.random.default_rng(0))
    assert 20 < (tasks.levels >= 0).sum() < 80
    assert (tasks.weights == (tasks.levels >= 0)).all()


def test_edits_are_of_kept_levels_and_are_scored_as_themselves():
    batch, rng = maze(), np.random.default_rng(0)
    given = {"capacity": 8, "edits": 4, "changes": 2, "replay": 1.0, "staleness": 0.0}
    accel = load_curriculum(batch.env, {"method": "accel", "settings": given})
    accel.begin(batch)
    accel.ended(ended([1, 2, 3, 4], [0] * 4, surprise=[0.1, 0.5, 0.3, 0.4]))
    tasks = accel.next(200, rng)
    edited = accel.starts.filled
    assert edited.sum() >= 2 and set(accel.buffer.levels[~edited & accel.buffer.filled]) == {1, 2, 3, 4}
    assert set(accel.buffer["score"][edited]) <= {0.1, 0.3, 0.4, 0.5}  # of their parents, until they are played
    assert ((tasks.starts >= 0) == (tasks.levels == -1)).all() and (tasks.starts >= 0).any()
    place = int(np.flatnonzero(edited)[0])
    played = dataclasses.replace(ended([2], [1], surprise=[0.9]), starts=accel.starts.serials[[place]])
    parent = accel.buffer["score"][accel.buffer.levels == 2]
    accel.ended(played)  # its number is its parent's, whose score stays
    assert accel.buffer["score"][place] == 0.9 and accel.buffer["score"][accel.buffer.levels == 2] == parent
    accel.ended(ended([11, 12, 13, 14, 15, 16], [0] * 6, surprise=[0.8] * 6))
    assert (accel.starts.filled == (accel.buffer.levels >= 1 << 40)).all()
    with pytest.raises(ParameterError, match=r"declares no Env\.editor"):
        load_curriculum(load_env("memory"), "accel")


def test_learnability_keeps_what_is_solved_sometimes():
    sfl = Learnable(load_env("maze"), {}, Learnable.Settings(candidates=6, trials=4, capacity=2, share=0.5))
    rng = np.random.default_rng(0)
    given = [sfl.next(3, rng).levels for _ in range(8)]
    assert (np.unique(np.concatenate(given), return_counts=True)[1] == 4).all()  # each as often as the others
    pool = sfl.pool.levels.copy()
    chances = dict(zip(pool, (0, 1, 2, 3, 4, 4), strict=True))  # of four trials
    levels = np.repeat(pool, 4)
    success = [k < chances[level] for level in pool for k in range(4)]
    sfl.ended(ended(levels, success))
    assert set(sfl.kept.levels) == {pool[2], pool[1]} or set(sfl.kept.levels) == {pool[2], pool[3]}
    assert sfl.kept["score"].max() == 0.25
    tasks = sfl.next(1000, rng).levels
    assert 0.4 < np.isin(tasks, sfl.kept.levels).mean() < 0.6
    assert not np.isin(pool, sfl.pool.levels).any()  # the next pool is new


def test_progress_goes_where_returns_change():
    env = load_env("maze")
    table = {"method": "alp", "ranges": {"walls": "0:1"}, "settings": {"bins": 4, "explore": 0.0}}
    alp = load_curriculum(env, table)
    for k in range(40):
        episodes = ended(range(8), [0] * 8)
        episodes.records["params"]["walls"] = np.arange(8) / 8 + 0.06
        episodes.returns[:] = 0.0
        episodes.returns[4:6] = k / 40  # the third of four cells is being learned
        alp.ended(episodes)
    drawn = alp.next(200, np.random.default_rng(0)).params["walls"]
    assert ((drawn >= 0.5) & (drawn <= 0.75)).all()
