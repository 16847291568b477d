"""The rules of tag: C chasers, R runners, # pillars, each in reading order."""

import numpy as np
import pytest

from puffer_arena.envs.tag import state as tag
from tests.grids import cells, flood, make


def place_tag(picture, **params):
    """Return a one-row batch with the drawn position, at least 6 by 6."""
    grid = cells(picture)
    marks = [(mark, row, col) for row, line in enumerate(grid) for col, mark in enumerate(line)]
    chasers, runners = ([at for mark, *at in marks if mark == role] for role in "CR")
    setting = {"walls": 0.0, "rest": 0, "reward_step": 0.0, **params}
    batch = make("tag", chasers=len(chasers), runners=len(runners), size=len(grid), **setting)
    s = batch.rows.states[0]
    s["board"] = np.array([[tag.WALL if mark == "#" else tag.FLOOR for mark in line] for line in grid])
    for k, (row, col) in enumerate(chasers + runners):
        s["row"][k] = s["from_row"][k] = row
        s["col"][k] = s["from_col"][k] = col
    batch.restore(0, batch.snapshot(0))  # looks again
    return batch


def places(batch):
    s = batch.state(0)
    return [(s.row[k], s.col[k]) for k in range(batch.num_agents)]


CHASE = """
    . . . . . .
    . C . R . .
    . . . . . .
    . R # . . .
    . . . . . .
    . . . . . .
"""


def test_a_chaser_catches_by_entering_the_cell() -> None:
    batch = place_tag(CHASE)
    batch.step(np.array([[tag.RIGHT, tag.LEFT, tag.STAY]]))  # both step onto (1, 2)
    assert batch.rewards.tolist() == [[1.0, -1.0, 0.0]]
    assert batch.terminated.tolist() == [[False, True, False]] and not batch.truncated.any()
    assert batch.acting.tolist() == [[True, False, True]] and (batch.obs[0, 1] == 0).all()
    assert not batch.action_mask[0, 1].any() and batch.state(0).caught == 1


def test_agents_that_cross_meet_on_the_way() -> None:
    batch = place_tag(CHASE.replace("C . R", ". C R"))
    batch.step(np.array([[tag.RIGHT, tag.LEFT, tag.STAY]]))
    assert batch.rewards.tolist() == [[1.0, -1.0, 0.0]]


def test_following_into_a_cell_that_is_left_catches_nobody() -> None:
    batch = place_tag(CHASE.replace("C . R", ". C R"))
    batch.step(np.array([[tag.RIGHT, tag.RIGHT, tag.STAY]]))
    assert batch.rewards.tolist() == [[0.0, 0.0, 0.0]] and batch.state(0).caught == 0


def test_every_chaser_that_reaches_a_runner_is_paid() -> None:
    batch = place_tag(CHASE.replace("R . .", "R C ."), reward_catch=2.0)
    batch.step(np.array([[tag.RIGHT, tag.LEFT, tag.LEFT, tag.STAY]]))  # the runner steps between the chasers
    assert batch.rewards.tolist() == [[2.0, 0.0, -2.0, 0.0]]  # it crosses the first only on entering (1, 2)


def test_the_last_catch_ends_the_episode_for_the_chasers() -> None:
    batch = place_tag(CHASE.replace(". R #", ". . #"), reward_step=0.25)
    batch.step(np.array([[tag.RIGHT, tag.LEFT]]))
    assert batch.terminated.all() and not batch.truncated.any()
    assert batch.rewards.tolist() == [[0.75, -0.75]]  # 1 less a step's cost; the loss softened by a step's pay
    assert batch.finished["episode_length"][0] == 1 and batch.finished["caught"][0] == 1


def test_time_truncates_for_those_still_there() -> None:
    batch = place_tag(CHASE, max_steps=10)
    batch.rows.states["step_count"] = 9
    batch.rows.states["alive"][0, 1] = 0
    batch.step(np.zeros((1, 3), int))
    assert batch.truncated.tolist() == [[True, False, True]] and not batch.terminated.any()


def test_moves_into_walls_are_barred_and_do_nothing() -> None:
    batch = place_tag(CHASE)
    assert batch.action_mask[0, 2].tolist() == [True, True, True, True, False]  # the pillar is to its right
    batch.step(np.array([[tag.STAY, tag.STAY, tag.RIGHT]]))
    assert places(batch)[2] == (3, 1)
    batch.rows.states["row"][0, 0] = 0
    batch.step(np.array([[tag.UP, tag.STAY, tag.STAY]]))
    assert places(batch)[0] == (0, 1)


def test_runners_pause_on_every_rest_th_step() -> None:
    batch = place_tag(CHASE, rest=3)
    for _ in range(2):
        batch.step(np.array([[tag.DOWN, tag.RIGHT, tag.STAY]]))
    assert batch.action_mask[0, 1].tolist() == [True, False, False, False, False]  # its third step is a rest
    batch.step(np.array([[tag.DOWN, tag.LEFT, tag.STAY]]))
    assert places(batch) == [(4, 1), (1, 5), (3, 1)]


def test_a_runner_that_rests_at_its_first_step_is_told_so() -> None:
    masks = [place_tag(CHASE, rest=rest).action_mask[0, :2, 1:].any(1).tolist() for rest in (1, 2)]
    assert masks == [[True, False], [True, True]]  # on every step; on the second, fourth, ...


