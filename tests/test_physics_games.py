"""The rules of lander, walker and striker."""

import numpy as np
import pytest

from puffer_arena import make
from puffer_arena.envs.lander import state as lander
from puffer_arena.envs.striker import state as striker
from puffer_arena.envs.walker import state as walker


def test_a_lander_let_fall_crashes_and_loses_ten() -> None:
    batch = make("lander", num_envs=32, seed=1, autoreset="disabled")
    total = np.zeros(32)
    for _ in range(300):
        batch.step(np.full(32, lander.COAST))
        total += batch.rewards
        assert (batch.rewards[batch.terminated] == -10.0).all()
    states = batch.rows.states
    assert (states["ended"] == 1).all() and (states["landed"] == 0).all()
    assert np.allclose(total, states["episode_return"], atol=1e-3)


def test_the_main_engine_lifts_and_burns_fuel_at_the_rate_of_its_parameters() -> None:
    # Net acceleration thrust - gravity = 7 m/s² along the craft's axis; full thrust empties 20 s of fuel at 1/20 a second.
    batch = make("lander", num_envs=1, seed=1, wind=0.0)
    state = batch.rows.states
    state["craft"]["angle"] = state["craft"]["spin"] = 0.0
    batch.adopt()
    before = float(state["craft"]["vy"][0])
    for _ in range(15):
        batch.step(np.array([lander.MAIN]))
    assert state["craft"]["vy"][0] - before == pytest.approx(7.0 * 0.5, abs=1e-6)
    assert state["fuel"][0] == pytest.approx(1 - 0.5 / 20)


def test_side_jets_tilt_to_their_side() -> None:
    batch = make("lander", num_envs=2, seed=1, wind=0.0)
    before = batch.rows.states["craft"]["spin"].copy()
    for _ in range(10):
        batch.step(np.array([lander.TILT_LEFT, lander.TILT_RIGHT]))
    change = batch.rows.states["craft"]["spin"] - before
    assert change[0] > 0.1 and change[1] == pytest.approx(-change[0])


def test_the_pad_is_level_and_rays_see_the_ground() -> None:
    batch = make("lander", num_envs=64, seed=2)
    for i in range(64):
        row = batch.state(i)
        inside = [e for e in row.ground if row.pad_x - lander.EDGE < (e.ax + e.bx) / 2 < row.pad_x + lander.EDGE]
        assert len(inside) == 2 and all(e.ay == e.by == row.pad_y for e in inside)
    for _ in range(50):
        batch.step(np.full(64, lander.COAST))
    rays = batch.obs[:, 10:]
    assert ((rays >= 0) & (rays <= 1)).all() and (rays < 1).any(axis=1).all()


def test_held_out_landings_by_the_autopilot_mostly_succeed() -> None:
    batch = make("lander", num_envs=128, seed=3, split="held_out")
    for _ in range(500):
        batch.step(batch.act("autopilot"))
    assert batch.episodes()["landed"] > 0.8


def joint_gaps(states) -> np.ndarray:
    """Return how far the two ends of hips and knees are apart, in metres."""

    def end(body, along):  # of a body, so far along its own axis
        return np.stack([body["x"] - along * np.sin(body["angle"]), body["y"] + along * np.cos(body["angle"])])

    half, gaps = walker.LEG_LENGTH / 2, []
    for leg in range(2):
        hull, thigh, shin = states["hull"], states["thighs"][:, leg], states["shins"][:, leg]
        gaps += [end(hull, walker.HIP_Y) - end(thigh, half), end(thigh, -half) - end(shin, half)]
    return np.hypot(*np.stack(gaps, axis=1))


def test_a_walker_thrown_about_by_its_motors_stays_in_one_piece() -> None:
    batch = make("walker", num_envs=32, seed=1)
    rng, gaps = np.random.default_rng(0), []
    for k in range(200):
        if k % 8 == 0:
            actions = np.sign(batch.sample_actions(rng))
        batch.step(actions)
        gaps.append(joint_gaps(batch.rows.states))
    assert np.median(gaps) < 0.02 and np.max(gaps) < 0.2  # of limbs 1.13 m long


def test_a_ball_behind_the_line_is_a_goal_for_the_other_side() -> None:
    for way, scorer in ((1.0, "red_goals"), (-1.0, "blue_goals")):
        batch = make("striker", num_envs=1, seed=1, autoreset="disabled")
        state = batch.rows.states
        state["ball"]["x"], state["ball"]["y"], state["ball"]["vx"] = way * 12.8, 0.0, way * 15.0
        batch.adopt()
        for _ in range(4):
            batch.step(np.ones((1, 4, 4), np.int64) * [1, 1, 0, 0])
        assert state[scorer][0] == 1 and state["ended"][0] == 1
        assert (np.sign(state["episode_return"][0]) == [way, way, -way, -way]).all()


