"""The rules of the grid games: positions are drawn, and what must follow is worked out beside them."""

import numpy as np
import pytest

import puffer_arena
from puffer_arena.core.errors import ParameterError
from puffer_arena.envs import maze, snake, squared, tag


def make(env_id, **arguments):
    """Make a batch in plain Python: as fast as compiling for the few steps of these tests."""
    return puffer_arena.make(env_id, compiled=False, **arguments)


def cells(picture):
    """Return the characters of a drawn position, one list a row."""
    return [line.split() for line in picture.strip().splitlines()]


# -- snake: letters from the head a on, * the food -----------------------------------------------------


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


def move(batch, action):
    step = batch.step(np.array([action]))
    return float(step.rewards[0]), bool(step.terminated[0]), bool(step.truncated[0])


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


# -- tag: C chasers, R runners, # pillars, each in reading order ---------------------------------------


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
    assert batch.alive.tolist() == [[True, False, True]] and (batch.obs[0, 1] == 0).all()
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
    assert batch.alive.tolist() == [[True] * 5, [True, True, False, True, False]]
    for _ in range(30):
        batch.step(batch.act("hunt"))
        assert not batch.alive[1, [2, 4]].any() and (batch.rewards[1, [2, 4]] == 0).all()


def flood(open_cells, start):
    """Return the distance from `start` of every open cell, -1 where none leads: a naive search."""
    distance = np.full(open_cells.shape, -1)
    distance[start], front = 0, [start]
    while front:
        row, col = front.pop(0)
        for near in ((row - 1, col), (row + 1, col), (row, col - 1), (row, col + 1)):
            inside = 0 <= near[0] < len(open_cells) and 0 <= near[1] < len(open_cells)
            if inside and open_cells[near] and distance[near] < 0:
                distance[near] = distance[row, col] + 1
                front.append(near)
    return distance


def test_pillars_never_cut_the_board_and_agents_start_on_floor() -> None:
    batch = make("tag", num_envs=200, walls=0.5, size=10)
    for s in batch.rows.states:
        floor = s["board"] == tag.FLOOR
        assert floor.sum() < 100 and all(floor[at] for at in zip(s["row"], s["col"], strict=True))
        assert (flood(floor, (s["row"][0], s["col"][0])) >= 0).sum() == floor.sum()


# -- maze --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("split", ["train", "held_out"])
@pytest.mark.parametrize("params", [{}, {"walls": 1.0, "distance": 2000}, {"size": 8, "walls": 0.3, "distance": 4}])
def test_every_level_can_be_solved_at_the_distance_asked_for(split: str, params) -> None:
    batch = make("maze", num_envs=256, split=split, **params)
    levels = set()
    for s in batch.rows.states:
        levels.add(s["board"].tobytes())
        (goal,) = np.argwhere(s["board"] == maze.GOAL)
        distance = flood(s["board"] >= maze.FLOOR, tuple(goal))
        wanted = min(int(batch.params.distance[0]), distance.max())
        assert distance[s["row"], s["col"]] == s["length"] == wanted
        assert (s["distance"] == distance).all()
        edge = np.concatenate([s["board"][[0, -1]].ravel(), s["board"][:, [0, -1]].ravel()])
        assert (edge == maze.WALL).all()
    assert len(levels) > 100  # the small ones repeat now and then


def test_the_bot_takes_a_shortest_path() -> None:
    batch = make("maze", num_envs=128, seed=2, max_steps=1000)
    lengths = batch.rows.states["length"].copy()
    while (batch.finished["episodes"] == 0).any():
        waiting = batch.finished["episodes"] == 0
        batch.step(batch.act("shortest"))
        ended = waiting & batch.terminated
        assert (batch.finished["episode_length"][ended] == lengths[ended]).all()
        # 1 less 0.9 for the part of the time taken, in float32
        expected = 1 - 0.9 * lengths[ended] / 1000
        assert np.allclose(batch.rewards[ended], expected, atol=1e-6) and (batch.rewards[~ended & waiting] == 0).all()


@pytest.mark.parametrize(("walls", "standing"), [(1.0, 8), (0.0, 4)])
def test_wall_density_runs_from_a_perfect_maze_to_an_open_room(walls: float, standing: int) -> None:
    # 7 by 7 has 25 inner cells: 9 rooms, 12 walls between them and 4 posts.  A perfect maze joins 9 rooms by 8
    # openings, so that 4 walls and the 4 posts stand; with no walls the posts alone do.
    batch = make("maze", num_envs=50, size=7, walls=walls)
    inner = (batch.rows.states["board"][:, 1:-1, 1:-1] == maze.WALL).sum((1, 2))
    assert (inner == standing).all()


