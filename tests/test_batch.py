"""The batch: endings, buffers, statistics, parameters, bots."""

import copy
import pickle

import numpy as np
import pytest

from puffer_arena import list_envs, make
from puffer_arena.core.fields import check_rows
from puffer_arena.errors import ActionError, ParameterError, UnknownName
from tests.playing import COUNTDOWN, DUEL, PUPPET, both_modes, everything


def play(batch, *moves):
    """Step a one-row batch through moves and return (reward, terminated, truncated) of each."""
    results = []
    for move in moves:
        step = batch.step(np.array([move]))
        results.append((float(step.rewards[0]), bool(step.terminated[0]), bool(step.truncated[0])))
    return results


@both_modes
def test_a_terminated_episode_is_reset_in_the_same_step(compiled: bool) -> None:
    batch = make(COUNTDOWN, compiled=compiled)
    assert play(batch, (2, 0), (2, 0), (1, 0)) == [(1, False, False), (2, False, False), (10, True, False)]
    assert batch.obs[0, 0] == 5 and batch.state(0).step_count == 0
    assert play(batch, (0, 0)) == [(1, False, False)]


@both_modes
def test_the_last_observation_of_a_truncated_episode_is_kept(compiled: bool) -> None:
    batch = make(COUNTDOWN, limit=2, compiled=compiled)
    assert play(batch, (1, 0), (1, 0)) == [(1, False, False), (2, False, True)]
    assert batch.final_obs[0, 0] == 3 and batch.obs[0, 0] == 5


@both_modes
def test_same_step_final_keeps_the_last_observation_of_terminated_episodes_too(compiled: bool) -> None:
    batch = make(COUNTDOWN, autoreset="same_step_final", compiled=compiled)
    play(batch, (2, 0), (2, 0), (2, 0))
    assert batch.final_obs[0, 0] == -1 and batch.obs[0, 0] == 5


@both_modes
def test_next_step_resets_when_stepped_again_and_ignores_that_action(compiled: bool) -> None:
    batch = make(COUNTDOWN, start=2, autoreset="next_step", compiled=compiled)
    assert play(batch, (2, 0)) == [(10, True, False)] and batch.obs[0, 0] == 0
    assert play(batch, (2, 0)) == [(0, False, False)] and batch.obs[0, 0] == 2


@both_modes
def test_a_disabled_autoreset_leaves_an_ended_row_alone(compiled: bool) -> None:
    batch = make(COUNTDOWN, start=2, autoreset="disabled", compiled=compiled)
    assert play(batch, (2, 0), (2, 0)) == [(10, True, False), (0, False, False)]
    assert batch.state(0).ended == 1 and batch.obs[0, 0] == 0
    batch.reset(which=np.array([True]))
    assert batch.state(0).ended == 0 and batch.obs[0, 0] == 2


@both_modes
def test_episode_statistics_are_means_over_all_episodes_that_ended(compiled: bool) -> None:
    batch = make(COUNTDOWN, 2, start=3, limit=3, compiled=compiled)
    # Row 0: 2 + 2 ends after two steps, return 1 + 10.  Row 1: idles for three, return 1 + 2 + 3, then goes on.
    for moves in ([(2, 1), (0, 0)], [(2, 1), (0, 0)], [(0, 0), (0, 1)]):
        batch.step(np.array(moves))
    expected = {"episodes": 2, "episode_return": (11 + 6) / 2, "episode_length": 2.5, "used": 1.5}
    assert batch.episodes() == expected
    assert batch.finished["episode_return"].tolist() == [11, 6]
    assert batch.episodes() == {"episodes": 0}


@both_modes
def test_action_masks_follow_the_state_and_open_again(compiled: bool) -> None:
    batch = make(COUNTDOWN, start=3, compiled=compiled)
    assert batch.action_mask.shape == (1, 5) and batch.action_mask.all()
    play(batch, (1, 0))
    assert batch.action_mask[0].tolist() == [False, True, True, True, True]
    play(batch, (2, 0))  # ends; the new episode has 3 left
    assert batch.action_mask.all()


