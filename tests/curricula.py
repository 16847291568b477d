"""Games, tables and ended episodes for the tests of curricula."""

import numpy as np
import pytest

from puffer_arena import make
from puffer_arena.curriculum import CURRICULA, Curriculum, Ended, Tasks

SMALL = {"plr": {"capacity": 20}, "sfl": {"candidates": 30, "trials": 2, "capacity": 5}, "alp": {"bins": 4}}
SMALL["accel"] = {"capacity": 20, "edits": 3}
SMALL["states"] = {"capacity": 10, "every": 16, "deepest": 20}
LESSONS = [
    {"ranges": {"walls": 0.0}, "until": {"measure": "length", "at_least": 1, "episodes": 20}},
    {"ranges": {"walls": "0.1:0.4"}},
]
every_curriculum = pytest.mark.parametrize("method", [name for name in CURRICULA if name != "fixed"])  # who choose


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


def ended(levels, success, **scores):
    """Return episodes of these levels, as a batch of mazes reports them."""
    batch = make("maze", 1, size=7)
    records = np.zeros(len(levels), batch.finished.dtype)
    records["level"], records["params"]["walls"] = levels, 0.3
    records["reached"] = success
    count = np.asarray(success, np.float64)
    found = {name: np.asarray(score, np.float64) for name, score in scores.items()}
    return Ended(np.arange(len(levels)), records, count, count, found)
