"""Bonuses for what is new: rnd and icm, their networks, the sums of their bonuses, and their loss."""

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from puffer_arena.errors import TrainingError  # noqa: E402  torch may not be there
from puffer_arena.trainers.backends.fused import Fused  # noqa: E402
from puffer_arena.trainers.config import load_config  # noqa: E402
from puffer_arena.trainers.networks.heads import action_features, feature_count, make_head  # noqa: E402
from puffer_arena.trainers.trainer import make_trainer  # noqa: E402
from tests.trainers_support import assert_same_future, small_trainer  # noqa: E402

MINEFIELD = str(Path(__file__).parent.parent / "examples" / "minefield.py")
SNAKE = {"params": {"max_hunger": 10}, "num_envs": 12}


def curious_trainer(name, env_id, **settings):
    own = {f"{name}__{key}": value for key, value in {"bonus_width": 16, "horizon": 8, "minibatches": 2}.items()}
    return small_trainer(env_id, algorithm=name, **{**own, **settings})


@pytest.mark.parametrize("name", ["rnd", "icm"])
def test_what_is_met_again_is_less_new_than_what_never_was(name):
    trainer = curious_trainer(name, "cartpole", **{f"{name}__bonus_learning_rate": 0.01})
    first = trainer.update()["bonus_loss"]
    before = {key: value.clone() for key, value in trainer.novelty.state_dict().items()}
    for _ in range(30):
        last = trainer.update()["bonus_loss"]
    assert last < 0.5 * first
    known = torch.from_numpy(trainer.rollout.obs[0])
    strange, actions = known * 5.0 + 10.0, torch.from_numpy(trainer.rollout.actions[0])
    with torch.no_grad():
        old, new = (trainer.novelty.measure([known], actions, [after]).mean() for after in (known, strange))
    assert new > 3.0 * old
    if name == "rnd":
        after = trainer.novelty.state_dict()
        for key in ("target.hidden.0.weight", "target_output.weight"):
            assert torch.equal(before[key], after[key])
        assert not torch.equal(before["predictor.hidden.0.weight"], after["predictor.hidden.0.weight"])
    trainer.close()


@pytest.mark.parametrize("episodic", [False, True])
def test_bonuses_go_on_over_the_end_of_an_episode_unless_they_are_episodic(episodic):
    trainer = curious_trainer("rnd", "snake", **SNAKE, rnd__bonus_episodic=episodic, rnd__horizon=16)
    for _ in range(2):
        trainer.update()
    rollout, s = trainer.rollout, trainer.config.method
    ends = rollout.terminated | rollout.truncated
    assert ends.any() and (rollout.bonus[ends] == 0.0).all() and (rollout.bonus[~ends] > 0.0).all()
    trainer.estimate(s)
    wanted, values = np.zeros(rollout.bonus.shape), rollout.old_second_value.astype(np.float64)
    for t in reversed(range(16)):
        cut = ends[t] & episodic
        bootstrap = np.where(rollout.truncated[t] & ~rollout.terminated[t], rollout.final_second_value[t], 0.0)
        after = np.where(cut, bootstrap, values[t + 1])
        wanted[t] = rollout.bonus[t] + s.bonus_gamma * after - values[t]
        if t < 15:
            wanted[t] += np.where(cut, 0.0, s.bonus_gamma * s.gae_lambda * wanted[t + 1])
    np.testing.assert_allclose(rollout.second_advantage, wanted, atol=1e-4)
    trainer.close()


@pytest.mark.parametrize(("name", "env_id"), [("rnd", "snake"), ("icm", "tag")])
def test_a_resumed_run_goes_on_exactly(name, env_id):
    first, second = (curious_trainer(name, env_id) for _ in range(2))
    assert isinstance(first.backend, Fused)
    for _ in range(2):
        first.update()
    second.load_state(*first.state())
    assert_same_future(first, second)
    for key, value in first.novelty.state_dict().items():
        assert torch.equal(value, second.novelty.state_dict()[key])
    first.close()
    second.close()


def test_actions_of_any_space_are_numbers_for_a_network():
    from puffer_arena.core.composites import Dict
    from puffer_arena.core.spaces import Box, Discrete, MultiBinary

    head = make_head(Dict({"aim": Box(-1, 1, (2,)), "fire": Discrete(3), "flags": MultiBinary(2)}))
    found = action_features(head, torch.tensor([[0.5, -0.25, 2.0, 1.0, 0.0]]))
    assert found.tolist() == [[0.5, -0.25, 0.0, 0.0, 1.0, 1.0, 0.0]] and feature_count(head) == 7


def test_roles_with_spaces_of_their_own_are_refused():
    with pytest.raises(TrainingError, match="has a space of its own; train by ppo"):
        curious_trainer("rnd", str(Path(__file__).parent.parent / "examples" / "convoy.py"))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["rnd", "icm"])
def test_a_far_edge_that_chance_never_finds_is_found(name):
    """Whoever walks at random for 100 steps does not come as far as the edge, which alone pays; PPO stays at -1."""
    settings = {
        "num_envs": 512, "network.hidden": (64, 64), "precision": "float32", "total_steps": 1_000_000,
        "params": {"guide": 0.0, "mines": 1},
    }  # fmt: skip
    trainer = make_trainer(load_config(MINEFIELD, overrides=settings, algorithm=name))
    best = -1.0
    while not trainer.finished and best < 0.7:
        best = max(best, trainer.update().get("episode_return", -1.0))
    trainer.close()
    assert best >= 0.7
