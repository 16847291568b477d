"""Training, loading and evaluating from Python; the blocks of docs/training.md are run by test_readme.py."""

import dataclasses
import json
import re
import threading
from pathlib import Path

import gymnasium
import numpy as np
import pytest
import torch
from torch import nn

import puffer_arena
from puffer_arena import ArenaError
from puffer_arena.adapters.gymnasium import GymnasiumEnv
from puffer_arena.adapters.pettingzoo import parallel_env
from puffer_arena.errors import DefinitionError, FileError, ParameterError, SpaceError, TrainingError, UnknownName
from puffer_arena.players.player import chance, scripted
from puffer_arena.settings import setting
from puffer_arena.trainers.algorithms import ppo
from puffer_arena.trainers.backends.loss import slope_of
from puffer_arena.trainers.playing import actor_player

ROOT = Path(__file__).parent.parent
SMALL = {"num_envs": 32, "threads": 1, "ppo.horizon": 8, "ppo.minibatches": 2, "network.hidden": (16, 16)}
UPDATE = 32 * 8  # steps


def train(env: str = "cartpole", updates: int = 2, settings: dict | None = None, **options):
    return puffer_arena.train(env, total_steps=updates * UPDATE, settings={**SMALL, **(settings or {})}, **options)


def plain(row, p):
    ratio = (row.log_prob - row.old_log_prob).exp()
    return -ratio * row.advantage + (row.value - row.target) ** 2, {"ratio": ratio}


def sloped(row, p):
    return -row.log_prob * row.advantage + (row.value - row.target) ** 2, {"gain": row.advantage}


@slope_of(sloped, "gain")
def sloped_slope(row, p):
    row.d_log_prob = -row.advantage
    row.d_value = 2.0 * (row.value - row.target)
    row.gain = row.advantage


class Sines(nn.Module):
    """An encoder of the caller's, for cartpole's four numbers."""

    def __init__(self, space, network):
        super().__init__()
        self.width = network.hidden[-1]
        self.layer = nn.Linear(4, self.width)

    def forward(self, parts):
        return torch.sin(self.layer(parts[0]))


def same_weights(one, other) -> bool:
    mine, theirs = one.policy.state_dict(), other.policy.state_dict()
    return mine.keys() == theirs.keys() and all(torch.equal(mine[name], theirs[name]) for name in mine)


def test_training_returns_what_it_came_to() -> None:
    told: list[float] = []
    steps: list[int] = []
    trained = train(
        updates=3,
        on_update=lambda trainer, metrics: told.append(metrics["steps"]),
        on_step=lambda trainer, t: steps.append(t),
    )
    assert trained.steps == 3 * UPDATE and trained.folder is None
    assert told == [row["steps"] for row in trained.metrics] == [UPDATE, 2 * UPDATE, 3 * UPDATE]
    assert steps == [*range(8)] * 3
    assert trained.config.precision == "float32" and trained.config.ppo.horizon == 8


def test_the_same_call_trains_the_same_policy() -> None:
    assert same_weights(train().actor, train().actor)
    assert not same_weights(train().actor, train(settings={"seed": 1}).actor)


def test_a_callback_writes_a_curriculum_and_ends_the_run() -> None:
    seen = []

    def on_update(trainer, metrics):
        seen.append(trainer.batch.params.gravity.mean())
        trainer.batch.params.gravity[:] = 3.0
        if len(seen) == 2:
            trainer.stop()

    trained = train(updates=100, params={"gravity": 5.0}, on_update=on_update)
    assert trained.steps == 2 * UPDATE and seen[0] == 5.0
    assert trained.config.params == {"gravity": 5.0}


def test_a_folder_keeps_the_run_and_resuming_goes_on_to_the_bit(tmp_path: Path) -> None:
    folder = tmp_path / "runs" / "mine"
    first = train(updates=2, folder=folder, settings={"optimizer.schedule": "constant"})
    second = train(updates=4, folder=folder, settings={"optimizer.schedule": "constant"}, resume=True)
    assert (first.steps, second.steps, second.folder) == (2 * UPDATE, 4 * UPDATE, folder)
    assert [row["updates"] for row in second.metrics] == [3, 4]
    lines = (folder / "metrics.jsonl").read_text("utf-8").splitlines()
    assert [json.loads(line)["updates"] for line in lines] == [1, 2, 3, 4]
    assert same_weights(second.actor, train(updates=4, settings={"optimizer.schedule": "constant"}).actor)
    assert same_weights(second.actor, puffer_arena.load(folder))
    assert same_weights(second.actor, puffer_arena.load("run:mine", runs_dir=tmp_path / "runs"))
    finished = train(updates=4, folder=folder, settings={"optimizer.schedule": "constant"}, resume=True)
    assert finished.metrics == [] and finished.steps == 4 * UPDATE


