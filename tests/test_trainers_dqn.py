"""DQN and SAC: targets, losses, what they keep of steps, goals moved in hindsight, and what they ask of a game."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from puffer_arena.errors import ArenaError  # noqa: E402  torch may not be there
from puffer_arena.trainers.algorithms.dqn import double_target  # noqa: E402
from puffer_arena.trainers.algorithms.sac import soft_losses, soft_target  # noqa: E402
from puffer_arena.trainers.config import load_config  # noqa: E402
from puffer_arena.trainers.trainer import make_trainer  # noqa: E402
from tests.trainers_support import assert_same_future, small_trainer  # noqa: E402

SMALL = {
    "algorithm": "dqn", "dqn__horizon": 4, "dqn__minibatches": 2, "dqn__batch": 32, "dqn__replay": 480,
    "dqn__warmup": 100, "params": {"max_hunger": 10},
}  # fmt: skip


def test_the_target_is_the_average_s_value_of_the_network_s_best():
    found = double_target(
        torch.tensor([1.0, 1.0]), torch.tensor([0.0, 1.0]), torch.tensor([[0.0, 5.0], [0.0, 5.0]]),
        torch.tensor([[9.0, 2.0], [9.0, 2.0]]), 0.5,
    )  # fmt: skip
    assert found.tolist() == [1.0 + 0.5 * 2.0, 1.0]
    values, averages = torch.tensor([[0.0, 5.0]]), torch.tensor([[9.0, 2.0]])
    barred = double_target(torch.zeros(1), torch.zeros(1), values, averages, 1.0, torch.tensor([[True, False]]))
    assert barred.tolist() == [9.0]  # the best of the open choices


def test_sacs_losses_are_the_papers_and_have_the_slopes_of_finite_differences():
    rng = np.random.default_rng(0)
    q, target, judged, log_prob = (torch.tensor(rng.normal(size=shape)) for shape in ((2, 5), 5, 5, 5))
    log_alpha = torch.tensor(-1.5, dtype=torch.float64)
    found = soft_losses(q, target, judged, log_prob, log_alpha, -1.0)
    for i in range(5):
        y, alpha = float(target[i]), np.exp(-1.5)
        assert float(found["value_loss"][i]) == pytest.approx(0.5 * sum((float(each[i]) - y) ** 2 for each in q))
        assert float(found["policy_loss"][i]) == pytest.approx(alpha * float(log_prob[i]) - float(judged[i]))
        assert float(found["alpha_loss"][i]) == pytest.approx(1.5 * (float(log_prob[i]) - 1.0))
    wanted = soft_target(target, torch.tensor([0.0, 1.0, 0.0, 0.0, 1.0]), judged, log_prob, log_alpha.exp(), 0.9)
    assert float(wanted[1]) == float(target[1])
    assert float(wanted[0]) == pytest.approx(float(target[0]) + 0.9 * float(judged[0] - np.exp(-1.5) * log_prob[0]))

    def total(q, judged, log_prob, log_alpha):
        return sum(part.sum() for part in soft_losses(q, target, judged, log_prob, log_alpha, -1.0).values())

    given = [part.clone().requires_grad_() for part in (q, judged, log_prob, log_alpha)]
    slopes = torch.autograd.grad(total(*given), given)
    # By hand: alpha moves by its own loss alone, and log-probabilities count in the policy's alone.
    np.testing.assert_allclose(slopes[0], q - target)
    np.testing.assert_allclose(slopes[1], -np.ones(5))
    np.testing.assert_allclose(slopes[2], np.full(5, np.exp(-1.5)))
    assert float(slopes[3]) == pytest.approx(float(-(log_prob - 1.0).sum()))
    for k in range(2):
        moved = [part.clone() for part in (q, judged, log_prob, log_alpha)]
        moved[k].view(-1)[0] += 1e-6
        assert float(total(*moved) - total(q, judged, log_prob, log_alpha)) / 1e-6 == pytest.approx(
            float(slopes[k].view(-1)[0]), abs=1e-4
        )


GOALS = {
    "maze": ("dqn", {"size": 7, "distance": 6, "max_steps": 20}),
    "target": ("sac", {"goals": 1, "max_steps": 20}),
}


def goal_trainer(env_id):
    name, params = GOALS[env_id]
    own = {"horizon": 4, "minibatches": 2, "batch": 64, "replay": 960, "warmup": 100, "hindsight": 0.8}
    settings = {f"{name}__{key}": value for key, value in own.items()}
    return small_trainer(env_id, algorithm=name, params=params, total_steps=100_000, **settings)


@pytest.mark.parametrize("env_id", GOALS)
def test_goals_are_moved_to_what_was_reached_later_and_runs_go_on_exactly(env_id):
    trainer, other = (goal_trainer(env_id) for _ in range(2))
    for _ in range(14):
        trainer.update()
    memory, generator = trainer.memory, torch.Generator().manual_seed(0)
    step, row = memory.places(64, 2, generator)
    states, place = memory.columns["states"], step % memory.length
    end = memory.episode_end(step, row)
    for k in range(64):
        same = [
            t
            for t in range(int(step[k]), int(memory.count[0]))
            if states["episode"][t % memory.length, row[k]] == states["episode"][place[k], row[k]]
        ]
        assert end[k] == same[-1] + 1
    before, found = memory.take(step, row, 2), memory.take(step, row, 2)
    trainer.hindsight.move(found, memory, step, row, np.ones(64, bool), np.zeros(64))  # the very next state
    moved = end - step > 1
    for name in before:
        np.testing.assert_array_equal(found[name][:, ~moved], before[name][:, ~moved])
    gained = found["rewards"][0, moved]
    if env_id == "maze":
        assert (gained > 0.0).all() and found["terminated"][0, moved].all()  # the step has led to its goal
    else:
        assert (gained >= 1.0).all()  # reward_goal, and the distance gained
    batch, plain = trainer.hindsight.batch, memory.take(step, row, 2)
    batch.move_goals = lambda later: batch.look(np.ones(64, bool))
    trainer.hindsight.move(plain, memory, step, row, np.ones(64, bool), np.zeros(64))
    for name in before:  # where no goal moves, what is played again is what was played
        np.testing.assert_array_equal(plain[name], before[name])
    del batch.move_goals
    other.load_state(*trainer.state())
    assert_same_future(trainer, other)
    broken, about = trainer.state()
    raw = broken["carried/replay.states"].clone()
    raw[:] = 0x7F
    with pytest.raises(ArenaError):
        other.load_state({**broken, "carried/replay.states": raw}, about)
    trainer.close()
    other.close()


def test_its_loss_is_that_of_a_plain_reference_without_steps_that_were_cut():
    trainer = small_trainer("snake", **SMALL)
    for _ in range(12):
        trainer.update()
    s, memory = trainer.config.method, trainer.memory
    steps = memory.draw(200, 2, torch.Generator().manual_seed(0))
    cut = steps.began[1] & (steps.terminated[0] == 0.0)
    assert cut.any() and not cut.all()
    with torch.no_grad():
        q, after = (trainer.policy([leaf[k] for leaf in steps.obs], {})[0].double().numpy() for k in (0, 1))
        average = trainer.target([leaf[1] for leaf in steps.obs], {})[0].double().numpy()

    def reference(moved):
        losses = []
        for i in np.flatnonzero(~cut.numpy()):
            gain = float(steps.rewards[0, i]) / trainer.reward_scale.deviation
            wanted = gain + s.gamma * (1.0 - float(steps.terminated[0, i])) * average[i, after[i].argmax()]
            apart = abs(moved[i, int(steps.actions[0, i, 0])] - wanted)
            losses.append(0.5 * apart**2 if apart < 1.0 else apart - 0.5)
        return np.mean(losses)

    assert trainer.learn(steps, s)["value_loss"] == pytest.approx(reference(q), rel=1e-4)
    slope = trainer.policy.actor.output.bias.grad
    for k in range(4):  # a bias moves the value of its choice in every step alike
        away = 1e-4 * np.eye(4)[k]
        assert float(slope[k]) == pytest.approx((reference(q + away) - reference(q - away)) / 2e-4, abs=1e-4)
    trainer.close()


def test_a_resumed_run_goes_on_exactly():
    first, second = (small_trainer("snake", **SMALL, total_steps=10_000) for _ in range(2))
    for _ in range(8):
        first.update()
    assert first.memory.held == 20  # 480 steps of 24 environments, all of them newer than those that were there
    second.load_state(*first.state())
    assert_same_future(first, second)
    for name, value in first.target.state_dict().items():
        assert torch.equal(value, second.target.state_dict()[name])
    first.close()
    second.close()


@pytest.mark.parametrize(
    ("env_id", "settings", "message"),
    [
        ("target", {}, "dqn gives each choice of a Discrete action a value"),
        ("snake", {"algorithm": "sac"}, "sac climbs a critic along continuous actions"),
        ("snake", {"dqn__hindsight": 0.5}, "'snake' has no rule for that"),
        ("snake", {"dqn__replay": 40}, "holds less than two steps of each of 24 environments"),
        ("snake", {"dqn__replay": 10**9}, "a replay buffer of 999,999,984 steps takes"),
    ],
)
def test_what_does_not_fit_is_said(env_id, settings, message):
    with pytest.raises(ArenaError, match=message):
        small_trainer(env_id, **{**SMALL, "params": {}, **settings})


@pytest.mark.slow
def test_dqn_learns_with_hindsight_to_cross_a_room():
    """In an open room the goal is in the corner across, eight cells away, and an episode has sixteen steps."""
    room = {"size": 7, "sight": 9, "walls": 0.0, "distance": 8, "max_steps": 16}
    settings = {
        "num_envs": 16, "threads": 1, "total_steps": 10_000, "params": room, "network.hidden": (64, 64), "network.memory": "none",
        "optimizer.name": "adam", "optimizer.learning_rate": 1e-3, "optimizer.max_grad_norm": 10.0,
        "dqn.hindsight": 0.8, "dqn.warmup": 500, "dqn.batch": 128, "dqn.gamma": 0.9, "dqn.epsilon_final": 0.1,
        "dqn.exploration": 0.5,
    }  # fmt: skip
    trainer, recent = make_trainer(load_config("maze", overrides=settings, algorithm="dqn")), [0.0]
    while not trainer.finished and (len(recent) < 20 or np.mean(recent[-20:]) < 0.6):
        metrics = trainer.update()
        recent += [metrics["reached"]] if "reached" in metrics else []
    trainer.close()
    assert np.mean(recent[-20:]) >= 0.6


@pytest.mark.slow
def test_sac_reaches_targets_from_few_steps():
    settings = {
        "num_envs": 16, "threads": 1, "total_steps": 20_000, "network.hidden": (64, 64), "sac.warmup": 1000, "sac.minibatches": 8,
        "optimizer.name": "adam", "optimizer.learning_rate": 1e-3, "optimizer.max_grad_norm": 10.0,
    }  # fmt: skip
    trainer, recent = make_trainer(load_config("target", overrides=settings, algorithm="sac")), [0.0]
    while not trainer.finished and np.mean(recent[-30:]) < 4.0:
        metrics = trainer.update()
        recent += [metrics["episode_return"]] if "episode_return" in metrics else []
    trainer.close()
    assert np.mean(recent[-30:]) >= 4.0
