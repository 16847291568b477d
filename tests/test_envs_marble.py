"""Marble: how it rolls, what ends an episode, and that its easy course cannot be done blindly."""

import math

import numpy as np
import pytest

from puffer_arena.batch.make import make
from puffer_arena.trainers.config import load_config

EASY = load_config("marble").params
FORWARDS = np.array([0.0, 1.0])


def roll(batch, action, steps):
    for _ in range(steps):
        batch.step(np.broadcast_to(action, batch.actions.shape))


def test_a_marble_on_a_tilted_world_rolls_with_five_sevenths_of_the_pull():
    with make("marble", length=10.0, wind=0.0, seed=1) as batch:
        roll(batch, FORWARDS, 20)  # the world has turned by then
        tilt, before = batch.state(0).tilt[1], batch.state(0).marble.vy
        roll(batch, FORWARDS, 30)
        # A solid ball that rolls: a = 5/7 g sin(tilt); damping takes some of it.
        assert tilt == pytest.approx(0.3)
        assert (batch.state(0).marble.vy - before) / 0.5 == pytest.approx(5 / 7 * 9.81 * math.sin(tilt), rel=0.05)


def test_a_marble_left_alone_on_level_ground_stays():
    with make("marble", wind=0.0, seed=2) as batch:
        x, y = batch.state(0).marble.x, batch.state(0).marble.y
        roll(batch, np.zeros(2), 300)
        assert batch.state(0).marble.x == pytest.approx(x, abs=0.01)
        assert batch.state(0).marble.y == pytest.approx(y, abs=0.01)


def test_a_fall_over_the_side_ends_the_episode_and_costs():
    with make("marble", wind=0.0, seed=3, autoreset="disabled") as batch:
        for _ in range(300):
            roll(batch, np.array([1.0, 0.0]), 1)
            if batch.terminated[0]:
                break
        assert batch.terminated[0]
        assert batch.rewards[0] == pytest.approx(-1.0, abs=0.05)
        assert batch.finished["finished"][0] == 0


def test_steps_near_a_side_cost():
    with make("marble", wind=0.0, seed=3, margin=0.5, autoreset="disabled") as batch:
        for _ in range(200):
            roll(batch, np.array([1.0, 0.0]), 1)
            aside = abs(batch.state(0).marble.x - batch.state(0).edges[batch.state(0).plate, 0])
            assert batch.signal("cost")[0] == (1.0 if aside > 1.2 - 0.5 else 0.0)
            if batch.terminated[0]:
                break
        assert batch.finished["episode_cost"][0] > 0.0


def test_the_bot_finishes_held_out_easy_courses():
    with make("marble", num_envs=16, split="held_out", autoreset="disabled", **EASY) as batch:
        for _ in range(1400):
            batch.step(batch.act("steady"))
            if batch.rows.states["ended"].all():
                break
        assert batch.finished["finished"].mean() >= 0.9
        # Seven plates of 5 m, half of the last, 7 gaps of 0.1 m on average, less the first metre: 37.2 m at 0.1 each; +2.
        assert batch.finished["episode_return"].max() == pytest.approx(0.1 * 37.2 + 2.0, abs=0.15)


def test_straight_ahead_falls_off_most_easy_courses():
    with make("marble", num_envs=64, split="held_out", autoreset="disabled", **EASY) as batch:
        roll(batch, FORWARDS, 450)
        assert batch.rows.states["ended"].all()
        assert batch.finished["finished"].mean() <= 0.25
