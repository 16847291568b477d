"""The rules of bomber, in plain Python: # wall, . floor, B brick, 0 to 3 players."""

import numpy as np
import pytest

from puffer_arena import make
from puffer_arena.envs.bomber import state as bomber
from puffer_arena.envs.bomber.state import DOWN, EXTRA, LAY, LEFT, RIGHT, STAY, UP


def arena(*lines: str, fuse: int = 3):
    """Return a batch of one row, 7 by 7, with the players where they stand in these lines; others are absent."""
    batch = make("bomber", 1, compiled=False, seed=1, size=7, bricks=0.0, fuse=fuse, autoreset="disabled")
    s = batch.rows.states[0]
    s["alive"] = 0
    for row, line in enumerate(lines):
        for col, mark in enumerate(line):
            s["board"][row, col] = bomber.WALL if mark == "#" else bomber.BRICK if mark == "B" else bomber.FLOOR
            if mark.isdigit():
                s["alive"][int(mark)] = 1
                for name, value in (("row", row), ("col", col), ("from_row", row), ("from_col", col)):
                    s[name][int(mark)] = value
    batch.look(np.ones(1, np.bool_))
    return batch, s


def play(batch, *moves: tuple[int, ...]) -> None:
    for actions in moves:
        given = np.zeros((1, 4), np.int64)
        given[0, : len(actions)] = actions
        batch.step(given)


def test_flames_end_at_walls_and_take_one_brick() -> None:
    batch, s = arena("#######", "#0.BB.#", "#.#####", "#.....#", "#.....#", "#....1#", "#######")
    s["reach"][0] = 5
    play(batch, (LAY,), (DOWN,), (DOWN,), (RIGHT,))
    assert s["board"][1, 3] == bomber.FLOOR and s["board"][1, 4] == bomber.BRICK
    assert s["flame"][1].tolist() == [0, 1, 1, 2, 0, 0, 0] and s["alive"][0]
    assert batch.rewards[0].tolist() == pytest.approx([0.02, 0, 0, 0]) and s["bricks"] == 1
    play(batch, (STAY,))
    assert not s["flame"].any() and not s["bomb"].any()  # a flame lasts for one step


def test_a_bomb_that_flames_meet_goes_off_with_them() -> None:
    batch, s = arena("#######", "#0...1#", "#.#.#.#", "#.....#", "#.....#", "#.....#", "#######", fuse=6)
    play(batch, (LAY, STAY), (DOWN, LEFT), (DOWN, LEFT), (RIGHT, LAY))  # the second, two cells away, three steps later
    assert s["danger"][1, 5] == s["danger"][3, 3] == s["danger"][3, 1] == 3
    play(batch, (RIGHT, DOWN), (DOWN, DOWN), (RIGHT, RIGHT))
    assert s["flame"][1, 1:6].all() and not s["bomb_fuse"].any()
    assert s["killed"] == 0  # both have left the two rows


def test_the_last_one_left_wins_and_is_paid_for_the_kill() -> None:
    batch, s = arena("#######", "#0.1..#", "#.#####", "#.....#", "#.....#", "#.....#", "#######")
    play(batch, (LAY, STAY), (DOWN, STAY), (DOWN, STAY), (RIGHT, STAY))
    assert batch.rewards[0, :2].tolist() == pytest.approx([0.5 + 1.0, -1.0])
    assert batch.terminated[0, :2].all() and s["ended"] and s["kills"].tolist() == [1, 0, 0, 0]


def test_bombs_bar_the_way_and_are_limited() -> None:
    batch, s = arena("#######", "#0.B..#", "#.#####", "#.....#", "#.....#", "#....1#", "#######", fuse=6)
    play(batch, (LAY,))
    assert batch.action_mask[0, 0].tolist() == [True, False, True, False, True, False]  # no second bomb
    play(batch, (RIGHT,))
    assert not batch.action_mask[0, 0, LEFT] and s["col"][0] == 2
    play(batch, (LEFT,))
    assert s["col"][0] == 2


def test_all_who_come_together_get_the_item() -> None:
    batch, s = arena("#######", "#0...1#", "#######", "#.....#", "#.....#", "#.....#", "#######")
    s["item"][1, 3] = EXTRA
    play(batch, (RIGHT, LEFT), (RIGHT, LEFT))
    assert s["holds"].tolist() == [2, 2, 1, 1] and s["item"][1, 3] == 0
    assert UP not in np.flatnonzero(batch.action_mask[0, 0])
