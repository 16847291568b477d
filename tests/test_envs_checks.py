"""The rules of cartpole and of the small games that check whether a learner works."""

import numpy as np
import pytest

from puffer_arena import make
from puffer_arena.core import small_cosine, small_sine
from puffer_arena.core.canvas import RecordingCanvas
from puffer_arena.envs import bandit, cartpole, squared
from tests.grids import make as make_plainly
from tests.grids import move

# -- cartpole ----------------------------------------------------------------------------------------

STATE = ("x", "x_dot", "theta", "theta_dot")


def gymnasium_cartpole(**attributes):
    """Return Gymnasium's own environment without its time limit."""
    gymnasium = pytest.importorskip("gymnasium")
    env = gymnasium.make("CartPole-v1").unwrapped
    for name, value in attributes.items():
        setattr(env, name, value)
    return env


def copy_state(batch, env):
    """Put the row's state into Gymnasium's environment."""
    env.reset()
    env.state = tuple(float(batch.rows.states[name][0]) for name in STATE)


def difference(batch, env):
    return max(abs(float(batch.rows.states[name][0]) - value) for name, value in zip(STATE, env.state, strict=True))


def test_cartpole_follows_gymnasium_through_whole_episodes() -> None:
    env, batch = gymnasium_cartpole(), make("cartpole", autoreset="disabled")
    rng = np.random.default_rng(0)
    for seed in range(40):
        batch.reset(seed)
        copy_state(batch, env)
        while not batch.terminated[0]:
            action = rng.integers(2, size=1)
            obs, reward, terminated, _, _ = env.step(int(action[0]))
            step = batch.step(action)
            assert difference(batch, env) < 1e-6 and np.abs(step.obs[0] - obs).max() < 1e-6
            assert (reward, terminated) == (step.rewards[0], step.terminated[0])


def test_cartpole_follows_gymnasium_while_the_pole_is_held_up() -> None:
    # The held pole is unstable: a difference of one rounding grows by e^4 a second, to about 1e-6 in 5 s
    # (250 steps), whatever the implementation.
    env, batch = gymnasium_cartpole(), make("cartpole", seed=1)
    copy_state(batch, env)
    for _ in range(250):
        action = batch.act("balance")
        env.step(int(action[0]))
        batch.step(action)
        assert difference(batch, env) < 1e-6


def test_cartpole_takes_each_step_as_gymnasium_from_equal_states() -> None:
    env, batch = gymnasium_cartpole(), make("cartpole", autoreset="disabled")
    rng = np.random.default_rng(1)
    for _ in range(500):
        batch.reset()
        for name, limit in zip(STATE, (2.4, 3.0, cartpole.Params.angle_limit, 3.0), strict=True):
            batch.rows.states[name] = rng.uniform(-limit, limit)
        copy_state(batch, env)
        action = rng.integers(2, size=1)
        terminated = env.step(int(action[0]))[2]
        batch.step(action)
        assert difference(batch, env) < 1e-12 and terminated == batch.terminated[0]


def test_cartpole_parameters_mean_what_gymnasium_calls_them() -> None:
    env = gymnasium_cartpole(
        gravity=3.7, masscart=2.0, masspole=0.4, length=1.2, force_mag=20.0, tau=0.03,
        total_mass=2.4, polemass_length=0.48,
    )  # fmt: skip
    given = {"gravity": 3.7, "cart_mass": 2.0, "pole_mass": 0.4, "pole_length": 1.2, "push": 20.0, "tau": 0.03}
    batch = make("cartpole", seed=2, **given)
    copy_state(batch, env)
    for action in (0, 1, 1, 0, 1):
        env.step(action)
        batch.step(np.array([action]))
        assert difference(batch, env) < 1e-12


def test_cartpole_is_truncated_at_500_steps_and_not_terminated() -> None:
    batch = make("cartpole", num_envs=8)
    for t in range(500):
        assert not batch.truncated.any(), t
        batch.step(batch.act("balance"))
    assert batch.truncated.all() and not batch.terminated.any()
    assert (batch.finished["episode_return"] == 500).all() and (batch.final_obs != 0).any(axis=1).all()


