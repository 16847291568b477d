"""A mask that leaves somebody no choice is refused by environment, row and agent, wherever actions are chosen."""

from pathlib import Path

import numpy as np
import pytest

from puffer_arena import make
from puffer_arena.adapters.gymnasium import GymnasiumEnv, GymnasiumVectorEnv
from puffer_arena.adapters.pettingzoo import parallel_env
from puffer_arena.errors import ActionError
from puffer_arena.render.play.game import Game
from tests.playing import GATES

TAG = "tag"
WAYS = {"sample": lambda batch: batch.sample_actions(np.random.default_rng(0)), "check": lambda b: b.check_choices()}


@pytest.mark.parametrize("way", [*WAYS, "bot"])
def test_the_row_and_the_agent_are_named(way):
    batch = make(TAG, num_envs=4)
    choose = WAYS.get(way, lambda batch: batch.act("hunt"))
    choose(batch)
    batch.action_mask[2, 1] = False
    with pytest.raises(ActionError, match="environment 'tag': in row 2, of agent 'chaser_1', action_mask bars every"):
        choose(batch)
    batch.acting[2, 1] = False  # one that does not act needs no choice
    choose(batch)


def test_a_component_that_is_barred_is_named():
    batch = make(GATES, num_envs=2)
    sizes = batch.action.nvec if hasattr(batch.action, "nvec") else None
    batch.action_mask[1, : sizes[0] if sizes else None] = False
    with pytest.raises(ActionError, match="in row 1, action_mask bars every choice"):
        batch.sample_actions(np.random.default_rng(0))


def test_a_row_that_has_ended_needs_no_choice():
    batch = make("maze", num_envs=1, autoreset="disabled")
    batch.rows.states["ended"] = 1
    batch.action_mask[:] = False
    batch.check_choices()


@pytest.fixture
def walled(tmp_path):
    """Return a maze whose mask bars everything from the fifth step on, when no trial play looks."""
    source = (Path(__file__).parent.parent / "envs" / "maze.py").read_text()
    file = tmp_path / "walled.py"
    file.write_text(source.replace("mask[way] = not is_wall(", "mask[way] = s.step_count < 5 and not is_wall("))
    return str(file)


def test_gymnasium_s_environments_refuse_it(walled):
    env = GymnasiumEnv(walled)
    env.reset(seed=0)
    with pytest.raises(ActionError, match="'walled': in row 0, action_mask bars every choice"):
        for _ in range(5):
            env.step(0)
    envs = GymnasiumVectorEnv(walled, num_envs=2)
    envs.reset(seed=0)
    with pytest.raises(ActionError, match="'walled': in row 0, action_mask bars every choice"):
        for _ in range(5):
            envs.step(np.zeros(2, np.int64))


def test_pettingzoo_s_environments_refuse_it(tmp_path):
    source = (Path(__file__).parent.parent / "envs" / "tag.py").read_text()
    barring = "mask[STAY] = s.step_count < 5\n    for move in range(UP, RIGHT + 1):\n        mask[move] = s.step_count < 5 and"
    file = tmp_path / "stuck.py"
    file.write_text(source.replace("for move in range(UP, RIGHT + 1):\n        mask[move] =", barring))
    env = parallel_env(str(file))
    env.reset(seed=0)
    with pytest.raises(ActionError, match="'stuck': in row 0, of agent 'chaser_0', action_mask bars every choice"):
        for _ in range(5):
            env.step(dict.fromkeys(env.agents, 0))


def test_a_person_s_game_refuses_it(walled):
    with make(walled, autoreset="disabled") as batch:
        game = Game(batch)
        batch.action_mask[:] = False
        with pytest.raises(ActionError, match="'walled': in row 0"):
            game._allowed(0)
