"""Training in environments of other libraries: every kind of agents learns, runs resume, and policies leave as bots."""

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import puffer_arena
from puffer_arena import emulate
from puffer_arena.__main__ import dispatch
from puffer_arena.cli.train import Options, Session
from puffer_arena.errors import ParameterError
from puffer_arena.foreign.remote import Lobby
from puffer_arena.trainers.config import load_config
from puffer_arena.trainers.runs.run import Run, resume_trainer
from puffer_arena.trainers.trainer import make_trainer
from tests.foreign_games import Herd, Party, Pile, Walk
from tests.remote_games import ENV, port_of
from tests.remote_games import lobby as lobby  # a fixture
from tests.test_foreign_rows import AutoresetMode

EXAMPLES = Path(__file__).parent.parent / "examples"
PROGRAMS = [[sys.executable, str(EXAMPLES / "remote_game.py")]]
if node := shutil.which("node"):
    PROGRAMS.append([node, str(EXAMPLES / "remote_game.mjs")])
SMALL = {"num_envs": 4, "threads": 1, "ppo.horizon": 16, "ppo.minibatches": 2, "network.hidden": (16, 16)}


@pytest.mark.parametrize(
    "make_env",
    [Walk, Party, Pile, lambda count: Herd(count, AutoresetMode.NEXT_STEP)],
    ids=["walk", "party", "pile", "herd"],
)
def test_every_kind_of_environment_is_learned_in(make_env) -> None:
    env = emulate(make_env, "it")
    trained = puffer_arena.train(env, total_steps=4 * 16 * 2, settings=SMALL)
    assert trained.steps == 128 and trained.metrics[-1]["episodes"] > 0
    assert all(np.isfinite(list(update.values())).all() for update in trained.metrics)


def test_acting_for_one_half_while_the_other_steps_gives_the_same_rollout() -> None:
    env = emulate(Walk)
    alone, spread = (make_trainer(load_config(env, overrides={**SMALL, "threads": threads})) for threads in (1, 2))
    assert not alone.collector.halves and spread.collector.halves == [slice(0, 2), slice(2, 4)]
    one, two = (trainer.collector.collect(trainer.generator) for trainer in (alone, spread))
    for name in ("obs", "actions", "rewards", "terminated", "truncated", "began", "final_value"):
        np.testing.assert_allclose(flatten(getattr(one, name)), flatten(getattr(two, name)), rtol=1e-5, err_msg=name)
    assert alone.batch.episodes() == spread.batch.episodes()
    alone.close()
    spread.close()


def flatten(column: np.ndarray) -> np.ndarray:
    return np.concatenate([column[name].ravel() for name in column.dtype.names or ()] or [column.ravel()])


def test_settings_are_those_for_dear_steps() -> None:
    config = load_config(emulate(Walk))
    assert (config.num_envs, config.ppo.epochs, config.total_steps) == (16, 4, 1_000_000)
    assert load_config(emulate(Walk), overrides={"total_steps": 7, "ppo.epochs": 2}).ppo.epochs == 2


def test_a_run_resumes_with_new_episodes_and_the_same_policy(tmp_path: Path) -> None:
    env = emulate(Walk)
    settings = {**SMALL, "network.memory": "gru", "network.memory_size": 8}
    trained = puffer_arena.train(env, total_steps=64, settings=settings, folder=tmp_path / "run")
    said: list[str] = []
    config = load_config(env, overrides={**settings, "total_steps": 128})
    resumed = resume_trainer(config, Run.open(tmp_path / "run", said.append))
    assert said == ["'emulated:Walk' keeps its state to itself: all rows begin new episodes"]
    for name, value in trained.actor.policy.state_dict().items():
        assert torch.equal(value, resumed.policy.state_dict()[name])
    assert resumed.batch.began.all() and resumed.rollout.began[0].all()
    assert np.array_equal(resumed.rollout.obs[0], resumed.batch.obs)
    resumed.update()
    resumed.close()
    with pytest.raises(ParameterError, match="never imported"):
        puffer_arena.load(tmp_path / "run")
    assert puffer_arena.load(tmp_path / "run", env).choose({"place": np.zeros(1, np.float32), "seed": 3}) in (0, 1)


def test_a_policy_is_measured_on_levels_it_has_not_seen() -> None:
    trained = puffer_arena.train(emulate(Walk), total_steps=64, settings=SMALL)
    sample = trained.evaluate(8)
    assert sample.episodes == 8 and set(sample.columns) == {"return", "length", "laps"}


def test_nothing_is_shown_to_windows(tmp_path: Path, capsys) -> None:
    config = load_config(emulate(Walk), overrides={**SMALL, "total_steps": 64})
    options = Options(environment=config.env, watch=True, runs_dir=str(tmp_path))
    assert Session(options, config, Run.create(config, tmp_path)).train() == 0
    assert "no window: a window is for puffer_arena's own environments" in "".join(capsys.readouterr())


def test_an_episode_is_filmed(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")  # whatever display other tests have opened and closed
    film = tmp_path / "film.gif"
    said = ["eval", "gymnasium:CartPole-v1", "random", "--episodes", "2", "--video", str(film)]
    assert dispatch(said) == 0
    with Image.open(film) as seen:
        assert seen.n_frames > 5 and seen.size == (600, 400)
    with pytest.raises(ParameterError, match="puffer_arena's own"):
        dispatch(["eval", "bandit", "random", "--video", str(film)])
    with pytest.raises(ParameterError, match="no picture"):
        dispatch(["eval", emulate(Walk), "random", "--video", str(film)])


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: Path(program[1]).suffix)
def test_a_game_of_another_program_is_trained_in(lobby: Lobby, program: list[str]) -> None:
    with subprocess.Popen([*program, str(port_of(lobby)), "2"]) as process:
        trained = puffer_arena.train(ENV, total_steps=64, settings={**SMALL, "num_envs": 2})
        process.kill()
    assert trained.steps == 64 and sum(update["episodes"] for update in trained.metrics) > 0
