"""Who chooses the next episodes: what is assigned is played, what is seen is true, and a resumed run goes on exactly."""

import dataclasses
import re
from dataclasses import dataclass

import numpy as np
import pytest

from puffer_arena import make
from puffer_arena.core.params import param, read_together
from puffer_arena.core.random import HELD_OUT_BIT
from puffer_arena.curriculum import CURRICULA, Curriculum, Director, Ended, Tasks, load_curriculum
from puffer_arena.curriculum.choose import name_curriculum, read_table
from puffer_arena.curriculum.levels import Learnable, Replay
from puffer_arena.curriculum.spread import read_spread
from puffer_arena.errors import ArenaError, DefinitionError, FileError, ParameterError, TrainingError, UnknownName
from puffer_arena.levels.drawn import as_table, take_level, write_level
from puffer_arena.registry import load_env

SMALL = {"plr": {"capacity": 20}, "sfl": {"candidates": 30, "trials": 2, "capacity": 5}, "alp": {"bins": 4}}
SMALL["accel"] = {"capacity": 20, "edits": 3}
SMALL["states"] = {"capacity": 10, "every": 16, "deepest": 20}
LESSONS = [
    {"ranges": {"walls": 0.0}, "until": {"measure": "length", "at_least": 1, "episodes": 20}},
    {"ranges": {"walls": "0.1:0.4"}},
]
every_curriculum = pytest.mark.parametrize("method", CURRICULA)


def table(method):
    if method == "lessons":
        return {"method": method, "lessons": LESSONS}
    return {"method": method, "ranges": {"walls": "0.2:0.6"}, "settings": SMALL.get(method, {})}


def play(director, steps, rng):
    """Step the director's batch at random, and return all that ended."""
    batch, told = director.batch, []
    for _ in range(steps):
        batch.step(batch.sample_actions(rng))
        director.follow(batch.began)
        if (ended := director.report()) is not None:
            told.append(ended)
    return told


def maze(num_envs=40):
    return make("maze", num_envs, seed=3, size=7, distance=3, max_steps=10)


# -- ranges ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "given", "values"),
    [
        ("walls", "0.2:0.6", None),
        ("walls", "0.2, 0.5", {0.2, 0.5}),
        ("walls", 0.25, {0.25}),
        ("max_steps", "10:12", {10, 11, 12}),
        ("max_steps", [20, 40], {20, 40}),
        ("max_steps", "10:1000:log", None),
    ],
)
def test_values_come_from_their_range_and_find_their_way_back(name, given, values):
    parameter = load_env("maze").parameters[name]
    spread = read_spread(parameter, given)
    drawn = spread.draw(2000, np.random.default_rng(0))
    assert spread.holds(drawn).all()
    assert values is None or set(drawn.tolist()) == values
    assert spread.low <= drawn.min() <= drawn.max() <= spread.high
    again = spread.at(spread.part(drawn))
    np.testing.assert_allclose(again, drawn, rtol=0.02, atol=1e-9)
    assert str(read_spread(parameter, str(spread))) == str(spread)
    if "log" in str(given):
        assert 70 < np.median(drawn) < 140  # as many in each decade


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("0.6:0.2", "low end is above its high end"),
        ("0:0.5:log", "begins above 0"),
        ("0.2:7", "out of range"),
        ("a:b", "'a' is no number"),
        ("", "is no number"),
        ([], "0 values"),
        (None, "of the wrong type"),
        ("nan:1", "out of range"),
    ],
)
def test_ranges_that_cannot_be_are_refused(given, message):
    with pytest.raises(ParameterError, match=message):
        read_spread(load_env("maze").parameters["walls"], given)


# -- the director ---------------------------------------------------------------------------------------


class Noting(Curriculum):
    """Hands out numbered levels, and notes them."""

    def __init__(self, env, ranges, settings):
        super().__init__(env, ranges, settings)
        self.given = []

    def next(self, count, rng):
        first = sum(map(len, self.given))
        levels = np.arange(first, first + count)
        self.given.append(levels)
        return Tasks({"walls": levels % 10 / 10}, levels)


