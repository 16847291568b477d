"""The global state: written where somebody asks for it, for PettingZoo's `state` and for central critics."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

from puffer_arena import load_env, make
from puffer_arena.adapters.pettingzoo import aec_env, parallel_env
from puffer_arena.batch.buffers import by_seat
from puffer_arena.bots.bot import Bot
from puffer_arena.bots.model import Model
from puffer_arena.errors import DefinitionError, ParameterError
from puffer_arena.trainers.actor import Actor
from puffer_arena.trainers.export.bot import export_policy
from puffer_arena.trainers.networks.policy import policy_bytes
from tests.playing import COUNTDOWN, DUEL, everything, play
from tests.trainers_support import assert_same_future, small_trainer, weights

RULE = """@jit
def observe_state(s: State, p: Params, obs: Array) -> None:
    obs[0], obs[1] = s.left, s.step_count


def draw("""
SEEN = "ENV = Env(global_state=Box(-10, 1000, (2,)), observe_state=observe_state, "


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Hold the games of these tests, so that each is compiled once."""
    return tmp_path_factory.mktemp("seen")


def seen_by_all(folder, *changes):
    """Write a countdown that gives its global state, and return its path."""
    source = Path(COUNTDOWN).read_text().replace("def draw(", RULE, 1).replace("ENV = Env(", SEEN, 1)
    for old, new in changes:
        assert old in source
        source = source.replace(old, new, 1)
    (folder / "countdown.py").write_text(source)
    return str(folder / "countdown.py")


@pytest.mark.parametrize("compiled", [True, False])
def test_a_solo_games_state_is_written_with_every_step_and_before_a_reset(folder: Path, compiled: bool) -> None:
    batch = make(seen_by_all(folder), 2, start=5, limit=3, compiled=compiled, observe_state=True)
    assert batch.global_state.tolist() == [[5, 0], [5, 0]] and batch.global_state.dtype == np.float32
    for step in (1, 2):
        batch.step(np.array([(1, 0), (0, 0)]))
        assert batch.global_state.tolist() == [[5 - step, step], [5, step]]
    batch.step(np.array([(1, 0), (0, 0)]))
    assert batch.truncated.all() and batch.final_global_state.tolist() == [[2, 3], [5, 3]]
    assert batch.global_state.tolist() == [[5, 0], [5, 0]]
    kept = batch.snapshot(0)
    batch.step(np.array([(1, 0), (0, 0)]))
    batch.restore(0, kept)
    assert batch.global_state[0].tolist() == [5, 0]


def test_who_does_not_ask_pays_nothing_and_sees_nothing(folder: Path) -> None:
    path = seen_by_all(folder)
    one, other = make(path, 4, seed=3), make(path, 4, seed=3, observe_state=True)
    assert one.global_state.size == 0 and one.state_space is None
    for batch in (one, other):
        play(batch, 20)
    for name in ("obs", "rewards", "terminated", "truncated", "final_obs", "action_mask", "began"):
        assert getattr(one, name).tobytes() == getattr(other, name).tobytes()
    assert one.rows.states.tobytes() == other.rows.states.tobytes()
    with pytest.raises(ParameterError, match="'snake' gives no global state: add global_state"):
        make("snake", observe_state=True)


def test_tags_state_has_everybody_where_they_stand() -> None:
    one, plain = (make("tag", 8, seed=2, observe_state=True, compiled=compiled) for compiled in (True, False))
    for batch in (one, plain):
        play(batch, 12)
    assert everything(one) == everything(plain)
    s, seen = one.rows.states, one.global_state
    there = seen["agents"][..., 0] == 1
    np.testing.assert_array_equal(there, s["alive"] == 1)
    np.testing.assert_allclose(seen["agents"][..., 2][there], (s["row"] / 12)[there], rtol=1e-6)
    np.testing.assert_array_equal(seen["board"], s["board"])
    assert all(one.state_space.contains(one.state_space.load(each)) for each in seen)
    assert "global_state" not in by_seat(one.buffers)


def test_pettingzoos_state_is_the_rules_in_both_apis() -> None:
    env = parallel_env("tag", runners=2, chasers=1, size=6)
    env.reset(seed=0)
    assert env.state_space.contains(env.state()) and env.state().shape == (36 + 12 + 1,)  # flat, as its checks ask for
    turns = aec_env("tag", runners=2, chasers=1, size=6)
    turns.reset(seed=0)
    assert turns.state_space == env.state_space
    np.testing.assert_array_equal(turns.state(), env.state())
    plain = parallel_env(DUEL)  # which has no such rule
    plain.reset(seed=0)
    assert plain.state_space.contains(plain.state())


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ([("observe_state=observe_state, ", "")], r"observe_state: is missing: .* give a rule observe_state\(s, p, obs\)"),
        ([("global_state=Box(-10, 1000, (2,)), ", "")], r"global_state: is missing: .* give a space, such as Box"),
        ([("global_state=Box(-10, 1000, (2,))", "global_state=3")], "global_state: is 3; give a space"),
        ([("(s: State, p: Params, obs: Array) -> None:\n    obs[0], obs[1] = s.left, s.step", "(s, p, k, obs) -> None:\n    obs[0], obs[1] = s.left, s.step")],
         r"observe_state: takes \(s, p, k, obs\); it must take \(s, p, obs\)"),
        ([("= s.left, s.step_count", "= s.left, s.step_cont")], r"'observe_state' .*\n.*no field 'step_cont'"),
        ([("obs[0], obs[1] = s.left, s.step_count", "obs[0] = s.left")], r"'observe_state' .*\n.*does not write obs\[1\]"),
        ([("= s.left, s.step_count", "= s.left, -99.0")], r"'observe_state' .*\n.*obs\[1\] = -99.0, which does not lie"),
        ([("obs[0], obs[1] = s.left, s.step_count", "s.used += 3\n    obs[:] = 0.0")], r"writes (State|s)\.used"),
    ],
    ids=lambda value: str(value)[:30],
)  # fmt: skip
def test_what_is_wrong_with_a_global_state_is_said(tmp_path: Path, changes: list, said: str) -> None:
    with pytest.raises(DefinitionError, match=said):
        make(seen_by_all(tmp_path, *changes))


