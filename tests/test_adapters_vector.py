"""The vector environment beside Gymnasium's own SyncVectorEnv around single environments."""

import copy
from pathlib import Path

import gymnasium
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from gymnasium.wrappers import TimeLimit
from gymnasium.wrappers.vector import RecordEpisodeStatistics

from puffer_arena import list_envs, load_env
from puffer_arena.adapters.gymnasium import GymnasiumEnv, GymnasiumVectorEnv
from puffer_arena.errors import ActionError, ArenaError, ParameterError, UnknownKeyword, UnknownName
from tests.playing import COUNTDOWN, DUEL, GATES

SOLO = [name for name in list_envs() if not load_env(name).agents]
every_mode = pytest.mark.parametrize("mode", list(AutoresetMode), ids=lambda mode: mode.value)


def assert_same(ours, theirs, where="result"):
    """Compare what two vector environments returned, infos and objects included."""
    if isinstance(theirs, dict):
        assert set(ours) == set(theirs), where
        for name in theirs:
            assert_same(ours[name], theirs[name], f"{where}[{name!r}]")
    elif isinstance(theirs, tuple):
        assert len(ours) == len(theirs), where
        for k, (one, other) in enumerate(zip(ours, theirs, strict=True)):
            assert_same(one, other, f"{where}[{k}]")
    elif isinstance(theirs, np.ndarray) and theirs.dtype == object:
        for i, (one, other) in enumerate(zip(ours, theirs, strict=True)):
            assert_same(one, other, f"{where}[{i}]")
    else:
        np.testing.assert_array_equal(ours, theirs, err_msg=where)


def drop_masks(infos):
    """Return infos without masks of several components, which SyncVectorEnv gathers as objects."""
    return {name: value for name, value in infos.items() if "action_mask" not in name}


def drop_statistics(infos):
    """Return infos without statistics, which TimeLimit's environments know nothing of."""
    inner = {name: drop_statistics(value) for name, value in infos.items() if name == "final_info"}
    return {name: value for name, value in infos.items() if "statistics" not in name} | inner


def play_both(env_id, mode, steps, num_envs=5, compare=lambda infos: infos, limit=None):
    """Step our vector environment and SyncVectorEnv side by side; return how many episodes ended."""
    ours = GymnasiumVectorEnv(env_id, num_envs, autoreset_mode=mode, max_episode_steps=limit)
    wrap = (lambda env: TimeLimit(env, limit)) if limit else (lambda env: env)
    theirs = SyncVectorEnv([lambda: wrap(GymnasiumEnv(env_id))] * num_envs, autoreset_mode=mode)
    assert ours.observation_space == theirs.observation_space
    assert ours.action_space == theirs.action_space
    assert ours.metadata["autoreset_mode"] is theirs.metadata["autoreset_mode"] is ours.autoreset_mode is mode
    (obs, infos), (their_obs, their_infos) = ours.reset(seed=11), theirs.reset(seed=11)
    assert_same((obs, compare(infos)), (their_obs, compare(their_infos)))
    theirs.action_space.seed(3)
    endings = 0
    for _ in range(steps):
        actions = theirs.action_space.sample()
        mine, others = ours.step(actions), theirs.step(actions)
        assert_same((*mine[:4], compare(mine[4])), (*others[:4], compare(others[4])))
        assert mine[0] in ours.observation_space
        ended = others[2] | others[3]
        endings += int(ended.sum())
        if mode is AutoresetMode.DISABLED and ended.any():
            mine_reset = ours.reset(options={"reset_mask": ended})
            their_reset = theirs.reset(options={"reset_mask": ended})
            assert_same((mine_reset[0], compare(mine_reset[1])), (their_reset[0], compare(their_reset[1])))
    ours.close()
    theirs.close()
    return endings


@every_mode
@pytest.mark.parametrize("env_id", SOLO)
def test_every_environment_steps_as_in_gymnasiums_own_vector_environment(env_id: str, mode: AutoresetMode) -> None:
    play_both(env_id, mode, steps=200)


@every_mode
def test_nested_observations_and_masks_agree_at_every_ending(mode: AutoresetMode) -> None:
    assert play_both(GATES, mode, steps=300) > 100


