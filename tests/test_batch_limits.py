"""What a batch refuses before it allocates anything, and after it was closed."""

import numpy as np
import pytest

from puffer_arena import make
from puffer_arena.batch.limits import check_size, memory_bytes, row_bytes
from puffer_arena.batch.seeds import check_seed
from puffer_arena.errors import ClosedError, DefinitionError, ParameterError
from tests.playing import PUPPET, both_modes, everything

ENDLESS = 2**70

# -- sizes ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("env_id", ["snake", "tag", "striker", "marble", "memory"])
@pytest.mark.parametrize("rows", [10**9, 2**31, 2**63, 2**64 + 1, ENDLESS])
def test_more_rows_than_fit_into_memory_are_one_error_that_says_how_many_do(env_id, rows):
    with pytest.raises(ParameterError, match=r"num_envs = \d+ takes about .* of memory.*num_envs may be 1 to [\d,]+"):
        make(env_id, num_envs=rows, threads=2)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"num_envs": 0}, "num_envs = 0"),
        ({"num_envs": 2.0}, "num_envs = 2.0"),
        ({"threads": 0}, "threads = 0.*from 1 to 1024"),
        ({"threads": 10_000}, "threads = 10000.*from 1 to 1024"),
        ({"threads": 2**63}, "threads.*from 1 to 1024"),
        ({"num_levels": 2**63}, "num_levels.*from 0 to 2147483648"),
        ({"num_levels": -1}, "num_levels = -1"),
    ],
)
def test_counts_beyond_their_limits_are_one_error_that_says_the_limit(given, said):
    with pytest.raises(ParameterError, match=said):
        make("snake", **given)


@pytest.mark.parametrize("env_id", ["snake", "tag", "striker", "marble", "memory", "target"])
def test_the_estimate_is_no_less_than_what_rows_and_buffers_take_and_not_far_above(env_id):
    batch = make(env_id, num_envs=8)
    held = [*batch.rows, *batch.buffers, batch.actions]
    taken = sum(array.nbytes for array in held) / 8
    spaces = batch.observation, batch.action
    estimate = row_bytes(batch.env, batch.param_values, spaces, batch.num_choices)
    scene = {None: 0, "pymunk": 8 << 10, "panda3d": 4 << 20}[batch.env.engine]
    assert 0.9 * taken <= estimate - scene <= 1.5 * taken + 64


def test_the_limit_that_is_said_is_the_limit():
    batch = make("snake")
    given = batch.env, batch.param_values, (batch.observation, batch.action), batch.num_choices
    each = row_bytes(*given)
    check_size(*given, 100, known=100 * each)
    with pytest.raises(ParameterError, match="num_envs may be 1 to 100; smaller values of cols, rows take less"):
        check_size(*given, 101, known=100 * each + 1)
    with pytest.raises(ParameterError, match="not even one row fits"):
        check_size(*given, 1, known=each - 1)
    assert memory_bytes() > 1 << 28


LARGE = """
import numpy as np
from dataclasses import dataclass
from puffer_arena.core import *

@dataclass(frozen=True)
class Params:
    size: int = param(5, 1, 2**31 - 1, "cells")
    @property
    def cells(self):
        return self.size * self.size

class State(Header):
    own: Array = {state}

@jit
def reset(s, p):
    pass

@jit
def step(s, p, {given}):
    return {result}

@jit
def observe(s, p, {agent}obs):
    {written}

def draw(s, p, canvas):
    canvas.view(1, 1)

ENV = Env(params=Params, state=State, observation={observation}, action={action}, reset=reset, step=step,
          observe=observe, draw=draw, agents={agents})
"""
USUAL = {
    "state": "f64(3)",
    "observation": "Box(0, 1, (2,))",
    "action": "Discrete(2)",
    "agents": "{}",
    "given": "action",
    "result": "0.0, False, False",
    "agent": "",
    "written": "obs[:] = 0",
}
SEVERAL = {"given": "actions, rewards, terminated", "result": "False", "agent": "agent, "}