@pytest.mark.parametrize("kept", [False, True])
def test_what_fails_in_a_callback_leaves_no_threads_behind(kept: bool, tmp_path: Path) -> None:
    def fail(trainer, metrics):
        raise RuntimeError("mine")

    before = threading.active_count()
    with pytest.raises(RuntimeError, match="mine"):
        train(settings={"threads": 2}, on_update=fail, folder=tmp_path / "run" if kept else None)
    assert threading.active_count() <= before  # those of an earlier test may end meanwhile


@pytest.mark.parametrize(("loss", "statistic"), [(plain, "ratio"), (sloped, "gain")])
def test_a_loss_of_ones_own_trains(loss, statistic: str) -> None:
    trained = train(loss=loss)
    assert np.isfinite(trained.metrics[-1][statistic])
    assert not same_weights(trained.actor, train().actor)


def test_a_slope_trains_what_its_loss_does() -> None:
    by_slope = train(loss=sloped, settings={"gradients": "fused"}).actor.policy
    by_loss = train(loss=sloped, settings={"gradients": "autograd"}).actor.policy
    for one, other in zip(by_slope.parameters(), by_loss.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-4)
    with pytest.raises(TrainingError, match="loss 'plain' has no slope"):
        train(loss=plain, settings={"gradients": "fused"})


def test_an_algorithm_is_taken_by_class_or_path_with_its_own_settings() -> None:
    by_path = train(algorithm=str(ROOT / "examples" / "my_algorithm.py"), settings={"ppo.temperature": 2.0})
    assert by_path.config.ppo.temperature == 2.0

    def defined(low: float):
        @dataclasses.dataclass(frozen=True)
        class Settings(ppo.Settings):
            own: float = setting(low, 0.0, 10.0, "of this test")

        class Mine(ppo.PPO):
            settings = Settings

        return Mine

    # A class that is defined again, as in a notebook, brings its new settings.
    assert [train(algorithm=defined(low)).config.ppo.own for low in (1.0, 2.0)] == [1.0, 2.0]


def test_an_encoder_of_ones_own_goes_through_files(tmp_path: Path) -> None:
    trained = train(make_encoder=Sines, folder=tmp_path / "run", settings={"network.memory": "mingru"})
    trained.save(tmp_path / "policy.safetensors")
    obs = np.random.default_rng(0).normal(size=(5, 4)).astype(np.float32)
    expected = trained.actor.act(obs, deterministic=True)[1]
    for source in (tmp_path / "policy.safetensors", tmp_path / "run", (tmp_path / "policy.safetensors").read_bytes()):
        actor = puffer_arena.load(source, make_encoder=Sines)
        np.testing.assert_array_equal(actor.act(obs, deterministic=True)[1], expected)
    with pytest.raises(FileError, match="does not fit"):
        puffer_arena.load(tmp_path / "policy.safetensors")
    settings = {"network.memory": "mingru"}
    more = train(updates=3, make_encoder=Sines, folder=tmp_path / "run", resume=True, settings=settings)
    assert more.steps == 3 * UPDATE


@pytest.mark.parametrize("env", ["cartpole", "snake", "squared", "target", "memory"])
def test_an_actor_chooses_in_gymnasium_s_loop(env: str) -> None:
    # One action of each kind: Discrete, MultiDiscrete, Box; observations: Box of floats, of codes, a Dict.
    actor = train(env, updates=1, settings={"network.memory": "gru", "network.memory_size": 4}).actor
    world = GymnasiumEnv(env)
    obs, info = world.reset(seed=0)
    for deterministic in (True, False):
        actor.reset()
        action = actor.choose(obs, info.get("action_mask"), deterministic)
        assert world.action_space.contains(action), action
        obs, *_, info = world.step(action)
    world.close()
    for wrong in ("nothing of the kind", {}, np.zeros(3), np.full(4, np.nan), None):
        with pytest.raises(SpaceError, match="does not lie in the observation space"):
            actor.choose(wrong)


def test_an_actor_remembers_until_it_is_told_to_forget() -> None:
    actor = train("memory", updates=1, settings={"network.memory": "gru", "network.memory_size": 4}).actor
    world = GymnasiumEnv("memory")
    obs, _ = world.reset(seed=0)
    row = np.zeros((1,), world.batch.obs.dtype)
    world.batch.observation.store(obs, row, 0)
    first, later = (actor.act(row, deterministic=True)[1] for _ in range(2))
    assert not np.array_equal(first, later)
    actor.reset()
    np.testing.assert_array_equal(actor.act(row, deterministic=True)[1], first)
    world.close()


