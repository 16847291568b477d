"""A mask that leaves somebody no choice is refused by environment, row and agent, whoever chooses the actions."""

from pathlib import Path

import numpy as np
import pytest

from puffer_arena import make
from puffer_arena.adapters.gymnasium import GymnasiumEnv, GymnasiumVectorEnv
from puffer_arena.adapters.pettingzoo import parallel_env
from puffer_arena.errors import ActionError
from tests.playing import COUNTDOWN, both_modes, play, source_of

OPEN = "mask[way] = not is_wall("
WALLED = "mask[way] = s.step_count < 5 and not is_wall("


def changed(folder, text: str, name: str, *changes: tuple[str, str]) -> str:
    """Write a variant of a game and return its path."""
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    file = folder / f"{name}.py"
    file.write_text(text)
    return str(file)


@pytest.fixture(scope="module")
def walled(tmp_path_factory) -> str:
    """A maze whose mask bars everything from the fifth step on, when no trial play looks."""
    return changed(tmp_path_factory.mktemp("walled"), source_of("maze"), "walled", (OPEN, WALLED))


@pytest.fixture(scope="module")
def stuck(tmp_path_factory) -> str:
    """A game of tag in which the mask bars everything to the second agent of the third row, from the fifth step on."""
    last = "s.col[agent] + DCOL[move])\n"
    closed = "    if s.step_count >= 5 and agent == 1 and s.row_key % 4 == 3:\n        mask[:] = False\n"
    return changed(tmp_path_factory.mktemp("stuck"), source_of("tag"), "stuck", (last, last + closed))


@both_modes
def test_the_row_and_the_agent_are_named(stuck: str, compiled: bool) -> None:
    with make(stuck, num_envs=16, compiled=compiled) as batch:
        row = int(np.flatnonzero(batch.rows.states["row_key"] % 4 == 3)[0])
        said = f"environment 'stuck': in row {row}, of agent 'chaser_1', action_mask bars every choice; leave"
        with pytest.raises(ActionError, match=said):
            play(batch, 5)


@both_modes
def test_it_is_said_at_the_step_that_leads_there_and_where_it_is_restored(walled: str, compiled: bool) -> None:
    with make(walled, num_envs=2, compiled=compiled) as batch:
        play(batch, 4)
        with pytest.raises(ActionError, match="'walled': in row 0, action_mask bars every choice"):
            play(batch, 1)
        data = batch.snapshot(1)
        batch.reset()
        with pytest.raises(ActionError, match="'walled': in row 1"):
            batch.restore(1, data)


def test_a_component_that_is_barred_is_named(tmp_path) -> None:
    rule = "@jit\ndef bar(s, p, allowed):\n    allowed[3:5] = s.step_count < 2\n\n\n@jit\ndef hasty"
    own = Path(COUNTDOWN).read_text().partition("action_mask=")[2].partition(",")[0]
    barred = changed(
        tmp_path, Path(COUNTDOWN).read_text(), "barred", ("@jit\ndef hasty", rule), (f"mask={own},", "mask=bar,")
    )
    batch = make(barred, num_envs=2, compiled=False, limit=10)
    with pytest.raises(ActionError, match="'barred': in row 0, action_mask bars every choice of component 1"):
        for _ in range(2):
            batch.step(np.zeros((2, 2), np.int64))


@pytest.mark.parametrize("autoreset", ["disabled", "next_step", "same_step"])
def test_a_row_that_has_ended_needs_no_choice(walled: str, autoreset: str) -> None:
    with make(walled, num_envs=2, autoreset=autoreset, compiled=False, max_steps=10) as batch:
        batch.rows.states["step_count"] = 9
        batch.step(np.zeros(2, np.int64))
        assert batch.truncated.all()


def test_gymnasium_s_environments_refuse_it(walled: str) -> None:
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


def test_pettingzoo_s_environments_refuse_it(stuck: str) -> None:
    env = parallel_env(stuck)
    with pytest.raises(ActionError, match="'stuck': in row 0, of agent 'chaser_1', action_mask bars every choice"):
        for seed in range(40):
            env.reset(seed=seed)
            for _ in range(5):
                env.step(dict.fromkeys(env.agents, 0))


@pytest.mark.parametrize("gradients", ["fused", "autograd"])
def test_a_run_ends_with_it(walled: str, gradients: str) -> None:
    pytest.importorskip("torch")
    from tests.trainers_support import small_trainer

    trainer = small_trainer(walled, gradients=gradients, ppo__horizon=8)
    with pytest.raises(ActionError, match="'walled': in row 0, action_mask bars every choice"):
        trainer.update()
    trainer.close()