@every_mode
def test_masks_of_several_components_agree_apart_from_their_form(mode: AutoresetMode) -> None:
    assert play_both(COUNTDOWN, mode, steps=100, compare=drop_masks) > 30
    envs = GymnasiumVectorEnv(COUNTDOWN, 3, autoreset_mode=mode)
    _, infos = envs.reset(seed=0)
    assert [part.tolist() for part in infos["action_mask"]] == [[[1, 1, 1]] * 3, [[1, 1]] * 3]
    infos = envs.step(np.full((3, 2), (2, 1)))[4]
    infos = envs.step(np.full((3, 2), (1, 1)))[4]  # 5 - 2 - 1 leaves 2: from here on one must subtract
    assert infos["action_mask"][0].tolist() == [[0, 1, 1]] * 3
    assert infos["_action_mask"].all()


@every_mode
@pytest.mark.parametrize("env_id", ["snake", "lander", "cartpole", GATES], ids=lambda env_id: Path(env_id).stem)
def test_a_limit_of_steps_truncates_as_gymnasiums_time_limit(env_id: str, mode: AutoresetMode) -> None:
    """Rows end by the rules, by the limit, and by both at once."""
    assert play_both(env_id, mode, steps=120, compare=drop_statistics, limit=7) > 60


@every_mode
def test_an_episode_that_the_limit_ends_has_statistics(mode: AutoresetMode) -> None:
    envs = gymnasium.make_vec("puffer_arena/Snake-v0", num_envs=3, max_episode_steps=5, autoreset_mode=mode, cols=11)
    envs = RecordEpisodeStatistics(envs)
    envs.reset(seed=0)
    earned = np.zeros(3)
    for step in range(1, 6):
        _, rewards, terminated, truncated, infos = envs.step(np.full(3, step % 2))
        earned += rewards
        assert not terminated.any() and truncated.tolist() == [step == 5] * 3
    infos = infos["final_info"] | infos if mode is AutoresetMode.SAME_STEP else infos
    statistics = infos["statistics"]
    assert statistics["episode_length"].tolist() == [5] * 3 == infos["episode"]["l"].tolist()
    np.testing.assert_allclose(statistics["episode_return"], earned)
    assert statistics["_score"].all() and infos["_statistics"].all()


def test_parameters_are_attributes_of_the_rows() -> None:
    ours, theirs = (
        gymnasium.make_vec("puffer_arena/Snake-v0", num_envs=3, vectorization_mode=mode)
        for mode in ("vector_entry_point", "sync")
    )
    for envs in (ours, theirs):
        envs.reset(seed=0)
        envs.set_attr("max_hunger", [20, 30, 40])
        assert envs.get_attr("max_hunger") == (20, 30, 40)
        envs.set_attr("max_hunger", 25)
        assert envs.get_attr("max_hunger") == (25, 25, 25)
        envs.set_attr("max_hunger", (25, 25, 26))
        assert envs.call("max_hunger") == (25, 25, 26)
        assert np.array_equal(envs.call("action_masks"), np.ones((3, 4), np.bool_))
        envs.set_attr("max_hunger", 25)
        assert envs.get_attr("action_space") == (envs.single_action_space,) * 3
        with pytest.raises(ParameterError, match="'max_hunger' = 1 is out of range"):
            envs.set_attr("max_hunger", 1)
    assert ours.batch.params.max_hunger[:].tolist() == [25] * 3
    with pytest.raises(ParameterError, match=r"set_attr: parameter 'max_hunger' has shape \(2,\)"):
        ours.set_attr("max_hunger", [20, 30])
    with pytest.raises(UnknownName, match="set_attr: unknown parameter 'hunger'"):
        ours.set_attr("hunger", 3)
    with pytest.raises(UnknownName, match="'snake' has no attribute 'max_hungr'; did you mean 'max_hunger'"):
        ours.get_attr("max_hungr")
    with pytest.raises(UnknownName, match="has no attribute 'action_mask'; did you mean 'action_masks'"):
        ours.call("action_mask")
    with pytest.raises(ParameterError, match="render_mode='rgb_array'"):
        ours.call("render")


