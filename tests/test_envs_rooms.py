"""Rooms: every level can be solved, the wanted thing is shown and then gone, and a thing ends the episode."""

import numpy as np
import pytest

from puffer_arena import Batch, make

FORWARD, LEFT, RIGHT = range(3)


@pytest.fixture(scope="module")
def walked() -> Batch:
    """Return rows in the midst of their episodes."""
    batch = make("rooms", 64, seed=4)
    for _ in range(5):
        batch.step(np.full(64, LEFT))
    return batch


def at(batch: Batch, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return what lies at places of every row: above 0 a wall."""
    plan = batch.rows.states["plan"]
    return plan[np.arange(len(plan)), np.floor(y).astype(int), np.floor(x).astype(int)]


def test_the_wanted_thing_can_be_reached_from_every_start() -> None:
    batch = make("rooms", 512, seed=1, loops=0.0)
    batch.params.size[:256] = 2
    batch.params.rooms[256:] = 1
    batch.params.things[256:] = 2
    batch.reset()
    states = batch.rows.states
    row, col = np.floor(states["y"]).astype(int), np.floor(states["x"]).astype(int)
    assert (states["distance"][np.arange(512), row, col] > 0).all()


def test_the_seeker_finds_it_on_levels_that_were_held_out() -> None:
    batch = make("rooms", 64, seed=2, split="held_out")
    for _ in range(150):
        batch.step(batch.act("seeker"))
    assert batch.episodes()["found"] > 0.98


def test_things_lie_on_floors_and_differ_in_shape_and_colour(walked: Batch) -> None:
    things = walked.rows.states["things"][:, :-1]
    for k in range(things.shape[1]):
        assert (at(walked, things[:, k, 0], things[:, k, 1]) <= 0).all()
        for j in range(k):
            assert (things[:, k, 4:] != things[:, j, 4:]).all()


def test_the_wanted_thing_is_shown_and_then_has_to_be_remembered() -> None:
    batch = make("rooms", 16, seed=0, shown=3)
    seen = []
    for _ in range(6):
        shown = batch.rows.states["things"][:, -1]
        seen.append(shown[0, 3] > 0)
        assert (shown[:, 4:] == batch.rows.states["things"][:, 0, 4:]).all()
        batch.step(np.full(16, LEFT))
    assert seen == [True, True, True, False, False, False]


def test_nobody_walks_through_walls(walked: Batch) -> None:
    for _ in range(60):
        walked.step(np.full(64, FORWARD))
        assert (at(walked, walked.rows.states["x"], walked.rows.states["y"]) <= 0).all()


def test_shaping_pays_for_the_way_that_has_become_shorter() -> None:
    batch = make("rooms", 32, seed=5)
    batch.params.shaping[:] = 0.25

    def to_go() -> np.ndarray:
        states = batch.rows.states
        return states["distance"][np.arange(32), np.floor(states["y"]).astype(int), np.floor(states["x"]).astype(int)]

    for _ in range(12):
        before = to_go()
        step = batch.step(batch.act("seeker"))
        on = ~step.terminated
        assert step.rewards[on] == pytest.approx(0.25 * (before - to_go())[on])


@pytest.mark.parametrize("k", [0, 1])
def test_a_thing_ends_the_episode_and_only_the_wanted_one_pays(k: int) -> None:
    batch = make("rooms", 1)
    state = batch.rows.states[0]
    thing = state["things"][k]
    # The row faces the thing from the west, 0.85 m away; one stride of 0.4 m takes it within reach.
    state["x"], state["y"], state["heading"] = thing[0] - 0.85, thing[1], 0.0
    state["plan"][int(thing[1]), int(thing[0]) - 1] = 0
    batch.step([FORWARD])
    assert batch.terminated[0] and batch.rewards[0] == pytest.approx((1.0 - 0.5 / 150) if k == 0 else -0.5)
    ended = batch.finished[0]
    assert (ended["found"], ended["taken"]) == ((1, 0) if k == 0 else (0, 1))