@both_modes
def test_agents_who_terminate_leave_and_the_others_play_on(compiled: bool) -> None:
    batch = make(DUEL, compiled=compiled)
    assert batch.agent_ids == ("red_0", "blue_0", "blue_1")
    batch.step(np.array([[1, 2, 0]]))
    assert batch.rewards.tolist() == [[1, -1, 0]] and batch.terminated.tolist() == [[False, True, False]]
    assert batch.acting.tolist() == [[True, False, True]]
    assert batch.obs["last"].tolist() == [[[1], [0], [0]]] and batch.obs["pair"]["part_1"].tolist() == [[[0], [0], [2]]]
    batch.step(np.array([[1, 1, 1]]))  # the agent who left plays nothing and earns nothing
    assert batch.rewards.tolist() == [[1, 0, 1]] and not batch.terminated.any()
    batch.step(np.array([[2, 0, 2]]))  # the last two leave: a new episode with all three
    assert batch.terminated.tolist() == [[True, False, True]] and batch.acting.all()
    totals = batch.episodes()
    # red: 1 + 1 - 1; blue: -1, and 0 + 1 - 1
    assert totals["episode_return/red"] == 1 and totals["episode_return/blue"] == -0.5
    assert totals["episode_return"] == pytest.approx(0.0) and totals["episode_length"] == 3


@both_modes
def test_truncation_reaches_the_living_and_keeps_their_last_observation(compiled: bool) -> None:
    batch = make(DUEL, limit=2, compiled=compiled)
    batch.step(np.array([[2, 1, 1]]))
    batch.step(np.array([[0, 1, 1]]))
    assert batch.truncated.tolist() == [[False, True, True]]
    assert batch.final_obs["pair"]["part_0"][0, 1:, 0].tolist() == [2, 2]
    assert batch.obs["pair"]["part_0"][0, :, 0].tolist() == [0, 0, 0]


@both_modes
def test_agents_lowered_by_a_parameter_are_absent_from_the_next_reset_on(compiled: bool) -> None:
    batch = make(DUEL, 2, compiled=compiled)
    batch.params.blue[1] = 1
    assert batch.acting.all()
    batch.reset()
    assert batch.acting.tolist() == [[True, True, True], [True, True, False]]


def rollout(game: str, threads: int, compiled: bool, steps: int = 30, n: int = 200) -> list[bytes]:
    batch = make(game, n, seed=3, threads=threads, compiled=compiled)
    rng = np.random.default_rng(1)
    seen = []
    for _ in range(steps):
        step = batch.step(batch.sample_actions(rng))
        seen.append(b"".join(part.tobytes() for part in (*step, batch.rows.states)))
    batch.close()
    return seen


@pytest.mark.parametrize("game", [COUNTDOWN, DUEL], ids=["solo", "several"])
def test_bytes_do_not_depend_on_threads_or_compiling(game: str) -> None:
    expected = rollout(game, 1, True)
    assert rollout(game, 2, True) == expected
    assert rollout(game, 3, True) == expected
    assert rollout(game, 1, False) == expected


def test_another_seed_gives_another_stream_and_the_same_seed_the_same() -> None:
    batch = make(COUNTDOWN, 50, seed=1)
    first = batch.obs.copy()
    assert not np.array_equal(make(COUNTDOWN, 50, seed=2).obs, first)
    assert len(np.unique(first[:, 1])) > 25  # rows differ among themselves
    batch.reset()
    assert not np.array_equal(batch.obs, first)
    assert np.array_equal(batch.reset(seed=1), first)


def test_a_level_replays_whatever_the_row_did_before() -> None:
    batch = make(COUNTDOWN, 3, seed=5)
    levels = batch.rows.states["level"].copy()
    luck = batch.rows.states["luck"].copy()
    for _ in range(20):
        batch.step(np.full((3, 2), 1))
    batch.reset(levels=levels)
    assert np.array_equal(batch.rows.states["luck"], luck)
    batch.reset(levels=-1)
    assert not np.array_equal(batch.rows.states["luck"], luck)
    with pytest.raises(ParameterError, match="levels are whole numbers"):
        batch.reset(levels=-2)


def test_steps_write_into_the_buffers_they_are_given() -> None:
    batch = make(COUNTDOWN, 200, threads=2)
    obs = np.zeros((5, 200, 2), np.float32)
    rewards = np.zeros((5, 200), np.float32)
    slices = [batch.make_buffers(obs=obs[t], rewards=rewards[t]) for t in range(5)]
    twin = make(COUNTDOWN, 200)
    for t in range(5):
        batch.step(np.ones((200, 2), np.int64), out=slices[t])
        twin.step(np.ones((200, 2), np.int64))
        assert np.array_equal(obs[t], twin.obs) and np.array_equal(rewards[t], twin.rewards)


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({"obs": np.zeros((3, 2), np.float64)}, ActionError),
        ({"obs": np.zeros((2, 3), np.float32).T}, ActionError),
        ({"rewards": np.zeros(4, np.float32)}, ActionError),
        ({"reward": np.zeros(3, np.float32)}, UnknownName),
    ],
)
def test_unfit_buffers_are_refused(given, error) -> None:
    with pytest.raises(error, match="buffer"):
        make(COUNTDOWN, 3).make_buffers(**given)