def test_counters_come_with_every_step() -> None:
    envs = GymnasiumVectorEnv(COUNTDOWN, 2, autoreset_mode="SameStep", start=4)
    assert envs.reset(seed=0)[1]["used"].tolist() == [0, 0]
    infos = envs.step(np.array([(2, 1), (0, 1)]))[4]
    assert infos["used"].tolist() == [1, 1] and infos["_used"].all()
    infos = envs.step(np.array([(2, 0), (0, 1)]))[4]
    assert infos["used"].tolist() == [0, 2] and infos["final_info"]["used"].tolist() == [1, 0]


@pytest.mark.parametrize("seed", [5.7, "5", -1, True, [1, -1], [1, 2.0], ["1", "2"], (None, True)], ids=repr)
def test_what_is_no_seed_is_refused_and_changes_nothing(seed: object) -> None:
    envs = GymnasiumVectorEnv("snake", 2)
    envs.reset(seed=0)
    before = [envs.batch.snapshot(i) for i in range(2)]
    with pytest.raises(ParameterError, match="it must be a whole number of at least 0"):
        envs.reset(seed=seed)
    assert [envs.batch.snapshot(i) for i in range(2)] == before


def test_an_ended_row_ignores_its_action_on_the_reset_step() -> None:
    envs = GymnasiumVectorEnv(COUNTDOWN, 2, autoreset_mode="NextStep", start=4)
    envs.reset(seed=0)
    envs.step(np.array([(2, 0), (0, 0)]))
    _, rewards, terminated, _, infos = envs.step(np.array([(2, 0), (0, 0)]))
    assert rewards.tolist() == [10, 2] and terminated.tolist() == [True, False]
    assert infos["statistics"]["episode_return"].tolist() == [11, 0]
    assert infos["statistics"]["_episode_return"].tolist() == infos["_statistics"].tolist() == [True, False]
    obs, rewards, terminated, _, infos = envs.step(np.array([(2, 1), (0, 0)]))
    assert obs[:, 0].tolist() == [4, 4] and rewards.tolist() == [0, 3] and not terminated.any()
    assert "statistics" not in infos


def test_same_step_keeps_the_last_observation_and_its_info() -> None:
    envs = GymnasiumVectorEnv(COUNTDOWN, 2, autoreset_mode=AutoresetMode.SAME_STEP, start=4)
    envs.reset(seed=0)
    envs.step(np.array([(2, 0), (0, 0)]))
    obs, _, terminated, _, infos = envs.step(np.array([(2, 0), (0, 0)]))
    assert terminated.tolist() == [True, False] and obs[:, 0].tolist() == [4, 4]
    assert infos["final_obs"][0][0] == 0 and infos["final_obs"][1] is None
    assert infos["final_info"]["statistics"]["episode_length"].tolist() == [2, 0]
    assert infos["_final_obs"].tolist() == infos["_final_info"].tolist() == [True, False]


def test_a_vector_environment_may_be_made_by_id() -> None:
    envs = gymnasium.make_vec("puffer_arena/Snake-v0", num_envs=3, autoreset_mode="SameStep", threads=2, rows=5, cols=6)
    assert isinstance(envs, GymnasiumVectorEnv) and envs.metadata["autoreset_mode"] is AutoresetMode.SAME_STEP
    obs, infos = envs.reset(seed=0)
    assert obs.shape == (3, 5, 6) and infos["score"].tolist() == [0.0] * 3 and envs.spec is not None
    sync = gymnasium.make_vec("puffer_arena/Snake-v0", num_envs=3, vectorization_mode="sync", rows=5, cols=6)
    np.testing.assert_array_equal(sync.reset(seed=0)[0], obs)
    envs.close()


@pytest.mark.slow
def test_worker_processes_step_single_environments() -> None:
    one = gymnasium.make_vec("puffer_arena/Memory-v0", num_envs=2, vectorization_mode="async")
    other = gymnasium.make_vec("puffer_arena/Memory-v0", num_envs=2, autoreset_mode="NextStep")
    assert_same(one.reset(seed=4), other.reset(seed=4))
    for _ in range(12):
        actions = other.action_space.sample()
        assert_same(one.step(actions), other.step(actions))
    one.close()