@pytest.mark.parametrize(
    "changed",
    [
        {"state": "f64(2**40)"},
        {"state": "f64(2**62, 2**62)"},
        {"state": "i8(2**31 - 1)"},
        {"state": "i32('cells', 'cells')"},
        {"observation": "Box(0, 1, (2**40,))"},
        {"observation": "Box(0, 1, ('cells', 'cells'))"},
        {"observation": "Box(0, 1, (2**20, 2**20, 3))"},
        {
            "observation": "Dict({'a': Box(0, 1, (2**29,), np.uint8), 'b': Box(0, 1, (2**30,), np.uint8)})",
            "written": "obs.a[:] = 0",
        },
        {"observation": "Tuple((Box(0, 1, (2**29,), np.uint8),) * 8)"},
        {"action": "Box(0, 1, (2**40,))"},
        {"action": "MultiBinary(2**40)"},
        {"agents": "{'one': 2**40}", **SEVERAL},
        {"agents": "{'one': 'cells'}", **SEVERAL},
    ],
    ids=str,
)
def test_giant_dimensions_are_one_error_of_ours(tmp_path, changed):
    file = tmp_path / "large.py"
    file.write_text(LARGE.format(**{**USUAL, **changed}))
    with pytest.raises(DefinitionError, match=r"at most [\d,]+ are allowed"):
        make(str(file), size=2**20)


def test_a_row_that_no_memory_holds_is_refused_before_it_is_allocated(tmp_path):
    file = tmp_path / "large.py"
    file.write_text(LARGE.format(**{**USUAL, "state": "i8(2**29)"}))
    with pytest.raises(ParameterError, match="of memory"):
        make(str(file), num_envs=2**12)


# -- seeds ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", [5.7, 5.0, "5", -1, True, np.float64(3), [1], np.nan])
def test_a_seed_that_is_no_whole_number_of_at_least_0_is_refused_everywhere(seed):
    with pytest.raises(ParameterError, match=r"seed = .*whole number of at least 0"):
        make("bandit", seed=seed)
    batch = make("bandit")
    before = everything(batch)
    with pytest.raises(ParameterError, match=r"seed = .*whole number of at least 0"):
        batch.reset(seed)
    assert everything(batch) == before


def test_seeds_of_any_length_are_seeds_of_their_own():
    seeds = [0, 5, 2**32 + 5, 2**64 - 1, 2**64 + 5, 2**128 + 5, 2**64 + 2**128 + 5]
    assert len({check_seed(seed) for seed in seeds}) == len(seeds)
    keys = [make("bandit", num_envs=4, seed=seed).rows.states["row_key"].tolist() for seed in seeds]
    assert len({tuple(key) for key in keys}) == len(seeds)
    assert make("bandit", seed=np.uint8(5)).rows.states.tobytes() == make("bandit", seed=5).rows.states.tobytes()


# -- after close ------------------------------------------------------------------------------------------


@both_modes
@pytest.mark.parametrize("env_id", ["snake", "tag", "lander", PUPPET, "marble"])
@pytest.mark.parametrize("threads", [1, 2])
def test_a_closed_batch_refuses_all_that_would_move_it_and_stays_readable(env_id, compiled, threads):
    batch = make(env_id, num_envs=16, threads=threads, compiled=compiled, record=True)
    batch.step(batch.act(next(iter(batch.env.bots))) if batch.env.bots else batch.actions)
    kept, before = batch.snapshot(0), everything(batch)
    batch.close()
    batch.close()  # once more is no matter
    which = np.ones(16, np.bool_)
    calls = [
        lambda: batch.reset(),
        lambda: batch.reset(3),
        lambda: batch.reset(which=which),
        lambda: batch.step(batch.actions),
        lambda: batch.restore(0, kept),
        lambda: batch.rewind(0, 0),
        lambda: batch.adopt(),
        lambda: batch.look(which),
    ]
    for call in calls:
        with pytest.raises(ClosedError, match=f"'{batch.env.name}' has been closed; make a new one"):
            call()
    assert everything(batch) == before and batch.snapshot(0) == kept
    assert batch.state(0).step_count == 1 and batch.episodes()["episodes"] == 0