@pytest.mark.parametrize(
    ("actions", "message"),
    [
        (np.zeros(3), r"shape \(3,\)"),
        (np.zeros((3, 2)), "dtype float64"),
        (np.zeros((3, 2), bool), "dtype bool"),
        ([[0, 0], [0, 2], [0, 0]], r"\(1, 1\) is 2; allowed: 0 to 1"),
        ([[0, 0], [0, 0], [-1, 0]], r"\(2, 0\) is -1"),
    ],
)
def test_bad_actions_are_named_and_nothing_moves(actions, message: str) -> None:
    batch = make(COUNTDOWN, 3)
    before = batch.rows.states.tobytes()
    with pytest.raises(ActionError, match=message):
        batch.step(actions)
    assert batch.rows.states.tobytes() == before


def test_actions_of_other_integer_types_are_taken() -> None:
    batch, twin = make(COUNTDOWN, 3), make(COUNTDOWN, 3)
    assert np.array_equal(batch.step(np.ones((3, 2), np.uint8)).obs, twin.step([[1, 1]] * 3).obs)


def test_a_parameter_written_per_row_acts_at_once_or_at_the_reset() -> None:
    batch = make(COUNTDOWN, 2)
    batch.params.limit[0] = 1
    batch.params.shift[1] = 7
    batch.step(np.zeros((2, 2), np.int64))
    assert batch.truncated.tolist() == [True, False] and batch.obs[1, 0] == 5
    batch.reset()
    assert batch.obs[:, 0].tolist() == [5, 12]
    batch.params.shift = 1
    assert np.array_equal(batch.params.shift, [1, 1]) and list(batch.params.shift) == [1, 1]
    assert list(batch.params) == ["start", "limit", "shift", "width"] and len(batch.params.limit) == 2


def test_the_parameters_of_all_rows_compute_like_arrays() -> None:
    batch = make(COUNTDOWN, 2)
    batch.params.limit += [1, 2]
    batch.params.limit[1] += 5
    assert batch.params.limit.tolist() == [9, 15] and batch.params.limit.mean() == 12
    assert (batch.params.limit > 10).tolist() == [False, True] and (2 * batch.params.limit - 1).tolist() == [17, 29]
    assert batch.rows.params["limit"].tolist() == [9, 15]
    with pytest.raises(ParameterError, match=r"'limit' = 120"):
        batch.params.limit *= 8
    with pytest.raises(ValueError, match="read-only"):
        batch.params.limit.sort()
    assert batch.params.limit.tolist() == [9, 15]


def test_rows_and_parameters_show_what_they_hold() -> None:
    batch = make(COUNTDOWN, 2)
    assert dir(batch.params) == ["limit", "shift", "start", "width"]
    assert repr(batch.params.limit) == "Column(limit: [8, 8])" and "Column(width: [4, 4])" in repr(batch.params)
    row = batch.state(0)
    row.luck[:] = [1, 2, 3, 4]
    assert repr(row.luck) == "Cells([1, 2, 3, 4])" and "left=5, used=0, luck=Cells([1, 2, 3, 4])" in repr(row)
    assert repr(batch.state_params(0)) == "Row(start=5, limit=8, shift=0, width=4)"
    assert repr(make(PUPPET).state(0).weight).startswith("Row(x=")


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        ("limit", 0, ParameterError),
        ("limit", 2.5, ParameterError),
        ("limit", 10**30, ParameterError),
        ("limit", "3", ParameterError),
        ("width", 5, ParameterError),  # the batch was made with 4: its memory holds no more
        ("limt", 3, UnknownName),
    ],
)
def test_parameters_outside_their_range_are_refused(name: str, value, error) -> None:
    batch = make(COUNTDOWN, 2)
    with pytest.raises(error):
        batch.params[name][:] = value
    assert np.array_equal(batch.params.limit, [8, 8])


