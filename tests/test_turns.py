"""Agents that take turns, and rewards for those who have left: see tests/games/relay.py for the rules played here."""

import re
from pathlib import Path

import numpy as np
import pytest

from puffer_arena import load_env, make
from puffer_arena.adapters.pettingzoo import aec_env, parallel_env
from puffer_arena.errors import ActionError, DefinitionError
from tests.playing import RELAY, SHOVE, both_modes, everything

ON, ROUND, SKIP, LEAVE = range(4)


def say(batch, word):
    """Let everybody say a word, of which only that of the agent whose turn it is counts; return who acts next."""
    batch.step(np.full(batch.actions.shape, word))
    assert (batch.acting.sum(axis=1) == 1).all() and (batch.acting.argmax(axis=1) == batch.rows.states["turn"]).all()
    return int(batch.rows.states["turn"][0])


@both_modes
def test_turns_go_as_the_rule_says_past_those_who_left(compiled: bool) -> None:
    with make(RELAY, players=4, compiled=compiled) as batch:
        assert batch.acting.tolist() == [[True, False, False, False]]
        assert [say(batch, word) for word in (ON, SKIP, LEAVE, ON, ROUND)] == [1, 3, 0, 1, 0]
        assert batch.state(0).alive[3] == 0 and say(batch, ON) == 2 and say(batch, LEAVE) == 1
        assert say(batch, LEAVE) == 0 and say(batch, LEAVE) == 0 and batch.finished["episodes"][0] == 1
        assert batch.began.all()


@both_modes
def test_only_the_agent_whose_turn_it_is_has_choices_and_acts(compiled: bool) -> None:
    with make(RELAY, compiled=compiled) as batch:
        say(batch, ROUND)
        assert batch.action_mask[0].tolist() == [[False] * 4, [False] * 4, [True] * 4]
        actions = np.full(batch.actions.shape, LEAVE)
        actions[0, 2] = ON  # the others' words mean nothing
        batch.step(actions)
        assert not batch.terminated.any() and batch.rows.states["turn"][0] == 1
        assert batch.obs[0, :, :2].tolist() == [[0, 0], [1, 1], [2, 0]]  # everybody sees, and who has left sees zeros
        bots = np.full(batch.actions.shape, -1)
        assert batch.act("steady", bots).tolist() == [[-1, ON, -1]]  # a bot is asked for its own turns


@both_modes
def test_who_has_left_is_rewarded_until_the_episode_ends(compiled: bool) -> None:
    with make(RELAY, compiled=compiled, limit=5) as batch:
        earned = np.zeros(3)
        for word in (LEAVE, ON, LEAVE, ON, ON):
            earned += batch.step(np.full((1, 3), word)).rewards[0]
        # 0 left in the 1st step and 2 in the 3rd: 4 and 2 steps of 1 each, after the -1; 1 moved in three.
        assert earned.tolist() == [3.0, 30.0, 1.0] == batch.finished["episode_return"][0].tolist()
        assert batch.truncated.tolist() == [[False, True, False]] and batch.acting.tolist() == [[True, False, False]]


def test_who_takes_no_part_is_not_rewarded() -> None:
    with make(RELAY, players=3, limit=4) as batch:
        batch.params.players[:] = 2
        batch.reset()
        for _ in range(4):
            assert batch.step(np.full((1, 3), ON)).rewards[0, 2] == 0.0
        assert batch.episodes()["episode_return"] == 10.0  # the mean of 0 and 20: the third has no seat


def test_the_bytes_do_not_depend_on_threads_snapshots_or_rewinding() -> None:
    rng = np.random.default_rng(3)
    words = rng.integers(0, 4, (30, 64, 3))
    with make(RELAY, 64, 5, players=3) as one, make(RELAY, 64, 5, threads=3, players=3, record=True) as other:
        for k, actions in enumerate(words):
            one.step(actions)
            other.step(actions)
            assert everything(one) == everything(other)
            if k == 20:
                kept, steps = other.snapshot(7), int(other.rows.states["step_count"][7])
        if steps <= other.rows.states["step_count"][7]:
            other.rewind(7, steps)
        other.restore(7, kept)
        assert other.snapshot(7) == kept and other.acting[7].argmax() == other.rows.states["turn"][7]