def test_threads_do_not_change_what_is_played() -> None:
    one, two = (GymnasiumVectorEnv("snake", 300, threads=threads, autoreset_mode="SameStep") for threads in (1, 2))
    assert_same(one.reset(seed=5), two.reset(seed=5))
    for _ in range(30):
        actions = one.action_space.sample()
        assert_same(one.step(actions), two.step(actions))


def test_gymnasiums_statistics_wrapper_agrees_with_ours() -> None:
    for mode in (AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP):
        envs = RecordEpisodeStatistics(GymnasiumVectorEnv("snake", 16, autoreset_mode=mode))
        envs.reset(seed=0)
        seen = 0
        for _ in range(60):
            infos = envs.step(envs.action_space.sample())[4]
            if "_episode" in infos:
                own = infos["final_info"] if mode is AutoresetMode.SAME_STEP else infos
                np.testing.assert_allclose(own["statistics"]["episode_return"], infos["episode"]["r"])
                np.testing.assert_array_equal(own["statistics"]["episode_length"], infos["episode"]["l"])
                seen += 1
        assert seen


def test_what_a_step_returned_is_never_written_again() -> None:
    envs = GymnasiumVectorEnv(GATES, 4, autoreset_mode="SameStep")
    obs, infos = envs.reset(seed=0)
    kept = [(obs, np.zeros(4), infos)]
    copies = [(obs["shut"].copy(), np.zeros(4), infos["action_mask"].copy())]
    for _ in range(20):
        obs, rewards, _, _, infos = envs.step(envs.action_space.sample())
        kept.append((obs, rewards, infos))
        copies.append((obs["shut"].copy(), rewards.copy(), infos["action_mask"].copy()))
    for (obs, rewards, infos), (shut, paid, mask) in zip(kept, copies, strict=True):
        np.testing.assert_array_equal(obs["shut"], shut)
        np.testing.assert_array_equal(rewards, paid)
        np.testing.assert_array_equal(infos["action_mask"], mask)


def test_a_copy_has_the_same_future() -> None:
    envs = GymnasiumVectorEnv(GATES, 4)
    envs.reset(seed=0, options={"params": {"limit": np.array([2, 3, 4, 5])}})
    for _ in range(3):
        envs.step(envs.action_space.sample())
    twins = copy.deepcopy(envs)
    for _ in range(20):
        actions = envs.action_space.sample()
        assert_same(twins.step(actions), envs.step(actions))


def test_seeds_may_be_given_row_by_row() -> None:
    one, two = GymnasiumVectorEnv("snake", 3), GymnasiumVectorEnv("snake", 3)
    np.testing.assert_array_equal(one.reset(seed=[7, 8, 9])[0], two.reset(seed=7)[0])
    np.testing.assert_array_equal(one.reset(seed=np.int64(7))[0], two.reset(seed=7)[0])
    for large in (2**40 + 3, 2**64 - 1, 2**64 + 3):
        np.testing.assert_array_equal(one.reset(seed=[large, 0, 1])[0][0], GymnasiumEnv("snake").reset(seed=large)[0])
    np.testing.assert_array_equal(one.reset(seed=2**64 - 1)[0][1], GymnasiumEnv("snake").reset(seed=2**64)[0])


def test_without_a_seed_two_environments_differ() -> None:
    one, two = GymnasiumVectorEnv("snake", 8), GymnasiumVectorEnv("snake", 8)
    assert not np.array_equal(one.reset()[0], two.reset()[0])


def test_parameters_are_set_for_the_rows_that_are_reset() -> None:
    envs = GymnasiumVectorEnv(COUNTDOWN, 3, autoreset_mode="Disabled")
    obs, _ = envs.reset(seed=0, options={"params": {"start": np.array([4, 6, 8])}})
    assert obs[:, 0].tolist() == [4, 6, 8]
    only = np.array([False, True, False])
    obs, _ = envs.reset(options={"params": {"start": 20}, "reset_mask": only})
    assert obs[:, 0].tolist() == [4, 20, 8]
    assert envs.reset()[0][:, 0].tolist() == [4, 20, 8]  # they stay


