"""The rules of push: # wall, . floor, o target, $ box, * box at home, @ player."""

import numpy as np
import pytest

from puffer_arena import make
from puffer_arena.envs.push import state as push
from puffer_arena.envs.push.state import LEFT, RIGHT

LARGEST = {"size": 12, "pulls": 64}  # what sizes the rows is the same in all tests: one kernel


@pytest.mark.parametrize("split", ["train", "held_out"])
def test_every_level_is_solved_by_its_plan(split: str) -> None:
    batch = make("push", num_envs=384, split=split, max_steps=2000, boxes=6, walls=0.0, **LARGEST)
    batch.params.write(slice(0, 128), size=8, pulls=16, boxes=2, walls=0.3)
    batch.params.write(slice(128, 256), size=6, pulls=5, boxes=3, walls=0.2)
    batch.reset()
    states = batch.rows.states
    boxes = states["home"] + states["away"]
    pushes = states["left"].copy()
    assert (states["away"] > 0).all() and (pushes > 0).all()
    assert len({board.tobytes() for board in states["board"]}) > 350
    while (batch.finished["episodes"] == 0).any():
        waiting = batch.finished["episodes"] == 0
        batch.step(batch.act("planner"))
        ended = waiting & (batch.finished["episodes"] > 0)
        assert batch.terminated[ended].all() and not batch.truncated[waiting].any()
        assert (batch.finished["home"][ended] == boxes[ended]).all()
        assert (batch.finished["pushes"][ended] <= pushes[ended]).all()  # some are solved on the way


def room(*lines: str):
    """Return a batch of one row with this board."""
    batch = make("push", num_envs=1, **LARGEST)
    s = batch.rows.states[0]
    s["board"] = push.WALL
    s["home"] = s["away"] = s["left"] = 0
    for row, line in enumerate(lines):
        for col, mark in enumerate(line):
            s["board"][row, col] = "#.o$*".index(mark.replace("@", "."))
            s["home"] += mark == "*"
            s["away"] += mark == "$"
            if mark == "@":
                s["row"], s["col"] = row, col
    batch.look(np.ones(1, np.bool_))
    return batch


def move(batch, action: int) -> float:
    batch.step(np.array([action]))
    return float(batch.rewards[0])


def test_a_box_that_gets_home_pays_and_one_that_leaves_costs() -> None:
    batch = room("######", "#@$o.#", "#..$.#", "######")
    assert move(batch, RIGHT) == pytest.approx(1 - 0.1)
    assert move(batch, RIGHT) == pytest.approx(-1 - 0.1)
    assert batch.rows.states["pushes"][0] == 2
    assert not batch.action_mask[0, RIGHT]  # a wall is behind the box


def test_the_last_box_at_home_ends_the_level() -> None:
    batch = room("######", "#.@$o#", "######")
    assert move(batch, RIGHT) == pytest.approx(1 + 10 - 0.1)
    assert batch.terminated[0] and batch.finished["solved"][0] == 1


def test_two_boxes_in_a_row_do_not_move() -> None:
    batch = room("#######", "#.@$$o#", "#######")
    assert batch.action_mask[0].tolist() == [False, False, True, False]
    assert move(batch, RIGHT) == pytest.approx(-0.1)
    assert batch.rows.states["col"][0] == 2 and batch.rows.states["pushes"][0] == 0
    assert move(batch, LEFT) == pytest.approx(-0.1) and batch.rows.states["col"][0] == 1