def test_what_is_assigned_is_played_once_and_told_with_its_outcome():
    director = Director(maze(), Noting(load_env("maze"), {}, None))
    director.begin()
    told = play(director, 60, np.random.default_rng(1))
    records = np.concatenate([ended.records for ended in told])
    np.testing.assert_allclose(records["params"]["walls"], records["level"] % 10 / 10)
    assert len(set(records["level"])) == len(records) == director.episodes > 100
    rows = np.concatenate([ended.rows for ended in told])
    assert sorted(set(rows)) == list(range(40))
    assert all((ended.success == (ended.records["reached"] > 0)).all() for ended in told)


@every_curriculum
def test_tasks_repeat_with_the_seed_and_stay_in_their_bounds(method):
    def records(seed):
        director = Director(maze(), load_curriculum(load_env("maze"), table(method)), seed)
        director.begin()
        return np.concatenate([ended.records for ended in play(director, 60, np.random.default_rng(1))])

    first = records(5)
    assert first.tolist() == records(5).tolist()  # bytes between fields are whatever was there
    assert first.tolist() != records(6).tolist()
    assert (first["level"] < HELD_OUT_BIT).all()
    spread = read_spread(load_env("maze").parameters["walls"], "0:0.4" if method == "lessons" else "0.2:0.6")
    assert spread.holds(first["params"]["walls"]).all()


class Scored(Noting):
    needs_scores = True

    def ended(self, episodes):
        self.told = [*getattr(self, "told", ()), episodes]


@pytest.mark.parametrize("agents", [1, 2])
def test_scores_are_means_over_whole_episodes(agents):
    rows, horizon, rng = 5, 7, np.random.default_rng(0)
    batch = make("maze", rows, size=7, distance=3, max_steps=10)
    director = Director(batch, Scored(batch.env, {}, None))
    owners = np.repeat(np.arange(rows), agents)
    since, expected = [[[] for _ in range(rows)] for _ in range(2)]
    for _ in range(6):
        began = rng.random((horizon, rows)) < 0.2
        shape = (horizon, rows * agents)
        advantages, values, acting = rng.normal(size=shape), rng.normal(size=shape), rng.random(shape) < 0.8
        for t in range(horizon):
            director.follow(began[t], t)
            for row in range(rows):
                mine = [k for k in np.flatnonzero(owners == row) if acting[t, k]]
                since[row] += [(advantages[t, k], values[t, k]) for k in mine]
                if began[t, row]:
                    expected.append((row, since[row]))
                    since[row] = []
        director.learned(advantages, values, acting, owners, 2.0)
    told = director.curriculum.told
    found = {name: np.concatenate([ended.scores[name] for ended in told]) for name in told[0].scores}
    expected = [each for each in expected if each]
    assert np.concatenate([ended.rows for ended in told]).tolist() == [row for row, _ in expected]
    for k, (_, steps) in enumerate(expected):
        count = max(len(steps), 1)
        assert np.isclose(found["advantage"][k], sum(abs(a) for a, _ in steps) / count)
        assert np.isclose(found["surprise"][k], sum(max(a, 0.0) for a, _ in steps) / count)
        assert np.isclose(found["value"][k], sum(v for _, v in steps) / count)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("return 1 / 0", r"curriculum Broken \(.*broken.py, line 5\): ZeroDivisionError"),
        ("return {'walls': 1}", "next.. returned {'walls': 1}; it must return Tasks"),
        ("return Tasks({'walls': [0.5] * (count + 1)})", "gave walls of shape"),
        ("return Tasks({'walls': [7.0] * count})", "parameter 'walls' = 7.0 is out of range"),
        ("return Tasks({'wall': 1})", "unknown parameter 'wall'; did you mean 'walls'"),
        ("return Tasks({}, -2)", "levels are whole numbers from -1"),
        ("return Tasks({'walls': ['x'] * count})", "is not made of numbers"),
    ],
)
def test_a_curriculum_that_goes_wrong_is_named(tmp_path, body, message):
    source = f"from puffer_arena.curriculum import *\n\nclass Broken(Curriculum):\n    def next(self, count, rng):\n        {body}\n\nCURRICULUM = Broken\n"
    (tmp_path / "broken.py").write_text(source)
    with pytest.raises(UnknownName, match="only read where a person names it"):
        load_curriculum(load_env("maze"), str(tmp_path / "broken.py"))
    director = Director(maze(2), load_curriculum(load_env("maze"), name_curriculum(str(tmp_path / "broken.py"))))
    with pytest.raises(TrainingError, match=message):
        director.begin()