def test_a_fall_on_the_last_step_is_a_fall() -> None:
    batch = make("cartpole")
    batch.rows.states["step_count"], batch.rows.states["theta"], batch.rows.states["theta_dot"] = 499, 0.2, 3.0
    batch.step(np.array([0]))
    assert batch.terminated[0] and not batch.truncated[0] and batch.rewards[0] == 1


def test_the_series_of_sine_and_cosine_hold_up_to_the_largest_angle() -> None:
    angles = np.linspace(-0.8, 0.8, 1001)
    assert max(abs(small_sine(a) - np.sin(a)) for a in angles) < 1e-11
    assert max(abs(small_cosine(a) - np.cos(a)) for a in angles) < 1e-12
    assert make("cartpole").env.parameters["angle_limit"].high == 0.8


# -- bandit ------------------------------------------------------------------------------------------


def test_each_sign_has_one_paying_arm_of_its_own() -> None:
    assert sorted(bandit.PAYING) == list(range(bandit.ARMS))
    batch = make("bandit", num_envs=bandit.ARMS, noise=0.0)
    for sign in range(bandit.ARMS):
        batch.rows.states["sign"] = sign
        batch.step(np.arange(bandit.ARMS))
        assert batch.rewards.tolist() == [float(arm == bandit.PAYING[sign]) for arm in range(bandit.ARMS)]


def test_one_sign_makes_the_plain_bandit() -> None:
    batch = make("bandit", num_envs=4, signs=1, noise=0.0, pulls=5)
    for t in range(1, 11):
        assert (batch.obs == 0).all()
        batch.step(np.full(4, bandit.PAYING[0]))
        assert (batch.truncated == (t % 5 == 0)).all() and not batch.terminated.any()
    assert batch.episodes()["episode_return"] == 5.0


def test_noise_has_its_size_and_no_bias() -> None:
    batch = make("bandit", num_envs=4096, noise=0.5)
    batch.step(batch.act("best"))
    # Of 4096 draws the mean lies within 5 · 0.5 / 64 = 0.04 of 1, the deviation within a tenth of 0.5.
    assert abs(batch.rewards.mean() - 1) < 0.04 and abs(batch.rewards.std() - 0.5) < 0.05


# -- memory ------------------------------------------------------------------------------------------


def test_the_cue_is_seen_once_and_asked_for_after_the_delay() -> None:
    batch = make("memory", num_envs=64, delay=2)
    cue = batch.rows.states["cue"].copy()
    assert set(cue) == {0, 1, 2, 3}
    for t, (asked, clock) in enumerate([(0, 0.0), (0, 0.5), (1, 1.0)]):
        assert (batch.obs["cue"][:, 0] == (cue + 1 if t == 0 else 0)).all()
        assert (batch.obs["asked"] == asked).all() and (batch.obs["clock"] == np.float32(clock)).all()
        answers = (cue + (np.arange(64) % 2)) % 4 if asked else np.zeros(64, int)  # every other one is wrong
        batch.step(answers)
        assert (batch.terminated == bool(asked)).all()
        assert (batch.rewards == (np.arange(64) % 2 == 0) * asked).all()


def test_without_a_delay_the_cue_is_in_sight_when_asked() -> None:
    batch = make("memory", num_envs=16, delay=0, symbols=2)
    assert (batch.obs["asked"] == 1).all() and set(batch.obs["cue"][:, 0]) == {1, 2}
    batch.step(batch.obs["cue"][:, 0] - 1)
    assert (batch.rewards == 1).all() and batch.terminated.all()


# -- target ------------------------------------------------------------------------------------------


def place_target(**fields):
    batch = make("target", goals=2, drag=2.0, thrust=4.0)
    for name, value in {"x": 0.0, "y": 0.0, "goal_x": 0.9, "goal_y": 0.0, **fields}.items():
        batch.rows.states[name] = value
    return batch


