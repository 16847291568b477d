"""Hex: who has joined the edges, what each player sees, and what the bot does about it."""

import numpy as np
import pytest

from puffer_arena import make
from puffer_arena.batch.batch import Batch

RED, BLUE, MOST = 0, 1, 11


def board(text: str) -> Batch:
    """Return a game on a drawn board: R and B are stones; red moves where there are as many of each."""
    rows = [line.split() for line in text.strip().splitlines()]
    batch = make("hex", 1, size=len(rows), opening=0, autoreset="disabled")
    s = batch.rows.states[0]
    for (row, col), letter in np.ndenumerate(np.array(rows)):
        s["owner"][row, col] = " RB".find(letter) if letter in "RB" else 0
    s["laid"] = (s["owner"] > 0).sum()
    s["turn"] = s["laid"] % 2
    batch.rows.states[0] = s
    return batch


def lay(batch: Batch, row: int, col: int) -> None:
    mover = int(batch.rows.states["laid"][0]) % 2
    actions = batch.actions.copy()
    actions[0, mover] = row * MOST + col if mover == RED else col * MOST + row
    batch.step(actions)


@pytest.mark.parametrize(
    ("drawn", "cell", "winner"),
    [
        ("R . B \n R . B \n . . .", (2, 0), RED),  # top to bottom
        ("R B . \n R . B \n . . .", (2, 2), None),
        (". R B \n R . B \n . . .", (2, 0), RED),  # a cell's neighbours are its right upper and its left lower, too
        ("R . B \n . R B \n . . .", (2, 2), None),  # but not its left upper
        ("R R . \n B . B \n R . .", (1, 1), BLUE),  # side to side
    ],
)
def test_who_joins_both_edges_wins(drawn: str, cell: tuple[int, int], winner: int | None) -> None:
    batch = board(drawn)
    lay(batch, *cell)
    assert bool(batch.terminated.all()) == (winner is not None)
    if winner is not None:
        assert batch.rewards[0].tolist() == ([1.0, -1.0] if winner == RED else [-1.0, 1.0])
        assert batch.finished[["red_won", "blue_won"]][0].tolist() == (1.0 - winner, float(winner))


def test_a_stone_on_another_loses() -> None:
    batch = board("R . . \n . B . \n . . .")
    lay(batch, 1, 1)
    assert batch.rewards[0].tolist() == [-1.0, 1.0]


def test_blue_sees_the_board_mirrored_and_masks_bar_what_is_taken() -> None:
    batch = make("hex", 1, size=3, opening=0)
    actions = batch.actions.copy()
    actions[0, RED] = 0 * MOST + 2
    batch.step(actions)
    assert batch.obs[0, RED].tolist() == [[0, 0, 1], [0, 0, 0], [0, 0, 0]]
    assert batch.obs[0, BLUE].tolist() == [[0, 0, 0], [0, 0, 0], [2, 0, 0]]
    open_cells = batch.action_mask[0, BLUE].reshape(MOST, MOST)
    assert open_cells.sum() == 8 and not open_cells[2, 0] and not open_cells[3:].any()
    actions[0, BLUE] = 0 * MOST + 2  # blue's right upper corner is the left lower one
    batch.step(actions)
    assert batch.rows.states["owner"][0, 2, 0] == 1 + BLUE


def test_the_bot_wins_where_one_stone_does_it_and_stops_who_would() -> None:
    batch = board("R . B \n R . B \n . . .")
    cell = divmod(int(batch.act("bridge")[0, RED]), MOST)
    lay(batch, *cell)
    assert cell == (2, 0) and batch.rewards[0, RED] == 1.0
    batch = board("R . B \n R . B \n . . R")  # red has one stone more, so blue moves
    assert divmod(int(batch.act("bridge")[0, BLUE]), MOST) == (0, 2)  # mirrored


def test_no_game_ends_in_a_draw_and_openings_join_nothing() -> None:
    with make("hex", 64, seed=1, size=3, opening=6) as batch:
        assert (batch.rows.states["winner"] == -1).all() and batch.rows.states["laid"].max() <= 4
        for _ in range(40):
            batch.step(batch.sample_actions(np.random.default_rng(0)))
        ended = batch.rows.episodes["totals"]
        assert (ended["episodes"] >= 3).all() and (ended["red_won"] + ended["blue_won"] == ended["episodes"]).all()