def test_files_without_a_curriculum_are_refused(tmp_path):
    for text, message in (("", "has no CURRICULUM"), ("import nothing_of_this_name", "cannot be imported")):
        (tmp_path / "own.py").write_text(text)
        with pytest.raises(DefinitionError, match=message):
            name_curriculum(str(tmp_path / "own.py"))
    with pytest.raises(ArenaError, match="is not there"):
        name_curriculum(str(tmp_path / "none.py"))


class Counting(Noting):
    told = 0

    def ended(self, episodes):
        self.told += 1


def test_tasks_are_asked_for_about_once_a_rollout():
    director, rng = Director(maze(200), Counting(load_env("maze"), {}, None)), np.random.default_rng(1)
    director.begin()
    given, asked = director.curriculum.given, []
    for _ in range(8):
        before = len(given)
        for t in range(20):
            director.batch.step(director.batch.sample_actions(rng))
            director.follow(director.batch.began, t)
        assert len(director.report()) > 200
        asked.append(len(given) - before)
    assert max(asked[1:]) <= 3 and director.curriculum.told == 8


def test_after_a_level_was_thrown_out_tasks_are_drawn_anew():
    director, rng = Director(maze(20), Noting(load_env("maze"), {}, None)), np.random.default_rng(1)
    director.begin()
    play(director, 12, rng)
    given = director.curriculum.given
    director.curriculum.drop = lambda key: True
    director.queue.expect(15)
    director.batch.step(director.batch.sample_actions(rng))
    director.follow(np.ones(20, np.bool_))
    director.drop(3)
    before = sum(map(len, given))
    director.follow(np.ones(20, np.bool_))
    assert (director.batch.rows.levels >= before).all()


def test_tasks_without_levels_draw_them():
    class Levelled(Curriculum):
        def next(self, count, rng):
            return Tasks({}, np.full(count, 7))

    director = Director(maze(5), Levelled(load_env("maze"), {}, None))
    director.begin()
    assert (director.batch.rows.levels == 7).all()
    director.change(load_curriculum(load_env("maze"), {"ranges": {"walls": "0:1"}}))
    assert (director.batch.rows.levels == -1).all()


def test_arrays_of_numbers_are_handed_out_whole():
    batch = make("tests.games.terrain", 4, compiled=False)
    director = Director(batch, load_curriculum(batch.env, {"ranges": {"heights": "1:2", "boggy": "0,1"}}))
    director.begin()
    for array in (batch.rows.params, batch.rows.following):
        assert ((array["heights"] >= 1) & (array["heights"] <= 2)).all() and len(np.unique(array["heights"])) == 32


def test_a_task_that_contradicts_its_row_is_named_and_the_row_keeps_what_is_in_force():
    class Rising(Curriculum):
        things = 1

        def next(self, count, rng):
            return Tasks({"things": np.full(count, self.things)})

    batch = make("rooms", 2, rooms=2, size=3, things=3, compiled=False)
    director = Director(batch, Rising(batch.env, {}, None))
    director.begin()
    batch.params.write(0, rooms=1, size=2)  # by hand: a room of four cells, which holds two things
    director.curriculum.things = 3
    director.queue.drop()
    with pytest.raises(TrainingError, match="things = 3; rooms of this number and size hold 2 at most"):
        director.follow(np.array([True, True]))
    assert batch.rows.following["rooms"].tolist() == [2, 2] and (batch.rows.following["things"] == 1).all()


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("marks", lambda array: array.__setitem__(0, -1)),
        ("marks", lambda array: array.__setitem__(1, 99)),
        ("named", lambda array: array.__setitem__(slice(None), 2)),
        ("named", lambda array: array.__setitem__(np.flatnonzero(array)[0], 0)),
        ("params", lambda array: array.__setitem__(slice(None), 255)),
        ("levels", lambda array: array.__setitem__(0, -2)),
        ("starts", lambda array: array.__setitem__(0, -9)),
        ("weights", lambda array: array.__setitem__(0, np.nan)),
    ],
    ids=["cursor", "count", "all", "half", "params", "levels", "starts", "weights"],
)
def test_tasks_that_no_row_can_have_are_refused_in_a_checkpoint(name, change):
    director = Director(maze(4), load_curriculum(load_env("maze"), table("uniform")))
    director.begin()
    play(director, 12, np.random.default_rng(0))
    director.check("it")
    change(director.state()[f"queue.{name}"])
    with pytest.raises(FileError, match="it"):
        director.check("it")