def test_rows_that_ended_must_be_reset_first_when_autoreset_is_disabled() -> None:
    envs = GymnasiumVectorEnv(COUNTDOWN, 3, autoreset_mode="Disabled", start=2)
    envs.reset(seed=0)
    envs.step(np.array([(0, 0), (2, 0), (0, 0)]))
    with pytest.raises(ActionError, match=r"rows \[1\] have no episode under way: reset them with reset\(options"):
        envs.step(np.zeros((3, 2), np.int64))
    envs.reset(options={"reset_mask": np.array([False, True, False])})
    assert envs.step(np.zeros((3, 2), np.int64))[1].tolist() == [2, 1, 2]


@every_mode
def test_every_row_must_be_reset_once_before_the_first_step(mode: AutoresetMode) -> None:
    envs = GymnasiumVectorEnv("snake", 2, autoreset_mode=mode)
    for mask in (None, np.array([True, False])):
        if mask is not None:
            envs.reset(options={"reset_mask": mask})
        with pytest.raises(ActionError, match=r"'snake' has no episodes under way: call reset\(\) before step\(\)"):
            envs.step([0, 0])


@pytest.mark.parametrize(
    ("mask", "said"),
    [
        ([True, False], r"\(2,\) and dtype bool"),
        (np.zeros(3, np.bool_), r"0 set; it must be bool, \(3,\), with at least one row set"),
        (np.ones(3), r"dtype float64"),
    ],
)
def test_a_wrong_reset_mask_is_refused(mask: object, said: str) -> None:
    with pytest.raises(ParameterError, match=said):
        GymnasiumVectorEnv(COUNTDOWN, 3).reset(options={"reset_mask": mask})


def test_wrong_settings_are_refused_by_name() -> None:
    with pytest.raises(UnknownName, match="unknown autoreset_mode 'SamStep'; did you mean 'SameStep'"):
        GymnasiumVectorEnv("snake", 2, autoreset_mode="SamStep")
    with pytest.raises(UnknownName, match="unknown render_mode 'human'"):
        GymnasiumVectorEnv("snake", 2, render_mode="human")
    with pytest.raises(ParameterError, match="num_envs = 0"):
        GymnasiumVectorEnv("snake", 0)
    with pytest.raises(UnknownKeyword, match="unexpected keyword argument 'hunger'"):
        GymnasiumVectorEnv("snake", 2, hunger=3)
    with pytest.raises(ArenaError, match=r"'duel' has 3 agents; use puffer_arena\.adapters\.pettingzoo"):
        GymnasiumVectorEnv(DUEL, 2)
    for limit in (0, -3, 2.5, True, "5"):
        with pytest.raises(ParameterError, match=r"max_episode_steps = .*; it must be a whole number of at least 1"):
            GymnasiumVectorEnv("snake", 2, max_episode_steps=limit)
    with pytest.raises(ParameterError, match="2 seeds were given; it must be one number, or 3 of them"):
        GymnasiumVectorEnv("snake", 3).reset(seed=[1, 2])
    with pytest.raises(ParameterError, match=r"parameter 'start' has shape \(2,\); allowed: one number, or \(3,\)"):
        GymnasiumVectorEnv(COUNTDOWN, 3).reset(options={"params": {"start": [1, 2]}})


def test_a_refused_action_moves_no_row() -> None:
    envs = GymnasiumVectorEnv("snake", 2)
    envs.reset(seed=0)
    with pytest.raises(ActionError, match=r"action at \(1,\) is 4; allowed: 0 to 3"):
        envs.step([0, 4])
    assert envs.batch.state(0).step_count == 0


def test_every_row_is_drawn() -> None:
    envs = gymnasium.make_vec("puffer_arena/Snake-v0", num_envs=2, render_mode="rgb_array", render_size=(120, 90))
    envs.reset(seed=0)
    frames = envs.render()
    assert frames is not None and [frame.shape for frame in frames] == [(90, 120, 3)] * 2
    assert frames[0].std() > 10 and not np.array_equal(frames[0], frames[1])
