"""The command that a bot's file says it was trained by makes the very config of its run."""

import shlex

import pytest

pytest.importorskip("torch")
from puffer_arena.cli.train import final_config, parse_arguments
from puffer_arena.errors import FileError
from puffer_arena.trainers.config import load_config, to_dict
from puffer_arena.trainers.export.origin import FREE_SETTINGS, origin_of

RUNS = [
    ("snake", "ppo", {"network.hidden": (32, 16), "ppo.normalize_rewards": False, "total_steps": 1000}),
    ("tag", "ppo", {"opponent.pool": "self,bot:hunt", "opponent.separate": True, "params": {"chasers": 2}}),
    ("cartpole", "dqn", {"dqn.hindsight": 0.0, "optimizer.name": "adam", "num_envs": 16, "seed": 5}),
    ("rooms", "ppo", {"curriculum.method": "uniform", "curriculum.ranges": {"things": "1:2", "size": "2:4"}}),
    ("rooms", "ppo", {"curriculum": {}, "params": {"rooms": 1, "loops": 0.25}}),
    ("maze", "ppo", {"curriculum.method": "accel", "curriculum.settings": {"capacity": 300}}),
]


@pytest.mark.parametrize(("env", "algorithm", "settings"), RUNS)
def test_the_command_makes_the_config_again(env, algorithm, settings):
    config = load_config(env, overrides=settings, algorithm=algorithm)
    told = origin_of({"config": to_dict(config), "steps": 1, "seconds": 1.0}, env, "it")
    words = shlex.split(told["command"])
    assert words[:4] == ["python", "-m", "puffer_arena", "train"] and told["algorithm"] == algorithm
    again, wanted = (to_dict(each) for each in (final_config(parse_arguments(words[4:])), config))
    for free in FREE_SETTINGS:
        again.pop(free), wanted.pop(free)
    assert again == wanted


@pytest.mark.parametrize("curriculum", [{"method": "uniform", "ranges": 5}, {"method": "plr", "settings": "capacity"}])
def test_a_curriculum_that_is_none_is_a_damaged_file(curriculum):
    config = {**to_dict(load_config("maze")), "curriculum": curriculum}
    with pytest.raises(FileError, match=r"^'it' is damaged: "):
        origin_of({"config": config, "steps": 1, "seconds": 1.0}, "maze", "'it'")
