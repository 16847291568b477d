"""The rules of doors, and that all of its families can be solved."""

import numpy as np
import pytest

from puffer_arena import make
from puffer_arena.envs.doors import state as doors
from puffer_arena.envs.doors.state import (
    BALL,
    BOX,
    CLOSED,
    DROP,
    FORWARD,
    GOAL,
    KEY,
    LOCKED,
    OPEN,
    PICK_UP,
    RIGHT,
    TOGGLE,
)

FAMILIES = {
    "DoorKey": {"across": 2},
    "MultiRoom": {"across": 6, "locked": 0},
    "KeyCorridor": {"across": 3, "down": 3, "fetch": 1.0},
    "boxes": {"across": 3, "down": 2, "locked": 2, "boxed": 1.0},
}


@pytest.mark.slow
def test_every_family_is_solved_by_the_bot() -> None:
    each, settings = 48, {"across": 6, "down": 3, "max_steps": 1500, "split": "held_out"}
    batch = make("doors", num_envs=each * len(FAMILIES), **settings)
    for k, family in enumerate(FAMILIES.values()):
        batch.params.write(slice(k * each, (k + 1) * each), **{"down": 1, **family})
    batch.reset()
    states = batch.rows.states
    locks = (states["kind"] == LOCKED).sum((1, 2)).reshape(-1, each)
    assert locks[0].tolist() == [1] * each and not locks[1].any() and (locks[3] >= 1).all()
    assert (states["mission"][2 * each : 3 * each, 0] >= BALL).all()
    assert ((states["kind"] == KEY).sum((1, 2))[3 * each :] == 0).all()  # all in boxes
    while (batch.finished["episodes"] == 0).any():
        waiting = batch.finished["episodes"] == 0
        batch.step(batch.act("expert"))
        ended = waiting & (batch.finished["episodes"] > 0)
        assert (batch.finished["reached"][ended] == 1).all()  # within 1500 steps


def hall(*cells: tuple[int, int]):
    """Return a batch of one row whose agent looks along a row of cells, each a kind and a colour, up to a wall."""
    batch = make("doors", 1, compiled=False, seed=1, across=2, room=6, autoreset="disabled")
    s = batch.rows.states[0]
    s["kind"], s["color"], s["hidden"], s["carried"] = doors.WALL, 0, 0, 0
    s["mission"] = GOAL, 2
    s["row"], s["col"], s["heading"] = 3, 1, 1
    for k, (kind, color) in enumerate([(doors.FLOOR, 0), *cells]):
        s["kind"][3, 1 + k], s["color"][3, 1 + k] = kind, color
    batch.look(np.ones(1, np.bool_))
    return batch, s


def play(batch, *actions: int) -> None:
    for action in actions:
        batch.step(np.array([action]))


def test_a_lock_opens_to_the_key_of_its_colour() -> None:
    batch, s = hall((KEY, 3), (LOCKED, 3), (GOAL, 2))
    assert batch.action_mask[0, [FORWARD, PICK_UP, DROP, TOGGLE]].tolist() == [False, True, False, False]
    play(batch, PICK_UP)
    assert s["carried"].tolist() == [KEY, 3, 0]
    play(batch, FORWARD, TOGGLE)
    assert s["kind"][3, 3] == OPEN and s["opened"] == 1
    play(batch, FORWARD, FORWARD)
    # Five steps of 250: 1 - 0.9 * 5 / 250
    assert batch.terminated[0] and batch.rewards[0] == pytest.approx(0.982) and s["reached"] == 1


def test_a_key_of_another_colour_opens_nothing() -> None:
    batch, s = hall((KEY, 4), (LOCKED, 3))
    play(batch, PICK_UP, FORWARD)
    assert not batch.action_mask[0, TOGGLE]
    play(batch, TOGGLE)
    assert s["kind"][3, 3] == LOCKED


def test_a_box_keeps_its_key_while_it_is_carried() -> None:
    batch, s = hall((BOX, 1))
    s["hidden"][3, 2] = 5
    play(batch, PICK_UP, FORWARD, RIGHT, RIGHT, DROP, TOGGLE)
    assert (s["kind"][3, 1], s["color"][3, 1]) == (KEY, 5)


def test_what_is_behind_a_closed_door_is_not_seen() -> None:
    batch, s = hall((CLOSED, 2), (GOAL, 2))
    s["kind"][2, 1:4] = s["kind"][4, 1:4] = doors.WALL
    batch.look(np.ones(1, np.bool_))
    sight = batch.obs["kinds"][0]
    assert sight[5, 3] == CLOSED and GOAL not in sight and batch.obs["colors"][0, 5, 3] == 2
    play(batch, TOGGLE)
    assert batch.obs["kinds"][0, 5, 3] == OPEN and batch.obs["kinds"][0, 4, 3] == GOAL
    assert batch.obs["mission"][0].tolist() == [GOAL, 2]


def test_the_mission_may_be_to_hold_a_thing() -> None:
    batch, s = hall((BALL, 4))
    s["mission"] = BALL, 4
    play(batch, PICK_UP)
    assert batch.terminated[0] and s["reached"] == 1
