"""One row as a Gymnasium environment: the checks of Gymnasium and Stable-Baselines3, and what a person may get wrong."""

import copy
import pickle
import sys
import warnings
from pathlib import Path

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from gymnasium.wrappers import RecordEpisodeStatistics

from puffer_arena import list_envs, load_env, make
from puffer_arena.adapters.gymnasium import GymnasiumEnv
from puffer_arena.adapters.register import gymnasium_id
from puffer_arena.errors import ActionError, ArenaError, ParameterError, UnknownKeyword, UnknownName
from tests.playing import COUNTDOWN, DUEL, GATES
from tests.processes import run_python

SOLO = [name for name in list_envs() if not load_env(name).agents]
every_env = pytest.mark.parametrize("env_id", SOLO)
every_game = pytest.mark.parametrize("env_id", [*SOLO, COUNTDOWN, GATES], ids=lambda env_id: Path(env_id).stem)

# Velocities know no limit, and a board is no picture: both are meant so.
MEANT = ("space minimum value is -infinity", "space maximum value is infinity", "has an unconventional shape")


def unexpected(caught):
    return [str(w.message) for w in caught if not any(known in str(w.message) for known in MEANT)]


@every_game
def test_gymnasiums_checker_finds_nothing(env_id: str) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        check_env(GymnasiumEnv(env_id), skip_render_check=True)
    assert [text for text in unexpected(caught) if "not having a spec" not in text] == []