def test_thrust_and_drag_move_the_disc() -> None:
    batch = place_target()
    batch.step(np.array([[1.0, -0.5]]))
    # From rest: speed 4 · 0.1 · (1, -0.5) = (0.4, -0.2), place 0.1 of it.
    assert batch.obs[0] == pytest.approx([0.86, 0.02, 0.4, -0.2])
    batch.step(np.array([[0.0, 0.0]]))
    # A fifth of the speed goes each step: (0.32, -0.16); place (0.072, -0.036).
    assert batch.obs[0] == pytest.approx([0.828, 0.036, 0.32, -0.16])


def test_reward_is_the_distance_gained_and_a_bonus_at_the_goal() -> None:
    batch = place_target(goal_x=0.15)
    batch.step(np.array([[1.0, 0.0]]))
    # Moves 0.04 to be 0.11 away, within reach (0.12): 0.04 and the bonus 1.
    assert batch.rewards[0] == pytest.approx(1.04) and batch.rows.states["score"][0] == 1
    assert (batch.rows.states["goal_x"][0], batch.rows.states["goal_y"][0]) != (0.15, 0.0)
    assert not batch.terminated[0]


def test_the_last_goal_ends_the_episode() -> None:
    batch = place_target(goal_x=0.15, score=1)
    batch.step(np.array([[1.0, 0.0]]))
    assert batch.terminated[0] and not batch.truncated[0] and batch.finished["score"][0] == 2


def test_walls_stop_the_disc() -> None:
    batch = place_target(x=0.99, x_dot=2.0, y_dot=1.0)
    batch.step(np.array([[0.0, 0.0]]))
    s = batch.state(0)
    assert (s.x, s.x_dot) == (1.0, 0.0) and s.y_dot == pytest.approx(0.8)


# -- squared -----------------------------------------------------------------------------------------


def place_squared(target, **params):
    batch = make_plainly("squared", size=5, targets=2, **params)
    s = batch.rows.states[0]
    s["board"] = squared.FLOOR
    s["board"][0, 0] = s["board"][target] = squared.TARGET
    return batch


def test_diagonals_are_one_move_and_a_target_sends_back_to_the_middle() -> None:
    batch = place_squared((4, 2), reward_step=0.25)
    ahead, stay, back = squared.AHEAD, squared.STAY, squared.BACK
    assert move(batch, (back, back)) == (-0.25, False, False)
    assert batch.obs[0, 1, 1] == squared.AGENT
    assert move(batch, (back, back)) == (0.25, False, False)  # half of 1 for one of two targets, less the step
    assert batch.obs[0, 2, 2] == squared.AGENT and batch.obs[0, 0, 0] == squared.FLOOR
    assert move(batch, (ahead, stay)) == (-0.25, False, False)
    assert move(batch, (ahead, stay)) == (0.25, True, False)


def test_the_edge_stops_moves_and_time_truncates() -> None:
    batch = place_squared((0, 4), max_steps=5)
    for _ in range(4):
        assert move(batch, (squared.AHEAD, squared.AHEAD))[1:] == (False, False)
    assert batch.obs[0, 4, 4] == squared.AGENT
    assert move(batch, (squared.AHEAD, squared.STAY))[1:] == (False, True)


def test_a_picture_of_squared_moves_between_cells_and_ends_where_the_step_did():
    batch = place_squared((4, 2))
    s, p = batch.state(0), batch.state_params(0)

    def shown(moment):
        canvas = RecordingCanvas(moment=moment)
        batch.env.draw(s, p, canvas)
        return canvas.agents[0][:2]

    move(batch, (squared.AHEAD, squared.STAY))
    assert [shown(moment) for moment in (0.0, 0.5, 1.0)] == [(2.5, 2.5), (2.5, 3.0), (2.5, 3.5)]
    move(batch, (squared.AHEAD, squared.STAY))  # onto the target, and from there to the middle
    assert shown(0.5) == (2.5, 4.0) and shown(1.0) == (2.5, 2.5)


def test_targets_lie_on_the_edge() -> None:
    batch = make_plainly("squared", num_envs=100, size=6, targets=8)
    boards = batch.rows.states["board"] == squared.TARGET
    assert (boards.sum((1, 2)) == 8).all() and not boards[:, 1:-1, 1:-1].any()
    assert boards.any(0)[0].all() and boards.any(0)[-1].all()  # corners too