# -- the methods ----------------------------------------------------------------------------------------


def ended(levels, success, **scores):
    """Return episodes of these levels, as a batch of mazes reports them."""
    batch = make("maze", 1, size=7)
    records = np.zeros(len(levels), batch.finished.dtype)
    records["level"], records["params"]["walls"] = levels, 0.3
    records["reached"] = success
    count = np.asarray(success, np.float64)
    found = {name: np.asarray(score, np.float64) for name, score in scores.items()}
    return Ended(np.arange(len(levels)), records, count, count, found)


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


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"until": {"measure": "reach"}}, "unknown measure 'reach'; did you mean 'reached'"),
        ({"until": {"measure": "success", "at_least": 1.5}}, "can never end it"),
        ({"until": {"measure": "success", "at_most": 1.0}}, "can never end it or always does"),
        ({"until": {"measure": "success"}}, "needs a number: at_least or at_most"),
        ({"until": {"at_least": 0.5, "episodes": 0}}, "episodes = 0"),
        ({"until": {"at_least": 0.5, "smoothing": 1.0}}, "smoothing = 1.0"),
        ({"until": 3}, "must be a table"),
        ({"range": {}}, "unknown name 'range'; did you mean 'ranges'"),
        ({"ranges": {"wall": 1}}, "unknown name 'wall'; did you mean 'walls'"),
        ({}, "never ends, and others follow it"),
    ],
)
def test_lessons_that_can_never_end_are_said_at_the_start(change, message):
    with pytest.raises(ArenaError, match=message):
        load_curriculum(load_env("maze"), {"lessons": [change, {"ranges": {"walls": 0.5}}]})


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"method": "uniform"}, r"needs ranges, such as --curriculum.ranges size=LOW:HIGH"),
        ({"method": "alp"}, "alp needs ranges"),
        ({"method": "unifrom"}, "did you mean 'uniform'"),
        ({"method": "plr", "settings": {"capacity": 0}}, "capacity"),
        ({"method": "plr", "settings": {"size": 3}}, "unknown setting 'curriculum.size'"),
        ({"method": "plr", "ranges": {"wall": 1}}, "unknown parameter 'wall'"),
        ({"method": "plr", "lessons": []}, "takes no lessons"),
        ({"method": "lessons"}, "needs some"),
        ({"methods": "plr"}, "unknown part 'methods'; did you mean 'method'"),
        ({"ranges": 3}, "ranges must be a table"),
        (
            {"method": "alp", "ranges": dict.fromkeys(("max_steps", "distance"), "10:20"), "settings": {"bins": 900}},
            "cells",
        ),
    ],
)
def test_tables_that_cannot_be_are_refused(given, message):
    with pytest.raises(ArenaError, match=message):
        load_curriculum(load_env("maze"), given)


def test_toml_files_are_read_with_a_bound(tmp_path):
    file = tmp_path / "own.toml"
    file.write_text('method = "uniform"\n[ranges]\nwalls = "0:0.5"\n')
    assert isinstance(load_curriculum(load_env("maze"), read_table(file)), CURRICULA["uniform"])
    for data in (b"= 3", b"\xff\xfe", b"#" * 1_000_001):
        file.write_bytes(data)
        with pytest.raises(ParameterError, match=re.escape(str(file))):
            read_table(file)


def replay(**settings):
    return Replay(load_env("maze"), {}, Replay.Settings(**{"capacity": 4, "staleness": 0.0, **settings}))


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


# -- whole rows -----------------------------------------------------------------------------------------


class Going(Curriculum):
    """Lets every episode go on from the first row that was seen, once there is one."""

    keeps, deepest, every, weighs = 2, 50, 6, True

    def next(self, count, rng):
        return Tasks({}, None, np.full(count, self.starts.serials[0]), np.full(count, 0.5))

    def seen(self, rows, scores):
        if not self.starts.filled[0] and 2 < rows.states["step_count"][0] < 6:
            self.starts.put(0, rows, 0)


