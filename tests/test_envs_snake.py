"""The rules of snake: letters from the head a on, * the food."""

import itertools

import numpy as np
import pytest

from puffer_arena.envs.snake import state as snake
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


def test_an_episode_begins_with_a_head_in_the_middle_and_one_bite_anywhere_else() -> None:
    batch = make("snake", num_envs=300, rows=4, cols=5)
    heads, food = batch.obs == snake.HEAD, batch.obs == snake.FOOD
    assert heads[:, 2, 2].all() and heads.sum() == food.sum() == 300 and (food.sum((1, 2)) == 1).all()
    assert (food.any(0) == ~heads[0]).all()  # 19 cells: none is left out
    states = batch.rows.states
    assert set(states["heading"]) == {0, 1, 2, 3} and (states["length"] == 1).all()
    assert not (states["score"].any() or states["hunger"].any() or states["head"].any())


def test_a_growing_snake_hangs_together() -> None:
    batch = make("snake", num_envs=3, rows=5, cols=4, seed=2)
    bitten, most = np.zeros(3, np.int64), 0
    for _ in range(120):
        batch.step(batch.act("greedy"))
        bitten = np.where(batch.terminated, 0, bitten + (batch.rewards > 0))
        most = max(most, bitten.max())
        for s, bites in zip(batch.rows.states, bitten, strict=True):
            body = [tuple(s["body"][(s["head"] - back) % 20]) for back in range(s["length"])]
            assert s["length"] - 1 == s["score"] == bites and len(set(body)) == len(body)
            assert all(abs(a[0] - b[0]) + abs(a[1] - b[1]) == 1 for a, b in itertools.pairwise(body))
            codes = {at: snake.BODY if back else snake.HEAD for back, at in enumerate(body)}
            board = {at: int(code) for at, code in np.ndenumerate(s["board"]) if code not in (snake.EMPTY, snake.FOOD)}
            assert board == codes and (s["board"] == snake.FOOD).sum() == 1
    assert most > 4


@pytest.mark.parametrize(
    ("food", "wanted"), [((0, 1), snake.UP), ((3, 2), snake.DOWN), ((1, 0), snake.LEFT), ((1, 3), snake.RIGHT)]
)
def test_the_bot_goes_up_or_down_before_it_turns_to_the_side(food: tuple[int, int], wanted: int) -> None:
    grid = [["."] * 4 for _ in range(4)]
    grid[1][1], grid[food[0]][food[1]] = "a", "*"
    batch = place_snake("\n".join(" ".join(row) for row in grid), snake.LEFT)
    assert batch.act("greedy").tolist() == [wanted]
