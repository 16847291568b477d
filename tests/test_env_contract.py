"""What every environment owes, checked over all that come with the package."""

import hashlib
import os
import re
import subprocess
import sys

import numpy as np
import pytest

from puffer_arena import list_envs, load_env, make
from puffer_arena.core.canvas import RecordingCanvas
from puffer_arena.core.random import HELD_OUT_BIT
from puffer_arena.core.spaces import Box, Discrete
from puffer_arena.render.draw.palette import load_palette

HEADINGS = ("Actions", "Observation", "Reward", "Termination", "Parameters", "Source")
every_env = pytest.mark.parametrize("env_id", list_envs())


def everything(batch):
    """Return all that a batch holds as one bytes object."""
    parts = [*batch.rows, *batch.buffers]
    return b"".join(np.ascontiguousarray(part).tobytes() for part in parts)


def play(batch, steps, seed=0, bots=False):
    """Step with random actions, or each other step with the first bot's."""
    rng = np.random.default_rng(seed)
    for t in range(steps):
        actions = batch.sample_actions(rng)
        if bots and t % 2 and batch.env.bots:
            batch.act(next(iter(batch.env.bots)), out=actions)
        batch.step(actions)


def observations(batch):
    """Yield every stored observation as the dict or array that it stands for."""
    leading = 2 if batch.num_agents else 1
    for index in np.ndindex(*batch.obs.shape[:leading]):
        stored = batch.obs[index]
        yield batch.observation.load(stored[0] if isinstance(batch.observation, Discrete) else stored)


def digest(env_id, threads=1):
    """Return a digest of 128 rows after 150 steps; another process calls this too."""
    with make(env_id, num_envs=128, seed=11, threads=threads) as batch:
        play(batch, 150, bots=True)
        return hashlib.sha256(everything(batch)).hexdigest()


@every_env
def test_the_docstring_has_the_headings_and_names_every_parameter(env_id: str) -> None:
    env = load_env(env_id)
    for heading in HEADINGS:
        assert re.search(rf"^{heading}\s", env.doc, re.MULTILINE), f"{env_id}: no heading '{heading}'"
    named = re.search(r"^Parameters\s+(.*?)^Source", env.doc, re.MULTILINE | re.DOTALL)
    assert named is not None
    assert set(re.findall(r"\w+", named[1])) >= set(env.parameters)
    assert env.summary.endswith(".") and len(env.summary) < 100


@every_env
def test_compiled_rules_write_the_bytes_that_interpreted_ones_do(env_id: str) -> None:
    first, second = (make(env_id, num_envs=3, seed=5, compiled=compiled) for compiled in (True, False))
    assert everything(first) == everything(second)
    for batch in (first, second):
        play(batch, 200, bots=True)
    assert everything(first) == everything(second)


@every_env
def test_two_threads_write_the_bytes_of_one(env_id: str) -> None:
    assert digest(env_id, threads=1) == digest(env_id, threads=2)


def test_another_process_writes_the_same_bytes() -> None:
    script = "import sys; from tests.test_env_contract import digest; print(*map(digest, sys.argv[1:]))"
    run = [sys.executable, "-c", script, *list_envs()]
    there = subprocess.run(
        run, capture_output=True, text=True, check=True, cwd=os.path.dirname(os.path.dirname(__file__))
    )
    assert there.stdout.split() == [digest(env_id) for env_id in list_envs()]


@every_env
def test_another_seed_writes_other_bytes(env_id: str) -> None:
    first, second = make(env_id, num_envs=16, seed=1), make(env_id, num_envs=16, seed=2)
    assert everything(first) != everything(second)


@every_env
def test_a_snapshot_has_the_same_future_in_any_row(env_id: str) -> None:
    physics = load_env(env_id).engine is not None  # in mid-episode its engine knows more than the row
    batch = make(env_id, num_envs=4, seed=3, record=physics)
    play(batch, 60)
    kept = batch.snapshot(1)
    assert batch.restore(2, kept)
    assert batch.snapshot(2) == kept and (batch.obs[1] == batch.obs[2]).all()

    rng = np.random.default_rng(8)
    for _ in range(150):
        actions = batch.sample_actions(rng)
        actions[2] = actions[1]
        batch.step(actions)
        assert batch.snapshot(1) == batch.snapshot(2)
        for name in ("obs", "rewards", "terminated", "truncated", "acting", "action_mask"):
            array = getattr(batch, name)
            assert array[1].tobytes() == array[2].tobytes()


