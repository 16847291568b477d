"""Training in environments of other libraries: every kind of agents learns, runs resume, and policies leave as bots."""

import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import puffer_arena
from puffer_arena import emulate, make
from puffer_arena.__main__ import dispatch
from puffer_arena.cli.watch import AtPlay
from puffer_arena.core.canvas import RecordingCanvas
from puffer_arena.core.fields import Row
from puffer_arena.errors import ParameterError
from puffer_arena.foreign.picture import reduced
from puffer_arena.foreign.remote import Lobby
from puffer_arena.live.view import MOST_DRAWN, PlayerView
from puffer_arena.players.names import find_player
from puffer_arena.registry import load_env
from puffer_arena.render.world.world import WorldView
from puffer_arena.replay import Replay, Writer, fork, verify
from puffer_arena.trainers.config import load_config, tuned_config
from puffer_arena.trainers.runs.run import Run
from puffer_arena.trainers.runs.train import resume_trainer
from puffer_arena.trainers.trainer import make_trainer
from tests.foreign_games import Herd, Painted, Party, Pile, Walk
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


def test_other_libraries_environments_have_tuned_settings_of_their_own_or_of_their_library() -> None:
    maze = load_config("minigrid:MiniGrid-DoorKey-5x5-v0")
    assert (maze.network.hidden, maze.ppo.normalize_advantages, maze.ppo.horizon, maze.total_steps) == (
        (128,),
        "none",
        128,
        1_500_000,
    )
    for name in ("gymnasium:LunarLander-v3", "gymnasium:LunarLander-v3:drawn", "ray:gymnasium:LunarLander-v3"):
        assert (load_config(name).ppo.gamma, load_config(name).total_steps) == (0.999, 800_000)
    assert tuned_config(emulate(Walk)) == "" and load_config("gymnasium:CartPole-v1").ppo.gamma == 0.99


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


def test_a_recorded_episode_is_shown_as_its_environment_drew_it(tmp_path: Path) -> None:
    env, file = emulate(Painted), tmp_path / "walk.mcap"
    assert dispatch(["eval", env, "random", "--episodes", "3", "--record", str(file), "--record-rows", "2"]) == 0
    with pytest.raises(ParameterError, match="never imported"):
        Replay(file)
    with Replay(file, env) as replay:
        assert replay.header.steps_per_second == 20 and any(episode.how for episode in replay.episodes)
        for step in range(replay.steps + 1):
            frame = replay.frame(step)
            for slot, state in enumerate(frame.states):
                canvas = RecordingCanvas()
                replay.env.draw(Row(state), Row(frame.params[slot]), canvas)
                (drawn,) = (given["pixels"] for kind, given in canvas.primitives if kind == "picture")
                reached = (drawn[0, :, 0] > 0).sum()
                assert drawn.shape == (5, 7, 3) and state["step_count"] <= reached <= 2 * state["step_count"]
        with pytest.raises(ParameterError, match="keeps its state to itself: going on from it"):
            fork(replay, 1, 0)
    with pytest.raises(ParameterError, match="keeps its state to itself: verifying"):
        verify(file, env)
    with make(env, 1) as batch, pytest.raises(ParameterError, match="hold no pictures, and a replay shows them"):
        Writer(batch, tmp_path / "other.mcap")


def test_a_window_shows_who_plays_as_the_environment_draws_it(tmp_path: Path) -> None:
    env = emulate(Painted)
    player = find_player("random", env, str(tmp_path))
    source = PlayerView("random", env, {}, lambda _, batch: AtPlay(player.prepare(batch), batch))
    assert list(source.modes) == ["smooth"] and source.num_envs == MOST_DRAWN
    until = time.monotonic() + 60
    while source.frame is None or not source.frame.states["picture"].any():
        assert time.monotonic() < until, source.note
        source.poll()
    source.send("param", name="limit", value=3)
    assert "keeps its state to itself: another value of a parameter" in source.note
    source.close()


def test_only_what_another_process_can_make_can_be_watched() -> None:
    ids = ("snake", "gymnasium:CartPole-v1", "gymnasium-vector:CartPole-v1", emulate(Walk))
    assert [load_env(env_id).can_be_watched for env_id in ids] == [True, True, False, False]


def test_large_pictures_are_reduced_to_means() -> None:
    picture = np.zeros((601, 1000, 3), np.uint8)
    picture[::2] = 100
    assert reduced(picture).shape == (300, 500, 3) and (reduced(picture) == 50).all()
    assert reduced(picture[:400, :600]).shape == (400, 600, 3)


def test_an_episode_is_filmed(tmp_path: Path, monkeypatch) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "SDL_VIDEODRIVER"):
        monkeypatch.delenv(name, raising=False)
    WorldView(load_env("marble"), (64, 48)).close()  # Panda3D's renderer is loaded from here on
    film = tmp_path / "film.gif"
    said = ["eval", "gymnasium:CartPole-v1", "random", "--episodes", "2", "--video", str(film)]
    assert dispatch(said) == 0
    with Image.open(film) as seen:
        assert seen.n_frames > 5 and seen.size == (600, 400)
    with pytest.raises(ParameterError, match="puffer_arena's own"):
        dispatch(["eval", "bandit", "random", "--video", str(film)])
    with pytest.raises(ParameterError, match="no picture"):
        dispatch(["eval", emulate(Walk), "random", "--video", str(film)])
    with pytest.raises(ParameterError, match="draws no pictures"):
        dispatch(["eval", "gymnasium-vector:CartPole-v1", "random", "--video", str(film)])


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: Path(program[1]).suffix)
def test_a_game_of_another_program_is_trained_in(lobby: Lobby, program: list[str]) -> None:
    with subprocess.Popen([*program, str(port_of(lobby)), "2"]) as process:
        trained = puffer_arena.train(ENV, total_steps=64, settings={**SMALL, "num_envs": 2})
        process.kill()
    assert trained.steps == 64 and sum(update["episodes"] for update in trained.metrics) > 0
