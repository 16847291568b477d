"""Environments of other libraries as batches: what they give, how their episodes end, and what is refused."""

import copy

import gymnasium
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode

import puffer_arena
from puffer_arena import emulate, make
from puffer_arena.core.random import HELD_OUT_BIT
from puffer_arena.core.roles import Roles
from puffer_arena.core.spaces import flatten, unflatten
from puffer_arena.errors import (
    ActionError,
    ArenaError,
    DefinitionError,
    ParameterError,
    SpaceError,
    UnknownName,
    WorkerError,
)
from puffer_arena.foreign.env import foreign_env
from puffer_arena.registry import choose_env
from tests.foreign_games import Beyond, Faulty, Herd, Party, Pile, Shifty, Stillborn, Walk


@pytest.fixture(scope="module")
def walk() -> str:
    return emulate(Walk)


def test_a_batch_plays_what_the_environment_itself_plays(walk: str) -> None:
    batch, alone = make(walk, 3, seed=5), Walk()
    levels = batch.obs["seed"].copy()
    seen, _ = alone.reset(seed=int(levels[1]))
    for action in (1, 0, 1):
        step = batch.step(np.array([0, action, 1]))
        seen, reward, *_ = alone.step(action + 1)
        assert (step.obs["place"][1], step.rewards[1]) == (seen["place"], reward)
    assert len(set(levels.tolist())) == 3


def test_ends_and_cuts_are_kept_apart_and_rows_begin_anew(walk: str) -> None:
    batch = make(walk, 2)
    first = batch.obs["seed"].copy()
    for _ in range(3):
        batch.step([1, 0])  # places 6 and 3
    assert (batch.terminated.tolist(), batch.truncated.tolist()) == ([True, False], [False, False])
    assert batch.began.tolist() == [True, False] and batch.obs["place"].ravel().tolist() == [0.0, 3.0]
    assert batch.obs["seed"][0] != first[0]
    batch.step([0, 0])
    assert (batch.terminated.tolist(), batch.truncated.tolist()) == ([False, False], [False, True])
    assert batch.final_obs["place"][1] == 4.0
    assert batch.finished["episode_return"].tolist() == [2 + 4 + 6, 1 + 2 + 3 + 4]
    assert batch.finished["laps"].tolist() == [3, 4]  # numbers in infos are counters
    assert batch.episodes() == {"episodes": 2, "episode_return": 11.0, "episode_length": 3.5, "laps": 3.5}
    assert batch.episodes() == {"episodes": 0}


@pytest.mark.parametrize("mode", ["same_step_final", "next_step", "disabled"])
def test_every_way_of_beginning_anew(walk: str, mode: str) -> None:
    batch = make(walk, 1, autoreset=mode)
    for _ in range(3):
        batch.step([1])
    if mode == "same_step_final":
        assert batch.final_obs["place"][0] == 6 and batch.obs["place"][0] == 0
        return
    assert batch.obs["place"][0] == 6 and not batch.began[0]
    batch.step([1])
    assert batch.rewards[0] == 0 and bool(batch.began[0]) == (mode == "next_step")
    assert batch.obs["place"][0] == (0 if mode == "next_step" else 6)
    batch.reset()
    assert batch.obs["place"][0] == 0 and batch.began[0]


def test_levels_of_training_and_held_out_ones_never_meet(walk: str) -> None:
    train, held_out = make(walk, 4), make(walk, 4, split="held_out")
    assert (train.obs["seed"] < HELD_OUT_BIT).all() and (held_out.obs["seed"] >= HELD_OUT_BIT).all()
    assert make(walk, 4, seed=1).obs["seed"].tolist() != train.obs["seed"].tolist()
    train.reset(levels=7)
    assert train.obs["seed"].tolist() == [7] * 4


def test_agents_come_and_go(monkeypatch: pytest.MonkeyPatch) -> None:
    batch = make(emulate(Party), 2)
    assert batch.agent_ids == ("guest_0", "guest_1", "cook_0") and isinstance(batch.observation, Roles)
    assert batch.acting.tolist() == [[True, False, True]] * 2
    actions = batch.sample_actions(np.random.default_rng(0))
    batch.step(actions)
    assert batch.rewards[0].tolist() == [1, 0, 2]
    batch.step(actions)
    assert batch.terminated[0].tolist() == [True, False, False] and batch.acting[0].tolist() == [False, True, True]
    batch.step(actions)
    batch.step(actions)
    assert batch.truncated[0].tolist() == [False, True, True] and batch.began.all()
    cook = batch.observation.of(batch.final_obs, "cook")[0, 2]
    assert cook.tolist() == [4, 4]
    assert batch.finished["episode_return"][0].tolist() == [1 + 1, 2 + 2, 2 + 2 + 1 + 1]
    assert batch.finished["plates"][0] == 4