@pytest.mark.parametrize(
    ("env", "params"),
    [("maze", {"size": 7, "max_steps": 10}), ("lander", {"max_steps": 30}), ("tag", {"max_steps": 12})],
)
def test_episodes_go_on_from_a_kept_row_to_the_bit(env, params):
    batch = make(env, 6, seed=3, record=None, **params)
    director, rng = Director(batch, Going(load_env(env), {}, None)), np.random.default_rng(0)
    director.begin()
    starts = director.curriculum.starts
    play(director, 8, rng)
    assert starts.filled[0]
    while not (director.entrances.present == 0).all():
        batch.step(batch.sample_actions(rng))
        director.follow(batch.began)
        director.report()
        begun = (director.entrances.present == 0) & batch.began.reshape(6, -1)[:, 0]
        for name in ("level", "rng_count", "step_count"):
            assert (batch.rows.states[name][begun] == starts.states[name][0]).all()
    assert (director.entrances.weights == 0.5).all()
    rows = np.arange(6)
    batch.place(rows, starts.at(np.zeros(6, np.int64)))
    same = batch.sample_actions(rng)
    same[:] = same[0]
    for _ in range(3):
        batch.step(same)
    for array in (batch.obs, batch.rewards):
        assert (array == array[:1]).all()
    assert len(set(batch.rows.states["row_key"])) == 6  # each keeps its own stream of levels
    if batch.recorder is not None:
        assert (batch.recorder._first == 0).all()  # the past came with it


@pytest.mark.parametrize(
    ("env", "params"), [("maze", {"size": 7, "distance": 9, "max_steps": 10}), ("lander", {"max_steps": 30})]
)
def test_an_episode_from_mid_episode_lasts_as_long_as_any(env, params):
    batch = make(env, 6, seed=3, record=None, **params)
    director, rng = Director(batch, Going(load_env(env), {}, None)), np.random.default_rng(0)
    director.begin()
    play(director, 8, rng)
    starts, lengths = director.curriculum.starts, []
    behind = int(starts.states["step_count"][0])
    while len(lengths) < 6:
        told = [ended for ended in play(director, 1, rng) if (ended.starts == 0).any()]
        lengths += [length for ended in told for length in ended.records["episode_length"][ended.starts == 0]]
    assert max(lengths) == behind + params["max_steps"]
    rows = np.arange(2)
    starts.put(1, batch.keep(rows), 0)  # one that has gone on goes on again, to the bit
    again = starts.states["step_count"][1]
    batch.reset(which=np.isin(np.arange(6), rows))
    starts.enter(rows, np.ones(2, np.int64), batch.buffers)
    assert (batch.rows.params["max_steps"][rows] == again + params["max_steps"]).all()
    same = starts.states.copy()
    for name in ("row_key", "episode"):
        same[name][1] = batch.rows.states[name][0]
    assert batch.rows.states[0].tobytes() == same[1].tobytes()


def test_a_row_whose_place_was_taken_meanwhile_begins_at_its_level():
    batch = maze(3)
    director = Director(batch, Going(batch.env, {}, None))
    director.begin()
    batch.step(batch.sample_actions(np.random.default_rng(0)))
    starts, kept = director.curriculum.starts, batch.keep(np.arange(3))
    assert starts.put(0, kept, 0) == 0 and starts.put(0, kept, 1) == 1
    director.entrances.present[:], director.entrances.weights[:] = (0, 1, -1), 0.5
    director.entrances.enter(np.arange(3), director.curriculum, batch.buffers)
    assert director.entrances.present.tolist() == [-1, 1, -1] and director.entrances.weights.tolist() == [1, 0.5, 0.5]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"starts": [0.5] * 2}, "no serial numbers"),
        ({"starts": [-7] * 2}, "no serial numbers"),
        ({"weights": [-1.0] * 2}, "numbers of at least 0"),
        ({"weights": [float("nan")] * 2}, "numbers of at least 0"),
        ({"starts": [1] * 3}, "gave starts of shape"),
    ],
)
def test_starts_and_weights_that_cannot_be_are_refused(given, message):
    class Wrong(Curriculum):
        def next(self, count, rng):
            return Tasks(**{name: np.array(values) for name, values in given.items()})

    with pytest.raises(TrainingError, match=message):
        Director(maze(2), Wrong(load_env("maze"), {}, None)).begin()


