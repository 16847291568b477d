"""Connect four: lines, full columns and boards, what players see, and what the bot finds."""

import numpy as np
import pytest
from pettingzoo.utils.wrappers import TerminateIllegalWrapper

from puffer_arena import make
from puffer_arena.adapters.pettingzoo import aec_env
from puffer_arena.players.evaluate import evaluate
from puffer_arena.players.player import chance, scripted, versus


def drop(columns: str, compiled: bool = False, **params):
    """Drop stones into columns counted from 1, red first, and return the batch."""
    batch = make("connect4", autoreset="disabled", opening=0, compiled=compiled, **params)
    for column in columns:
        batch.step(np.full((1, 2), int(column) - 1))
    return batch


def board(batch) -> list[str]:
    """Return the board as red sees it, X for red and O for yellow, # beyond it."""
    return ["".join(".XO#"[code] for code in row) for row in batch.obs[0, 0]]


def test_stones_pile_up_and_each_sees_its_own() -> None:
    batch = drop("4435")
    assert board(batch) == [".......", ".......", ".......", ".......", "...O...", "..XXO.."]
    assert (batch.obs[0, 1] == np.array([0, 2, 1, 3])[batch.obs[0, 0]]).all()  # what is mine is theirs to the other
    assert batch.acting.tolist() == [[True, False]]


@pytest.mark.parametrize(
    ("columns", "params"),
    [
        ("1122334", {}),  # across
        ("1212121", {}),  # up
        ("12233434464", {}),  # to the upper right
        ("76655454424", {}),  # to the upper left
        ("11223", {"connect": 3}),
        ("1122334455", {"connect": 6}),  # not yet
    ],
)
def test_a_line_wins(columns: str, params: dict) -> None:
    before, batch = drop(columns[:-1], **params), drop(columns, **params)
    assert not before.terminated.any() and not before.rows.states["ended"][0]
    if params.get("connect") == 6:
        assert not batch.terminated.any()
        return
    assert batch.terminated.all() and batch.rewards.tolist() == [[1.0, -1.0]]
    assert batch.state(0).red_won == 1 and batch.state(0).yellow_won == 0


def test_a_line_does_not_go_on_in_the_next_column() -> None:
    batch = drop("", rows=8)
    batch.rows.states["stones"][0] = 0b11100000, 0b00011111  # the first column, red at the top
    batch.step(np.ones((1, 2), np.int64))
    assert not batch.terminated.any() and [row[0] for row in board(batch)] == list("XXXOOOOO")


def test_a_full_board_is_a_draw() -> None:
    batch = drop("112323231", rows=3, cols=3, connect=4)
    assert batch.terminated.all() and (batch.rewards == 0).all() and batch.state(0).winner == -1


def test_a_full_column_is_barred_and_loses() -> None:
    batch = drop("1111", rows=4)
    assert batch.action_mask[0].tolist() == [[False] + [True] * 6, [False] * 7]
    batch.step(np.zeros((1, 2), np.int64))
    assert batch.terminated.all() and batch.rewards.tolist() == [[-1.0, 1.0]]


def test_a_smaller_board_within_the_batch_has_walls() -> None:
    batch = make("connect4", compiled=False, opening=0)
    batch.params.rows[:], batch.params.cols[:] = 4, 5
    batch.reset()
    batch.step(np.full((1, 2), 4))
    assert board(batch) == ["#######", "#######", ".....##", ".....##", ".....##", "....X##"]
    assert batch.action_mask[0, 1].tolist() == [True] * 5 + [False] * 2


def test_games_begin_with_a_few_stones_and_nobody_has_won() -> None:
    batch = make("connect4", 256, compiled=False, opening=8, connect=3)
    laid = batch.rows.states["laid"]
    assert laid.max() > 4 and (batch.acting.argmax(1) == laid % 2).all() and (batch.rows.states["winner"] == -1).all()


def test_openings_are_positions_of_a_game_on_at_most_half_of_the_board() -> None:
    batch = make("connect4", 256, compiled=False, opening=8, rows=3, cols=3)
    laid, (red, yellow) = batch.rows.states["laid"], (batch.obs[:, 0] == code for code in (1, 2))
    assert laid.max() == 4  # of nine cells; a column holds three, so some were full
    assert (red.sum((1, 2)) == (laid + 1) // 2).all() and (yellow.sum((1, 2)) == laid // 2).all()
    taken = red | yellow
    assert (taken[:, 1:] | ~taken[:, :-1]).all()  # each lies on the bottom or on another


def test_a_game_after_another_begins_on_an_empty_board() -> None:
    batch = make("connect4", 1, compiled=False, opening=0)
    for column in "71726364":
        batch.step(np.full((1, 2), int(column) - 1))
    assert batch.terminated.all() and batch.rewards.tolist() == [[-1.0, 1.0]]
    assert (batch.finished["red_won"][0], batch.finished["yellow_won"][0]) == (0, 1)
    assert board(batch) == ["." * 7] * 6 and not batch.rows.states["stones"].any()


@pytest.mark.parametrize(
    ("columns", "best"),
    [
        ("172737", 3),  # red has 1, 2, 3 in the bottom row: it wins with 4
        ("7172735", 3),  # yellow has them
        ("1727361", 3),  # yellow must block red in the fourth column
    ],
)
def test_the_bot_wins_where_it_can_and_blocks_where_it_must(columns: str, best: int) -> None:
    for depth in (2, 4, 8):
        batch = drop(columns, compiled=True, depth=depth)
        mover = int(batch.acting[0].argmax())
        for _ in range(8):
            assert batch.act("search")[0, mover] == best


def test_who_looks_further_wins_more() -> None:
    for depth, least in ((1, 0.8), (4, 0.95)):
        player = versus(scripted("search"), chance(0), "")
        assert evaluate("connect4", player, 100, side="", params={"depth": depth}).means["won"] > least


def test_pettingzoo_punishes_a_move_that_is_barred() -> None:
    env = TerminateIllegalWrapper(aec_env("connect4", opening=0, rows=4), illegal_reward=-1)
    env.reset(seed=0)
    for _ in range(4):
        assert env.last()[0]["action_mask"][0]
        env.step(0)
    assert not env.last()[0]["action_mask"][0]
    mover = env.agent_selection
    env.step(0)
    assert all(env.terminations.values()) and env.rewards[mover] == -1