def test_agents_that_take_turns_have_masks_and_wait() -> None:
    batch = make(emulate(Pile), 1)
    assert batch.num_choices == 2 and batch.acting.tolist() == [[True, False]]
    batch.step([[1, 0]])
    batch.step([[0, 1]])  # one is left
    assert batch.acting.tolist() == [[True, False]] and batch.action_mask[0].tolist() == [[True, False], [False, False]]
    batch.step([[0, 0]])
    assert batch.rewards[0].tolist() == [1, -1] and batch.terminated[0].all() and batch.began.all()
    assert batch.finished["episode_return"][0].tolist() == [1, -1]


@pytest.mark.parametrize("mode", list(AutoresetMode))
def test_native_vectors_are_taken_as_such(mode: AutoresetMode) -> None:
    batch = make(emulate(lambda count: Herd(count, mode), f"herd {mode}"), 2)
    assert batch.num_agents == 1
    for _ in range(3):
        batch.step(np.zeros((2, 1), int))
    waits = mode is AutoresetMode.NEXT_STEP
    assert batch.terminated[:, 0].tolist() == [True, False] and batch.final_obs[0, 0] == 3
    assert batch.acting[:, 0].tolist() == [not waits, True] and batch.obs[0, 0] == (3 if waits else 0)
    batch.step(np.zeros((2, 1), int))
    assert batch.truncated[:, 0].tolist() == [False, True]
    assert batch.finished["episode_return"][:, 0].tolist() == [3, 4]
    assert batch.rewards[:, 0].tolist() == [0 if waits else 1, 1] and batch.acting[0, 0]
    if waits:
        assert batch.began[:, 0].tolist() == [True, False]
    with pytest.raises(ParameterError, match="reset all of them or none"):
        batch.reset(which=np.array([True, False]))


def test_what_a_row_sees_is_a_value_of_its_space(walk: str) -> None:
    batch = make(walk, 2)
    value = batch.observation.load(batch.obs[0])
    assert unflatten(batch.observation, flatten(batch.observation, value)) == value


def test_wrappers_are_parameters() -> None:
    plain, wrapped = make("gymnasium:CartPole-v1", 1), make("gymnasium:CartPole-v1", 1, stack=3, skip=2, limit=4)
    assert (plain.obs.shape, wrapped.obs.shape) == ((1, 4), (1, 12))
    for _ in range(4):
        wrapped.step([0])
    assert wrapped.truncated[0] and wrapped.finished["episode_return"][0] == 8
    with pytest.raises(DefinitionError, match="grey is for pictures"):
        make("gymnasium:CartPole-v1", 1, grey=True)
    with pytest.raises(ParameterError, match="hold for a whole batch"):
        plain.params.skip[:] = 1
        plain.rows.following["limit"] = 5
        plain.step([0])


@pytest.mark.parametrize(
    ("how", "error", "said"),
    [
        ("raise", WorkerError, "row 1, in step: ValueError: broken rules"),
        ("nan", SpaceError, "in row 1, part place, is .*nan.*finite"),
        ("dtype", SpaceError, r"row 1, in step: .*\['place'\] .* of shape \(1,\) and dtype complex"),
        ("shape", SpaceError, r"row 1, in step: .*\['place'\] .* of shape \(3,\)"),
        ("reward", SpaceError, r"the reward at \[1\] is nan"),
    ],
)
def test_environments_that_lie_or_break_are_named(how: str, error: type[ArenaError], said: str) -> None:
    batch = make(emulate(Broken(how), how), 2)
    with pytest.raises(error, match=said):
        for _ in range(3):
            batch.step([0, 1])


def test_numbers_beyond_their_bounds_are_said_once() -> None:
    batch = make(emulate(Beyond), 1)
    with pytest.warns(UserWarning, match="from 2.0 to 2.0, outside the bounds of its space") as said:
        for _ in range(2):
            batch.step([1])
    assert len(said) == 1 and batch.obs.tolist() == [[4.0]]


def test_what_a_reset_raises_is_named() -> None:
    batch = make(emulate(Stillborn), 1)
    with pytest.raises(WorkerError, match="row 0, in reset: OSError: no such level"):
        for _ in range(3):
            batch.step([1])


class Broken:
    """Makes walks of which only the third breaks: the first is looked at, the second is row 0."""

    def __init__(self, how: str) -> None:
        self.how, self.made = how, 0

    def __call__(self) -> gymnasium.Env:
        self.made += 1
        return Faulty(self.how) if self.made == 3 else Walk()