def test_a_state_that_names_a_size_is_as_large_as_its_batch() -> None:
    env = load_env("tag")
    assert env.state_space(env.params(chasers=1, runners=1)).dtype["agents"].shape == (2, 4)
    changed = dataclasses.replace(env, observe_state=None, global_state=None)
    assert changed.state_space(env.params()) is None and "size" in env.dimensions


HIDDEN = '''"""Hidden: each of two agents guesses; what a right guess is worth lies in the global state alone."""

from dataclasses import dataclass

from puffer_arena.core import Array, Box, Discrete, Env, Header, f64, jit, param, uniform


@dataclass(frozen=True)
class Params:
    agents: int = param(2, 2, 2)


class State(Header):
    worth: float = f64()


@jit
def reset(s: State, p: Params) -> None:
    s.worth = uniform(s, -1.0, 1.0)


@jit
def step(s: State, p: Params, actions: Array, rewards: Array, terminated: Array) -> bool:
    for k in range(2):
        rewards[k] = s.worth if k == 0 else -s.worth
        terminated[k] = s.step_count >= 3
    s.worth = uniform(s, -1.0, 1.0)
    return False


@jit
def observe(s: State, p: Params, agent: int, obs: Array) -> None:
    obs[0] = 1.0


@jit
def observe_state(s: State, p: Params, obs: Array) -> None:
    obs[0] = s.worth


def draw(s: State, p: Params, canvas) -> None:
    canvas.view(1, 1)


ENV = Env(
    params=Params, state=State, observation=Box(0, 1, (1,)), action=Discrete(2), reset=reset, step=step,
    observe=observe, draw=draw, agents={"guesser": "agents"}, global_state=Box(-1, 1, (1,)),
    observe_state=observe_state,
)
'''
FAST = {"ppo__gamma": 0.0, "optimizer__learning_rate": 0.01, "num_envs": 64, "ppo__normalize_rewards": False}


@pytest.mark.slow
def test_only_a_central_critic_can_know_what_the_global_state_says(folder: Path) -> None:
    (folder / "hidden.py").write_text(HIDDEN)
    explained = {}
    for critic in ("state", "separate"):
        trainer = small_trainer(str(folder / "hidden.py"), network__critic=critic, **FAST)
        explained[critic] = [trainer.update()["explained_variance"] for _ in range(60)][-1]
        trainer.close()
    assert explained["state"] > 0.9 and explained["separate"] < 0.1  # each agent's worth is the other's with its sign


@pytest.mark.parametrize("overrides", [{}, {"network__memory": "gru"}, {"network__normalize": True}], ids=str)
def test_fused_and_autograd_train_a_central_critic_alike(overrides: dict) -> None:
    one, other = (
        small_trainer("tag", network__critic="state", gradients=way, threads=1, **overrides)
        for way in ("fused", "autograd")
    )
    for _ in range(2):
        for trainer in (one, other):
            trainer.update()
    for name, value in weights(one).items():
        torch.testing.assert_close(value, weights(other)[name], rtol=2e-3, atol=1e-5, msg=name)
    probs, values = one.look(np.arange(3), one.config.ppo.horizon - 1)
    assert probs.shape == (3, 6, 5) and np.isfinite(values).all()
    state = one.state()
    again = small_trainer("tag", network__critic="state", gradients="fused", threads=1, **overrides)
    again.load_state(*state)
    assert_same_future(one, again, 1)
    actor = Actor.load(policy_bytes(one.policy))
    actions, _, values = actor.act(one.batch.obs, one.batch.action_mask)
    assert actions.shape == one.batch.actions.shape and np.isnan(values).all()  # nobody shows it the state
    bot = Bot(Model(export_policy(one.policy, "tag")))  # the actor alone, checked against the policy
    bot.act(np.ascontiguousarray(one.batch.obs[0]), np.ascontiguousarray(one.batch.action_mask[0]))
    assert np.isnan(bot.explain().value)
    for trainer in (one, other, again):
        trainer.close()


def test_truncated_episodes_are_valued_by_the_state_that_they_ended_in(folder: Path) -> None:
    path = seen_by_all(folder)
    trainer = small_trainer(path, network__critic="state", params__limit=3, params__start=50)
    again = make(path, trainer.config.num_envs, trainer.config.seed, limit=3, start=50, observe_state=True)
    trainer.collector.collect(trainer.generator)
    rollout, policy, seen = trainer.rollout, trainer.policy, 0
    for t in range(rollout.horizon):
        np.testing.assert_array_equal(rollout.global_state[t], again.global_state)
        again.step(rollout.actions[t])
        cut = np.flatnonzero(again.truncated)
        if not len(cut):
            continue
        with torch.no_grad():
            last = [torch.from_numpy(part[cut]) for part in (again.final_obs, again.final_global_state)]
            values = policy([last[0]], {}, [last[1]])[1][:, 0].numpy()
        np.testing.assert_allclose(rollout.final_value[t, cut], values, rtol=1e-4, atol=1e-4)
        seen += len(cut)
    assert seen >= trainer.config.num_envs
    trainer.close()


def test_a_critic_cannot_read_a_state_that_is_not_given() -> None:
    with pytest.raises(ParameterError, match=r"network.critic = 'state' reads the global state, which .* 'snake' does"):
        small_trainer("snake", network__critic="state")
