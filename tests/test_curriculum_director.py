"""Who chooses the next episodes: what is assigned is played, and what is seen is true."""

import re

import numpy as np
import pytest

from puffer_arena import make
from puffer_arena.core.random import HELD_OUT_BIT
from puffer_arena.curriculum import Curriculum, Director, Tasks, load_curriculum
from puffer_arena.curriculum.choose import name_curriculum
from puffer_arena.curriculum.spread import read_spread
from puffer_arena.errors import FileError, TrainingError, UnknownName
from puffer_arena.registry import load_env
from tests.curricula import Noting, every_curriculum, maze, play, table


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


def test_fixed_leaves_parameters_as_they_stand_and_levels_to_the_game():
    told = []
    for seed in range(2):
        director = Director(maze(), load_curriculum(load_env("maze"), table("fixed")), seed)
        director.begin()
        told.append(np.concatenate([ended.records for ended in play(director, 60, np.random.default_rng(1))]))
    assert told[0].tolist() == told[1].tolist()
    assert {each["params"].tolist() for each in told[0]} == {maze().rows.params[0].tolist()}
    assert len(set(told[0]["level"])) == len(told[0])


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
    with pytest.raises(TrainingError, match=message) as found:
        director.begin()
    assert re.search(r"curriculum Broken \(.*broken.py, line [45]\): ", str(found.value))


def test_a_curriculum_of_no_file_is_named_too():
    space = {}
    exec(
        "from puffer_arena.curriculum import *\n\nclass Typed(Curriculum):\n    def next(self, count, rng): 1 / 0",
        space,
    )
    with pytest.raises(TrainingError, match=r"curriculum Typed \(<string>, line 4\): ZeroDivisionError"):
        Director(maze(2), space["Typed"](load_env("maze"), {}, None)).begin()


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