def altered(tmp_path: Path, old: str, new: str) -> str:
    """Write Relay with a changed line and return its path."""
    source = Path(RELAY).read_text()
    assert old in source
    path = tmp_path / "wrong.py"
    path.write_text(source.replace(old, new))
    return str(path)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("    return s.next\n", "    return s.next + 7\n", "gave 7 in row 0; allowed there: 0, 1, 2"),
        ("    return s.next\n", "    return s.next - 1\n", "gave -1 in row 0"),
        ("    return s.next\n", "    return s.next * 1.0\n", "it must be a whole number, that of the agent whose turn it is"),
        ("    return s.next\n", "    return\n", "returns nothing; 'turn' must return the agent whose turn it is"),
        ("    return s.next\n", "    return s.nxt\n", "no field 'nxt'; did you mean 'next'?"),
        ("    return s.next\n", "    s.next += 0\n    s.way += 1\n    return s.next\n", "writes State.next, which it may only read"),
        ("    turn=turn,", "    turns=turn,", "unexpected keyword argument 'turns'"),
        ("def turn(s: State, p: Params)", "def turn(s: State)", "turn: takes (s); it must take (s, p)"),
        ("@jit\ndef turn", "def turn", "turn: is not marked for compiling; put @jit above 'def turn'"),
        ("    turn=turn,", "    turn=turn, idle=0,", "idle: is 0, but where agents take turns a game waits for the person"),
    ],
)  # fmt: skip
def test_a_wrong_rule_for_turns_is_named(tmp_path: Path, old: str, new: str, said: str) -> None:
    with pytest.raises((DefinitionError, TypeError), match=re.escape(said)):
        make(altered(tmp_path, old, new))


def test_turns_without_agents_are_refused() -> None:
    env = load_env("cartpole")
    fields = {name: getattr(env, name) for name in ("params", "state", "observation", "action", "reset", "observe")}
    with pytest.raises(DefinitionError, match="turn: one agent alone has no turns to take"):
        type(env)(**fields, draw=env.draw, step=env.step, turn=env.reset)


def test_a_turn_of_somebody_who_left_is_named_when_it_comes_compiled(tmp_path: Path) -> None:
    path = altered(tmp_path, "    return s.next\n", "    return s.next if s.alive[0] else 0\n")
    with make(path) as batch:
        with pytest.raises(
            DefinitionError, match=r"'turn' \(.*wrong.py, line \d+\).*\n.*gave 0, player_0, who has left"
        ):
            batch.step(np.full((1, 3), LEAVE))
        assert not batch.acting.any()
        batch.reset()
        assert batch.acting.tolist() == [[True, False, False]]


def test_pettingzoo_asks_whose_turn_it_is_and_pays_who_has_left_at_the_end() -> None:
    env = aec_env(RELAY, limit=5)
    env.reset(seed=0)
    asked, got = [], {}
    for agent in env.agent_iter(20):
        seen, reward, terminated, truncated, info = env.last()
        asked.append(agent)
        if terminated or truncated:
            got[agent] = reward, terminated, truncated, info["statistics"]["episode_return"]
            env.step(None)
            continue
        assert seen["action_mask"].tolist() == [1, 1, 1, 1] and env.observation_space(agent).contains(seen)
        waiting = next(other for other in env.possible_agents if other != agent)
        assert not env.observe(waiting)["action_mask"].any()
        env.step(LEAVE if agent in ("player_0", "player_2") else ON)
    assert asked[:5] == ["player_0", "player_1", "player_2", "player_1", "player_1"]
    assert got["player_0"] == (3.0, True, False, 3.0) and got["player_2"] == (1.0, True, False, 1.0)
    assert got["player_1"] == (10.0, False, True, 30.0)  # since it was last asked


def test_in_parallel_only_the_agent_whose_turn_it_is_must_act() -> None:
    env = parallel_env(RELAY)
    env.reset(seed=0)
    with pytest.raises(ActionError, match="there is no action for 'player_0'"):
        env.step({"player_1": ON})
    _, _, terminated, _, infos = env.step({"player_0": LEAVE, "player_1": LEAVE})
    assert terminated == {"player_0": True, "player_1": False, "player_2": False}
    assert not infos["player_2"]["action_mask"].any() and infos["player_1"]["action_mask"].all()
    _, rewards, terminated, _, _ = env.step({"player_1": ON})
    assert rewards == {"player_0": 1.0, "player_1": 10.0, "player_2": 0.0} and "player_0" not in terminated


def test_bodies_move_by_turns_too(tmp_path: Path) -> None:
    source = Path(SHOVE).read_text()
    rule = "@jit\ndef turn(s, p):\n    return s.step_count % 2\n\n\n@jit\ndef act(s, p, actions):\n    k = s.turn\n    if k >= 0:\n"
    for old, new in (
        ("@jit\ndef act(s, p, actions):\n    for k in range(2):\n", rule),
        ("    idle=(0.0, 0.0),\n", "    turn=turn,\n"),
    ):
        assert old in source
        source = source.replace(old, new)
    path = tmp_path / "shoves_by_turns.py"
    path.write_text(source)
    with make(str(path), 2, record=True, max_steps=9) as batch:
        for mover in (0, 1, 0):
            assert batch.acting.tolist() == [[mover == 0, mover == 1]] * 2
            before = batch.rows.states["balls"]["vx"].copy()
            batch.step(np.ones(batch.actions.shape))
            pushed = np.abs(batch.rows.states["balls"]["vx"] - before) > 1e-3
            assert pushed.tolist() == [[mover == 0, mover == 1]] * 2
        batch.rewind(0, 1)
        assert batch.acting.tolist() == [[False, True]] * 2
