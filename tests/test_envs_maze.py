"""The rules of maze: # wall, . floor, G goal, A agent."""

import numpy as np
import pytest

from puffer_arena.envs.maze import state as maze
from puffer_arena.errors import ParameterError
from tests.grids import cells, flood, make, move


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
