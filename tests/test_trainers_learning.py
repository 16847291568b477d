"""Learning, as it is meant to happen: every tuned config solves its environment."""

import pytest

from puffer_arena.registry import load_env
from puffer_arena.trainers.config import load_config
from puffer_arena.trainers.trainer import make_trainer
from tests.untraced import untraced


def train_until(env_id: str, target: float, steps: int, key: str = "episode_return", **overrides: object) -> float:
    """Train until the mean over recent episodes reaches `target`, for at most `steps`; return the best mean."""
    trainer = make_trainer(load_config(env_id, overrides={name.replace("__", "."): v for name, v in overrides.items()}))
    best, recent = -1e9, []
    while best < target and trainer.steps < steps and not trainer.finished:
        metrics = untraced(trainer.update)()  # shorter tests see what it runs
        if key in metrics:
            recent = [*recent[-4:], (metrics[key], metrics["episodes"])]
            count = sum(episodes for _, episodes in recent)
            if count >= 100:
                best = max(best, sum(value * episodes for value, episodes in recent) / count)
    trainer.close()
    return best


def solved(env_id: str) -> float:
    target = load_env(env_id).solved
    assert target is not None
    return target


@pytest.mark.parametrize(
    ("env_id", "steps"), [("bandit", 1_000_000), ("squared", 1_500_000), ("memory", 800_000), ("target", 400_000)]
)
def test_checks_are_solved_in_seconds(env_id: str, steps: int) -> None:
    assert train_until(env_id, solved(env_id), steps) >= solved(env_id)


def test_an_action_of_parts_is_learned_in_seconds() -> None:
    """The turret aims by a Box and fires by a Discrete; at random it loses 4 to 5 an episode."""
    sizes = {"num_envs": 256, "network__hidden": (32, 32), "ppo__gamma": 0.9, "optimizer__learning_rate": 0.005}
    assert train_until("examples/turret.py", 1.5, 200_000, **sizes) >= 1.5


def test_memory_cannot_be_solved_without_memory() -> None:
    """Its observations do not hold the answer, so a policy without recurrence stays at one in four."""
    assert train_until("memory", 0.5, 150_000, network__memory="none") < 0.4


@pytest.mark.parametrize(
    "overrides",
    [
        {"optimizer__name": "adam"},
        {"ppo__advantage": "vtrace", "ppo__epochs": 2},
        {"ppo__objective": "importance", "ppo__advantage": "vtrace"},
        {"gradients": "autograd"},
    ],
    ids=str,
)
def test_every_replaceable_part_learns(overrides: dict) -> None:
    assert train_until("bandit", 13.0, 1_000_000, **overrides) >= 13.0


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_cartpole_is_solved(seed: int) -> None:
    assert train_until("cartpole", 475.0, 3_000_000, seed=seed) >= 475.0


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_snake_reaches_a_score_of_fifteen(precision: str) -> None:
    assert train_until("snake", 15.0, 20_000_000, "score", precision=precision) >= 15.0


@pytest.mark.slow
def test_a_maze_is_learned_that_was_never_seen() -> None:
    assert train_until("maze", 0.7, 12_000_000) >= 0.7


@pytest.mark.slow
def test_chasers_learn_to_catch() -> None:
    assert train_until("tag", 2.0, 4_000_000, "caught") >= 2.0


@pytest.mark.slow
def test_a_striker_learns_to_beat_the_scripted_bot() -> None:
    assert train_until("striker", 0.5, 3_000_000, "league/won") >= 0.5