def test_states_are_drawn_by_priority_and_weighted_against_it():
    batch = maze(6)
    states = load_curriculum(
        batch.env, {"method": "states", "settings": {"capacity": 3, "alpha": 1.0, "beta": 1.0, "share": 1.0}}
    )
    states.begin(batch)
    batch.step(batch.sample_actions(np.random.default_rng(0)))
    states.seen(batch.keep(np.arange(5)), np.array([0.1, 0.4, 0.2, 0.05, 0.3]))
    kept = dict(zip(states.starts.serials.tolist(), states._scores.tolist(), strict=True))
    assert sorted(kept.values()) == [0.2, 0.3, 0.4]
    tasks = states.next(9000, np.random.default_rng(0))
    for serial, score in kept.items():
        mine = tasks.starts == serial
        assert abs(mine.mean() - score / 0.9) < 0.03
        np.testing.assert_allclose(tasks.weights[mine], 0.2 / score)  # 1 for the rarest
    (best,) = [serial for serial, score in kept.items() if score == 0.4]
    renewed = ended([1], [0], advantage=[0.01])
    states.ended(dataclasses.replace(renewed, starts=np.array([best])))
    assert np.isclose(sorted(states._scores), [0.01, 0.99 * 0.2, 0.99 * 0.3]).all()


def test_a_part_of_the_states_are_the_latest_drawn_alike():
    batch = maze(6)
    settings = {"capacity": 4, "alpha": 1.0, "beta": 0.0, "share": 1.0, "latest": 0.5}
    states = load_curriculum(batch.env, {"method": "states", "settings": settings})
    states.begin(batch)
    for scores in ([0.4, 0.2, 0.1], [0.0, 0.0, 0.0]):
        batch.step(batch.sample_actions(np.random.default_rng(0)))
        states.seen(batch.keep(np.arange(3)), np.array(scores))
    assert sorted(states._scores) == [0.0, 0.0, 0.2, 0.4]
    assert (states.starts.states["step_count"][:2] == 2).all() and (states.starts.states["step_count"][2:] == 1).all()
    drawn = states.next(9000, np.random.default_rng(0)).starts
    found = [(drawn == serial).mean() for serial in states.starts.serials]
    np.testing.assert_allclose(found, [0.25, 0.25, 0.5 * 2 / 3, 0.5 / 3], atol=0.03)
    alone = load_curriculum(batch.env, {"method": "states", "settings": {**settings, "latest": 1.0}})
    alone.begin(batch)
    alone.seen(batch.keep(np.arange(6)), np.zeros(6))
    assert alone.starts.filled.all() and set(alone.next(99, np.random.default_rng(0)).starts) == set(
        alone.starts.serials
    )


# -- training -------------------------------------------------------------------------------------------


def test_steps_count_by_the_weight_of_their_episode():
    pytest.importorskip("torch")
    from puffer_arena.trainers.data.rollout import Minibatch
    from tests.trainers_support import small_trainer

    trainer = small_trainer("maze", curriculum=table("states"), params={"size": 7, "max_steps": 10})
    trainer.update()
    trainer.rollout.weigh(np.linspace(0.0, 1.0, 24))
    trainer.rollout.weight[1:] = trainer.rollout.weight[0]
    minibatch = Minibatch(trainer.chunks)
    assert np.isclose(minibatch.count, 8 * 12)
    trainer.steer({})
    trainer.update()
    assert "weight" not in trainer.rollout.columns
    trainer.close()


@every_curriculum
def test_a_resumed_run_goes_on_exactly(method):
    pytest.importorskip("torch")
    from tests.trainers_support import assert_same_future, small_trainer

    given = {"curriculum": table(method), "params": {"size": 7, "distance": 3, "max_steps": 10}, "ppo__horizon": 16}
    first, second = (small_trainer("maze", **given) for _ in range(2))
    for _ in range(3):
        metrics = first.update()
    assert any(name.startswith("curriculum/") for name in metrics)
    second.load_state(*first.state())
    assert_same_future(first, second)
    first.close()
    second.close()


@pytest.mark.parametrize("where", ["next(self, count, rng)", "ended(self, episodes)"])
def test_a_run_whose_curriculum_goes_wrong_is_saved(tmp_path, where):
    pytest.importorskip("torch")
    from puffer_arena.trainers.runs.run import Callbacks, Run, resume_trainer, train
    from tests.trainers_support import small_config

    source = (
        "from puffer_arena.curriculum import *\n\nclass Broken(Curriculum):\n    calls = 0\n\n"
        f"    def {where}:\n        self.calls += 1\n        return Tasks() if self.calls < 3 else 1 / 0\n\nCURRICULUM = Broken\n"
    )
    (tmp_path / "broken.py").write_text(source)
    name = name_curriculum(str(tmp_path / "broken.py"))
    config = small_config("maze", curriculum={"method": name}, params={"size": 7, "distance": 3, "max_steps": 10})
    run = Run.create(config, tmp_path, "run", warn=pytest.fail)
    with pytest.raises(TrainingError, match=r"broken.py, line 8\): ZeroDivisionError"):
        train(config, run, Callbacks(on_warning=pytest.fail))
    trainer = resume_trainer(config, Run.open(tmp_path / "run"))
    assert trainer.updates == run.saved_updates > 0
    trainer.close()