@pytest.mark.parametrize(
    ("make_env", "said"),
    [
        (lambda: Faulty("raise"), "fails in its first steps: ValueError: broken rules"),
        (lambda: 1 / 0, "cannot be made: ZeroDivisionError"),
        (lambda: 3, "int is no environment"),
        (3, "takes a function"),
    ],
)
def test_what_cannot_be_emulated_is_refused(make_env, said: str) -> None:
    with pytest.raises(DefinitionError, match=said):
        emulate(make_env, "it")


def test_spaces_that_change_between_environments_are_refused() -> None:
    with pytest.raises(DefinitionError, match="is another at every making"):
        make(emulate(Shifty), 2)


@pytest.mark.parametrize(
    "env_id", ["gymnasium:CartPol-v1", "gymnasium:no_such_module:X-v0", "pettingzoo:knights_v1", "emulated:nothing"]
)
def test_unknown_names_are_one_line(env_id: str) -> None:
    with pytest.raises(UnknownName, match=f"unknown environment '{env_id}'") as error:
        make(env_id)
    assert "\n" not in str(error.value)


def test_no_file_chooses_what_is_imported() -> None:
    with pytest.raises(ParameterError, match="never imported"):
        choose_env("gymnasium:os.path:X-v0", "", "", "the run")
    assert choose_env("gymnasium:CartPole-v1", "", "gymnasium:CartPole-v1", "the run") == "gymnasium:CartPole-v1"


def test_what_needs_rules_of_ours_is_refused(walk: str) -> None:
    batch = make(walk, 1)
    for attempt in (
        lambda: batch.snapshot(0),
        lambda: make(walk, 1, record=True),
        lambda: puffer_arena.check(walk),
    ):
        with pytest.raises(ParameterError, match="is of another library, which keeps its state to itself"):
            attempt()
    with pytest.raises(ActionError):
        batch.step([2])
    with pytest.raises(TypeError):
        copy.copy(batch)


def test_an_environment_is_looked_at_once(walk: str) -> None:
    assert puffer_arena.load_env(walk) is puffer_arena.load_env(walk)
    assert foreign_env(puffer_arena.load_env(walk).origin).counters == ("laps",)


def test_rows_that_step_together_are_cut_off_at_their_limits() -> None:
    batch = make("gymnasium:CartPole-v1", 3, limit=5)
    alone = [gymnasium.make("CartPole-v1", max_episode_steps=5) for _ in range(3)]
    for env, level in zip(alone, batch.rows.states["level"].tolist(), strict=True):
        env.reset(seed=level)
    for t in range(12):
        if t == 2:
            batch.reset(which=np.array([True, False, False]))
            alone[0].reset(seed=int(batch.rows.states["level"][0]))
        action = t % 2
        levels = batch.stepper.desk["level"].copy()  # of the episodes that begin next
        step = batch.step(np.full(3, action))
        for i, env in enumerate(alone):
            seen, _, terminated, truncated, _ = env.step(action)
            assert (step.terminated[i], step.truncated[i]) == (terminated, truncated)
            if terminated or truncated:
                assert (batch.final_obs[i] == seen).all()
                seen, _ = env.reset(seed=int(levels[i]))
            assert (step.obs[i] == seen).all()
        assert step.truncated.tolist() == [t in (6, 11), t in (4, 9), t in (4, 9)]
    assert batch.stepper.pool.part.rows[0].env.env.most == 500  # its own limit, within the one that was asked for


class Loose(gymnasium.Env):
    """Sees wide numbers where its space says narrow ones, and in row 1, after two steps, too many."""

    observation_space, action_space = gymnasium.spaces.Box(-9, 9, (2,)), gymnasium.spaces.Discrete(2)

    def reset(self, *, seed=None, options=None):
        self.steps = 0
        return np.zeros(2, np.float32), {}

    def step(self, action):
        self.steps += 1
        size = 3 if self.steps == 3 and action else 2
        return np.full(size, self.steps / 2, np.float64), np.float32(action), False, False, {}


def test_what_rows_that_step_together_see_is_checked_row_by_row_where_it_does_not_fit() -> None:
    batch = make(emulate(Loose), 2)
    for steps in (1, 2):
        step = batch.step([0, 1])
        assert step.obs.tolist() == [[steps / 2, steps / 2]] * 2 and step.rewards.tolist() == [0, 1]
    with pytest.raises(SpaceError, match=r"row 1, in step: the observation of 'agent' is .* of shape \(3,\)"):
        batch.step([0, 1])
