"""The rules of snake: letters from the head a on, * the food."""

import pytest

from puffer_arena.envs import snake
from tests.grids import cells, make, move


def place_snake(picture, heading, **params):
    """Return a one-row batch with the drawn position."""
    grid = cells(picture)
    batch = make("snake", rows=len(grid), cols=len(grid[0]), **params)
    s = batch.rows.states[0]
    s["board"], s["heading"], s["hunger"] = snake.EMPTY, heading, 0
    at = {mark: (row, col) for row, line in enumerate(grid) for col, mark in enumerate(line) if mark != "."}
    if "*" in at:
        s["board"][at.pop("*")] = snake.FOOD
    s["length"], s["head"] = len(at), len(at) - 1
    for back, mark in enumerate(sorted(at)):
        s["body"][len(at) - 1 - back] = at[mark]
        s["board"][at[mark]] = snake.HEAD if back == 0 else snake.BODY
    return batch


def drawn(batch):
    """Return the observed board of a snake batch as text."""
    return [" ".join(".oa*"[code] for code in line) for line in batch.obs[0]]


LOOP = """
    . . . .
    . a d .
    . b c .
    * . . .
"""


def test_tail_cell_is_free_to_enter() -> None:
    batch = place_snake(LOOP, snake.UP)
    assert move(batch, snake.RIGHT) == (0.0, False, False)
    assert drawn(batch) == [". . . .", ". o a .", ". o o .", "* . . ."]


def test_biting_the_body_ends_the_episode() -> None:
    batch = place_snake(". e . .\n. a d .\n. b c .\n* . . .", snake.UP)  # the tail is e now: d stays
    assert move(batch, snake.RIGHT) == (-1.0, True, False)


@pytest.mark.parametrize("action", range(4))
def test_walls_are_deadly_on_every_side(action: int) -> None:
    corner = {snake.UP: (0, 0), snake.LEFT: (0, 0), snake.DOWN: (3, 3), snake.RIGHT: (3, 3)}[action]
    batch = make("snake", rows=4, cols=4)
    batch.rows.states["body"][0, 0] = corner
    assert move(batch, action) == (-1.0, True, False)


def test_turning_back_on_the_neck_is_ignored() -> None:
    batch = place_snake(". . . .\nb a . .\n. . . .\n* . . .", snake.RIGHT)
    assert move(batch, snake.LEFT) == (0.0, False, False)
    assert drawn(batch)[1] == ". o a ."


def test_a_lone_head_may_turn_back() -> None:
    batch = place_snake(". . . .\n. a . .\n. . . .\n* . . .", snake.RIGHT)
    move(batch, snake.LEFT)
    assert drawn(batch)[1] == "a . . ."


def test_a_bite_grows_the_snake_scores_and_places_new_food() -> None:
    batch = place_snake(". . . .\nb a * .\n. . . .\n. . . .", snake.RIGHT, reward_food=2.5)
    batch.rows.states["hunger"] = 7
    assert move(batch, snake.RIGHT) == (2.5, False, False)
    assert drawn(batch)[1].startswith("o o a")
    assert (batch.obs[0] == snake.FOOD).sum() == 1
    assert (batch.state(0).length, batch.state(0).score, batch.state(0).hunger) == (3, 1, 0)


def test_hunger_truncates() -> None:
    batch = place_snake(". . . .\nb a . .\n. . . .\n* . . .", snake.RIGHT, max_hunger=10)
    batch.rows.states["hunger"] = 8
    assert move(batch, snake.RIGHT) == (0.0, False, False)  # 9 steps unfed
    assert move(batch, snake.UP) == (0.0, False, True)
    assert (batch.final_obs[0] == snake.HEAD).sum() == 1


def test_a_full_board_is_won() -> None:
    batch = place_snake("* a b c\ng f e d\nh i j k\no n m l", snake.LEFT)
    assert move(batch, snake.LEFT) == (1.0, True, False)


def test_cells_beyond_a_smaller_board_read_as_body() -> None:
    batch = make("snake", num_envs=2, rows=6, cols=6)
    batch.params.rows[1], batch.params.cols[1] = 4, 5
    batch.reset()
    assert (batch.obs[1, 4:] == snake.BODY).all() and (batch.obs[1, :, 5:] == snake.BODY).all()
    assert (batch.obs[1, :4, :5] != snake.BODY).all() and (batch.obs[0] != snake.BODY).all()