def test_who_shares_a_cell_sees_its_own_role_there() -> None:
    batch = place_tag(CHASE.replace("R # .", ". # ."))
    batch.rows.states["row"], batch.rows.states["col"] = 1, 3
    batch.restore(0, batch.snapshot(0))
    assert [int(seen[4, 4]) for seen in batch.obs[0]] == [tag.CHASER, tag.RUNNER]


def test_the_view_is_centred_and_ends_at_sight() -> None:
    batch = place_tag(CHASE, sight=5)
    # Around the chaser at (1, 1), two cells each way; row and column -1 lie beyond the board.
    assert batch.obs[0, 0].tolist() == [
        [tag.WALL] * 5,
        [tag.WALL, tag.FLOOR, tag.FLOOR, tag.FLOOR, tag.FLOOR],
        [tag.WALL, tag.FLOOR, tag.CHASER, tag.FLOOR, tag.RUNNER],
        [tag.WALL, tag.FLOOR, tag.FLOOR, tag.FLOOR, tag.FLOOR],
        [tag.WALL, tag.FLOOR, tag.RUNNER, tag.WALL, tag.FLOOR],
    ]
    batch.rows.params["sight"][0] = 3  # at once, without the reset that a parameter of memory waits for
    batch.restore(0, batch.snapshot(0))
    assert (batch.obs[0, 0][[0, 4]] == tag.UNSEEN).all() and (batch.obs[0, 0][:, [0, 4]] == tag.UNSEEN).all()
    assert batch.obs[0, 0][2, 2] == tag.CHASER and batch.obs[0, 0][3, 2] == tag.FLOOR


@pytest.mark.slow
def test_the_outcome_does_not_depend_on_the_order_of_agents() -> None:
    first = make("tag", num_envs=24, seed=3, size=6, chasers=4, runners=4)
    second = make("tag", num_envs=24, seed=3, size=6, chasers=4, runners=4)
    rng = np.random.default_rng(0)
    for _ in range(20):
        order = np.concatenate([rng.permutation(4), 4 + rng.permutation(4)])
        second.rows.states[:] = first.rows.states
        for name in ("row", "col", "from_row", "from_col", "alive", "episode_return"):
            second.rows.states[name] = first.rows.states[name][:, order]
        second.rows.states["catches"] = first.rows.states["catches"][:, order[:4]]
        actions = first.sample_actions(rng)
        going = first.rows.states["step_count"] >= 0
        first.step(actions)
        second.step(actions[:, order])
        assert (second.rewards == first.rewards[:, order]).all()
        assert (second.terminated == first.terminated[:, order]).all()
        going &= first.rows.states["step_count"] > 0  # rows that began anew placed their agents in order
        for name in ("row", "col", "alive"):
            assert (second.rows.states[name][going] == first.rows.states[name][going][:, order]).all()


def test_a_row_with_fewer_agents_leaves_the_others_absent() -> None:
    batch = make("tag", num_envs=2, chasers=3, runners=2)
    batch.params.chasers[1], batch.params.runners[1] = 2, 1
    batch.reset()
    assert batch.acting.tolist() == [[True] * 5, [True, True, False, True, False]]
    for _ in range(30):
        batch.step(batch.act("hunt"))
        assert not batch.acting[1, [2, 4]].any() and (batch.rewards[1, [2, 4]] == 0).all()


def test_pillars_never_cut_the_board_and_agents_start_on_floor() -> None:
    batch = make("tag", num_envs=60, walls=0.5, size=10)
    for s in batch.rows.states:
        floor = s["board"] == tag.FLOOR
        assert floor.sum() < 100 and all(floor[at] for at in zip(s["row"], s["col"], strict=True))
        assert (flood(floor, (s["row"][0], s["col"][0])) >= 0).sum() == floor.sum()


def test_an_episode_begins_with_agents_spread_out_and_runners_ahead() -> None:
    batch = make("tag", num_envs=60, size=8, walls=0.0, chasers=2, runners=2, rest=0)
    states = batch.rows.states
    rows, cols = states["row"], states["col"]
    assert set(rows.ravel()) == set(cols.ravel()) == set(range(8))
    assert (states["from_row"] == rows).all() and (states["from_col"] == cols).all()
    away = abs(rows[:, 2:, None] - rows[:, None, :2]) + abs(cols[:, 2:, None] - cols[:, None, :2])
    assert away.min() == tag.HEAD_START  # the least that is allowed is taken, too
    assert not states["caught"].any() and not states["catches"].any()


def test_walls_take_the_share_of_cells_that_they_may_and_none_is_left_of_an_earlier_board() -> None:
    batch = make("tag", num_envs=40, size=12, walls=0.05)
    walls = (batch.rows.states["board"] == tag.WALL).sum((1, 2))
    assert 4 <= walls.mean() <= 7  # 7 of 144 are tried; some would stand next to another
    batch.rows.states["caught"], batch.rows.states["catches"] = 1, 1
    batch.params.walls[:] = 0.0
    batch.reset()
    assert not (batch.rows.states["board"] == tag.WALL).any()
    assert not batch.rows.states["caught"].any() and not batch.rows.states["catches"].any()