@every_env
def test_observations_lie_in_their_space_and_numbers_are_finite(env_id: str) -> None:
    batch = make(env_id, num_envs=6, seed=4)
    for seed in range(80):
        play(batch, 2, seed, bots=True)
        assert all(batch.observation.contains(value) for value in observations(batch))
        assert np.isfinite(batch.rewards).all()
        names = batch.rows.states.dtype.names
        floats = [name for name in names if batch.rows.states.dtype[name].base.kind == "f"]
        assert all(np.isfinite(batch.rows.states[name]).all() for name in floats)


def spoil(batch, names, garbage):
    """Fill buffers with a byte, flags with its lowest bit."""
    for name in names:
        array = getattr(batch, name)
        array.view(np.uint8)[:] = garbage & 1 if array.dtype == np.bool_ else garbage


@pytest.mark.parametrize("compiled", [True, False])
@every_env
def test_rules_write_every_element_of_the_buffers(env_id: str, compiled: bool) -> None:
    # Two equal batches find different garbage in their buffers: an element that then differs was left alone.
    pair = [make(env_id, num_envs=4, seed=4, compiled=compiled) for _ in range(2)]
    names = [name for name in pair[0].buffers._fields if name != "acting" or pair[0].num_agents]  # solo: set for good
    rng = np.random.default_rng(0)
    for _ in range(160 if compiled else 25):
        actions = pair[0].sample_actions(rng)
        for batch, garbage in zip(pair, (0x55, 0xAA), strict=True):
            spoil(batch, names, garbage)
            batch.step(actions)
        for name in names:
            differs = getattr(pair[0], name) != getattr(pair[1], name)
            kept = pair[0].truncated if name == "final_obs" else np.True_
            assert not differs[kept].any(), f"{name} at {np.argwhere(differs)[:3].tolist()}"
        for batch, garbage in zip(pair, (0x55, 0xAA), strict=True):
            spoil(batch, ("obs", "action_mask"), garbage)
            batch.look(np.ones(4, np.bool_))
        assert (pair[0].obs == pair[1].obs).all() and (pair[0].action_mask == pair[1].action_mask).all()


def mean_returns(env_id, role):
    """Return the mean return of a role's agents (of the agent, where it is None) with its bot, and without."""
    results = []
    for playing in (True, False):
        batch = make(env_id, num_envs=128, seed=6)
        rng, bot = np.random.default_rng(7), next(iter(batch.env.bots))
        mine = np.array([role is None or name.rpartition("_")[0] == role for name in batch.agent_ids or ("",)])
        which = np.broadcast_to(mine & playing, batch.acting.shape).copy()
        for _ in range(600):
            batch.step(batch.act(bot, out=batch.sample_actions(rng), which=which))
        means = batch.episodes()
        means.setdefault("episode_return", float(batch.rows.states["episode_return"].mean()))  # where none ended
        results.append(means["episode_return" if role is None else f"episode_return/{role}"])
    return results


@every_env
def test_the_first_bot_beats_random_in_every_role(env_id: str) -> None:
    for role in load_env(env_id).agents or (None,):
        with_bot, without = mean_returns(env_id, role)
        assert with_bot > without + 0.2 * abs(without), f"{env_id}, {role}: {with_bot} against {without}"


@every_env
def test_bots_only_read_the_row(env_id: str) -> None:
    batch = make(env_id, num_envs=8, seed=2)
    assert batch.env.bots
    for bot in batch.env.bots:
        play(batch, 10)
        before = batch.rows.states.tobytes()
        batch.act(bot)
        assert batch.rows.states.tobytes() == before


@every_env
def test_it_draws_without_a_window_in_colours_of_the_palette(env_id: str) -> None:
    batch = make(env_id, num_envs=1, seed=9)
    palette = load_palette()
    for _ in range(60):
        before = batch.rows.states.tobytes()
        canvas = RecordingCanvas()
        batch.env.draw(batch.state(0), batch.state_params(0), canvas)
        assert canvas.primitives[0][0] == "view" and len(canvas.primitives) > 3
        assert {arguments["color"] for _, arguments in canvas.primitives[1:]} <= set(palette)
        assert canvas.message and batch.rows.states.tobytes() == before
        assert not batch.num_agents or set(canvas.agents) >= set(np.flatnonzero(batch.acting[0]))
        play(batch, 1, bots=True)