def test_an_actor_chooses_for_pettingzoo_s_agents_and_follows_their_masks() -> None:
    actor = train("tag", updates=1).actor
    world = parallel_env("tag")
    observations, infos = world.reset(seed=0)
    for agent, obs in observations.items():
        mask = infos[agent].get("action_mask")
        assert world.action_space(agent).contains(actor.choose(obs, mask))
        for only in range(5):
            mask = np.arange(5) == only
            assert actor.choose({"observation": obs, "action_mask": mask.astype(np.int8)}) == only
    world.close()


def test_masks_of_several_parts_are_taken_as_gymnasium_has_them() -> None:
    actor = train("squared", updates=1).actor
    obs = np.zeros(actor.policy.observation.dtype.shape, np.uint8)
    parts = (np.array([0, 1, 0], np.int8), np.array([0, 0, 1], np.int8))
    for mask in (parts, np.concatenate(parts)):
        np.testing.assert_array_equal(actor.choose(obs, mask), [1, 2])


def test_a_trained_policy_plays_gymnasium_s_own_cartpole() -> None:
    actor = train(updates=1).actor
    world = gymnasium.make("CartPole-v1")
    obs, _ = world.reset(seed=0)
    assert world.action_space.contains(actor.choose(obs))
    world.close()


def test_evaluation_gives_a_number_for_every_episode() -> None:
    sample = train(updates=1).evaluate(episodes=12, deterministic=True)
    assert sample.episodes == 12 and sample.columns.keys() >= {"return", "length"}
    assert sample.means["return"] == sample.columns["return"].mean() > 0
    again = train(updates=1)
    np.testing.assert_array_equal(again.evaluate(12, True).columns["return"], sample.columns["return"])
    drawn = [puffer_arena.evaluate("cartpole", actor_player(again.actor, seed=seed), 12).means for seed in (1, 1, 2)]
    assert drawn[0] == drawn[1] != drawn[2]
    assert puffer_arena.evaluate("cartpole", chance(0), 5).episodes == 5
    assert puffer_arena.evaluate("snake", scripted("greedy"), 5).means["return"] > 1


def test_a_policy_is_evaluated_with_the_parameters_it_learned_in() -> None:
    trained = train("snake", updates=1, params={"rows": 6, "cols": 6})
    assert trained.evaluate(4).episodes == 4
    with pytest.raises(ParameterError, match="other sizes or spaces"):
        puffer_arena.evaluate("snake", actor_player(trained.actor), 4, params={"rows": 7, "cols": 6})
    with pytest.raises(ParameterError, match="other sizes or spaces"):
        puffer_arena.evaluate("cartpole", actor_player(trained.actor), 4, params={})


def not_one(row, p):
    raise AssertionError  # never called


@pytest.mark.parametrize(
    ("options", "error", "said"),
    [
        ({"env": "cartpolle"}, UnknownName, "cartpole"),
        ({"algorithm": "ppoo"}, UnknownName, "ppo"),
        ({"algorithm": "nowhere.py"}, FileError, "nowhere.py"),
        ({"algorithm": dict}, DefinitionError, "no subclass of Algorithm"),
        ({"loss": object()}, DefinitionError, "a loss is a function"),
        ({"settings": {"ppo.gama": 0.9}}, UnknownName, "ppo.gamma"),
        ({"settings": {"ppo.gamma": 2.0}}, ParameterError, "0.0 to 1.0"),
        ({"settings": {"network.memory": "elephant"}}, UnknownName, "gru"),
        ({"params": {"gravitty": 1.0}}, UnknownName, "gravity"),
        ({"params": {"gravity": -1.0}}, ParameterError, "gravity"),
        ({"preset": "sampels"}, UnknownName, "samples"),
        ({"resume": True}, ParameterError, "give folder="),
    ],
)
def test_what_cannot_be_trained_is_one_error(options: dict, error: type[ArenaError], said: str) -> None:
    with pytest.raises(error, match=re.escape(said)):
        train(**options)


def test_folders_that_do_not_fit_are_one_error(tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match="no run folder"):
        train(folder=tmp_path / "run", resume=True)
    train(folder=tmp_path / "run")
    with pytest.raises(TrainingError, match="is there already"):
        train(folder=tmp_path / "run")
    with pytest.raises(TrainingError, match=r"ppo\.gamma"):
        train(folder=tmp_path / "run", resume=True, settings={"ppo.gamma": 0.5})
    with pytest.raises(UnknownName, match="unknown run"):
        puffer_arena.load("run:nothing", runs_dir=tmp_path)
    with pytest.raises(ParameterError, match="episodes"):
        puffer_arena.evaluate("cartpole", chance(0), 0)
