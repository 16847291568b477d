"""PPO's options, and algorithms of other people's."""

import itertools
from pathlib import Path

import numpy as np
import pytest

from puffer_arena.errors import ArenaError
from puffer_arena.trainers.algorithms import find_algorithm, list_algorithms, load_algorithm
from puffer_arena.trainers.algorithms.ppo import PPO
from puffer_arena.trainers.backends.fused import Fused
from puffer_arena.trainers.backends.loss import check_slope
from puffer_arena.trainers.config import from_dict, load_config, to_dict
from puffer_arena.trainers.trainer import make_trainer
from tests.test_trainers_fused import draw_rows
from tests.trainers_support import small_config, small_trainer

EXAMPLE = Path(__file__).parent.parent / "examples" / "my_algorithm.py"


def test_rewards_are_divided_by_the_deviation_of_the_discounted_return() -> None:
    trainer = small_trainer("snake", ppo__horizon=30)
    gamma, seen = 0.9, []
    running = np.zeros(trainer.rollout.streams)
    for _ in range(3):
        rollout = trainer.collector.collect(trainer.generator)
        plain = rollout.rewards.copy()
        for t in range(len(plain)):
            running = plain[t] + gamma * np.where(rollout.began[t], 0.0, running)
            seen.append(running)
        trainer.reward_scale.apply(rollout, gamma)
        np.testing.assert_allclose(rollout.rewards, plain / np.std(seen), rtol=1e-4)
        rollout.advance()
    trainer.close()


def test_absent_agents_do_not_count_towards_the_deviation() -> None:
    trainer = small_trainer("tag", ppo__horizon=64)
    rollout = trainer.collector.collect(trainer.generator)
    assert not rollout.acting[:-1].all()
    trainer.reward_scale.apply(rollout, 0.9)
    assert trainer.reward_scale.moments[0] == rollout.acting[:-1].sum()
    trainer.close()


def test_epochs_end_where_the_policy_has_moved_far_enough() -> None:
    far = {"ppo__epochs": 6, "optimizer__learning_rate": 0.05, "optimizer__muon_learning_rate": 0.05}
    trainer = small_trainer("snake", ppo__target_kl=1e-6, **far)
    assert 1 <= trainer.update()["epochs"] < 6
    trainer.close()


def test_vtrace_values_the_last_step_by_the_present_policy() -> None:
    trainer = small_trainer("snake", ppo__advantage="vtrace", ppo__epochs=3, params__max_hunger=10, ppo__horizon=24)
    found = []
    plain = trainer.estimate

    def watched(settings) -> None:
        rollout = trainer.rollout
        found.append((rollout.old_value[-1].copy(), rollout.final_value.copy()))
        trainer.backend.refresh()
        wanted = trainer.backend.value(rollout.obs[-1], rollout.state)[:, 0]
        np.testing.assert_allclose(rollout.old_value[-1], wanted, rtol=1e-5, atol=1e-6)
        plain(settings)

    trainer.estimate = watched
    trainer.update()
    assert len(found) == 3
    for before, after in itertools.pairwise(found):
        assert not np.array_equal(before[0], after[0])
        assert not np.array_equal(before[1], after[1])
    trainer.close()


def test_presets_suit_any_environment() -> None:
    config = load_config("lander", preset="samples")
    assert (config.num_envs, config.method.horizon, config.method.epochs) == (16, 256, 4)
    with pytest.raises(ArenaError, match="did you mean 'samples'"):
        load_config("lander", preset="sample")


def test_algorithms_are_found_by_name() -> None:
    assert "ppo" in list_algorithms()
    assert find_algorithm("ppo") is PPO
    with pytest.raises(ArenaError, match="did you mean 'ppo'"):
        load_config("snake", algorithm="pppo")


def test_the_example_is_short_trains_by_kernels_and_has_the_slope_of_its_loss() -> None:
    assert len(EXAMPLE.read_text().splitlines()) <= 60
    name = load_algorithm(str(EXAMPLE))
    soft_ppo = find_algorithm(name)
    (loss,) = soft_ppo.losses(None)
    assert check_slope(loss, soft_ppo.settings(), draw_rows()) < 1e-5
    config = load_config("snake", overrides={"num_envs": 16, "ppo.temperature": 3.0}, algorithm=name)
    trainer = make_trainer(config)
    assert isinstance(trainer.backend, Fused)
    assert trainer.update()["entropy"] > 1.0
    assert from_dict(to_dict(trainer.config)) == trainer.config
    trainer.close()


def test_files_from_elsewhere_do_not_choose_what_is_imported(tmp_path: Path) -> None:
    planted = tmp_path / "planted.py"
    planted.write_text("raise SystemExit('imported')")
    stored = to_dict(small_config("snake")) | {"algorithm": str(planted)}
    with pytest.raises(ArenaError, match="only read where a person names it"):
        from_dict(stored)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("x = 1", "has no ALGORITHM"),
        ("ALGORITHM = 3", "has no ALGORITHM"),
        ("import nothing_of_this_name", "cannot be imported: ModuleNotFoundError"),
        ("def (", "cannot be imported: SyntaxError"),
    ],
)
def test_files_without_an_algorithm_are_named(source: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(source)
    with pytest.raises(ArenaError, match=said):
        load_algorithm(str(tmp_path / "mine.py"))
    with pytest.raises(ArenaError, match="is not there"):
        load_algorithm(str(tmp_path / "other.py"))
