"""The names of what a run measures: the same in metrics.jsonl, trackers and docs/training.md."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from puffer_arena.registry import list_envs, load_env
from puffer_arena.trainers.algorithms.algorithm import Algorithm
from puffer_arena.trainers.runs.log import grouped
from tests.test_trainers_bonus import MINEFIELD, curious_trainer
from tests.test_trainers_dqn import goal_trainer
from tests.test_trainers_dreamer import SMALL as DREAMER
from tests.test_trainers_grpo import SMALL as GRPO
from tests.test_trainers_league import SHORT
from tests.test_trainers_offline import folders as folders  # a fixture
from tests.test_trainers_offline import trainer_of as offline_trainer
from tests.test_trainers_pqn import SMALL as PQN
from tests.test_trainers_reppo import SMALL as REPPO
from tests.test_trainers_safe import SMALL as SAFE
from tests.trainers_support import small_trainer

DOCS = Path(__file__).parent.parent / "docs" / "training.md"
POOL = {"opponent__pool": "self,random", "opponent__snapshot_steps": 384}
CURRICULUM = {"method": "plr", "ranges": {"size": "5:9"}}
MAZE = {"size": 5, "distance": 3, "max_steps": 12}
HUNGRY = {"max_hunger": 10}

# Whose words stand in the second column of the docs' table -> the game and the trainer.
RUNS: dict[tuple[str, ...], tuple[str, Callable[[], Algorithm]]] = {
    ("ppo", "opponents"): ("tag", lambda: small_trainer("tag", **SHORT, **POOL)),
    ("ppo", "a curriculum"): (
        "maze",
        lambda: small_trainer("maze", curriculum=CURRICULUM, params={"max_steps": 10}),
    ),
    ("policies apart by role", "opponents"): (
        "tag",
        lambda: small_trainer("tag", **SHORT, opponent__separate=True, opponent__snapshot_steps=600),
    ),
    ("grpo",): ("maze", lambda: small_trainer("maze", **GRPO, params={**MAZE, "size": 7})),
    ("pqn",): ("snake", lambda: small_trainer("snake", **PQN, params=HUNGRY)),
    ("rnd",): ("snake", lambda: curious_trainer("rnd", "snake", params=HUNGRY)),
    ("icm",): ("snake", lambda: curious_trainer("icm", "snake", params=HUNGRY)),
    ("safe_ppo",): (MINEFIELD, lambda: small_trainer(MINEFIELD, **SAFE)),
    ("reppo",): ("target", lambda: small_trainer("target", **REPPO)),
    ("dqn",): ("maze", lambda: goal_trainer("maze")),
    ("sac",): ("target", lambda: goal_trainer("target")),
    ("dreamer",): ("maze", lambda: small_trainer("maze", **DREAMER, params=MAZE)),
}
QUICK = 2  # of them in the everyday suite


def documented() -> list[tuple[str, list[str]]]:
    """Return the names in the docs' table, each with who writes it; capitals stand for somebody else's word."""
    table = DOCS.read_text("utf-8").split("## What a run writes")[1].split("\n## ")[0]
    rows = re.findall(r"^\| (`.*?) \| (.*?) \|", table, re.M)
    return [(name, writers.split(", ")) for names, writers in rows for name in re.findall(r"`(.+?)`", names)]


def check(metrics: dict[str, float], writers: tuple[str, ...], env_id: str) -> None:
    """Compare what a run wrote with the table: all of it is there, and all that is there was written."""
    rows = documented()
    known = [re.sub("[A-Z]+", "[^/]+", name) for name, _ in rows if name != "COUNTER"]
    known += load_env(env_id).counters
    assert not [name for name in metrics if not any(re.fullmatch(pattern, name) for pattern in known)]
    promised = {name for name, by in rows if {"every run", *writers} & set(by) and not re.search("[A-Z]", name)}
    assert not promised - metrics.keys()


@pytest.mark.parametrize(
    "writers",
    [pytest.param(run, marks=[pytest.mark.slow] if k >= QUICK else [], id=run[-1]) for k, run in enumerate(RUNS)],
)
def test_a_run_writes_what_the_docs_say(writers: tuple[str, ...]) -> None:
    env_id, make_trainer = RUNS[writers]
    trainer = make_trainer()
    metrics: dict[str, float] = {}
    for _ in range(8):
        metrics |= trainer.update()
    trainer.close()
    check(metrics, writers, env_id)


@pytest.mark.slow
@pytest.mark.parametrize("algorithm", ["bc", "iql", "rebrac", "dt"])
def test_a_run_on_a_dataset_writes_what_the_docs_say(algorithm: str, folders) -> None:
    env_id = "target" if algorithm == "rebrac" else "maze"
    trainer = offline_trainer(folders, algorithm, env_id)
    check(trainer.update(), (algorithm,), env_id)
    trainer.close()


def test_no_game_counts_what_a_run_measures() -> None:
    names = {name for name, _ in documented()}
    assert not [env_id for env_id in list_envs() if names & set(load_env(env_id).counters)]


def test_what_is_in_no_group_is_in_train_for_trackers() -> None:
    given = {"steps": 1.0, "entropy": 0.5, "time/step": 2.0, "curriculum/success": 0.1}
    assert list(grouped(given)) == ["train/steps", "train/entropy", "time/step", "curriculum/success"]