@every_env
def test_keys_and_the_idle_action_are_valid_actions(env_id: str) -> None:
    env = load_env(env_id)
    batch = make(env_id)
    bindings = [binding for role in env.agents or (None,) for binding in env.keys_of(role).items()]
    assert bindings and all(key == key.lower() for key, _ in bindings)
    for _, action in bindings:
        if isinstance(env.action, Discrete):
            assert env.action.contains(action)
        else:
            component, value = action
            batch.actions[...] = 0
            batch.actions[..., component] = value
            kind = env.action.dtype.base.type
            assert env.action.contains(batch.actions[(0,) * (batch.actions.ndim - 1)].astype(kind))
    if isinstance(env.action, Box) or env.idle is not None:
        kind = np.int64 if isinstance(env.action, Discrete) else env.action.dtype.base.type
        assert env.action.contains(np.asarray(env.idle, kind))


@every_env
def test_held_out_levels_are_other_levels(env_id: str) -> None:
    train, held_out = (make(env_id, num_envs=32, seed=1, split=split) for split in ("train", "held_out"))
    assert (train.rows.states["level"] < HELD_OUT_BIT).all()
    assert (held_out.rows.states["level"] >= HELD_OUT_BIT).all()
    own = [name for name in train.rows.states.dtype.names if name not in ("level", "row_key")]
    assert any((train.rows.states[name] != held_out.rows.states[name]).any() for name in own)


@every_env
def test_num_levels_limits_the_levels(env_id: str) -> None:
    seen = set()
    batch = make(env_id, num_envs=8, seed=1, num_levels=3, split="held_out")
    starts = {}
    for _ in range(12):
        batch.reset()
        for i, level in enumerate(batch.rows.states["level"].tolist()):
            seen.add(level)
            assert starts.setdefault(level, batch.obs[i].tobytes()) == batch.obs[i].tobytes()
    assert seen == {HELD_OUT_BIT, HELD_OUT_BIT + 1, HELD_OUT_BIT + 2}


def extremes(env):
    """Yield parameter sets: each parameter at either end, then all at theirs together."""
    for name, parameter in env.parameters.items():
        yield {name: parameter.low}
        yield {name: parameter.high}
    yield {name: parameter.low for name, parameter in env.parameters.items()}
    yield {name: parameter.high for name, parameter in env.parameters.items()}


@every_env
def test_parameters_work_at_both_ends_of_their_ranges(env_id: str) -> None:
    env = load_env(env_id)
    assert all(parameter.ranged and parameter.doc for parameter in env.parameters.values())
    for params in extremes(env):
        batch = make(env_id, num_envs=1, seed=1, compiled=False, **params)  # plain Python checks every index
        for seed in range(4):
            play(batch, 4, seed, bots=True)
            assert all(batch.observation.contains(value) for value in observations(batch)), params
            assert np.isfinite(batch.rewards).all(), params


@every_env
def test_a_row_may_lower_any_parameter_below_the_batch(env_id: str) -> None:
    batch = make(env_id, num_envs=16, seed=1)
    for name, parameter in batch.env.parameters.items():
        batch.params[name][8:] = parameter.low
    batch.reset()
    other = make(env_id, num_envs=16, seed=2)
    play(other, 20)
    for i in range(16):
        other.restore(i, batch.snapshot(i))
    for seed in range(40):
        for one in (batch, other):
            play(one, 3, seed, bots=True)
        assert all(batch.observation.contains(value) for value in observations(batch))
        assert batch.obs.tobytes() == other.obs.tobytes()  # nothing is left of what larger boards showed


BOUNDS_CHECK = """
import sys
import numpy as np
from puffer_arena import list_envs, make
from puffer_arena.machine.compile import compile_function, jit
from tests.test_env_contract import play

@jit
def beyond(array, index):
    return array[index]

try:
    compile_function(beyond, "check")(np.zeros(2), 5)
except IndexError:
    print("bounds are checked")
for env_id in list_envs():
    batch = make(env_id, num_envs=8, seed=1)
    for name, parameter in batch.env.parameters.items():
        batch.params[name][4:] = parameter.low
    play(batch, 1000, bots=True)
print("finished")
"""


@pytest.mark.slow
def test_no_rule_indexes_beyond_its_arrays(tmp_path) -> None:
    settings = {**os.environ, "NUMBA_BOUNDSCHECK": "1", "PUFFER_ARENA_CACHE": str(tmp_path)}
    root = os.path.dirname(os.path.dirname(__file__))
    run = subprocess.run([sys.executable, "-c", BOUNDS_CHECK], capture_output=True, text=True, env=settings, cwd=root)
    assert run.stdout.split("\n")[:2] == ["bounds are checked", "finished"], run.stderr