@every_env
def test_gymnasiums_checker_finds_nothing_in_a_made_environment(env_id: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        env = gymnasium.make(gymnasium_id(env_id, load_env(env_id).version), disable_env_checker=True)
        check_env(env.unwrapped)  # renders in every mode
    assert unexpected(caught) == []


@every_env
def test_stable_baselines_checker_finds_nothing(env_id: str) -> None:
    from stable_baselines3.common.env_checker import check_env as check_for_stable_baselines

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        check_for_stable_baselines(GymnasiumEnv(env_id))
    assert unexpected(caught) == []


@every_game
def test_it_plays_what_a_batch_of_one_row_plays(env_id: str) -> None:
    env, batch = GymnasiumEnv(env_id), make(env_id, autoreset="disabled")
    obs, _ = env.reset(seed=9)
    batch.reset(9)
    env.action_space.seed(1)
    for _ in range(40):
        assert env.observation_space.contains(obs)
        action = env.action_space.sample()
        obs, reward, terminated, truncated, _ = env.step(action)
        step = batch.step(np.asarray(action)[None])
        assert (reward, terminated, truncated) == (step.rewards[0], step.terminated[0], step.truncated[0])
        assert all(type(flag) is bool for flag in (terminated, truncated)) and type(reward) is float
        if terminated or truncated:
            obs, _ = env.reset()
            batch.reset()
    np.testing.assert_array_equal(env.batch.obs, batch.obs)


def test_the_last_step_carries_the_episodes_statistics() -> None:
    env = GymnasiumEnv(COUNTDOWN)
    env.reset(seed=0)
    assert env.step((2, 1))[4].keys() == {"action_mask", "used"}
    assert env.step((2, 1))[4]["used"] == 2.0
    info = env.step((2, 0))[4]  # rewards 1, 2 and 10; the counter adds up the second components
    assert info == {"used": 2.0, "statistics": {"episode_return": 13.0, "episode_length": 3, "used": 2.0}}
    assert env.reset()[1]["used"] == 0.0


def test_wrappers_may_try_a_keyword_and_leave_it_out() -> None:
    with pytest.raises(TypeError) as error:  # what TorchRL's GymEnv catches, and the words that it looks for
        gymnasium.make("puffer_arena/Snake-v0", frameskip=1)
    assert "unexpected keyword argument 'frameskip'" in str(error.value)
    assert isinstance(error.value, UnknownName)
    with pytest.raises(TypeError, match="unknown parameter 'frameskip'"):
        make("snake", frameskip=1)


@pytest.mark.parametrize(
    ("env_id", "choices"), [("snake", 4), (COUNTDOWN, 5), (GATES, None)], ids=["none", "multi", "one"]
)
def test_masks_have_a_flag_for_every_choice(env_id: str, choices: int | None) -> None:
    env = GymnasiumEnv(env_id)
    env.reset(seed=0)
    masks = env.get_wrapper_attr("action_masks")()
    assert masks.dtype == np.bool_ and masks.shape == (choices or env.action_space.n,)
    assert masks.all() or env.batch.num_choices


def test_actions_without_choices_have_no_masks() -> None:
    with pytest.raises(ActionError, match=r"'target' has no choices to mask: its actions are Box"):
        GymnasiumEnv("target").action_masks()


@pytest.mark.parametrize("seed", [5.7, "5", -1, True, np.float64(5), [3]], ids=repr)
def test_what_is_no_seed_is_refused_and_changes_nothing(seed: object) -> None:
    env = GymnasiumEnv("snake")
    env.reset(seed=0)
    before = env.batch.snapshot(0)
    with pytest.raises(ParameterError, match="it must be a whole number of at least 0"):
        env.reset(seed=seed)
    assert env.batch.snapshot(0) == before


def test_long_seeds_differ_from_their_last_words() -> None:
    keys = set()
    for seed in (5, 2**64 + 5, 2**65 + 5, np.int64(5)):
        env = GymnasiumEnv("snake")
        env.reset(seed=seed)
        keys.add(int(env.batch.rows.states["row_key"][0]))
    assert len(keys) == 3


def test_wrappers_read_and_set_parameters_as_attributes() -> None:
    env = gymnasium.make("puffer_arena/Snake-v0", max_hunger=60)
    assert env.has_wrapper_attr("max_hunger") and env.get_wrapper_attr("max_hunger") == 60
    env.reset(seed=0)
    assert env.set_wrapper_attr("max_hunger", 20)
    assert env.get_wrapper_attr("max_hunger") == 20 and env.unwrapped.batch.state_params(0).max_hunger == 20
    with pytest.raises(ParameterError, match="'max_hunger' = 1 is out of range"):
        env.set_wrapper_attr("max_hunger", 1)
    env.set_wrapper_attr("note", "mine")
    assert env.get_wrapper_attr("note") == "mine" and not env.has_wrapper_attr("hunger")


def test_the_mask_bars_what_the_rules_bar() -> None:
    env = GymnasiumEnv(GATES)
    _, info = env.reset(seed=0)
    for _ in range(50):
        action = env.action_space.sample(mask=info["action_mask"])
        assert env.action_masks()[action] and env.action_masks().tolist() == info["action_mask"].astype(bool).tolist()
        _, reward, terminated, truncated, info = env.step(action)
        assert reward >= 0 and not terminated
        if truncated:
            _, info = env.reset()


def test_gymnasiums_statistics_wrapper_agrees_with_ours() -> None:
    env = RecordEpisodeStatistics(GymnasiumEnv("snake"))
    env.reset(seed=0)
    info = {}
    while "episode" not in info:
        info = env.step(env.action_space.sample())[4]
    assert info["statistics"]["episode_return"] == pytest.approx(info["episode"]["r"])
    assert info["statistics"]["episode_length"] == info["episode"]["l"]


def test_options_set_parameters_from_that_reset_on() -> None:
    env = GymnasiumEnv(COUNTDOWN)
    assert env.reset(seed=0, options={"params": {"start": 9, "shift": 2}})[0][0] == 11
    assert env.reset()[0][0] == 11
    assert env.reset(options={"params": {"start": 3}})[0][0] == 5


def test_the_same_seed_plays_the_same_and_none_differs() -> None:
    one, two = GymnasiumEnv("snake"), GymnasiumEnv("snake")
    first, second = [env.reset(seed=3)[0] for env in (one, two)]
    np.testing.assert_array_equal(first, second)
    np.testing.assert_array_equal(one.reset()[0], two.reset()[0])  # the stream goes on alike
    boards = {GymnasiumEnv("snake").reset()[0].tobytes() for _ in range(6)}
    assert len(boards) > 1


def test_held_out_levels_are_a_keyword_away() -> None:
    env = gymnasium.make("puffer_arena/Maze-v1", split="held_out", num_levels=3).unwrapped
    assert isinstance(env, GymnasiumEnv)
    env.reset(seed=0)
    assert env.batch.state(0).level >= 2**31


@pytest.mark.parametrize(
    "duplicate", [copy.deepcopy, lambda env: pickle.loads(pickle.dumps(env))], ids=["copy", "pickle"]
)
def test_a_copy_stands_where_the_original_stood_and_has_its_future(duplicate) -> None:
    env = GymnasiumEnv("snake", rows=6)
    env.reset(seed=1, options={"params": {"max_hunger": 12}})
    for action in (0, 2, 2):
        env.step(action)
    twin = duplicate(env)
    for _ in range(40):
        action = env.action_space.sample()
        mine, its = env.step(action), twin.step(action)
        np.testing.assert_array_equal(mine[0], its[0])
        assert mine[1:] == its[1:]
        if mine[2] or mine[3]:
            np.testing.assert_array_equal(env.reset()[0], twin.reset()[0])


def test_a_copy_of_a_physics_game_has_the_same_future() -> None:
    env = GymnasiumEnv("walker")
    env.reset(seed=1)
    idle = np.zeros(4, np.float32)
    for _ in range(20):  # until its feet and joints have something to remember
        env.step(idle)
    twin = copy.deepcopy(env)
    for _ in range(20):
        mine, its = env.step(idle), twin.step(idle)
        np.testing.assert_array_equal(mine[0], its[0])
        assert mine[1:] == its[1:] and not mine[2]


@pytest.mark.parametrize(
    ("action", "said"),
    [
        (4, "action at (0,) is 4; allowed: 0 to 3"),
        (-1, "action at (0,) is -1; allowed: 0 to 3"),
        (1.0, "takes whole numbers"),
        ([1, 2], "action is [1, 2]; allowed: Discrete(4)"),
        ([[1], 2], "action is [[1], 2]; allowed: Discrete(4)"),
        (None, "action is None; allowed: Discrete(4)"),
        ("up", "action is 'up'; allowed: Discrete(4)"),
    ],
    ids=repr,
)
def test_a_wrong_action_is_refused_and_moves_nothing(action: object, said: str) -> None:
    env = GymnasiumEnv("snake")
    env.reset(seed=0)
    with pytest.raises(ActionError) as error:
        env.step(action)
    assert said in str(error.value) and "\n" not in str(error.value)
    assert env.batch.state(0).step_count == 0


def test_a_nan_is_refused() -> None:
    env = GymnasiumEnv("target")
    env.reset(seed=0)
    with pytest.raises(ActionError, match="must be a finite number"):
        env.step(np.full(env.action_space.shape, np.nan))


def test_stepping_before_a_reset_or_after_the_end_is_refused() -> None:
    env = GymnasiumEnv(COUNTDOWN, start=2)
    with pytest.raises(ActionError, match=r"'countdown' has no episode under way: call reset\(\) before step\(\)"):
        env.step((0, 0))
    env.reset(seed=0)
    assert env.step((2, 0))[2]
    with pytest.raises(ActionError, match="no episode under way"):
        env.step((0, 0))


@pytest.mark.parametrize(
    ("options", "kind", "said"),
    [
        ({"parms": {}}, UnknownName, "unknown reset option 'parms'; did you mean 'params'?"),
        ({"params": {"hunger": 3}}, UnknownName, "environment 'snake': options['params']: unknown parameter 'hunger'"),
        ({"params": {"max_hunger": 9}}, ParameterError, "parameter 'max_hunger' = 9 is out of range"),
        ({"params": {"max_hunger": 20.5}}, ParameterError, "parameter 'max_hunger' = 20.5 is of the wrong type"),
        ({"params": {"max_hunger": "20"}}, ParameterError, "parameter 'max_hunger' = '20' is of the wrong type"),
        ({"params": {"max_hunger": [[20], 3]}}, ParameterError, "is of the wrong type"),
        ({"params": {"reward_food": float("nan")}}, ParameterError, "parameter 'reward_food' = nan is out of range"),
        ({"params": {"rows": 12}}, ParameterError, "parameter 'rows' = 12 is out of range; allowed: int in [4, 11]"),
        ({"params": 3}, ParameterError, "options['params'] = 3; it must be a dict"),
    ],
    ids=repr,
)
def test_wrong_reset_options_are_refused_and_change_nothing(options: dict, kind: type, said: str) -> None:
    env = GymnasiumEnv("snake")
    env.reset(seed=0)
    before = env.batch.snapshot(0)
    if isinstance(options.get("params"), dict):
        options = {"params": {"reward_death": -2.0, **options["params"]}}
    with pytest.raises(kind) as error:
        env.reset(options=options)
    assert said in str(error.value) and "\n" not in str(error.value)
    assert env.batch.snapshot(0) == before


def test_wrong_settings_are_refused_by_name() -> None:
    with pytest.raises(UnknownKeyword, match="unexpected keyword argument 'row'; did you mean 'rows'"):
        gymnasium.make("puffer_arena/Snake-v0", row=8)
    with pytest.raises(UnknownName, match="unknown environment 'snaek'; did you mean 'snake'"):
        GymnasiumEnv("snaek")
    with pytest.raises(UnknownName, match="unknown render_mode 'ansi'; valid are: human, rgb_array"):
        GymnasiumEnv("snake", render_mode="ansi")
    with pytest.raises(ParameterError, match="render_size"):
        GymnasiumEnv("snake", render_size=(0, 5))
    with pytest.raises(ArenaError, match=r"'duel' has 3 agents; use puffer_arena\.adapters\.pettingzoo\.parallel_env"):
        GymnasiumEnv(DUEL)


@every_env
def test_a_picture_shows_the_state(env_id: str) -> None:
    env = GymnasiumEnv(env_id, render_mode="rgb_array", render_size=(160, 120))
    env.reset(seed=0)
    picture = env.render()
    assert picture.shape == (120, 160, 3) and picture.dtype == np.uint8 and picture.std() > 2
    env.close()


def test_a_picture_opens_neither_window_nor_sound() -> None:
    printed = run_python("""
        import sys
        import gymnasium
        env = gymnasium.make("puffer_arena:puffer_arena/Snake-v0", render_mode="rgb_array")
        env.reset(seed=0)
        env.step(0)
        print("pygame" in sys.modules)
        env.render()
        import pygame
        print(pygame.display.get_init(), pygame.mixer.get_init(), pygame.get_init())
    """)
    assert printed.split() == ["False", "False", "None", "False"]


def test_a_window_follows_by_itself_and_closes() -> None:
    printed = run_python(
        """
        import gymnasium
        env = gymnasium.make("puffer_arena:puffer_arena/Cartpole-v0", render_mode="human", render_size=(200, 150))
        env.reset(seed=0)
        import pygame
        viewer = env.unwrapped._pictures._viewer
        print(viewer.window.size, pygame.mixer.get_init())
        before = pygame.surfarray.array3d(viewer.window.get_surface())
        for _ in range(4):
            env.step(1)
        after = pygame.surfarray.array3d(viewer.window.get_surface())
        print((before != after).any(), env.render())
        env.close()
        print(viewer.window)
        """,
        SDL_VIDEODRIVER="dummy",
    )
    assert printed.splitlines() == ["(200, 150) None", "True None", "None"]


def test_closing_one_window_leaves_the_others_open() -> None:
    printed = run_python(
        """
        import gymnasium, pygame
        def make():
            env = gymnasium.make("puffer_arena:puffer_arena/Cartpole-v0", render_mode="human", render_size=(200, 150))
            env.reset(seed=0)
            return env
        def show(env):
            env.step(1)
            window = env.unwrapped._pictures._viewer.window
            return window and (window.size, pygame.surfarray.array3d(window.get_surface()).std() > 5)
        pygame.display.init()
        game = pygame.display.set_mode((90, 60))  # the caller's own
        own = pygame.Window("own", (70, 50))
        one, two, three = make(), make(), make()
        print(show(one), show(two), show(three))
        one.close()
        pygame.event.clear()
        pygame.event.post(pygame.event.Event(pygame.WINDOWCLOSE, window=two.unwrapped._pictures._viewer.window))
        pygame.event.post(pygame.event.Event(pygame.KEYDOWN, key=pygame.K_a, window=own))
        pygame.event.post(pygame.event.Event(pygame.USEREVENT, window=None))
        print(show(three), show(two))
        kinds = (pygame.KEYDOWN, pygame.USEREVENT)
        print([kinds.index(event.type) for event in pygame.event.get() if event.type in kinds])
        print(pygame.display.get_surface() is game, own.id > 0)
        pygame.display.flip()
        other = gymnasium.make("CartPole-v1", render_mode="human")
        other.reset(seed=0)
        other.close()  # ends pygame's display
        print(pygame.display.get_init(), show(three), show(two))
        """,
        SDL_VIDEODRIVER="dummy",
    )
    seen = "((200, 150), np.True_)"
    assert printed.splitlines() == [
        f"{seen} {seen} {seen}",
        f"{seen} None",
        "[0, 1]",
        "True True",
        f"False {seen} None",
    ]


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a desktop is always there")
def test_without_a_display_the_window_says_so() -> None:
    printed = run_python("""
        from puffer_arena import ArenaError
        from puffer_arena.adapters.gymnasium import GymnasiumEnv
        try:
            GymnasiumEnv("snake", render_mode="human").reset(seed=0)
        except ArenaError as error:
            print(error)
    """)
    assert printed.startswith("no display to open a window on") and printed.count("\n") == 1