def test_fewer_walls_stand_at_a_lower_density() -> None:
    counts = [
        (make("maze", num_envs=64, walls=w).rows.states["board"] == maze.WALL).sum() for w in (0.0, 0.4, 0.8, 1.0)
    ]
    assert counts == sorted(counts) and len(set(counts)) == 4


def place_maze(picture, **params):
    """Return a one-row batch with the drawn level: # wall, . floor, G goal, A agent."""
    grid = cells(picture)
    batch = make("maze", size=len(grid), **params)
    s = batch.rows.states[0]
    codes = {"#": maze.WALL, ".": maze.FLOOR, "A": maze.FLOOR, "G": maze.GOAL}
    s["board"] = np.array([[codes[mark] for mark in line] for line in grid])
    ((s["row"], s["col"]),) = [(r, line.index("A")) for r, line in enumerate(grid) if "A" in line]
    batch.restore(0, batch.snapshot(0))
    return batch


CORRIDOR = """
    # # # # #
    # A . . #
    # # # . #
    # G . . #
    # # # # #
"""


def test_walls_bar_moves_and_the_goal_ends_the_episode() -> None:
    batch = place_maze(CORRIDOR, max_steps=10)
    assert batch.action_mask[0].tolist() == [False, False, False, True]
    for action in (maze.LEFT, maze.RIGHT, maze.RIGHT, maze.DOWN, maze.DOWN, maze.LEFT):
        assert move(batch, action) == (0.0, False, False)
    reward, terminated, truncated = move(batch, maze.LEFT)
    assert reward == pytest.approx(1 - 0.9 * 7 / 10) and terminated and not truncated


def test_the_maze_is_seen_from_the_agent() -> None:
    batch = place_maze(CORRIDOR, sight=5)
    # Two cells around (1, 1); row and column -1 lie beyond the level.
    wall, floor, unseen, goal = maze.WALL, maze.FLOOR, maze.UNSEEN, maze.GOAL
    assert batch.obs[0].tolist() == [
        [unseen] * 5,
        [unseen, wall, wall, wall, wall],
        [unseen, wall, floor, floor, floor],
        [unseen, wall, wall, wall, floor],
        [unseen, wall, goal, floor, floor],
    ]
    batch.rows.params["sight"][0] = 3  # at once, without the reset that a parameter of memory waits for
    batch.restore(0, batch.snapshot(0))
    seen = batch.obs[0]
    assert seen[1:4, 1:4].tolist() == [[wall, wall, wall], [wall, floor, floor], [wall, wall, wall]]
    assert (seen != unseen).sum() == 9


@pytest.mark.parametrize("env_id", ["maze", "tag"])
def test_an_even_view_is_refused_by_name(env_id: str) -> None:
    with pytest.raises(ParameterError, match=rf"'{env_id}'.*sight = 8; it must be odd"):
        make(env_id, sight=8)


# -- squared -----------------------------------------------------------------------------------------


def place_squared(target, **params):
    batch = make("squared", size=5, targets=2, **params)
    s = batch.rows.states[0]
    s["board"] = squared.FLOOR
    s["board"][0, 0] = s["board"][target] = squared.TARGET
    return batch


def test_diagonals_are_one_move_and_a_target_sends_back_to_the_middle() -> None:
    batch = place_squared((4, 2), reward_step=0.25)
    ahead, stay, back = squared.AHEAD, squared.STAY, squared.BACK
    assert move(batch, (back, back)) == (-0.25, False, False)
    assert batch.obs[0, 1, 1] == squared.AGENT
    assert move(batch, (back, back)) == (0.25, False, False)  # half of 1 for one of two targets, less the step
    assert batch.obs[0, 2, 2] == squared.AGENT and batch.obs[0, 0, 0] == squared.FLOOR
    assert move(batch, (ahead, stay)) == (-0.25, False, False)
    assert move(batch, (ahead, stay)) == (0.25, True, False)


def test_the_edge_stops_moves_and_time_truncates() -> None:
    batch = place_squared((0, 4), max_steps=5)
    for _ in range(4):
        assert move(batch, (squared.AHEAD, squared.AHEAD))[1:] == (False, False)
    assert batch.obs[0, 4, 4] == squared.AGENT
    assert move(batch, (squared.AHEAD, squared.STAY))[1:] == (False, True)


def test_targets_lie_on_the_edge() -> None:
    batch = make("squared", num_envs=100, size=6, targets=8)
    boards = batch.rows.states["board"] == squared.TARGET
    assert (boards.sum((1, 2)) == 8).all() and not boards[:, 1:-1, 1:-1].any()
    assert boards.any(0)[0].all() and boards.any(0)[-1].all()  # corners too