def test_memory_has_room_for_the_largest_that_a_range_allows():
    pytest.importorskip("torch")
    from tests.trainers_support import small_trainer

    trainer = small_trainer("maze", curriculum={"ranges": {"size": "5:9"}}, params={"max_steps": 10})
    for _ in range(4):
        trainer.update()
    assert {5, 9} <= set(trainer.batch.rows.params["size"]) <= set(range(5, 10))
    trainer.close()


def test_the_command_line_reads_names_files_ranges_and_settings(tmp_path):
    pytest.importorskip("tyro")
    from puffer_arena.cli.train import final_config, parse_arguments

    (tmp_path / "own.toml").write_text('method = "plr"\n[ranges]\nwalls = "0:0.5"\n')
    arguments = ["maze", "--curriculum", str(tmp_path / "own.toml"), "--curriculum.ranges", "size=5:9"]
    config = final_config(parse_arguments([*arguments, "--curriculum.settings", "capacity=50"]))
    assert config.curriculum == {
        "method": "plr", "ranges": {"walls": "0:0.5", "size": "5:9"}, "settings": {"capacity": 50},
    }  # fmt: skip
    plain = final_config(parse_arguments(["maze", "--curriculum", "sfl"]))
    assert plain.curriculum == {"method": "sfl"}
    with pytest.raises(UnknownName, match="did you mean 'sfl'"):
        final_config(parse_arguments(["maze", "--curriculum", "sfi"]))
    with make("maze", size=7, compiled=False) as batch:
        level = take_level(batch)
    write_level(tmp_path / "drawn.toml", level)
    drawn = ["--curriculum.levels", str(tmp_path / "drawn.toml"), "--curriculum.weight", "0.5"]
    mixed = final_config(parse_arguments(["maze", *drawn])).curriculum
    assert mixed == {"levels": [as_table(level)], "weight": 0.5}
    with pytest.raises(FileError, match="is of the game 'maze', not of 'tag'"):
        final_config(parse_arguments(["tag", *drawn]))
    with pytest.raises(ParameterError, match="is not name=value"):
        final_config(parse_arguments(["maze", "--curriculum.ranges", "size"]))


def test_a_run_that_names_its_own_curriculum_again_keeps_its_table(tmp_path):
    pytest.importorskip("tyro")
    from puffer_arena.cli.train import curriculum_table, final_config, parse_arguments

    (tmp_path / "own.py").write_text("from puffer_arena.curriculum import *\n\nCURRICULUM = Curriculum\n")
    arguments = ["maze", "--curriculum", str(tmp_path / "own.py")]
    kept = final_config(parse_arguments([*arguments, "--curriculum.ranges", "walls=0:0.5"])).curriculum
    assert kept["ranges"] == {"walls": "0:0.5"}
    assert curriculum_table(parse_arguments(arguments), kept) == kept
    assert curriculum_table(parse_arguments(["maze", "--curriculum", "plr"]), kept) == {"method": "plr"}


def test_success_is_a_counter_of_the_environment():
    with pytest.raises(DefinitionError, match="success: 'goal' must be one of counters"):
        dataclasses.replace(load_env("maze"), success="goal")


@dataclass(frozen=True)
class Paired:
    low: float = param(0.0, 0.0, 9.0)
    high: float = param(5.0, 0.0, 9.0)
    other: int = param(3, 0, 9)

    @property
    def room(self) -> float:
        return self.high - self.low

    def __post_init__(self) -> None:
        if self.room < 0.0:
            raise ValueError("low is above high")


@dataclass(frozen=True)
class Handing(Paired):
    def __post_init__(self) -> None:
        if any(value == 7 for value in vars(self).values()):
            raise ValueError("7 is taken")


def test_what_is_checked_together_is_known_through_properties_or_else_everything_is():
    assert read_together(Paired) == {"low", "high"}
    assert read_together(Handing) == {"low", "high", "other"}