def test_a_kick_off_follows_a_goal_that_does_not_decide() -> None:
    batch = make("striker", num_envs=1, seed=1, goals=3, autoreset="disabled")
    state = batch.rows.states
    state["ball"]["x"], state["ball"]["y"], state["ball"]["vx"] = 12.8, 0.0, 15.0
    batch.adopt()
    for _ in range(4):
        batch.step(np.ones((1, 4, 4), np.int64) * [1, 1, 0, 0])
    assert state["red_goals"][0] == 1 and state["ended"][0] == 0
    assert abs(state["ball"]["x"][0]) < 1.0 and (state["players"]["x"][0] * [-1, -1, 1, 1] > 0).all()


def test_both_teams_see_the_same_when_the_pitch_is_turned() -> None:
    batch = make("striker", num_envs=1, seed=1, team=1)
    state = batch.rows.states
    players, ball = state["players"][0], state["ball"]
    players["x"], players["y"] = [-3.0, 3.0], [2.0, -2.0]
    ball["x"], ball["y"] = 0.0, 0.0
    batch.adopt()
    batch.look(np.ones(1, np.bool_))
    assert np.array_equal(batch.obs[0, 0], batch.obs[0, 1])


def test_a_kick_reaches_only_a_ball_near_by() -> None:
    for gap, flies in ((striker.REACH - 0.05, True), (striker.REACH + 0.05, False)):
        batch = make("striker", num_envs=1, seed=1, team=1)
        state = batch.rows.states
        state["players"]["x"][0], state["players"]["y"][0] = [-5.0, 8.0], [0.0, 5.0]
        state["ball"]["x"], state["ball"]["y"] = -5.0 + striker.PLAYER_RADIUS + striker.BALL_RADIUS + gap, 0.0
        batch.adopt()
        batch.step(np.array([[[1, 1, 0, 1], [1, 1, 0, 0]]]))
        assert bool(state["ball"]["vx"][0] > 10.0) == flies == bool(state["kicked"][0, 0])


def test_absent_players_take_no_part() -> None:
    batch = make("striker", num_envs=2, seed=1, team=3)
    batch.params.team[1] = 1
    batch.reset()
    assert batch.acting.tolist() == [[True] * 6, [True, False, False] * 2]
    assert (batch.rows.states["players"]["y"][1, [1, 2, 4, 5]] > 50).all()


def test_a_walker_that_lets_go_falls_and_loses_ten() -> None:
    batch = make("walker", num_envs=16, seed=1, autoreset="disabled", bumps=0.0)
    for _ in range(200):
        batch.step(np.zeros((16, 4)))
    fell = batch.rows.states["ended"] == 1
    assert fell.mean() > 0.5 and (batch.rows.states["episode_return"][fell] < -8.0).all()


def test_the_course_has_the_obstacles_that_its_parameters_allow() -> None:
    level = make("walker", num_envs=8, seed=1, bumps=0.0)
    assert (level.rows.states["ground"]["by"] == 0.0).all()
    stumps = make("walker", num_envs=8, seed=1, bumps=0.0, obstacles=0.5, pit=0.0).rows.states["ground"]
    assert (stumps["by"] >= -1e-9).all() and 0.1 < stumps["by"].max() <= 0.5
    pits = make("walker", num_envs=8, seed=1, bumps=0.0, obstacles=0.5, stump=0.0).rows.states["ground"]
    assert (pits["by"] <= 1e-9).all() and pits["by"].min() == pytest.approx(-walker.DEPTH)
    for ground in (stumps, pits):
        assert np.allclose(ground["bx"][:, :-1], ground["ax"][:, 1:]) and np.allclose(
            ground["by"][:, :-1], ground["ay"][:, 1:]
        )
        assert (ground["bx"][:, -1] > 40.0).all()


def test_motors_turn_the_way_of_their_action() -> None:
    batch = make("walker", num_envs=2, seed=1)
    state = batch.rows.states
    state["hull"]["y"] += 3.0  # in the air, where nothing else turns the legs
    for limb in ("thighs", "shins"):
        state[limb]["y"] += 3.0
    batch.adopt()
    for _ in range(5):
        batch.step(np.array([[1.0, 0, 0, 0], [-1.0, 0, 0, 0]]))
    hip = state["thighs"]["angle"][:, 0] - state["hull"]["angle"]
    assert hip[0] > 0.1 > -0.1 > hip[1]


def test_strides_get_ahead() -> None:
    batch = make("walker", num_envs=64, seed=1, length=12.0)
    for _ in range(600):
        batch.step(batch.act("stride"))
    assert batch.episodes()["crossed"] > 0.3