@both_modes
def test_bots_act_only_for_those_chosen(compiled: bool) -> None:
    batch = make(DUEL, 2, compiled=compiled)
    actions = np.zeros((2, 3), np.int64)
    batch.act("careful", out=actions, which=np.array([[True, False, True], [False, False, False]]))
    assert actions.tolist() == [[1, 0, 1], [0, 0, 0]]
    solo = make(COUNTDOWN, 2, compiled=compiled)
    assert solo.act("hasty").tolist() == [[2, 1], [2, 1]]
    with pytest.raises(UnknownName, match="did you mean 'hasty'"):
        solo.act("hsty")


def test_chosen_rows_and_outputs_of_another_shape_are_refused() -> None:
    batch = make("snake", 3)
    with pytest.raises(ActionError, match=r"which has shape \(2,\); it must be \(3,\)"):
        batch.reset(which=[True, False])
    with pytest.raises(ActionError, match=r"which has shape \(3,\); it must be \(3, 1\)"):
        batch.act("greedy", which=np.ones(3, bool))
    with pytest.raises(ActionError, match=r"out has shape \(2,\)"):
        batch.act("greedy", out=np.zeros(2, np.int64))


def test_read_only_actions_are_taken() -> None:
    batch = make("snake", 3)
    actions = np.zeros(3, np.int64)
    actions.flags.writeable = False
    batch.step(actions)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"num_envs": 0}, ParameterError, "num_envs = 0"),
        ({"num_envs": 2.0}, ParameterError, "num_envs"),
        ({"threads": 0}, ParameterError, "threads = 0"),
        ({"split": "test"}, UnknownName, "split 'test'"),
        ({"autoreset": "sam_step"}, UnknownName, "same_step"),
        ({"strat": 3}, UnknownName, "did you mean 'start'"),
        ({"start": 0}, ParameterError, "'start' = 0"),
        ({"start": "3"}, ParameterError, "wrong type"),
        ({"start": True}, ParameterError, "wrong type"),
    ],
)
def test_make_says_what_is_wrong(arguments, error, message: str) -> None:
    with pytest.raises(error, match=message):
        make(COUNTDOWN, **arguments)


@pytest.mark.parametrize("env_id", list_envs())
def test_rows_of_a_played_game_lie_within_their_declared_bounds(env_id: str) -> None:
    batch = make(env_id, 64)
    rng = np.random.default_rng(0)
    for _ in range(300):
        batch.step(batch.sample_actions(rng))
        check_rows(batch.rows.states, batch.env.state, batch.param_values)


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, pickle.dumps])
def test_a_batch_is_not_copied_by_halves(duplicate) -> None:
    with pytest.raises(TypeError, match="snapshots of its rows"):
        duplicate(make("snake", 2))


def test_buffers_of_another_batch_are_refused_and_nothing_moves() -> None:
    batch, few, other = make(COUNTDOWN, 8), make(COUNTDOWN, 4), make("snake", 8)
    before = everything(batch)
    for strange in (few.make_buffers(), other.make_buffers(), batch.buffers._replace(rewards=np.zeros(8))):
        with pytest.raises(ActionError, match=r"buffer '.*' has shape"):
            batch.step(batch.actions, out=strange)
    assert everything(batch) == before
    out = batch.make_buffers()
    assert batch.step(batch.actions, out=out).obs is out.obs


@both_modes
@pytest.mark.parametrize(
    ("game", "late", "value"),
    [(COUNTDOWN, "shift", 3), (DUEL, "blue", 1), (PUPPET, "width", 12.0), ("cartpole", "gravity", 5.0)],
    ids=["solo", "several", "physics", "lanes"],
)
def test_what_finished_says_its_level_and_the_parameters_it_was_played_with(game, late, value, compiled: bool) -> None:
    batch = make(game, 4, compiled=compiled)
    limit = "max_steps" if game == "cartpole" else "limit"
    rng, ended = np.random.default_rng(0), 0
    for t in range(40):
        batch.params[limit][t % 4] = 10 + t % 3  # acts in mid-episode, too
        if t == 5:
            batch.params[late][:] = value
        count = batch.finished["episodes"].copy()
        levels, params = batch.rows.states["level"].copy(), batch.rows.params.copy()  # as the step finds them
        batch.step(batch.sample_actions(rng))
        for i in np.flatnonzero(batch.finished["episodes"] > count):
            assert batch.finished["level"][i] == levels[i]
            assert batch.finished["params"][i].item() == params[i].item()
            ended += 1
    assert ended >= 4 and (batch.finished["params"][late] == value).any()
