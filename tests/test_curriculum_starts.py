"""Episodes that go on from whole rows, and how much each counts."""

import dataclasses

import numpy as np
import pytest

from puffer_arena import make
from puffer_arena.curriculum import Curriculum, Director, Tasks, load_curriculum
from puffer_arena.curriculum.notes import Shown
from puffer_arena.curriculum.starts import Starts
from puffer_arena.curriculum.states import choose_places
from puffer_arena.errors import TrainingError
from puffer_arena.registry import load_env
from tests.curricula import ended, maze, play


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
    same = starts.bytes[0].copy().reshape(-1).view(starts.states.dtype)
    for name in ("row_key", "episode"):
        same[name][1] = batch.rows.states[name][0]
    assert batch.rows.states[0].tobytes() == same[1].tobytes()


def test_a_row_whose_place_was_taken_meanwhile_begins_at_its_level():
    batch = maze(3)
    director = Director(batch, Going(batch.env, {}, None))
    director.begin()
    batch.step(batch.sample_actions(np.random.default_rng(0)))
    starts, kept = director.curriculum.starts, batch.keep(np.arange(3))
    assert starts.put(0, kept, 0) == 0 and starts.put(0, kept, 1) == 2  # of two places
    director.entrances.present[:], director.entrances.weights[:] = (0, 2, -1), 0.5
    director.entrances.enter(np.arange(3), director.curriculum, batch.buffers)
    assert director.entrances.present.tolist() == [-1, 2, -1] and director.entrances.weights.tolist() == [1, 0.5, 0.5]


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


def choose_one_by_one(given, holds, scores, filled, latest, turn):
    """Return which state goes where as `choose_places` does, plainly."""
    chosen = []
    for k in np.flatnonzero(holds):
        spots = []
        if latest:
            spots.append(turn[0] % latest)
            turn[0] = turn[0] % latest + 1
            scores[spots[0]], filled[spots[0]] = given[k], True
        if latest < len(scores):
            free = np.flatnonzero(~filled[latest:])
            place = latest + (free[0] if len(free) else np.argmin(scores[latest:]))
            if len(free) or given[k] > scores[place]:
                spots.append(place)
                scores[place], filled[place] = given[k], True
        chosen += [(place, k) for place in spots]
    return chosen


def test_states_get_the_places_that_they_would_get_one_by_one():
    rng = np.random.default_rng(0)
    for _ in range(200):
        capacity, count = rng.integers(1, 12), rng.integers(0, 20)
        latest = int(rng.integers(0, capacity + 1))
        given, holds = np.round(rng.random(count), 1), rng.random(count) < 0.8
        filled = rng.random(capacity) < 0.6
        scores, turn = np.where(filled, np.round(rng.random(capacity), 1), 0.0), np.array([rng.integers(capacity + 1)])
        ours, plain = [(scores.copy(), filled.copy(), turn.copy()) for _ in range(2)]
        places, chosen = np.zeros((2, 2 * count), np.int64)
        found = choose_places(given, holds, *ours[:2], latest, ours[2], places, chosen)
        pairs = list(zip(places[:found], chosen[:found], strict=True))
        assert pairs == choose_one_by_one(given, holds, *plain[:2], latest, plain[2])
        for mine, theirs in zip(ours, plain, strict=True):
            np.testing.assert_array_equal(mine, theirs)


def test_rows_find_what_they_begin_at_after_any_change():
    batch = maze(4)
    starts, kept = Starts(batch, 3), batch.keep(np.arange(4))
    serials = [starts.put(place, kept, 0) for place in (2, 0, 1)]
    assert serials == [2, 3, 7]  # places plus three times how many came before
    present, weights, rows = np.array([3, 2, 7, -1]), np.full(4, 0.5), np.arange(3)
    found, places = starts.find_entering(rows, present, weights)
    assert found.tolist() == [0, 1, 2] and places.tolist() == [0, 2, 1]
    starts.put(0, kept, 1)
    found, places = starts.find_entering(rows, present, weights)
    assert found.tolist() == [1, 2] and places.tolist() == [2, 1]
    assert present.tolist() == [-1, 2, 7, -1] and weights.tolist() == [1.0, 0.5, 0.5, 0.5]


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


def test_compiled_loops_show_the_rows_that_plain_python_shows():
    class Watching(Curriculum):
        keeps, every = 2, 3

        def seen(self, rows, scores):
            told.append((rows.states.tobytes(), rows.params.tobytes()))

    found = []
    for plainly in (False, True):
        told = []
        batch = maze(8)
        director, rng = Director(batch, Watching(batch.env, {}, None)), np.random.default_rng(0)
        assert director.shown.copies
        if plainly:
            director.shown = Shown(batch, 3, director._turn, False)
            director._notes = True
            director._take_hand()
        director.begin()
        for _ in range(3):
            for t in range(20):  # so that there must be more room
                batch.step(batch.sample_actions(rng))
                director.follow(batch.began, t)
            director.report()
        found.append([b"".join(parts) for parts in zip(*told, strict=True)])
    assert found[0] == found[1] and len(found[0][0])
